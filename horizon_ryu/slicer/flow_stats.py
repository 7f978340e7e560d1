"""Flow statistics of a switch, told to each tenant as if the switch were its own.

The switch is asked for its whole table, which then answers all tenants for a while: an entry of a
tenant has counted what its pieces have, those too that are gone. The answer may be stale by the
window, which is settable, but is never left out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.of10.statistics import AggregateStats
from horizon_ryu.wire.ofp13 import OFPMP
from horizon_ryu.wire.session.pending import xid_of

_MORE = 1
MOST_BYTES = 60_000
"""Of entries in one part of an answer: the header has 16 bits for the length of a message."""
DEFAULT_WINDOW = 1.0
"""Seconds for which an answer of the switch will do."""
LONGEST_WINDOW = 300.0


class StatisticsSettings(NamedTuple):
    """How tenants are told statistics: by an answer of the switch for ``window`` seconds.

    Without ``answers_empty`` tenants of OpenFlow 1.0 hear nothing where there is nothing to tell,
    as FlowVisor had it.
    """

    window: float = DEFAULT_WINDOW
    answers_empty: bool = True


LONGEST_POLL = 10.0
"""Seconds after which a switch that has not told everything is asked anew."""


class FlowQuestion(NamedTuple):
    """What a tenant asks; ``body`` is that of its request."""

    tenant: TenantConnection
    xid: int
    kind: int
    body: Any


@dataclass(slots=True)
class FlowCount:
    """What an entry has counted."""

    packets: int = 0
    octets: int = 0
    seconds: int = 0
    nanoseconds: int = 0


@dataclass(slots=True)
class _Poll:
    """One question to the switch: what has come, and who waits for the rest."""

    since: float
    counts: dict[int, FlowCount] = field(default_factory=dict)
    waiting: list[FlowQuestion] = field(default_factory=list)


class FlowStatsAnswers(ABC):
    """Answers the questions of all tenants of one switch about flow entries, alone or together."""

    MESSAGES: MessageTable
    REPLY: Any
    """Makes a reply of its type, its flags and its body."""
    ENTRY: type
    """What a reply says of an entry; a switch may say anything."""

    def __init__(self, link: SlicedLink, window: float = DEFAULT_WINDOW) -> None:
        self._link = link
        self._window = window
        self._poll: _Poll | None = None
        self._known: dict[int, FlowCount] = {}
        self._known_at = float("-inf")

    @abstractmethod
    def _whole(self) -> Any:
        """Return the question for every entry of the switch."""

    @abstractmethod
    def _entries(self, question: FlowQuestion) -> Iterator[TenantEntry]:
        """Yield the tenant's entries that are asked for."""

    @abstractmethod
    def _told(self, entry: TenantEntry, now: float) -> Any:
        """Return what an answer says of an entry."""

    @abstractmethod
    def _size(self, told: Any) -> int:
        """Return how many bytes that has, or some more."""

    def _gone(self, _entry: TenantEntry) -> tuple[int, int]:
        """Return packets and bytes of what there was of an entry that is gone."""
        return 0, 0

    def ask(self, tenant: TenantConnection, message: bytes, request: Any, now: float) -> None:
        """Answer a tenant's question, now or when the switch has answered ours."""
        question = FlowQuestion(tenant, xid_of(message), request.type, request.body)
        if now - self._known_at <= self._window:
            self._answer(question, now)
        elif self._poll is not None and now - self._poll.since < LONGEST_POLL:
            self._poll.waiting.append(question)
        else:
            waiting = [] if self._poll is None else self._poll.waiting
            self._poll = _Poll(now, waiting=[*waiting, question])
            self._link.forward(self, self.MESSAGES.encode(0, self._whole()))

    def answered(self, _asked: Asked, message: bytes, now: float) -> None:
        """Take a part of the switch's answer, which may be none to what was asked."""
        reply = self.MESSAGES.decode(message).message
        if isinstance(reply, self.REPLY):
            self._take(reply, now)
        else:
            self._give_up(now)

    def refused(self, _asked: Asked, _message: bytes, now: float) -> None:
        """Take an error instead: what is known is told."""
        self._give_up(now)

    def _take(self, reply: Any, now: float) -> None:
        """Take a part; with the last, answer all that wait."""
        poll = self._poll
        if poll is None or not isinstance(reply.body, tuple):
            return
        for one in reply.body:
            if isinstance(one, self.ENTRY):
                _add(poll.counts, one)
        if not reply.flags & _MORE:
            self._poll, self._known, self._known_at = None, poll.counts, now
            for question in poll.waiting:
                self._answer(question, now)

    def _give_up(self, now: float) -> None:
        """Answer all that wait with what is known."""
        poll, self._poll = self._poll, None
        for question in poll.waiting if poll is not None else ():
            self._answer(question, now)

    def forget(self, tenant: TenantConnection) -> None:
        """Answer a tenant that has left no more."""
        if self._poll is not None:
            self._poll.waiting = [one for one in self._poll.waiting if one.tenant is not tenant]

    def _answer(self, question: FlowQuestion, now: float) -> None:
        entries = list(self._entries(question))
        if question.kind == OFPMP.AGGREGATE:
            counts = Counter[str]()
            for entry in entries:
                count = self.count(entry)
                counts.update(packets=count.packets, octets=count.octets, flows=1)
            if not entries and not self._link.answers_empty:
                return
            body = AggregateStats(counts["packets"], counts["octets"], counts["flows"])
            self._say(question, 0, body)
            return
        parts = list(self._parts(self._told(entry, now) for entry in entries))
        for at, part in enumerate(parts):
            self._say(question, _MORE if at < len(parts) - 1 else 0, part)

    def _say(self, question: FlowQuestion, flags: int, body: Any) -> None:
        reply = self.REPLY(question.kind, flags, body)
        question.tenant.say(self.MESSAGES.encode(question.xid, reply))

    def count(self, entry: TenantEntry) -> FlowCount:
        """Return what an entry is known to have counted."""
        packets, octets = self._gone(entry)
        known = self._known.get(entry.entry_id, FlowCount())
        return FlowCount(
            packets + known.packets, octets + known.octets, known.seconds, known.nanoseconds
        )

    def _parts(self, entries: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Yield the entries in parts that fit into messages; one empty part if there are none."""
        part: list[Any] = []
        size = 0
        for entry in entries:
            own = self._size(entry)
            if part and size + own > MOST_BYTES:
                yield tuple(part)
                part, size = [], 0
            part.append(entry)
            size += own
        yield tuple(part)


def lifetime(entry: TenantEntry, now: float) -> tuple[int, int]:
    """Return for how long there has been an entry: seconds and nanoseconds."""
    since = max(0.0, now - entry.since)
    return int(since), int(since % 1 * 1_000_000_000)


def _add(counts: dict[int, FlowCount], stats: Any) -> None:
    """Add a piece to the entry whose id is its cookie."""
    count = counts.setdefault(stats.cookie, FlowCount())
    count.packets += stats.packet_count
    count.octets += stats.byte_count
