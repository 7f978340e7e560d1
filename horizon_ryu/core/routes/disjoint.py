"""The shortest simple path through one waypoint, exactly.

A simple path from one end through a waypoint to the other is two paths from the waypoint, one to
each end, that share no switch. The shortest such pair is a flow of two units at least cost:
J. W. Suurballe, "Disjoint paths in a network", Networks 4 (1974).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from horizon_ryu.core.routes.shortest import Neighbors, distances, shortest


class _State(NamedTuple):
    """A switch; ``entered``: of the first path, reached by another link than that path's."""

    dpid: int
    entered: bool


def shortest_through(
    neighbors: Neighbors, src: int, waypoint: int, dst: int
) -> tuple[int, ...] | None:
    """Return the shortest simple path from ``src`` through ``waypoint`` to ``dst``; None: none.

    All three are different. Tried first is what often does and needs no more: two shortest
    paths, one of which goes out of the other's way.
    """
    there = shortest(neighbors, src, waypoint)
    onward = shortest(neighbors, waypoint, dst)
    if there is None or onward is None:
        return None
    if set(there).isdisjoint(onward[1:]):
        return there + onward[1:]
    other = shortest(neighbors, waypoint, dst, set(there[:-1]))
    if other is not None and len(other) == len(onward):
        return there + other[1:]
    other = shortest(neighbors, src, waypoint, set(onward[1:]))
    if other is not None and len(other) == len(there):
        return other + onward[1:]
    return _pair(neighbors, src, waypoint, dst)


def _pair(neighbors: Neighbors, src: int, waypoint: int, dst: int) -> tuple[int, ...] | None:
    away = distances(neighbors, waypoint)
    near, far = (src, dst) if away[src] <= away[dst] else (dst, src)
    first = shortest(neighbors, waypoint, near)
    if first is None:
        return None
    second = _augment(neighbors, first, far, away)
    if second is None:
        return None
    legs = _untangle(first, second)
    from_src, to_dst = legs[src], legs[dst]
    return (*reversed(from_src), *to_dst[1:])


def _augment(
    neighbors: Neighbors, first: tuple[int, ...], dst: int, away: dict[int, int]
) -> list[int] | None:
    """Return the switches of the cheapest second path, which may undo links of the first.

    Undoing a link of the first path gives a hop back. With distances from the waypoint as
    potentials each step costs 0, 1 or 2, so that a list of buckets serves as the queue.
    """
    back = dict(zip(first[1:], first, strict=False))
    start = _State(first[0], False)
    came: dict[_State, _State] = {}
    done: set[_State] = set()
    buckets: list[list[tuple[_State, _State | None]]] = [[(start, None)]]
    cost = 0
    while cost < len(buckets):
        if not buckets[cost]:
            cost += 1
            continue
        state, previous = buckets[cost].pop()
        if state in done:
            continue
        done.add(state)
        if previous is not None:
            came[state] = previous
        if state.dpid == dst:
            return _trail(came, state)
        for following, extra in _onward(neighbors, state, back, away):
            if following not in done:
                while len(buckets) <= cost + extra:
                    buckets.append([])
                buckets[cost + extra].append((following, state))
    return None


def _onward(
    neighbors: Neighbors, state: _State, back: dict[int, int], away: dict[int, int]
) -> list[tuple[_State, int]]:
    """Return the next states and what each step costs beyond the potentials."""
    dpid = state.dpid
    onward: list[tuple[_State, int]] = []
    if dpid in back:
        onward.append((_State(back[dpid], False), 0))
    if not state.entered:
        onward += [
            (_State(neighbor, neighbor in back), 1 + away[dpid] - away[neighbor])
            for neighbor in sorted(neighbors[dpid], reverse=True)
            if back.get(neighbor) != dpid
        ]
    return onward


def _trail(came: dict[_State, _State], end: _State) -> list[int]:
    trail = [end]
    while trail[-1] in came:
        trail.append(came[trail[-1]])
    return [state.dpid for state in reversed(trail)]


def _untangle(first: tuple[int, ...], second: list[int]) -> dict[int, list[int]]:
    """Return the two paths, by their ends: links that both use in opposite directions go away."""
    links = set(itertools.pairwise(first))
    for link in itertools.pairwise(second):
        if link[::-1] in links:
            links.discard(link[::-1])
        else:
            links.add(link)
    start = first[0]
    onward = {dpid: after for dpid, after in links if dpid != start}
    legs: dict[int, list[int]] = {}
    for dpid, after in sorted(links):
        if dpid == start:
            leg = [start, after]
            while leg[-1] in onward:
                leg.append(onward[leg[-1]])
            legs[leg[-1]] = leg
    return legs
