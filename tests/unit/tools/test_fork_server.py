"""Fork server: what it forks is a process as if it had been started, and its end is told."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.controller_process import wait_until
from tools.fork_server import VARIABLE, ForkedProcess, serving

PROGRAM = """
import json, os, resource, socket, sys, time
from tools.fork_server import ForkServer
command = ForkServer(socket.socket(fileno=int(sys.argv[1]))).next_program()
if command is not None:
    descriptors = len(os.listdir("/proc/self/fd"))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    print(json.dumps([command, os.getcwd(), dict(os.environ), descriptors, limit]), flush=True)
    time.sleep(600) if command == ["sleep"] else sys.exit(int(command[0]))
"""
DESCRIPTORS = 4
"""Of a process that has been started: three, and the folder that is being read."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("fork"), ("-c", PROGRAM)):
        yield os.environ[VARIABLE]


def start(server: str, log: Path, *command: str) -> ForkedProcess:
    with log.open("wb") as out:
        return ForkedProcess(server, command, out, {"NAME": "value"})


def test_it_has_its_arguments_variables_folder_and_output(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asleep = start(server, tmp_path / "other", "sleep")
    assert start(server, tmp_path / "log", "0", "word").wait() == 0
    asleep.kill()
    command, folder, variables, descriptors, limit = json.loads((tmp_path / "log").read_text())
    assert command == ["0", "word"]
    assert folder == str(tmp_path)
    assert variables == {"NAME": "value"}
    assert descriptors == DESCRIPTORS
    assert limit == list(resource.getrlimit(resource.RLIMIT_NOFILE))


def test_it_may_be_given_few_descriptors(server: str, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as out:
        assert ForkedProcess(server, ["0"], out, {}, descriptors=50).wait() == 0
    assert json.loads((tmp_path / "log").read_text())[-1] == [50, 50]


def test_its_end_is_told_with_its_status(server: str, tmp_path: Path) -> None:
    ended = start(server, tmp_path / "log", "7")
    assert ended.wait() == ended.poll() == ended.returncode == 7
    ended.send_signal(signal.SIGTERM)


def test_what_runs_has_no_status_until_a_signal_ends_it(server: str, tmp_path: Path) -> None:
    asleep = start(server, tmp_path / "log", "sleep")
    assert asleep.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        asleep.wait(0.01)
    assert Path(f"/proc/{asleep.pid}").exists()
    asleep.send_signal(signal.SIGTERM)
    assert asleep.wait() == -signal.SIGTERM
    wait_until(lambda: not Path(f"/proc/{asleep.pid}").exists(), 60, "nothing is left of it")


def test_a_server_that_has_ended_is_told_of(tmp_path: Path) -> None:
    with serving(tmp_path, ("-c", "")):
        path = os.environ[VARIABLE]
        with pytest.raises((ChildProcessError, ConnectionRefusedError)):
            start(path, tmp_path / "log", "0")
