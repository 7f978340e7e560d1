"""Host of namespaces (``netns:///NAME``): domains that every Linux machine can have.

A host is the network namespace that this program is in: two of them on one machine are two
hosts, each with a name. Where definitions are kept is ``?state=FOLDER``.
"""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import stat
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGTERM
from typing import NoReturn

from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.dom0.hypervisor.moving import Graces
from xen_bridge.dom0.hypervisor.netns.domain_cgroups import DomainCgroups
from xen_bridge.dom0.hypervisor.netns.domain_store import RunRecord
from xen_bridge.dom0.hypervisor.netns.namespace_start import StartingDomain
from xen_bridge.dom0.hypervisor.netns.netns_reader import FoundDomain, NetnsReader
from xen_bridge.dom0.hypervisor.netns.processes import (
    boot_id,
    by_pid_namespace,
    end,
    freeze,
    pid_namespace,
    send,
    thaw,
    threads,
)
from xen_bridge.dom0.hypervisor.netns.router_setup import check_setup
from xen_bridge.errors import BridgeError, InvalidRequest, RequestConflict, RequestUnsupported
from xen_bridge.protocol.documents.domains import CreateDomain, Domain, KnownLifecycle

LOG = logging.getLogger(__name__)
_PASSES = 50
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NetnsHost(NetnsReader):
    """One host of namespaces."""

    def __init__(self, name: str, base: Path, cgroups: DomainCgroups | None = None) -> None:
        super().__init__(name, base, cgroups)
        self._has_begun = False

    def domains(self) -> tuple[Domain, ...]:
        """Return all domains; at the first look since the machine was started, start some."""
        if not self._has_begun:
            self._start_with_the_machine()
            self._has_begun = True
        return super().domains()

    def _start_with_the_machine(self) -> None:
        with self._store.lock():
            if not self._store.is_first_of(boot_id()):
                return
            for found in self._found():
                if found.definition.autostart and found.record is None:
                    try:
                        self._start(found)
                    except BridgeError as error:
                        LOG.warning("%s is not started with the host: %s", found.name, error)

    # ---- life

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known; its ``kernel`` is the program that it runs, if any."""
        check_definition(wanted)
        with self._store.lock():
            self._check_is_new(wanted)
            interfaces = tuple(replace(one, mac=one.mac or _new_mac()) for one in wanted.interfaces)
            made = replace(wanted, uuid=wanted.uuid or str(uuid.uuid4()), interfaces=interfaces)
            self._store.put(replace(made, autostart=False))
        return self.domain(made.uuid or "")

    def _check_is_new(self, wanted: CreateDomain) -> None:
        """Raise RequestConflict for a name or UUID that another has; the lock is held."""
        for other in self._store.definitions():
            if wanted.name == other.name or wanted.uuid in (other.uuid, other.name):
                raise RequestConflict(f"a domain {other.name} exists already")
        if wanted.name in self._store.reserved_names():
            raise RequestConflict(f"a domain {wanted.name} is about to come from another host")

    def set_autostart(self, domain: str, starts: bool) -> None:
        """Say whether a domain is started with the host."""
        with self._store.lock():
            self._store.put(replace(self._find(domain).definition, autostart=starts))

    def set_lifecycle(
        self, domain: str, on_reboot: KnownLifecycle | None, on_crash: KnownLifecycle | None
    ) -> None:
        """Refuse all but what always holds: a domain that ends has ended."""
        if {on_reboot, on_crash} - {None, "destroy"}:
            raise RequestUnsupported("a domain that ends is not started again, with netns domains")

    def set_network(self, domain: str, network: str | None) -> None:
        """Keep with a domain which virtual network it is a router of."""
        with self._store.lock():
            self._store.put(replace(self._find(domain).definition, network=network))

    def start(self, domain: str) -> None:
        """Make the namespaces of a domain, its links, and run its program."""
        with self._store.lock():
            found = self._find(domain)
            if found.record is not None:
                raise RequestConflict(f"{found.name} runs already")
            self._start(found)

    def _start(self, found: FoundDomain, bound: Collection[str] = (), graces: Graces = ()) -> None:
        """Start a domain; those of its interfaces with the MACs ``bound`` get into no bridge."""
        number, starting = self._store.next_id(), StartingDomain()
        try:
            record = RunRecord(starting.pid, starting.start_ticks, number, boot_id())
            self._store.put_run(found.uuid, record)
            self._links.name(self._namespace(found), starting.pid)
            name = self._namespace(found)
            self._links.connect(found.definition, name, number, starting.pid, bound)
            if self._has_cgroups:
                self._cgroups.enter(found.uuid, starting.pid)
            self._freezer.enter(found.uuid, starting.pid)
            starting.go(found.definition, graces)
        except (BridgeError, OSError):
            starting.end()
            self._forget_run(found, number)
            raise
        finally:
            starting.close()

    def _namespace(self, found: FoundDomain) -> str:
        return f"hz-{self._name}-{found.name}"

    def _forget_run(self, found: FoundDomain, number: int) -> None:
        self._links.disconnect(number, len(found.definition.interfaces))
        self._links.forget(self._namespace(found))
        self._leave_groups(found.uuid)
        self._store.put_run(found.uuid, None)

    def _leave_groups(self, uuid: str) -> None:
        self._cgroups.leave(uuid)
        self._freezer.leave(uuid)

    def shutdown(self, domain: str) -> None:
        """Ask the processes of a domain to end; returns before they have."""
        with self._store.lock():
            found, record = self._find_running(domain)
            if record.paused:
                raise RequestConflict(f"{found.name} is paused, and hears nothing")
            send(record.pid, pid_namespace(record.pid) or "", SIGTERM)

    def destroy(self, domain: str) -> None:
        """End a domain, and return when it has."""
        with self._store.lock():
            found, record = self._find_running(domain)
            end(record.pid, record.start_ticks)
            self._forget_run(found, record.id)

    def undefine(self, domain: str) -> None:
        """Forget a domain that does not run."""
        with self._store.lock():
            found = self._find(domain)
            if found.record is not None:
                raise RequestConflict(f"{found.name} runs")
            self._links.forget(self._namespace(found))
            self._leave_groups(found.uuid)
            self._store.remove(found.uuid)

    def suspend(self, domain: str) -> None:
        """Stop the processes of a domain, and its links: the kernel would forward for it."""
        with self._store.lock():
            found, record = self._find_running(domain)
            # Noted first: what is half paused can be resumed.
            self._store.put_run(found.uuid, replace(record, paused=True))
            try:
                freeze(pid_namespace(record.pid) or "")
                self._links.pass_frames(record.id, len(found.definition.interfaces), False)
            except BridgeError:
                self._go_on(found, record)
                raise

    def resume(self, domain: str) -> None:
        """Let a paused domain go on."""
        with self._store.lock():
            found, record = self._find_running(domain)
            if not record.paused:
                raise RequestConflict(f"{found.name} is not paused")
            self._go_on(found, record)

    def _go_on(self, found: FoundDomain, record: RunRecord) -> None:
        self._links.pass_frames(record.id, len(found.definition.interfaces), True)
        thaw(pid_namespace(record.pid) or "")
        self._store.put_run(found.uuid, replace(record, paused=False))

    # ---- the processor

    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let all threads of a domain run on these CPUs only; those to come do as their parents."""
        with self._store.lock():
            _, record = self._find_running(domain)
            namespace, told = pid_namespace(record.pid) or "", set[int]()
            for _ in range(_PASSES):
                pids = by_pid_namespace().get(namespace, ())
                new = {one for pid in pids for one in threads(pid)} - told
                if not new:
                    return
                for thread in new:
                    _pin(thread, cpus)
                told |= new

    def set_scheduler(self, domain: str, weight: int | None, cap: int | None) -> None:
        """Set weight and cap; RequestUnsupported where no cgroup can divide the processor."""
        if not self._has_cgroups:
            _unsupported("weight and cap without cgroup v2 on this machine")
        with self._store.lock():
            found, record = self._find_running(domain)
            changed = replace(
                record,
                weight=record.weight if weight is None else weight,
                cap=record.cap if cap is None else cap,
            )
            self._cgroups.set(found.uuid, changed.weight, changed.cap)
            self._store.put_run(found.uuid, changed)

    def set_vcpus(self, domain: str, count: int) -> None:
        """Refuse: the processes of a namespace use the machine's own CPUs."""
        _unsupported("vCPUs")

    # ---- moving, devices

    def migrate(self, domain: str, destination: str) -> None:
        """Refuse: the hosts' bridges move domains, with each other's help."""
        _unsupported("migration by a URI")

    def take_device(self, address: str) -> None:
        """Refuse."""
        _unsupported("PCI devices")

    def return_device(self, address: str) -> None:
        """Refuse."""
        _unsupported("PCI devices")

    def attach_device(self, domain: str, device: HostDevice) -> None:
        """Refuse."""
        _unsupported("PCI devices")

    def remove_device(self, domain: str, address: str) -> None:
        """Refuse."""
        _unsupported("PCI devices")

    def close(self) -> None:
        """Close the socket; domains run on."""
        self._netlink.close()


def _unsupported(what: str) -> NoReturn:
    raise RequestUnsupported(f"{what}, with netns domains")


def _pin(thread: int, cpus: Sequence[int]) -> None:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:
        return
    except (OSError, ValueError) as error:
        raise InvalidRequest(("affinity",), f"{list(cpus)}: {error}") from error


def _new_mac() -> str:
    """Return an address of nobody: locally administered, unicast (IEEE 802)."""
    return "02:" + secrets.token_bytes(5).hex(":")


def check_definition(wanted: CreateDomain) -> None:
    """Refuse what would be left out without a word, and a program that others may change."""
    if wanted.vcpus != 1 or (wanted.max_vcpus or 1) != 1:
        _unsupported("vCPUs")
    absent: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("disks", lambda: bool(wanted.disks)),
        ("ramdisk", lambda: wanted.ramdisk is not None),
        ("boot_loader", lambda: wanted.boot_loader is not None),
    )
    for field, is_asked in absent:
        if is_asked():
            raise InvalidRequest((field,), "a netns domain has none: it shares this machine's")
    check_setup(wanted)
    if wanted.kernel is not None:
        _check_program(wanted.kernel)
    try:
        shlex.split(wanted.arguments or "")
    except ValueError as error:
        raise InvalidRequest(("arguments",), f"are not words: {error}") from None


def _check_program(path: str) -> None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise InvalidRequest(("kernel",), f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & stat.S_IXUSR:
        raise InvalidRequest(("kernel",), f"{path} is no program: a netns domain runs one")
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS_WRITE:
        raise InvalidRequest(("kernel",), f"{path} can be written by others than root")
