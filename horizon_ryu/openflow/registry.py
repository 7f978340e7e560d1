"""The connected switches: send to them, ask them, and learn from what they refuse.

Nothing here waits but :meth:`SwitchRegistry.confirm`, :meth:`~SwitchRegistry.flow_entries` and
:meth:`~SwitchRegistry.flood_group`, which are for tasks of their own, never for handlers.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from horizon_ryu.core.errors import RequestUnanswered, SwitchAway, SwitchError
from horizon_ryu.openflow import answer_record as kinds
from horizon_ryu.openflow.context import Connection
from horizon_ryu.openflow.joint_request import AskedQuery, JointRequest
from horizon_ryu.openflow.lateness import wait_in_time
from horizon_ryu.openflow.queries import (
    DescriptionQuery,
    EntryQuery,
    FloodQuery,
    OtherQuery,
    Query,
    RawAnswer,
    SwitchAnswer,
)
from horizon_ryu.openflow.repeated_request import RepeatedRequest, repeated_questions
from horizon_ryu.openflow.switch_peer import SwitchPeer
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.description import Description
from horizon_ryu.wire.messages import FloodPorts, FlowEntry, Match, Message, Outgoing
from horizon_ryu.wire.session import FailureKind
from xen_bridge.runtime.port import Event, Runtime

LOG = logging.getLogger(__name__)

DEADLINE = 2.0
"""Seconds a switch has to answer a barrier or another request."""
ALIVE_SECONDS = 2.0
"""A switch that did not answer something else has to answer an echo request."""
BRIEF_SECONDS = 0.25
"""For the barrier of a switch that answers none: refusals of what went before come until then."""
_MANY = 500
"""Messages beyond which other tasks get their turn between switches."""


class SwitchRegistry:
    """Every switch whose handshake is complete, by dpid."""

    def __init__(
        self, runtime: Runtime, limited: Callable[[int, tuple[str, ...]], None] | None = None
    ) -> None:
        """``limited`` is told the kinds of requests that a switch leaves unanswered."""
        self._runtime = runtime
        self._limited = limited
        self._peers: dict[int, SwitchPeer] = {}

    # What connections tell (openflow/context.py, Registry)

    def connected(self, connection: Connection) -> None:
        """Take a new connection in; an older one of the same switch is at its end."""
        if connection.id is not None:
            before = self._peers.get(connection.id)
            self._peers[connection.id] = SwitchPeer(connection, connection.codec)
            if before is not None and before.connection is not connection:
                before.connection.abort("replaced")

    def disconnected(self, connection: Connection) -> None:
        """Let a dead connection go."""
        peer = self._peers.get(connection.id) if connection.id is not None else None
        if peer is not None and peer.connection is connection:
            del self._peers[peer.connection.id or 0]
            if peer.answers.unanswered and self._limited is not None:
                self._limited(peer.connection.id or 0, ())

    # What applications do

    def connected_switches(self) -> Mapping[int, Connection]:
        """Return the connections by dpid, as they are now."""
        return MappingProxyType({dpid: peer.connection for dpid, peer in self._peers.items()})

    def dpids(self) -> Collection[int]:
        """Return the dpids of the connected switches, whichever these are when it is read."""
        return self._peers.keys()

    def get(self, dpid: int) -> Connection:
        """Return the connection of ``dpid``; SwitchAway if there is none."""
        return self._peer(dpid).connection

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that ``dpid`` speaks; SwitchAway."""
        return self._peer(dpid).codec

    def disconnect(self, dpid: int, reason: str) -> None:
        """Close the connection of ``dpid``, if any."""
        peer = self._peers.get(dpid)
        if peer is not None:
            peer.connection.abort(reason)

    def send(self, messages: Iterable[Outgoing]) -> None:
        """Queue ``messages``, in order, without waiting.

        Those for absent switches are dropped, and those that OpenFlow cannot carry: an OpenFlow
        1.0 frame of nearly 64 KiB no longer fits into a packet-out, and must cost no other. Nor
        must a fault of ours in the part of one switch cost the others theirs.
        """
        for dpid, message in ((sent.dpid, sent.message) for sent in messages):
            peer = self._peers.get(dpid)
            if peer is None:
                continue
            try:
                self._write(peer, dpid, message)
            except SwitchError as error:
                # Frames come from strangers: one line per connection.
                LOG.log(logging.DEBUG if peer.complained else logging.WARNING, "%s", error)
                peer.complained = True
            except Exception:
                level = logging.DEBUG if peer.complained else logging.ERROR
                LOG.log(level, "switch %016x: a message was not sent", dpid, exc_info=True)
                peer.complained = True

    def confirm(
        self, messages: Sequence[Outgoing], deadline: float = DEADLINE
    ) -> tuple[SwitchError, ...]:
        """Send ``messages`` and wait until every switch concerned has processed them.

        Returns what went wrong: an error with the index of each message that was refused, or that
        the switch's version cannot express; SwitchDeadline or SwitchAway per switch that did not
        answer within ``deadline`` seconds, and more for all that it has yet to confirm;
        SwitchError for one whose part failed by a fault of ours. Never raises these.
        """
        errors: list[SwitchError] = []
        waiting = []
        for place, (dpid, own) in enumerate(_by_switch(messages).items()):
            if place and len(messages) > _MANY:
                # Encoding takes microseconds each, and there may be thousands.
                self._runtime.checkpoint()
            try:
                peer = self._peer(dpid)
                waiting.append((peer, *self._ask_barrier(peer, dpid, own, errors)))
            except SwitchError as error:
                errors.append(error)
            except Exception:
                LOG.exception("switch %016x: messages were not sent", dpid)
                errors.append(SwitchError(dpid, "a fault of the controller: see its log"))
        now = self._runtime.now()
        for peer, request, _ in waiting:
            seconds = peer.patience(deadline)
            request.overdue = f"no barrier within {seconds:g} s"
            if peer.answers.is_given_up(kinds.BARRIER, now):
                seconds = min(seconds, BRIEF_SECONDS)
            request.deadline = now + seconds
        for peer, request, answered in waiting:
            self._await(peer, request, answered)
            errors += self._outcome(peer, request, kinds.BARRIER)
        return tuple(errors)

    def flow_entries(
        self,
        dpid: int,
        deadline: float = DEADLINE,
        match: Match = Match(),  # noqa: B008 - frozen
        cookie: int = 0,
        mask: int = 0,
        to_controller: bool = False,
    ) -> tuple[FlowEntry, ...]:
        """Return the flow entries that ``match`` takes in, by default all.

        Of them those whose cookie equals ``cookie`` under ``mask``, and with ``to_controller``
        those that send frames to the controller. SwitchError, also for a match that the switch's
        version cannot express; SwitchAway or SwitchDeadline.
        """
        query = EntryQuery(match, cookie, mask, to_controller)
        return self._answer(dpid, query, deadline).entries()

    def read(
        self, dpid: int, queries: Sequence[Query], deadline: float = DEADLINE
    ) -> list[RawAnswer | SwitchError]:
        """Ask a switch several questions in one write; return what came of each.

        SwitchError, for a question that its version cannot express, too; RequestUnanswered,
        SwitchAway or SwitchDeadline.
        """
        peer = self._peers.get(dpid)
        if peer is None:
            return [SwitchAway(dpid) for _ in queries]
        joint = JointRequest(self._runtime, peer, dpid, deadline)
        for query in queries:
            joint.add(query)
        return [self._told(peer, asked) for asked in joint.wait()]

    def repeat(
        self, dpid: int, answers: Sequence[SwitchAnswer], told: Callable[[bool], None]
    ) -> RepeatedRequest | None:
        """Ask a switch again what it answered so; ``told`` hears once whether it says the same.

        Never waits: whoever asks gives it up when it is late. None if that cannot be asked, or
        not be compared.
        """
        peer = self._peers.get(dpid)
        questions = None if peer is None else repeated_questions(peer, answers)
        if peer is None or questions is None:
            return None
        request = RepeatedRequest(peer, questions, told)
        return request if request.send() else None

    def _told(self, peer: SwitchPeer, asked: AskedQuery) -> RawAnswer | SwitchError:
        request = asked.request
        if isinstance(request, SwitchError):
            return request
        if request.failures:
            errors = self._outcome(peer, request, asked.kind)
            if errors:
                return errors[0]
        self._answered(peer, request.dpid, asked.kind)
        rest = self._runtime.checkpoint
        return RawAnswer(asked.query, peer.codec, request.pieces, rest, peer.found_group)

    def _answer(self, dpid: int, query: Query, deadline: float) -> RawAnswer:
        """Return the answer to one question; SwitchError."""
        answer = self.read(dpid, (query,), deadline)[0]
        if isinstance(answer, SwitchError):
            raise answer
        return answer

    def description(self, dpid: int, deadline: float = DEADLINE) -> Description:
        """Return what a switch says of itself; SwitchError, SwitchAway, SwitchDeadline."""
        answer = self._answer(dpid, DescriptionQuery(), deadline)
        return answer.codec.read_description(answer.pieces[0] if answer.pieces else b"")

    def ask(
        self, dpid: int, encode: Callable[[Codec, int], bytes], wake: Callable[[], None]
    ) -> SwitchRequest:
        """Have the request that ``encode`` makes of a codec and an xid leave soon; never waits.

        ``wake`` is called once, in the receive task, when it is answered or at an end, and
        must not wait either. SwitchAway; SwitchError when too many requests are open.
        """
        peer = self._peer(dpid)
        xid = peer.connection.next_xid()
        request = SwitchRequest(dpid, xid, wake)
        peer.request(request)
        peer.connection.send_soon(encode(peer.codec, xid))
        return request

    def give_up(self, request: SwitchRequest, reason: str) -> None:
        """End a request that was not answered in time; what still comes for it is dropped."""
        peer = self._peers.get(request.dpid)
        if peer is not None:
            request.overdue = reason
            peer.connection.give_up(request)

    def flood_group(self, dpid: int, deadline: float = DEADLINE) -> frozenset[int] | None:
        """Return the ports of a switch's flood group; None if it has none, or no groups at all."""
        if not self.codec(dpid).capabilities.flood_group:
            return None
        return self.flooding_ports(dpid, deadline)

    def flooding_ports(self, dpid: int, deadline: float = DEADLINE) -> frozenset[int] | None:
        """Return the ports by which a switch floods; None if it should have a group and has none.

        The members of the flood group or, without groups, the ports without NO_FLOOD.
        SwitchError.
        """
        return self._answer(dpid, FloodQuery(), deadline).flooding()

    def answers(
        self,
        dpid: int,
        encode: Callable[[Codec, int], bytes],
        kind: str,
        deadline: float = DEADLINE,
    ) -> list[bytes]:
        """Ask what ``encode`` makes of a codec and an xid; return the answer in its pieces.

        SwitchError, also for what ``encode`` cannot express; SwitchAway, SwitchDeadline.
        """
        return list(self._answer(dpid, OtherQuery(kind, encode), deadline).pieces)

    def _peer(self, dpid: int) -> SwitchPeer:
        peer = self._peers.get(dpid)
        if peer is None:
            raise SwitchAway(dpid)
        return peer

    def _write(self, peer: SwitchPeer, dpid: int, message: Message) -> tuple[int, ...]:
        """Encode and queue one message; return the xids whose errors matter.

        SwitchError if OpenFlow, or the version that the switch speaks, cannot express it.
        """
        connection = peer.connection
        xid = connection.next_xid()
        try:
            if isinstance(message, FloodPorts):
                return self._write_group(peer, message, xid)
            peer.write(peer.codec.encode(message, xid))
        except (ValueError, struct.error) as error:
            reason = f"{type(message).__name__} cannot be sent: {error}"
            raise SwitchError(dpid, reason) from error
        return (xid,)

    def _write_group(self, peer: SwitchPeer, message: FloodPorts, xid: int) -> tuple[int, ...]:
        """Set the members of the flood group.

        A group of an earlier run may be there already, and deleting it would delete the flow
        entries that point to it (1.3.5 section 6.7). So where nobody asked whether it is there,
        it is added, which fails harmlessly if it is, and then modified.
        """
        write, encode = peer.write, peer.codec.encode_group
        if not peer.has_group:
            write(encode(xid, False, message.ports))
        if peer.has_group is None:
            xid = peer.connection.next_xid()
        if peer.has_group is not False:
            write(encode(xid, True, message.ports))
        peer.has_group = True
        return (xid,)

    def _ask_barrier(
        self,
        peer: SwitchPeer,
        dpid: int,
        messages: list[tuple[int, Message]],
        errors: list[SwitchError],
    ) -> tuple[SwitchRequest, Event]:
        answered = self._runtime.event()
        xids: dict[int, int] = {}
        for index, message in messages:
            try:
                for xid in self._write(peer, dpid, message):
                    xids[xid] = index
            except SwitchError as error:
                error.index = index
                errors.append(error)
        last = peer.connection.next_xid()
        request = SwitchRequest(dpid, last, answered.set, xids)
        peer.request(request)
        peer.connection.write(peer.codec.encode_barrier(last))
        return request, answered

    def _await(self, peer: SwitchPeer, request: SwitchRequest, answered: Event) -> None:
        """Wait until a request is done, at its deadline at the latest."""
        wait_in_time(self._runtime, answered, request.deadline)
        peer.connection.give_up(request)

    def _outcome(self, peer: SwitchPeer, request: SwitchRequest, kind: str) -> list[SwitchError]:
        """Return what went wrong with a request that is done, and take note of what it tells.

        A switch that is dead or slow is told by an echo request from one that answers less. May
        wait for that.
        """
        place = request.own_failure
        errors = request.errors
        if place is None:
            if not any(one.kind is FailureKind.GONE for one in request.failures):
                self._answered(peer, request.dpid, kind)
        elif self._lacks(peer, kind):
            if peer.answers.give_up(kind, self._runtime.now()):
                self._tell_limits(peer, request.dpid)
            errors[place] = RequestUnanswered(request.dpid, kind)
        return errors

    def _lacks(self, peer: SwitchPeer, kind: str) -> bool:
        """Tell whether a switch that answered no request of ``kind`` lives; may wait."""
        if not peer.answers.may_lack(kind):
            return False
        return kind in peer.answers.unanswered or peer.connection.answers(
            peer.patience(ALIVE_SECONDS)
        )

    def noted(self, dpid: int, kind: str, is_answered: bool) -> None:
        """Take note that a switch answered a request of :meth:`ask`, or did not; never waits."""
        peer = self._peers.get(dpid)
        if peer is None:
            return
        if is_answered:
            self._answered(peer, dpid, kind)
        elif peer.answers.missed(kind, self._runtime.now()):
            self._tell_limits(peer, dpid)

    def _answered(self, peer: SwitchPeer, dpid: int, kind: str) -> None:
        if peer.answers.answered(kind):
            self._tell_limits(peer, dpid)

    def _tell_limits(self, peer: SwitchPeer, dpid: int) -> None:
        if self._limited is not None and self._peers.get(dpid) is peer:
            self._limited(dpid, peer.answers.unanswered)


def _by_switch(messages: Iterable[Outgoing]) -> dict[int, list[tuple[int, Message]]]:
    """Group messages, each with its place among all, by switch."""
    groups: dict[int, list[tuple[int, Message]]] = {}
    for index, sent in enumerate(messages):
        groups.setdefault(sent.dpid, []).append((index, sent.message))
    return groups
