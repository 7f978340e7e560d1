"""Child command: a process that is run to its end, or to its deadline, one at a time.

A command that hangs is killed with all that it started; while it cannot be killed (the kernel
waits for the hypervisor), and for a while after, no other is started. So there is never more than
one that hangs, and who asks again is told at once.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from xen_bridge.errors import Deadline, HypervisorError, RequestUnsupported

REAP = 2.0
"""Seconds for a killed process to end: at once, unless the kernel hangs."""
REST = 30.0
"""Seconds without another try after a command hung."""
MAX_OUTPUT = 1 << 24
"""Bytes: more is nothing that we asked for."""
CHUNK = 1 << 16
"""Bytes read at a time."""
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Xen's commands are: not in everybody's PATH, and over ssh in nobody's but root's."""


class HungChild:
    """The memory of a command that hung; it may be asked from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._until = 0.0
        self._name = ""
        self.count = 0
        """How often a command hung."""

    def check(self) -> None:
        """Raise Deadline while the command is not to be tried again."""
        with self._lock:
            if self._child is not None and self._child.poll() is not None:
                self._child = None
            if self._child is not None:
                raise Deadline(
                    f"{self._name} hangs, and cannot be ended (process {self._child.pid})"
                )
            left = self._until - self._clock()
            if left > 0:
                raise Deadline(f"{self._name} hung; it is tried again in {left:.0f} s")

    def note(self, name: str, child: subprocess.Popen[bytes] | None) -> None:
        """Keep that ``name`` hung; ``child`` is its process, which was killed."""
        with self._lock:
            self.count += 1
            self._name = name
            self._until = self._clock() + REST
            still = child if child is not None and child.poll() is None else None
            self._child = still
        if still is not None:
            # Reaped whenever the kernel lets it go, whether or not anybody asks again.
            threading.Thread(target=still.wait, name=f"end of {name}", daemon=True).start()


class ChildCommand:
    """Runs commands, one at a time."""

    def __init__(self, hung: HungChild | None = None) -> None:
        self.hung = hung or HungChild()
        self._turn = threading.Lock()

    def run(
        self, command: Sequence[str], seconds: float, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``command`` and return how it ended, and what it wrote.

        Raises Deadline if it did not end in ``seconds``, its turn included, or if the last one
        hung; RequestUnsupported if it is not installed; HypervisorError if it cannot be run, or
        writes without end.
        """
        end = time.monotonic() + seconds
        if not self._turn.acquire(timeout=seconds):
            raise Deadline(f"{command[0]} waited {seconds:g} s for another to end")
        try:
            self.hung.check()
            return self._run(command, max(end - time.monotonic(), 0.1), environment)
        finally:
            self._turn.release()

    def _run(
        self, command: Sequence[str], seconds: float, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        child = _started(command, environment)
        try:
            out, errors = _written(child, command[0], seconds)
        except subprocess.TimeoutExpired as error:
            _end(child)
            self.hung.note(command[0], child)
            raise Deadline(f"{command[0]} did not end in {seconds:.3g} s") from error
        except BaseException:
            _end(child)
            raise
        return subprocess.CompletedProcess(command, child.returncode, out, errors)


def _started(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise RequestUnsupported(f"{command[0]} is not installed here") from error
    except OSError as error:
        raise HypervisorError(f"{command[0]} cannot be run: {error.strerror}") from error


def _written(child: subprocess.Popen[bytes], name: str, seconds: float) -> tuple[bytes, bytes]:
    """Return what a process wrote, when it has ended; no more of it is kept than MAX_OUTPUT."""
    end = time.monotonic() + seconds
    out, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((child.stdout, out), (child.stderr, errors)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(name, seconds)
            for key, _ready in selector.select(left):
                data = os.read(key.fd, CHUNK)
                key.data.extend(data)
                if not data:
                    selector.unregister(key.fileobj)
            if len(out) + len(errors) > MAX_OUTPUT:
                raise HypervisorError(f"{name} writes more than {MAX_OUTPUT} bytes")
    child.wait(max(end - time.monotonic(), 0.1))
    _close(child)
    return bytes(out), bytes(errors)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, and wait for it, but not for ever."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(REAP)
    _close(child)


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
