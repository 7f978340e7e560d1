"""What runs in ``tools/sandbox.sh`` meets nothing from outside, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backstop import BACKSTOP
from tools.controller_process import wait_until
from tools.lane import Lane
from tools.lanes import INTERRUPTED, Course

pytestmark = [pytest.mark.integration, pytest.mark.no_switches]

ROOT = Path(__file__).resolve().parents[2]
SANDBOX = str(ROOT / "tools" / "sandbox.sh")
BRIDGE = """
import sys
from pathlib import Path
from topologies import openvswitch
openvswitch.ensure_running()
assert openvswitch.bridges() == []
openvswitch.vsctl("add-br", "same", "--", "set", "Bridge", "same", "datapath_type=netdev")
assert openvswitch.bridges() == ["same"]
assert Path("/sys/class/net/same").exists()
print("made", flush=True)
sys.stdin.read()
"""
LEAVES = "setsid sleep 4171 & echo $!; exit 7"
"""Starts what would outlive it."""
WAITS = """
import pathlib, pytest, time
@pytest.fixture
def made():
    yield
    pathlib.Path("{folder}/taken-down").touch()
def test_waits(made):
    pathlib.Path("{folder}/begun").touch()
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def only_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has sandboxes")


def sleepers() -> list[str]:
    """Return the processes that LEAVES has left."""
    found = subprocess.run(["pgrep", "-f", "^sleep 4171$"], capture_output=True, text=True)
    return found.stdout.split()


def test_two_sandboxes_have_switches_of_one_name_and_the_machine_has_none() -> None:
    command = [SANDBOX, sys.executable, "-c", BRIDGE]
    pipe = subprocess.PIPE
    both = [
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(2)
    ]
    said = [one.stdout.readline() for one in both if one.stdout is not None]
    assert not Path("/sys/class/net/same").exists()
    for one in both:
        one.communicate(timeout=BACKSTOP)
    assert (said, [one.returncode for one in both]) == (["made\n"] * 2, [0, 0])


def test_its_status_is_that_of_the_command_and_nothing_outlives_it() -> None:
    done = subprocess.run([SANDBOX, "sh", "-c", LEAVES], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip().isdecimal()) == (7, True), done
    wait_until(lambda: sleepers() == [], 60, "nothing is left")


def test_nothing_outlives_a_killed_one() -> None:
    words = [SANDBOX, "sh", "-c", f"{LEAVES.partition(';')[0]}; sleep 600"]
    sandbox = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    wait_until(sleepers, 60, "it has begun")
    sandbox.kill()
    sandbox.communicate()
    wait_until(lambda: sleepers() == [], 60, "nothing is left")


def test_the_tests_in_it_end_cleanly_when_their_lane_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    path = tmp_path / "test_waits.py"
    path.write_text(WAITS.format(folder=tmp_path))
    pytest_words = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "no:cacheprovider"]
    lane = Lane("waits", [SANDBOX, *pytest_words, str(path)], tmp_path, lambda _: None)
    course = Course([[lane]], lambda _: None, 60.0)
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(course.run()))
    thread.start()
    wait_until((tmp_path / "begun").exists, 60, "the test has begun")
    course.signalled(signal.SIGINT, None)
    thread.join()
    assert statuses == [INTERRUPTED]
    assert (tmp_path / "taken-down").exists()
    assert lane.status == pytest.ExitCode.INTERRUPTED
