"""Native threads under deadlines, and the pace that gatherers keep inside the service."""

from __future__ import annotations

import threading

import eventlet
import pytest

from xen_bridge.errors import Deadline, HypervisorError, Overloaded
from xen_bridge.server.workers import GreenPace, Workers


def test_a_call_runs_in_another_thread_and_returns():
    assert Workers("test", 2).call(5, threading.get_ident) != threading.get_ident()


def test_an_error_arrives_as_it_was_raised():
    def refuse():
        raise HypervisorError("no")

    with pytest.raises(HypervisorError, match="no"):
        Workers("test", 2).call(5, refuse)


def test_a_call_that_hangs_ends_at_its_deadline_and_others_go_on():
    workers, going = Workers("libvirt", 2), threading.Event()
    try:
        with pytest.raises(Deadline, match=r"libvirt: no answer in 0\.05 s"):
            workers.call(0.05, going.wait, 20)
        assert workers.call(5, lambda: 7) == 7
    finally:
        going.set()


def test_when_all_threads_hang_it_says_so_and_recovers():
    workers, going = Workers("libvirt", 2), threading.Event()
    try:
        for _ in range(2):
            with pytest.raises(Deadline):
                workers.call(0.05, going.wait, 20)
        with pytest.raises(Overloaded, match="libvirt"):
            workers.call(0.05, lambda: 7)
    finally:
        going.set()
    assert workers.call(10, lambda: 7) == 7


def test_the_event_loop_turns_while_a_call_blocks():
    workers, going = Workers("test", 2), threading.Event()
    eventlet.spawn_after(0.01, going.set)
    assert workers.call(10, going.wait, 5) is True


def test_a_timeout_of_somebody_else_is_not_taken_for_ours():
    going = threading.Event()
    try:
        with pytest.raises(eventlet.Timeout), eventlet.Timeout(0.05):
            Workers("test", 2).call(10, going.wait, 20)
    finally:
        going.set()


def test_jobs_run_side_by_side_and_the_first_error_comes_last():
    pace = GreenPace(Workers("test", 4))
    meeting = threading.Barrier(3)
    ended = []

    def meet():
        pace.call(meeting.wait, 10)
        ended.append(1)
        return len(ended)

    def fail():
        pace.call(meeting.wait, 10)
        raise HypervisorError("one failed")

    with pytest.raises(HypervisorError, match="one failed"):
        pace.side_by_side([meet, fail, meet])
    assert len(ended) == 2
    assert pace.side_by_side([lambda: 1, lambda: 2]) == [1, 2]


def test_the_pace_waits_for_a_time():
    pace = GreenPace(Workers("test", 1))
    when = pace.now() + 0.02
    pace.sleep_until(when)
    assert pace.now() >= when
    pace.sleep_until(when - 100)
