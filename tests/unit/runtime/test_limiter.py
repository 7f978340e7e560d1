"""Native threads under deadlines, and the runtime that gatherers have inside the service."""

from __future__ import annotations

import threading

import eventlet
import pytest

from xen_bridge.errors import Deadline, HypervisorError, Overloaded
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.limiter import ThreadLimiter


def test_a_call_runs_in_another_thread_and_returns():
    assert (
        ThreadLimiter(GreenRuntime(), "test", 2).call(5, threading.get_ident)
        != threading.get_ident()
    )


def test_an_error_arrives_as_it_was_raised():
    def refuse():
        raise HypervisorError("no")

    with pytest.raises(HypervisorError, match="no"):
        ThreadLimiter(GreenRuntime(), "test", 2).call(5, refuse)


def test_a_call_that_hangs_ends_at_its_deadline_and_others_go_on():
    limiter, going = ThreadLimiter(GreenRuntime(), "libvirt", 2), threading.Event()
    try:
        with pytest.raises(Deadline, match=r"libvirt: no answer in 0\.05 s"):
            limiter.call(0.05, going.wait, 20)
        assert limiter.call(5, lambda: 7) == 7
    finally:
        going.set()


def test_when_all_threads_hang_it_says_so_and_recovers():
    limiter, going = ThreadLimiter(GreenRuntime(), "libvirt", 2), threading.Event()
    try:
        for _ in range(2):
            with pytest.raises(Deadline):
                limiter.call(0.05, going.wait, 20)
        with pytest.raises(Overloaded, match="libvirt"):
            limiter.call(0.05, lambda: 7)
    finally:
        going.set()
    assert limiter.call(10, lambda: 7) == 7


def test_one_party_leaves_threads_to_the_others():
    """Whether its calls are slow, or have long outlived their deadlines."""
    limiter, going = ThreadLimiter(GreenRuntime(), "libvirt", 3, 2), threading.Event()
    try:
        for _ in range(2):
            with pytest.raises(Deadline):
                limiter.call_for("greedy", 0.05, going.wait, 20)
        for _ in range(3):
            with pytest.raises(Overloaded, match="libvirt"):
                limiter.call_for("greedy", 0.05, lambda: 7)
            assert limiter.call_for("other", 5, lambda: 7) == 7
            assert limiter.call(5, lambda: 7) == 7
    finally:
        going.set()
    assert limiter.call_for("greedy", 10, lambda: 7) == 7


def test_who_waits_in_vain_for_a_thread_gives_its_share_back():
    limiter, going = ThreadLimiter(GreenRuntime(), "libvirt", 1, 1), threading.Event()
    try:
        with pytest.raises(Deadline):
            limiter.call_for("other", 0.05, going.wait, 20)
        for _ in range(2):
            with pytest.raises(Overloaded):
                limiter.call_for("one", 0.05, lambda: 7)
    finally:
        going.set()
    assert limiter.call_for("one", 10, lambda: 7) == 7


def test_the_event_loop_turns_while_a_call_blocks():
    limiter, going = ThreadLimiter(GreenRuntime(), "test", 2), threading.Event()
    eventlet.spawn_after(0.01, going.set)
    assert limiter.call(10, going.wait, 5) is True


def test_a_timeout_of_somebody_else_is_not_taken_for_ours():
    going = threading.Event()
    try:
        with pytest.raises(eventlet.Timeout), eventlet.Timeout(0.05):
            ThreadLimiter(GreenRuntime(), "test", 2).call(10, going.wait, 20)
    finally:
        going.set()


def test_jobs_run_side_by_side_and_the_first_error_comes_last():
    runtime = GreenRuntime().limited_by(ThreadLimiter(GreenRuntime(), "test", 4), 30.0)
    meeting = threading.Barrier(3)
    ended = []

    def meet():
        runtime.in_thread(meeting.wait, 10)
        ended.append(1)
        return len(ended)

    def fail():
        runtime.in_thread(meeting.wait, 10)
        raise HypervisorError("one failed")

    with pytest.raises(HypervisorError, match="one failed"):
        runtime.gather([meet, fail, meet])
    assert len(ended) == 2
    assert runtime.gather([lambda: 1, lambda: 2]) == [1, 2]


def test_the_pace_waits_for_a_time():
    runtime = GreenRuntime().limited_by(ThreadLimiter(GreenRuntime(), "test", 1), 30.0)
    when = runtime.now() + 0.02
    runtime.sleep_until(when)
    assert runtime.now() >= when
    runtime.sleep_until(when - 100)
