"""The flow in the other direction: sources and destinations change places."""

from __future__ import annotations

from dataclasses import replace

from horizon_ryu.core.flows.flow import PathSpec
from horizon_ryu.core.flows.match_fields import ETH_IPV4, ETH_IPV6, ICMP, ICMP6
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
    """Return the match of the answers; ICMP types and what they bring say nothing about those."""
    is_icmp = match.nw_proto in (ICMP, ICMP6) and match.dl_type in (ETH_IPV4, ETH_IPV6)
    ports = (None, None) if is_icmp else (match.tp_dst, match.tp_src)
    return match._replace(
        dl_src=match.dl_dst,
        dl_dst=match.dl_src,
        nw_src=match.nw_dst,
        nw_dst=match.nw_src,
        tp_src=ports[0],
        tp_dst=ports[1],
        ipv6_src=match.ipv6_dst,
        ipv6_dst=match.ipv6_src,
        ipv6_nd_target=None,
        ipv6_nd_sll=None,
        ipv6_nd_tll=None,
        dl_src_mask=match.dl_dst_mask,
        dl_dst_mask=match.dl_src_mask,
        # No group sends frames.
        dl_dst_multicast=False,
    )
