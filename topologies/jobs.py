"""Programs inside hosts: run to the end, in the background, or all pings at once."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from topologies.errors import NetworkError

MAX_OUTPUT = 1 << 20
KILL_SECONDS = 5.0
_PING_EACH = """
neighbours() { for at in /proc/sys/net/ipv4/neigh/*; do
    echo "$1" > "$at/mcast_solicit"; echo "$2" > "$at/retrans_time_ms"; done; }
neighbours 1 "$WAIT_MS"
for ip; do ping -n -q -c 1 -W "$WAIT" "$ip" >/dev/null 2>&1 || echo "$ip"; done
neighbours 3 1000
"""
"""Prints the addresses that did not answer. A host asks for a MAC once and waits for it, too: asked
again (arp(7)), a network that has lost the first request would be found to have lost nothing."""


@dataclass(slots=True)
class Job:
    """A process in a host, and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def words(self) -> str:
        """Return what was said so far, its last mebibyte at most."""
        size = os.fstat(self.output.fileno()).st_size
        start = max(0, size - MAX_OUTPUT)
        return os.pread(self.output.fileno(), MAX_OUTPUT, start).decode(errors="replace")

    def end(self) -> None:
        """Kill the process and what it started; nothing when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(KILL_SECONDS)
        self.output.close()


class Jobs:
    """The background processes of one network, by number."""

    def __init__(self, pid_of: Callable[[str], int]) -> None:
        self._pid_of = pid_of
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    def spawn(self, host: str, command: Sequence[str]) -> int:
        """Start ``command`` on ``host`` and return the number of the job."""
        number = next(self._numbers)
        self._jobs[number] = start(self._pid_of(host), command)
        return number

    def words(self, number: int) -> str:
        """Return what a running job said so far."""
        return self._job(number).words()

    def finish(self, number: int, seconds: float, signum: int = 0) -> tuple[int, str]:
        """Return the exit status and words of a job, once it ended.

        ``signum`` is sent first unless 0. A job that goes on beyond ``seconds`` is killed and
        NetworkError raised with what it said.
        """
        job = self._job(number)
        if signum and job.process.poll() is None:
            job.process.send_signal(signum)
        try:
            status = job.process.wait(seconds)
            return status, job.words()
        except subprocess.TimeoutExpired as error:
            words = job.words().strip()[-500:]
            raise NetworkError(f"not done within {seconds:g} s; it said: {words}") from error
        finally:
            del self._jobs[number]
            job.end()

    def _job(self, number: int) -> Job:
        if number not in self._jobs:
            raise NetworkError(f"there is no job {number}")
        return self._jobs[number]

    def close(self) -> None:
        """Kill all that still run."""
        while self._jobs:
            self._jobs.popitem()[1].end()


def start(pid: int, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Job:
    """Start ``command`` in the namespaces of the process ``pid``."""
    output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the job
    try:
        process = subprocess.Popen(
            ["mnexec", "-a", str(pid), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,
        )
    except OSError as error:
        output.close()
        raise NetworkError(f"mnexec: {error.strerror}") from error
    return Job(process, output)


def ping_all(
    pids: Mapping[str, int], addresses: Mapping[str, str], wait: float
) -> list[tuple[str, str]]:
    """Ping once from every host to every other, all hosts at once; return the pairs that failed.

    ``wait``: seconds that one answer may take.
    """
    names = {address: host for host, address in addresses.items()}
    limit = time.monotonic() + (len(addresses) + 10) * (wait + 0.5)
    jobs: dict[str, Job] = {}
    try:
        for host, pid in pids.items():
            others = [address for other, address in addresses.items() if other != host]
            command = ["sh", "-c", _PING_EACH, "sh", *others]
            waits = {"WAIT": f"{wait:g}", "WAIT_MS": f"{1000 * wait:.0f}"}
            jobs[host] = start(pid, command, waits)
        lost = []
        for host, job in jobs.items():
            job.process.wait(max(0.0, limit - time.monotonic()))
            lost += [(host, names.get(line, line)) for line in job.words().split()]
        return lost
    except subprocess.TimeoutExpired as error:
        raise NetworkError("the pings do not end") from error
    finally:
        for job in jobs.values():
            job.end()
