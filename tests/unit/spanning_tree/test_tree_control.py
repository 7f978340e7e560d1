"""Decisions of TreeControl, event by event; whole histories are the simulator's matter."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from horizon_ryu.core.errors import InvalidInput, SwitchDeadline
from horizon_ryu.core.spanning_tree.control import SHARED_HOLD, TreeControl
from horizon_ryu.core.spanning_tree.flood_plan import FloodPlan
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.core.spanning_tree.memory import memory_from_json, memory_to_json
from horizon_ryu.core.topology import Link, PortRef, Segment, Switch, TopologyChange, TopologyView
from horizon_ryu.wire.messages import FloodPorts, FlowMod, SetNoFlood
from virtual_switch.direct import DirectSwitch

HOLD = 10.0


class Bench:
    """A TreeControl and real tables for its messages; time is moved by hand."""

    def __init__(self, openflow: int = 4, memory: TreeMemory | None = None) -> None:
        self.control = TreeControl(1, HOLD)
        if memory is not None:
            self.control.recall(memory, 30.0)
        self.now = 0.0
        self.openflow = openflow
        self.real: dict[int, DirectSwitch] = {}
        self.links: dict[PortRef, Link] = {}
        self.segments: set[Segment] = set()
        self.there: set[int] = set()
        self.version = 0

    def join(self, dpid: int, ports: int = 3) -> None:
        """Have a switch connect, new or with what it had."""
        if dpid not in self.real:
            self.real[dpid] = DirectSwitch(dpid, self.openflow)
            for number in range(1, ports + 1):
                self.real[dpid].add_port(number)
        self.there.add(dpid)
        self.tell(TopologyChange("switch_join", self.real[dpid].describe()))
        assert self.control.unread() == {dpid}
        real = self.real[dpid]
        self.control.switch_state_read(dpid, real.entries(), real.group, self.now)

    def leave(self, dpid: int) -> None:
        self.there.discard(dpid)
        self.links = {
            src: link
            for src, link in self.links.items()
            if dpid not in (link.src.dpid, link.dst.dpid)
        }
        left = [[ref for ref in one.ports if ref.dpid != dpid] for one in self.segments]
        self.segments = {Segment(tuple(ports)) for ports in left if len(ports) > 1}
        self.tell(TopologyChange("switch_leave", self.real[dpid].describe()))

    def link(self, one: tuple[int, int], other: tuple[int, int], ways: int = 2) -> None:
        ends = (PortRef(*one), PortRef(*other))
        for src, dst in (ends, ends[::-1])[:ways]:
            self.links[src] = Link(src, dst)
        self.tell(TopologyChange("link_add", self.links[ends[0]]))

    def segment(self, *ends: tuple[int, int]) -> None:
        self.segments = {Segment(tuple(PortRef(*end) for end in ends))}
        self.tell(*(TopologyChange("segment_add", one) for one in self.segments))

    def unlink(self, *ends: tuple[int, int]) -> None:
        gone = [self.links.pop(PortRef(*end)) for end in ends]
        self.tell(*(TopologyChange("link_delete", link) for link in gone))

    def carrier(self, dpid: int, port_no: int, up: bool) -> None:
        self.real[dpid].set_up(port_no, up)
        ref = PortRef(dpid, port_no)
        self.links = {s: k for s, k in self.links.items() if ref not in (k.src, k.dst)}
        self.tell(TopologyChange("port_modify", ref))

    def tell(self, *changes: TopologyChange) -> None:
        self.version += 1
        switches: dict[int, Switch] = {d: self.real[d].describe() for d in sorted(self.there)}
        segments = {ref: one for one in self.segments for ref in one.ports}
        view = TopologyView(self.version, switches, dict(self.links), {}, segments)
        self.control.topology_changed(view, changes, self.now)

    def apply(self, plan: FloodPlan, dpids: Iterable[int] | None = None) -> None:
        for sent in plan.messages:
            if dpids is None or sent.dpid in dpids:
                assert self.real[sent.dpid].apply(sent.message) is None

    def settle(self) -> list[FloodPlan]:
        """Carry out plans until there are none."""
        plans = []
        while plan := self.control.plan(self.now):
            self.apply(plan)
            self.control.confirmed(plan, (), self.now)
            plans.append(plan)
        return plans

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.settle()

    def open(self, dpid: int) -> set[int]:
        """Return the ports that are really open."""
        switch = self.real[dpid]
        if switch.openflow == 1:
            return {n for n, port in switch.ports.items() if not port.no_flood}
        return set(switch.group or ())


@pytest.fixture(params=[1, 4], ids=["of10", "of13"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def triangle(bench: Bench) -> None:
    """Switches 1, 2, 3 in a ring by ports 1 and 2, a host at port 3 of each, all settled."""
    for dpid in (1, 2, 3):
        bench.join(dpid)
    bench.link((1, 1), (2, 1))
    bench.link((2, 2), (3, 1))
    bench.link((1, 2), (3, 2))
    bench.wait(HOLD)
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 3}, {2, 3}]


def test_ports_of_a_new_switch_are_closed_for_the_hold_time(bench: Bench) -> None:
    bench.join(1)
    bench.settle()
    assert bench.open(1) == set()
    assert not bench.control.gate(1, 1)
    assert bench.control.next_due() == HOLD
    bench.wait(HOLD - 0.1)
    assert bench.open(1) == set()
    bench.wait(0.1)
    assert bench.open(1) == {1, 2, 3}
    assert bench.control.gate(1, 1)


def test_a_link_opens_before_the_hold_time_is_over(bench: Bench) -> None:
    bench.join(1)
    bench.join(2)
    bench.link((1, 1), (2, 1))
    bench.settle()
    assert (bench.open(1), bench.open(2)) == ({1}, {1})


def test_one_way_link_stays_closed_beyond_the_hold_time(bench: Bench) -> None:
    bench.join(1)
    bench.join(2)
    bench.link((1, 1), (2, 1), ways=1)
    bench.wait(2 * HOLD)
    assert (bench.open(1), bench.open(2)) == ({2, 3}, {2, 3})


def test_redundant_link_is_closed_at_both_ends(bench: Bench) -> None:
    triangle(bench)
    assert bench.control.forest().blocked == {PortRef(2, 2), PortRef(3, 1)}
    assert not bench.control.gate(2, 2)


def test_cut_tree_link_is_closed_everywhere_before_another_opens(bench: Bench) -> None:
    triangle(bench)
    bench.carrier(1, 2, False)
    first = bench.control.plan(bench.now)
    assert {sent.dpid for sent in first.messages} == {1, 3}
    bench.apply(first)
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 3}, {1, 3}, {3}]
    assert not bench.control.plan(bench.now), "nothing opens while closings are unconfirmed"
    bench.control.confirmed(first, (), bench.now)
    bench.settle()
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 3}, {1, 2, 3}, {1, 3}]


def test_only_differences_are_sent(bench: Bench) -> None:
    triangle(bench)
    bench.control.rebuild()
    assert bench.settle() == []
    bench.carrier(2, 3, False)
    (plan,) = bench.settle()
    assert {sent.dpid for sent in plan.messages} == {2}
    kinds = {type(sent.message) for sent in plan.messages}
    assert kinds == {FlowMod, SetNoFlood if bench.openflow == 1 else FloodPorts}


def test_a_rebuild_after_which_nothing_has_happened_is_no_work(bench: Bench) -> None:
    triangle(bench)
    assert bench.control.rebuild()
    assert bench.settle() == []
    assert not bench.control.rebuild()
    bench.carrier(2, 3, False)
    assert bench.control.rebuild(), "nothing is settled yet"
    bench.settle()
    assert bench.control.rebuild(), "it was confirmed since"
    bench.settle()
    assert not bench.control.rebuild()
    bench.wait(HOLD)
    bench.carrier(2, 3, True)
    bench.settle()
    assert bench.control.rebuild()


def test_port_that_falls_and_rises_between_two_searches_is_held(bench: Bench) -> None:
    triangle(bench)
    bench.carrier(1, 3, False)
    bench.carrier(1, 3, True)
    bench.settle()
    assert 3 not in bench.open(1)
    bench.wait(HOLD)
    assert 3 in bench.open(1)


def test_port_that_falls_and_rises_within_one_batch_is_held(bench: Bench) -> None:
    triangle(bench)
    change = TopologyChange("port_modify", PortRef(1, 3))
    bench.tell(change)
    assert bench.settle() == [], "a change of anything but the carrier holds nothing"
    bench.tell(change, change)
    bench.settle()
    assert 3 not in bench.open(1)


def test_shared_segment_stays_closed_while_alarms_go_on(bench: Bench) -> None:
    triangle(bench)
    bench.control.hold_time = 0.5
    ends = [PortRef(1, 1), PortRef(2, 1)]
    for _ in range(4):
        bench.links = {s: k for s, k in bench.links.items() if s not in ends}
        bench.tell(*(TopologyChange("alarm_shared_segment", end) for end in ends))
        bench.settle()
        bench.wait(3.0)
        assert 1 not in bench.open(1) | bench.open(2)
    bench.wait(SHARED_HOLD)
    assert 1 in bench.open(1) & bench.open(2)


def test_settled_means_that_nothing_is_to_come(bench: Bench) -> None:
    bench.join(1)
    assert not bench.control.settled()
    bench.settle()
    assert not bench.control.settled(), "ports are held"
    bench.wait(HOLD)
    assert bench.control.settled()


def test_link_lost_in_silence_is_closed_for_the_hold_time(bench: Bench) -> None:
    triangle(bench)
    bench.unlink((1, 2), (3, 2))
    bench.settle()
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 3}, {1, 2, 3}, {1, 3}]
    bench.wait(HOLD)
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 2, 3}, {1, 2, 3}]


def test_lost_switch_hangs_on_the_tree_by_one_link(bench: Bench) -> None:
    triangle(bench)
    bench.leave(1)
    bench.wait(2 * HOLD)
    assert bench.open(1) == {1, 2, 3}
    attached = (1 in bench.open(2)) + (2 in bench.open(3))
    assert attached == 1
    assert 2 in bench.open(2)
    assert 1 in bench.open(3)


def test_lost_switch_that_joins_two_parts_goes_on_joining_them(bench: Bench) -> None:
    for dpid in (1, 2, 3):
        bench.join(dpid)
    bench.link((1, 1), (2, 1))
    bench.link((2, 2), (3, 1))
    bench.wait(HOLD)
    bench.leave(2)
    bench.wait(2 * HOLD)
    assert (1 in bench.open(1), 1 in bench.open(3)) == (True, True)


def test_lost_switch_that_was_switched_off_is_forgotten(bench: Bench) -> None:
    triangle(bench)
    bench.leave(1)
    bench.carrier(2, 1, False)
    bench.carrier(3, 2, False)
    bench.settle()
    bench.carrier(2, 1, True)
    bench.carrier(3, 2, True)
    bench.settle()
    bench.wait(HOLD)
    assert (bench.open(2), bench.open(3)) == ({1, 2, 3}, {1, 2, 3})


def bridged(bench: Bench) -> None:
    """Switches 2 and 3 by cables at 1, and a bridge of others between them: 2 has it open."""
    for dpid in (1, 2, 3):
        bench.join(dpid)
    bench.link((1, 1), (2, 1))
    bench.link((1, 2), (3, 1))
    bench.segment((2, 2), (3, 2))
    bench.wait(HOLD)
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 2, 3}, {1, 3}]


def makes_loop(bench: Bench) -> bool:
    """Tell whether a broadcast goes round through switch 2, the bridge and switch 3."""
    return 1 in bench.open(1) and 1 in bench.open(2) and 2 in bench.open(2) & bench.open(3)


def test_lost_switch_at_a_segment_goes_on_joining_it(bench: Bench) -> None:
    bridged(bench)
    bench.leave(2)
    for _ in range(40):
        bench.wait(HOLD / 4)
        assert not makes_loop(bench)
    # It is joined by one way still: the cable, or the bridge.
    assert (1 in bench.open(1)) + (2 in bench.open(3)) == 1
    bench.join(2)
    for _ in range(3):
        bench.settle()
        assert not makes_loop(bench)
    bench.segment((2, 2), (3, 2))
    bench.link((1, 1), (2, 1))
    bench.wait(HOLD)
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 2, 3}, {1, 3}]


def test_lost_switch_that_had_its_port_of_a_segment_closed_closes_nobodys(bench: Bench) -> None:
    bridged(bench)
    bench.leave(3)
    bench.wait(4 * HOLD)
    assert (bench.open(1), bench.open(2)) == ({1, 2, 3}, {1, 2, 3})


def test_a_port_that_leads_to_a_switch_is_at_no_segment_any_more(bench: Bench) -> None:
    bridged(bench)
    bench.leave(2)
    bench.wait(4 * HOLD)
    bench.join(4)
    bench.link((3, 2), (4, 1))
    bench.wait(HOLD)
    assert 2 in bench.open(3)


@pytest.mark.parametrize("comes_back", [False, True])
def test_restarted_controller_remembers_who_is_at_a_segment(bench: Bench, comes_back: bool) -> None:
    bridged(bench)
    memory = memory_from_json(memory_to_json(bench.control.memory()))
    assert memory.segments == {frozenset({PortRef(2, 2), PortRef(3, 2)})}
    after = Bench(bench.openflow, memory)
    after.real = bench.real
    after.join(1)
    after.join(3)
    after.link((1, 2), (3, 1))
    for _ in range(10):
        after.wait(HOLD / 4)
        assert not makes_loop(after)
    if comes_back:
        after.join(2)
        after.link((1, 1), (2, 1))
        after.segment((2, 2), (3, 2))
        after.wait(HOLD)
        assert [after.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 2, 3}, {1, 3}]
    else:
        after.wait(60.0)
        assert 2 in after.open(3)
        assert 1 in after.open(1)


def test_a_memory_of_before_there_were_segments_is_one(bench: Bench) -> None:
    triangle(bench)
    value = memory_to_json(bench.control.memory())
    del value["segments"]
    assert memory_from_json(value) == bench.control.memory()


def test_returning_switch_keeps_open_what_was_open(bench: Bench) -> None:
    triangle(bench)
    bench.leave(3)
    bench.settle()
    before = [bench.open(dpid) for dpid in (1, 2, 3)]
    bench.join(3)
    assert bench.settle() == []
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == before
    bench.link((2, 2), (3, 1))
    bench.link((1, 2), (3, 2))
    bench.settle()
    assert [bench.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 3}, {2, 3}]


@pytest.mark.parametrize("recalls", [False, True])
def test_restarted_controller_closes_nothing_that_was_open(bench: Bench, recalls: bool) -> None:
    triangle(bench)
    memory = memory_from_json(memory_to_json(bench.control.memory()))
    after = Bench(bench.openflow, memory if recalls else None)
    after.real = bench.real
    for dpid in (3, 2, 1):
        after.join(dpid)
        after.settle()
        assert [after.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 3}, {2, 3}]
    after.link((2, 2), (3, 1))
    after.settle()
    assert [after.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 3}, {2, 3}]
    after.link((1, 1), (2, 1))
    after.link((1, 2), (3, 2))
    after.wait(HOLD)
    assert [after.open(dpid) for dpid in (1, 2, 3)] == [{1, 2, 3}, {1, 3}, {2, 3}]


def test_recalled_switches_that_stay_away_are_forgotten_in_time(bench: Bench) -> None:
    triangle(bench)
    after = Bench(bench.openflow, bench.control.memory())
    after.real = bench.real
    for dpid in (2, 3):
        after.join(dpid)
    after.link((2, 2), (3, 1))
    after.wait(HOLD)
    assert 1 in after.open(2)
    assert 2 in after.open(3)
    assert 2 not in after.open(2), "the way through the absent switch is still there"
    after.wait(30.0)
    assert 2 in after.open(2)


def test_switch_that_does_not_confirm_keeps_its_part_closed(bench: Bench) -> None:
    triangle(bench)
    bench.unlink((1, 2), (3, 2))
    plan = bench.control.plan(bench.now)
    bench.apply(plan, {3})
    bench.control.confirmed(plan, (SwitchDeadline(1, "no answer"),), bench.now)
    bench.settle()
    assert 2 not in bench.open(2)
    bench.leave(1)
    bench.wait(2 * HOLD)
    assert 2 in bench.open(1), "it was never reached"
    assert (1 in bench.open(2)) + (2 in bench.open(3)) == 1


def test_confirmation_of_an_earlier_connection_counts_for_nothing(bench: Bench) -> None:
    bench.join(1)
    plan = bench.control.plan(bench.now)
    bench.leave(1)
    bench.join(1)
    bench.control.confirmed(plan, (), bench.now)
    again = bench.control.plan(bench.now)
    assert again.messages == plan.messages


def test_unknown_switch_has_no_gate_and_no_ports(bench: Bench) -> None:
    assert not bench.control.gate(7, 1)
    assert bench.control.open_ports(7) == frozenset()
    bench.control.switch_state_read(7, (), None, 0.0)
    assert bench.control.next_due() is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"switches": {}},
        {"switches": {"1": {}}, "links": []},
        {"switches": {"0000000000000001": {"open": ["1"], "edges": []}}, "links": []},
        {"switches": {}, "links": [["0000000000000001", 1]]},
        {"switches": {}, "links": [["0000000000000001", 1, "0000000000000002", True]]},
        {"switches": {}, "links": [], "segments": [[["0000000000000001", "1"]]]},
        {"switches": {}, "links": [], "segments": 5},
    ],
)
def test_memory_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        memory_from_json(value)
