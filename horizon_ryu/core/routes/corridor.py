"""The part of a network in which all paths of bounded length between two switches lie.

A search that may stay inside it looks at a few switches where the whole network has thousands.
"""

from __future__ import annotations

from horizon_ryu.core.routes.shortest import Level, Neighbors, advance


def corridor(neighbors: Neighbors, one: int, other: int, bound: int) -> set[int]:
    """Return the switches whose distances to ``one`` and to ``other`` are ``bound`` at most in sum.

    Searched from both ends until they meet; each side then goes on only where both allow it.
    """
    sides: tuple[list[Level], list[Level]] = ([{one}], [{other}])
    seen: tuple[set[int], set[int]] = (set(), set())
    while len(sides[0]) + len(sides[1]) - 2 < bound:
        # The smaller side first; one that has seen all there is cannot go on.
        order = sorted((0, 1), key=lambda side: len(sides[side][-1]))
        if not any(advance(neighbors, sides[side], seen[side]) for side in order):
            break
    near, far = sides
    return _inside(neighbors, near, far, bound) | _inside(neighbors, far, near, bound)


def _inside(neighbors: Neighbors, own: list[Level], far: list[Level], bound: int) -> set[int]:
    """Return the switches seen from the own end whose way to the far end is short enough."""
    within: list[Level] = []
    for level in own:
        within.append(within[-1] | level if within else set(level))
    found: set[int] = set()
    passed: set[int] = set()
    frontier: Level = set()
    for distance in range(bound + 1):
        allowed = within[min(bound - distance, len(within) - 1)]
        if distance < len(far):
            passed |= far[distance]
            frontier = far[distance] & allowed
        else:
            frontier = set().union(*map(neighbors.__getitem__, frontier)) - passed
            frontier &= allowed
            passed |= frontier
        found |= frontier
    return found
