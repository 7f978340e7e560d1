"""Active slices: whether several slices send at present, so that each has short turns."""

from __future__ import annotations

from math import inf

ACTIVE_SECONDS = 1.0
"""For which slices are active together, after one of them has sent behind another."""


class ActiveSlices:
    """The slices whose messages are dealt with in one loop, as far as they take turns."""

    def __init__(self) -> None:
        self.last = ""
        """That whose message was dealt with last."""
        self._until = -inf

    def note(self, slice_name: str, now: float) -> None:
        """Note that another slice sends than the one before."""
        if self.last:
            self._until = now + ACTIVE_SECONDS
        self.last = slice_name

    def are_several(self, now: float) -> bool:
        """Tell whether more than one has sent lately."""
        return now < self._until
