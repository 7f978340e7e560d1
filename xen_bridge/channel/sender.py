"""Sender's side of one stream: numbers, a window, and resending until all is acknowledged.

Pure: time is an argument, in seconds of any clock that does not go back; what is to be sent is
returned. ::

    queued ──(room in the window)──► numbered, in flight ──(acknowledged)──► gone
                                         │      ▲
                                         └──────┘ sent again, each time later

A message gets its number when it is first sent, so one that was replaced in the queue leaves no
gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from xen_bridge.errors import Overloaded, TooLarge
from xen_bridge.protocol.documents.channel import (
    MAX_INCARNATION,
    MAX_MESSAGES,
    Acknowledgement,
    ChannelMessages,
    NumberedMessage,
)


@dataclass(frozen=True, slots=True)
class SenderLimits:
    """Bounds of a stream: messages that wait or are in flight, bytes, and seconds.

    ``window`` messages are in flight at most, ``queue`` wait behind them; one document carries
    ``batch_bytes``. The first resending is after ``first_retry``, each further one after twice as
    long, up to ``longest_retry``. After ``idle`` without a message the receiver is asked how far
    it is, which shows its restart; never, where that is None.
    """

    window: int = MAX_MESSAGES
    queue: int = 1024
    batch_bytes: int = 512 * 1024
    first_retry: float = 1.0
    longest_retry: float = 60.0
    idle: float | None = None


@dataclass(frozen=True, slots=True)
class PeerReset:
    """The receiver holds nothing of this stream any more: it, or its view of us, began anew."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Any
    key: Hashable | None
    size: int


class ChannelSender:
    """One stream to one receiver. Not for several threads at once."""

    def __init__(
        self, incarnation: int, above: Callable[[int], int], limits: SenderLimits | None = None
    ) -> None:
        """Number from 1 under ``incarnation``, which no earlier start of this program had.

        ``above`` returns a greater incarnation than the one it is given, and as unused.
        """
        self.incarnation = incarnation
        self._above = above
        self.limits = limits or SenderLimits()
        self.receiver: int | None = None
        """The receiver's incarnation, as it was last heard of."""
        self.resent = 0
        self.replaced = 0
        self._queue: deque[_Kept] = deque()
        self._in_flight: deque[_Kept] = deque()
        self._first = 1
        """Number of the oldest message in flight, or of the next."""
        self._unsent = 0
        """How many of those in flight have not been sent under this incarnation."""
        self._attempts = 0
        self._retry_at = 0.0
        self._idle_at: float | None = None

    # ---- the application's side

    def offer(self, body: Any, key: Hashable | None = None, size: int = 1) -> None:
        """Take a message of ``size`` bytes to be sent after all that were taken before.

        One that waits under the same ``key`` is older state: it is taken out. Raises Overloaded,
        and takes nothing, when the queue is full; TooLarge for one that no document carries.
        """
        if size > self.limits.batch_bytes:
            raise TooLarge(f"a message of {size} bytes, at most {self.limits.batch_bytes} are sent")
        older = self._waiting_under(key)
        if older is None and len(self._queue) >= self.limits.queue:
            raise Overloaded(f"{len(self._queue)} messages wait for the node already")
        if older is not None:
            self._queue.remove(older)
            self.replaced += 1
        self._queue.append(_Kept(body, key, size))

    def _waiting_under(self, key: Hashable | None) -> _Kept | None:
        if key is None:
            return None
        return next((one for one in self._queue if one.key == key), None)

    @property
    def pending(self) -> int:
        """How many messages are not acknowledged yet."""
        return len(self._in_flight) + len(self._queue)

    def abandon(self) -> tuple[Any, ...]:
        """Forget and return what is not acknowledged; some of it may have been taken."""
        left = tuple(one.body for one in (*self._in_flight, *self._queue))
        self._first += len(self._in_flight) - self._unsent
        self._in_flight.clear()
        self._queue.clear()
        self._unsent = 0
        return left

    # ---- the network's side

    def next_due(self) -> float | None:
        """Return when :meth:`poll` will have something to send; None: not before an offer."""
        has_new = bool(self._unsent or (self._queue and self._has_room()))
        if has_new and not self._attempts:
            return 0.0
        if self._in_flight or has_new:
            return self._retry_at
        return self._idle_at

    def poll(self, now: float) -> ChannelMessages | None:
        """Return what is to be sent now, if anything is."""
        due = self.next_due()
        if due is None or due > now:
            return None
        if not self._attempts:
            # While nobody answers, what waits stays in the queue, where newer state replaces it.
            self._fill_window()
        count = self._count_of_batch()
        already_sent = len(self._in_flight) - self._unsent
        self.resent += min(count, already_sent)
        self._unsent -= max(count - already_sent, 0)
        self._schedule(now)
        return ChannelMessages(self.incarnation, self._first, self._numbered(count))

    def acknowledged(self, told: Acknowledgement, now: float) -> PeerReset | None:
        """Take an acknowledgement, late or not; return what the application should know.

        What it claims beyond what was sent is not believed.
        """
        if told.of_incarnation != self.incarnation:
            return self._begin_above(told)
        taken = told.acknowledged - self._first + 1
        if taken > len(self._in_flight) - self._unsent:
            return None
        for _ in range(taken):
            self._in_flight.popleft()
            self._first += 1
        if taken > 0 or not self._in_flight:
            self._attempts = 0
            self._retry_at = now + self.limits.first_retry
        before, self.receiver = self.receiver, told.incarnation
        has_changed = before not in (None, told.incarnation)
        return PeerReset(told.incarnation) if has_changed else None

    def retry_now(self) -> None:
        """Send at the next poll what waits for its retry: the receiver was heard of."""
        self._retry_at = 0.0

    # ---- inside

    def _has_room(self) -> bool:
        return len(self._in_flight) < self.limits.window

    def _fill_window(self) -> None:
        while self._queue and self._has_room():
            self._in_flight.append(self._queue.popleft())
            self._unsent += 1

    def _count_of_batch(self) -> int:
        """Return how many of those in flight, from the first, fit into one document."""
        size = 0
        for count, one in enumerate(self._in_flight):
            size += one.size
            if count >= MAX_MESSAGES or size > self.limits.batch_bytes:
                return count
        return len(self._in_flight)

    def _numbered(self, count: int) -> tuple[NumberedMessage, ...]:
        return tuple(
            NumberedMessage(self._first + place, self._in_flight[place].body)
            for place in range(count)
        )

    def _schedule(self, now: float) -> None:
        limits = self.limits
        # Beyond 2 ** 32 it is the longest anyhow.
        wait = min(limits.first_retry * 2 ** min(self._attempts, 32), limits.longest_retry)
        self._retry_at = now + wait
        self._attempts += 1
        self._idle_at = None if limits.idle is None else now + max(limits.idle, wait)

    def _begin_above(self, told: Acknowledgement) -> PeerReset | None:
        """Number anew, if the receiver has heard of a later start of this program than this one.

        So it is when the file that counts starts was lost.
        """
        if not self.incarnation < told.of_incarnation <= MAX_INCARNATION:
            return None
        self.incarnation = self._above(told.of_incarnation)
        self._first = 1
        self._unsent = len(self._in_flight)
        self._attempts = 0
        return PeerReset(told.incarnation)
