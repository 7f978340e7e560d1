"""Joint request: questions to one switch that leave in one write and are waited for once."""

from __future__ import annotations

import struct
from typing import NamedTuple

from horizon_ryu.core.errors import RequestUnanswered, SwitchError
from horizon_ryu.openflow.lateness import wait_in_time
from horizon_ryu.openflow.queries import Query
from horizon_ryu.openflow.switch_peer import SwitchPeer
from horizon_ryu.openflow.switch_request import SwitchRequest
from xen_bridge.runtime.port import Runtime


class AskedQuery(NamedTuple):
    """A question and its request, or why there is none."""

    query: Query
    kind: str
    request: SwitchRequest | SwitchError


class JointRequest:
    """Of those that are added, then sent, then waited for; by the task that waits."""

    def __init__(self, runtime: Runtime, peer: SwitchPeer, dpid: int, deadline: float) -> None:
        """It waits for ``deadline`` seconds at most, and for what is before it to be done."""
        deadline = peer.patience(deadline)
        self._runtime = runtime
        self._peer = peer
        self._dpid = dpid
        self._overdue = f"no answer within {deadline:g} s"
        self._begun = runtime.now()
        self._until = self._begun + deadline
        self._asked: list[AskedQuery] = []
        self._messages: list[bytes] = []
        self._done = runtime.event()
        # Those that are open, and the sending itself.
        self._open = 1

    def add(self, query: Query) -> None:
        """Take one more question in."""
        kind = query.kind(self._peer.codec)
        try:
            asked: SwitchRequest | SwitchError = self._request(query, kind)
        except SwitchError as error:
            asked = error
        self._asked.append(AskedQuery(query, kind, asked))

    def _request(self, query: Query, kind: str) -> SwitchRequest:
        peer = self._peer
        if peer.answers.is_given_up(kind, self._begun):
            raise RequestUnanswered(self._dpid, kind)
        xid = peer.connection.next_xid()
        try:
            message = query.encode(peer.codec, xid)
        except (ValueError, struct.error) as error:
            raise SwitchError(self._dpid, f"{kind} cannot be asked for: {error}") from error
        request = SwitchRequest(self._dpid, xid, self._one_done, deadline=self._until)
        request.overdue = self._overdue
        self._open += 1
        try:
            peer.request(request)
        except SwitchError:
            self._open -= 1
            raise
        self._messages.append(message)
        return request

    def _one_done(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._done.set()

    def wait(self) -> list[AskedQuery]:
        """Send all that was added, and return it when each is done, at the deadline at last."""
        if self._messages:
            self._peer.connection.send(b"".join(self._messages))
        self._one_done()
        wait_in_time(self._runtime, self._done, self._until)
        for asked in self._asked:
            if isinstance(asked.request, SwitchRequest):
                self._peer.connection.give_up(asked.request)
        return self._asked
