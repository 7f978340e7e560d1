"""A route: the switches and ports that a flow passes, and of which kind that way is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from horizon_ryu.core.paths import Hop


class RouteKind(StrEnum):
    """How passages through one switch are told apart.

    ``simple``: each switch is passed once. ``walk``: a switch is passed more than once, by other
    ports each time. ``tagged``: frames enter a switch by one port more than once, so they carry a
    tag from some place on.
    """

    SIMPLE = "simple"
    WALK = "walk"
    TAGGED = "tagged"


@dataclass(frozen=True, slots=True)
class Route:
    """The hops from the port where frames come in to the one where they go out.

    ``stages`` has, for each hop, which tag its frames carry when they enter: 0 at first, and one
    more from each hop on where they would otherwise enter by a port for the second time.
    """

    kind: RouteKind
    hops: tuple[Hop, ...]
    stages: tuple[int, ...]


def route_of(hops: tuple[Hop, ...]) -> Route:
    """Return the route along ``hops``, told apart by as few tags as will do."""
    stages = []
    stage = 0
    entered: set[tuple[int, int | None]] = set()
    for hop in hops:
        place = (hop.dpid, hop.in_port)
        if place in entered:
            stage += 1
            entered.clear()
        entered.add(place)
        stages.append(stage)
    if stage:
        return Route(RouteKind.TAGGED, hops, tuple(stages))
    dpids = {hop.dpid for hop in hops}
    kind = RouteKind.SIMPLE if len(dpids) == len(hops) else RouteKind.WALK
    return Route(kind, hops, tuple(stages))
