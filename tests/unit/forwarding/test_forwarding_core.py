"""Forwarding's decisions, judged by what tables of switches would do with its messages."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core import frames
from horizon_ryu.core.forwarding.control import REPEAT_AFTER, SETTLE_AT_ONCE, ForwardingControl
from horizon_ryu.core.forwarding.pair_flows import Pair, PairFlows
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.paths import Way
from horizon_ryu.core.topology import (
    Host,
    Link,
    Port,
    PortRef,
    Switch,
    TopologyChange,
    TopologyView,
)
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    DropBuffered,
    Flood,
    FlowCommand,
    FlowEntry,
    FlowMod,
    FlowRemoved,
    Match,
    Outgoing,
    Output,
    PacketIn,
    PacketOut,
    RemovalReason,
    ToController,
)
from virtual_switch.direct import DirectSwitch

GENERATION = 7
COOKIE = cookie(Owner.FORWARDING, GENERATION)
A = bytes.fromhex("0200000000a1")
B = bytes.fromhex("0200000000b2")
C = bytes.fromhex("0200000000c3")
IP_A, IP_B, IP_C = (bytes([10, 0, 0, n]) for n in (1, 2, 3))


def pair_match(in_port: int, src: bytes, dst: bytes) -> Match:
    """Match the frames of a pair that is in no VLAN."""
    return Match(in_port, src, dst, dl_vlan=VLAN_NONE)


def unicast(src: bytes, dst: bytes) -> bytes:
    return dst + src + b"\x08\x00" + b"\x45" + bytes(45)


class Network:
    """A topology, its hosts, Forwarding, and switches whose tables its messages have filled.

    For the switches time stands still: tests say themselves which entries are over.
    """

    def __init__(self, dpids: Iterable[int], cables: Iterable[tuple[int, int, int, int]]) -> None:
        self.places: dict[bytes, PortRef] = {}
        self.links: dict[PortRef, Link] = {}
        self.dpids = list(dpids)
        for one, one_port, two, two_port in cables:
            self.connect(PortRef(one, one_port), PortRef(two, two_port))
        self.switches = {dpid: DirectSwitch(dpid, 4, range(1, 10)) for dpid in self.dpids}
        self.now = 100.0
        self.core = ForwardingControl(self.places.get, GENERATION)
        self.ips: dict[bytes, tuple[str, ...]] = {}
        self.changed(*[TopologyChange("switch_join", self.switch(dpid)) for dpid in self.dpids])

    def switch(self, dpid: int) -> Switch:
        return Switch(dpid, "", 4, {n: Port(n, "", bytes(6), True) for n in range(1, 10)})

    def connect(self, one: PortRef, two: PortRef) -> list[TopologyChange]:
        links = (Link(one, two), Link(two, one))
        self.links.update({link.src: link for link in links})
        return [TopologyChange("link_add", link) for link in links]

    def cut(self, one: PortRef) -> list[TopologyChange]:
        link = self.links.pop(one)
        del self.links[link.dst]
        return [TopologyChange("link_delete", link), TopologyChange("link_delete", link.reversed())]

    def place(self, mac: bytes, dpid: int, port_no: int, *ips: str) -> TopologyChange:
        kind = "host_move" if mac in self.places else "host_add"
        self.places[mac] = PortRef(dpid, port_no)
        self.ips[mac] = ips
        return TopologyChange(kind, Host(mac, ips, self.places[mac]))

    def changed(self, *changes: TopologyChange) -> list[Outgoing]:
        hosts = {mac: Host(mac, self.ips[mac], place) for mac, place in self.places.items()}
        switches = {dpid: self.switch(dpid) for dpid in self.dpids}
        view = TopologyView(1, switches, dict(self.links), hosts)
        return self.apply(self.core.topology_changed(view, changes, self.now))

    def apply(self, messages: Iterable[Outgoing]) -> list[Outgoing]:
        messages = list(messages)
        for dpid, mod in [(sent.dpid, sent.message) for sent in messages]:
            if isinstance(mod, FlowMod):
                assert self.switches[dpid].apply(mod) is None
        return messages

    @property
    def tables(self) -> dict[tuple[int, Match, int], FlowMod]:
        """What the switches hold, as the messages that would make it."""
        return {
            (dpid, *key): mod
            for dpid, switch in self.switches.items()
            for key, mod in switch.installed().items()
        }

    def frame(
        self, dpid: int, in_port: int, data: bytes, buffer_id: int | None = None
    ) -> tuple[bool, list[Outgoing]]:
        consumed, messages = self.core.frame_in(PacketIn(dpid, in_port, data, buffer_id), self.now)
        return consumed, self.apply(messages)

    def talk(self, src: bytes, dst: bytes) -> list[Outgoing]:
        place = self.places[src]
        return self.frame(place.dpid, place.port_no, unicast(src, dst))[1]

    def way(self, src: bytes, dst: bytes) -> PortRef | None:
        """Follow a frame from the place of ``src``; None if it ends before a host port."""
        place = self.places[src]
        for _ in range(len(self.dpids) + 1):
            outs: list[int] = []
            self.switches[place.dpid].emit = lambda port_no, _, outs=outs: outs.append(port_no)
            self.switches[place.dpid].receive(place.port_no, unicast(src, dst))
            if not outs:
                return None
            (port_no,) = outs
            out = PortRef(place.dpid, port_no)
            if out not in self.links:
                return out
            place = self.links[out].dst
        pytest.fail("a loop")

    def pair_entries(self) -> int:
        return sum(priority == Priority.UNICAST for _, _, priority in self.tables)


@pytest.fixture
def square() -> Network:
    """Switches 1-2-4 and 1-3-4; A at 1, B at 4."""
    network = Network([1, 2, 3, 4], [(1, 1, 2, 1), (2, 2, 4, 1), (1, 2, 3, 1), (3, 2, 4, 2)])
    network.changed(network.place(A, 1, 9, "10.0.0.1"), network.place(B, 4, 9, "10.0.0.2"))
    return network


def outs(messages: Iterable[Outgoing]) -> list[tuple[int, PacketOut]]:
    return [(s.dpid, s.message) for s in messages if isinstance(s.message, PacketOut)]


def mods(messages: Iterable[Outgoing]) -> list[tuple[int, FlowMod]]:
    return [(s.dpid, s.message) for s in messages if isinstance(s.message, FlowMod)]


def test_a_new_switch_sends_what_tells_where_stations_are_to_the_controller() -> None:
    network = Network([5], [])
    matches = [
        Match(dl_dst_multicast=True, dl_type=0x0806),
        # RARP and frames of LLC (802.3, of no type), as others send them for a station that moved.
        Match(dl_dst=frames.BROADCAST, dl_type=0x8035),
        Match(dl_dst=frames.BROADCAST, dl_type=0x05FF),
        Match(dl_dst_multicast=True, dl_type=0x0800, nw_proto=17, tp_dst=67),
        Match(dl_dst_multicast=True, dl_type=0x0800, nw_proto=17, tp_dst=68),
        Match(dl_dst_multicast=True, dl_type=0x0800, nw_proto=2),
        Match(dl_dst_multicast=True, dl_type=0x86DD, nw_proto=58),
        Match(dl_dst_multicast=True, dl_type=0x86DD, nw_proto=17, tp_dst=546),
        Match(dl_dst_multicast=True, dl_type=0x86DD, nw_proto=17, tp_dst=547),
    ]
    assert network.tables == {
        (5, match, Priority.ARP): FlowMod(
            FlowCommand.ADD, match, Priority.ARP, COOKIE, (ToController(),)
        )
        for match in matches
    }


def test_a_known_pair_gets_entries_egress_first_and_the_frame_arrives(square: Network) -> None:
    consumed, messages = square.frame(1, 9, unicast(A, B))
    assert consumed
    assert [dpid for dpid, _ in mods(messages)] == [4, 2, 1]
    assert outs(messages) == [(4, PacketOut((Output(9),), unicast(A, B)))]
    assert square.way(A, B) == PortRef(4, 9)
    entry = square.tables[1, pair_match(9, A, B), Priority.UNICAST]
    assert (entry.cookie, entry.idle_timeout, entry.send_flow_removed) == (COOKIE, 60, True)


def test_a_burst_sends_entries_once_and_each_frame(square: Network) -> None:
    square.talk(A, B)
    for _ in range(5):
        messages = square.talk(A, B)
        assert [type(sent.message) for sent in messages] == [PacketOut]
    square.now += 2 * REPEAT_AFTER
    assert len(mods(square.talk(A, B))) == 3


def test_a_frame_that_a_middle_switch_missed_is_delivered_and_the_path_healed(
    square: Network,
) -> None:
    _, messages = square.frame(2, 1, unicast(A, B))
    assert outs(messages) == [(4, PacketOut((Output(9),), unicast(A, B)))]
    assert square.way(A, B) == PortRef(4, 9)


def test_unknown_destinations_are_flooded(square: Network) -> None:
    consumed, messages = square.frame(1, 9, unicast(A, C))
    assert consumed
    assert messages == [Outgoing(1, PacketOut((Flood(),), unicast(A, C), 9))]


def test_a_source_at_an_undecided_place_sets_up_no_entries(square: Network) -> None:
    _, messages = square.frame(3, 8, unicast(A, B))
    assert messages == [Outgoing(4, PacketOut((Output(9),), unicast(A, B)))]
    _, messages = square.frame(3, 8, unicast(C, B))
    assert messages == [Outgoing(4, PacketOut((Output(9),), unicast(C, B)))]


def test_two_hosts_behind_one_port_are_left_to_themselves(square: Network) -> None:
    square.changed(square.place(C, 1, 9))
    messages = square.talk(A, C)
    assert not outs(messages)
    ((dpid, mod),) = mods(messages)
    assert (dpid, mod.actions) == (1, ())


def test_no_path_is_flooded(square: Network) -> None:
    square.changed(*square.cut(PortRef(1, 1)), *square.cut(PortRef(1, 2)))
    assert square.talk(A, B) == [Outgoing(1, PacketOut((Flood(),), unicast(A, B), 9))]


@pytest.mark.parametrize(
    "data", [b"", b"\x02" * 13, B + b"\x03" + bytes(5) + b"\x08\x00" + bytes(46)]
)
def test_what_is_no_frame_of_a_station_is_dropped(square: Network, data: bytes) -> None:
    assert square.frame(1, 9, data) == (True, [])


def test_multicast_is_left_to_spanning_tree(square: Network) -> None:
    assert square.frame(1, 9, unicast(A, b"\x01\x00\x5e\x00\x00\x01")) == (False, [])
    assert square.frame(1, 9, unicast(A, b"\xff" * 6)) == (False, [])


def test_a_buffered_frame_is_freed_at_the_switch(square: Network) -> None:
    _, messages = square.frame(1, 9, unicast(A, B), buffer_id=77)
    assert messages[-1] == Outgoing(1, DropBuffered(77, 9))
    assert square.frame(1, 9, unicast(A, b"\xff" * 6), buffer_id=78) == (False, [])


def test_arp_for_a_known_address_is_answered_where_it_was_asked(square: Network) -> None:
    consumed, messages = square.frame(1, 9, frames.build_arp_request(A, IP_A, IP_B))
    assert consumed
    reply = frames.build_arp_reply(B, IP_B, A, IP_A)
    assert messages == [Outgoing(1, PacketOut((Output(9),), reply))]


@pytest.mark.parametrize(
    ("dpid", "port", "data"),
    [
        (1, 9, frames.build_arp_request(A, IP_A, IP_C)),  # unknown
        (1, 9, frames.build_arp_request(A, IP_A, IP_A)),  # announcement
        (1, 9, frames.build_arp_request(B, IP_A, IP_B)),  # about itself
        (1, 9, frames.build_arp_request(A, IP_A, IP_B, vlan=5)),  # another network
        (2, 1, frames.build_arp_request(A, IP_A, IP_B)),  # on its way along the tree
        (1, 9, b"\xff" * 6 + frames.build_arp_reply(A, IP_A, B, IP_B)[6:]),  # no request
        (1, 9, b"\xff" * 6 + A + b"\x08\x06" + bytes(46)),  # not ARP inside
    ],
)
def test_other_broadcast_arp_goes_along_the_tree(
    square: Network, dpid: int, port: int, data: bytes
) -> None:
    assert square.frame(dpid, port, data) == (False, [])


def test_an_address_that_two_hosts_claim_is_not_answered_for(square: Network) -> None:
    square.changed(square.place(C, 2, 9, "10.0.0.2"))
    assert square.frame(1, 9, frames.build_arp_request(A, IP_A, IP_B)) == (False, [])


def test_unicast_arp_is_delivered_without_entries(square: Network) -> None:
    reply = frames.build_arp_reply(A, IP_A, B, IP_B)
    consumed, messages = square.frame(1, 9, reply)
    assert consumed
    assert messages == [Outgoing(4, PacketOut((Output(9),), reply))]
    lost = frames.build_arp_reply(A, IP_A, C, IP_C)
    assert square.frame(1, 9, lost) == (True, [Outgoing(1, PacketOut((Flood(),), lost, 9))])


def test_the_answer_to_the_controllers_probe_goes_no_further(square: Network) -> None:
    answer = frames.build_arp_reply(A, IP_A, C, bytes(4))
    assert square.frame(1, 9, answer) == (True, [])


def test_a_cut_moves_pairs_to_the_other_way(square: Network) -> None:
    square.talk(A, B)
    messages = square.changed(*square.cut(PortRef(1, 1)))
    assert [(dpid, mod.command.value) for dpid, mod in mods(messages)] == [
        (4, "add"),
        (3, "add"),
        (1, "add"),
        (2, "delete_strict"),
        (4, "delete_strict"),
    ]
    assert square.way(A, B) == PortRef(4, 9)
    assert square.pair_entries() == 3


def test_a_cut_without_another_way_removes_the_entries(square: Network) -> None:
    square.talk(A, B)
    square.changed(*square.cut(PortRef(1, 1)), *square.cut(PortRef(1, 2)))
    assert square.pair_entries() == 0


def test_a_new_shorter_way_is_taken(square: Network) -> None:
    square.talk(A, B)
    square.changed(*square.connect(PortRef(1, 5), PortRef(4, 5)))
    assert square.way(A, B) == PortRef(4, 9)
    assert square.pair_entries() == 2


def test_moves_are_followed_in_both_directions(square: Network) -> None:
    square.talk(A, B)
    square.talk(B, A)
    square.changed(square.place(B, 3, 8, "10.0.0.2"))
    assert square.way(A, B) == PortRef(3, 8)
    assert square.way(B, A) == PortRef(1, 9)
    assert square.pair_entries() == 4


def test_a_frame_seen_before_the_move_is_published_takes_the_new_way(square: Network) -> None:
    square.talk(A, B)
    square.place(B, 2, 7)
    messages = square.talk(A, B)
    assert outs(messages) == [(2, PacketOut((Output(7),), unicast(A, B)))]
    assert square.way(A, B) == PortRef(2, 7)


def test_a_host_that_left_takes_its_entries_along(square: Network) -> None:
    square.talk(A, B)
    square.talk(B, A)
    place = square.places.pop(B)
    square.changed(TopologyChange("host_delete", Host(B, (), place)))
    assert square.pair_entries() == 0
    assert len(square.core._pairs) == 0
    assert not square.core._pairs._of_host


def test_a_host_change_leaves_the_paths_alone(square: Network) -> None:
    square.talk(A, B)
    finder = square.core._path_finder()
    square.changed(square.place(C, 3, 4))
    assert square.core._path_finder() is finder
    square.changed(*square.connect(PortRef(2, 5), PortRef(3, 5)))
    assert square.core._path_finder() is not finder


def test_many_pairs_are_settled_in_pieces_the_broken_first(square: Network) -> None:
    count = 3 * SETTLE_AT_ONCE
    macs = [bytes([2, 1, 0, 0, n >> 8, n & 255]) for n in range(count)]
    square.changed(*[square.place(mac, 1 if n % 3 else 2, 9) for n, mac in enumerate(macs)])
    for mac in macs:
        square.talk(mac, B)
    messages = square.changed(*square.cut(PortRef(1, 1)))
    assert square.core.unsettled
    assert len({mod.match.dl_src for _, mod in mods(messages)}) == SETTLE_AT_ONCE
    while square.core.unsettled:
        square.apply(square.core.settle(square.now, 10))
    assert all(square.way(mac, B) == PortRef(4, 9) for mac in macs)


def test_the_memory_of_pairs_is_bounded_and_what_it_drops_is_deleted() -> None:
    network = Network([1], [])
    network.core = ForwardingControl(network.places.get, GENERATION, max_pairs=10)
    macs = [bytes([2, 0, 0, 0, 0, n]) for n in range(30)]
    network.changed(*[network.place(mac, 1, n % 9 + 1) for n, mac in enumerate(macs)])
    for mac, other in itertools.pairwise(macs):
        network.talk(mac, other)
    assert len(network.core._pairs) == 10
    assert network.pair_entries() == 10


def timed_out(match: Match, value: int = COOKIE) -> FlowRemoved:
    """What a switch says of a pair's entry that was idle for 60 seconds."""
    return FlowRemoved(value, match, Priority.UNICAST, RemovalReason.IDLE_TIMEOUT, 0, 60.0)


def test_a_timed_out_entry_is_forgotten_only_where_frames_enter(square: Network) -> None:
    square.talk(A, B)
    square.now += 60
    core, now = square.core, square.now
    assert not core.flow_removed(2, timed_out(pair_match(1, A, B)), now)
    assert not core.flow_removed(1, timed_out(pair_match(8, A, B)), now)
    assert not core.flow_removed(1, timed_out(Match(dl_type=0x0806)), now)
    old = cookie(Owner.FORWARDING, 1)
    assert not core.flow_removed(1, timed_out(pair_match(9, A, B), old), now)
    assert len(core._pairs) == 1
    assert core.flow_removed(1, timed_out(pair_match(9, A, B)), now)
    assert len(core._pairs) == 0


@pytest.mark.parametrize(
    "lie",
    [
        {"duration": 3.0},
        {"priority": Priority.ARP},
        {"reason": RemovalReason.HARD_TIMEOUT},
        {"reason": RemovalReason.DELETE},
        {"table_id": 1},
        {"whole": False},
        {"match": pair_match(9, A, B)._replace(dl_type=0x0800)},
    ],
    ids=str,
)
def test_a_pair_is_not_forgotten_for_what_its_entry_cannot_have_done(
    square: Network, lie: dict[str, Any]
) -> None:
    square.talk(A, B)
    square.now += 60
    removed = timed_out(pair_match(9, A, B))._replace(**lie)
    assert not square.core.flow_removed(1, removed, square.now)
    assert len(square.core._pairs) == 1


def test_a_pair_is_not_forgotten_before_its_entry_can_have_been_idle(square: Network) -> None:
    square.talk(A, B)
    square.now += 30
    assert not square.core.flow_removed(1, timed_out(pair_match(9, A, B)), square.now)
    square.talk(A, B)
    square.now += 30
    assert not square.core.flow_removed(1, timed_out(pair_match(9, A, B)), square.now), "sent again"
    assert len(square.core._pairs) == 1


def test_entries_of_an_earlier_run_are_removed_and_wanted_ones_repaired(square: Network) -> None:
    square.talk(A, B)
    old = cookie(Owner.FORWARDING, GENERATION - 1)
    wanted = square.tables[1, pair_match(9, A, B), Priority.UNICAST]
    arp = Match(dl_dst_multicast=True, dl_type=0x0806)
    entries = [
        FlowEntry(pair_match(9, C, B), Priority.UNICAST, old, (Output(1),)),
        FlowEntry(wanted.match, Priority.UNICAST, old, (Output(2),)),
        FlowEntry(arp, Priority.ARP, old, (ToController(),)),
        FlowEntry(Match(dl_type=0x0806), Priority.ARP, old, (ToController(),)),
        FlowEntry(pair_match(9, B, C), Priority.UNICAST, COOKIE, (Output(2),)),
        FlowEntry(pair_match(1, A, C), Priority.UNICAST, cookie(Owner.DISCOVERY, 1), ()),
        FlowEntry(pair_match(1, A, C), Priority.UNICAST, 0, ()),
    ]
    messages = [sent.message for sent in square.core.stale(1, entries)]
    assert [(m.command.value, m.match, m.actions) for m in messages if isinstance(m, FlowMod)] == [
        ("delete_strict", pair_match(9, C, B), ()),
        ("add", wanted.match, wanted.actions),
        ("add", arp, (ToController(),)),
        ("delete_strict", Match(dl_type=0x0806), ()),
        ("delete_strict", pair_match(9, B, C), ()),
    ]
    current = [FlowEntry(wanted.match, Priority.UNICAST, COOKIE, wanted.actions)]
    assert square.core.stale(1, current) == []


def test_entries_at_hosts_ports_go_before_those_at_links(square: Network) -> None:
    old = cookie(Owner.FORWARDING, GENERATION - 1)
    transit = FlowEntry(pair_match(1, B, A), Priority.UNICAST, old, (Output(9),))
    ingress = FlowEntry(pair_match(9, A, B), Priority.UNICAST, old, (Output(1),))
    first = square.core.stale(1, [transit, ingress], ingress_only=True)
    assert [s.message.match for s in first if isinstance(s.message, FlowMod)] == [ingress.match]
    assert len(square.core.stale(1, [transit, ingress])) == 2


def test_entries_of_an_earlier_run_into_dead_ports_go_at_once(square: Network) -> None:
    old = cookie(Owner.FORWARDING, GENERATION - 1)
    entries = [
        FlowEntry(pair_match(9, A, B), Priority.UNICAST, old, (Output(1),)),
        FlowEntry(pair_match(9, B, A), Priority.UNICAST, old, (Output(20),)),
        FlowEntry(pair_match(8, B, A), Priority.UNICAST, 0, (Output(20),)),
    ]
    (sent,) = square.core.dead_ends(1, entries)
    assert isinstance(sent.message, FlowMod)
    assert sent.message.command is FlowCommand.DELETE_STRICT
    assert sent.message.match == pair_match(9, B, A)
    assert square.core.dead_ends(77, entries) == []


def test_no_history_leaves_an_entry_that_leads_astray() -> None:
    """Cuts, repairs, moves, talk at random: followed entries always end at the right host."""
    rng = random.Random(20)
    cables = [(1, 1, 2, 1), (2, 2, 3, 1), (3, 2, 4, 1), (4, 2, 1, 2), (2, 3, 4, 3)]
    network = Network([1, 2, 3, 4], cables)
    macs = [A, B, C]
    for mac in macs:
        network.changed(network.place(mac, rng.randint(1, 4), rng.randint(6, 9)))
    down: list[tuple[int, int, int, int]] = []
    for _ in range(400):
        network.now += 1
        act = rng.random()
        if act < 0.2 and len(down) < len(cables):
            cable = rng.choice([c for c in cables if c not in down])
            down.append(cable)
            network.changed(*network.cut(PortRef(*cable[:2])))
        elif act < 0.4 and down:
            cable = down.pop(rng.randrange(len(down)))
            network.changed(*network.connect(PortRef(*cable[:2]), PortRef(*cable[2:])))
        elif act < 0.5:
            mac = rng.choice(macs)
            network.changed(network.place(mac, rng.randint(1, 4), rng.randint(6, 9)))
        else:
            network.talk(*rng.sample(macs, 2))
        for src in macs:
            for dst in macs:
                found = None if src == dst else network.way(src, dst)
                assert found is None or found == network.places[dst]
        wanted = sum(len(pair.hops) for pair in network.core._pairs)
        assert network.pair_entries() == wanted


@pytest.mark.parametrize(
    "data",
    [
        unicast(A, A),
        unicast(b"\xff" * 6, B),
        unicast(b"\x01\x00\x5e\x00\x00\x01", B),
        unicast(bytes(6), B),
        unicast(bytes(6), b"\xff" * 6),
        unicast(b"\xff" * 6, b"\xff" * 6),
        frames.build_arp_request(bytes(6), IP_A, IP_B),
        frames.build_arp_reply(A, IP_A, A, IP_A),
    ],
)
def test_a_frame_that_no_station_can_have_sent_is_dropped_and_leaves_no_pair(
    square: Network, data: bytes
) -> None:
    assert square.frame(1, 9, data) == (True, [])
    assert len(square.core._pairs) == 0
    assert square.frame(1, 9, data, buffer_id=5) == (True, [Outgoing(1, DropBuffered(5, 9))])


def test_a_pair_of_one_host_is_forgotten_like_any_other() -> None:
    pairs = PairFlows(COOKIE, 60, 10)
    ends, others = (PortRef(1, 9), PortRef(1, 9)), (PortRef(1, 9), PortRef(1, 8))
    pairs.install(Pair(A + A, *ends, Way(*ends)), 0.0)
    pairs.install(Pair(A + B, *others, Way(*others)), 0.0)
    assert pairs.forget(A + A) is not None
    assert pairs.forget(A + A) is None
    assert pairs.of_host(A) == (A + B,)
    assert len(pairs.remove(A + B)) == 1
    assert not pairs._of_host


def test_a_pair_that_cannot_be_rerouted_is_let_go_and_the_others_are_rerouted(
    square: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    square.talk(A, B)
    square.talk(B, A)
    install = PairFlows.install

    def fail_for_one(self: PairFlows, pair: Pair, now: float) -> list[Outgoing]:
        if pair.key == B + A:
            raise KeyError("a fault of ours")
        return install(self, pair, now)

    monkeypatch.setattr(PairFlows, "install", fail_for_one)
    square.changed(*square.cut(PortRef(1, 1)))
    assert square.way(B, A) == PortRef(1, 9)
    assert square.way(A, B) is None
    assert square.pair_entries() == 3
    assert [type(error) for error in square.core.take_failures()] == [KeyError]
    assert square.core.take_failures() == ()
    monkeypatch.undo()
    square.talk(A, B)
    assert square.way(A, B) == PortRef(4, 9)


MACS = (A, B, C, bytes(6), b"\xff" * 6, b"\x01\x00\x5e\x00\x00\x01")
FRAMES = st.tuples(
    st.sampled_from([(1, 9), (4, 9), (2, 9), (2, 1), (3, 1)]),
    st.sampled_from(MACS),
    st.sampled_from(MACS),
    st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x81\x00\x00\x05\x08\x00"]),
)
EVENTS = st.sampled_from(["cut", "mend", "leave", "return", "move"])


@given(st.lists(st.one_of(FRAMES, EVENTS), max_size=40))
def test_no_frames_between_changes_end_the_rerouting(steps: list[Any]) -> None:
    network = Network([1, 2, 3, 4], [(1, 1, 2, 1), (2, 2, 4, 1), (1, 2, 3, 1), (3, 2, 4, 2)])
    network.changed(network.place(A, 1, 9), network.place(B, 4, 9), network.place(C, 2, 9))
    for step in steps:
        network.now += 1
        if step == "cut" and PortRef(1, 1) in network.links:
            network.changed(*network.cut(PortRef(1, 1)))
        elif step == "mend" and PortRef(1, 1) not in network.links:
            network.changed(*network.connect(PortRef(1, 1), PortRef(2, 1)))
        elif step == "leave" and A in network.places:
            network.changed(TopologyChange("host_delete", Host(A, (), network.places.pop(A))))
        elif step == "return" and A not in network.places:
            network.changed(network.place(A, 1, 9))
        elif step == "move":
            network.changed(network.place(C, 5 - network.places[C].dpid, 9))
        elif isinstance(step, tuple):
            (dpid, port_no), dst, src, rest = step
            network.frame(dpid, port_no, (dst + src + rest).ljust(60, b"\0"))
    network.changed(*network.cut(PortRef(1, 2)))
    assert network.core.take_failures() == ()
    for pair in list(network.core._pairs):
        src, dst = pair.key[6:], pair.key[:6]
        place = network.places[dst]
        # Both at one port have an entry that forwards nothing.
        assert network.way(src, dst) == (None if place == network.places[src] else place)
