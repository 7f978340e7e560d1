"""Topology changes as events: their kind and their JSON data, in the forms of the resources."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.discovery.join_doubt import SlowJoin
from horizon_ryu.core.dpid_claims import DpidClaim
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import Host, Link, PortRef, Segment, Switch, TopologyChange
from horizon_ryu.rest.topology_model import host_model, port_ref_model, segment_model, switch_model


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


def _data(subject: Switch | Link | Segment | Host | PortRef, connected: bool) -> dict[str, Any]:
    if isinstance(subject, Switch):
        return switch_model(subject, connected).model_dump(mode="json")
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
