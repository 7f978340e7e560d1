"""Whose audit is due, with time moved by hand."""

from __future__ import annotations

from itertools import pairwise

from horizon_ryu.core.audit_schedule import AGAIN, INTERVAL, LONGEST, PATIENCE, AuditSchedule

STEP = 0.1


def run(schedule: AuditSchedule, seconds: float, fine: bool, now: float = 0.0) -> list[float]:
    """Audit whoever is due for a while, and return when that was."""
    times = []
    end = now + seconds
    while now <= end:
        for dpid in schedule.take_due(now):
            times.append(now)
            schedule.done(dpid, fine, now)
        now += STEP
    return times


def gaps(times: list[float]) -> list[float]:
    return [round(later - earlier, 1) for earlier, later in pairwise(times)]


def test_a_switch_is_audited_within_an_interval_and_then_once_in_each() -> None:
    schedule = AuditSchedule()
    schedule.follow({7}, 0.0)
    times = run(schedule, 20.0, fine=True)
    assert times[0] <= INTERVAL + STEP
    assert all(INTERVAL - STEP < gap < INTERVAL + 2 * STEP for gap in gaps(times))


def test_the_audits_of_many_switches_are_spread() -> None:
    schedule = AuditSchedule()
    schedule.follow(set(range(1, 161)), 0.0)
    at_once = [len(schedule.take_due(STEP * turn)) for turn in range(int(INTERVAL / STEP) + 1)]
    assert sum(at_once) == 160
    assert max(at_once) <= 20


def test_a_switch_is_not_audited_twice_at_one_time() -> None:
    schedule = AuditSchedule()
    schedule.follow({1}, 0.0)
    assert schedule.take_due(INTERVAL) == [1]
    assert schedule.take_due(10 * INTERVAL) == []
    schedule.done(1, True, 10 * INTERVAL)
    assert schedule.take_due(11 * INTERVAL) == [1]


def test_a_restoration_is_looked_after_soon_and_one_that_never_lasts_ever_more_rarely() -> None:
    schedule = AuditSchedule()
    schedule.follow({1}, 0.0)
    found = gaps(run(schedule, 400.0, fine=False))
    assert all(gap < AGAIN + 2 * STEP for gap in found[: PATIENCE - 1])
    assert all(later >= earlier - STEP for earlier, later in pairwise(found))
    assert LONGEST - STEP < found[-1] < LONGEST + 2 * STEP
    now = 1000.0
    assert schedule.take_due(now) == [1]
    schedule.done(1, True, now)
    assert schedule.take_due(now + INTERVAL) == [1], "fine again: as often as others"


def test_a_switch_that_has_left_is_forgotten_and_a_new_one_has_its_patience() -> None:
    schedule = AuditSchedule()
    schedule.follow({1}, 0.0)
    run(schedule, 100.0, fine=False)
    (dpid,) = schedule.take_due(500.0)
    schedule.follow((), 500.0)
    schedule.done(dpid, False, 501.0)
    assert schedule.take_due(1000.0) == []
    assert schedule.strikes(1) == 0
    schedule.follow({1}, 1000.0)
    assert schedule.take_due(1000.0 + INTERVAL) == [1]
