"""A node serves until it is told to stop, or its process ends."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from backstop import BACKSTOP
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.server import lasting
from xen_bridge.server.lasting import EXIT_STATUS, LASTED, MAX_ENDS, run_lasting

DEAF = """
import sys
from xen_bridge.command import main
from xen_bridge.server import https, lasting
lasting.LONGEST_PAUSE = 0.01
https.serve = lambda *parts: None
main(["keygen", "--directory", sys.argv[1]], standalone_mode=False)
main(["serve", "--uri", "memory:///", "--port", "0", "--directory", sys.argv[1]])
"""


class Work:
    """Ends at each call as it is told, and then for good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runtime = GreenRuntime()
        self.clock = 100.0
        self.pauses: list[float] = []
        monkeypatch.setattr(self.runtime, "now", lambda: self.clock)
        monkeypatch.setattr(self.runtime, "sleep", self.pauses.append)
        self.seconds = 0.0
        self.calls = 0
        self.ends_at = 0
        self.error: BaseException | None = None
        self.processes_ended = 0

    def __call__(self) -> None:
        self.calls += 1
        self.clock += self.seconds
        if self.error is not None:
            raise self.error

    def run(self) -> None:
        run_lasting(self.runtime, "it", self, lambda: self.calls >= self.ends_at, self._end)

    def _end(self) -> None:
        self.processes_ended += 1


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


@pytest.mark.parametrize("error", [None, KeyError("x"), OSError("y"), TimeoutError("z")])
def test_what_ends_too_early_is_begun_again_and_told_once(
    work: Work, caplog: pytest.LogCaptureFixture, error: BaseException | None
) -> None:
    work.error, work.ends_at = error, 4
    work.run()
    assert (work.calls, work.processes_ended) == (4, 0)
    assert work.pauses == [0.1, 0.2, 0.4]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info is not None


def test_what_ends_again_and_again_ends_the_process(work: Work) -> None:
    work.ends_at = 1000
    work.run()
    assert (work.calls, work.processes_ended) == (MAX_ENDS, 1)
    assert max(work.pauses) == lasting.LONGEST_PAUSE


def test_ends_far_apart_do_not_add_up(work: Work) -> None:
    work.seconds, work.ends_at = LASTED, 100
    work.run()
    assert (work.calls, work.processes_ended) == (100, 0)


def test_an_end_that_was_asked_for_is_no_fault(
    work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    work.ends_at = 1
    work.run()
    assert (work.calls, caplog.records) == (1, [])


def test_a_node_that_serves_nobody_ends_so_that_it_is_started_again(tmp_path: Path) -> None:
    node = subprocess.run(
        [sys.executable, "-c", DEAF, str(tmp_path / "node")],
        capture_output=True,
        text=True,
        timeout=BACKSTOP,
        check=False,
    )
    assert node.returncode == EXIT_STATUS, node.stderr
    assert "EndedEarly: serving requests has returned" in node.stderr
    assert node.stderr.rstrip().endswith("ending, to be started again")
