"""Tagging of a route: which tag frames carry at which hop."""

from __future__ import annotations

from collections.abc import Sequence

from horizon_ryu.core.flows.flow import LaidHop
from horizon_ryu.core.routes.route import Route


def tags_needed(route: Route, two_phase: bool = False) -> int:
    """Return how many tags ``route`` takes; with ``two_phase`` it has one everywhere inside."""
    inside = two_phase and len(route.hops) > 1
    return max(route.stages) + inside


def lay(route: Route, tags: Sequence[int] = (), two_phase: bool = False) -> tuple[LaidHop, ...]:
    """Return the hops of ``route``, its stages told apart by ``tags``.

    ``tags`` has as many VLAN identifiers as :func:`tags_needed` says. Frames enter the first
    switch and leave the last one as their sender made them.
    """
    names: list[int | None] = [*tags] if two_phase else [None, *tags]
    entering = [None, *(names[stage] if names else None for stage in route.stages[1:]), None]
    return tuple(
        LaidHop(hop.dpid, hop.in_port or 0, hop.out_port, entering[place], entering[place + 1])
        for place, hop in enumerate(route.hops)
    )
