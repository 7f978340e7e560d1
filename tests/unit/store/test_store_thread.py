"""The store's thread: in order, off the hub, and done even if whoever asked is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.errors import StoreError
from horizon_ryu.store import Store
from horizon_ryu.store_thread import MAX_LEFT, MAX_WAITING, StoreThread
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.port import Task

WITHIN = 60.0


@pytest.fixture
def runtime() -> GreenRuntime:
    return GreenRuntime()


@pytest.fixture
def thread(runtime: GreenRuntime) -> Iterator[StoreThread]:
    thread = StoreThread(runtime)

    def forever() -> None:
        while True:
            thread.turn()

    task = runtime.spawn(forever)
    yield thread
    task.kill()


class Gate:
    """Work that a native thread does until it is let go."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()

    def pass_through(self) -> str:
        self.begun.set()
        self.open.wait(WITHIN)
        return "through"


def ask(runtime: GreenRuntime, thread: StoreThread, work: Callable[[], object]) -> Task:
    task = runtime.spawn(thread.call, work)
    runtime.sleep(0)
    return task


def until(runtime: GreenRuntime, condition: Callable[[], object]) -> None:
    with runtime.timeout(WITHIN):
        while not condition():
            runtime.sleep(0.001)


def test_others_run_while_the_store_is_held_up(runtime: GreenRuntime, thread: StoreThread) -> None:
    gate = Gate()
    waiting = ask(runtime, thread, gate.pass_through)
    until(runtime, gate.begun.is_set)
    for _ in range(100):
        runtime.sleep(0)
    assert not waiting.is_over
    assert thread.busy_for() > 0
    gate.open.set()
    assert waiting.join(WITHIN)
    until(runtime, lambda: thread.busy_for() == 0)


def test_it_works_in_the_order_of_asking(runtime: GreenRuntime, thread: StoreThread) -> None:
    gate = Gate()
    done: list[int] = []
    tasks = [ask(runtime, thread, gate.pass_through)]
    tasks += [
        ask(runtime, thread, lambda number=number: done.append(number)) for number in range(50)
    ]
    assert done == []
    gate.open.set()
    for task in tasks:
        assert task.join(WITHIN)
    assert done == list(range(50))


def test_what_it_raises_is_raised_where_it_was_asked(thread: StoreThread) -> None:
    def fail() -> None:
        raise StoreError("the store cannot be read")

    with pytest.raises(StoreError, match="cannot be read"):
        thread.call(fail)
    assert thread.call(lambda: 7) == 7


def test_what_was_begun_is_done_though_its_task_was_killed(
    runtime: GreenRuntime, thread: StoreThread
) -> None:
    gate = Gate()
    done: list[str] = []
    waiting = ask(runtime, thread, lambda: done.append(gate.pass_through()))
    until(runtime, gate.begun.is_set)
    waiting.kill()
    gate.open.set()
    # The next has its turn after it.
    assert thread.call(lambda: list(done)) == ["through"]


def test_too_many_are_refused_and_the_others_are_served(
    runtime: GreenRuntime, thread: StoreThread
) -> None:
    gate = Gate()
    tasks = [ask(runtime, thread, gate.pass_through)]
    until(runtime, gate.begun.is_set)
    tasks += [ask(runtime, thread, lambda: None) for _ in range(MAX_WAITING)]
    with pytest.raises(StoreError, match="too slow"):
        thread.call(lambda: None)
    gate.open.set()
    for task in tasks:
        assert task.join(WITHIN)
    assert thread.call(lambda: 1) == 1


def test_the_end_waits_for_what_is_to_be_written(
    runtime: GreenRuntime, thread: StoreThread, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite")
    store.carry = thread.call
    for number in range(20):
        runtime.spawn(store.set_setting, f"n{number}", number)
    runtime.sleep(0)
    assert thread.finish(lambda: None)
    store.carry = None
    assert [store.get_setting(f"n{number}") for number in range(20)] == list(range(20))
    store.close()


def test_a_store_in_memory_stays_where_it_was_made(tmp_path: Path) -> None:
    in_memory, on_disk = Store("sqlite://"), Store(f"sqlite:///{tmp_path}/store.sqlite")
    assert (in_memory.is_shared, on_disk.is_shared) == (False, True)
    in_memory.close()
    on_disk.close()


PATIENCE = 0.02


@pytest.fixture
def impatient(runtime: GreenRuntime) -> Iterator[StoreThread]:
    thread = StoreThread(runtime, PATIENCE)

    def forever() -> None:
        while True:
            thread.turn()

    task = runtime.spawn(forever)
    yield thread
    task.kill()


def hang(runtime: GreenRuntime, thread: StoreThread, gate: Gate) -> Task:
    """Have the store begin what does not end before ``gate`` opens."""
    waiting = ask(runtime, thread, gate.pass_through)
    until(runtime, gate.begun.is_set)
    return waiting


def test_what_was_not_begun_in_time_is_refused_and_never_done(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    gate, done = Gate(), []
    first = hang(runtime, impatient, gate)
    with pytest.raises(StoreError, match="nothing of this was done"):
        impatient.call(lambda: done.append("second"))
    assert not first.is_over, "nobody can take back what was begun"
    gate.open.set()
    assert first.join(WITHIN)
    assert impatient.call(lambda: done) == []


def test_who_asks_while_the_store_hangs_is_refused_at_once(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    gate, done = Gate(), []
    hang(runtime, impatient, gate)
    until(runtime, lambda: impatient.hangs_for)
    refused: list[StoreError] = []

    def refuse() -> None:
        try:
            impatient.call(lambda: done.append(1))
        except StoreError as error:
            refused.append(error)

    task = runtime.spawn(refuse)
    runtime.sleep(0)
    assert task.is_over
    assert "has not answered" in str(refused[0])
    gate.open.set()
    until(runtime, lambda: not impatient.busy_for())
    assert impatient.call(lambda: done) == []


def test_an_end_waits_for_no_store_that_hangs(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    gate, done = Gate(), []
    hang(runtime, impatient, gate)
    until(runtime, lambda: impatient.hangs_for)
    assert not impatient.finish(lambda: done.append("closed"))
    gate.open.set()
    until(runtime, lambda: not impatient.busy_for())
    assert impatient.call(lambda: done) == []
    assert impatient.finish(lambda: done.append("closed"))
    assert done == ["closed"]


def test_it_is_said_how_much_is_not_written(runtime: GreenRuntime, thread: StoreThread) -> None:
    gate = Gate()
    hang(runtime, thread, gate)
    assert "begun may be kept or not, 0 behind it are not" in thread.unwritten()
    for is_read in (False, False, True):
        runtime.spawn(partial(thread.call, lambda: None, is_read=is_read))
    runtime.sleep(0)
    assert "begun may be kept or not, 2 behind it are not" in thread.unwritten()
    gate.open.set()
    assert thread.call(lambda: 7) == 7


def test_a_look_that_was_begun_is_given_up(runtime: GreenRuntime, impatient: StoreThread) -> None:
    gate = Gate()
    with pytest.raises(StoreError, match="has not answered"):
        impatient.call(gate.pass_through, is_read=True)
    gate.open.set()
    until(runtime, lambda: not impatient.busy_for())
    assert impatient.call(lambda: 7, is_read=True) == 7


def test_a_client_is_answered_in_time_and_what_was_begun_goes_on_whole(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    gate, done = Gate(), []

    def operation() -> None:
        done.append(impatient.call(gate.pass_through))
        done.append("in force")

    with pytest.raises(StoreError, match="may still be carried out"):
        impatient.answering(operation)
    assert done == []
    gate.open.set()
    until(runtime, lambda: done == ["through", "in force"])


def test_what_is_slow_for_another_reason_is_waited_for(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    def slow() -> str:
        runtime.sleep(5 * PATIENCE)
        return "slow"

    assert impatient.answering(slow) == "slow"
    with pytest.raises(ZeroDivisionError):
        impatient.answering(lambda: 1 // 0)


def test_so_many_operations_go_on_behind_their_clients_and_no_more(
    runtime: GreenRuntime, impatient: StoreThread
) -> None:
    gate, lock, done = Gate(), runtime.semaphore(), []
    hang(runtime, impatient, gate)
    until(runtime, lambda: impatient.hangs_for)
    lock.acquire()

    def operation() -> None:
        with lock:
            done.append(1)

    refused: list[str] = []

    def client() -> None:
        try:
            impatient.answering(operation)
        except StoreError as error:
            refused.append(str(error))

    clients = [runtime.spawn(client) for _ in range(MAX_LEFT)]
    for one in clients:
        assert one.join(WITHIN)
    client()
    assert [text.rpartition(": ")[2] for text in refused[-2:]] == [
        "what was asked may still be carried out",
        "nothing of this was done",
    ]
    lock.release()
    gate.open.set()
    until(runtime, lambda: len(done) == MAX_LEFT)
    impatient.answering(lambda: done.append(2))
    assert done[-1] == 2


class _Unanswered:
    """A runtime in which no task ends; time passes while somebody waits for one."""

    def __init__(self) -> None:
        self.clock = 0.0

    def now(self) -> float:
        return self.clock

    def queue(self, _size: int) -> None:
        return None

    def spawn(self, *_: Any) -> _Unanswered:
        return self

    def join(self, seconds: float) -> bool:
        self.clock += seconds
        return False

    def link(self, _ended: Any) -> None:
        """There is no end."""


def test_who_asked_just_before_the_store_fell_silent_waits_no_longer_than_others() -> None:
    runtime: Any = _Unanswered()
    thread = StoreThread(runtime, patience=10.0)
    thread._begun = 0.1
    with pytest.raises(StoreError, match="may still be carried out"):
        thread.answering(lambda: None)
    assert runtime.clock < 11.0
