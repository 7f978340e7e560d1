"""The shortest simple path through one waypoint, exactly.

A simple path from one end through a waypoint to the other is two paths from the waypoint, one to
each end, that share no switch. The shortest such pair is a flow of two units at least cost:
J. W. Suurballe, "Disjoint paths in a network", Networks 4 (1974).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

from horizon_ryu.core.routes.corridor import Corridor
from horizon_ryu.core.routes.shortest import Neighbors, distances, shortest

_SLACKS = (0, 1, 3)
"""Hops more than the least that are allowed one after the other, before all is."""


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
    found = []
    after = shortest(neighbors, waypoint, dst, set(there[:-1]))
    if after is not None:
        found.append(there + after[1:])
    before = shortest(neighbors, src, waypoint, set(onward[1:]))
    if before is not None:
        found.append(before + onward[1:])
    known = min(found, key=len, default=None)
    return _best(neighbors, _Ends(src, waypoint, dst), (len(there) - 1, len(onward) - 1), known)


class _Ends(NamedTuple):
    """Where a path begins, what it passes, where it ends."""

    src: int
    waypoint: int
    dst: int


def _best(
    neighbors: Neighbors, ends: _Ends, legs: tuple[int, int], known: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """Return the shortest path, no longer than ``known``; ``legs`` are the least possible hops.

    A path of so many hops more than the least lies inside a corridor. Wider ones are searched, and
    in the end the whole network, only when no path is found that is proved to be the shortest.
    """
    there = Corridor(neighbors, ends.src, ends.waypoint)
    onward = Corridor(neighbors, ends.waypoint, ends.dst)
    for slack in _SLACKS:
        least = sum(legs) + slack
        if known is not None and len(known) - 1 <= least:
            return known
        inside = there.within(legs[0] + slack) | onward.within(legs[1] + slack)
        known = _shorter(known, _pair({dpid: neighbors[dpid] & inside for dpid in inside}, ends))
        if known is not None and len(known) - 1 <= least + 1:
            return known
    return _shorter(known, _pair(neighbors, ends))


def _shorter(one: tuple[int, ...] | None, other: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=len)


def _pair(neighbors: Neighbors, ends: _Ends) -> tuple[int, ...] | None:
    """Return the shortest path by way of the least flow of two units."""
    away = distances(neighbors, ends.waypoint)
    near, far = sorted((ends.src, ends.dst), key=lambda end: away[end])
    first = shortest(neighbors, ends.waypoint, near)
    if first is None:
        return None
    second = _augment(neighbors, first, far, away)
    if second is None:
        return None
    legs = _untangle(first, second)
    return (*reversed(legs[ends.src]), *legs[ends.dst][1:])


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
