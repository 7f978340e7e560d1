"""Peer: one connected switch, and what is known of it beside its connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.openflow.answer_record import AnswerRecord
from horizon_ryu.openflow.context import Connection
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.session import TooManyRequests

MESSAGES_PER_SECOND = 1000
"""Of so many a switch has a second more: hardware takes a millisecond or so for each entry."""


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
    _confirming: list[SwitchRequest] = field(default_factory=list)

    def request(self, request: SwitchRequest) -> None:
        """Take note of a request that is about to be sent; SwitchError if too many are open."""
        try:
            self.connection.request(request)
        except TooManyRequests as error:
            raise SwitchError(request.dpid, str(error)) from error
        if request.xids:
            self._confirming.append(request)

    def patience(self, seconds: float) -> float:
        """Return for how many seconds to wait for an answer that takes so many when nothing is due.

        One more for each MESSAGES_PER_SECOND that the switch has yet to confirm, whoever sent them:
        it does them in their order.
        """
        self._confirming = [one for one in self._confirming if not one.done]
        return seconds + sum(len(one.xids) for one in self._confirming) // MESSAGES_PER_SECOND

    def found_group(self, is_there: bool) -> None:
        """Take note whether the flood group was there when the switch was asked."""
        if self.has_group is None:
            self.has_group = is_there
        elif not is_there:
            # Somebody deleted it, or it was written while we asked.
            self.has_group = None
