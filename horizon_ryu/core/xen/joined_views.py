"""Views of links, joined: what two elements see of each other is one link.

An element is known by the MACs that its host gave it. A host can say what it sees, so a link is
drawn whoever of its ends saw it, and told with who did. It cannot know that a MAC is its own: one
that two elements claim is nobody's, and joins nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from horizon_ryu.core.xen.elements import ElementKey, ElementPort, NetworkElement, Sighting
from horizon_ryu.core.xen.topology import Why

Elements = Mapping[ElementKey, NetworkElement]
_Claims = defaultdict[tuple[str | None, str], dict[ElementKey, ElementPort]]


class PortOwners:
    """Which element has which MAC, as hosts say, and which address."""

    def __init__(self, elements: Elements) -> None:
        self._by_mac: _Claims = defaultdict(dict)
        self._by_address: _Claims = defaultdict(dict)
        for key, element in elements.items():
            if element.is_on_the_wire:
                for port in element.ports:
                    self._take(key, element.network, port)

    def _take(self, key: ElementKey, network: str | None, port: ElementPort) -> None:
        if port.mac is not None:
            self._by_mac[None, port.mac].setdefault(key, port)
        for address in port.addresses:
            self._by_address[network, address].setdefault(key, port)

    def of(self, seen: Sighting, network: str | None) -> tuple[ElementKey, ElementPort] | Why:
        """Return whom an element of ``network`` sees, and at which port; or why nobody can tell.

        An address names somebody only where nothing better is known, and in the same network.
        """
        at_address = self._by_address.get((network, seen.address), {})
        if seen.mac is None:
            return _only(at_address, "ambiguous")
        who = _only(self._by_mac.get((None, seen.mac), {}), "contested")
        if isinstance(who, str):
            return who
        # Of several interfaces with one MAC (a VLAN's have it too) it is the one with the address.
        there = at_address.get(who[0])
        return who if there is None or there.mac != seen.mac else (who[0], there)

    def contested(self) -> Mapping[str, tuple[ElementKey, ...]]:
        """Return the MACs that several elements claim, and these."""
        return {mac: tuple(claims) for (_, mac), claims in self._by_mac.items() if len(claims) > 1}


def _only(
    found: Mapping[ElementKey, ElementPort], if_several: Why
) -> tuple[ElementKey, ElementPort] | Why:
    if not found:
        return "unknown"
    return next(iter(found.items())) if len(found) == 1 else if_several


@dataclass(frozen=True, slots=True)
class LinkSocket:
    """An interface of an element: by its name and its MAC, of which it has one at least."""

    key: ElementKey
    port: tuple[str, str]


@dataclass(slots=True)
class LinkViews:
    """A link while its views are joined: its two ends, and how each that looked sees the other."""

    ports: dict[LinkSocket, ElementPort]
    views: dict[LinkSocket, Sighting] = field(default_factory=dict)


class JoinedViews:
    """All sightings: the links of each network, strangers, and who sees another network."""

    def __init__(self, elements: Elements) -> None:
        self.links: defaultdict[str, dict[frozenset[LinkSocket], LinkViews]] = defaultdict(dict)
        """By network."""
        self.strangers: list[tuple[NetworkElement, Sighting, Why]] = []
        self.crossings: list[tuple[NetworkElement, NetworkElement, Sighting]] = []
        self.owners = PortOwners(elements)
        self._elements = elements
        for element in elements.values():
            named = {port.name: port for port in element.ports}
            for seen in element.sightings:
                here = named.get(seen.interface, ElementPort(seen.interface, None))
                self._take(element, here, seen)

    def _take(self, element: NetworkElement, here: ElementPort, seen: Sighting) -> None:
        who = self.owners.of(seen, element.network)
        if isinstance(who, str):
            self.strangers.append((element, seen, who))
            return
        key, there = who
        other = self._elements[key]
        if key == element.key:
            return
        if element.network is None or other.network != element.network:
            self.crossings.append((element, other, seen))
            return
        near, far = _socket(element.key, here), _socket(key, there)
        links = self.links[element.network]
        link = links.setdefault(frozenset((near, far)), LinkViews({near: here, far: there}))
        had = link.views.get(near)
        if had is None or _sooner(seen) < _sooner(had):
            link.views[near] = seen


def _socket(key: ElementKey, port: ElementPort) -> LinkSocket:
    return LinkSocket(key, (port.name or "", port.mac or ""))


def _sooner(seen: Sighting) -> tuple[bool, float, str]:
    """Order sightings of one interface: the soonest answer first."""
    return seen.latency_ms is None, seen.latency_ms or 0.0, seen.address
