"""Trees with tens of thousands of ports, of which some change all the time."""

from __future__ import annotations

import pytest

from examples import examples
from executed_lines import executed_lines
from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.ownership import Priority
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.flood_audit import PORTS_DESCRIBED, FloodSnapshot
from horizon_ryu.core.spanning_tree.flood_plan import AT_ONCE
from horizon_ryu.core.topology import Port, Switch
from horizon_ryu.wire.capabilities import GROUP_PORTS
from horizon_ryu.wire.codec13 import CODEC13
from horizon_ryu.wire.messages import Flood, FloodPorts, FlowEntry, Match, ToController
from unit.discovery.small_network import KEY
from virtual_switch.direct import DirectSwitch

HOLD = 10.0
SIZES = (100, 10_000, examples(20_000, 50_000))
HELD, OPEN = 0, 1


def port(number: int, up: bool = True) -> Port:
    return Port(number, f"p{number}", b"\2\0" + number.to_bytes(4, "big"), up)


class ManyPorts:
    """One switch of many ports, with the Discovery that tells of it and the tree it is in."""

    def __init__(self, openflow: int, ports: int, is_read: bool = True) -> None:
        limits = DiscoveryLimits(ports_per_switch=60_000)
        self.discovery = DiscoveryControl(KEY, limits=limits)
        self.tree = TreeControl(1, HOLD)
        self.now = 0.0
        self.open = ports if openflow == 1 else min(ports, GROUP_PORTS)
        switch = Switch(1, "", openflow, {n: port(n) for n in range(1, ports + 1)})
        self.discovery.switch_ready(switch, self.now)
        self.publish()
        if is_read:
            self.tree.switch_state_read(1, (), None, self.now)
        else:
            self.tree.switch_state_unknown(1, self.now)

    def publish(self) -> None:
        changes = self.discovery.take_changes()
        if changes:
            self.tree.topology_changed(self.discovery.view(), changes, self.now)

    def settle(self) -> int:
        """Have all plans confirmed at once; return how many messages they were."""
        count = 0
        while plan := self.tree.plan(self.now):
            count += len(plan.messages)
            self.tree.confirmed(plan, (), self.now)
        return count

    def change(self, number: int, up: bool) -> int:
        self.discovery.port_changed(1, number, port(number, up), self.now)
        self.publish()
        messages = self.settle()
        self.tree.next_due()
        self.tree.settled()
        self.tree.gate(1, number)
        self.tree.is_sealed(1, number)
        return messages


def costs(openflow: int, ports: int) -> tuple[int, int]:
    """Return what it costs that a port goes down and comes back, while it is held and when open.

    With that an open port's hold time is over.
    """
    chassis = ManyPorts(openflow, ports)
    chassis.settle()
    chassis.tree.rebuild()
    chassis.settle()
    held = down_and_up(chassis)
    chassis.now += HOLD
    chassis.settle()
    assert chassis.tree.settled()
    assert len(chassis.tree.open_ports(1)) == chassis.open
    opened = down_and_up(chassis)
    chassis.now += HOLD
    opened += executed_lines(chassis.settle)
    assert chassis.tree.settled()
    assert 7 in chassis.tree.open_ports(1)
    return held, opened


def down_and_up(chassis: ManyPorts) -> int:
    count = executed_lines(lambda: chassis.change(7, False))
    assert 7 not in chassis.tree.open_ports(1)
    chassis.now += 1.0
    return count + executed_lines(lambda: chassis.change(7, True))


@pytest.mark.parametrize("openflow", [1, 4], ids=["of10", "of13"])
def test_a_change_costs_the_same_whatever_the_number_of_ports(openflow: int) -> None:
    """Of a port that is held and of one that is open; one switch is both, one after the other."""
    few, many, most = (costs(openflow, ports) for ports in SIZES)
    for state in (HELD, OPEN):
        assert many[state] <= few[state] * 1.05
        assert most[state] <= few[state] * 1.05


def test_the_memory_of_a_tree_costs_the_same_whatever_the_number_of_ports() -> None:
    costs = []
    for ports in (100, 10_000):
        chassis = ManyPorts(1, ports)
        costs.append(executed_lines(chassis.tree.memory))
        chassis.now = HOLD
        chassis.settle()
        costs.append(executed_lines(chassis.tree.memory))
        assert len(chassis.tree.memory().frozen[1].edges) == ports
    assert costs[2:] == costs[:2]


@pytest.mark.parametrize("openflow", [1, 4], ids=["of10", "of13"])
def test_a_plan_holds_a_switch_up_for_a_bounded_number_of_ports(openflow: int) -> None:
    chassis = ManyPorts(openflow, 3 * AT_ONCE)
    plans = 0
    while plan := chassis.tree.plan(chassis.now):
        assert len(plan.messages) <= 2 * AT_ONCE + 2
        assert chassis.tree.plan(chassis.now).messages == (), "one at a time"
        assert chassis.tree.open_ports(1) == frozenset()
        chassis.tree.confirmed(plan, (), chassis.now)
        plans += 1
    assert plans >= 3
    chassis.now = HOLD
    while plan := chassis.tree.plan(chassis.now):
        assert len(plan.messages) <= 2 * AT_ONCE + 2
        chassis.tree.confirmed(plan, (), chassis.now)
    assert chassis.tree.settled()
    assert chassis.tree.gate(1, chassis.open)
    assert not chassis.tree.gate(1, chassis.open + 1)


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "not read"])
def test_every_group_of_a_switch_of_50_000_ports_can_be_sent(is_read: bool) -> None:
    many = ManyPorts(4, 50_000, is_read)
    groups = 0
    for many.now in (0.0, HOLD):
        while plan := many.tree.plan(many.now):
            for sent in plan.messages:
                if isinstance(sent.message, FloodPorts):
                    groups += 1
                    CODEC13.encode_group(1, True, sent.message.ports)
            many.tree.confirmed(plan, (), many.now)
    assert groups >= 2
    assert many.tree.settled()
    assert len(many.tree.open_ports(1)) == GROUP_PORTS


def passing(real: DirectSwitch) -> set[int]:
    """Return the ports by which broadcasts really go in and out."""
    blocked = {
        entry.match.in_port for entry in real.entries() if entry.priority == Priority.BLOCKED
    }
    return set(real.flooding or ()) - blocked


@pytest.mark.parametrize("openflow", [1, 4], ids=["of10", "of13"])
def test_ports_beyond_the_cap_are_closed_and_opened_when_there_is_room(openflow: int) -> None:
    """On real tables: those of a switch that floods by every port that is not closed (1.0)."""
    real = DirectSwitch(1, openflow, range(1, 6))
    discovery = DiscoveryControl(KEY, limits=DiscoveryLimits(ports_per_switch=3))
    tree = TreeControl(1, HOLD)
    now = 0.0

    def settle() -> None:
        changes = discovery.take_changes()
        if changes:
            tree.topology_changed(discovery.view(), changes, now)
        while plan := tree.plan(now):
            for sent in plan.messages:
                assert real.apply(sent.message) is None
            tree.confirmed(plan, (), now)

    def blocked() -> set[int | None]:
        found = [e.match.in_port for e in real.entries() if e.priority == Priority.BLOCKED]
        return set(found)

    discovery.switch_ready(real.describe(), now)
    settle()
    tree.switch_state_read(1, real.entries(), real.group, now)
    settle()
    assert passing(real) == set()
    now = HOLD
    settle()
    assert tree.settled()
    assert passing(real) == set(real.flooding or ()) == {1, 2, 3}
    assert blocked() == {4, 5}, "nor may a frame of theirs be flooded"
    real.add_port(6)
    assert (6 in passing(real)) == (openflow == 1), "it floods until it is closed"
    discovery.port_changed(1, 6, real.ports[6], now)
    settle()
    assert passing(real) == set(real.flooding or ()) == {1, 2, 3}
    assert blocked() == {4, 5, 6}
    tree.rebuild()
    settle()
    assert not tree.compare(snapshot(tree), real.entries(), real.flooding), "audits agree"
    discovery.port_changed(1, 2, None, now)
    settle()
    assert passing(real) - {2} == {1, 3}, "the port that takes its place is held first"
    now += HOLD
    settle()
    assert passing(real) - {2} == {1, 3, 4}
    assert blocked() == {5, 6}
    discovery.port_changed(1, 5, None, now)
    settle()
    assert blocked() == {6}, "a port that is gone leaves no entry"


def test_an_audit_of_1_0_believes_no_description_that_lacks_ports() -> None:
    def is_repaired(ports: int, described: int) -> bool:
        many = ManyPorts(1, ports)
        many.settle()
        many.now = HOLD
        many.settle()
        broadcast = Match(dl_dst=b"\xff" * 6)
        entries = (
            FlowEntry(broadcast, Priority.BROADCAST, many.tree.cookie, (Flood(),)),
            FlowEntry(Match(), Priority.TABLE_MISS, many.tree.cookie, (ToController(),)),
        )
        asked = snapshot(many.tree)
        return many.tree.compare(asked, entries, frozenset(range(1, described + 1)))

    assert is_repaired(PORTS_DESCRIBED, PORTS_DESCRIBED - 1)
    assert not is_repaired(PORTS_DESCRIBED, PORTS_DESCRIBED)
    assert not is_repaired(PORTS_DESCRIBED + 1, PORTS_DESCRIBED)


def snapshot(tree: TreeControl) -> FloodSnapshot:
    found = tree.snapshot(1)
    assert found is not None
    return found
