"""Lane: a pytest of ``make test`` beside others, its progress, its report and its results."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

NICENESS = 7
"""Of lanes that give way: a fifth of the processor that a lane beside them has, if both want all.

What has a deadline of its own is then hardly slower than alone, and they do not stand still.
"""
NOTHING_COLLECTED = 5
"""Exit status of pytest that found no test."""
_REPORT = re.compile(r"=+ (ERRORS|FAILURES|warnings summary|short test summary info|.* in \d.*) =+")
_HEEDING = ("env", "--default-signal=INT")
"""Before a command: what a shell starts with ``&`` ignores interruptions, as do its children."""

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
    """Whether it leaves the processors to others, and nobody waits for it."""
    measures: bool = False
    """Whether its last tests wait until nothing is beside them."""
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
        return self.status in (0, NOTHING_COLLECTED)

    @property
    def is_empty(self) -> bool:
        """Tell whether the arguments left it without a test."""
        return self.status == NOTHING_COLLECTED

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
                    self.say(f"{self.name:>11} | {line.rstrip()}")
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
