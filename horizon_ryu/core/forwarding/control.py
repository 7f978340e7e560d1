"""Forwarding: unicast between known hosts on shortest paths, ARP answered, ND directed.

No entry is needed for a frame to arrive: each frame the controller sees is emitted at its
destination's port at once, or flooded along the tree when that is not known. The entries sent
with it spare the next frames the detour. So nothing waits for a switch, and nothing is lost to
an entry that came late.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from horizon_ryu.core import frames
from horizon_ryu.core.discovery.host_questions import PROBER
from horizon_ryu.core.discovery.lldp import build_notice
from horizon_ryu.core.forwarding.address_questions import ArpTable, NeighbourQuestions
from horizon_ryu.core.forwarding.answers import (
    DROPPED,
    PASSED,
    Answer,
    FloodActions,
    along_the_tree,
    arp_answer,
    delivered,
    flooded,
    free_buffer,
)
from horizon_ryu.core.forwarding.leftovers import dead_ends, stale, timed_out
from horizon_ryu.core.forwarding.pair_flows import (
    DEFAULT_IDLE_TIMEOUT,
    DEFAULT_MAX_PAIRS,
    Pair,
    PairFlows,
    broken_first,
    destination_of,
    pair_key,
    source_of,
)
from horizon_ryu.core.forwarding.ways import WayFinder
from horizon_ryu.core.frames import Arp, Frame
from horizon_ryu.core.learning_entries import learning_entries
from horizon_ryu.core.neighbour_discovery import decode_neighbour
from horizon_ryu.core.ownership import Owner, Priority
from horizon_ryu.core.ownership import cookie as cookie_of
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import (
    Host,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
    station_key,
)
from horizon_ryu.wire.messages import (
    FlowEntry,
    FlowMod,
    FlowRemoved,
    Outgoing,
    PacketIn,
    PacketOut,
    output,
)

REPEAT_AFTER = 0.05
"""Seconds during which further frames of a pair do not send its entries again: a burst reaches us
before the first entry reaches the switch. After that the entry must have been lost."""

SETTLE_AT_ONCE = 128
"""Pairs re-routed in the call that reports a change; ``settle`` does the rest."""

_NO_ADDRESS = bytes(4)
_NO_PATH_KINDS = ("host_", "alarm_")
"""Beginnings of the kinds of change that leave switches and links as they are."""


class ForwardingControl:
    """Decides where frames go and which entries say so; one per controller.

    ``locate`` gives the newest known place of a host: Discovery's own table rather than the
    view, which may be one batch older than the frame at hand. ``is_contested`` tells of a packed IP
    address in a VLAN whether it is undecided whose it is; ``flood`` how its broadcasts go.
    """

    def __init__(
        self,
        locate: Callable[[bytes], PortRef | None],
        generation: int,
        idle_timeout: int = DEFAULT_IDLE_TIMEOUT,
        max_pairs: int = DEFAULT_MAX_PAIRS,
        is_contested: Callable[[int | None, bytes], bool] = lambda _vlan, _address: False,
        flood: FloodActions = along_the_tree,
    ) -> None:
        self._flooded = partial(flooded, flood)
        self._locate = locate
        self._is_contested = is_contested
        self._cookie = cookie_of(Owner.FORWARDING, generation)
        self._pairs = PairFlows(self._cookie, idle_timeout, max_pairs)
        self._view = TopologyView()
        self._forest = Forest()
        self._finder: WayFinder | None = None
        self._book = ArpTable()
        self._questions = NeighbourQuestions()
        self._unsettled: OrderedDict[bytes, None] = OrderedDict()
        self._failures: list[Exception] = []

    # What the network looks like

    def topology_changed(
        self, view: TopologyView, changes: Iterable[TopologyChange], now: float
    ) -> list[Outgoing]:
        """Take the new view; return base entries of new switches and the most urgent re-routes.

        Pairs on a link that is gone come first, then those of hosts that moved or left; pairs
        that only have a better way now come last. ``unsettled`` tells whether some are left.
        """
        changes = tuple(changes)
        self._view = view
        self._book.follow(view.hosts, changes)
        if any(map(self._may_change_paths, changes)):
            self._finder = None
            self._queue_reroutes()
        self._queue_ends(changes)
        return self._base_entries(changes) + self.settle(now, SETTLE_AT_ONCE)

    def tree_changed(self, forest: Forest, now: float) -> list[Outgoing]:
        """Take the newest forest; pairs with a segment on their way follow it."""
        before, self._forest = self._forest, forest
        if before.joints or forest.joints:
            if self._finder is not None:
                self._finder.follow(forest)
            self._queue_reroutes()
        return self.settle(now, SETTLE_AT_ONCE)

    @property
    def unsettled(self) -> bool:
        """Whether pairs wait for :meth:`settle`."""
        return bool(self._unsettled)

    def settle(self, now: float, limit: int) -> list[Outgoing]:
        """Bring up to ``limit`` waiting pairs in line with the topology; return the messages."""
        messages: list[Outgoing] = []
        for _ in range(min(limit, len(self._unsettled))):
            messages += self._settle_or_remove(self._unsettled.popitem(last=False)[0], now)
        return messages

    def take_failures(self) -> tuple[Exception, ...]:
        """Return what was raised since the last call, each for one pair, which was let go."""
        failures, self._failures = tuple(self._failures), []
        return failures

    def _settle_or_remove(self, key: bytes, now: float) -> list[Outgoing]:
        """Settle one pair; one that raises is removed, so that its frames come to us again.

        The messages for the pairs before it, which are remembered as sent, must not be lost.
        """
        try:
            return self._settle_pair(key, now)
        except Exception as error:
            self._failures.append(error)
            return self._pairs.remove(key)

    def _base_entries(self, changes: Iterable[TopologyChange]) -> list[Outgoing]:
        return [
            Outgoing(change.subject.dpid, entry)
            for change in changes
            if change.kind == "switch_join" and isinstance(change.subject, Switch)
            for entry in learning_entries(change.subject.capabilities, self._cookie)
        ]

    def base_entries(self, dpid: int) -> tuple[FlowMod, ...]:
        """Return the entries that a switch should have whoever talks; none if it is not there."""
        switch = self._view.switches.get(dpid)
        return () if switch is None else learning_entries(switch.capabilities, self._cookie)

    def _queue_reroutes(self) -> None:
        if not self._pairs:
            return
        self._unsettled = OrderedDict.fromkeys(broken_first(self._pairs, self._path_finder()))

    def _may_change_paths(self, change: TopologyChange) -> bool:
        """Tell whether other paths may be the shortest now; of a port, only where links are."""
        if change.kind.startswith(_NO_PATH_KINDS):
            return False
        if not isinstance(change.subject, PortRef) or self._finder is None:
            return True
        return self._finder.is_between(change.subject)

    def _queue_ends(self, changes: Iterable[TopologyChange]) -> None:
        """Have the pairs settled first at whose ends something has happened."""
        for change in changes:
            subject = change.subject
            keys: Iterable[bytes] = ()
            if isinstance(subject, Host):
                keys = self._pairs.of_host(subject.key)
            elif isinstance(subject, PortRef):
                keys = self._pairs.at_port(subject)
            for key in keys:
                self._unsettled[key] = None
                self._unsettled.move_to_end(key, last=False)

    def _settle_pair(self, key: bytes, now: float) -> list[Outgoing]:
        pair = self._pairs.get(key)
        if pair is None:
            return []
        here, there = self._locate(source_of(key)), self._locate(destination_of(key))
        if here is None or there is None:
            return self._pairs.remove(key)
        way = self._path_finder().way(here, there)
        if way is None:
            return self._pairs.remove(key)
        if way == pair.way and here == pair.here and there == pair.there:
            return []
        return self._install(Pair(key, here, there, way), now)

    def _install(self, pair: Pair, now: float) -> list[Outgoing]:
        """Return the entries of a pair, and what has bridges of others know where it leads.

        They send a station's frames where they have heard it last: at another port of ours, if the
        tree was another one then, or nowhere, if we have answered for it.
        """
        messages = self._pairs.install(pair, now)
        if pair.way.is_tree:
            notice = build_notice(destination_of(pair.key))
            for ref in self._path_finder().entrances(pair.way):
                out = PacketOut((output(ref.port_no),), notice)
                messages.append(Outgoing(ref.dpid, out))
        return messages

    def _path_finder(self) -> WayFinder:
        if self._finder is None:
            self._finder = WayFinder(self._view, self._forest)
        return self._finder

    # Frames

    def frame_in(self, packet: PacketIn, now: float) -> Answer:
        """Forward one frame; multicast but for questions about a known address is left to others.

        The caller has already dropped what came in by ports closed to broadcasts.
        """
        frame = frames.decode(packet.data)
        if frame is None or frames.has_impossible_source(frame):
            answer = DROPPED
        elif frame.ethertype == frames.ETH_ARP:
            answer = self._arp_in(packet, frame)
        elif frame.dst[0] & 1:
            answer = self._group_in(packet, frame, now)
        elif frame.dst == PROBER:
            # The answer to a question of the controller itself: no station waits for it.
            answer = DROPPED
        else:
            answer = True, self._unicast_in(packet, frame, now)
        return answer if packet.buffer_id is None else free_buffer(packet, answer)

    def _unicast_in(self, packet: PacketIn, frame: Frame, now: float) -> Sequence[Outgoing]:
        vlan, at = frame.vlan, PortRef(packet.dpid, packet.in_port)
        there = self._locate(station_key(frame.dst, vlan))
        if there is None:
            return self._flooded(packet, vlan)
        here = self._locate(station_key(frame.src, vlan))
        if here is None or not self._may_come_from(here, at):
            return self._passed_on(packet, at, there)
        key = pair_key(packet.data, vlan)
        pair = self._pairs.get(key)
        if pair is None or pair.here != here or pair.there != there:
            way = self._path_finder().way(here, there)
            if way is None:
                return self._flooded(packet, vlan)
            pair = Pair(key, here, there, way)
        if pair.way.is_tree and not pair.passes(at):
            # What somebody has flooded comes in at places where nobody waits for it.
            return ()
        late = now - pair.installed_at >= REPEAT_AFTER
        messages = self._install(pair, now) if late else []
        if self._path_finder().may_deliver(pair.way, here, there, at):
            messages += delivered(packet, pair.way.there)
        return messages

    def _may_come_from(self, here: PortRef, at: PortRef) -> bool:
        """Tell whether a frame of the host at ``here`` can enter at ``at``.

        At its own port, or at a port to others of a switch that lacks the entry; at another edge
        port it is a move or a fraud that Discovery has not decided, and must not set up entries.
        """
        return here == at or self._path_finder().is_between(at)

    def _passed_on(self, packet: PacketIn, here: PortRef, there: PortRef) -> list[Outgoing]:
        """Deliver a frame of a station at ``here`` without setting up entries."""
        finder, at = self._path_finder(), PortRef(packet.dpid, packet.in_port)
        way = finder.way(here, there)
        if way is None:
            return delivered(packet, there)
        return delivered(packet, way.there) if finder.may_deliver(way, here, there, at) else []

    def _source(self, packet: PacketIn, frame: Frame) -> PortRef:
        """Return where the sender of a frame is; where it came in if that is not known."""
        at = PortRef(packet.dpid, packet.in_port)
        here = self._locate(station_key(frame.src, frame.vlan))
        return at if here is None or not self._may_come_from(here, at) else here

    def _arp_in(self, packet: PacketIn, frame: Frame) -> Answer:
        arp = frames.decode_arp(packet.data, frame)
        if frame.dst[0] & 1:
            known = None if arp is None else self._answerable(packet, frame, arp)
            if arp is None or known is None:
                return PASSED
            return arp_answer(packet, arp, known, frame.vlan)
        there = self._locate(station_key(frame.dst, frame.vlan))
        if there is not None:
            return True, self._passed_on(packet, self._source(packet, frame), there)
        if arp is not None and arp.op == frames.ARP_REPLY and arp.tpa == _NO_ADDRESS:
            # The answer to a probe of the controller itself: no station waits for it.
            return DROPPED
        return True, self._flooded(packet, frame.vlan)

    def _answerable(self, packet: PacketIn, frame: Frame, arp: Arp) -> bytes | None:
        """Return the MAC that answers a broadcast request; None if the stations must do it.

        Announcements and questions about oneself are for the others to hear; who probes whether
        an address is free (RFC 5227, 2.1.1) wants to hear its user; and a request that comes by a
        link was not answered where it entered, so it goes on.
        """
        if arp.op != frames.ARP_REQUEST or not frames.is_plain(packet.data, frame):
            return None
        if arp.spa in (arp.tpa, _NO_ADDRESS) or arp.sha != frame.src:
            return None
        host = self._owner(packet, frame, arp.tpa)
        return None if host is None else host.mac

    def _group_in(self, packet: PacketIn, frame: Frame, now: float) -> Answer:
        """Have a question of IPv6 heard by the owner of the address alone, where that is known."""
        question = decode_neighbour(packet.data, frame)
        if question is None or not frames.is_plain(packet.data, frame):
            return PASSED
        host = self._owner(packet, frame, question.target)
        there = None if host is None else self._locate(host.key)
        if there is None or not self._questions.may_be_directed(question, frame.vlan, now):
            return PASSED
        return True, self._passed_on(packet, self._source(packet, frame), there)

    def _owner(self, packet: PacketIn, frame: Frame, address: bytes) -> Host | None:
        """Return whom a question that enters here is about; None if that is not sure."""
        host = self._book.owner(address, frame.vlan)
        if host is None or host.mac == frame.src or self._is_contested(frame.vlan, address):
            return None
        place, at = self._locate(host.key), PortRef(packet.dpid, packet.in_port)
        if place is None:
            return None
        asker = self._source(packet, frame)
        return host if self._path_finder().may_answer(asker, place, at) else None

    # What switches report

    def flow_removed(self, dpid: int, removed: FlowRemoved, now: float) -> bool:
        """Forget the pair whose entry at the first switch timed out; tell whether there was one.

        Believed only of that very entry, and not before it can have been idle for long enough.
        """
        pair = timed_out(self._pairs, self._cookie, dpid, removed, now)
        if pair is None:
            return False
        self._pairs.forget(pair.key)
        return True

    def stale(
        self, dpid: int, entries: Iterable[FlowEntry], ingress_only: bool = False
    ) -> list[Outgoing]:
        """Return what removes or repairs entries that Forwarding no longer stands behind.

        They are left from an earlier run, or from the time before ``dpid`` lost its connection,
        and may lead into links that are gone. An entry that is wanted but different is replaced
        in place. ``ingress_only`` leaves those for frames that come by a link: a frame that
        misses its entry at the host's own port finds its way, one that misses it at a link
        outside the tree is dropped, so these go last, when no frames come any more.
        """
        stays = self._is_transit if ingress_only else lambda _dpid, _entry: False
        return stale(dpid, entries, partial(self._wanted, dpid), partial(stays, dpid))

    def _is_transit(self, dpid: int, entry: FlowEntry) -> bool:
        in_port = entry.match.in_port
        return in_port is not None and self._path_finder().is_between(PortRef(dpid, in_port))

    def dead_ends(self, dpid: int, entries: Iterable[FlowEntry]) -> list[Outgoing]:
        """Return what removes entries of earlier runs that lead out of a port that is down.

        Frames they would lose come to the controller instead; entries that still lead somewhere
        are left until :meth:`stale`, so that a restart of the controller interrupts nobody.
        """
        switch = self._view.switches.get(dpid)
        return [] if switch is None else dead_ends(switch, entries)

    def _wanted(self, dpid: int, entry: FlowEntry) -> FlowMod | None:
        for wanted in self.base_entries(dpid):
            if (entry.match, entry.priority) == (wanted.match, wanted.priority):
                return wanted
        return self._pairs.wanted(dpid, entry.match) if entry.priority == Priority.UNICAST else None
