"""What takes long is done a little at a time, and comes to the same as if it were done at once."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.tenant_table import TableCommand
from horizon_ryu.slicer.portions import NewestWork, PortionCarrier, Work, at_once
from horizon_ryu.wire.error_codes13 import OFPET
from horizon_ryu.wire.of10.controller import FlowMod10
from horizon_ryu.wire.of13.controller import FlowMod13
from horizon_ryu.wire.ofp10 import OFPP
from horizon_ryu.wire.ofp10 import OFPT as OFPT10
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.symmetric import BarrierReply, Error
from horizon_ryu.wire.ternary import HEADER_10
from unit.slicing.sliced10 import Sliced, flow_mod, match, output, ternary
from unit.slicing.sliced13 import TEN_RULES_13, Sliced13, ternary13
from unit.slicing.steps import Steps


def counting(seen: list[int], first: int, count: int) -> Work:
    for number in range(first, first + count):
        seen.append(number)
        yield None


def test_the_newest_work_takes_the_place_of_what_is_under_way() -> None:
    steps = Steps()
    seen: list[int] = []
    done: list[str] = []
    newest = NewestWork(lambda: steps.carry)
    newest.begin(counting(seen, 1, 5))
    newest.then(lambda: done.append("first"))
    steps.some(2)
    newest.begin(counting(seen, 10, 2))
    newest.then(lambda: done.append("second"))
    assert newest.is_under_way
    assert not done
    steps.all()
    assert seen == [1, 2, 10, 11]
    assert done == ["first", "second"]
    newest.then(lambda: done.append("third"))
    assert done[-1] == "third"


def many_rules(name: str, count: int, first: int) -> list[FlowspaceRule]:
    return [
        FlowspaceRule(first + at, name, None, parse_rule_match({"dl_vlan": at + 1}))
        for at in range(count)
    ]


class ToldSwitch(Sliced13):
    """A sliced switch whose first table is what it has been told."""

    @property
    def first_table(self) -> dict[tuple[str, int], str]:
        table: dict[tuple[str, int], str] = {}
        for raw in self.raw:
            mod = self.MESSAGES.decode(raw).message
            if isinstance(mod, FlowMod13) and mod.table_id in (0, 0xFF):
                place = repr(mod.match), mod.priority
                if mod.table_id == 0xFF:
                    table.clear()
                elif mod.command == TableCommand.ADD:
                    table[place] = repr(mod.instructions)
                else:
                    table.pop(place, None)
        return table

    def set_rules(self, rules: list[FlowspaceRule]) -> None:
        self.datapath.set_flowspace(self.flowspace(rules), self.now)


@pytest.mark.parametrize("before", [0, 3, 40, 10_000])
def test_a_flowspace_that_changes_while_it_is_being_installed_comes_to_the_last(
    before: int,
) -> None:
    steps, sliced = Steps(), ToldSwitch()
    at_last = [*TEN_RULES_13[:4], *many_rules("c1", 300, 100)]
    alone = ToldSwitch()
    alone.set_rules(at_last)
    sliced.datapath.carry_by(steps.carry)
    sliced.set_rules([*TEN_RULES_13, *many_rules("c0", 500, 100)])
    sliced.datapath.confirm(lambda: None)
    steps.some(before)
    sliced.set_rules(at_last)
    assert sliced.datapath.is_at_work
    steps.all()
    assert not sliced.datapath.is_at_work
    assert sliced.first_table == alone.first_table


def test_a_change_is_confirmed_by_the_switch_when_it_has_been_told_all_of_it() -> None:
    steps, sliced = Steps(), ToldSwitch()
    sliced.datapath.carry_by(steps.carry)
    sliced.set_rules([*TEN_RULES_13, *many_rules("c0", 300, 100)])
    confirmed: list[bool] = []
    sliced.datapath.confirm(lambda: confirmed.append(True))
    steps.some(5)
    before = len(sliced.raw)
    assert sliced.datapath.is_at_work
    steps.all()
    assert sliced.raw[-1][1] == OFPT.BARRIER_REQUEST
    assert len(sliced.raw) > before + 300
    assert not confirmed
    sliced.answer(BarrierReply(), sliced.last_xid())
    assert confirmed


def test_marks_are_given_back_when_no_entry_of_the_first_table_names_them() -> None:
    steps, sliced = Steps(), ToldSwitch()
    mark = sliced.mark("c1")
    sliced.datapath.carry_by(steps.carry)
    sliced.set_rules(TEN_RULES_13[:6])
    assert sliced.datapath.sliced.marks.slice_of(mark) == "c1"
    steps.all()
    assert sliced.datapath.sliced.marks.slice_of(mark) is None


def test_what_the_switch_refuses_meanwhile_is_not_given_to_others() -> None:
    steps, sliced = Steps(), ToldSwitch()
    above = FlowspaceRule(50, "c1", None, parse_rule_match({"dl_vlan": 7}), 40_000)
    rules = [above, *many_rules("c0", 300, 100), *TEN_RULES_13[6:]]
    sliced.datapath.carry_by(steps.carry)
    sliced.raw.clear()
    sliced.set_rules(rules)
    while not (refused := [one for one in sliced.raw if one[1] == OFPT.FLOW_MOD and xid_of(one)]):
        steps.some(1)
    steps.some(3)
    sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), 1, refused[0]), xid_of(refused[0]))
    steps.all()
    lost = sliced.MESSAGES.decode(refused[0]).message.match
    taken = ternary13(lost)
    tables = sliced.datapath._classifier._installed
    assert not any(one.slice_name == "c0" and one.match.overlaps(taken) for one in tables.values())
    assert "c1" in sliced.datapath.lacking


def guarded(count: int) -> list[FlowspaceRule]:
    """Return rules of a slice, all of them above one of another."""
    return [
        *many_rules("c0", count, 1),
        FlowspaceRule(9_000, "c1", None, parse_rule_match({}), 1),
    ]


def test_what_is_said_while_guards_are_sent_comes_after_them() -> None:
    steps, sliced = Steps(), Sliced()
    sliced.datapath.carry_by(steps.carry)
    sliced.raw.clear()
    sliced.datapath.set_flowspace(sliced.flowspace(guarded(300)), sliced.now)
    steps.some(20)
    sliced.ask("c0", flow_mod(match(dl_vlan=5), output(1)))
    sliced.datapath.confirm(lambda: None)
    assert len(sliced.raw) < 300
    steps.all()
    kinds = [one[1] for one in sliced.raw]
    assert kinds[:301] == [OFPT10.FLOW_MOD] * 301
    assert kinds[-1] == OFPT10.BARRIER_REQUEST
    at_once = Sliced()
    at_once.raw.clear()
    at_once.datapath.set_flowspace(at_once.flowspace(guarded(300)), at_once.now)
    assert {one[8:] for one in at_once.raw} <= {one[8:] for one in sliced.raw}
    sliced.ask("c1", flow_mod(match(dl_vlan=4000), output(1)))
    assert sliced.raw[-1][1] == OFPT10.FLOW_MOD, "at once, as before"


def test_a_region_of_too_many_entries_is_guarded_by_one_that_takes_more() -> None:
    sliced = Sliced()
    wide = parse_rule_match({"dl_vlan": "1-4000", "tp_dst": "1-60000", "dl_type": 0x0800,
                             "nw_proto": 6})  # fmt: skip
    rules = [
        FlowspaceRule(1, "c0", None, wide),
        FlowspaceRule(2, "c1", None, parse_rule_match({}), 1),
    ]
    sliced.raw.clear()
    sliced.datapath.set_flowspace(sliced.flowspace(rules), sliced.now)
    mods = [one for one in sliced.news() if isinstance(one, FlowMod10) and one.actions]
    guards = [one for one in mods if one.actions == (output(int(OFPP.CONTROLLER), 0xFFFF),)]
    header = HEADER_10.match(in_port=1, dl_vlan=0x1000 | 7, dl_type=0x0800, nw_proto=6, tp_dst=9)
    assert any(ternary(one.match).takes(header.value) for one in guards)


def test_a_carrier_gives_way_between_portions_and_waits_for_whoever_reads_slowly() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        room = [False]
        seen: list[int] = []
        flushed: list[int] = []
        ticks = iter(range(0, 1 << 40, 400_000))
        carrier = PortionCarrier(
            loop, lambda: flushed.append(len(seen)), lambda: room[0], fail, lambda: next(ticks)
        )
        carrier.carry(counting(seen, 0, 100))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not seen
        room[0] = True
        while len(seen) < 100:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        assert len(flushed) > 10
        assert max(b - a for a, b in itertools.pairwise(flushed)) <= 4

    asyncio.run(main())


def test_work_that_fails_ends_and_is_told_and_a_closed_carrier_does_none() -> None:
    async def main() -> None:
        failures: list[Exception] = []
        carrier = PortionCarrier(
            asyncio.get_running_loop(), lambda: None, lambda: True, failures.append
        )
        carrier.carry(broken())
        await asyncio.sleep(0.01)
        assert [str(one) for one in failures] == ["broken"]
        seen: list[int] = []
        carrier.close()
        carrier.carry(counting(seen, 0, 1))
        await asyncio.sleep(0.01)
        assert not seen

    asyncio.run(main())


def test_a_pause_is_waited_for() -> None:
    async def main() -> None:
        answered = [False]
        seen: list[str] = []

        def waiting() -> Work:
            yield lambda: answered[0]
            seen.append("on")

        carrier = PortionCarrier(asyncio.get_running_loop(), lambda: None, lambda: True, fail)
        carrier.carry(waiting())
        await asyncio.sleep(0.02)
        assert not seen
        answered[0] = True
        while not seen:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    at_once(counting([], 0, 3))


def broken() -> Work:
    yield None
    raise RuntimeError("broken")


def fail(error: Exception) -> None:
    raise error
