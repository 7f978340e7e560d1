"""How long a loop rests after a turn: by what this machine let it do, not by the clock."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.loop_record import LONGEST_REST
from horizon_ryu.turn_rest import TurnRest, waited_for_processor

TIMES = 2


class _Machine:
    """A runtime on which the thread has a processor for a share of the time while it rests."""

    def __init__(self, share: float = 1.0) -> None:
        self.clock, self.waited, self.slept = 100.0, 0.0, 0.0
        self._share = share

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds
        self.waited += seconds * (1 - self._share)
        self.slept += seconds

    def turn(self, work: float, waited: float) -> None:
        self.clock += work + waited
        self.waited += waited


def rest_of(machine: Any) -> TurnRest:
    return TurnRest(machine, TIMES, lambda: machine.waited)


def test_a_turn_that_waited_for_a_processor_is_no_longer_than_its_work() -> None:
    machine = _Machine()
    rest = rest_of(machine)
    rest.begin()
    machine.turn(work=0.1, waited=7.0)
    rest.take()
    assert machine.slept == pytest.approx(TIMES * 0.1)


def test_others_have_as_much_of_a_busy_machine() -> None:
    machine = _Machine(share=0.25)
    rest = rest_of(machine)
    rest.begin()
    machine.turn(work=0.1, waited=0.3)
    rest.take()
    assert machine.slept == pytest.approx(4 * TIMES * 0.1, abs=0.01)


def test_a_turn_that_waited_for_something_else_took_as_long() -> None:
    """The store, say: coming again at once would not have it answer sooner."""
    machine = _Machine()
    rest = rest_of(machine)
    rest.begin()
    machine.turn(work=1.0, waited=0.0)
    assert rest.seconds == TIMES * 1.0


@pytest.mark.parametrize(("work", "share"), [(1000.0, 1.0), (1000.0, 0.01), (1.0, 0.0)])
def test_no_rest_is_longer_than_a_loop_may_be_silent(work: float, share: float) -> None:
    machine = _Machine(share)
    rest = rest_of(machine)
    rest.begin()
    machine.turn(work, waited=0.0)
    rest.take()
    assert machine.slept == pytest.approx(LONGEST_REST)


def test_a_turn_without_work_lets_others_run_all_the_same() -> None:
    naps: list[float] = []
    machine = _Machine()
    machine.sleep = naps.append  # type: ignore[method-assign]
    rest_of(machine).take()
    assert naps == [0.0]


def test_the_kernel_tells_it_or_it_counts_as_nothing() -> None:
    assert waited_for_processor() >= 0
    assert waited_for_processor("no-such-task") == 0
