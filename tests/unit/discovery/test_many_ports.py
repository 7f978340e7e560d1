"""Switches with tens of thousands of ports, of which some change all the time."""

from __future__ import annotations

import sys
from collections.abc import Callable

from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.discovery.switch_table import MAX_SURPLUS, SwitchTable
from horizon_ryu.core.topology import PortRef, Switch
from horizon_ryu.wire.capabilities import GROUP_PORTS
from horizon_ryu.wire.codec13 import CODEC13
from unit.discovery.small_network import KEY, SmallNetwork, port, switch

A = 1


def calls(action: Callable[[], None]) -> int:
    """Return how many functions, of Python or of C, ``action`` calls."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def changing(ports: int) -> int:
    core = DiscoveryControl(KEY)
    described = Switch(A, "", 1, {number: port(number) for number in range(1, ports + 1)})
    core.switch_ready(described, 0.0)
    core.take_changes()

    def change() -> None:
        for number in range(1, 51):
            core.port_changed(A, number, port(number, up=False), 1.0)
            core.port_changed(A, number, port(number), 1.0)

    return calls(change)


def test_a_change_costs_the_same_whatever_the_number_of_ports() -> None:
    assert changing(10_000) <= changing(100) * 1.1


def test_switches_are_made_anew_once_for_many_changes() -> None:
    table = SwitchTable(100)
    table.add(switch(A, range(1, 51)))
    first = table.frozen()[A]
    assert table.frozen()[A] is first
    for number in range(1, 51):
        table.set_port(PortRef(A, number), port(number, up=False))
    assert all(one.up for one in first.ports.values()), "views do not change"
    second = table.get(A)
    assert second is not None
    assert not any(one.up for one in second.ports.values())
    assert table.frozen()[A] is second
    assert table.pop(A) == second
    assert table.pop(A) is None
    assert not table.set_port(PortRef(A, 1), port(1))


def test_ports_beyond_the_cap_are_as_if_they_were_not_there_until_there_is_room() -> None:
    network = SmallNetwork(limits=DiscoveryLimits(ports_per_switch=3))
    network.core.switch_ready(switch(A, range(1, 6)), network.now)
    assert network.kinds() == ["switch_join", "alarm_too_many_ports"]
    assert set(network.core.view().switches[A].ports) == {1, 2, 3}
    assert set(network.core.view().switches[A].surplus) == {4, 5}
    assert network.core.crowded() == {A: 2}
    network.core.port_changed(A, 4, port(4, up=False), network.now)
    assert network.kinds() == []
    network.core.port_changed(A, 2, None, network.now)
    assert network.kinds() == ["port_delete", "port_add"]
    assert set(network.core.view().switches[A].ports) == {1, 3, 4}
    network.core.port_changed(A, 4, port(4), network.now)
    assert network.kinds() == ["port_modify"]
    assert network.core.crowded() == {A: 1}
    network.core.port_changed(A, 5, None, network.now)
    assert network.kinds() == ["port_beyond_cap"]
    assert network.core.view().switches[A].surplus == {}
    assert network.core.crowded() == {}


def test_ports_that_come_beyond_the_cap_are_told_of_and_alarmed_once() -> None:
    network = SmallNetwork(limits=DiscoveryLimits(ports_per_switch=3))
    network.core.switch_ready(switch(A, range(1, 4)), network.now)
    network.kinds()
    network.core.port_changed(A, 9, port(9), network.now)
    assert network.kinds() == ["port_beyond_cap", "alarm_too_many_ports"]
    network.core.port_changed(A, 8, port(8), network.now)
    network.core.port_changed(A, 9, None, network.now)
    network.core.port_changed(A, 9, None, network.now)
    assert network.kinds() == ["port_beyond_cap", "port_beyond_cap"]
    assert set(network.core.view().switches[A].surplus) == {8}
    network.core.switch_left(A, network.now)
    network.core.switch_ready(switch(A, range(1, 5)), network.now)
    assert network.kinds() == ["switch_leave", "switch_join", "alarm_too_many_ports"]


def test_a_switch_of_1_3_has_no_more_ports_than_a_group_has_buckets() -> None:
    network = SmallNetwork()
    network.core.switch_ready(switch(A, range(1, GROUP_PORTS + 3)), network.now)
    assert network.kinds() == ["switch_join", "alarm_too_many_ports"]
    assert len(network.core.view().switches[A].ports) == GROUP_PORTS
    CODEC13.encode_group(1, False, network.core.view().switches[A].ports)


def test_a_table_takes_over_what_another_one_kept_beyond_the_cap() -> None:
    first, second = SwitchTable(2), SwitchTable(3)
    first.add(switch(A, range(1, 6)))
    first.set_port(PortRef(A, 1), None)
    kept = first.get(A)
    assert kept is not None
    assert (set(kept.ports), set(kept.surplus)) == ({2}, {3, 4, 5})
    again, left_out = second.add(kept)
    assert (set(again.ports), set(again.surplus)) == ({2, 3, 4}, {5})
    assert left_out == PortRef(A, 5)


def test_more_ports_beyond_the_cap_than_can_be_kept_are_told_of() -> None:
    table = SwitchTable(1)
    table.add(Switch(A, "", 1, {number: port(number) for number in range(1, MAX_SURPLUS + 2)}))
    assert not table.is_overfull(A)
    assert not table.set_port(PortRef(A, MAX_SURPLUS + 2), port(MAX_SURPLUS + 2))
    assert table.is_overfull(A)
