"""Loops survive what their turns raise, and it is seen that they did."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial

import pytest
from ryu.lib import hub

from horizon_ryu import supervision
from horizon_ryu.core.errors import StoreError
from horizon_ryu.supervision import REMEMBERED, Supervisor, name_of
from xen_bridge.runtime.green import GreenRuntime


class Bench:
    """A supervisor with a clock, and a loop whose turns raise what they are given."""

    def __init__(self) -> None:
        self.now = 100.0
        self.counts: Counter[str] = Counter()
        self.runtime = GreenRuntime()
        self.supervisor = Supervisor(
            self.runtime, lambda: self.now, lambda name: self.counts.update((name,))
        )
        self.raised: list[BaseException | None] = []
        self.turns = 0
        self.done = 0

    def turn(self) -> None:
        self.turns += 1
        error = self.raised.pop(0) if self.raised else None
        if error is not None:
            raise error
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
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.0)
    return Bench()


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


def test_the_pause_grows_while_turns_fail(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 1.0)
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
