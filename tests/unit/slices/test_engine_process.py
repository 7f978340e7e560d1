"""Process of the slicer's engine: started, found, watched, killed where it hangs, started anew."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from horizon_ryu.core.errors import EngineAway
from horizon_ryu.slices import engine_process
from horizon_ryu.slices.engine_client import EngineClient
from horizon_ryu.slices.engine_process import EngineOptions, EngineProcess
from horizon_ryu.supervision import Supervisor
from unit.slices.engine_socket import EngineSocket
from xen_bridge.runtime.green import GreenRuntime

SECONDS = 30.0
REAL = {"listen": "127.0.0.1:0"}
FAILS = "import sys; print('cannot listen: address in use'); sys.exit(3)"
HANGS = """
import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
link = listening.accept()
time.sleep(600)
"""
"""Takes a connection, and answers nothing."""


@dataclass(frozen=True, slots=True)
class Scripted(EngineOptions):
    """Options of an engine that is a few lines of the test; the real one if there are none."""

    script: str = ""

    def command(self) -> list[str]:
        """Return the words that start it."""
        if not self.script:
            return EngineOptions.command(self)
        return [sys.executable, "-c", self.script, str(self.socket)]


class Watched:
    """An engine's process with its client, as the application has them."""

    def __init__(self, folder: Path, script: str = "") -> None:
        self.runtime = GreenRuntime()
        supervisor = Supervisor(self.runtime, time.monotonic, lambda _name: None)
        self.options = Scripted(folder / "engine", script=script, **REAL)
        self.client = EngineClient(self.runtime, supervisor, self.options.socket, 1.0)
        self.process = EngineProcess(self.runtime, supervisor, self.client, self.options)
        self.pids: set[int] = set()

    def start(self) -> None:
        """Begin to look after it."""
        self.client.start()
        self.process.start()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Let the tasks run until something is so."""
        until = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < until, self.process.problem()
            self.runtime.sleep(0.02)
            if self.client.peer_pid is not None:
                self.pids.add(self.client.peer_pid)

    def close(self) -> None:
        """End all, the engines too."""
        self.process.close()
        self.client.close()
        for pid in self.pids - {os.getpid()}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Watched]]:
    for name, seconds in {
        "LOOK_SECONDS": 0.05, "FIRST_WAIT": 0.1, "ASK_SECONDS": 0.1, "HUNG_SECONDS": 0.5,
    }.items():  # fmt: skip
        monkeypatch.setattr(engine_process, name, seconds)
    made: list[Watched] = []

    def make(script: str = "") -> Watched:
        made.append(Watched(tmp_path, script))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_engine_that_is_killed_is_started_anew(watch: Callable[[str], Watched]) -> None:
    watched = watch("")
    watched.start()
    watched.wait_until(lambda: watched.process.problem() is None)
    first = watched.client.peer_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    watched.wait_until(
        lambda: watched.client.peer_pid not in (None, first) and watched.process.problem() is None
    )
    assert watched.process.starts == 2


def test_an_engine_that_is_there_is_found_and_no_other_started(
    watch: Callable[[str], Watched],
) -> None:
    watched = watch(FAILS)
    watched.options.folder.mkdir(mode=0o700)
    engine = EngineSocket(watched.options.socket, lambda _request: {"result": {"version": 7}})
    watched.client.start()
    watched.wait_until(lambda: watched.client.is_connected)
    watched.process.start()
    watched.wait_until(lambda: watched.process.status() == {"version": 7})
    assert watched.process.starts == 0
    engine.close()


def test_what_an_engine_said_when_it_could_not_begin_is_told(
    watch: Callable[[str], Watched],
) -> None:
    watched = watch(FAILS)
    watched.start()
    watched.wait_until(lambda: watched.process.starts >= 2)
    said = "status 3: cannot listen: address in use"
    watched.wait_until(lambda: said in (watched.process.problem() or ""))
    # Whoever calls it is told the same, and not only that nobody listens.
    with pytest.raises(EngineAway, match=said):
        watched.client.call("status")


def test_an_engine_that_hangs_is_killed(
    watch: Callable[[str], Watched], caplog: pytest.LogCaptureFixture
) -> None:
    watched = watch(HANGS)
    watched.start()
    watched.wait_until(lambda: watched.client.is_connected)
    first = watched.client.peer_pid
    watched.wait_until(lambda: watched.client.peer_pid != first)
    assert f"process {first}, hangs: it is killed" in caplog.text
    watched.wait_until(lambda: "by signal 9" in caplog.text)
