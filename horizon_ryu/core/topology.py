"""The network as everyone may see it: immutable switches, ports, links, hosts, and one view.

Discovery owns the state behind these values and publishes a new :class:`TopologyView` after
each change; nobody else holds topology state (report 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.capabilities import Capabilities, capabilities_of
from horizon_ryu.wire.messages import LOCAL_PORT, MAX_PHYSICAL_PORT


def is_port(number: int) -> bool:
    """Tell whether a port has this number: an ordinary one, or the switch's own (LOCAL_PORT)."""
    return 0 < number <= MAX_PHYSICAL_PORT or number == LOCAL_PORT


# Named tuples, not dataclasses: these two are keys everywhere, and a tuple hashes in C.
class PortRef(NamedTuple):
    """One end of a link: a port of a switch."""

    dpid: int
    port_no: int


@dataclass(frozen=True, slots=True)
class Port:
    """A physical port as the switch describes it.

    ``speed_kbps`` is 0 where the switch does not say. ``up`` is false when the link is down or
    the port is administratively down. ``no_flood`` is the OpenFlow 1.0 configuration bit.
    """

    port_no: int
    name: str
    hw_addr: bytes
    up: bool
    speed_kbps: int = 0
    no_flood: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """A registered switch: ``openflow`` is the wire version (1 = 1.0, 4 = 1.3).

    ``surplus`` are the ports beyond the cap: they are closed to broadcasts, and otherwise as if
    they were not there.
    """

    dpid: int
    address: str
    openflow: int
    ports: Mapping[int, Port] = field(default_factory=lambda: MappingProxyType({}))
    surplus: Mapping[int, Port] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def capabilities(self) -> Capabilities:
        """What the version that it speaks can do."""
        return capabilities_of(self.openflow)

    def port(self, number: int) -> Port | None:
        """Return a port, be it beyond the cap; None if there is none."""
        return self.ports.get(number) or self.surplus.get(number)


class Link(NamedTuple):
    """One direction of a cable: frames sent out of ``src`` arrive at ``dst``."""

    src: PortRef
    dst: PortRef

    def reversed(self) -> Link:
        """Return the other direction."""
        return Link(self.dst, self.src)


class HeldLink(NamedTuple):
    """A link that probes speak for and that is not believed, since hosts are known at an end.

    ``state`` is ``asking`` while these hosts are asked, then ``relayed`` if one has answered, or
    ``slow`` if the probes took too long.
    """

    link: Link
    state: str


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """Ports of ours that switches which are not ours join; ``ports`` are in order, two at least.

    Any of them may hear what any other sends, and so may stations that nobody can count: all of
    it, or only what is in ``vlan``.
    """

    ports: tuple[PortRef, ...]
    vlan: int | None = None


def station_key(mac: bytes, vlan: int | None) -> bytes:
    """Return what tells a station from all others: its MAC, and the VLAN if it is in one.

    Frames without a tag and those with identifier 0, which only give a priority (IEEE 802.1Q,
    6.9.1), are in none.
    """
    return mac + vlan.to_bytes(2, "big") if vlan else mac


def station_of(key: bytes) -> tuple[bytes, int | None]:
    """Return the MAC and the VLAN of which :func:`station_key` made ``key``."""
    return key[:6], int.from_bytes(key[6:], "big") or None


@dataclass(frozen=True, slots=True)
class Host:
    """A station heard on an edge port; ``ips`` sorted, IPv4 and IPv6 in text form.

    ``vlan`` is the identifier that its frames carry, None where they have no tag.
    """

    mac: bytes
    ips: tuple[str, ...]
    location: PortRef
    vlan: int | None = None

    @property
    def key(self) -> bytes:
        """What tells it from all others: see :func:`station_key`."""
        return station_key(self.mac, self.vlan)


@dataclass(frozen=True, slots=True)
class TopologyView:
    """One consistent picture of the network.

    ``links`` maps a source port to its link: a port has at most one neighbour. ``hosts`` are by
    :func:`station_key`, ``segments`` by each of their ports, ``held`` one direction of each pair.
    ``suspected`` are pairs of ports that may be of one segment, too young to be believed.
    ``vlan_segments`` are those of which it is known that one VLAN passes them, suspected ones too.
    ``version`` grows by one with each published change.
    """

    version: int = 0
    switches: Mapping[int, Switch] = field(default_factory=lambda: MappingProxyType({}))
    links: Mapping[PortRef, Link] = field(default_factory=lambda: MappingProxyType({}))
    hosts: Mapping[bytes, Host] = field(default_factory=lambda: MappingProxyType({}))
    segments: Mapping[PortRef, Segment] = field(default_factory=lambda: MappingProxyType({}))
    held: tuple[HeldLink, ...] = ()
    suspected: tuple[Segment, ...] = ()
    vlan_segments: tuple[Segment, ...] = ()

    def is_bidirectional(self, link: Link) -> bool:
        """Tell whether the same cable was also seen in the other direction."""
        return self.links.get(link.dst) == link.reversed()

    @property
    def link_ends(self) -> frozenset[PortRef]:
        """Every port at which some link arrives."""
        return frozenset(link.dst for link in self.links.values())


@dataclass(frozen=True, slots=True)
class TopologyChange:
    """What one event did to the topology: ``kind`` with the object concerned.

    Kinds: ``switch_join``, ``switch_leave``, ``port_add``, ``port_modify``, ``port_delete``,
    ``port_beyond_cap`` (one of these came or went),
    ``link_add``, ``link_delete``, ``link_held``, ``link_released`` (held no more, believed or not),
    ``segment_add``, ``segment_delete``, ``segment_suspected``, ``segment_cleared`` (suspected no
    more, believed or not), ``vlan_segment_add``, ``vlan_segment_delete``,
    ``host_add``, ``host_modify``, ``host_move``,
    ``host_delete`` and the alarms
    ``alarm_spoofed_host``, ``alarm_spoofed_address``, ``alarm_unproven_move``,
    ``alarm_too_many_hosts``, ``alarm_too_many_ports``, ``alarm_port_role``,
    ``alarm_shared_segment``, ``alarm_relayed_link``, ``alarm_slow_link``. Alarms about a host have
    the other ``port``: of who claims to be it, or where it was before; ``alarm_relayed_link`` has
    the one where a host answered.
    """

    kind: str
    subject: Switch | Link | Segment | Host | PortRef
    port: PortRef | None = None
