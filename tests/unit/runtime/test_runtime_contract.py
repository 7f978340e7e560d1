"""What both runtimes promise: one set of tests over the green one and that of native threads."""

from __future__ import annotations

import logging
import queue
import socket
import sys
import threading
import time
from functools import partial

import pytest

from xen_bridge.errors import Deadline, HypervisorError, Overloaded
from xen_bridge.runtime.checkpoints import checkpoint_every
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.limiter import ThreadLimiter
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.task_pool import TaskPool
from xen_bridge.runtime.threads import ThreadRuntime

LONG = 60.0
"""Seconds that nothing here takes, unless it is broken."""


@pytest.fixture(params=[GreenRuntime, ThreadRuntime], ids=["green", "threads"])
def runtime(request):
    return request.param()


def wait_until(runtime: Runtime, is_so) -> None:
    with runtime.timeout(LONG, AssertionError("it never was so")):
        while not is_so():
            runtime.sleep(0.001)


class Home(Exception):
    """What a timeout of these tests raises."""


# ---- tasks


def test_a_task_runs_beside_others_and_can_be_joined(runtime):
    done = []
    task = runtime.spawn(lambda number: done.append(number), 7)
    assert task.join(LONG)
    assert (done, task.is_over) == ([7], True)
    assert task.join()


def test_joining_ends_in_time(runtime):
    going = runtime.event()
    task = runtime.spawn(going.wait)
    assert not task.join(0.01)
    assert not task.is_over
    going.set()
    assert task.join(LONG)


def test_what_a_task_raises_is_logged_and_harms_nobody(runtime, caplog):
    def fail():
        raise KeyError("gone wrong")

    with caplog.at_level(logging.ERROR):
        assert runtime.spawn(fail).join(LONG)
    assert "gone wrong" in caplog.text


def test_a_task_that_exits_harms_nobody_and_is_told(runtime, caplog):
    with caplog.at_level(logging.ERROR):
        assert runtime.spawn(sys.exit, 0).join(LONG)
    assert "SystemExit" in caplog.text
    with pytest.raises(SystemExit):
        runtime.gather([partial(sys.exit, 3), list])


def test_whoever_asks_is_told_what_a_task_raised(runtime):
    def fail():
        raise KeyError("gone wrong")

    told = []
    runtime.task_failed = lambda name, error: told.append((name.rpartition(".")[2], repr(error)))
    assert runtime.spawn(partial(fail)).join(LONG)
    assert told == [("fail", "KeyError('gone wrong')")]


def test_what_is_to_be_done_soon_is_done_after_this_turn_whatever_fails(runtime, caplog):
    def fail():
        raise KeyError("gone wrong")

    done = []
    runtime.soon(fail)
    for number in range(3):
        runtime.soon(partial(done.append, number))
    runtime.limited_by(ThreadLimiter(runtime, "limited", 1), LONG).soon(partial(done.append, 3))
    wait_until(runtime, lambda: sorted(done) == [0, 1, 2, 3])
    runtime.soon(partial(done.append, 4))
    wait_until(runtime, lambda: 4 in done)
    # On threads each is done by one of its own: what failed may be told after all others.
    wait_until(runtime, lambda: "gone wrong" in caplog.text)


def test_a_killed_task_ends_where_it_waits_and_cleans_up(runtime):
    cleaned, begun = [], runtime.event()

    def work():
        try:
            begun.set()
            runtime.sleep(LONG)
        finally:
            cleaned.append("up")

    task = runtime.spawn(work)
    assert begun.wait(LONG)
    task.kill()
    assert task.join(LONG)
    assert cleaned == ["up"]
    task.kill()


@pytest.mark.parametrize("means", ["event", "queue", "semaphore", "checkpoint"])
def test_a_task_can_be_killed_wherever_it_waits(runtime, means):
    begun, locked = runtime.event(), runtime.semaphore(1)
    locked.acquire()

    def forever():
        while True:
            runtime.checkpoint()

    waiting = {
        "event": runtime.event().wait,
        "queue": runtime.queue(1).get,
        "semaphore": locked.acquire,
        "checkpoint": forever,
    }[means]

    def work():
        begun.set()
        waiting()

    task = runtime.spawn(work)
    assert begun.wait(LONG)
    task.kill()
    assert task.join(LONG)


def test_a_kill_is_no_error(runtime, caplog):
    begun = runtime.event()

    def work():
        begun.set()
        try:
            runtime.sleep(LONG)
        except Exception as error:
            logging.error("caught %r", error)

    task = runtime.spawn(work)
    assert begun.wait(LONG)
    task.kill()
    assert task.join(LONG)
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_a_task_that_is_killed_may_wait_while_it_cleans_up(runtime):
    cleaned, begun = [], runtime.event()

    def work():
        try:
            begun.set()
            runtime.sleep(LONG)
        finally:
            runtime.sleep(0.001)
            cleaned.append("up")

    task = runtime.spawn(work)
    assert begun.wait(LONG)
    task.kill()
    assert task.join(LONG)
    assert cleaned == ["up"]


def test_links_are_told_of_every_end(runtime):
    ended, going = [], runtime.event()

    def fail():
        going.wait(LONG)
        raise KeyError("x")

    failing, killed = runtime.spawn(fail), runtime.spawn(runtime.sleep, LONG)
    failing.link(lambda: ended.append("failed"))
    killed.link(lambda: ended.append("killed"))
    killed.kill()
    going.set()
    assert failing.join(LONG)
    assert killed.join(LONG)
    wait_until(runtime, lambda: len(ended) == 2)
    assert sorted(ended) == ["failed", "killed"]
    killed.link(lambda: ended.append("late"))
    assert ended[-1] == "late"


def test_a_task_that_waits_for_its_connection_is_killed(runtime):
    here, there = socket.socketpair()
    mine = runtime.adopt(here)
    begun = runtime.event()

    def work():
        begun.set()
        mine.recv(1)

    task = runtime.spawn(work, connection=mine)
    assert begun.wait(LONG)
    task.kill()
    assert task.join(LONG)
    mine.close()
    there.close()


def test_who_watches_goes_on_while_a_task_holds_all_others_up(runtime):
    turns = []

    def turn():
        turns.append(runtime.now())
        return len(turns) < 3

    runtime.watch(turn, 0.01)
    until = time.monotonic() + LONG
    # No other task has its turn, where they share one thread.
    while len(turns) < 3 and time.monotonic() < until:
        pass
    assert len(turns) == 3


def test_an_interrupter_reaches_the_task_that_made_it(runtime):
    caught, interrupters = [], []
    begun = runtime.event()

    def work():
        interrupters.append(runtime.interrupter(KeyboardInterrupt("stop")))
        begun.set()
        try:
            runtime.sleep(LONG)
        except KeyboardInterrupt as error:
            caught.append(str(error))

    task = runtime.spawn(work)
    assert begun.wait(LONG)
    interrupters[0]()
    assert task.join(LONG)
    assert caught == ["stop"]


# ---- waiting


def test_sleeping_takes_its_time_and_the_past_none(runtime):
    before = runtime.now()
    runtime.sleep(0.01)
    assert runtime.now() >= before + 0.01
    runtime.sleep_until(before + 0.03)
    assert runtime.now() >= before + 0.03
    runtime.sleep_until(before - 100)
    runtime.sleep(0)
    assert runtime.wall() > 1_700_000_000


def test_an_event_wakes_all_who_wait(runtime):
    event, woken = runtime.event(), []
    tasks = [runtime.spawn(lambda: woken.append(event.wait(LONG))) for _ in range(5)]
    assert not event.is_set()
    assert not event.wait(0.005)
    assert not event.wait(0)
    event.set()
    event.set()
    assert all(task.join(LONG) for task in tasks)
    assert woken == [True] * 5
    assert event.is_set()
    assert event.wait()
    assert event.wait(0)
    event.clear()
    assert not event.wait(0.001)


def test_an_event_that_is_lowered_at_once_has_woken_who_waited(runtime):
    event, about, woken = runtime.event(), [], []

    def work():
        about.append(1)
        woken.append(event.wait(LONG))

    tasks = [runtime.spawn(work) for _ in range(3)]
    wait_until(runtime, lambda: len(about) == 3)
    runtime.sleep(0.02)
    event.set()
    event.clear()
    assert all(task.join(LONG) for task in tasks)
    assert woken == [True] * 3


def test_a_queue_is_in_order_and_bounded(runtime):
    items, taken = runtime.queue(2), []
    assert items.offer(1)
    assert items.offer(2)
    assert not items.offer(3)
    putting = runtime.spawn(items.put, 3)
    assert not putting.join(0.005)
    taken += [items.get(), items.get(LONG), items.get(LONG)]
    assert putting.join(LONG)
    assert taken == [1, 2, 3]
    with pytest.raises(queue.Empty):
        items.get(0.005)


def test_a_semaphore_lets_so_many_in(runtime):
    inside, most = [0], [0]
    room = runtime.semaphore(3)

    def work():
        with room:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            runtime.sleep(0.005)
            inside[0] -= 1

    tasks = [runtime.spawn(work) for _ in range(9)]
    assert all(task.join(LONG) for task in tasks)
    assert most[0] == 3
    assert all(room.acquire(blocking=False) for _ in range(3))
    assert not room.acquire(blocking=False)
    assert not room.acquire(timeout=0.005)
    room.release()
    assert room.acquire(timeout=LONG)


# ---- timeouts


def test_a_timeout_raises_its_error_where_the_block_waits(runtime):
    before = runtime.now()
    with pytest.raises(Home, match="late"), runtime.timeout(0.01, Home("late")):
        runtime.sleep(LONG)
    assert 0.01 <= runtime.now() - before < 10
    with pytest.raises(TimeoutError), runtime.timeout(0.01):
        runtime.event().wait()


def test_a_timeout_in_time_does_nothing(runtime):
    seconds = next(seconds for seconds in (0.02, 0.2, 2.0, 20.0) if is_in_time(runtime, seconds))
    runtime.sleep(1.5 * seconds)
    runtime.checkpoint()


def is_in_time(runtime: Runtime, seconds: float) -> bool:
    """Tell whether the machine lets a block end in time."""
    try:
        with runtime.timeout(seconds, Home("late")):
            runtime.sleep(0.001)
    except Home:
        return False
    return True


def test_nothing_inside_catches_a_timeout(runtime):
    caught = []

    def work():
        try:
            runtime.sleep(LONG)
        except Exception as error:
            caught.append(error)

    with pytest.raises(Home), runtime.timeout(0.01, Home("late")):
        work()
    assert not caught


@pytest.mark.parametrize(("outer", "inner"), [(0.01, LONG), (LONG, 0.01)])
def test_of_nested_timeouts_each_raises_its_own_error(runtime, outer, inner):
    told = []

    def work():
        with runtime.timeout(outer, Home("outer")):
            try:
                with runtime.timeout(inner, Home("inner")):
                    runtime.sleep(LONG)
            except Home as error:
                told.append(f"inside: {error}")
            told.append("went on")

    try:
        work()
    except Home as error:
        told.append(f"outside: {error}")
    assert told == (["outside: outer"] if outer < inner else ["inside: inner", "went on"])


def test_after_a_timeout_the_block_may_wait_while_it_cleans_up(runtime):
    cleaned = []

    def work():
        try:
            runtime.sleep(LONG)
        finally:
            runtime.sleep(0.001)
            cleaned.append("up")

    with pytest.raises(Home), runtime.timeout(0.01, Home("late")):
        work()
    assert cleaned == ["up"]


def test_an_error_of_the_block_is_its_own(runtime):
    with pytest.raises(KeyError), runtime.timeout(LONG, Home("late")):
        raise KeyError("x")


def test_a_task_that_waits_for_its_connection_is_timed_out(runtime):
    here, there = socket.socketpair()
    mine = runtime.adopt(here)
    ended = []

    def work():
        try:
            with runtime.timeout(0.02, Home("silent")):
                mine.recv(1)
        except Home as error:
            ended.append(str(error))

    assert runtime.spawn(work, connection=mine).join(LONG)
    assert ended == ["silent"]
    mine.close()
    there.close()


# ---- several at once


def test_functions_run_side_by_side(runtime):
    meeting = [runtime.event() for _ in range(3)]

    def meet(number):
        def run():
            meeting[number].set()
            assert all(event.wait(LONG) for event in meeting)
            return number

        return run

    assert runtime.gather([meet(0), meet(1), meet(2)]) == [0, 1, 2]
    assert runtime.gather([]) == []


def test_the_first_error_is_raised_after_all_have_ended(runtime):
    ended = []

    def work(name, error=None):
        def run():
            runtime.sleep(0.001)
            ended.append(name)
            if error is not None:
                raise error

        return run

    jobs = [work("a"), work("b", KeyError("b")), work("c", OSError("c")), work("d")]
    with pytest.raises(KeyError, match="b"):
        runtime.gather(jobs)
    assert sorted(ended) == ["a", "b", "c", "d"]


def test_at_most_so_many_run_at_once(runtime):
    inside, seen = [], []

    def work():
        inside.append(1)
        seen.append(len(inside))
        # The first wait for one another, however busy the machine is.
        wait_until(runtime, lambda: max(seen) >= 4)
        inside.pop()

    runtime.gather([work] * 10, at_once=4)
    assert max(seen) == 4


def test_who_gathers_and_is_killed_takes_the_others_with_it(runtime):
    begun, cleaned = [], []

    def work():
        begun.append(1)
        try:
            runtime.sleep(LONG)
        finally:
            cleaned.append(1)

    task = runtime.spawn(runtime.gather, [work] * 3)
    wait_until(runtime, lambda: len(begun) == 3)
    task.kill()
    assert task.join(LONG)
    wait_until(runtime, lambda: len(cleaned) == 3)


def test_a_pool_runs_so_many_tasks(runtime):
    pool, going, begun = TaskPool(runtime, 2), runtime.event(), []

    def work(number):
        begun.append(number)
        going.wait(LONG)

    tasks = []
    spawning = runtime.spawn(lambda: tasks.extend(pool.spawn(work, number) for number in range(3)))
    wait_until(runtime, lambda: len(begun) == 2)
    assert not spawning.join(0.005)
    going.set()
    assert spawning.join(LONG)
    assert all(task.join(LONG) for task in tasks)
    assert sorted(begun) == [0, 1, 2]


def test_checkpoints_let_others_run(runtime):
    turns = []
    step = checkpoint_every(runtime, 3)
    runtime.spawn(lambda: turns.append("other"))
    for number in range(1, 4):
        turns.append(number)
        step()
    wait_until(runtime, lambda: "other" in turns)
    assert runtime.now() > 0


# ---- native threads


def test_what_blocks_holds_up_no_other_task(runtime):
    going = threading.Event()
    runtime.spawn(going.set)
    assert runtime.in_thread(going.wait, LONG)
    with pytest.raises(HypervisorError):
        runtime.in_thread(_refuse)


def _refuse():
    raise HypervisorError("no")


def test_a_limiter_runs_calls_in_other_threads(runtime):
    limiter = ThreadLimiter(runtime, "libvirt", 2)
    assert limiter.call(LONG, threading.get_ident) != threading.get_ident()
    with pytest.raises(HypervisorError, match="no"):
        limiter.call(LONG, _refuse)


def test_a_call_that_hangs_ends_at_its_deadline_and_others_go_on(runtime):
    limiter, going = ThreadLimiter(runtime, "libvirt", 2), threading.Event()
    try:
        with pytest.raises(Deadline, match=r"libvirt: no answer in 0\.05 s"):
            limiter.call(0.05, going.wait, LONG)
        assert limiter.call(LONG, lambda: 7) == 7
        with pytest.raises(Deadline):
            limiter.call(0.05, going.wait, LONG)
        with pytest.raises(Overloaded, match="libvirt"):
            limiter.call(0.05, lambda: 7)
    finally:
        going.set()
    assert limiter.call(LONG, lambda: 7) == 7


def test_a_timeout_of_somebody_else_is_not_taken_for_a_deadline(runtime):
    going = threading.Event()
    try:
        with pytest.raises(Home), runtime.timeout(0.02, Home("mine")):
            ThreadLimiter(runtime, "libvirt", 2).call(LONG, going.wait, LONG)
    finally:
        going.set()


def test_a_runtime_can_be_limited(runtime):
    limited = runtime.limited_by(ThreadLimiter(runtime, "measuring", 2), 0.05)
    going = threading.Event()
    try:
        with pytest.raises(Deadline, match="measuring"):
            limited.in_thread(going.wait, LONG)
        assert limited.in_thread(max, 1, 2) == 2
    finally:
        going.set()
    assert runtime.in_thread(max, 3, 2) == 3


# ---- sockets


def test_it_listens_and_talks(runtime):
    listening = runtime.listen(("127.0.0.1", 0), socket.AF_INET, 5)

    def serve():
        connection, _ = listening.accept()
        connection.sendall(connection.recv(100).upper())
        connection.close()

    serving = runtime.spawn(serve, connection=listening)

    def ask():
        with socket.create_connection(listening.getsockname(), timeout=LONG) as client:
            client.sendall(b"hello")
            return client.recv(100)

    assert ThreadLimiter(runtime, "client", 1).call(LONG, ask) == b"HELLO"
    assert serving.join(LONG)
    with pytest.raises(OSError, match="assign"):
        runtime.listen(("203.0.113.1", 1), socket.AF_INET, 5)
    listening.close()


def test_it_connects_to_a_socket_of_the_file_system(runtime, tmp_path):
    listening = runtime.listen(str(tmp_path / "socket"), socket.AF_UNIX, 5)

    def serve():
        connection, _ = listening.accept()
        connection.sendall(connection.recv(100).upper())
        connection.close()

    serving = runtime.spawn(serve, connection=listening)
    client = runtime.connect(str(tmp_path / "socket"), socket.AF_UNIX)
    client.sendall(b"hello")
    assert client.recv(100) == b"HELLO"
    assert serving.join(LONG)
    client.close()
    listening.close()
    with pytest.raises(OSError, match=r"(?i)refused"):
        runtime.connect(str(tmp_path / "socket"), socket.AF_UNIX)


def test_it_reads_until_the_end(runtime):
    near, far = socket.socketpair()
    adopted = runtime.adopt(near)
    reader, chunks = runtime.reader(adopted), []

    def read():
        while chunk := reader.read(5):
            chunks.append(chunk)

    reading = runtime.spawn(read, connection=adopted)
    far.sendall(b"helloworld")
    wait_until(runtime, lambda: b"".join(chunks) == b"helloworld")
    far.close()
    assert reading.join(LONG)
    assert chunks == [b"hello", b"world"]
    reader.close()
    near.close()


def test_a_task_that_accepts_is_killed(runtime):
    listening = runtime.listen(("127.0.0.1", 0), socket.AF_INET, 5)
    accepting = runtime.spawn(listening.accept, connection=listening)
    assert not accepting.join(0.01)
    accepting.kill()
    assert accepting.join(LONG)
    listening.close()


def test_time_passes_for_everybody(runtime):
    assert abs(runtime.now() - time.monotonic()) < LONG
