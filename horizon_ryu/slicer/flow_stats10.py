"""Flow statistics of a switch of OpenFlow 1.0, told to each tenant as if the switch were its own.

The switch is asked for its whole table, which then answers all tenants for a while: an entry of a
tenant has counted what its pieces have, those too that are gone. The answer may be stale by the
window, which is settable, but is never left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.actions10 import outputs_of, read_actions10
from horizon_ryu.slicer.flow_tables10 import FlowTables10
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole
from horizon_ryu.wire.of10.statistics import (
    AggregateStats,
    FlowStats10,
    FlowStatsRequest10,
    StatsReply,
    StatsRequest,
)
from horizon_ryu.wire.of10.structures import MATCH10, Match10
from horizon_ryu.wire.ofp10 import OFPP, OFPST, OFPTT_ALL
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary import TernaryMatch
from horizon_ryu.wire.ternary10 import EVERY_FRAME_10, read_match10, write_match10
from horizon_ryu.wire.versions import OPENFLOW_10

_MESSAGES = codec_of(OPENFLOW_10).messages
_MORE = 1
_NONE = int(OFPP.NONE)
_MOST_BYTES = 60_000
"""Of entries in one part of an answer: the header has 16 bits for the length of a message."""
_FIXED = 88
DEFAULT_WINDOW = 1.0
"""Seconds for which an answer of the switch will do."""


class _Question(NamedTuple):
    tenant: TenantConnection
    xid: int
    kind: int
    body: FlowStatsRequest10


@dataclass(slots=True)
class _Count:
    packets: int = 0
    octets: int = 0
    seconds: int = 0
    nanoseconds: int = 0


@dataclass(slots=True)
class _Poll:
    """One question to the switch: what has come, and who waits for the rest."""

    counts: dict[int, _Count] = field(default_factory=dict)
    waiting: list[_Question] = field(default_factory=list)


class FlowStatsAnswers10:
    """Answers OFPST_FLOW and OFPST_AGGREGATE of all tenants of one switch."""

    def __init__(
        self, link: SlicedLink, tables: FlowTables10, window: float = DEFAULT_WINDOW
    ) -> None:
        self._link = link
        self._tables = tables
        self._window = window
        self._poll: _Poll | None = None
        self._known: dict[int, _Count] = {}
        self._known_at = float("-inf")

    def ask(
        self, tenant: TenantConnection, message: bytes, request: StatsRequest, now: float
    ) -> None:
        """Answer a tenant's question, now or when the switch has answered ours."""
        if not isinstance(request.body, FlowStatsRequest10):
            return
        question = _Question(tenant, xid_of(message), request.type, request.body)
        if now - self._known_at <= self._window:
            self._answer(question, now)
        elif self._poll is not None:
            self._poll.waiting.append(question)
        else:
            self._poll = _Poll(waiting=[question])
            body = FlowStatsRequest10(read_whole(MATCH10, EVERY_FRAME_10, 0), OFPTT_ALL, _NONE)
            whole = StatsRequest(int(OFPST.FLOW), 0, body)
            self._link.forward(self, _MESSAGES.encode(0, whole))

    def reply(self, reply: StatsReply, now: float) -> None:
        """Take a part of the switch's answer; with the last, answer all that wait."""
        poll = self._poll
        if poll is None or not isinstance(reply.body, tuple):
            return
        for one in reply.body:
            if isinstance(one, FlowStats10):
                _add(poll.counts, one)
        if not reply.flags & _MORE:
            self._poll, self._known, self._known_at = None, poll.counts, now
            for question in poll.waiting:
                self._answer(question, now)

    def failed(self, now: float) -> None:
        """Answer all that wait with what is known: the switch has refused to tell."""
        poll, self._poll = self._poll, None
        for question in poll.waiting if poll is not None else ():
            self._answer(question, now)

    def forget(self, tenant: TenantConnection) -> None:
        """Answer a tenant that has left no more."""
        if self._poll is not None:
            self._poll.waiting = [one for one in self._poll.waiting if one.tenant is not tenant]

    def _answer(self, question: _Question, now: float) -> None:
        entries = list(self._entries(question))
        if question.kind == OFPST.AGGREGATE:
            counts = Counter[str]()
            for entry in entries:
                count = self._count(entry)
                counts.update(packets=count.packets, octets=count.octets, flows=1)
            body = AggregateStats(counts["packets"], counts["octets"], counts["flows"])
            question.tenant.say(_MESSAGES.encode(question.xid, StatsReply(question.kind, 0, body)))
            return
        parts = list(_parts(self._told(entry, now) for entry in entries))
        for at, part in enumerate(parts):
            more = _MORE if at < len(parts) - 1 else 0
            reply = StatsReply(question.kind, more, part)
            question.tenant.say(_MESSAGES.encode(question.xid, reply))

    def _entries(self, question: _Question) -> Iterator[TenantEntry]:
        """Yield the tenant's entries that are asked for (1.0.0 section 5.3.5)."""
        match = _ternary(question.body.match)
        port = question.body.out_port
        for entry in self._link.sliced.table(question.tenant.slice_name):
            if match.covers(entry.match) and (
                port == _NONE or port in outputs_of(read_actions10(entry.program))
            ):
                yield entry

    def _count(self, entry: TenantEntry) -> _Count:
        packets, octets = self._tables.counted(entry)
        known = self._known.get(entry.entry_id, _Count())
        return _Count(
            packets + known.packets, octets + known.octets, known.seconds, known.nanoseconds
        )

    def _told(self, entry: TenantEntry, now: float) -> FlowStats10:
        count = self._count(entry)
        return FlowStats10(
            table_id=0,
            match=read_whole(MATCH10, write_match10(entry.match), 0),
            duration_sec=max(0, int(now - entry.since)),
            duration_nsec=int((now - entry.since) % 1 * 1_000_000_000),
            priority=entry.priority,
            idle_timeout=entry.idle_timeout,
            hard_timeout=entry.hard_timeout,
            cookie=entry.cookie,
            packet_count=count.packets,
            byte_count=count.octets,
            actions=read_actions10(entry.program),
        )


def _ternary(match: Match10) -> TernaryMatch:
    return read_match10(MATCH10.write(match), 0)


def _add(counts: dict[int, _Count], stats: FlowStats10) -> None:
    """Add a piece to the entry whose id is its cookie."""
    count = counts.setdefault(stats.cookie, _Count())
    count.packets += stats.packet_count
    count.octets += stats.byte_count


def _parts(entries: Iterable[FlowStats10]) -> Iterator[tuple[FlowStats10, ...]]:
    """Yield the entries in parts that fit into messages; one empty part if there are none."""
    part: list[FlowStats10] = []
    size = 0
    for entry in entries:
        own = _FIXED + 16 * len(entry.actions)
        if part and size + own > _MOST_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(entry)
        size += own
    yield tuple(part)
