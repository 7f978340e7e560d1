"""The part of a network in which all paths of bounded length between two switches lie.

A search that may stay inside it looks at a few switches where the whole network has thousands.
"""

from __future__ import annotations

from horizon_ryu.core.routes.shortest import Level, Neighbors, advance


class Corridor:
    """Searched from both ends until they meet; each side then goes on only where both allow it."""

    def __init__(self, neighbors: Neighbors, one: int, other: int) -> None:
        self._neighbors = neighbors
        self._sides: tuple[list[Level], list[Level]] = ([{one}], [{other}])
        self._seen: tuple[set[int], set[int]] = (set(), set())

    def within(self, bound: int) -> set[int]:
        """Return the switches whose distances to both ends are ``bound`` at most in sum.

        To be asked for growing bounds: what was searched for one is kept for the next.
        """
        near, far = self._sides
        while len(near) + len(far) - 2 < bound and self._widen():
            pass
        return self._inside(near, far, bound) | self._inside(far, near, bound)

    def _widen(self) -> bool:
        """Go one hop farther from one end, the smaller side first; False if all is seen."""
        order = sorted((0, 1), key=lambda side: len(self._sides[side][-1]))
        return any(advance(self._neighbors, self._sides[side], self._seen[side]) for side in order)

    def _inside(self, own: list[Level], far: list[Level], bound: int) -> set[int]:
        """Return the switches seen from the own end whose way to the far end is short enough."""
        within: list[Level] = []
        for level in own:
            within.append(within[-1] | level if within else level)
        found: set[int] = set()
        passed: set[int] = set()
        frontier: Level = set()
        for distance in range(bound + 1):
            allowed = within[min(bound - distance, len(within) - 1)]
            if distance < len(far):
                passed |= far[distance]
                frontier = far[distance] & allowed
            else:
                around = set().union(*map(self._neighbors.__getitem__, frontier))
                frontier = (around - passed) & allowed
                passed |= frontier
                if not frontier:
                    break
            found |= frontier
        return found
