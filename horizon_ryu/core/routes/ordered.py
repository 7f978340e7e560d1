"""A simple path through several waypoints in their order: a bounded best-first search.

Whether there is one is a hard question beyond one waypoint, hence the bound. What is found within
it is the shortest one, or, with the bound used up, none is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise

from horizon_ryu.core.routes.shortest import Neighbors, distances


class _Guide:
    """How many hops are at least left, from a switch and with so many waypoints still ahead."""

    def __init__(self, neighbors: Neighbors, stops: Sequence[int]) -> None:
        self._away = [distances(neighbors, stop) for stop in stops]
        legs = [
            away.get(stop) for away, (stop, _) in zip(self._away[1:], pairwise(stops), strict=True)
        ]
        self._after = [0]
        self.is_connected = None not in legs
        for leg in reversed(legs):
            self._after.append(self._after[-1] + (leg or 0))
        self._after.reverse()

    def left(self, dpid: int, target: int) -> int | None:
        """Return the fewest hops from ``dpid`` through the stops from ``target`` on."""
        hops = self._away[target].get(dpid)
        return None if hops is None else hops + self._after[target]


def simple_path(
    neighbors: Neighbors, src: int, stops: Sequence[int], budget: int
) -> tuple[int, ...] | None:
    """Return the shortest simple path from ``src`` through ``stops``, the last of them its end.

    None if there is none, or none was found in ``budget`` steps. Stops are met in their order
    only. Among equally promising ways the longest one is followed first.
    """
    if len({src, *stops}) <= len(stops):
        return None
    guide = _Guide(neighbors, stops)
    hops = guide.left(src, 0)
    if hops is None or not guide.is_connected:
        return None
    reserved = frozenset(stops)
    heap: list[tuple[int, int, tuple[int, ...], int]] = [(hops, 0, (src,), 0)]
    for _ in range(budget):
        if not heap:
            return None
        _, _, path, target = heapq.heappop(heap)
        if target == len(stops):
            return path
        for dpid in neighbors[path[-1]]:
            following = target + (dpid == stops[target])
            if dpid in path or (following == target and dpid in reserved):
                continue
            left = 0 if following == len(stops) else guide.left(dpid, following)
            if left is not None:
                heapq.heappush(heap, (len(path) + left, -len(path), (*path, dpid), following))
    return None
