"""Loops survive what their turns raise, and it is seen that they did."""

from __future__ import annotations

import logging
import re
from collections import Counter
from functools import partial

import greenlet
import pytest
from ryu.lib import hub

from horizon_ryu import supervised_loop, supervision
from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.loop_record import AUXILIARY, HOPELESS, MAX_RESTARTS, PATIENCE
from horizon_ryu.supervision import REMEMBERED, Supervisor, name_of
from xen_bridge.runtime.green import GreenRuntime


class Bench:
    """A supervisor with a clock, and a loop whose turns raise what they are given."""

    def __init__(self) -> None:
        self.now = 100.0
        self.counts: Counter[str] = Counter()
        self.runtime = GreenRuntime()
        self.supervisor = Supervisor(
            self.runtime,
            lambda: self.now,
            lambda name: self.counts.update((name,)),
            lambda reason: self.ends.append(reason),
        )
        self.ends: list[str] = []
        self.raised: list[BaseException | None] = []
        self.turns = 0
        self.done = 0
        self.hangs = False
        self.always: BaseException | None = None

    def turn(self) -> None:
        self.turns += 1
        error = self.raised.pop(0) if self.raised else self.always
        if error is not None:
            raise error
        if self.hangs:
            self.runtime.event().wait()
        self.done += 1
        self.runtime.sleep(0)

    def run(self, turns: int) -> list[int]:
        """Have the loop take so many turns; return at which of them ``again`` was called."""
        again: list[int] = []
        self.supervisor.forever(
            self.turn, lambda: again.append(self.turns), lambda: self.turns >= turns
        )
        return again


NAME = "Bench.turn"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(supervised_loop, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.0)
    made = Bench()
    monkeypatch.setattr(made.runtime, "sleep", lambda _seconds: hub.sleep(0))
    return made


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.exc_info]


def test_a_turn_that_fails_is_followed_by_others(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.raised = [KeyError("x"), None, KeyError("y"), OSError("z"), hub.Timeout(None)]
    assert bench.run(8) == [1, 3, 4, 5]
    assert (bench.turns, bench.done) == (8, 4)
    assert bench.counts == {NAME: 4}
    assert len(tracebacks(caplog)) == 3, "one for each kind of exception"


def test_health_is_told_for_a_while(bench: Bench) -> None:
    bench.raised = [KeyError("x")]
    bench.run(2)
    assert bench.supervisor.failing() == (NAME,)
    bench.now += REMEMBERED
    assert bench.supervisor.failing() == ()


def test_what_would_end_the_process_ends_a_turn(bench: Bench) -> None:
    """As a library that calls sys.exit; a supervisor of processes would take 0 for an end."""
    bench.raised = [SystemExit(0), MemoryError()]
    assert bench.run(4) == [1, 2]
    assert (bench.counts, bench.supervisor.failing()) == ({NAME: 2}, (NAME,))


def test_the_pause_grows_while_turns_fail(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised_loop, "FIRST_PAUSE", 1.0)
    pauses: list[float] = []
    monkeypatch.setattr(bench.runtime, "sleep", pauses.append)
    bench.raised = [KeyError("x")] * 6 + [None, KeyError("x")]
    bench.run(9)
    assert pauses == [1, 2, 4, 5, 5, 5, 0, 1, 0]


def test_to_be_killed_ends_a_loop(bench: Bench) -> None:
    greenlet = hub.spawn(bench.supervisor.forever, bench.turn)
    while not bench.turns:
        hub.sleep(0)
    hub.kill(greenlet)
    assert greenlet.dead
    assert bench.counts == {}


def test_waiting_for_the_store_is_no_failure_of_the_loop(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.raised = [StoreError("locked")] * 3
    assert bench.run(5) == [1, 2, 3]
    assert (bench.counts, bench.supervisor.failing(), caplog.records) == ({}, (), [])


def test_a_greenlet_that_fails_is_counted(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.raised = [KeyError("x")]
    bench.supervisor.once(bench.turn)
    bench.supervisor.once(partial(bench.turn))
    assert (bench.counts, bench.done) == ({NAME: 1}, 1)
    assert len(tracebacks(caplog)) == 1
    assert name_of(partial(partial(bench.turn))) == NAME


def test_what_must_be_kept_is_written_until_it_is(bench: Bench) -> None:
    bench.raised = [StoreError("locked")] * 3
    bench.supervisor.until_kept(bench.turn)
    assert (bench.turns, bench.done) == (4, 1)
    bench.raised = [KeyError("x")]
    with pytest.raises(KeyError):
        bench.supervisor.until_kept(bench.turn)


def stuck(bench: Bench) -> None:
    """Take a turn, and let time go by while the next one does not end."""
    while not bench.turns:
        hub.sleep(0)
    pass_time(bench, PATIENCE + 1)


def pass_time(bench: Bench, seconds: float) -> None:
    """Have the supervisor look again and again while time goes by."""
    end = bench.now + seconds
    while bench.now < end:
        bench.now += 1.0
        bench.supervisor.look()
    # What was begun again has its first turn.
    for _ in range(3):
        hub.sleep(0)


def test_a_loop_that_hangs_is_begun_again_and_does_what_was_left(bench: Bench) -> None:
    resumed: list[int] = []
    bench.hangs = True
    loop = bench.supervisor.spawn(bench.turn, lambda: resumed.append(bench.turns))
    stuck(bench)
    assert (bench.turns, resumed, bench.ends) == (2, [1], [])
    assert bench.counts == {NAME: 1}
    assert bench.supervisor.failing() == (NAME,)
    bench.hangs = False
    loop.kill()


def test_a_loop_that_hangs_again_and_again_ends_the_process(bench: Bench) -> None:
    bench.hangs = True
    loop = bench.supervisor.spawn(bench.turn)
    stuck(bench)
    pass_time(bench, (MAX_RESTARTS - 1) * (PATIENCE + 1))
    assert (bench.turns, bench.ends) == (MAX_RESTARTS + 1, [])
    pass_time(bench, PATIENCE + 1)
    assert bench.ends[0] == f"{NAME} has not turned for 61 s, and nothing mends it"
    loop.kill()


def test_a_loop_that_fails_for_ever_ends_the_process(bench: Bench) -> None:
    bench.always = KeyError("x")
    loop = bench.supervisor.spawn(bench.turn)
    pass_time(bench, HOPELESS - 1)
    assert not bench.ends
    pass_time(bench, 2)
    assert re.fullmatch(
        f"{NAME} has failed [0-9]+ times in a row, and nothing mends it", bench.ends[0]
    )
    loop.kill()


def test_an_auxiliary_loop_is_told_and_ends_nothing(bench: Bench) -> None:
    bench.always = KeyError("x")
    loop = bench.supervisor.spawn(bench.turn, terms=AUXILIARY)
    pass_time(bench, HOPELESS + 1)
    assert not bench.ends
    (record,) = bench.supervisor.records()
    assert "times in a row" in (record.trouble(bench.now) or "")
    loop.kill()
    assert bench.supervisor.records() == ()


def test_a_store_in_trouble_for_hours_ends_nothing(bench: Bench) -> None:
    bench.always = StoreError("full")
    loop = bench.supervisor.spawn(bench.turn)
    pass_time(bench, HOPELESS + 1)
    assert bench.ends == []
    loop.kill()


def test_a_loop_whose_task_is_gone_is_begun_again(bench: Bench) -> None:
    bench.raised = [greenlet.GreenletExit()]
    loop = bench.supervisor.spawn(bench.turn)
    while not loop.is_over:
        hub.sleep(0)
    bench.supervisor.look()
    while not bench.done:
        hub.sleep(0)
    assert bench.counts == {NAME: 1}
    loop.kill()


def test_a_machine_that_stood_still_has_no_loop_begun_again(bench: Bench) -> None:
    bench.hangs = True
    loop = bench.supervisor.spawn(bench.turn)
    while not bench.turns:
        hub.sleep(0)
    bench.now += 10_000
    bench.supervisor.look()
    assert (bench.turns, bench.counts) == (1, {})
    loop.kill()


def test_what_resumes_a_loop_may_fail_too(bench: Bench) -> None:
    def again() -> None:
        raise OSError("again")

    bench.raised = [KeyError("x")]
    bench.supervisor.forever(bench.turn, again, lambda: bench.turns >= 3)
    assert (bench.done, bench.counts) == (2, {NAME: 2})


def test_a_loop_that_is_over_is_not_watched(bench: Bench) -> None:
    bench.run(2)
    assert bench.supervisor.records() == ()
    loop = bench.supervisor.spawn(bench.turn, is_over=lambda: True)
    while not loop.is_over:
        hub.sleep(0)
    assert bench.supervisor.records() == ()


def test_a_server_that_returns_is_begun_again_and_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ends: list[BaseException | None] = [None, OSError("closed")]
    gate = bench.runtime.event()

    def serve() -> None:
        bench.turns += 1
        if not ends:
            gate.wait()
        error = ends.pop(0)
        if error is not None:
            raise error

    task = bench.runtime.spawn(bench.supervisor.serve, "rest", serve)
    while bench.turns < 3:
        hub.sleep(0)
    assert bench.counts == {"server rest": 2}
    assert bench.supervisor.serving() == {"rest": False}
    bench.now += 30
    assert bench.supervisor.serving() == {"rest": True}
    assert len(tracebacks(caplog)) == 2
    task.kill()


def test_a_server_that_always_returns_ends_the_process(bench: Bench) -> None:
    task = bench.runtime.spawn(bench.supervisor.serve, "rest", lambda: None)
    pass_time(bench, HOPELESS + 1)
    assert re.fullmatch(
        r"server rest has failed \d+ times in a row, and nothing mends it", bench.ends[0]
    )
    task.kill()


def test_the_ends_of_a_server_that_serves_in_between_do_not_add_up(bench: Bench) -> None:
    def serve() -> None:
        bench.now += 2 * REMEMBERED
        bench.turns += 1
        hub.sleep(0)

    task = bench.runtime.spawn(bench.supervisor.serve, "rest", serve)
    while bench.turns < 100:
        bench.supervisor.look()
    assert bench.ends == []
    task.kill()
