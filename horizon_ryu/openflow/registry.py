"""The connected switches: send to them, ask them, and learn from what they refuse.

Nothing here waits but :meth:`SwitchRegistry.confirm`, :meth:`~SwitchRegistry.flow_entries` and
:meth:`~SwitchRegistry.flood_group`, which are for tasks of their own, never for handlers.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from horizon_ryu.core.errors import RequestUnanswered, SwitchAway, SwitchError
from horizon_ryu.openflow import answer_record as kinds
from horizon_ryu.openflow.answer_record import AnswerRecord
from horizon_ryu.openflow.context import Connection
from horizon_ryu.openflow.switch_request import SwitchRequest
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.description import Description
from horizon_ryu.wire.flow_stats import read_flood_group
from horizon_ryu.wire.messages import FloodPorts, FlowEntry, Match, Message, Outgoing
from horizon_ryu.wire.session import FailureKind, TooManyRequests
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


@dataclass(slots=True)
class _Peer:
    """One connected switch and what is known of it."""

    connection: Connection
    codec: Codec
    has_group: bool | None = None
    """Whether the flood group is there; None until somebody asked."""
    complained: bool = False
    """Whether the log says already that something could not be sent."""
    answers: AnswerRecord = field(default_factory=AnswerRecord)

    def request(self, request: SwitchRequest) -> None:
        """Take note of a request that is about to be sent; SwitchError if too many are open."""
        try:
            self.connection.request(request)
        except TooManyRequests as error:
            raise SwitchError(request.dpid, str(error)) from error


class SwitchRegistry:
    """Every switch whose handshake is complete, by dpid."""

    def __init__(
        self, runtime: Runtime, limited: Callable[[int, tuple[str, ...]], None] | None = None
    ) -> None:
        """``limited`` is told the kinds of requests that a switch leaves unanswered."""
        self._runtime = runtime
        self._limited = limited
        self._peers: dict[int, _Peer] = {}

    # What connections tell (openflow/context.py, Registry)

    def connected(self, connection: Connection) -> None:
        """Take a new connection in; an older one of the same switch is at its end."""
        if connection.id is not None:
            before = self._peers.get(connection.id)
            self._peers[connection.id] = _Peer(connection, connection.codec)
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
        answer within ``deadline`` seconds; SwitchError for one whose part failed by a fault of
        ours. Never raises these.
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
        until = self._runtime.now() + deadline
        for peer, request, _ in waiting:
            request.deadline, request.overdue = until, f"no barrier within {deadline:g} s"
            if peer.answers.is_given_up(kinds.BARRIER, self._runtime.now()):
                request.deadline = min(until, self._runtime.now() + BRIEF_SECONDS)
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
        codec = self._peer(dpid).codec
        asked = match, cookie, mask, to_controller
        try:
            pieces = self.answers(
                dpid,
                lambda codec, xid: codec.encode_flow_stats_request(xid, *asked),
                kinds.FLOWS,
                deadline,
            )
        except (ValueError, struct.error) as error:
            raise SwitchError(dpid, f"flow entries cannot be asked for: {error}") from error
        entries = list(codec.read_entries(pieces[0]))
        for piece in pieces[1:]:
            # A piece takes milliseconds: a large table must not hold up the other switches.
            self._runtime.checkpoint()
            entries += codec.read_entries(piece)
        # Not every version can ask for cookies.
        return tuple(entry for entry in entries if entry.cookie & mask == cookie & mask)

    def description(self, dpid: int, deadline: float = DEADLINE) -> Description:
        """Return what a switch says of itself; SwitchError, SwitchAway, SwitchDeadline."""
        peer = self._peer(dpid)
        pieces = self.answers(
            dpid, lambda codec, xid: codec.encode_desc_request(xid), kinds.DESCRIPTION, deadline
        )
        return peer.codec.read_description(pieces[0] if pieces else b"")

    def ask(
        self, dpid: int, encode: Callable[[Codec, int], bytes], wake: Callable[[], None]
    ) -> SwitchRequest:
        """Send the request that ``encode`` makes of a codec and an xid; never waits.

        ``wake`` is called once, in the receive task, when it is answered or at an end, and
        must not wait either. SwitchAway; SwitchError when too many requests are open.
        """
        peer = self._peer(dpid)
        xid = peer.connection.next_xid()
        request = SwitchRequest(dpid, xid, wake)
        peer.request(request)
        peer.connection.send(encode(peer.codec, xid))
        return request

    def give_up(self, request: SwitchRequest, reason: str) -> None:
        """End a request that was not answered in time; what still comes for it is dropped."""
        peer = self._peers.get(request.dpid)
        if peer is not None:
            request.overdue = reason
            peer.connection.give_up(request)

    def flood_group(self, dpid: int, deadline: float = DEADLINE) -> frozenset[int] | None:
        """Return the ports of a switch's flood group; None if it has none, or no groups at all."""
        peer = self._peer(dpid)
        if not peer.codec.capabilities.flood_group:
            return None
        pieces = self.answers(
            dpid, lambda codec, xid: codec.encode_group_desc_request(xid), kinds.GROUPS, deadline
        )
        found = [read_flood_group(piece) for piece in pieces]
        ports = next((group for group in found if group is not None), None)
        if peer.has_group is None:
            peer.has_group = ports is not None
        elif ports is None:
            # Somebody deleted it, or it was written while we asked.
            peer.has_group = None
        return ports

    def flooding_ports(self, dpid: int, deadline: float = DEADLINE) -> frozenset[int] | None:
        """Return the ports by which a switch floods; None if it should have a group and has none.

        The members of the flood group or, without groups, the ports without NO_FLOOD.
        SwitchError.
        """
        peer = self._peer(dpid)
        if peer.codec.capabilities.flood_group:
            return self.flood_group(dpid, deadline)
        pieces = self.answers(
            dpid, lambda codec, xid: codec.encode_features_request(xid), kinds.FEATURES, deadline
        )
        return peer.codec.read_flooding_ports(pieces[0])

    def answers(
        self,
        dpid: int,
        encode: Callable[[Codec, int], bytes],
        kind: str,
        deadline: float = DEADLINE,
    ) -> list[bytes]:
        """Ask what ``encode`` makes of a codec and an xid; return the answer in its pieces.

        SwitchError, SwitchAway, SwitchDeadline; what ``encode`` raises.
        """
        answered = self._runtime.event()
        peer = self._peer(dpid)
        if peer.answers.is_given_up(kind, self._runtime.now()):
            raise RequestUnanswered(dpid, kind)
        xid = peer.connection.next_xid()
        message = encode(peer.codec, xid)
        request = SwitchRequest(dpid, xid, answered.set, deadline=self._runtime.now() + deadline)
        request.overdue = f"no answer within {deadline:g} s"
        peer.request(request)
        peer.connection.send(message)
        self._await(peer, request, answered)
        errors = self._outcome(peer, request, kind)
        if errors:
            raise errors[0]
        return request.pieces

    def _peer(self, dpid: int) -> _Peer:
        peer = self._peers.get(dpid)
        if peer is None:
            raise SwitchAway(dpid)
        return peer

    def _write(self, peer: _Peer, dpid: int, message: Message) -> tuple[int, ...]:
        """Encode and queue one message; return the xids whose errors matter.

        SwitchError if OpenFlow, or the version that the switch speaks, cannot express it.
        """
        connection = peer.connection
        xid = connection.next_xid()
        try:
            if isinstance(message, FloodPorts):
                return self._write_group(peer, message, xid)
            connection.write(peer.codec.encode(message, xid))
        except (ValueError, struct.error) as error:
            reason = f"{type(message).__name__} cannot be sent: {error}"
            raise SwitchError(dpid, reason) from error
        return (xid,)

    def _write_group(self, peer: _Peer, message: FloodPorts, xid: int) -> tuple[int, ...]:
        """Set the members of the flood group.

        A group of an earlier run may be there already, and deleting it would delete the flow
        entries that point to it (1.3.5 section 6.7). So where nobody asked whether it is there,
        it is added, which fails harmlessly if it is, and then modified.
        """
        write, encode = peer.connection.write, peer.codec.encode_group
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
        peer: _Peer,
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

    def _await(self, peer: _Peer, request: SwitchRequest, answered: Event) -> None:
        """Wait until a request is done, at its deadline at the latest."""
        answered.wait(max(0.0, request.deadline - self._runtime.now()))
        peer.connection.give_up(request)

    def _outcome(self, peer: _Peer, request: SwitchRequest, kind: str) -> list[SwitchError]:
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

    def _lacks(self, peer: _Peer, kind: str) -> bool:
        """Tell whether a switch that answered no request of ``kind`` lives; may wait."""
        if not peer.answers.may_lack(kind):
            return False
        return kind in peer.answers.unanswered or peer.connection.answers(ALIVE_SECONDS)

    def noted(self, dpid: int, kind: str, is_answered: bool) -> None:
        """Take note that a switch answered a request of :meth:`ask`, or did not; never waits."""
        peer = self._peers.get(dpid)
        if peer is None:
            return
        if is_answered:
            self._answered(peer, dpid, kind)
        elif peer.answers.missed(kind, self._runtime.now()):
            self._tell_limits(peer, dpid)

    def _answered(self, peer: _Peer, dpid: int, kind: str) -> None:
        if peer.answers.answered(kind):
            self._tell_limits(peer, dpid)

    def _tell_limits(self, peer: _Peer, dpid: int) -> None:
        if self._limited is not None and self._peers.get(dpid) is peer:
            self._limited(dpid, peer.answers.unanswered)


def _by_switch(messages: Iterable[Outgoing]) -> dict[int, list[tuple[int, Message]]]:
    """Group messages, each with its place among all, by switch."""
    groups: dict[int, list[tuple[int, Message]]] = {}
    for index, sent in enumerate(messages):
        groups.setdefault(sent.dpid, []).append((index, sent.message))
    return groups
