"""Repeated request: questions that a switch has answered before; does it say the same again?

Nobody waits for it. As long as the same is said, nothing of the answers is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.openflow.queries import RawAnswer
from horizon_ryu.openflow.switch_peer import SwitchPeer
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.known_answer import KnownAnswer


class RepeatedRequest:
    """Of one switch; ``told`` is called once, in the receive task, and must not wait.

    It is told whether every answer says what it said the last time.
    """

    def __init__(self, peer: SwitchPeer, dpid: int, told: Callable[[bool], None]) -> None:
        self._connection = peer.connection
        self._peer = peer
        self._dpid = dpid
        self._told = told
        self._asked: list[tuple[SwitchRequest, KnownAnswer]] = []
        self._open = 0

    def send(self, answers: Sequence[RawAnswer]) -> bool:
        """Ask again what was answered so, in one write; False, and nothing is asked, if that
        cannot be compared: in pieces, or by another connection of the switch.
        """
        peer, connection = self._peer, self._connection
        messages: list[bytes] = []
        for answer in answers:
            query, known = answer.query, answer.known
            if known is None or answer.codec is not peer.codec:
                return False
            if peer.answers.may_lack(query.kind(peer.codec)):
                return False
            xid = connection.next_xid()
            messages.append(query.encode(peer.codec, xid))
            self._asked.append((SwitchRequest(self._dpid, xid, self._one_done), known))
        self._open = len(self._asked)
        try:
            for request, _ in self._asked:
                peer.request(request)
        except SwitchError:
            self._open = -1
            self.give_up()
            return False
        connection.send(b"".join(messages))
        for request, known in self._asked:
            connection.expect(request.last, known)
        return True

    def give_up(self) -> None:
        """End what is still open as late."""
        for request, _ in self._asked:
            self._connection.give_up(request)

    def _one_done(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._told(all(_is_same(request, known) for request, known in self._asked))


def _is_same(request: SwitchRequest, known: KnownAnswer) -> bool:
    pieces = request.pieces
    return not request.failures and len(pieces) == 1 and known.is_said_by(pieces[0])
