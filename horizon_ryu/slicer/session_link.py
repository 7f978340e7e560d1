"""Session on a connection of asyncio: what comes is taken in turns, what is said leaves soon."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import ClassVar, cast

from horizon_ryu.slicer.active_slices import ActiveSlices
from horizon_ryu.slicer.outbox import Outbox
from horizon_ryu.slicer.turns import TurnTaker
from horizon_ryu.wire.session.events import SessionEvent, SessionStage
from horizon_ryu.wire.session.protocol_session import ProtocolSession

_CLOSED = SessionStage.CLOSED
_LEAST_WAIT, _LONGEST_WAIT = 0.01, 3600.0


class SessionLink(asyncio.Protocol):
    """Carries a session of OpenFlow while there is a connection; there may be another later."""

    MOST_UNSENT: ClassVar[int]
    """Bytes that the peer may leave unread; then it is slow, and its connection ends."""

    def __init__(self, active: ActiveSlices, outbox: Outbox | None = None) -> None:
        """``active``: the slices that share the loop.

        ``outbox``: that of others who are sent to in the same turns.
        """
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(self._loop) if outbox is None else outbox
        self._active = active
        self._session: ProtocolSession | None = None
        self._turns: TurnTaker | None = None
        self.turn_began = 0
        """When that came which is dealt with now, in ns of perf_counter; 0 if that is not timed."""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flush_due = False

    @property
    def outbox(self) -> Outbox:
        """What is flushed at the end of a turn."""
        return self._outbox

    @property
    def active(self) -> ActiveSlices:
        """The slices that share the loop."""
        return self._active

    # ---- what a kind of link does

    @abstractmethod
    def _begun(self) -> ProtocolSession:
        """Return the session of a connection that has just been made."""

    @abstractmethod
    def take(self, event: SessionEvent, message: bytes) -> None:
        """Deal with a message."""

    @abstractmethod
    def turn_failed(self, error: Exception) -> None:
        """Tell of an error of ours, by which the connection ends."""

    @abstractmethod
    def _slow(self) -> None:
        """Tell that the peer does not read what it is sent."""

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a session."""
        # uvloop's transports are no subclasses of asyncio's.
        made = self._transport = cast("asyncio.Transport", transport)
        made.set_write_buffer_limits(high=self.MOST_UNSENT)
        self._session = self._begun()
        self._turns = TurnTaker(self._loop, self, made, active=self._active)
        self.flush()
        self._plan_tick()

    def data_received(self, data: bytes) -> None:
        """Take what the peer sends, a few messages in a turn."""
        session, turns = self._session, self._turns
        if session is None or turns is None:
            return
        event = None if turns.chunks else session.only_message(data)
        if event is None:
            turns.feed(session.receive(data))
        else:
            turns.take_alone(event, data)

    def pause_writing(self) -> None:
        """Give up a peer that does not read: others must not wait, nor memory fill."""
        self._slow()
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the session with its connection."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport = self._session = self._turns = self._timer = None

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # ---- what goes

    def _say(self, message: bytes) -> None:
        session = self._session
        if session is not None:
            session.say_one(message)
            if not self._flush_due:
                self._flush_due = True
                self._outbox.add(self.flush)

    def begin_turn(self) -> None:
        """Keep what is to be sent until the turn ends."""
        outbox = self._outbox
        outbox.is_held = True
        outbox.is_timed = self.turn_began > 0

    def end_turn(self) -> None:
        """Send what has come of the turn: to the peer, and to those with the same outbox."""
        session, outbox = self._session, self._outbox
        # What the session has said by itself, or its end, is nothing that a flush is due for.
        has_more = session is not None and (session.unsent or session.stage is _CLOSED)
        if has_more and not self._flush_due:
            self.flush()
        outbox.is_held = False
        if outbox.due:
            outbox.flush()
        if self.turn_began:
            self._timed()

    def flush(self) -> None:
        """Send what is to be sent; end what has ended."""
        self._flush_due = False
        session, transport = self._session, self._transport
        if session is None or transport is None:
            return
        data = session.take_output()
        if data:
            transport.write(data)
            if self._outbox.is_timed:
                self._wrote()
        if session.stage is _CLOSED:
            self._ending(session)
            transport.close()

    def _wrote(self) -> None:
        """Be told that something has been written in a turn that is timed."""

    def _timed(self) -> None:
        """Be told that a turn is over which is timed."""

    def _ending(self, session: ProtocolSession) -> None:
        """Be told that a session is closed before its connection is."""

    # ---- time

    def _plan_tick(self) -> None:
        if self._session is not None and not self._session.is_closed:
            now = self._loop.time()
            due = max(self._session.next_deadline(), now + _LEAST_WAIT)
            self._timer = self._loop.call_at(min(due, now + _LONGEST_WAIT), self._tick)

    def _tick(self) -> None:
        if self._session is not None:
            self._session.tick(self._loop.time())
            self.flush()
            self._plan_tick()
