"""Topology changes as events: their kind and their JSON data, in the forms of the resources."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from horizon_ryu.core.discovery.join_doubt import SlowJoin
from horizon_ryu.core.dpid_claims import DpidClaim
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import Host, Link, PortRef, Segment, Switch, TopologyChange
from horizon_ryu.rest.topology_model import host_model, port_ref_model, segment_model, switch_model

PORTS_TOLD = 512
"""Ports of a switch that an event tells of: one of a large chassis would hold everybody up."""


def change_to_event(change: TopologyChange) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the event that tells of ``change``."""
    data = _data(change.subject, change.kind != "switch_leave")
    if change.port is not None:
        data["other_port"] = port_ref_model(change.port).model_dump()
    return change.kind, data


def slow_join_to_event(slow: SlowJoin) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the alarm that a switch takes too long to join."""
    return "alarm_slow_join", {"dpid": dpid_to_text(slow.dpid), "seconds": round(slow.seconds, 3)}


def claim_to_event(claim: DpidClaim) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the alarm that somebody says it is a switch that it may not be."""
    data = {"claimant": claim.claimant, "holder": claim.holder, "outcome": claim.outcome}
    return "alarm_dpid_claimed", {"dpid": dpid_to_text(claim.dpid), **data}


def forest_to_event(forest: Forest) -> tuple[str, dict[str, Any]]:
    """Return (kind, data) of the event that tells of another forest."""
    roots = [dpid_to_text(tree.root) for tree in forest.trees]
    return "tree_change", {"roots": roots, "blocked": len(forest.blocked)}


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
        return {
            "src": port_ref_model(subject.src).model_dump(),
            "dst": port_ref_model(subject.dst).model_dump(),
        }
    if isinstance(subject, Segment):
        return segment_model(subject).model_dump(mode="json")
    if isinstance(subject, Host):
        return host_model(subject).model_dump(mode="json")
    return port_ref_model(subject).model_dump()
