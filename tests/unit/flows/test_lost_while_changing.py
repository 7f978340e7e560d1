"""What is lost of the network while a flow is on its way to a path that passes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import eventlet
import pytest

from horizon_ryu.changes.states import State
from horizon_ryu.core.flows.flow import FlowState
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.topology import PortRef, Switch, TopologyChange
from unit.flows.fabric import EDGE, Fabric
from unit.flows.test_flow_service import RING, path


def by_link(fabric: Fabric) -> list[TopologyChange]:
    """The cable between 1 and 4 is cut."""
    links = [
        link for link in fabric.view.links.values() if {link.src.dpid, link.dst.dpid} == {1, 4}
    ]
    fabric.recable([(1, 2), (2, 3), (3, 4)])
    return [TopologyChange("link_delete", link) for link in links]


def by_switch(fabric: Fabric) -> list[TopologyChange]:
    """Switch 4 leaves, and nothing is told of its links beforehand."""
    fabric.recable([(1, 2), (2, 3)])
    switches = {dpid: switch for dpid, switch in fabric.view.switches.items() if dpid != 4}
    fabric.view = replace(fabric.view, switches=switches)
    fabric.tables.away.add(4)
    return [TopologyChange("switch_leave", Switch(4, "", fabric.openflow))]


def by_port(fabric: Fabric) -> list[TopologyChange]:
    """The port of the flow's destination goes."""
    there = fabric.view.switches[3]
    ports = {number: port for number, port in there.ports.items() if number != EDGE}
    fabric.view = replace(
        fabric.view, switches={**fabric.view.switches, 3: replace(there, ports=ports)}
    )
    return [TopologyChange("port_delete", PortRef(3, EDGE))]


def made(fabric: Fabric) -> None:
    fabric.service.create([CreateFlow(path(1, 3, waypoints=(4,)))])


def migrated(fabric: Fabric) -> None:
    (flow,) = fabric.registry.flows()
    fabric.migrations.migrate([MigrateFlow((1, 4, 3), flow.number)])


def altered(fabric: Fabric) -> None:
    (flow,) = fabric.registry.flows()
    fabric.service.change(flow.number, replace(flow.spec, waypoints=(4,)))


@pytest.mark.parametrize(
    ("lose", "dpids", "state"),
    [
        # Switch 4 can still be passed: on the way there and back.
        (by_link, [1, 2, 3, 4, 3], FlowState.ACTIVE),
        (by_switch, [1, 4, 3], FlowState.BROKEN),
        (by_port, [1, 4, 3], FlowState.BROKEN),
    ],
)
@pytest.mark.parametrize("act", [made, migrated, altered])
def test_a_flow_whose_path_is_lost_while_it_changes_is_looked_after(
    act: Callable[[Fabric], None],
    lose: Callable[[Fabric], list[TopologyChange]],
    dpids: list[int],
    state: FlowState,
) -> None:
    fabric = Fabric(RING)
    if act is not made:
        fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    once_committed(fabric, lambda: fabric.monitor.changed(lose(fabric)))
    looking = eventlet.spawn(look_after_all, fabric)
    act(fabric)
    (flow,) = fabric.registry.flows()
    with eventlet.Timeout(20):
        while (held := fabric.registry.get(flow.number)).state is not state or [
            hop.dpid for hop in held.hops
        ] != dpids:
            eventlet.sleep(0.01)
    looking.kill()


def once_committed(fabric: Fabric, act: Callable[[], None]) -> None:
    """Do ``act`` when a change is committed, before what it left is deleted."""
    write = fabric.journal.write

    def write_and_act(transactions: Sequence[Any]) -> None:
        write(transactions)
        if any(each.state is State.COMMITTED for each in transactions):
            fabric.journal.write = write  # type: ignore[method-assign]
            act()

    fabric.journal.write = write_and_act  # type: ignore[method-assign]


def look_after_all(fabric: Fabric) -> None:
    while True:
        fabric.monitor.turn()
