"""Overlap index: whether a match overlaps one of the entries of its table and priority.

CHECK_OVERLAP asks it of each entry that is added. Entries of a slice are mostly of a few masks:
those of one mask are found by their value where the match that is asked for has all of its bits,
and only others are gone through.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from horizon_ryu.wire.ternary import TernaryMatch

_Key: TypeAlias = tuple[int, TernaryMatch, int]
"""Table, match and priority."""


class OverlapIndex:
    """The matches of a table's entries, by table and priority, then by mask."""

    def __init__(self, keys: Iterable[_Key]) -> None:
        self._values: dict[tuple[int, int], dict[int, set[int]]] = {}
        for key in keys:
            self.add(key)

    def add(self, key: _Key) -> None:
        """Have one more, or the one that is there already."""
        table_id, (value, mask), priority = key
        by_mask = self._values.setdefault((table_id, priority), {})
        values = by_mask.get(mask)
        if values is None:
            by_mask[mask] = {value}
        else:
            values.add(value)

    def remove(self, key: _Key) -> None:
        """Have one no more that is there."""
        table_id, (value, mask), priority = key
        place = table_id, priority
        by_mask = self._values[place]
        values = by_mask[mask]
        values.remove(value)
        if not values:
            del by_mask[mask]
            if not by_mask:
                del self._values[place]

    def overlaps(self, key: _Key) -> bool:
        """Tell whether any frame is taken by a match and by one that is there, of its place."""
        table_id, (value, mask), priority = key
        by_mask = self._values.get((table_id, priority))
        if by_mask is None:
            return False
        return any(_has(values, theirs, theirs & mask, value) for theirs, values in by_mask.items())


def _has(values: set[int], mask: int, common: int, value: int) -> bool:
    """Tell whether one of the values under a mask has the bits of another in common with it."""
    wanted = value & common
    if common == mask:
        return wanted in values
    return any(one & common == wanted for one in values)
