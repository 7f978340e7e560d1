"""Priority bands: where the priorities of tenants lie among the 65,536 of a switch.

Where flowspaces overlap, the entries of a higher level must come before all of the lower ones, and
those of one level must keep their order. Each level has a band; in it, the priorities that are in
use have places in their order, with room between them while there is some. The two lowest places of
each band but the first are for guards, which keep frames that a level has no entry for from falling
to the entries of a lower one, and for drops of such frames, for which there is nobody to ask.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping

MAX_PRIORITY = 0xFFFF


class BandFull(ValueError):
    """A band has no place left for one more priority."""


class PriorityBand:
    """One level: places from ``low`` to ``high``, both of them too, for the priorities in use."""

    def __init__(self, low: int, high: int) -> None:
        self._low, self._high = low, high
        self.is_identical = (low, high) == (0, MAX_PRIORITY)
        """Whether each priority is its own place, so that none ever moves."""
        self._used: list[int] = []
        self._places: dict[int, int] = {}
        self._holders: dict[int, int] = {}

    def place(self, priority: int) -> int:
        """Return the place of a priority that is in use; KeyError if it is not, and may move."""
        return priority if self.is_identical else self._places[priority]

    def has_place(self, priority: int) -> bool:
        """Tell whether a priority can be taken without anything moving."""
        return self.is_identical or priority in self._holders

    def take(self, priority: int) -> Mapping[int, int]:
        """Give a priority a place, once more if it has one; BandFull.

        Returns the places that others had, by priority, if they had to move: all of the band.
        """
        if self.is_identical:
            return {}
        count = self._holders.get(priority, 0)
        if count:
            self._holders[priority] = count + 1
            return {}
        if len(self._used) > self._high - self._low:
            raise BandFull(f"{len(self._used)} priorities are in use, as many as there are places")
        self._holders[priority] = 1
        insort(self._used, priority)
        place = self._between(priority)
        if place is not None:
            self._places[priority] = place
            return {}
        return self._spread()

    def release(self, priority: int) -> None:
        """Take one holder from a priority; without any it has no place."""
        if self.is_identical:
            return
        self._holders[priority] -= 1
        if not self._holders[priority]:
            del self._holders[priority]
            del self._places[priority]
            del self._used[bisect_left(self._used, priority)]

    def _between(self, priority: int) -> int | None:
        """Return a place between the neighbours', near the priority's share; None if full."""
        at = bisect_left(self._used, priority)
        low = self._places[self._used[at - 1]] + 1 if at else self._low
        high = self._places[self._used[at + 1]] - 1 if at + 1 < len(self._used) else self._high
        if low > high:
            return None
        share = self._low + priority * (self._high - self._low) // MAX_PRIORITY
        return min(max(share, low), high)

    def _spread(self) -> Mapping[int, int]:
        """Give every priority a new place, evenly; return the old ones of those that moved."""
        before = dict(self._places)
        width, count = self._high - self._low + 1, len(self._used)
        for rank, priority in enumerate(self._used):
            self._places[priority] = self._low + (2 * rank + 1) * width // (2 * count)
        return {
            priority: place for priority, place in before.items() if place != self._places[priority]
        }


class PriorityBands:
    """The bands of all levels of a switch; with one level, each priority is its own place."""

    def __init__(self, levels: int) -> None:
        width = (MAX_PRIORITY + 1) // levels
        self.bands = tuple(
            PriorityBand(level * width + 2 * (level > 0), (level + 1) * width - 1)
            for level in range(levels)
        )
        if levels == 1:
            self.bands = (PriorityBand(0, MAX_PRIORITY),)
        self._width = width

    def __len__(self) -> int:
        return len(self.bands)

    def __getitem__(self, level: int) -> PriorityBand:
        return self.bands[level]

    def guard(self, level: int) -> int:
        """Return the place of a level's guards; level 0 has none."""
        return level * self._width

    def drop(self, level: int) -> int:
        """Return the place of a level's drops, above its guards."""
        return level * self._width + 1 if level else 0
