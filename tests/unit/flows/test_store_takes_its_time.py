"""While the store writes, others change flows: what it has at the end is what there is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from horizon_ryu.core.errors import HorizonError, StoreError
from horizon_ryu.core.flows.entries import keys_of
from horizon_ryu.core.flows.flow import Flow, FlowState
from horizon_ryu.core.flows.record import flow_from_json
from unit.flows.fabric import Fabric
from unit.flows.test_flow_service import RING
from unit.flows.test_migrating import made, wish
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.port import Task

T = TypeVar("T")
WITHIN = 60.0
CUT = [cable for cable in RING if set(cable) != {2, 3}]


class SlowStore:
    """Carries the work of a store in order, each piece after some turns of the others."""

    def __init__(self, runtime: GreenRuntime, chance: random.Random, refused: float = 0.0) -> None:
        self.refused = refused
        self._runtime = runtime
        self._chance = chance
        self._turn = runtime.semaphore()

    def __call__(self, function: Callable[[], T], /, is_read: bool) -> T:
        with self._turn:
            for _ in range(self._chance.randrange(5)):
                self._runtime.sleep(0)
            if self._chance.random() < self.refused:
                raise StoreError("the store cannot be written: database is locked")
            return function()


def kept(fabric: Fabric) -> dict[int, Flow]:
    """Return the flows that a restart would find."""
    flows = [flow_from_json(row) for row in fabric.store.flows()]
    return {flow.number: flow for flow in flows}


def there(fabric: Fabric) -> dict[int, Flow]:
    return {flow.number: flow for flow in fabric.registry.flows()}


@contextmanager
def watched(fabric: Fabric, runtime: GreenRuntime) -> Iterator[None]:
    """Have somebody look after flows, and write what is owed."""

    def write_overdue() -> None:
        runtime.sleep(0.001)
        fabric.journal.write_overdue()

    loops: list[Task] = [
        runtime.spawn(fabric.supervisor.forever, turn)
        for turn in (fabric.monitor.turn, write_overdue)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()


def until(runtime: GreenRuntime, condition: Callable[[], Any]) -> None:
    with runtime.timeout(WITHIN):
        while not condition():
            runtime.sleep(0.002)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_kept_is_what_there_is_whatever_came_in_between(seed: int) -> None:
    chance, runtime = random.Random(seed), GreenRuntime()
    fabric = Fabric(RING)
    flows = [made(fabric, port=port).number for port in range(1, 7)]
    carry = SlowStore(runtime, chance, 0.15)
    fabric.store.carry = carry

    def change(number: int) -> None:
        for _ in range(4):
            deed = chance.choice(["move", "move", "cut", "mend", "remove"])
            try:
                if deed == "move":
                    flow = fabric.registry.get(number)
                    fabric.migrations.migrate([wish(flow, chance.choice((2, 4)))])
                elif deed == "remove" and chance.random() < 0.3:
                    fabric.service.remove(number)
                else:
                    fabric.recable(CUT if deed == "cut" else RING)
                    fabric.monitor.suspect(fabric.registry.flows())
            except HorizonError:
                # Refused is as good as done, if it is what there is.
                continue

    with watched(fabric, runtime):
        tasks = [runtime.spawn(change, number) for number in flows for _ in range(2)]
        for task in tasks:
            assert task.join(WITHIN)
        carry.refused = 0.0
        fabric.recable(RING)
        fabric.monitor.suspect(fabric.registry.flows())
        until(runtime, lambda: not any(map(fabric.registry.is_changing, flows)))
        until(runtime, lambda: not fabric.journal.is_overdue and kept(fabric) == there(fabric))
        states = {flow.state for flow in fabric.registry.flows()}
        until(
            runtime, lambda: {flow.state for flow in fabric.registry.flows()} <= {FlowState.ACTIVE}
        )
        assert states <= {FlowState.ACTIVE, FlowState.BROKEN}
    assert kept(fabric) == there(fabric)
    assert fabric.store.migrations(unfinished=True) == ()


def test_a_mark_is_not_made_of_a_flow_that_is_being_changed_meanwhile() -> None:
    runtime = GreenRuntime()
    fabric = Fabric(RING)
    flow = made(fabric, 2)
    keys = keys_of(flow)
    gate = runtime.event()

    def carry(function: Callable[[], T], /, is_read: bool) -> T:
        gate.wait()
        return function()

    fabric.store.carry = carry
    fabric.recable([(1, 2)])
    wanted = []
    with watched(fabric, runtime):
        fabric.monitor.suspect([flow])
        runtime.sleep(0.01)
        fabric.recable(RING)
        moving = runtime.spawn(fabric.migrations.migrate, [wish(flow, 4)])
        until(runtime, lambda: fabric.registry.is_changing(flow.number))
        gate.set()
        while fabric.registry.is_changing(flow.number):
            wanted += [key for key in keys if fabric.registry.is_wanted(key)]
            runtime.sleep(0)
        assert moving.join(WITHIN)
        until(runtime, lambda: kept(fabric) == there(fabric))
    # Somebody would have restored what the change takes away.
    assert wanted == []
    assert fabric.events.kinds() == ["flow_add", "migration_done"]
