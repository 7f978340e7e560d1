"""Lanes of tests: they run side by side, end together, and one that fails fails the whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import heeded_interrupt
from backstop import BACKSTOP
from tools.controller_process import wait_until
from tools.lane import Counts, Lane, read_counts
from tools.lanes import INTERRUPTED, STAGES, Course, pytest_command

GOOD = """
import pathlib, sys
results = pathlib.Path(sys.argv[-1].partition("=")[2])
results.write_text('<testsuites><testsuite tests="1"/></testsuites>')
"""
"""A lane that is well, for those beside it: pytest takes a second of processor to be loaded."""
BAD = "def test_bad():\n    print('the reason')\n    assert 1 == 2\n"
MEETS = """
import pathlib, time
def test_meets():
    pathlib.Path("{mine}").touch()
    deadline = time.monotonic() + 240
    while not pathlib.Path("{other}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
"""
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
MISTAKEN = """
import contextlib, pathlib, time
@contextlib.contextmanager
def controller():
    try:
        yield
    finally:
        raise AssertionError("the controller had ended")
def test_has_a_controller():
    with controller():
        pathlib.Path("{folder}/begun").touch()
        time.sleep(600)
def test_is_the_next():
    pathlib.Path("{folder}/next").touch()
"""
HEEDING = """
from heeded_interrupt import HeededInterrupt
def pytest_configure(config):
    config.pluginmanager.register(HeededInterrupt())
"""
DEAF = """
import pathlib, signal, time
def test_deaf():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pathlib.Path("{folder}/begun").touch()
    time.sleep(600)
"""


class Rig:
    """Lanes of files that are written here, and what was said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []

    def lane(self, name: str, source: str, **kinds: bool) -> Lane:
        """Return the lane of a file with ``source``; ``kinds`` are what else a lane may be."""
        path = self.folder / f"test_{name}.py"
        path.write_text(source)
        own = ["-ra", "-p", "no:cacheprovider", "--rootdir", str(self.folder), "-c", "/dev/null"]
        command = [sys.executable, "-m", "pytest", *own, str(path)]
        return Lane(name, command, self.folder, self.said.append, **kinds)

    def good(self, name: str) -> Lane:
        """Return a lane whose one test passes."""
        return Lane(name, [sys.executable, "-S", "-c", GOOD], self.folder, self.said.append)

    def course(self, *stages: list[Lane], grace: float = 60.0, stragglers: int = 0) -> Course:
        return Course(stages, self.said.append, grace, self.folder / "quiet", stragglers)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    # Plugins take longer to load than these tests do.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Rig(tmp_path)


def test_lanes_of_one_stage_run_at_the_same_time(rig: Rig) -> None:
    ends = [f"{rig.folder}/one", f"{rig.folder}/other"]
    one = rig.lane("one", MEETS.format(mine=ends[0], other=ends[1]))
    other = rig.lane("other", MEETS.format(mine=ends[1], other=ends[0]))
    assert rig.course([one, other]).run() == 0
    assert "together: 2 passed, 0 failed, 0 errors, 0 skipped" in rig.text
    assert rig.said[-1] == "==> make test: all tests passed"


def test_a_stage_does_not_wait_for_lanes_that_give_way(rig: Rig) -> None:
    """The one that gives way meets that of the next stage, which waits for its end."""
    ends = [f"{rig.folder}/one", f"{rig.folder}/other"]
    stays = rig.lane("stays", MEETS.format(mine=ends[0], other=ends[1]), gives_way=True)
    first = rig.good("first")
    shares = rig.lane(
        "shares",
        MEETS.format(mine=ends[1], other=ends[0])
        + MEETS.format(mine=ends[1], other=rig.folder / "quiet").replace("meets", "is_quiet"),
        measures=True,
    )
    (rig.folder / "quiet").touch()
    assert rig.course([first, stays], [shares]).run() == 0
    assert "together: 4 passed, 0 failed" in rig.text


def test_a_stage_begins_while_one_lane_of_the_one_before_goes_on(rig: Rig) -> None:
    """The straggler meets that of the next stage."""
    ends = [f"{rig.folder}/one", f"{rig.folder}/other"]
    straggler = rig.lane("straggler", MEETS.format(mine=ends[0], other=ends[1]))
    after = rig.lane("after", MEETS.format(mine=ends[1], other=ends[0]))
    assert rig.course([straggler, rig.good("good")], [after], stragglers=1).run() == 0
    assert "together: 3 passed, 0 failed" in rig.text


def test_it_is_quiet_when_all_that_is_beside_what_measures_has_ended(rig: Rig) -> None:
    """The lane beside it waits for a word of its first test: its second one finds no quiet yet."""
    ends = [f"{rig.folder}/one", f"{rig.folder}/other"]
    quiet = rig.folder / "quiet"
    beside = rig.lane(
        "beside",
        MEETS.format(mine=ends[0], other=ends[1])
        + f"def test_it_is_not_quiet():\n    assert not pathlib.Path({str(quiet)!r}).exists()\n",
    )
    shares = rig.lane(
        "shares",
        MEETS.format(mine=ends[1], other=ends[0])
        + MEETS.format(mine=ends[1], other=quiet).replace("meets", "is_quiet"),
        measures=True,
    )
    assert rig.course([rig.good("first")], [shares, beside]).run() == 0
    assert "together: 5 passed, 0 failed" in rig.text


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_lane_that_fails_fails_the_whole_and_all_others_run(rig: Rig, place: int) -> None:
    lanes = [rig.good(f"lane{number}") for number in range(3)]
    lanes[place] = rig.lane(f"lane{place}", BAD)
    assert rig.course(lanes[:2], lanes[2:]).run() == 1
    assert "together: 2 passed, 1 failed" in rig.text
    # Its failure is told after the progress of all, with the reason, and is in its file.
    failed = next(number for number, line in enumerate(rig.said) if "the reason" in line)
    assert all(" | test_" not in line for line in rig.said[failed:])
    log = rig.folder / f"lane{place}.log"
    assert "assert 1 == 2" in log.read_text()
    assert f"FAILED (exit status 1): {log}" in rig.text
    assert rig.said[-1].startswith(f"==> make test: FAILED in lane{place};")
    # And it is named once more where a cut output still has it.
    assert f"lane{place} | FAILED " in rig.said[-2]


def test_a_lane_that_dies_is_a_failure_and_its_last_words_are_told(rig: Rig) -> None:
    died = rig.lane("died", "import os\ndef test_dies():\n    os._exit(0)\n")
    killed = rig.lane("killed", "import os\ndef test_dies():\n    os.kill(os.getpid(), 9)\n")
    assert rig.course([killed, died]).run() == 1
    assert "killed | 0 passed, 0 failed, 0 errors, 0 skipped" in rig.text
    assert f"FAILED (exit status {-signal.SIGKILL})" in rig.text


def test_a_lane_without_tests_is_no_failure_unless_all_are(rig: Rig) -> None:
    assert rig.course([rig.lane("empty", ""), rig.good("good")]).run() == 0
    assert "empty | no tests" in rig.text
    assert rig.course([rig.lane("empty", "")]).run() == 5
    assert rig.said[-1] == "==> make test: FAILED, there is no such test"


def test_arguments_go_to_every_lane() -> None:
    for lane in (lane for stage in STAGES for lane in stage):
        command = pytest_command(lane, ["-k", "a name", "tests/unit"])
        assert command[-3:] == ["-k", "a name", "tests/unit"]
        assert f"--lane={lane}" in command


def test_an_interruption_ends_the_lanes_cleanly_and_begins_no_other(rig: Rig) -> None:
    lanes = []
    for name in ("one", "other"):
        (rig.folder / name).mkdir()
        lanes.append(rig.lane(name, WAITS.format(folder=rig.folder / name)))
    after = rig.good("after")
    status = signalled(rig, rig.course(lanes, [after]), "one", "other")
    assert status == INTERRUPTED
    assert all((rig.folder / name / "taken-down").exists() for name in ("one", "other"))
    assert not after.log.exists()


def test_lanes_of_a_run_that_a_shell_began_in_the_background_heed_it_too(rig: Rig) -> None:
    (rig.folder / "one").mkdir()
    lane = rig.lane("one", WAITS.format(folder=rig.folder / "one"))
    # As a shell without job control has it for what it starts with &.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert signalled(rig, rig.course([lane]), "one") == INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)
    assert (rig.folder / "one" / "taken-down").exists()


def test_a_lane_ends_by_it_though_the_test_under_way_fails_by_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its controller ended by the interrupt, and that is what the test says was wrong."""
    folder = rig.folder / "one"
    folder.mkdir()
    (rig.folder / "conftest.py").write_text(HEEDING)
    monkeypatch.setenv("PYTHONPATH", str(Path(heeded_interrupt.__file__).parent))
    lane = rig.lane("one", MISTAKEN.format(folder=folder))
    assert signalled(rig, rig.course([lane]), "one") == INTERRUPTED
    assert lane.status == pytest.ExitCode.INTERRUPTED
    assert not (folder / "next").exists()


def test_a_lane_that_does_not_heed_it_is_killed(rig: Rig) -> None:
    (rig.folder / "deaf").mkdir()
    lane = rig.lane("deaf", DEAF.format(folder=rig.folder / "deaf"))
    assert signalled(rig, rig.course([lane], grace=0.2), "deaf") == INTERRUPTED
    assert lane.status == -signal.SIGKILL


def signalled(rig: Rig, course: Course, *begun: str) -> int:
    """Run it, tell it to end when the tests have begun, and return its status."""
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(course.run()), daemon=True)
    thread.start()
    paths = [rig.folder / name / "begun" for name in begun]
    wait_until(lambda: all(path.exists() for path in paths), BACKSTOP, "the tests have begun")
    course.signalled(signal.SIGINT, None)
    thread.join(BACKSTOP)
    return statuses[0]


def test_half_a_file_of_results_counts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "half.xml"
    path.write_text("<testsuites><testsuite tests='3'")
    assert read_counts(path) == read_counts(tmp_path / "none") == Counts()


FILES = {
    "logic": "tests/unit/tools/test_lanes.py",
    "models": "tests/unit/core/test_deadline_queue.py",
    "processes": "tests/integration/test_controller_process.py",
    "slicers": "tests/integration/test_slicer.py",
    "planes": "tests/integration/test_planes_fib.py",
    "routers": "tests/integration/test_netlink.py",
    "switches": "tests/integration/test_real_switches.py",
    "links": "tests/integration/test_foreign_bridges.py",
    "entries": "tests/integration/test_real_flows.py",
    "experiments": "tests/integration/test_relayed_probes.py",
    "networks": "tests/integration/test_real_ipv6_hosts.py",
    "xen": "tests/integration/xen/test_cap_experiment.py",
}
LIVE = "tests/fuzz/test_live_connections.py"
BUILDS = "tests/integration/test_installed_wheels.py"
"""What stands with others of its kind, and is in another lane than they."""


ASKED = ["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
ASK_IN_TURN = """
import json, sys, pytest
for lane, words in json.loads(sys.argv[1]).items():
    print("\\nasked of", lane)
    pytest.main(words)
"""
"""What tests import takes much longer than to ask which they are: it is imported once for all."""


def test_every_test_is_in_exactly_one_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of a file of each: what a lane leaves out, another one has."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    every = [*FILES.values(), LIVE, BUILDS]
    more = {"processes": LIVE, "models": BUILDS}
    asked = {lane: [*_words(pytest_command(lane, every)), *ASKED] for lane in FILES}
    command = [sys.executable, "-c", ASK_IN_TURN, json.dumps(asked)]
    listed = subprocess.run(command, capture_output=True, text=True, timeout=BACKSTOP, check=False)
    heard: dict[str, list[str]] = {}
    for told in listed.stdout.split("\nasked of ")[1:]:
        lane, *lines = told.splitlines()
        heard[lane] = sorted({line.split("::")[0] for line in lines if "::" in line})
    assert heard == {
        lane: sorted([path, *([more[lane]] if lane in more else [])])
        for lane, path in FILES.items()
    }


def _words(command: list[str]) -> list[str]:
    """Return what pytest is told, without the sandbox and Python before it."""
    return command[command.index("pytest") + 1 :]
