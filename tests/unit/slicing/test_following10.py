"""What changes costs what it changes: ports, settings and flowspaces of slices of OpenFlow 1.0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.priority_bands import PriorityBands
from horizon_ryu.core.slicing.rule import FlowspaceRule, Permission
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, BandwidthShare, SliceSettings
from horizon_ryu.wire.error_codes10 import OFPBAC, OFPET, OFPFMFC
from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PortStatus10
from horizon_ryu.wire.of10.controller import PortMod10
from horizon_ryu.wire.of10.structures import ActionOutput10, ActionSetDlSrc, ActionSetNwTos
from horizon_ryu.wire.ofp10 import OFPP, OFPPC, OFPPR
from horizon_ryu.wire.symmetric import Error
from horizon_ryu.wire.ternary import HEADER_10, TernaryMatch
from unit.slicing.sliced10 import (
    DPID,
    MACS_0,
    MACS_1,
    Sliced,
    flow_mod,
    frame,
    mac,
    match,
    output,
    port,
    ternary,
)

FLOOD = int(OFPP.FLOOD)
ENTRIES = 40


def flow(number: int, *actions: Any) -> Any:
    return flow_mod(
        match(in_port=0, dl_src=mac(MACS_0[0]), dl_dst=number), *actions, priority=number
    )


@contextmanager
def counted(sliced: Sliced) -> Iterator[list[TernaryMatch]]:
    """Yield the parts of entries that are worked out meanwhile."""
    found: list[TernaryMatch] = []
    switch = sliced.datapath.sliced
    translate = switch._translate

    def noted(entry: Any, part: TernaryMatch, rule: Any) -> Any:
        found.append(part)
        return translate(entry, part, rule)

    switch._translate = noted
    try:
        yield found
    finally:
        switch._translate = translate


def full() -> Sliced:
    """Return a switch with 40 entries of c0, and one more that floods."""
    sliced = Sliced()
    for number in range(ENTRIES):
        sliced.ask("c0", flow(number, output(2)))
    sliced.ask("c0", flow(99, output(FLOOD)))
    return sliced


def test_a_port_that_goes_costs_the_entries_that_flood_to_it_and_no_others() -> None:
    sliced = full()
    with counted(sliced) as parts:
        sliced.answer(PortStatus10(int(OFPPR.MODIFY), port(2)))
        assert not parts, "a port that is changed is none that comes or goes"
        sliced.answer(PortStatus10(int(OFPPR.DELETE), port(2)))
    assert len(parts) == 1
    (sent,) = sliced.news()
    assert [action.port for action in sent.actions] == [3]


def test_a_port_that_is_closed_for_floods_costs_its_slices_floods_alone() -> None:
    sliced = full()
    number = int(OFPPC.NO_FLOOD)
    with counted(sliced) as parts:
        sent = sliced.ask("c0", PortMod10(3, port(3).hw_addr, number, number, 0))
    assert len(parts) == 1
    assert [action.port for action in sent[0].actions] == [2]


def test_a_port_that_comes_back_is_open_for_floods_again() -> None:
    sliced = full()
    number = int(OFPPC.NO_FLOOD)
    sliced.ask("c0", PortMod10(3, port(3).hw_addr, number, number, 0))
    sliced.answer(PortStatus10(int(OFPPR.DELETE), port(3)))
    sliced.answer(PortStatus10(int(OFPPR.ADD), port(3)))
    assert [action.port for action in sliced.news()[-1].actions] == [2, 3]
    assert sliced["c0"].news()[-1].desc.config == 0


def test_a_configuration_that_changes_nothing_here_works_nothing_out_again() -> None:
    sliced = full()
    elsewhere = FlowspaceRule(99, "c0", frozenset({77}), {})
    with counted(sliced) as parts:
        sliced.datapath.set_flowspace(sliced.datapath.flowspace, sliced.now)
        parts.clear()
        again = Flowspace(HEADER_10, [elsewhere, *sliced.rules]).on(DPID)
        sliced.datapath.set_flowspace(again, sliced.now)
        assert not parts
    assert not sliced.news()
    assert sliced.ask("c0", flow(7, output(3))), "the flowspace is worked by"


def test_the_first_change_of_another_slice_works_nothing_out_again() -> None:
    sliced = full()
    rule = FlowspaceRule(99, "c1", None, parse_rule_match({"dl_src": "02:00:00:00:09:09"}), 1)
    with counted(sliced) as parts:
        sliced.datapath.set_flowspace(sliced.flowspace([*sliced.rules, rule]), sliced.now)
    assert not parts
    assert sliced.ask("c0", flow(7, output(3))), "the flowspace is worked by"


def test_settings_that_change_are_followed_by_the_entries_of_their_slice() -> None:
    sliced = Sliced()
    sliced.ask("c0", flow(7, output(2)))
    sliced.ask("c1", flow_mod(match(in_port=1, dl_src=mac(MACS_1[0])), output(3)))
    limits = SliceLimits()
    marked = SliceSettings("c0", (), limits, bandwidth=BandwidthShare(BandwidthMode.IP_TOS, 32))
    sliced.datapath.set_slice(marked, RateLimiter(limits, sliced.now), None)
    sliced.datapath.set_flowspace(Flowspace(HEADER_10, sliced.rules).on(DPID), sliced.now)
    (sent,) = sliced.news()
    assert [type(action) for action in sent.actions] == [ActionSetNwTos, ActionOutput10]


# ---- faults that the comparison with switches of one's own has found


def test_no_header_is_set_to_what_a_higher_slice_owns() -> None:
    """B's rule takes everything, but frames from A's address are A's, whoever sends them."""
    address = MACS_0[0]
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_src": address}), 9000),
        FlowspaceRule(2, "c1", None, {}, 1000),
    ]
    sliced = Sliced(rules)
    theft = ActionSetDlSrc(bytes.fromhex(address.replace(":", "")))
    assert not sliced.ask("c1", flow_mod(match(in_port=1), theft, output(2)))
    (error,) = sliced["c1"].news()
    assert isinstance(error, Error)
    assert (error.type, error.code) == (OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def test_a_slice_that_reads_and_writes_a_frame_is_told_of_it_once() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, {}, 9000, Permission.READ),
        FlowspaceRule(2, "c0", None, {}, 1000),
        FlowspaceRule(3, "c1", None, {}, 500, Permission.READ),
    ]
    sliced = Sliced(rules)
    sliced.packet_in(frame(MACS_0[0]), 1)
    assert [len(sliced[name].news()) for name in ("c0", "c1")] == [1, 1]


def test_frames_come_again_as_soon_as_there_is_a_controller_for_them() -> None:
    """A stream would keep its drop from ever being idle."""
    sliced = Sliced()
    sliced.datapath.disconnect(sliced["c1"])
    sliced.packet_in(frame(MACS_1[0]), 1)
    (drop,) = sliced.news()
    sliced.datapath.connect(sliced["c1"])
    (lifted,) = sliced.news()
    assert (lifted.command, lifted.match, lifted.priority) == (4, drop.match, drop.priority)
    sliced.datapath.disconnect(sliced["c1"])
    sliced.packet_in(frame(MACS_1[0]), 1)
    sliced.answer(FlowRemoved10(drop.match, 0, 0, 0, 1, 0, 1, 0, 0))
    sliced.news()
    sliced.datapath.connect(sliced["c1"])
    assert not sliced.news(), "a drop that has ended is not lifted"


def test_frames_of_nobody_come_as_soon_as_they_are_somebodys() -> None:
    sliced = Sliced()
    sliced.packet_in(frame("00:00:00:00:00:99"), 1)
    (drop,) = sliced.news()
    rules = [*sliced.rules, FlowspaceRule(99, "c1", None, {}, 1)]
    sliced.datapath.set_flowspace(Flowspace(HEADER_10, rules).on(DPID), sliced.now)
    lifted = [one for one in sliced.news() if one.command == 4]
    assert [(one.match, one.priority) for one in lifted] == [(drop.match, drop.priority)]


def test_a_drop_of_a_higher_slice_stands_above_its_guard_and_below_its_entries() -> None:
    """R10 where flowspaces overlap: the guard sent each frame to the controller all the same."""
    bands = PriorityBands(3)
    for level in (1, 2):
        bands[level].take(0)
        assert bands.guard(level) < bands.drop(level) < bands[level].place(0)
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_src": MACS_0[0]}), 9000),
        FlowspaceRule(2, "c1", None, {}, 1000),
    ]
    sliced = Sliced(rules)
    guard = next(one for one in sliced.first if getattr(one, "command", None) == 0)
    sliced.datapath.disconnect(sliced["c0"])
    sliced.packet_in(frame(MACS_0[0]), 1)
    (drop,) = sliced.news()
    assert drop.priority > guard.priority


def test_an_entry_all_of_whose_frames_are_anothers_is_refused() -> None:
    """Nothing of it is on the switch, so nothing would ever end it."""
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}), 9000),
        FlowspaceRule(2, "c1", None, parse_rule_match({"dl_vlan": 5}), 1000),
    ]
    sliced = Sliced(rules)
    assert not sliced.ask("c1", flow_mod(match(dl_vlan=5), output(2), hard=7))
    (error,) = sliced["c1"].news()
    assert (error.type, error.code) == (OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)
    assert ternary(match(dl_vlan=5)) not in {
        one.match for one in sliced.datapath.sliced.table("c1")
    }


# ---- of FlowVisor's defects, those that had no test


def test_a_slice_of_every_port_is_told_once_of_one_that_comes() -> None:
    sliced = Sliced([FlowspaceRule(1, "c0", None, {}), FlowspaceRule(2, "c0", None, {}, 9)])
    sliced.answer(PortStatus10(int(OFPPR.ADD), port(9)))
    assert [one.desc.port_no for one in sliced["c0"].news()] == [9]


def test_a_rule_of_ranges_and_sets_is_one_region_and_found_without_the_others() -> None:
    """R14: FlowVisor had a rule for each port and VLAN, and looked at all of them."""
    rules = [
        FlowspaceRule(
            number,
            "c0",
            None,
            parse_rule_match(
                {"in_port": [1, 3, "5-8"], "dl_vlan": f"{20 * number + 1}-{20 * number + 20}"}
            ),
        )
        for number in range(200)
    ]
    flowspace = Flowspace(HEADER_10, rules)
    assert len(flowspace.index.regions) == len(rules)
    looked_at: list[int] = []
    here = flowspace.on(DPID)
    regions = flowspace.index.regions

    class Watched(tuple[Any, ...]):
        def __getitem__(self, at: Any) -> Any:
            looked_at.append(at)
            return regions[at]

    flowspace.index.regions = Watched(regions)
    rule = here.owner(HEADER_10.match(in_port=6, dl_vlan=3333).value)
    assert rule is not None
    assert rule.rule_id == 166
    assert here.regions("c0", HEADER_10.match(in_port=6, dl_vlan=3333)) == [166]
    assert not looked_at, "the fields tell it, no rule is looked at"
