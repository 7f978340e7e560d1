"""The shortest way between two switches, searched from both ends."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TypeAlias

Neighbors: TypeAlias = Mapping[int, frozenset[int]]
Level: TypeAlias = set[int]

_NOBODY: frozenset[int] = frozenset()


def shortest(
    neighbors: Neighbors, src: int, dst: int, avoid: Set[int] = _NOBODY
) -> tuple[int, ...] | None:
    """Return the switches from ``src`` to ``dst`` on a way with the fewest hops; None: no way.

    No switch of ``avoid`` is passed. Of equally short ways the one that takes, at each switch,
    the lowest next one. The report's ``getPath`` (3.2.2.2).
    """
    if src in avoid or dst in avoid or src not in neighbors or dst not in neighbors:
        return None
    ahead: list[Level] = [{src}]
    behind: list[Level] = [{dst}]
    seen_ahead, seen_behind = set(avoid), set(avoid)
    while ahead[-1].isdisjoint(behind[-1]):
        if len(ahead[-1]) <= len(behind[-1]):
            side, seen = ahead, seen_ahead
        else:
            side, seen = behind, seen_behind
        if not advance(neighbors, side, seen):
            return None
    return _read(neighbors, ahead, behind)


def distances(neighbors: Neighbors, src: int) -> dict[int, int]:
    """Return how many hops each switch is away from ``src``; those out of reach are absent.

    The report's ``Dijkstra`` (3.2.2.2): every link costs one, so whole levels replace its queue.
    """
    levels: list[Level] = [{src}]
    seen: set[int] = set()
    while advance(neighbors, levels, seen):
        pass
    return {dpid: hops for hops, level in enumerate(levels) for dpid in level}


def advance(neighbors: Neighbors, levels: list[Level], seen: set[int]) -> bool:
    """Add the switches that are one hop farther; False if there are none.

    ``seen`` are those of earlier levels. Whole levels at a time: sets work in C.
    """
    seen |= levels[-1]
    level = set().union(*map(neighbors.__getitem__, levels[-1])) - seen
    if level:
        levels.append(level)
    return bool(level)


def _read(neighbors: Neighbors, ahead: list[Level], behind: list[Level]) -> tuple[int, ...]:
    """Return the lowest way through where both searches met."""
    useful = ahead[-1] & behind[-1]
    after = [useful, *reversed(behind[:-1])]
    before: list[Level] = []
    for level in reversed(ahead[:-1]):
        around = set().union(*map(neighbors.__getitem__, useful))
        useful = level & around
        before.append(useful)
    way: list[int] = []
    for level in (*reversed(before), *after):
        way.append(min(level & neighbors[way[-1]] if way else level))
    return tuple(way)
