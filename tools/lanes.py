"""``make test``: the tests in lanes, each a pytest of its own, so that two processors have work.

Most lanes wait most of the time, for controllers, switches and routers: six of them run side by
side first. As root, each has a network and an Open vSwitch of its own (``tools/sandbox.sh``), so
that names of switches and ports do not meet. Real Xen comes after these: its emulated hosts take a
processor, and what they want they get, so that the three lanes that wait most run beside it. Two
lanes that compute have what all of these leave, from the beginning until they have ended. Only then
come the tests that measure shares, which are the last ones of real Xen and wait for all others
(``--quiet-when``). Which test is in which lane is ``tests/conftest.py``'s to say. A pool of workers
(pytest-xdist) was no help: tests that share a network are one worker's in their order, and the Xen
lab is there once per machine.

The arguments go to every lane. Each lane's output and results are in ``.test-lanes/``, with the
modules that took most of its time.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.lane import NOTHING_COLLECTED, Counts, Lane, Say
from tools.started import carry_out
from tools.traffic import roomy_queues

FOLDER = Path(".test-lanes")
TOGETHER = ("planes", "routers", "switches", "links", "entries", "experiments")
BESIDE_XEN = ("processes", "slicers", "networks")
SANDBOXED = (*TOGETHER, *BESIDE_XEN)
GIVING_WAY = ("logic", "models")
MEASURING = ("xen",)
STAGES = ((*TOGETHER, *GIVING_WAY), ("xen", *BESIDE_XEN))
"""Lanes that begin at the same time, and those that begin when these, but for those that give way,
have ended or are STRAGGLERS."""
STRAGGLERS = 2
"""How many lanes of a stage, beside those that give way, may go on when the next one begins."""
QUIET = FOLDER / "quiet"
"""A file that is there when all lanes have ended but those that measure."""
GRACE = 90.0
"""Seconds that an interrupted lane has to take down what it made."""
PAUSE = 0.1
"""Seconds that a look at a lane which runs may take."""
INTERRUPTED = 130
_FAILED = re.compile(r"(FAILED|ERROR) \S+::")
_SANDBOX = Path(__file__).with_name("sandbox.sh")
_LAB = (sys.executable, "-m", "topologies.lab", "build")


class Course:
    """All lanes, stage by stage; the first signal interrupts them, the second kills.

    A stage is over when its lanes that do not give way have ended, but for so many ``stragglers``:
    the others have until the end of the last one. ``quiet`` is a file that is made when all have
    ended but those that measure.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Lane]],
        say: Say,
        grace: float = GRACE,
        quiet: Path | None = None,
        stragglers: int = 0,
    ) -> None:
        self.stages = stages
        self.signals = 0
        self._say = say
        self._grace = grace
        self._quiet = quiet
        self._stragglers = stragglers
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
            self._wait([lane for lane in stage if not lane.gives_way], self._stragglers)
        self._wait(self._begun)
        return self._conclude(self._begun)

    def _wait(self, awaited: Sequence[Lane], but: int = 0) -> None:
        """Return when these, but for so many, have ended, by themselves or as we were told to."""
        while not self._ended(awaited, but):
            overdue = self._kill_at is not None and time.monotonic() > self._kill_at
            if self.signals == self._heeded and not overdue:
                continue
            first, self._heeded = self._heeded == 0, self.signals
            if first:
                self._say("==> interrupted: the lanes take down what they made")
                self._kill_at = time.monotonic() + self._grace
            for lane in self._begun:
                lane.interrupt() if first else lane.kill()

    def _ended(self, awaited: Sequence[Lane], but: int) -> bool:
        """Look at all lanes that have begun; tell whether these, but for so many, have ended."""
        running = [lane for lane in self._begun if not lane.ended(PAUSE)]
        every = sum(map(len, self.stages))
        if len(self._begun) == every and all(lane.measures for lane in running):
            self._tell_quiet()
        return sum(lane in running for lane in awaited) <= but

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
            self._say(f"{lane.name:>11} | {told} in {spent}{ending}: {lane.log}")
        self._say(f"==> together: {sum((lane.counts() for lane in lanes), Counts())}")
        # Last, too: of a long output the end alone is what people, and machines, keep.
        for lane in lanes:
            for line in filter(_FAILED.match, lane.report):
                self._say(f"{lane.name:>11} | {line}")
        if self.signals:
            self._say("==> make test: interrupted")
            return INTERRUPTED
        if all(lane.is_empty for lane in lanes):
            self._say("==> make test: FAILED, there is no such test")
            return NOTHING_COLLECTED
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
    if lane in MEASURING:
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
            Lane(
                name,
                pytest_command(name, arguments),
                FOLDER,
                say,
                gives_way=name in GIVING_WAY,
                measures=name in MEASURING,
            )
            for name in stage
        ]
        for stage in STAGES
    ]
    course = Course(stages, say, quiet=QUIET, stragglers=STRAGGLERS)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, course.signalled)
    lab = start_lab_build()
    with room_for_frames():
        status = course.run()
    if course.signals and lab.poll() is None:
        os.killpg(lab.pid, signal.SIGTERM)
    return status


if __name__ == "__main__":
    carry_out(lambda: main(sys.argv[1:]))
