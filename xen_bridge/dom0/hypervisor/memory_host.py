"""Hosts in memory, for tests and for hosts by the dozen: everything works, and fails on demand.

A :class:`MemoryWorld` has several hosts, so domains can move between them. Whatever a host can
be asked may be made to fail, also each step of a migration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from xen_bridge.dom0.hypervisor.interface import HostDevice
from xen_bridge.dom0.hypervisor.memory_domains import DEFAULT_CAP, DEFAULT_WEIGHT, defined
from xen_bridge.dom0.hypervisor.memory_reader import MemoryReader
from xen_bridge.errors import HypervisorAway, HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    KnownLifecycle,
    SchedulerParameters,
    VcpuPins,
    Vcpus,
)


@dataclass
class MemoryWorld:
    """Hosts that know each other, by the path of their URI (``memory:///name``)."""

    clock: Callable[[], float] = time.monotonic
    hosts: dict[str, MemoryHost] = field(default_factory=dict)

    def host(self, name: str, cpus: int = 4, memory_kb: int = 8 << 20) -> MemoryHost:
        """Return the host of that name, made at the first call."""
        if name not in self.hosts:
            self.hosts[name] = MemoryHost(self, name, cpus, memory_kb)
        return self.hosts[name]


class MemoryHost(MemoryReader):
    """One host of a world."""

    def __init__(self, world: MemoryWorld, name: str, cpus: int, memory_kb: int) -> None:
        super().__init__(name, cpus, memory_kb, lambda: world.clock())
        self._world = world

    # ---- life

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known, without starting it."""
        self._at("define")
        with self._lock:
            taken = {kept.domain.name for kept in self._domains.values()} | set(self._domains)
            if wanted.name in taken or wanted.uuid in taken:
                raise RequestConflict(f"a domain {wanted.name} exists already")
            domain = defined(wanted, self._cpus)
            self._keep(domain, None)
            return domain

    def set_autostart(self, domain: str, starts: bool) -> None:
        """Say whether a domain is started with the host."""
        self._at("set_autostart")
        with self._lock:
            kept = self._find(domain)
            self._keep(replace(kept.domain, autostart=starts), kept.since)

    def set_lifecycle(
        self, domain: str, on_reboot: KnownLifecycle | None, on_crash: KnownLifecycle | None
    ) -> None:
        """Say what becomes of a domain that reboots or crashes; None keeps."""
        self._at("set_lifecycle")
        with self._lock:
            kept = self._find(domain)
            changed = replace(
                kept.domain,
                on_reboot=on_reboot or kept.domain.on_reboot,
                on_crash=on_crash or kept.domain.on_crash,
            )
            self._keep(changed, kept.since)

    def set_network(self, domain: str, network: str | None) -> None:
        """Keep with a domain which virtual network it is a router of."""
        self._at("set_network")
        with self._lock:
            kept = self._find(domain)
            self._keep(replace(kept.domain, network=network), kept.since)

    def start(self, domain: str) -> None:
        """Boot a defined domain; weight and cap begin at their defaults, as on Xen."""
        self._at("start")
        with self._lock:
            kept = self._find(domain)
            if kept.since is not None:
                raise RequestConflict(f"{kept.domain.name} runs already")
            scheduler = SchedulerParameters("credit", DEFAULT_WEIGHT, DEFAULT_CAP)
            started = replace(
                kept.domain, id=self._next_id, state="running", scheduler=scheduler, cpu_time_s=0.0
            )
            self._next_id += 1
            self._keep(started, self._world.clock())

    def shutdown(self, domain: str) -> None:
        """Ask the guest to shut down: it does so at once."""
        self._at("shutdown")
        self._end(domain)

    def destroy(self, domain: str) -> None:
        """End a domain at once."""
        self._at("destroy")
        self._end(domain)

    def _end(self, domain: str) -> None:
        with self._lock:
            kept = self._running(domain)
            if kept.domain.id == 0:
                raise RequestConflict("Domain-0 cannot end")
            if kept.domain.persistent:
                self._keep(replace(kept.domain, id=None, state="shutoff"), None)
            else:
                del self._domains[kept.domain.uuid]
            self._devices = {k: v for k, v in self._devices.items() if v != kept.domain.name}

    def undefine(self, domain: str) -> None:
        """Forget a domain that does not run."""
        self._at("undefine")
        with self._lock:
            kept = self._find(domain)
            if kept.since is not None:
                raise RequestConflict(f"{kept.domain.name} runs")
            del self._domains[kept.domain.uuid]

    def suspend(self, domain: str) -> None:
        """Pause a running domain."""
        self._at("suspend")
        with self._lock:
            kept = self._running(domain)
            self._keep(replace(kept.domain, state="paused"), kept.since)

    def resume(self, domain: str) -> None:
        """Let a paused domain go on."""
        self._at("resume")
        with self._lock:
            kept = self._running(domain)
            if kept.domain.state != "paused":
                raise RequestConflict(f"{kept.domain.name} is not paused")
            self._keep(replace(kept.domain, state="running"), kept.since)

    # ---- the processor

    def set_scheduler(self, domain: str, weight: int | None, cap: int | None) -> None:
        """Set weight and cap of a running domain."""
        self._at("set_scheduler")
        with self._lock:
            kept = self._running(domain)
            old, most = kept.domain.scheduler, 100 * (kept.domain.vcpus.maximum or 0)
            if cap is not None and cap > most:
                # Xen's own words.
                raise HypervisorError(f"Cpu cap out of range, valid range is from 0 to {most}")
            new = SchedulerParameters(
                old.kind,
                old.weight if weight is None else weight,
                old.cap if cap is None else cap,
            )
            self._keep(replace(kept.domain, scheduler=new), kept.since)

    def set_vcpus(self, domain: str, count: int) -> None:
        """Set how many vCPUs a domain uses."""
        self._at("set_vcpus")
        with self._lock:
            kept = self._find(domain)
            old = kept.domain.vcpus
            everywhere = VcpuPins(tuple(range(self._cpus)))
            pins = (*old.affinity, *[everywhere] * count)[:count]
            self._keep(
                replace(kept.domain, vcpus=Vcpus(count, old.maximum, tuple(pins))), kept.since
            )

    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only."""
        self._at("pin")
        with self._lock:
            kept = self._running(domain)
            pins = list(kept.domain.vcpus.affinity)
            pins[vcpu] = VcpuPins(tuple(sorted(set(cpus))))
            changed = replace(kept.domain.vcpus, affinity=tuple(pins))
            self._keep(replace(kept.domain, vcpus=changed), kept.since)

    # ---- moving

    def migrate(self, domain: str, destination: str) -> None:
        """Move a running domain to another host of the same world.

        It fails at any step that :meth:`fail` names; until ``finish`` the domain stays here, and
        runs; from then on it is there.
        """
        self._at("connect")
        target = self._world.hosts.get(destination.removeprefix("memory:///"))
        if target is None:
            raise HypervisorAway(f"no host {destination}")
        kept = self._running(domain)
        self._at("begin")
        target._at("prepare")
        with target._lock:
            if any(other.domain.name == kept.domain.name for other in target._domains.values()):
                raise RequestConflict(f"{destination} has a domain {kept.domain.name} already")
        self._at("transfer")
        target._at("finish")
        target._receive(self._now(kept))
        with self._lock:
            del self._domains[kept.domain.uuid]
        self._at("confirm")

    def _receive(self, domain: Domain) -> None:
        """Take over a domain; like libvirt's, the move resets weight and cap."""
        with self._lock:
            scheduler = SchedulerParameters("credit", DEFAULT_WEIGHT, DEFAULT_CAP)
            self._keep(replace(domain, id=self._next_id, scheduler=scheduler), self._world.clock())
            self._next_id += 1

    # ---- devices

    def take_device(self, address: str) -> None:
        """Take a PCI device from the host's driver."""
        self._at("take_device")
        self._taken.add(address)

    def return_device(self, address: str) -> None:
        """Give a PCI device back to the host's driver."""
        self._at("return_device")
        self._taken.discard(address)

    def attach_device(self, domain: str, device: HostDevice) -> None:
        """Give a PCI device to a domain."""
        self._at("attach_device")
        with self._lock:
            self._devices[device.address] = self._running(domain).domain.name

    def remove_device(self, domain: str, address: str) -> None:
        """Take a PCI device from a domain."""
        self._at("remove_device")
        with self._lock:
            if self._devices.get(address) != self._find(domain).domain.name:
                raise SubjectNotFound(f"{domain} does not have {address}")
            del self._devices[address]

    def close(self) -> None:
        """There is no connection to end."""
