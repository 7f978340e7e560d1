"""Samples: what the switches answered last, as it came; the bytes are the store.

A hundred thousand flow entries are 11 MB as bytes and half a gigabyte as objects, so nothing is
read before somebody asks. Whoever reads holds a sample that never changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import TableFeatures

KEPT_TWICE = frozenset({StatsType.PORTS})
"""Of which the last but one is kept too: rates need two."""

MOST_BYTES: Mapping[StatsType, int] = {
    StatsType.ECHO: 4096,
    StatsType.FEATURES: 1 << 16,
    StatsType.DESC: 1 << 12,
    StatsType.AGGREGATE: 1 << 10,
    StatsType.PORT_DESC: 8 << 20,
    StatsType.PORTS: 8 << 20,
    StatsType.TABLES: 1 << 17,
}
"""Of one answer, by kind; flow entries have a limit of their own."""

_COMPARED = 64 * 1024
"""Bytes of an answer that is compared with the last one, at most: of more, texts are not kept."""

_HEAD = 268
"""Bytes of a piece that are compared first: nearly always they differ."""


class Sample(NamedTuple):
    """One whole answer: its pieces, each a message, and when it was complete (monotonic)."""

    pieces: tuple[bytes, ...]
    at: float


class Taken(Enum):
    """What became of an answer; the values are labels of a metric."""

    KEPT = "kept"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NO_ROOM = "no_room"


@dataclass(slots=True)
class SwitchSamples:
    """What is known of one switch; ``rtt`` is the last echo's round trip in seconds."""

    dpid: int
    address: str
    version: int
    latest: dict[StatsType, Sample] = field(default_factory=dict)
    before: dict[StatsType, Sample] = field(default_factory=dict)
    table_features: tuple[TableFeatures, ...] = ()
    """What the table features of a 1.3 switch say; they are kept read, 300 KiB as they came."""
    news: int = 0
    """Grows whenever an answer tells something new; ages and echoes do not count."""
    rtt: float | None = None
    rtt_at: float = 0.0

    def age(self, kind: StatsType, now: float) -> float | None:
        """Return the seconds since the last answer of ``kind``; None if there was none."""
        sample = self.latest.get(kind)
        return None if sample is None else max(0.0, now - sample.at)

    def pieces(self, kind: StatsType) -> tuple[bytes, ...]:
        """Return the last answer of ``kind``; none if there was none."""
        sample = self.latest.get(kind)
        return () if sample is None else sample.pieces


class StatsCache:
    """The samples of every registered switch."""

    def __init__(self, most_flow_bytes: int, most_bytes: int) -> None:
        """``most_flow_bytes``: of the flow entries of one switch; ``most_bytes``: in all."""
        self._most_flow_bytes = most_flow_bytes
        self._most_bytes = most_bytes
        self._switches: dict[int, SwitchSamples] = {}
        self.bytes = 0
        """Kept in all."""

    @property
    def switches(self) -> Mapping[int, SwitchSamples]:
        """The samples by dpid."""
        return self._switches

    def joined(self, dpid: int, address: str, version: int) -> None:
        """Begin with nothing: counters of an earlier connection may have been reset since."""
        self.left(dpid)
        self._switches[dpid] = SwitchSamples(dpid, address, version)

    def left(self, dpid: int) -> None:
        """Forget a switch."""
        gone = self._switches.pop(dpid, None)
        if gone is not None:
            self.bytes -= sum(map(_size, (*gone.latest.values(), *gone.before.values())))

    def told_table_features(self, dpid: int, table_features: tuple[TableFeatures, ...]) -> None:
        """Keep what the table features of a switch say."""
        switch = self._switches.get(dpid)
        if switch is not None:
            switch.table_features = table_features
            switch.news += 1

    def echoed(self, dpid: int, rtt: float, now: float) -> None:
        """Keep the round-trip time of an echo, in seconds."""
        switch = self._switches.get(dpid)
        if switch is not None:
            switch.rtt, switch.rtt_at = rtt, now

    def take(self, dpid: int, kind: StatsType, pieces: Sequence[bytes], now: float) -> Taken:
        """Keep a whole answer in place of the last, unless it is too large."""
        switch = self._switches.get(dpid)
        if switch is None or not pieces:
            return Taken.EMPTY
        if sum(map(len, pieces)) > MOST_BYTES.get(kind, self._most_flow_bytes):
            return Taken.TOO_LARGE
        old = switch.latest.get(kind)
        sample = Sample(_same_again(distinct(pieces), old), now)
        size = _size(sample)
        leaves = switch.before.get(kind) if kind in KEPT_TWICE else old
        growth = size - (_size(leaves) if leaves is not None else 0)
        if growth > 0 and self.bytes + growth > self._most_bytes:
            return Taken.NO_ROOM
        if old is not None and kind in KEPT_TWICE:
            switch.before[kind] = old
        switch.latest[kind] = sample
        switch.news += old is None or sample.pieces is not old.pieces
        self.bytes += growth
        return Taken.KEPT


def _same_again(pieces: tuple[bytes, ...], old: Sample | None) -> tuple[bytes, ...]:
    """Return the pieces of the last answer if these say the same, so that nothing seems changed.

    They differ in the transaction id (bytes 4 to 8) at least.
    """
    if old is None or len(pieces) != len(old.pieces) or sum(map(len, pieces)) > _COMPARED:
        return pieces
    same = all(
        one[8:] == other[8:] and one[:4] == other[:4]
        for one, other in zip(pieces, old.pieces, strict=True)
    )
    return old.pieces if same else pieces


def _size(sample: Sample) -> int:
    return sum(map(len, sample.pieces))


def distinct(pieces: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the pieces without those sent twice: what follows the flags (byte 12) is the same.

    Pieces carry no number (1.3.5 section 7.3.5), but no two flow entries, ports or tables of a
    switch are the same, so no two pieces that hold any are.
    """
    heads = {(len(piece), piece[12:_HEAD]) for piece in pieces}
    if len(heads) == len(pieces):
        return tuple(pieces)
    found: dict[memoryview, bytes] = {}
    for piece in pieces:
        # Views are hashed and compared without copying what may be tens of megabytes.
        found.setdefault(memoryview(piece)[12:], piece)
    return tuple(found.values())
