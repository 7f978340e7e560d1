"""Audits of single entries and of the tree, over the registry's own answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from horizon_ryu.audit.entries import EntryAudit
from horizon_ryu.audit.flood import FloodAudit
from horizon_ryu.core.errors import SwitchAway, SwitchError
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries, is_apart
from horizon_ryu.core.spanning_tree.flood_state import BROADCAST_MAC
from horizon_ryu.core.topology import PortRef, Segment, TopologyChange, TopologyView
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    Outgoing,
    Output,
    ToController,
)
from unit.audit.table_answers import audited, entries_read
from virtual_switch.direct import DirectSwitch

OURS = cookie(Owner.FORWARDING, 7)
ARP = FlowMod(FlowCommand.ADD, Match(dl_type=0x0806), Priority.ARP, OURS, (ToController(),))


class Switches:
    """One switch whose table is a list."""

    def __init__(self, version: int = 4) -> None:
        self.version = version
        self.entries: list[FlowEntry] = []
        self.sent: list[Outgoing] = []
        self.error: SwitchError | None = None
        self.asked: list[dict[str, Any]] = []

    def codec(self, dpid: int) -> Codec:
        return codec_of(self.version)

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        self.sent += messages
        return () if self.error is None else (self.error,)

    def flow_entries(self, dpid: int, deadline: float = 2.0, **asked: Any) -> Any:
        self.asked.append(asked)
        wanted = asked["cookie"]
        return tuple(entry for entry in self.entries if entry.cookie == wanted)

    def audit(self, audit: EntryAudit, dpid: int) -> int:
        return audited(audit.begin(dpid), dpid, partial(entries_read, self.flow_entries))


def entry(mod: FlowMod, **changes: Any) -> FlowEntry:
    values = {"match": mod.match, "priority": mod.priority, "cookie": mod.cookie}
    return FlowEntry(**{**values, "actions": mod.actions, **changes})


@pytest.mark.parametrize("version", [1, 4])
def test_an_entry_that_is_there_is_left_alone_and_asked_for_alone(version: int) -> None:
    switches = Switches(version)
    switches.entries = [entry(ARP)]
    audit = EntryAudit(switches, lambda dpid: (ARP,))
    assert switches.audit(audit, 1) == 0
    assert switches.sent == []
    assert switches.asked == [{"match": ARP.match, "cookie": OURS, "mask": 2**64 - 1}]


@pytest.mark.parametrize(
    "changed",
    [
        {"actions": (Output(1),)},
        {"actions": ()},
        {"priority": Priority.ARP + 1},
        {"match": Match(dl_type=0x0800)},
        {"cookie": 0x77},
        {"exact": False},
        {"idle_timeout": 5},
        {"hard_timeout": 5},
        {"meter": 3},
    ],
    ids=str,
)
def test_an_entry_that_others_changed_is_sent_again(changed: dict[str, Any]) -> None:
    switches = Switches()
    switches.entries = [entry(ARP, **changed)]
    assert switches.audit(EntryAudit(switches, lambda dpid: (ARP,)), 1) == 1
    assert switches.sent == [Outgoing(1, ARP)]


def test_nothing_is_asked_of_a_switch_that_should_have_nothing() -> None:
    switches = Switches()
    assert switches.audit(EntryAudit(switches, lambda dpid: ()), 1) == 0
    assert switches.asked == []


def test_a_refused_restoration_is_an_error() -> None:
    switches = Switches()
    switches.error = SwitchAway(1)
    with pytest.raises(SwitchAway):
        switches.audit(EntryAudit(switches, lambda dpid: (ARP,)), 1)


def test_who_restores_otherwise_does_so() -> None:
    switches, told = Switches(), []
    audit = EntryAudit(switches, lambda dpid: (ARP,), lambda dpid, mods: told.append((dpid, mods)))
    assert switches.audit(audit, 9) == 1
    assert told == [(9, [ARP])]
    assert switches.sent == []


class TreeSwitches:
    """A simulated switch behind the registry's questions.

    ``meanwhile`` happens while it answers.
    """

    def __init__(self, real: DirectSwitch) -> None:
        self.real = real
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: Any = lambda: None

    def codec(self, dpid: int) -> Codec:
        return codec_of(self.real.openflow)

    def flow_entries(self, dpid: int, **asked: Any) -> Any:
        self.asked.append(asked)
        return tuple(one for one in self.real.entries() if one.cookie == asked["cookie"])

    def confirm(self, messages: Any) -> Any:
        assert [self.real.apply(sent.message) for sent in messages if sent.dpid == 1]
        return ()

    def flooding_ports(self, dpid: int) -> frozenset[int] | None:
        answer = self.real.flooding
        self.meanwhile()
        return answer


class Tree:
    """One switch of the tree, settled, with an audit of it."""

    def __init__(self, openflow: int) -> None:
        self.control = TreeControl(7, 0.0)
        self.real = DirectSwitch(1, openflow)
        for number in (1, 2, 3):
            self.real.add_port(number)
        self.real.set_up(3, False)
        self.woken = 0
        self.switches = TreeSwitches(self.real)
        self.drops = DropEntries(7)
        self.audit = FloodAudit(self.control, self.drops, self.switches, self._wake)
        described = self.real.describe()
        view = TopologyView(1, {1: described})
        self.control.topology_changed(view, (TopologyChange("switch_join", described),), 0.0)
        self.control.switch_state_read(1, (), self.real.group, 0.0)
        self.settle()
        self.before = self.state()

    def audited(self, dpid: int) -> int:
        read = partial(entries_read, flooding_ports=self.switches.flooding_ports)
        return audited(self.audit.begin(dpid), dpid, partial(read, self.switches.flow_entries))

    def _wake(self) -> None:
        self.woken += 1

    def settle(self) -> None:
        while plan := self.control.plan(1.0):
            for sent in plan.messages:
                assert self.real.apply(sent.message) is None
            self.control.confirmed(plan, (), 1.0)

    def state(self) -> Any:
        entries = sorted(self.real.entries(), key=lambda one: (one.priority, str(one.match)))
        return entries, self.real.flooding


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def tree(request: pytest.FixtureRequest) -> Tree:
    made = Tree(request.param)
    assert made.audited(1) == 0
    return made


def test_everything_that_was_deleted_is_planned_again(tree: Tree) -> None:
    tree.real.delete_flows()
    tree.real.delete_groups()
    assert tree.audited(1) == 1
    assert tree.woken == 1
    assert not tree.control.settled()
    tree.settle()
    assert tree.state() == tree.before
    assert tree.audited(1) == 0
    assert tree.control.settled()


def test_each_single_entry_that_was_deleted_or_changed_is_planned_again(tree: Tree) -> None:
    for one in tree.before[0]:
        for actions in (None, (Output(2),), ()):
            command = FlowCommand.DELETE_STRICT if actions is None else FlowCommand.ADD
            if actions == one.actions:
                continue
            mod = FlowMod(command, one.match, one.priority, one.cookie, actions or ())
            tree.real.apply(mod)
            assert tree.audited(1) == 1, (one, actions)
            tree.settle()
            assert tree.state() == tree.before
        tree.real.apply(FlowMod(FlowCommand.ADD, one.match, one.priority, 0x77, ()))
        assert tree.audited(1) == 1, "another's entry has taken the place of ours"
        tree.settle()
        assert tree.state() == tree.before


def test_drop_entries_that_others_deleted_changed_or_added_are_put_right(tree: Tree) -> None:
    tree.drops.read(tree.real.describe(), tree.real.entries())
    tree.switches.confirm(tree.drops.follow({1: frozenset({2})}))
    before, ours = tree.state(), [one for one in tree.real.entries() if is_apart(one)]
    assert len(ours) == (1 if tree.real.openflow == 1 else 2)
    assert tree.audited(1) == 0
    for one in ours:
        strictly = FlowMod(FlowCommand.DELETE_STRICT, one.match, one.priority, one.cookie)
        for harm in (
            strictly,
            strictly._replace(command=FlowCommand.ADD, actions=(Output(3),)),
            strictly._replace(command=FlowCommand.ADD, cookie=0x77),
            strictly._replace(command=FlowCommand.ADD, idle_timeout=9),
        ):
            tree.real.apply(harm)
            assert tree.audited(1) == 1, harm
            assert tree.state() == before
    if tree.real.openflow != 1:
        tree.real.apply(FlowMod(FlowCommand.ADD, Match(3), Priority.BLOCKED, ours[0].cookie))
        assert tree.audited(1) == 1
        assert tree.state() == before
    tree.real.delete_flows()
    tree.real.delete_groups()
    assert tree.audited(1) == len(ours) + 1
    tree.settle()
    assert tree.state() == before
    assert tree.woken == 1


def test_each_entry_of_a_vlan_that_others_deleted_or_changed_is_planned_again(tree: Tree) -> None:
    described = tree.real.describe()
    segment = Segment((PortRef(1, 1), PortRef(1, 2)), 10)
    view = TopologyView(2, {1: described}, vlan_segments=(segment,))
    tree.control.topology_changed(view, (TopologyChange("vlan_segment_add", segment),), 1.0)
    tree.settle()
    tree.before = tree.state()
    ours = [one for one in tree.real.entries() if one.match.dl_vlan == 10]
    assert {(one.match.in_port, one.actions) for one in ours} == {(2, ()), (None, (Output(1),))}
    tree.switches.asked.clear()
    assert tree.audited(1) == 0
    if tree.real.openflow == 1:
        assert Match(dl_vlan=10) in [asked.get("match") for asked in tree.switches.asked]
    for one in ours:
        strictly = FlowMod(FlowCommand.DELETE_STRICT, one.match, one.priority, one.cookie)
        for harm in (
            strictly,
            strictly._replace(command=FlowCommand.ADD, actions=(Output(2),)),
            strictly._replace(command=FlowCommand.ADD, cookie=0x77, actions=one.actions),
            strictly._replace(command=FlowCommand.ADD, idle_timeout=9, actions=one.actions),
        ):
            tree.real.apply(harm)
            assert tree.audited(1) == 1, harm
            tree.settle()
            assert tree.state() == tree.before
    tree.control.topology_changed(TopologyView(3, {1: described}), (), 2.0)
    tree.settle()
    assert [one for one in tree.real.entries() if one.match.dl_vlan is not None] == []
    assert tree.audited(1) == 0


@pytest.mark.parametrize("ports", [{1, 2, 3}, {1}, set()], ids=str)
def test_ports_that_others_opened_or_closed_are_put_right(tree: Tree, ports: set[int]) -> None:
    tree.real.flood_by(frozenset(ports))
    assert tree.audited(1) == 1
    tree.settle()
    assert tree.state() == tree.before


def test_nothing_is_judged_by_an_answer_from_before_the_newest_plan(tree: Tree) -> None:
    def change() -> None:
        tree.real.set_up(3, True)
        described = tree.real.describe()
        view = TopologyView(2, {1: described})
        tree.control.topology_changed(view, (), 1.0)
        tree.control.plan(1.0)
        assert tree.control.plan(2.0), "the port's hold is over"

    tree.switches.meanwhile = change
    tree.real.delete_flows()
    assert tree.audited(1) == 0
    assert tree.audited(1) == 0, "a plan is not confirmed"
    assert tree.woken == 0


def test_a_switch_that_has_left_or_is_not_read_yet_is_not_audited(tree: Tree) -> None:
    tree.switches.asked.clear()
    assert tree.audited(2) == 0
    described = tree.real.describe()
    tree.control.topology_changed(
        TopologyView(2, {1: described}), (TopologyChange("switch_join", described),), 1.0
    )
    assert tree.audited(1) == 0
    assert tree.switches.asked == []


def test_1_0_is_asked_for_broadcasts_and_for_what_comes_to_the_controller_alone() -> None:
    tree = Tree(1)
    tree.audited(1)
    mask = 2**64 - 1
    ours = tree.control.cookie
    assert tree.switches.asked == [
        {"match": Match(dl_dst=BROADCAST_MAC), "cookie": ours, "mask": mask},
        {"cookie": ours, "mask": mask, "to_controller": True},
    ]
