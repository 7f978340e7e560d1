"""Frames that were kept are given to a machine no faster than it takes them."""

from __future__ import annotations

from pathlib import Path

from xen_bridge.migration.pace import LONGEST, TURN, WINDOW, DeliveryPace, taken_by

TABLE = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:     100       1    0    0    0     0          0         0      100       1    0    0
vif3.1: 1538404   14651    0    0    0     0          0         0   123456    4711    0    0
"""


class SlowMachine:
    """Takes a frame in each of its turns, from the time it wakes up."""

    def __init__(self, wakes: float = 0.0, is_counted: bool = True, every: float = 0.0) -> None:
        """It wakes up after so many seconds, and takes a frame ``every`` so many."""
        self.now, self.wakes, self.is_counted = 100.0, 100.0 + wakes, is_counted
        self.every = every
        self.given = self.most_waiting = 0
        self._taken = 7

    def taken(self) -> int | None:
        return self._taken if self.is_counted else None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.wakes and self._taken - 7 < self.given:
            self._taken += 1
            self.wakes = self.now + self.every

    def give(self, count: int) -> None:
        pace = DeliveryPace(self.taken, lambda: self.now, self.sleep)
        for _ in range(count):
            pace.admit()
            self.given += 1
            self.most_waiting = max(self.most_waiting, self.given - (self._taken - 7))


def test_no_more_wait_in_the_kernel_than_have_room_there() -> None:
    machine = SlowMachine(wakes=3.0)
    machine.give(200)
    assert machine.most_waiting == WINDOW
    assert machine.now >= 103.0 + (200 - WINDOW - 1) * TURN


def test_a_machine_that_takes_one_now_and_then_is_waited_for_as_long_as_it_does() -> None:
    machine = SlowMachine(every=LONGEST / 4)
    machine.give(64)
    assert machine.most_waiting == WINDOW
    assert machine.now - 100.0 > 2 * LONGEST


def test_a_machine_that_takes_none_for_long_is_given_them_all_the_same() -> None:
    machine = SlowMachine(wakes=1e9)
    machine.give(100)
    assert machine.given == 100
    assert LONGEST <= machine.now - 100.0 < LONGEST + 1


def test_what_is_counted_nowhere_holds_nothing_back() -> None:
    machine = SlowMachine(is_counted=False)
    machine.give(100)
    assert machine.now == 100.0


def test_the_counter_is_read_from_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "dev"
    assert taken_by("vif3.1", table) is None
    table.write_text(TABLE)
    assert taken_by("vif3.1", table) == 4711
    assert taken_by("vif3", table) is None
