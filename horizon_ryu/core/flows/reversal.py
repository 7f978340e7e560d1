"""The flow in the other direction: sources and destinations change places."""

from __future__ import annotations

from dataclasses import replace

from horizon_ryu.core.flows.flow import PathSpec
from horizon_ryu.core.flows.match_fields import ICMP
from horizon_ryu.wire.messages import Match


def reverse_spec(spec: PathSpec) -> PathSpec:
    """Return the spec of the answers to the frames of ``spec``, through the same switches."""
    return replace(
        spec,
        match=reverse_match(spec.match),
        src=spec.dst,
        dst=spec.src,
        waypoints=spec.waypoints[::-1],
        path=spec.path[::-1],
    )


def reverse_match(match: Match) -> Match:
    """Return the match of the answers; an ICMP type and code say nothing about those."""
    ports = (match.tp_dst, match.tp_src) if match.nw_proto != ICMP else (None, None)
    return match._replace(
        dl_src=match.dl_dst,
        dl_dst=match.dl_src,
        nw_src=match.nw_dst,
        nw_dst=match.nw_src,
        tp_src=ports[0],
        tp_dst=ports[1],
    )
