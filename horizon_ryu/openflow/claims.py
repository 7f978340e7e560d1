"""Claim alarms: what is told of peers that claim a dpid which is not theirs, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from horizon_ryu.core.dpid_claims import DpidClaim
from horizon_ryu.core.token_bucket import TokenBucket

REPEATED_AFTER = 60.0
"""Seconds after which the same claim is told again."""
_RATE, _BURST = 1.0, 32
_REMEMBERED = 1024

ClaimTold: TypeAlias = Callable[[DpidClaim], None]


class ClaimAlarms:
    """Tells of claims: each once in a while, however often it is made, and not too many in all."""

    def __init__(self, tell: ClaimTold, clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._bucket = TokenBucket(_RATE, _BURST, clock())
        self._told: dict[DpidClaim, float] = {}
        self.untold = 0
        """Claims that nobody was told of, since they were repeated or too many."""

    def claimed(self, claim: DpidClaim) -> None:
        """Take note of ``claim``."""
        now = self._clock()
        last = self._told.get(claim)
        if (last is not None and now - last < REPEATED_AFTER) or not self._bucket.take(now):
            self.untold += 1
            return
        self._told.pop(claim, None)
        if len(self._told) >= _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._told[claim] = now
        self._tell(claim)
