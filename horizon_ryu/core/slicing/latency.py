"""Latency that a slicer adds: counts of durations in buckets that grow with them.

Eight buckets for each doubling, so that a quantile is at most an eighth above what it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

_BITS = 3
_LEAST = 1 << _BITS


class LatencyHistogram:
    """Durations in nanoseconds."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, nanoseconds: int) -> None:
        """Count a duration; none is below 0."""
        # The highest bits of the number, behind how many there are below them.
        shift = max(0, nanoseconds.bit_length() - _BITS - 1)
        bucket = (shift << _BITS) + (nanoseconds >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def counts(self) -> dict[int, int]:
        """Return how many durations there are by bucket."""
        return dict(self._counts)


class SliceLatency:
    """What is added for one slice on one switch, from the bytes that come to those that go.

    By direction: messages of the switch until its tenants are written to, and messages of tenants
    until what follows of them is written.
    """

    def __init__(self) -> None:
        self.from_switch = LatencyHistogram()
        self.from_tenant = LatencyHistogram()


def latency_report(latencies: Iterable[SliceLatency]) -> dict[str, dict[str, Any]]:
    """Return p50 and p99 in microseconds by direction, of all together; None without any."""
    found = list(latencies)
    return {
        "from_switch": _quantiles(one.from_switch for one in found),
        "from_tenant": _quantiles(one.from_tenant for one in found),
    }


def _quantiles(histograms: Iterable[LatencyHistogram]) -> dict[str, Any]:
    counts = Counter[int]()
    for histogram in histograms:
        counts.update(histogram.counts())
    total = counts.total()
    return {
        "samples": total,
        "p50_us": _quantile(counts, (total + 1) // 2),
        "p99_us": _quantile(counts, -(-total * 99 // 100)),
    }


def _quantile(counts: Counter[int], rank: int) -> float | None:
    """Return the upper end of the bucket in which the duration of a rank is."""
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return _end(bucket) / 1000
    return None


def _end(bucket: int) -> int:
    """Return the nanoseconds below which the durations of a bucket are."""
    shift = max(0, (bucket >> _BITS) - 1)
    return bucket - (shift << _BITS) + 1 << shift
