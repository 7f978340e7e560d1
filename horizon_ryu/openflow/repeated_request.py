"""Repeated request: questions that a switch has answered before; does it say the same again?

Nobody waits for it. As long as the same is said, nothing of the answers is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from horizon_ryu.openflow.queries import RawAnswer, SwitchAnswer
from horizon_ryu.openflow.switch_peer import SwitchPeer
from horizon_ryu.wire.session import RepeatedQuestion, Repetition, TooManyRequests


class RepeatedRequest:
    """Of one switch; ``told`` hears once, in the hub, whether every answer says the same."""

    def __init__(
        self,
        peer: SwitchPeer,
        questions: Mapping[int, RepeatedQuestion],
        told: Callable[[bool], None],
    ) -> None:
        self._connection = peer.connection
        self._peer = peer
        self._after = peer.written
        self._told = told
        self._repetition = Repetition(questions, self._is_told)

    def _is_told(self, is_same: bool) -> None:
        if is_same:
            self._peer.processed(self._after)
        self._told(is_same)

    def send(self) -> bool:
        """Ask, in one write; False, and nothing is asked, if too much waits for an answer."""
        try:
            self._connection.repeat(self._repetition)
        except TooManyRequests:
            return False
        return True

    def give_up(self) -> None:
        """End it as late, if it is not at its end."""
        self._connection.end_repetition(self._repetition)


def repeated_questions(
    peer: SwitchPeer, answers: Sequence[SwitchAnswer]
) -> dict[int, RepeatedQuestion] | None:
    """Return by xid what asks again what was answered so; None if that cannot be compared.

    That is what came in pieces, or by another connection of the switch.
    """
    codec, connection = peer.codec, peer.connection
    questions: dict[int, RepeatedQuestion] = {}
    for answer in answers:
        known = answer.known if isinstance(answer, RawAnswer) and answer.codec is codec else None
        if not isinstance(answer, RawAnswer) or known is None:
            return None
        if peer.answers.may_lack(answer.query.kind(codec)):
            return None
        xid = connection.next_xid()
        questions[xid] = RepeatedQuestion(answer.query.encode(codec, xid), known)
    return questions
