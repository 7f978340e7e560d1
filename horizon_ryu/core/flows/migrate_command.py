"""Command to migrate: which flow is to move, and what it shall be (report 3.2.2.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput, SwitchAway
from horizon_ryu.core.flows.flow import HIGHEST_PRIORITY, Flow, PathSpec
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import Host, PortRef, TopologyView, station_key
from horizon_ryu.wire.messages import VLAN_NONE, Match
from horizon_ryu.wire.protocols import IPV4_BITS, IPV6_BITS

MIGRATE_PARAMETERS = ("priority", "hard_timeout", "idle_timeout", "everything")
"""Parameters of flows that a migration may set along (report 3.2.2.1, but for ``everything``)."""


@dataclass(frozen=True, slots=True)
class MigrateFlow:
    """A flow, by ``number`` or by its ``match`` at the first switch, and where it shall pass.

    ``dpids`` are the switches to pass, in order; by match the first and the last are those where
    the flow comes in and goes out. What is None stays as it is with a flow of ours; for traffic
    that is no flow of ours yet it is the report's default: priority 65535, no timeouts.
    ``bidirectional``: the flow in the other direction moves along, the same way back.
    """

    dpids: tuple[int, ...]
    number: int | None = None
    match: Match | None = None
    priority: int | None = None
    hard_timeout: int | None = None
    idle_timeout: int | None = None
    everything: bool | None = None
    bidirectional: bool = False


class ResolvedMigration(NamedTuple):
    """The flow as it is (None: no flow of ours) and the spec that it shall have."""

    old: Flow | None
    spec: PathSpec


def resolve(command: MigrateFlow, registry: FlowRegistry, view: TopologyView) -> ResolvedMigration:
    """Return what ``command`` means now; NotFound, InvalidInput, SwitchAway if nothing."""
    if command.number is not None:
        return _moved(registry.get(command.number), command)
    match = command.match or Match()
    if not command.dpids:
        raise InvalidInput(("dpids",), "name at least the first and the last switch")
    for dpid in command.dpids:
        if dpid not in view.switches:
            raise SwitchAway(dpid)
    src = _source(match, command.dpids[0], view)
    plain = match._replace(in_port=None)
    known = registry.matching(PathSpec(plain, src, src))
    if known:
        return _moved(max(known, key=lambda flow: flow.spec.priority), command)
    dst = _destination(match, command.dpids[-1], view)
    if src == dst:
        raise InvalidInput(("match",), "it comes in and goes out by one port: no way to go")
    spec = PathSpec(
        plain,
        src,
        dst,
        waypoints_between(src, dst, command.dpids),
        priority=HIGHEST_PRIORITY if command.priority is None else command.priority,
        idle_timeout=command.idle_timeout or 0,
        hard_timeout=command.hard_timeout or 0,
        everything=bool(command.everything),
    )
    return ResolvedMigration(None, spec)


def _moved(flow: Flow, command: MigrateFlow) -> ResolvedMigration:
    spec = flow.spec
    if not isinstance(spec, PathSpec):
        raise InvalidInput(("flow",), "a single entry has no path; set its actions instead")
    given = {
        name: value for name in MIGRATE_PARAMETERS if (value := getattr(command, name)) is not None
    }
    waypoints = waypoints_between(spec.src, spec.dst, command.dpids)
    return ResolvedMigration(flow, replace(spec, waypoints=waypoints, path=(), **given))


def reverse_command(
    command: MigrateFlow, resolved: ResolvedMigration, registry: FlowRegistry
) -> MigrateFlow | None:
    """Return what moves the other direction along; None if that is not asked for.

    InvalidInput if the flow has no other direction.
    """
    if not command.bidirectional:
        return None
    old = resolved.old
    if old is None or old.reverse is None or old.reverse not in registry:
        raise InvalidInput(("bidirectional",), "no flow was made with it for the other direction")
    back = command.dpids[::-1]
    return replace(command, dpids=back, number=old.reverse, match=None, bidirectional=False)


def waypoints_between(src: PortRef, dst: PortRef, dpids: Sequence[int]) -> tuple[int, ...]:
    """Return ``dpids`` without the first and the last where those are the path's own ends."""
    start = 1 if dpids and dpids[0] == src.dpid else 0
    end = len(dpids) - (len(dpids) > start and dpids[-1] == dst.dpid)
    return tuple(dpids[start:end])


def _source(match: Match, dpid: int, view: TopologyView) -> PortRef:
    """Return where the flow comes in: its ``in_port``, or the port of the host that sends it."""
    if match.in_port is not None:
        return PortRef(dpid, match.in_port)
    host = _host(
        match, match.dl_src, match.dl_src_mask, _address(match.nw_src, match.ipv6_src), view
    )
    return _at(host, dpid, ("match", "in_port"), "its source", view)


def _destination(match: Match, dpid: int, view: TopologyView) -> PortRef:
    host = _host(
        match, match.dl_dst, match.dl_dst_mask, _address(match.nw_dst, match.ipv6_dst), view
    )
    return _at(host, dpid, ("dpids",), "its destination", view)


def _address(network: tuple[int, int] | None, network6: tuple[int, int] | None) -> str | None:
    """Return the one address that a match names, if it does."""
    if network is not None and network[1] == IPV4_BITS:
        return str(ipaddress.IPv4Address(network[0]))
    if network6 is not None and network6[1] == IPV6_BITS:
        return str(ipaddress.IPv6Address(network6[0]))
    return None


def _host(
    match: Match, mac: bytes | None, mask: bytes | None, address: str | None, view: TopologyView
) -> Host | None:
    """Return the host of a whole MAC address or of an IP address, in the VLAN of ``match``."""
    vlan = None if match.dl_vlan == VLAN_NONE else match.dl_vlan
    if mac is not None and mask is None:
        return view.hosts.get(station_key(mac, vlan))
    if address is None:
        return None
    hosts = view.hosts.values()
    return next((one for one in hosts if address in one.ips and one.vlan == vlan), None)


def _at(
    host: Host | None, dpid: int, loc: tuple[str, ...], what: str, view: TopologyView
) -> PortRef:
    where = dpid_to_text(dpid)
    if host is None:
        raise InvalidInput(
            loc,
            f"{what} is not known: no flow of Horizon has this match, and the match names no host "
            "that was heard; give in_port and dl_dst, or make the flow first (POST /v1/flows)",
        )
    if host.location.dpid != dpid:
        there = dpid_to_text(host.location.dpid)
        raise InvalidInput(loc, f"{what} is at switch {there}, not at {where}")
    return host.location
