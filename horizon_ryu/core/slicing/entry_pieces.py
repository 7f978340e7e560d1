"""Pieces of a tenant's entry on a switch: one for each part of the flowspace that it overlaps.

Most entries are a single piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.wire.ternary import TernaryMatch


class PieceKey(NamedTuple):
    """What no two pieces that are installed share: the level is that of a region."""

    match: TernaryMatch
    level: int
    priority: int


_TOLERANCE = 1.0
"""Seconds by which idle pieces may be removed apart: switches look once a second or so."""


class SinglePiece(NamedTuple):
    """An entry of a single piece, as most are, and what is done with its frames."""

    entry: TenantEntry
    key: PieceKey
    program: Any

    @property
    def pieces(self) -> Mapping[PieceKey, Any]:
        """All of its pieces, with what is done with their frames."""
        return {self.key: self.program}

    def is_idle(self, _key: PieceKey, _was_used: bool, _now: float) -> bool:
        """Tell that the whole entry has been idle for its timeout, as its piece has."""
        return True


@dataclass(slots=True)
class SeveralPieces:
    """An entry and its pieces here; ``idle``: from when to when each is known to be unused."""

    entry: TenantEntry
    pieces: Mapping[PieceKey, Any]
    idle: dict[PieceKey, tuple[float, float]] | None = None

    def is_idle(self, key: PieceKey, was_used: bool, now: float) -> bool:
        """Note that a piece has been idle for its timeout; tell whether the whole entry has."""
        timeout = self.entry.idle_timeout
        idle = self.idle = self.idle or {}
        known = idle.get(key)
        since = now - timeout if was_used or known is None else known[0]
        idle[key] = since, now
        if len(idle) < len(self.pieces):
            return False
        latest = max(since for since, _ in idle.values())
        return min(until for _, until in idle.values()) - latest >= timeout - _TOLERANCE
