"""Xen's own command, for what libvirt's driver cannot do: pinning, and where vCPUs run."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Sequence

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.dom0.hypervisor.xl_tables import (
    ListedDomain,
    read_list,
    read_pci_list,
    read_shares,
    read_vcpu_list,
)
from xen_bridge.errors import HypervisorError, SubjectNotFound
from xen_bridge.protocol.documents.domains import VcpuAssignment

SECONDS = 20.0
"""For one command: less than who asks waits, so that all else can still be told."""

_THERE = f'export LC_ALL=C PATH="$PATH:{SBIN}"; exec "$@"'
"""What finds Xen's commands at the other end of ssh, and has them speak one language."""

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns what it wrote; raises what went wrong."""

_LAST_CPU = re.compile(r"^max_cpu_id\s*:\s*(?P<number>\d{1,4})\s*$", re.ASCII | re.MULTILINE)


def run_here(command: Sequence[str]) -> str:
    """Run ``command`` on this machine, whatever hung before."""
    return one_at_a_time(ChildCommand())(command)


def one_at_a_time(child: ChildCommand) -> Run:
    """Return what runs commands on this machine, each in the turn that ``child`` gives."""

    def run(command: Sequence[str]) -> str:
        # What is read is written alike whatever language this machine speaks.
        environment = {**os.environ, "PATH": with_sbin(), "LC_ALL": "C"}
        done = child.run(command, SECONDS, environment)
        if done.returncode != 0:
            raise _failure(command, done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    return run


def with_sbin() -> str:
    """Return PATH with the folders behind it that have Xen's commands."""
    return f"{os.environ.get('PATH', os.defpath)}:{SBIN}"


def run_over_ssh(
    target: str,
    port: int | None = None,
    key_file: str | None = None,
    verify: bool = True,
    child: ChildCommand | None = None,
) -> Run:
    """Return what runs commands on the machine that ssh calls ``target``.

    The others are what libvirt's URI says beyond ssh's own configuration: ``port``, ``keyfile``,
    and ``no_verify``, without which the machine must be known to ssh.
    """
    # One that stays as the master of others would keep the pipes that we read to their end.
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlMaster=no"]
    if port is not None:
        options += ["-p", str(port)]
    if key_file is not None:
        options += ["-i", key_file]
    if not verify:
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]

    run_ssh = one_at_a_time(child or ChildCommand())

    def run(command: Sequence[str]) -> str:
        # The other end has a shell, csh or fish perhaps: what it is given must stay one word each,
        # and is a command of sh, whose quotes all of them understand.
        there = shlex.join(("sh", "-c", _THERE, "sh", *command))
        return run_ssh(("ssh", *options, "--", target, there))

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

    def pause(self, domain: int) -> None:
        """Have a domain stand still (``xl pause``)."""
        self._run(("xl", "pause", str(domain)))

    def last_cpu(self) -> int | None:
        """Return the highest number of a physical CPU (``xl info``); None if it does not tell."""
        found = _LAST_CPU.search(self._run(("xl", "info")))
        return None if found is None else int(found["number"])

    def vcpu_list(self, cpus: int) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run (``xl vcpu-list``); all CPUs are ``cpus``."""
        return tuple(read_vcpu_list(self._run(("xl", "vcpu-list")), cpus))

    def list(self) -> tuple[ListedDomain, ...]:
        """Return all domains that run, whoever made them (``xl list -v``)."""
        return tuple(read_list(self._run(("xl", "list", "-v"))))

    def shares(self, kind: str) -> dict[int, tuple[int, int]]:
        """Return weight and cap by the domains' ids; ``kind`` is the host's scheduler."""
        return read_shares(self._run(("xl", f"sched-{kind}")))

    def devices(self, domain: int) -> tuple[str, ...]:
        """Return the addresses of the PCI devices that a domain has (``xl pci-list``)."""
        return read_pci_list(self._run(("xl", "pci-list", str(domain))))

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver."""
        self._run(("xl", "pci-assignable-add", address))

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""
        self._run(("xl", "pci-assignable-remove", "-r", address))
