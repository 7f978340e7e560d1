"""Switches with tens of thousands of ports, of which some change all the time."""

from __future__ import annotations

import sys
from collections.abc import Callable

from horizon_ryu.core.discovery.control import DiscoveryControl, DiscoveryLimits
from horizon_ryu.core.discovery.switch_table import SwitchTable
from horizon_ryu.core.topology import PortRef
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
    core.switch_ready(switch(A, range(1, ports + 1)), 0.0)
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


def test_ports_beyond_the_cap_are_as_if_they_were_not_there() -> None:
    network = SmallNetwork(limits=DiscoveryLimits(ports_per_switch=3))
    network.core.switch_ready(switch(A, range(1, 6)), network.now)
    assert network.kinds() == ["switch_join", "alarm_too_many_ports"]
    assert set(network.core.view().switches[A].ports) == {1, 2, 3}
    network.core.port_changed(A, 4, port(4, up=False), network.now)
    assert network.kinds() == []
    network.core.port_changed(A, 2, None, network.now)
    network.core.port_changed(A, 4, port(4), network.now)
    assert network.kinds() == ["port_delete", "port_add"]
    assert set(network.core.view().switches[A].ports) == {1, 3, 4}
