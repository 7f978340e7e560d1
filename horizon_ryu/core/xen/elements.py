"""Network elements of Xen hosts, as these tell of them: hosts, routers, and whom each sees."""

from __future__ import annotations

from dataclasses import dataclass, field

PHYSICAL = "physical"
"""The network of all hosts."""
_NO_MAC = frozenset({"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
_GROUP_BIT = 1
"""Of a MAC's first octet: it addresses several (IEEE 802)."""
_ON_THE_WIRE = frozenset({"running", "paused", "unknown"})


@dataclass(frozen=True, slots=True)
class Sighting:
    """Who answered beside an interface; the latency is the round trip in milliseconds."""

    interface: str
    address: str
    mac: str | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class ElementPort:
    """An interface of an element; ``name`` is None where nobody looked from inside.

    ``mac`` is its host's word; None where there is none, or none that tells one from another.
    """

    name: str | None
    mac: str | None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ElementKey:
    """What an element is told from others by: its host and, for a router, its UUID."""

    host: str
    uuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkElement:
    """A host (``uuid`` is None), or a router on it; ``network`` is None for a router of none."""

    host: str
    uuid: str | None = None
    name: str
    network: str | None
    state: str = "running"
    ports: tuple[ElementPort, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def key(self) -> ElementKey:
        """What it is told from others by."""
        return ElementKey(self.host, self.uuid)

    @property
    def is_on_the_wire(self) -> bool:
        """Whether its interfaces may be there: one that does not run has none."""
        return self.state in _ON_THE_WIRE


@dataclass(frozen=True, slots=True)
class HostReport:
    """What a host told, all elements on it; ``reason`` says why it told nothing ("": it did)."""

    host: str
    reason: str = ""
    elements: tuple[NetworkElement, ...] = field(default=())


def identifying(mac: str | None) -> str | None:
    """Return a MAC if it can be one element's own; None for a group's, and for what means none."""
    if mac is None or mac in _NO_MAC or int(mac[:2], 16) & _GROUP_BIT:
        return None
    return mac
