"""Hello schedule: said until answered, to whoever hosts the router, and all is told when needed."""

from __future__ import annotations

from xen_bridge.agent.hello_schedule import (
    FIRST_RETRY,
    LONGEST_RETRY,
    REPEAT,
    HelloSchedule,
    next_of,
)
from xen_bridge.protocol.documents.hello import HelloAnswer

SEPARATED = HelloAnswer("separated", 7, ("eth1",))


def test_hello_is_said_again_later_and_later_until_it_is_answered() -> None:
    schedule, now, waits = HelloSchedule(), 100.0, []
    for number in range(1, 9):
        assert schedule.is_due(now)
        assert schedule.begins() == number
        assert not schedule.failed(now, 1)
        before = now
        while not schedule.is_due(now):
            now += 0.25
        waits.append(now - before)
    assert waits[0] == 2 * FIRST_RETRY
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY
    schedule.begins()
    schedule.answered(SEPARATED, now)
    assert not schedule.is_due(now + REPEAT - 0.01)
    assert schedule.is_due(now + REPEAT)


def test_all_is_told_once_for_each_generation_and_not_while_refused() -> None:
    schedule = HelloSchedule()
    schedule.answered(SEPARATED, 0.0)
    assert schedule.is_separated
    assert schedule.must_tell
    schedule.must_tell = False
    schedule.answered(SEPARATED, 5.0)
    assert not schedule.must_tell
    schedule.answered(HelloAnswer("separated", 8, ("eth1",)), 10.0)
    assert schedule.must_tell
    schedule.must_tell = False
    schedule.answered(HelloAnswer("refused", refusals=("nftables",)), 15.0)
    assert not schedule.is_separated
    assert not schedule.must_tell
    # Domain 0 has the generation that it had; what changed while we were refused it has not.
    schedule.answered(HelloAnswer("separated", 8, ("eth1",)), 20.0)
    assert schedule.is_separated
    assert schedule.must_tell


def test_news_and_a_domain_0_that_began_anew_are_no_reason_to_wait() -> None:
    schedule = HelloSchedule()
    schedule.begins()
    schedule.answered(SEPARATED, 0.0)
    assert not schedule.is_due(1.0)
    schedule.say_now()
    assert schedule.is_due(1.0)
    schedule.begins()
    schedule.answered(SEPARATED, 1.0)
    assert not schedule.is_due(1.0)


def test_a_router_that_moved_asks_every_host_before_it_waits_longer() -> None:
    schedule = HelloSchedule()
    schedule.begins()
    schedule.answered(SEPARATED, 0.0)
    schedule.must_tell = False
    assert schedule.failed(1.0, 2)
    schedule.moved()
    assert not schedule.is_separated
    assert schedule.is_due(1.0 + FIRST_RETRY)
    schedule.answered(SEPARATED, 2.0)
    assert schedule.must_tell


def test_hosts_are_asked_in_turn() -> None:
    assert next_of((), None) is None
    assert next_of(("a", "b"), None) == "a"
    assert [next_of(("a", "b"), one) for one in ("a", "b", "gone")] == ["b", "a", "a"]
