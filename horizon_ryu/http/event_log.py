"""The log of what happened: numbered, bounded, and never waiting for those who read it.

Events stay in a ring, so that a client that comes back can ask for what it missed. Each
subscriber has a bounded queue; one that lets it run full is dropped, since neither memory nor
the publisher's time is a slow client's to spend. Where no place is free, one that left a ping
without an answer gives way.
"""

from __future__ import annotations

import json
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.core.event_cursor import Cursor
from horizon_ryu.core.event_kinds import GAP
from xen_bridge.runtime.port import Queue, Runtime
from xen_bridge.serving.room import Place, Room

MAX_SUBSCRIBERS = 64
MAX_OF_ONE = MAX_SUBSCRIBERS // 2
"""Subscribers at one address."""
CROWD = MAX_SUBSCRIBERS // 2
"""Subscribers from which everybody is asked at once whether it is there."""
QUEUE_EVENTS = 1024
"""Events waiting for one subscriber."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event: its number, its kind, and its JSON text ``{seq, at, kind, data}``."""

    seq: int
    kind: str
    text: str


PROBE = LoggedEvent(0, "", "")
"""Stands among the events of a subscriber where it is to be sent a ping."""


class EventLog:
    """Numbers and keeps the last ``size`` events, and hands each to every subscriber."""

    def __init__(
        self,
        runtime: Runtime,
        size: int = 4096,
        wall_clock: Callable[[], float] = time.time,
        epoch: str | None = None,
    ) -> None:
        """``wall_clock`` dates events, in seconds since 1970; ``epoch`` tells runs apart."""
        self._runtime = runtime
        self._ring: deque[LoggedEvent] = deque(maxlen=size)
        self._seq = 0
        self.epoch = epoch
        self._latest: dict[str, int] = {}
        self._wall_clock = wall_clock
        self._subscriptions: set[EventSubscription] = set()
        self._room = Room(MAX_SUBSCRIBERS, MAX_OF_ONE)
        self._unnamed = count()
        self.published: Counter[str] = Counter()
        """Events so far, by kind."""
        self.dropped = 0
        """Subscribers so far that were too slow."""

    @property
    def subscribers(self) -> int:
        """How many clients listen."""
        return len(self._subscriptions)

    @property
    def last_seq(self) -> int:
        """The number of the newest event; 0 before the first."""
        return self._seq

    @property
    def cursor(self) -> Cursor:
        """The place of the newest event, in this run."""
        return Cursor(self.epoch, self._seq)

    def latest(self, kinds: Collection[str]) -> Cursor:
        """Return the place of the newest event of these kinds; number 0 before the first."""
        return Cursor(self.epoch, max((self._latest.get(kind, 0) for kind in kinds), default=0))

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event of ``kind``; ``data`` must be JSON. Never waits."""
        event = self._event(self._seq + 1, kind, data)
        self._seq = event.seq
        self._latest[kind] = event.seq
        self.published[kind] += 1
        self._ring.append(event)
        for subscription in tuple(self._subscriptions):
            if not subscription.offer(event):
                subscription.drop()

    def subscribe(
        self,
        since: int | Cursor | None = None,
        kinds: Collection[str] | None = None,
        host: str | None = None,
    ) -> EventSubscription:
        """Return a subscription to events of ``kinds`` (None: all); LimitExceeded if too many.

        With ``since``, it begins with what came after that number, of this run unless a cursor
        says otherwise. If some of it is no longer here, or the number is of another run, an event
        of kind ``gap`` comes first. ``host`` is the address of the client, which has a share of the
        places.
        """
        place = self._room.enter(host or f"unnamed {next(self._unnamed)}")
        if place is None:
            raise LimitExceeded(f"{MAX_SUBSCRIBERS} event clients are connected already")
        waiting = self._runtime.queue(QUEUE_EVENTS)
        past = self._past(since)
        subscription = EventSubscription(past, kinds, waiting, place, self._forget)
        self._subscriptions.add(subscription)
        self._ask_a_crowd()
        return subscription

    def _ask_a_crowd(self) -> None:
        """Have everybody sent a ping who was sent none yet: soon somebody may have to give way."""
        if len(self._subscriptions) >= CROWD:
            for subscription in self._subscriptions:
                subscription.ask()

    def recent(
        self,
        since: Cursor | None = None,
        kinds: Collection[str] | None = None,
        about: str | None = None,
    ) -> tuple[bool, list[LoggedEvent]]:
        """Return whether all since then are here still, and those wanted of them, oldest first.

        ``about`` is a text that stands in an event's data as a value or as a key.
        """
        place = Cursor(None, 0) if since is None else since
        wanted = None if about is None else json.dumps(about)
        is_known = self._is_known(place)
        found = [
            event
            for event in self._ring
            if (event.seq > place.seq or not is_known)
            and (kinds is None or event.kind in kinds)
            and (wanted is None or wanted in event.text)
        ]
        return is_known, found

    @property
    def oldest(self) -> int:
        """The number of the oldest event that is kept; that of the next one if none is."""
        return self._ring[0].seq if self._ring else self._seq + 1

    def _is_known(self, place: Cursor) -> bool:
        """Tell whether all that came after ``place`` is here."""
        is_ours = place.epoch is None or place.epoch == self.epoch
        return is_ours and self.oldest - 1 <= place.seq <= self._seq

    def _past(self, since: int | Cursor | None) -> deque[LoggedEvent]:
        if since is None:
            return deque()
        place = since if isinstance(since, Cursor) else Cursor(None, since)
        is_known = self._is_known(place)
        past = deque(event for event in self._ring if not is_known or event.seq > place.seq)
        if not is_known:
            gap: dict[str, Any] = {"since": place.seq, "oldest": self.oldest, "newest": self._seq}
            if self.epoch is not None:
                gap["epoch"] = self.epoch
            past.appendleft(self._event(self.oldest - 1, GAP, gap))
        return past

    def _event(self, seq: int, kind: str, data: Mapping[str, Any]) -> LoggedEvent:
        at = round(self._wall_clock(), 6)
        whole = {"seq": seq, "at": at, "kind": kind, "data": dict(data)}
        return LoggedEvent(seq, kind, json.dumps(whole, separators=(",", ":"), allow_nan=False))

    def _forget(self, subscription: EventSubscription) -> None:
        self._subscriptions.discard(subscription)
        self.dropped += subscription.dropped


class EventSubscription:
    """What one client still has to be sent; made by :meth:`EventLog.subscribe`."""

    def __init__(
        self,
        past: deque[LoggedEvent],
        kinds: Collection[str] | None,
        waiting: Queue,
        place: Place,
        forget: Callable[[EventSubscription], None],
    ) -> None:
        self._past = past
        self._kinds = kinds
        self._queue = waiting
        self._forget = forget
        self._place = place
        self._is_asked = False
        place.ended_by(self.close)
        place.busy()
        self.dropped = False
        """Whether the client was too slow."""
        self.closed = False

    def offer(self, event: LoggedEvent) -> bool:
        """Queue ``event`` without waiting; False if the queue is full."""
        return self._queue.offer(event) if self._wants(event) else True

    def ask(self) -> None:
        """Have the client sent a ping, if it was sent none yet."""
        if not self._is_asked:
            self._is_asked = True
            self._queue.offer(PROBE)

    def asked(self) -> None:
        """Note that the client was sent a ping: until it is heard it may have to give way."""
        self._is_asked = True
        if not self.closed:
            self._place.idle()

    def heard(self) -> None:
        """Note that the client said something."""
        self._place.busy()

    def next(self, timeout: float | None = None) -> LoggedEvent | None:
        """Return the next event; None when closed, or after ``timeout`` seconds without one."""
        while self._past:
            event = self._past.popleft()
            if self._wants(event):
                return event
        if self.closed:
            return None
        try:
            found: LoggedEvent | None = self._queue.get(timeout)
        except queue.Empty:
            return None
        return found

    def drop(self) -> None:
        """End the subscription of a client that is too slow, unless it has ended."""
        if not self.closed:
            self.dropped = True
            self.close()

    def close(self) -> None:
        """End the subscription and wake whoever waits in :meth:`next`; never waits."""
        if self.closed:
            return
        self.closed = True
        self._place.leave()
        self._forget(self)
        # Nobody waits at a full queue; the next call sees that it is closed.
        self._queue.offer(None)

    def _wants(self, event: LoggedEvent) -> bool:
        return self._kinds is None or event.kind in self._kinds or event.kind == GAP
