"""Peer: one connected switch, and what is known of it beside its connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.openflow.answer_record import AnswerRecord
from horizon_ryu.openflow.context import Connection
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.session import FailureKind, TooManyRequests

MESSAGES_PER_SECOND = 1000
"""Of so many a switch has a second more: hardware takes a millisecond or so for each entry."""
FRAMES_PER_SECOND = 2000
"""The same for what else is before it: frames, mostly: probes of all ports, when it joins.

An emulated switch on a busy machine takes no more, and hardware hands each to a slow processor.
"""
MOST_FOR_FRAMES = 10.0
"""Seconds that a switch has for these at most: one that is dead is sent them, too."""
_UNANSWERED = (FailureKind.LATE, FailureKind.GONE)


@dataclass(slots=True)
class SwitchPeer:
    """One of the registry's."""

    connection: Connection
    codec: Codec
    has_group: bool | None = None
    """Whether the flood group is there; None until somebody asked."""
    complained: bool = False
    """Whether the log says already that something could not be sent."""
    answers: AnswerRecord = field(default_factory=AnswerRecord)
    written: int = 0
    """Messages that were queued by the registry, and are not answered one by one."""
    _processed: int = 0
    """How many of those it has done at least, for it answered what was asked after them."""
    _open: list[tuple[SwitchRequest, int]] = field(default_factory=list)

    def write(self, message: bytes) -> None:
        """Queue a message that is not answered."""
        self.written += 1
        self.connection.write(message)

    def request(self, request: SwitchRequest) -> None:
        """Take note of a request that is about to be sent; SwitchError if too many are open."""
        try:
            self.connection.request(request)
        except TooManyRequests as error:
            raise SwitchError(request.dpid, str(error)) from error
        self._open.append((request, self.written))

    def processed(self, written: int) -> None:
        """Take note that it has answered what came after so many messages."""
        self._processed = max(self._processed, written)

    def patience(self, seconds: float) -> float:
        """Return for how many seconds to wait for an answer that takes so many when nothing is due.

        One more for each MESSAGES_PER_SECOND that the switch has yet to confirm, whoever sent them,
        and for each FRAMES_PER_SECOND beside these: it does them in their order.
        """
        waiting = []
        for request, written in self._open:
            if not request.done:
                waiting.append((request, written))
            elif not any(one.kind in _UNANSWERED for one in request.failures):
                self.processed(written)
        self._open = waiting
        confirming = sum(len(request.xids) for request, _ in waiting)
        # What is to be confirmed was written, too.
        frames = max(self.written - self._processed - confirming, 0) // FRAMES_PER_SECOND
        return seconds + confirming // MESSAGES_PER_SECOND + min(frames, MOST_FOR_FRAMES)

    def found_group(self, is_there: bool) -> None:
        """Take note whether the flood group was there when the switch was asked."""
        if self.has_group is None:
            self.has_group = is_there
        elif not is_there:
            # Somebody deleted it, or it was written while we asked.
            self.has_group = None
