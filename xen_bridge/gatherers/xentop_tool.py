"""Xen's own xentop, one process for all iterations of a request.

It sees every domain of the host, also those that ``xl`` made and libvirt does not know. Counters
of interfaces are those of Domain 0's side, as in the report.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Self

from xen_bridge.child_command import HungChild
from xen_bridge.errors import Deadline, HypervisorError
from xen_bridge.gatherers.xentop_table import XentopReader
from xen_bridge.protocol.documents.measures import (
    DomainUsage,
    Sampling,
    XentopIteration,
    XentopMeasures,
)
from xen_bridge.runtime.port import Runtime

LEAST_DELAY = 1
"""Seconds: xentop sleeps for whole ones."""
SLACK, SLACK_EACH = 10.0, 0.5
"""Seconds beyond the delays, once and for each sample: taking one delays all that follow."""
PAUSE = 0.05
"""Seconds between two looks for a sample that is due."""
CHUNK, CHUNKS = 1 << 16, 64
COMPLAINT = 300
SILENCE = 8.0
"""Seconds beyond a sample's delay after which xentop hangs: it is waited for no longer."""
REAP = 0.05
"""Seconds for a killed process to end: at once, unless the kernel hangs."""


class XentopHung(Deadline):
    """xentop wrote no more; ``done`` are the iterations that it wrote before."""

    def __init__(self, message: str, done: tuple[XentopIteration, ...] = ()) -> None:
        super().__init__(message)
        self.done = done


class XentopTool:
    """Runs ``command``, xentop's path and nothing else, once per request.

    Until one has written its first sample, no other is started; while one that hung cannot be
    ended, and for a while after, none.
    """

    def __init__(self, command: Sequence[str], hung: HungChild | None = None) -> None:
        self._command = tuple(command)
        self.hung = hung or HungChild()
        self._first = threading.Lock()

    @staticmethod
    def can(sampling: Sampling) -> bool:
        """Whether xentop can wait that long: whole seconds, or it need not wait."""
        whole = sampling.interval >= LEAST_DELAY and float(sampling.interval).is_integer()
        return whole or sampling.iterations == 1

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> XentopMeasures:
        """Return the iterations asked for.

        xentop's first sample, whose CPU shares are 0, is not among them: it takes one more
        interval (1 s for a single iteration) than other gatherers. The process is killed when
        the samples do not come in time, which raises XentopHung, and when the request is given up.
        Raises HypervisorError if xentop fails or writes what is no table.
        """
        delay = int(sampling.interval) if sampling.iterations > 1 else LEAST_DELAY
        options = ("-b", "-f", "-n", "-i", str(sampling.iterations + 1), "-d", str(delay))
        with _FirstSample(self._first) as first:
            first.wait(runtime)
            self.hung.check()
            with _Process(self.hung) as process:
                runtime.in_thread(process.start, (*self._command, *options))
                return XentopMeasures(
                    iterations=_iterations(process, sampling.iterations, delay, runtime, first)
                )


class _FirstSample:
    """The turn of a process that has written nothing yet, and so may hang."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._has = False

    def wait(self, runtime: Runtime) -> None:
        """Wait for the turn; raises XentopHung if another is silent for too long."""
        end = runtime.now() + SILENCE
        while not self._lock.acquire(blocking=False):
            if runtime.now() >= end:
                raise XentopHung("another xentop has written nothing yet")
            runtime.sleep_until(runtime.now() + PAUSE)
        self._has = True

    def leave(self) -> None:
        """Let the next begin."""
        if self._has:
            self._has = False
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()


def _iterations(
    process: _Process, wanted: int, delay: int, runtime: Runtime, first: _FirstSample
) -> tuple[XentopIteration, ...]:
    """Read the samples when they are due, the first of which nobody wants."""
    reader, tables, times = XentopReader(), _Tables(wanted + 1), list[float]()
    due = runtime.now()
    last = due + wanted * (delay + SLACK_EACH) + SLACK
    end = min(due + SILENCE, last)
    while not process.ended:
        runtime.sleep_until(min(max(due, runtime.now() + PAUSE), end))
        reader.feed(runtime.in_thread(process.read))
        tables.add(reader.take())
        if reader.begun > len(times):
            times += [round(runtime.wall(), 3)] * (reader.begun - len(times))
            # Behind the last sample there is only the end.
            due = runtime.now() + (delay - PAUSE if len(times) <= wanted else 0.0)
            end = min(runtime.now() + delay + SILENCE, last)
            first.leave()
        if runtime.now() >= end and not process.ended:
            process.hangs()
            raise XentopHung(
                f"xentop wrote {reader.begun} of {wanted + 1} samples, and then nothing in time",
                _told(times, tables),
            )
    reader.end()
    tables.add(reader.take())
    if len(tables.kept) != wanted + 1:
        raise HypervisorError(
            f"xentop wrote {len(tables.kept)} samples of {wanted + 1}: {process.complaint()}"
        )
    return _told(times, tables)


def _told(times: Sequence[float], tables: _Tables) -> tuple[XentopIteration, ...]:
    """Return what was written, but the first sample."""
    samples = zip(times[1:], tables.kept[1:], strict=False)
    return tuple(
        XentopIteration(number, at, domains) for number, (at, domains) in enumerate(samples, 1)
    )


class _Tables:
    """The samples so far, never more than were asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept: list[tuple[DomainUsage, ...]] = []

    def add(self, tables: list[tuple[DomainUsage, ...]]) -> None:
        """Keep some more."""
        self.kept += tables
        if len(self.kept) > self._most:
            raise HypervisorError("xentop writes more samples than were asked for")


class _Process:
    """A running xentop, which does not outlive the block."""

    def __init__(self, hung: HungChild | None = None) -> None:
        self._hung = hung or HungChild()
        self._process: subprocess.Popen[bytes] | None = None
        self._open = contextlib.ExitStack()
        self._errors: IO[bytes] | None = None
        self._left = False
        self.ended = False
        """Whether all was read."""

    def start(self, command: Sequence[str]) -> None:
        """Start; raises HypervisorError if it cannot be run."""
        # Not a pipe: nobody reads it before the end. Closed with the block. Nor of tempfile, whose
        # lock is eventlet's where that was patched in: several threads at it wait for ever.
        memory = os.fdopen(os.memfd_create("xentop"), "w+b")
        self._errors = self._open.enter_context(memory)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as error:
            raise HypervisorError(f"{command[0]} cannot be run: {error.strerror}") from error
        if self._left:
            # The request was given up while this thread was starting it.
            self._kill(self._process)

    def read(self) -> bytes:
        """Return what was written since, without waiting."""
        if self._process is None or self._process.stdout is None:
            return b""
        found: list[bytes] = []
        pipe = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while len(found) < CHUNKS and selector.select(0):
                data = os.read(pipe, CHUNK)
                if not data:
                    self.ended = True
                    break
                found.append(data)
        return b"".join(found)

    def hangs(self) -> None:
        """Note that it hangs; it is killed with the block, or before it is tried again."""
        if self._process is not None:
            self._process.kill()
            self._hung.note("xentop", self._process)

    def complaint(self) -> str:
        """Return the beginning of what it wrote to its standard error."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        text = self._errors.read(COMPLAINT).decode(errors="replace")
        return " ".join(text.split()) or "it said nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left = True
        if self._process is not None:
            self._kill(self._process)
        self._open.close()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        try:
            process.wait(REAP)
        except subprocess.TimeoutExpired:
            # Nobody waits here: the hub would be held.
            self._hung.note("xentop", process)
        if process.stdout is not None:
            process.stdout.close()
