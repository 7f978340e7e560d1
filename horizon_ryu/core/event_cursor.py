"""Cursors: places among the events of one run of the controller, as ``9f3ac41b-1234``.

Events are numbered anew in each run, so a number alone may mean another event than its client
thinks. The epoch tells runs apart.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from horizon_ryu.core.errors import InvalidInput

EPOCH = "[0-9a-f]{8}"
NUMBER = "(?:0|[1-9][0-9]{0,14})"
CURSOR_PATTERN = f"^(?:{EPOCH}-)?{NUMBER}$"
"""Of what a client may resume from: a cursor, or a number alone."""
_CURSOR = re.compile(f"(?:({EPOCH})-)?({NUMBER})")


class Cursor(NamedTuple):
    """The event numbered ``seq``; ``epoch`` is None where a client did not say which run."""

    epoch: str | None
    seq: int

    def text(self) -> str:
        """Return it as it is written in headers and queries."""
        return str(self.seq) if self.epoch is None else f"{self.epoch}-{self.seq}"


def cursor_from_text(text: str, loc: tuple[str, ...] = ("since",)) -> Cursor:
    """Return the cursor, or the number alone, that a client sent; InvalidInput."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise InvalidInput(loc, "the number of an event, or EPOCH-NUMBER as Horizon-Cursor told it")
    return Cursor(found[1], int(found[2]))
