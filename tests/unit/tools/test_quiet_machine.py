"""What is measured on a machine that was not quiet is measured again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from quiet_machine import DISTURBED_TRIES, QUIET, TRIES, OtherLoad, until_right
from tools.controller_process import wait_until


class Load(OtherLoad):
    """One that is told what others take."""

    def __init__(self, processors: float) -> None:
        self._processors = processors

    def processors(self) -> float:
        return self._processors


def tries(loads: Iterator[float], right_at: int) -> int:
    numbers = count(1)
    return until_right(
        lambda: next(numbers), lambda one: one == right_at, lambda: Load(next(loads))
    )


def test_what_is_right_is_taken_at_once() -> None:
    assert tries(iter([9.0]), 1) == 1


def test_a_wrong_measurement_of_a_quiet_machine_stands_after_a_few_tries() -> None:
    assert tries(iter([0.0] * 99), 99) == TRIES


def test_it_goes_on_while_others_are_busy() -> None:
    assert tries(iter([9.0] * 99), 7) == 7
    assert tries(iter([9.0] * 5 + [QUIET / 2] * 99), 99) == 6


def test_a_machine_that_is_never_quiet_does_not_hold_it_for_ever() -> None:
    assert tries(iter([9.0] * 99), 99) == DISTURBED_TRIES


@pytest.fixture
def busy() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_the_load_of_others_is_all_that_is_not_ours(busy: int) -> None:
    """The same process, as another's and as ours: the difference is what it took."""
    as_other, as_ours = OtherLoad([]), OtherLoad([busy])
    before = spent(busy)
    wait_until(lambda: spent(busy) > before + 0.5, 60, "it has spent half a second")
    assert as_other.processors() > as_ours.processors()
    assert as_other.processors() > 0


def spent(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[11]) / os.sysconf("SC_CLK_TCK")


def test_one_that_has_ended_counts_for_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert OtherLoad([ended.pid]).processors() >= 0
