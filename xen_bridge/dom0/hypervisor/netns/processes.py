"""Processes of this machine as ``/proc`` tells of them (proc(5)), and signals to them.

A pid may be another process's by now: whoever was meant is known by the tick it began at.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xen_bridge.errors import HypervisorError

PROC = Path("/proc")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NS_PER_TICK = 10**9 // os.sysconf("SC_CLK_TCK")
_KB_PER_PAGE = os.sysconf("SC_PAGE_SIZE") // 1024
_ENDED, _STOPPED = "ZXx", "TtZXx"
_PATIENCE = 10.0
"""Seconds for processes to end, or to stop."""
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """One process: CPU time with that of children that were waited for; memory is resident."""

    pid: int
    state: str
    start_ticks: int
    cpu_ns: int
    memory_kb: int
    cpu: int


def read_process(pid: int, proc: Path = PROC) -> ProcessReading | None:
    """Return a process; None if there is none, or it has ended and nobody waited for it."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        # The command's name may have blanks and brackets.
        words = text.rpartition(")")[2].split()
        state, (start, _, pages) = words[0], map(int, words[19:22])
        ticks, cpu = sum(map(int, words[11:15])), int(words[36])
    except (OSError, ValueError, IndexError):
        return None
    if state in _ENDED:
        return None
    return ProcessReading(pid, state, start, ticks * _NS_PER_TICK, pages * _KB_PER_PAGE, cpu)


def pid_namespace(pid: int, proc: Path = PROC) -> str | None:
    """Return which PID namespace a process is in; None if it is not there."""
    try:
        return os.readlink(proc / str(pid) / "ns" / "pid")
    except OSError:
        return None


def by_pid_namespace(proc: Path = PROC) -> Mapping[str, list[int]]:
    """Return the pids of all processes by their PID namespace."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for name in os.listdir(proc):
        namespace = pid_namespace(int(name), proc) if name.isdecimal() else None
        if namespace is not None:
            found[namespace].append(int(name))
    return found


def threads(pid: int, proc: Path = PROC) -> list[int]:
    """Return the threads of a process; none if it is gone."""
    try:
        return [int(name) for name in os.listdir(proc / str(pid) / "task")]
    except OSError:
        return []


def end(pid: int, start_ticks: int) -> None:
    """Kill the process that began then, and return when it has ended; HypervisorError if not."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        found = read_process(pid)
        if found is None or found.start_ticks != start_ticks:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        if not waiting.poll(_PATIENCE * 1000):
            raise HypervisorError(f"process {pid} does not end")
    finally:
        os.close(descriptor)


def send(pid: int, namespace: str, number: signal.Signals) -> None:
    """Send a signal to a process, if it is (still) in that PID namespace."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if pid_namespace(pid) == namespace:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def kill_named(namespace: str, name: str, proc: Path = PROC) -> None:
    """Kill the processes of a PID namespace that run a program of that name (proc(5), comm)."""
    for pid in by_pid_namespace(proc).get(namespace, ()):
        with suppress(OSError):
            if (proc / str(pid) / "comm").read_text(errors="replace").strip() == name:
                send(pid, namespace, signal.SIGKILL)


def freeze(namespace: str) -> None:
    """Stop all processes of a PID namespace, those too that are forked meanwhile.

    HypervisorError if one does not stop: then all go on.
    """
    deadline = time.monotonic() + _PATIENCE
    while moving := _moving(by_pid_namespace().get(namespace, ())):
        if time.monotonic() > deadline:
            thaw(namespace)
            raise HypervisorError(f"process {moving[0]} does not stop")
        for pid in moving:
            send(pid, namespace, signal.SIGSTOP)
        time.sleep(_PAUSE)


def _moving(pids: Collection[int]) -> list[int]:
    found = (read_process(pid) for pid in pids)
    return [one.pid for one in found if one is not None and one.state not in _STOPPED]


def thaw(namespace: str) -> None:
    """Let all processes of a PID namespace go on."""
    for pid in by_pid_namespace().get(namespace, ()):
        send(pid, namespace, signal.SIGCONT)


def boot_id() -> str:
    """Return what is another after each start of this machine."""
    return BOOT_ID.read_text(encoding="ascii").strip()
