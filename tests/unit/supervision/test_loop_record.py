"""What is known of a loop tells whether it goes on."""

from __future__ import annotations

import pytest

from horizon_ryu.core.loop_record import (
    AUXILIARY,
    HOPELESS,
    HOPELESS_FAILURES,
    IDLE_TURN,
    MAX_RESTARTS,
    ON_DISK,
    PATIENCE,
    LoopRecord,
    LoopTerms,
    rest_after,
)


@pytest.fixture
def record() -> LoopRecord:
    return LoopRecord("loop", 100.0)


def test_a_loop_that_turns_is_well(record: LoopRecord) -> None:
    record.turned(130.0)
    assert record.trouble(130.0 + PATIENCE) is None
    assert record.age(131.5) == 1.5


def test_a_loop_that_does_not_turn_is_stalled_and_then_hopeless(record: LoopRecord) -> None:
    now = 100.0
    for _ in range(MAX_RESTARTS):
        now += PATIENCE + 1
        assert record.is_stalled(now)
        assert record.trouble(now) == f"has not turned for {PATIENCE + 1:.0f} s"
        assert not record.is_hopeless(now)
        record.restarted(now)
        assert record.trouble(now) == "was begun again, since it did not turn"
    assert record.is_hopeless(now + PATIENCE + 1)
    record.turned(now)
    assert record.trouble(now) is None
    assert not record.is_hopeless(now + PATIENCE + 1)


def test_a_loop_that_fails_for_ever_is_hopeless(record: LoopRecord) -> None:
    for number in range(HOPELESS_FAILURES):
        record.failed(100.0 + number)
    assert record.trouble(110.0) == f"has failed {HOPELESS_FAILURES} times in a row"
    assert not record.is_hopeless(100.0 + HOPELESS - 1)
    assert record.is_hopeless(100.0 + HOPELESS)
    record.turned(100.0 + HOPELESS)
    assert record.trouble(100.0 + HOPELESS) is None


def test_a_loop_that_fails_now_and_then_is_none_that_fails(record: LoopRecord) -> None:
    for number in range(100):
        record.failed(100.0 + number)
        record.turned(100.5 + number)
    assert record.trouble(201.0) is None
    assert not record.is_hopeless(201.0)


def test_a_loop_that_is_not_vital_never_ends_the_controller() -> None:
    record = LoopRecord("loop", 100.0, AUXILIARY)
    for number in range(1000):
        record.failed(100.0 + number)
    assert not record.is_hopeless(2000.0)
    assert record.trouble(2000.0) == f"has not turned for {2000 - 1099} s"


def test_who_waits_for_a_disk_is_told_and_not_begun_again() -> None:
    record = LoopRecord("loop", 100.0, ON_DISK)
    now = 101.0 + PATIENCE
    assert record.trouble(now) is not None
    assert not record.wants_restart(now)
    assert not record.is_hopeless(now)


def test_who_has_nothing_to_do_need_not_turn(record: LoopRecord) -> None:
    record.is_idle = True
    assert not record.is_stalled(10_000.0)
    record.begins(10_000.0)
    assert record.is_stalled(10_001.0 + PATIENCE)


def test_a_machine_that_stood_still_is_no_fault_of_its_loops(record: LoopRecord) -> None:
    record.failed(100.0)
    record.excuse(5000.0)
    assert not record.is_stalled(5000.0 + PATIENCE)


def test_a_loop_may_take_as_long_as_its_timer_says() -> None:
    interval = 3600.0
    record = LoopRecord("loop", 0.0, LoopTerms(longest=lambda: interval))
    assert not record.is_stalled(3600.0)
    assert record.is_stalled(3601.0)


@pytest.mark.parametrize("work", [0.0, 0.1, 1.3, 100.0])
@pytest.mark.parametrize("times", [2, 3, 50])
def test_no_rest_is_taken_for_a_loop_that_hangs(work: float, times: int) -> None:
    rest = rest_after(work, times)
    assert rest <= times * work
    assert rest + IDLE_TURN < PATIENCE
