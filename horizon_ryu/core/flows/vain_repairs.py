"""Vain repairs: the switches that confirm entries and do not have them when they are looked at."""

from __future__ import annotations

from collections.abc import Collection

PATIENCE = 3
"""Looks in a row that may find a switch in need of repair before its repairs are called vain."""
RAREST = 16
"""One look of so many is taken, at least, at a switch whose repairs are vain."""


class VainRepairs:
    """How often in a row each switch had to be repaired, and which looks at it are left out.

    Somebody may have deleted entries; a switch that never keeps them lies, or is another's as well,
    and what is promised of its flows does not hold.
    """

    def __init__(self) -> None:
        self._in_a_row: dict[int, int] = {}
        self._left_out: dict[int, int] = {}

    @property
    def dpids(self) -> frozenset[int]:
        """The switches whose repairs are vain."""
        return frozenset(dpid for dpid, count in self._in_a_row.items() if count >= PATIENCE)

    def looked(self, dpid: int, is_fine: bool) -> bool:
        """Take note of a look; tell whether the switch has just become, or is no longer, one."""
        before = self._in_a_row.pop(dpid, 0)
        count = 0 if is_fine else before + 1
        if count:
            self._in_a_row[dpid] = count
        self._left_out[dpid] = min(2 ** min(max(0, count - PATIENCE), 8), RAREST) - 1
        return count == PATIENCE or (not count and before >= PATIENCE)

    def take_turns(self, dpids: Collection[int]) -> list[int]:
        """Return those of ``dpids``, all that may be looked at now, whose turn it is."""
        for gone in self._left_out.keys() - dpids:
            del self._left_out[gone]
            self._in_a_row.pop(gone, None)
        turns = []
        for dpid in dpids:
            left = self._left_out.get(dpid, 0)
            if left:
                self._left_out[dpid] = left - 1
            else:
                turns.append(dpid)
        return turns
