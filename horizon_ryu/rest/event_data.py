"""Topology changes as events: their kind and their JSON data, in the forms of the resources.

Data are states, whole enough to be applied to a picture, and harmless if applied twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from horizon_ryu.core.discovery.join_doubt import SlowJoin
from horizon_ryu.core.dpid_claims import DpidClaim
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import (
    Host,
    Link,
    PortRef,
    Segment,
    Switch,
    TopologyChange,
    TopologyView,
)
from horizon_ryu.rest.topology_model import (
    host_model,
    port_model,
    port_ref_model,
    segment_model,
    switch_model,
)

PORTS_TOLD = 512
"""Ports of a switch that an event tells of: one of a large chassis would hold everybody up."""


_OF_PORTS = frozenset({"port_add", "port_modify"})
"""What tells how a port is; an alarm names it only."""
CABLES_TOLD = 512
"""Cables that an event tells of, at most: beyond them the topology is asked for again."""


def change_to_event(
    change: TopologyChange,
    view: TopologyView | None = None,
    forest: Forest | None = None,
    name: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the event that tells of ``change``.

    ``view`` is the network after it and ``forest`` its trees, from which ports and links are told
    whole. ``name`` is the switch's, if it has one.
    """
    subject = change.subject
    data = _data(subject, change.kind != "switch_leave")
    if isinstance(subject, Switch) and name is not None:
        data["name"] = name
    if view is not None and change.kind in _OF_PORTS and isinstance(subject, PortRef):
        data |= _port_data(subject, view)
    if view is not None and change.kind == "link_add" and isinstance(subject, Link):
        in_tree = None if forest is None else forest.contains(subject)
        data |= {"bidirectional": view.is_bidirectional(subject), "in_tree": in_tree}
    if change.port is not None:
        data["other_port"] = port_ref_model(change.port).model_dump()
    return change.kind, data


def _port_data(ref: PortRef, view: TopologyView) -> dict[str, Any]:
    """Return how a port is; nothing if it is not there."""
    switch = view.switches.get(ref.dpid)
    port = None if switch is None else switch.port(ref.port_no)
    return {} if port is None else port_model(port).model_dump()


def slow_join_to_event(slow: SlowJoin) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the alarm that a switch takes too long to join."""
    return "alarm_slow_join", {"dpid": dpid_to_text(slow.dpid), "seconds": round(slow.seconds, 3)}


def claim_to_event(claim: DpidClaim) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the alarm that somebody says it is a switch that it may not be."""
    data = {"claimant": claim.claimant, "holder": claim.holder, "outcome": claim.outcome}
    return "alarm_dpid_claimed", {"dpid": dpid_to_text(claim.dpid), **data}


def forest_to_event(forest: Forest, before: Forest | None = None) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the event that tells of another forest, and of what it changes.

    Each cable is told once, from its lower end; both its directions are meant.
    """
    roots = [dpid_to_text(tree.root) for tree in forest.trees]
    data: dict[str, Any] = {"roots": roots, "blocked": len(forest.blocked)}
    return "tree_change", data if before is None else {**data, **forest_difference(forest, before)}


def forest_difference(forest: Forest, before: Forest) -> dict[str, Any]:
    """Return what cables, and ports of segments, are in ``forest`` and were not, and the reverse.

    ``left_out`` is how many cables more there are than are told.
    """
    now, then = set(forest.links()), set(before.links())
    added, removed = _cables(now - then), _cables(then - now)
    left_out = sum(max(0, len(each) - CABLES_TOLD) for each in (added, removed))
    told: dict[str, Any] = {
        "added": [cable_data(link) for link in added[:CABLES_TOLD]],
        "removed": [cable_data(link) for link in removed[:CABLES_TOLD]],
        "left_out": left_out,
    }
    in_vlans = [len(refs) for refs in forest.vlan_blocked.values()]
    if in_vlans:
        told["blocked_in_vlans"] = sum(in_vlans)
    opened, closed = forest.attached - before.attached, before.attached - forest.attached
    for name, ports in (("segment_ports_opened", opened), ("segment_ports_closed", closed)):
        if ports:
            told[name] = [port_ref_model(ref).model_dump() for ref in sorted(ports)[:CABLES_TOLD]]
            told["left_out"] += max(0, len(ports) - CABLES_TOLD)
    return told


def _cables(links: Iterable[Link]) -> list[Link]:
    return sorted({min(link, link.reversed()) for link in links})


def cable_data(link: Link) -> dict[str, Any]:
    """Return the two ends of a link."""
    return {
        "src": port_ref_model(link.src).model_dump(),
        "dst": port_ref_model(link.dst).model_dump(),
    }


def _switch_data(switch: Switch, connected: bool) -> dict[str, Any]:
    """Return a switch with its lowest ports; ``ports_left_out`` says how many more there are."""
    left_out = len(switch.ports) - PORTS_TOLD
    if left_out > 0:
        ports = {number: switch.ports[number] for number in sorted(switch.ports)[:PORTS_TOLD]}
        switch = replace(switch, ports=ports)
    data = switch_model(switch, connected).model_dump(mode="json")
    return {**data, "ports_left_out": left_out} if left_out > 0 else data


def _data(subject: Switch | Link | Segment | Host | PortRef, connected: bool) -> dict[str, Any]:
    if isinstance(subject, Switch):
        return _switch_data(subject, connected)
    if isinstance(subject, Link):
        return cable_data(subject)
    if isinstance(subject, Segment):
        return segment_model(subject).model_dump(mode="json")
    if isinstance(subject, Host):
        return host_model(subject).model_dump(mode="json")
    return port_ref_model(subject).model_dump()
