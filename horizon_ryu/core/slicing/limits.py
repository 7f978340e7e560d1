"""Limits of a slice: how many messages, flow-mods and packet-ins a second, how many entries."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from horizon_ryu.core.token_bucket import TokenBucket


class Limited(StrEnum):
    """What is limited by rate."""

    MESSAGES = "messages_per_s"
    FLOW_MODS = "flow_mods_per_s"
    PACKET_INS = "packet_ins_per_s"


@dataclass(frozen=True, slots=True)
class SliceLimits:
    """Most messages a second of each kind, and flow entries; None is no limit.

    Messages are those that the tenant sends, flow-mods among them; on 1.3 group-mods and meter-mods
    count as flow-mods. What a slice may in a second and its ``flow_entries`` are for all switches
    together; limits of one switch hold there besides. ``groups`` and ``meters`` are those on one
    switch, and have limits of the slicer's if None.
    """

    messages_per_s: float | None = None
    flow_mods_per_s: float | None = None
    packet_ins_per_s: float | None = None
    flow_entries: int | None = None
    groups: int | None = None
    meters: int | None = None


class RateLimiter:
    """The rates of one slice: on one switch, or on all of them together.

    A bucket holds what may come in one second, and is full when it is made: a tenant that
    reconnects finds the same bucket, and gains nothing by it.
    """

    def __init__(self, limits: SliceLimits, now: float) -> None:
        self.buckets: dict[Limited, TokenBucket] = {}
        """What there is of each kind that is limited."""
        self.refused: Counter[Limited] = Counter()
        self.set(limits, now)

    def set(self, limits: SliceLimits, now: float) -> None:
        """Take other limits from now on; buckets whose rate stays the same go on."""
        for kind in Limited:
            rate = getattr(limits, kind.value)
            bucket = self.buckets.get(kind)
            if rate is None:
                self.buckets.pop(kind, None)
            elif bucket is None or bucket.rate != rate:
                self.buckets[kind] = TokenBucket(rate, max(rate, 1.0), now)

    def admit(self, kind: Limited, now: float) -> bool:
        """Take one token; False, and counted, if there is none."""
        bucket = self.buckets.get(kind)
        if bucket is None or bucket.take(now):
            return True
        self.refused[kind] += 1
        return False
