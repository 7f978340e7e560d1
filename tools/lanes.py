"""``make test``: the tests in lanes, each a pytest of its own, so that two processors have work.

Five lanes wait most of the time, for controllers, switches and routers: they run side by side. As
root, each has a network and an Open vSwitch of its own (``tools/sandbox.sh``), so that names of
switches and ports do not meet. Real Xen comes after them: its emulated hosts take a processor and a
half. Two lanes that compute have what all of these leave, from the beginning until they have ended;
only then come the tests that measure shares, which are the last ones of real Xen and wait for it
(``--quiet-when``). Which test is in which lane is ``tests/conftest.py``'s to say. A pool of workers
(pytest-xdist) was no help: tests that share a network are one worker's in their order, and the Xen
lab is there once per machine.

The arguments go to every lane. Each lane's output and results are in ``.test-lanes/``, with the
modules that took most of its time.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.traffic import roomy_queues

FOLDER = Path(".test-lanes")
SANDBOXED = ("processes", "routers", "switches", "links", "entries")
GIVING_WAY = ("logic", "models")
STAGES = ((*SANDBOXED, *GIVING_WAY), ("xen",))
"""Lanes that begin at the same time, and those that begin when all these, but for those that give
way, have ended."""
NICENESS = 7
"""Of lanes that give way: a fifth of the processor that a lane beside them has, if both want all.

What has a deadline of its own is then hardly slower than alone, and they do not stand still.
"""
QUIET = FOLDER / "quiet"
"""A file that is there when the lanes that give way have ended."""
GRACE = 90.0
"""Seconds that an interrupted lane has to take down what it made."""
PAUSE = 0.1
"""Seconds that a look at a lane which runs may take."""
INTERRUPTED = 130
_NOTHING_COLLECTED = 5
_REPORT = re.compile(r"=+ (ERRORS|FAILURES|warnings summary|short test summary info|.* in \d.*) =+")
_FAILED = re.compile(r"(FAILED|ERROR) \S+::")
_SANDBOX = Path(__file__).with_name("sandbox.sh")
_HEEDING = ("env", "--default-signal=INT")
"""Before a command: what a shell starts with ``&`` ignores interruptions, as do its children."""
_LAB = (sys.executable, "-m", "topologies.lab", "build")

Say = Callable[[str], None]


@dataclass
class Counts:
    """What became of tests, by pytest's words."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed,
            self.failed + other.failed,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        return (
            f"{self.passed} passed, {self.failed} failed, "
            f"{self.errors} errors, {self.skipped} skipped"
        )


def read_counts(path: Path) -> Counts:
    """Return what a file of ``--junitxml`` says; nothing if there is none, or half of one."""
    try:
        suites = ET.parse(path).getroot().iter("testsuite")
    except (OSError, ET.ParseError):
        return Counts()
    counts = Counts()
    for suite in suites:
        total, failed, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        counts += Counts(max(0, total - failed - errors - skipped), failed, errors, skipped)
    return counts


@dataclass
class Lane:
    """A process of pytest: its progress is told as it comes, its report is kept for the end."""

    name: str
    command: Sequence[str]
    folder: Path
    say: Say
    gives_way: bool = False
    status: int | None = None
    seconds: float = 0.0
    worked: float = 0.0
    """Processor seconds of all that it waited for; switches are not among them."""
    _report: list[str] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    @property
    def log(self) -> Path:
        """The file of everything that it printed."""
        return self.folder / f"{self.name}.log"

    @property
    def results(self) -> Path:
        """The file of its results, as JUnit writes them."""
        return self.folder / f"{self.name}.xml"

    @property
    def is_good(self) -> bool:
        """Tell whether it ended, and no test of it failed."""
        return self.status in (0, _NOTHING_COLLECTED)

    @property
    def is_empty(self) -> bool:
        """Tell whether the arguments left it without a test."""
        return self.status == _NOTHING_COLLECTED

    @property
    def report(self) -> list[str]:
        """What pytest says at the end: the failures, and a line for what did not pass."""
        return self._report

    def start(self) -> None:
        """Start it, in a process group of its own: who ends it is whoever started us."""
        self.results.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [*_HEEDING, *self.command, f"--junitxml={self.results}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env=_variables(),
        )
        if self.gives_way:
            _give_way(self._process.pid)
        self._reader = threading.Thread(target=self._read, args=(time.monotonic(),), daemon=True)
        self._reader.start()

    def ended(self, seconds: float) -> bool:
        """Wait at most so long for its end; tell whether it has ended."""
        if self._process is None or self._reader is None or self.status is not None:
            return True
        before = _worked()
        try:
            self.status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self.worked = _worked() - before
        # A process that a test left behind may hold the pipe: its output is no test's.
        self._reader.join(5)
        return True

    def interrupt(self) -> None:
        """Have pytest, wherever in the group, end as by Ctrl-C: fixtures are taken down."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def counts(self) -> Counts:
        """Return what became of its tests."""
        return read_counts(self.results)

    def _read(self, began: float) -> None:
        if self._process is None or self._process.stdout is None:
            return
        with self._process.stdout as lines, self.log.open("w", encoding="utf-8") as log:
            for line in lines:
                log.write(line)
                log.flush()
                if self._report or _REPORT.match(line):
                    self._report.append(line.rstrip("\n"))
                elif line.strip():
                    self.say(f"{self.name:>9} | {line.rstrip()}")
        self.seconds = time.monotonic() - began


def _variables() -> dict[str, str]:
    """Return the environment of a lane.

    Its hundreds of controllers and bridges would compile all their modules again, each of them,
    if Python were not to keep what it compiled.
    """
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _give_way(pid: int) -> None:
    """Have a process and its children yield; where sessions share the machine, its session too."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS), encoding="ascii")


def _worked() -> float:
    """Return the processor seconds of all children that have ended, and of theirs."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


class Course:
    """All lanes, stage by stage; the first signal interrupts them, the second kills.

    A stage is over when its lanes that do not give way have ended: the others have until the end of
    the last one. ``quiet`` is a file that is made when all that give way have ended.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Lane]],
        say: Say,
        grace: float = GRACE,
        quiet: Path | None = None,
    ) -> None:
        self.stages = stages
        self.signals = 0
        self._say = say
        self._grace = grace
        self._quiet = quiet
        self._kill_at: float | None = None
        self._heeded = 0
        self._begun: list[Lane] = []

    def signalled(self, signum: int, frame: object) -> None:
        """Be told to end; a signal handler."""
        self.signals += 1

    def run(self) -> int:
        """Run every lane and return the exit status of the whole."""
        if self._quiet is not None:
            self._quiet.unlink(missing_ok=True)
        for stage in self.stages:
            if self.signals:
                break
            for lane in stage:
                lane.start()
            self._begun += stage
            self._wait([lane for lane in stage if not lane.gives_way])
        self._wait(self._begun)
        return self._conclude(self._begun)

    def _wait(self, awaited: Sequence[Lane]) -> None:
        """Return when these lanes have ended, by themselves or because we were told to."""
        while not self._ended(awaited):
            overdue = self._kill_at is not None and time.monotonic() > self._kill_at
            if self.signals == self._heeded and not overdue:
                continue
            first, self._heeded = self._heeded == 0, self.signals
            if first:
                self._say("==> interrupted: the lanes take down what they made")
                self._kill_at = time.monotonic() + self._grace
            for lane in self._begun:
                lane.interrupt() if first else lane.kill()

    def _ended(self, awaited: Sequence[Lane]) -> bool:
        """Look at all lanes that have begun, and tell whether these have ended."""
        running = [lane for lane in self._begun if not lane.ended(PAUSE)]
        if not any(lane.gives_way for lane in running):
            self._tell_quiet()
        return not any(lane in running for lane in awaited)

    def _tell_quiet(self) -> None:
        if self._quiet is not None and not self._quiet.exists():
            self._quiet.touch()

    def _conclude(self, lanes: Sequence[Lane]) -> int:
        """Tell what became of all; return 0 only if every lane ended well and had tests."""
        for lane in sorted(lanes, key=lambda one: not one.is_good):
            if not lane.is_good or lane.counts().skipped:
                self._tell_report(lane)
        for lane in lanes:
            told = "no tests" if lane.is_empty else lane.counts()
            ending = "" if lane.is_good else f", FAILED (exit status {lane.status})"
            spent = f"{lane.seconds:.0f} s, {lane.worked:.0f} of processor"
            self._say(f"{lane.name:>9} | {told} in {spent}{ending}: {lane.log}")
        self._say(f"==> together: {sum((lane.counts() for lane in lanes), Counts())}")
        # Last, too: of a long output the end alone is what people, and machines, keep.
        for lane in lanes:
            for line in filter(_FAILED.match, lane.report):
                self._say(f"{lane.name:>9} | {line}")
        if self.signals:
            self._say("==> make test: interrupted")
            return INTERRUPTED
        if all(lane.is_empty for lane in lanes):
            self._say("==> make test: FAILED, there is no such test")
            return _NOTHING_COLLECTED
        if not all(lane.is_good for lane in lanes):
            bad = ", ".join(lane.name for lane in lanes if not lane.is_good)
            self._say(f"==> make test: FAILED in {bad}; why is told above and in the files named")
            return 1
        self._say("==> make test: all tests passed")
        return 0

    def _tell_report(self, lane: Lane) -> None:
        report = lane.report
        if not report:
            # It ended without a word of its own: what it said last is all there is.
            report = lane.log.read_text("utf-8").splitlines()[-40:] if lane.log.exists() else []
        self._say(f"\n==> {lane.name}")
        for line in report:
            self._say(line)


def pytest_command(lane: str, arguments: Sequence[str]) -> list[str]:
    """Return the command of a lane."""
    own = ["-m", "pytest", "-ra", f"--lane={lane}", "-o", f"cache_dir=.pytest_cache/{lane}"]
    if lane not in GIVING_WAY:
        own.append(f"--quiet-when={QUIET}")
    sandbox = [str(_SANDBOX)] if lane in SANDBOXED and os.geteuid() == 0 else []
    return [*sandbox, sys.executable, *own, *arguments]


def start_lab_build() -> subprocess.Popen[bytes]:
    """Begin to build the Xen lab beside the lanes; its tests wait for it."""
    with (FOLDER / "lab.log").open("wb") as log:
        return subprocess.Popen(["nice", *_LAB], stdout=log, stderr=log, start_new_session=True)


@contextmanager
def room_for_frames() -> Iterator[None]:
    """Give the switches of all lanes roomy queues, which within a sandbox cannot be set."""
    if os.geteuid() != 0:
        yield
        return
    with roomy_queues():
        yield


def main(arguments: Sequence[str]) -> int:
    """Run the whole."""

    def say(text: str) -> None:
        print(text, flush=True)

    FOLDER.mkdir(exist_ok=True)
    stages = [
        [
            Lane(name, pytest_command(name, arguments), FOLDER, say, name in GIVING_WAY)
            for name in stage
        ]
        for stage in STAGES
    ]
    course = Course(stages, say, quiet=QUIET)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, course.signalled)
    lab = start_lab_build()
    with room_for_frames():
        status = course.run()
    if course.signals and lab.poll() is None:
        os.killpg(lab.pid, signal.SIGTERM)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
