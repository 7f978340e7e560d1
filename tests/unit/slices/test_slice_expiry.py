"""Slices live for the seconds that they were given, though the machine's clock is set meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.slicing.expiry_clock import LEAST_STEP, ExpiryClock
from horizon_ryu.core.slicing.slice_registry import told
from horizon_ryu.slices.service import SliceService
from unit.rest.fake_engine import FakeEngine, MemorySlices
from xen_bridge.runtime.green import GreenRuntime

HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0


class Machine:
    """Its clock, ``date``, can be set; ``elapsed`` counts what passes, sleep too."""

    def __init__(self, date: float) -> None:
        self.date, self.elapsed = date, 50.0
        self.store, self.engine = MemorySlices(), FakeEngine()
        self.slices = self.started()

    def started(self) -> SliceService:
        """Start the slicer, perhaps anew."""
        runtime = GreenRuntime()
        runtime.wall = lambda: self.date  # type: ignore[method-assign]
        return SliceService(
            *(self.store, self.engine, lambda *_: None, runtime), elapsed=lambda: self.elapsed
        )

    def make(self, name: str, **more: Any) -> None:
        document = {"name": name, "controllers": [], "flowspace": [], **more}
        now = self.slices.now()
        self.slices.change(lambda found: found.created(document, None, now), "slice_created")

    def wait(self, seconds: float) -> None:
        self.date += seconds
        self.elapsed += seconds
        self.slices.expire()

    def set(self, by: float) -> None:
        self.date += by
        self.slices.expire()

    def names(self) -> set[str]:
        return set(self.slices.registry.slices)

    def left(self, name: str) -> float:
        found: float = told(self.slices.registry.slice(name), self.slices.now())["expires_s"]
        return found


@pytest.mark.parametrize("step", [HOUR, -HOUR, 56 * YEAR, -56 * YEAR, 3.0, -3.0])
@pytest.mark.parametrize("seconds", [10.0, DAY, 30 * DAY])
def test_a_clock_that_is_set_ends_no_slice_sooner_or_later(step: float, seconds: float) -> None:
    machine = Machine(57 * YEAR)
    machine.make("a", expires_s=seconds)
    machine.make("b")
    machine.wait(seconds / 2)
    machine.set(step)
    assert machine.left("a") == pytest.approx(seconds / 2)
    machine.wait(seconds / 2 - 1.0)
    assert machine.names() == {"a", "b"}
    machine.wait(1.1)
    assert machine.names() == {"b"}


def test_a_machine_that_begins_in_1970_learns_the_date_later() -> None:
    machine = Machine(20.0)
    machine.make("a", expires_s=HOUR)
    machine.set(56 * YEAR)
    # One that is made before anybody has looked at the clock is no exception.
    machine.make("b", expires_s=HOUR)
    machine.date -= YEAR
    machine.make("c", expires_s=HOUR)
    machine.wait(HOUR - 5.0)
    assert machine.names() == {"a", "b", "c"}
    # What is kept is a date by the clock as it is now.
    machine.slices = machine.started()
    machine.wait(4.0)
    assert machine.names() == {"a", "b", "c"}
    machine.wait(1.5)
    assert machine.names() == set()


def test_many_small_steps_are_one_when_they_come_to_much() -> None:
    machine = Machine(57 * YEAR)
    machine.make("a", expires_s=DAY)
    for _ in range(100):
        machine.set(LEAST_STEP / 4)
    assert DAY - LEAST_STEP <= machine.left("a") <= DAY + LEAST_STEP


def test_a_machine_that_sleeps_is_no_clock_that_is_set() -> None:
    machine = Machine(57 * YEAR)
    machine.make("a", expires_s=HOUR)
    machine.wait(2 * HOUR)
    assert machine.names() == set()


def test_time_that_passes_while_the_slicer_is_down_counts() -> None:
    machine = Machine(57 * YEAR)
    machine.make("a", expires_s=HOUR)
    machine.date += DAY
    machine.elapsed = 1.0
    machine.slices = machine.started()
    machine.slices.expire()
    assert machine.names() == set()


def test_a_store_that_cannot_keep_the_new_dates_is_asked_again() -> None:
    machine = Machine(57 * YEAR)
    machine.make("a", expires_s=HOUR)
    machine.store.trouble = StoreError("full")
    with pytest.raises(StoreError):
        machine.set(DAY)
    assert machine.left("a") == pytest.approx(HOUR), "as if nobody had set it"
    machine.store.trouble = None
    machine.wait(60.0)
    assert machine.left("a") == pytest.approx(HOUR - 60.0)
    machine.slices = machine.started()
    assert machine.left("a") == pytest.approx(HOUR - 60.0)


def test_a_clock_counts_on_for_years() -> None:
    clock = ExpiryClock(57 * YEAR, 0.0)
    for day in range(0, 4000, 7):
        assert clock.step(57 * YEAR + day * DAY, day * DAY) == 0.0
        assert clock.now(day * DAY) == 57 * YEAR + day * DAY
