"""Xen's own command, for what libvirt's driver cannot do: pinning, and where vCPUs run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence

from xen_bridge.errors import Deadline, HypervisorError, RequestUnsupported, SubjectNotFound
from xen_bridge.protocol.documents.domains import MAX_CPUS, VcpuAssignment

SECONDS = 30.0
"""For one command."""

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Xen's commands are: not in everybody's PATH, and over ssh in nobody's but root's."""

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns what it wrote; raises what went wrong."""

_ROW = re.compile(
    r"(?P<name>\S.*?)\s+(?P<id>\d+)\s+(?P<vcpu>\d+)\s+(?P<cpu>\d+|-)\s+(?P<state>\S{3})"
    r"\s+(?P<time>\d+(\.\d+)?)\s+(?P<hard>\S+)\s*(/\s*(?P<soft>\S+))?\s*"
)
_LAST_CPU = re.compile(r"^max_cpu_id\s*:\s*(?P<number>\d{1,4})\s*$", re.ASCII | re.MULTILINE)


def run_here(command: Sequence[str]) -> str:
    """Run ``command`` on this machine."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": with_sbin()},
        )
    except FileNotFoundError as error:
        raise RequestUnsupported(f"{command[0]} is not installed here") from error
    except OSError as error:
        raise HypervisorError(f"{command[0]} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise Deadline(f"{command[0]} did not end in {SECONDS:g} s") from error
    if done.returncode != 0:
        raise _failure(command, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


def with_sbin() -> str:
    """Return PATH with the folders behind it that have Xen's commands."""
    return f"{os.environ.get('PATH', os.defpath)}:{SBIN}"


def run_over_ssh(
    target: str, port: int | None = None, key_file: str | None = None, verify: bool = True
) -> Run:
    """Return what runs commands on the machine that ssh calls ``target``.

    The others are what libvirt's URI says beyond ssh's own configuration: ``port``, ``keyfile``,
    and ``no_verify``, without which the machine must be known to ssh.
    """
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    if port is not None:
        options += ["-p", str(port)]
    if key_file is not None:
        options += ["-i", key_file]
    if not verify:
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]

    def run(command: Sequence[str]) -> str:
        # The other end has a shell: what it is given must stay one word each.
        there = f'PATH="$PATH:{SBIN}" {shlex.join(command)}'
        return run_here(("ssh", *options, "--", target, there))

    return run


def _failure(command: Sequence[str], text: str) -> HypervisorError | SubjectNotFound:
    said = " ".join(text.split())[:400]
    if "invalid domain identifier" in said:
        return SubjectNotFound(said)
    return HypervisorError(f"{' '.join(command[:2])}: {said or 'failed without a word'}")


class Xl:
    """The commands that are needed. A domain is given by its id: a number cannot be mistaken."""

    def __init__(self, run: Run = run_here) -> None:
        self._run = run

    def pin(self, domain: int, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only (``xl vcpu-pin``)."""
        chosen = ",".join(str(number) for number in sorted(set(cpus)))
        self._run(("xl", "vcpu-pin", str(domain), str(vcpu), chosen))

    def last_cpu(self) -> int | None:
        """Return the highest number of a physical CPU (``xl info``); None if it does not tell."""
        found = _LAST_CPU.search(self._run(("xl", "info")))
        return None if found is None else int(found["number"])

    def vcpu_list(self, cpus: int) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run (``xl vcpu-list``); all CPUs are ``cpus``."""
        return tuple(read_vcpu_list(self._run(("xl", "vcpu-list")), cpus))

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver."""
        self._run(("xl", "pci-assignable-add", address))

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""
        self._run(("xl", "pci-assignable-remove", "-r", address))


def read_vcpu_list(text: str, cpus: int) -> Iterator[VcpuAssignment]:
    """Yield the rows that ``xl vcpu-list`` writes; what is no row is passed over."""
    for line in text.splitlines():
        row = _ROW.fullmatch(line)
        if row is not None:
            yield VcpuAssignment(
                domain=row["name"],
                id=int(row["id"]),
                vcpu=int(row["vcpu"]),
                cpu=None if row["cpu"] == "-" else int(row["cpu"]),
                state=row["state"],
                time_s=float(row["time"]),
                affinity=read_cpu_list(row["hard"], cpus),
            )


def read_cpu_list(text: str, cpus: int) -> tuple[int, ...]:
    """Return the CPUs of ``all``, which are ``cpus``, of ``none``, or of a list as ``0-2,5``.

    Of a list every number is kept that a message can carry: CPUs are not 0 to n-1 everywhere.
    """
    if text in ("all", "any"):
        return tuple(range(cpus))
    found: set[int] = set()
    for item in text.split(","):
        first, _, last = item.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), min(int(last or first), MAX_CPUS) + 1))
    return tuple(sorted(found))
