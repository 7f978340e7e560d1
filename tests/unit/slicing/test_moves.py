"""Entries follow another flowspace in portions: who waits for it, who does not, in what order."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.slicer.held_messages import HeldMessages
from horizon_ryu.wire.error_codes10 import OFPBRC, OFPET
from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PortStatus10
from horizon_ryu.wire.of10.controller import FlowMod10, PortMod10
from horizon_ryu.wire.of13.controller import FlowMod13
from horizon_ryu.wire.ofp10 import OFPFC, OFPP, OFPPC, OFPPR
from horizon_ryu.wire.symmetric import BarrierRequest, Error
from unit.slicing.sliced10 import Sliced, Tenant, flow_mod, frame, mac, match, output, port, ternary
from unit.slicing.sliced13 import Sliced13, delete13, flow_mod13, match13, output13
from unit.slicing.steps import Steps

COUNT = 50
FLOOD = int(OFPP.FLOOD)


def rule(number: int, name: str, ports: Any, priority: int = 100) -> FlowspaceRule:
    return FlowspaceRule(number, name, None, parse_rule_match({"in_port": ports}), priority)


APART = [rule(1, "c0", [1]), rule(2, "c1", [2])]
MOVED = [rule(3, "c0", [0]), rule(2, "c1", [2])]
TAGGED = parse_rule_match({"in_port": 1, "dl_vlan": 5})
ABOVE = [*APART, FlowspaceRule(4, "c1", None, TAGGED, 200)]


def lab(rules: list[FlowspaceRule] | None = None, first: int = 0) -> tuple[Sliced, Steps]:
    """Return a switch on which the first of two slices has entries, of a priority each."""
    sliced, steps = Sliced(rules or APART), Steps()
    for number in range(COUNT):
        mod = flow_mod(match(dl_dst=number), output(FLOOD), priority=first + number)
        sliced.ask("c0", mod)
    sliced.datapath.carry_by(steps.carry)
    sliced.news()
    return sliced, steps


def set_rules(sliced: Any, rules: list[FlowspaceRule]) -> None:
    sliced.datapath.set_flowspace(sliced.flowspace(rules), sliced.now)


def commands(news: list[Any]) -> list[int]:
    return [one.command for one in news if isinstance(one, FlowMod10)]


def test_what_comes_is_sent_from_the_highest_priority_down_then_what_goes_from_the_lowest_up() -> (
    None
):
    sliced, steps = lab()
    set_rules(sliced, MOVED)
    assert not sliced.news(), "nothing at a stretch"
    steps.all()
    news = sliced.news()
    adds = [one for one in news if one.command == OFPFC.ADD]
    deletes = [one for one in news if one.command == OFPFC.DELETE_STRICT]
    assert news == [*adds, *deletes]
    assert [one.priority for one in adds] == list(range(COUNT))[::-1]
    assert [one.priority for one in deletes] == list(range(COUNT))
    assert {(one.match.in_port) for one in adds} == {0}
    assert {(one.match.in_port) for one in deletes} == {1}


def test_a_tenant_whose_entries_move_waits_and_another_does_not() -> None:
    sliced, steps = lab()
    set_rules(sliced, MOVED)
    steps.some(COUNT + 5)
    sliced.news()
    assert not sliced.ask("c0", flow_mod(match(dl_dst=3), command=OFPFC.DELETE))
    assert not sliced.ask("c0", BarrierRequest())
    assert commands(sliced.ask("c1", flow_mod(match(dl_dst=9), output(2)))) == [OFPFC.ADD]
    steps.all()
    news = sliced.news()
    assert isinstance(news[-1], BarrierRequest), "and what it waits for is said before"
    assert news[-2].command == OFPFC.DELETE_STRICT
    assert (news[-2].match.in_port, news[-2].priority) == (0, 3)
    assert len(list(sliced.datapath.sliced.table("c0"))) == COUNT - 1
    assert commands(sliced.ask("c0", flow_mod(match(dl_dst=3), output(FLOOD)))) == [OFPFC.ADD]


def test_where_priorities_mean_others_all_wait_and_what_they_say_comes_after_the_way() -> None:
    sliced, steps = lab(first=60_000)
    set_rules(sliced, ABOVE)
    steps.some(5)
    assert not sliced.ask("c1", flow_mod(match(in_port=1, dl_vlan=5, dl_dst=7), output(2)))
    assert not sliced.ask("c0", BarrierRequest())
    steps.all()
    *way, own, barrier = sliced.news()
    assert isinstance(barrier, BarrierRequest)
    assert (own.command, own.match.dl_vlan) == (OFPFC.ADD, 5)
    guard, adds, deletes = way[0], way[1 : 1 + COUNT], way[1 + COUNT :]
    assert not guard.cookie, "before entries of the slice that it keeps frames from"
    assert own.priority > guard.priority > adds[0].priority
    places = [one.priority for one in adds]
    assert places == sorted(places, reverse=True)
    assert [one.priority for one in deletes] == [60_000 + number for number in range(COUNT)]
    assert {one.command for one in deletes} == {OFPFC.DELETE_STRICT}


def test_an_entry_that_is_deleted_before_the_way_is_sent_is_not_sent() -> None:
    sliced, steps = lab(first=60_000)
    set_rules(sliced, ABOVE)
    steps.some(5)
    assert not sliced.ask("c0", flow_mod(match(), command=OFPFC.DELETE))
    steps.all()
    there = {(one.match, one.priority) for one in lab(first=60_000)[0].datapath.sliced.installed}
    for one in sliced.news():
        address = ternary(one.match), one.priority
        there = there | {address} if one.command == OFPFC.ADD else there - {address}
    guards = {(guard.match, guard.priority) for guard in sliced.datapath.sliced.guards()}
    assert there == guards
    assert not list(sliced.datapath.sliced.table("c0"))


def test_a_frame_of_a_slice_without_controllers_is_not_dropped_while_all_entries_move() -> None:
    sliced, steps = lab()
    sliced.datapath.disconnect(sliced["c1"])
    set_rules(sliced, ABOVE)
    steps.some(5)
    sliced.packet_in(frame("00:00:00:00:00:09"), 2)
    assert not sliced.news(), "it would stand above entries that are still to move"
    steps.all()
    sliced.news()
    sliced.packet_in(frame("00:00:00:00:00:09"), 2)
    assert commands(sliced.news()) == [OFPFC.ADD]


def test_entries_that_are_lost_on_the_way_are_told_of_once_each() -> None:
    for rules in ([rule(2, "c1", [2])], [rule(2, "c1", [2]), rule(5, "c1", [1, 2], 200)]):
        sliced = Sliced(APART)
        steps = Steps()
        for number in range(COUNT):
            sliced.ask("c0", flow_mod(match(dl_dst=number), output(1), priority=number, flags=1))
        sliced.datapath.carry_by(steps.carry)
        sliced["c0"].news()
        set_rules(sliced, rules)
        steps.all()
        told = [one for one in sliced["c0"].news() if isinstance(one, FlowRemoved10)]
        assert sorted(one.priority for one in told) == list(range(COUNT))
        assert len(sliced.datapath.sliced.installed) == 0


def test_flowspaces_that_come_while_entries_move_are_taken_one_after_the_other() -> None:
    sliced, steps = lab()
    done: list[str] = []
    set_rules(sliced, ABOVE)
    steps.some(3)
    set_rules(sliced, MOVED)
    sliced.datapath.confirm(lambda: done.append("confirmed"))
    assert sliced.datapath.is_at_work
    steps.all()
    assert isinstance(sliced.news()[-1], BarrierRequest)
    assert not sliced.datapath.is_at_work
    assert {one.match for one in sliced.datapath.sliced.installed} == {
        one.match for one in lab(MOVED)[0].datapath.sliced.installed
    }


def test_a_port_that_a_tenant_closes_is_closed_before_its_barrier_is_answered() -> None:
    sliced, steps = lab()
    close = PortMod10(1, port(1).hw_addr, int(OFPPC.NO_FLOOD), int(OFPPC.NO_FLOOD), 0)
    sliced.ask("c0", close)
    assert not sliced.ask("c0", BarrierRequest())
    steps.all()
    news = sliced.news()
    assert isinstance(news[-1], BarrierRequest)
    set_rules(sliced, [rule(1, "c0", [1]), rule(3, "c1", [3])])
    steps.some(2)
    opened = PortMod10(1, port(1).hw_addr, 0, int(OFPPC.NO_FLOOD), 0)
    assert not sliced.ask("c0", opened), "it waits for what moves, though that is another's"
    assert not sliced.ask("c0", BarrierRequest())
    steps.all()
    assert isinstance(sliced.news()[-1], BarrierRequest)


def test_a_port_that_flaps_is_followed_no_more_often_than_there_is_time_for() -> None:
    sliced, steps = lab()
    for _ in range(20):
        sliced.answer(PortStatus10(int(OFPPR.DELETE), port(2)))
        sliced.answer(PortStatus10(int(OFPPR.ADD), port(2)))
    waiting = len(sliced.datapath._moves._then)
    steps.all()
    assert waiting <= 1


def test_what_a_tenant_has_said_is_not_dealt_with_when_its_connection_has_ended() -> None:
    sliced, steps = lab()
    set_rules(sliced, MOVED)
    steps.some(3)
    sliced.ask("c0", flow_mod(match(), command=OFPFC.DELETE))
    sliced.datapath.disconnect(sliced["c0"])
    steps.all()
    assert len(list(sliced.datapath.sliced.table("c0"))) == COUNT


def test_too_much_that_waits_is_refused() -> None:
    sliced, steps = lab()
    sliced.datapath._held._most = 2
    set_rules(sliced, MOVED)
    steps.some(3)
    for number in range(3):
        sliced.ask("c0", flow_mod(match(dl_dst=1000 + number), output(FLOOD)))
    (error,) = (one for one in sliced["c0"].news() if isinstance(one, Error))
    assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.EPERM)
    steps.all()
    assert len(list(sliced.datapath.sliced.table("c0"))) == COUNT + 2


def test_an_entry_that_a_switch_ends_on_the_way_stays_ended() -> None:
    sliced, steps = lab()
    gone = next(one for one in sliced.datapath.sliced.installed if one.priority == 7)
    for rules in (ABOVE, MOVED):
        set_rules(sliced, rules)
        steps.some(COUNT // 2)
        found = sliced.datapath.sliced.installed.find(*gone.address)
        if found is not None:
            sliced.answer(
                FlowRemoved10(match(in_port=1, dl_dst=7), gone.owner.entry_id, 7, 1, 5, 0, 3, 0, 0)
            )
        steps.all()
        priorities = {one.priority for one in sliced.datapath.sliced.table("c0")}
        assert priorities == set(range(COUNT)) - {7}


# ---- OpenFlow 1.3


def lab13() -> tuple[Sliced13, Steps]:
    sliced, steps = Sliced13(APART), Steps()
    for number in range(COUNT):
        sliced.ask("c0", flow_mod13(match13(eth_dst=number), output13(1), priority=number))
    sliced.datapath.carry_by(steps.carry)
    sliced.news()
    return sliced, steps


def test_entries_of_13_follow_in_portions_before_the_first_table_does() -> None:
    sliced, steps = lab13()
    set_rules(sliced, MOVED)
    assert not sliced.news(), "nothing at a stretch"
    steps.all()
    mods = [one for one in sliced.news() if isinstance(one, FlowMod13)]
    tables = [one.table_id for one in mods]
    assert tables == sorted(tables, reverse=True)
    assert tables.count(0) >= 1
    assert {one.command for one in mods if one.table_id} == {OFPFC.DELETE_STRICT}, "port 1 is lost"
    assert not list(sliced.datapath.sliced.table("c0"))


def test_a_tenant_of_13_need_not_wait_for_its_entries() -> None:
    sliced, steps = lab13()
    wider = [rule(1, "c0", [0, 1]), rule(2, "c1", [3])]
    set_rules(sliced, wider)
    steps.some(3)
    found = [one for one in sliced.ask("c0", delete13(match13())) if isinstance(one, FlowMod13)]
    assert len(found) == COUNT
    steps.all()
    assert not list(sliced.datapath.sliced.table("c0"))
    assert not [one for one in sliced.news() if isinstance(one, FlowMod13) and one.table_id]


def test_a_slice_of_13_that_ends_does_so_when_its_entries_have_gone() -> None:
    sliced, steps = lab13()
    set_rules(sliced, [rule(2, "c1", [2])])
    sliced.datapath.remove_slice("c0", sliced.now)
    assert "c0" in sliced.datapath.slices()
    steps.all()
    assert "c0" not in sliced.datapath.slices()
    assert not list(sliced.datapath.sliced.table("c0"))


# ---- flow-mods for as many entries as there are


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in (10, 13):
        monkeypatch.setattr(f"horizon_ryu.slicer.flow_tables{version}.MANY_ENTRIES", COUNT - 1)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("command", [OFPFC.DELETE, OFPFC.MODIFY])
def test_what_is_for_many_entries_holds_nobody_but_its_own_slice(command: int) -> None:
    sliced, steps = lab()
    actions = () if command == OFPFC.DELETE else (output(1),)
    assert not sliced.ask("c0", flow_mod(match(), *actions, command=command))
    steps.some(COUNT + 10)
    assert commands(sliced.ask("c1", flow_mod(match(dl_dst=9), output(2))))[-1] == OFPFC.ADD
    assert not sliced.ask("c0", BarrierRequest())
    steps.all()
    news = sliced.news()
    assert isinstance(news[-1], BarrierRequest)
    left = list(sliced.datapath.sliced.table("c0"))
    assert len(left) == (0 if command == OFPFC.DELETE else COUNT)
    assert not sliced["c0"].news()


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("command", [OFPFC.DELETE, OFPFC.MODIFY])
def test_what_is_for_many_entries_of_13_holds_nobody_but_its_own_slice(command: int) -> None:
    sliced, steps = lab13()
    actions = () if command == OFPFC.DELETE else (output13(1), output13(1))
    many = delete13(match13()) if command == OFPFC.DELETE else flow_mod13(
        match13(), *actions, command=command)  # fmt: skip
    assert not sliced.ask("c0", many)
    steps.some(COUNT + 10)
    assert sliced.ask("c1", flow_mod13(match13(eth_dst=9), output13(2)))
    assert not sliced.ask("c0", BarrierRequest())
    steps.all()
    assert isinstance(sliced.news()[-1], BarrierRequest)
    left = list(sliced.datapath.sliced.table("c0"))
    assert len(left) == (0 if command == OFPFC.DELETE else COUNT)
    assert not sliced["c0"].news()


@pytest.mark.usefixtures("few")
def test_a_change_of_many_entries_that_may_not_be_changes_none() -> None:
    sliced, steps = lab()
    assert not sliced.ask("c0", flow_mod(match(), output(2), command=OFPFC.MODIFY), xid=91)
    steps.all()
    assert not sliced.news()
    (error,) = sliced["c0"].got
    assert (error.xid, error.message.type) == (91, OFPET.BAD_ACTION)
    assert {one.cookie for one in sliced.datapath.sliced.table("c0")} == {77}
    other, its_steps = lab13()
    other.ask("c0", flow_mod13(match13(), output13(2), command=OFPFC.MODIFY), xid=92)
    its_steps.all()
    assert not other.news()
    (error,) = other["c0"].got
    assert (error.xid, error.message.type) == (92, OFPET.BAD_ACTION)


@pytest.mark.usefixtures("few")
def test_a_modify_of_10_that_finds_none_among_many_adds_one() -> None:
    sliced, steps = lab()
    sliced.ask("c0", flow_mod(match(dl_dst=5000), output(1), command=OFPFC.MODIFY))
    steps.all()
    assert commands(sliced.news()) == [OFPFC.ADD]
    assert len(list(sliced.datapath.sliced.table("c0"))) == COUNT + 1


@pytest.mark.usefixtures("few")
def test_many_entries_wait_for_others_that_move_and_what_is_said_next_for_them() -> None:
    sliced, steps = lab()
    set_rules(sliced, [rule(1, "c0", [1]), rule(3, "c1", [3])])
    steps.some(1)
    assert not sliced.ask("c0", flow_mod(match(), command=OFPFC.DELETE))
    assert not sliced.ask("c0", flow_mod(match(dl_dst=9), output(1)))
    steps.all()
    assert commands(sliced.news())[-2:] == [OFPFC.DELETE_STRICT, OFPFC.ADD]
    assert len(list(sliced.datapath.sliced.table("c0"))) == 1


# ---- held messages alone


def test_work_that_comes_of_a_held_message_is_done_before_the_next_one() -> None:
    done: list[str] = []

    def deal(_tenant: Any, message: bytes, _now: float) -> None:
        done.append(message.decode())
        assert held.is_dealing
        assert not held.is_on
        if message == b"first":
            held.before_next(iter([done.append("its work")]))

    held = HeldMessages(deal)
    tenant = Tenant("a")
    held.hold(("a",))
    assert held.holds(tenant)
    assert not held.holds(Tenant("b"))
    held.add("b")
    assert held.holds(Tenant("b"))
    for message in (b"first", b"second"):
        assert held.put(tenant, message, 1.0)
    for _ in held.releasing():
        pass
    assert done[0] == "first"
    assert done[-1] == "second"
    assert not held.is_on


@pytest.mark.parametrize("rules", [MOVED, ABOVE])
def test_the_same_comes_of_portions_as_of_all_at_once(rules: list[FlowspaceRule]) -> None:
    sliced, steps = lab()
    set_rules(sliced, rules)
    steps.all()
    other, its_steps = lab()
    other.datapath.carry_by(lambda work: [None for _ in work])
    set_rules(other, rules)
    its_steps.all()
    assert {one[8:] for one in sliced.raw} == {one[8:] for one in other.raw}
    assert mac("00:00:00:00:00:01") == 1


def test_a_tenant_that_says_more_all_the_while_does_not_keep_other_changes_waiting() -> None:
    sliced, steps = lab()
    set_rules(sliced, MOVED)
    steps.some(3)
    for number in range(40):
        closed = int(OFPPC.NO_FLOOD) * (number % 2)
        sliced.ask("c0", PortMod10(0, port(0).hw_addr, closed, int(OFPPC.NO_FLOOD), 0))
    done: list[int] = []
    set_rules(sliced, APART)
    sliced.datapath.confirm(lambda: done.append(1))
    taken = 0
    while sliced.datapath.flowspace.rules != sliced.flowspace(APART).rules:
        steps.some(1)
        taken += 1
    assert sliced.datapath._held._waiting, "not after all that it has said"
    sliced.ask("c0", flow_mod(match(dl_dst=999), output(1)))
    steps.all()
    assert not sliced.datapath._held.is_on
    assert not sliced.datapath.is_moving
    assert len(list(sliced.datapath.sliced.table("c0"))) == COUNT + 1
    assert {(one.match.in_port) for one in sliced.news() if isinstance(one, FlowMod10)} >= {0, 1}
