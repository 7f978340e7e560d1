"""Hosts in memory, for tests and for hosts by the dozen: everything works, and fails on demand.

A :class:`MemoryWorld` has several hosts, so domains can move between them. Whatever a host can
be asked may be made to fail, also each step of a migration.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from xen_bridge.dom0.hypervisor.interface import Attached, Capability, HostDevice, Usage
from xen_bridge.dom0.hypervisor.memory_domains import (
    DEFAULT_CAP,
    DEFAULT_WEIGHT,
    UNKNOWN,
    defined,
    domain_0,
)
from xen_bridge.errors import HypervisorAway, HypervisorError, RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    KnownLifecycle,
    PhysicalHostInfo,
    SchedulerParameters,
    VcpuAssignment,
    VcpuPins,
    Vcpus,
)
from xen_bridge.protocol.documents.measures import VirtualInterface

MIGRATION_STEPS = ("connect", "begin", "prepare", "transfer", "finish", "confirm")
BUSY = 0.1
"""Share of a CPU that each running domain uses."""

Fault = Callable[[], None]
"""Called at the step it was set for; what it raises is the failure, and it may also just wait."""


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


@dataclass(frozen=True, slots=True)
class _Kept:
    """A domain and when it was last started (None: it does not run)."""

    domain: Domain
    since: float | None


class MemoryHost:
    """One host of a world."""

    capabilities = frozenset(Capability)

    def __init__(self, world: MemoryWorld, name: str, cpus: int, memory_kb: int) -> None:
        self._world = world
        self._name = name
        self._cpus = cpus
        self._offline: frozenset[int] = frozenset()
        self._memory_kb = memory_kb
        self._lock = threading.RLock()
        self._next_id = 1
        self._domains: dict[str, _Kept] = {}
        self._devices: dict[str, str] = {}
        self._taken: set[str] = set()
        self.foreign: tuple[Domain, ...] = ()
        """Domains that another tool keeps."""
        self._faults: dict[str, Fault] = {}
        self._unknown: dict[str, tuple[str, ...]] = {}
        self._keep(domain_0(cpus), 0.0)

    @property
    def autostarted(self) -> frozenset[str]:
        """The UUIDs of the domains that would be started with the host."""
        return frozenset(uuid for uuid, kept in self._domains.items() if kept.domain.autostart)

    # ---- faults

    def fail(self, step: str, fault: Fault | Exception | None) -> None:
        """Have ``step`` (a method, or one of MIGRATION_STEPS) fail from now on; None mends it."""
        if fault is None:
            self._faults.pop(step, None)
        elif isinstance(fault, Exception):
            self._faults[step] = _raising(fault)
        else:
            self._faults[step] = fault

    def blind(self, domain: str, *names: str) -> None:
        """Have these fields of a domain (``devices``, ``usage`` too) be unknown from now on.

        No name makes all known again.
        """
        with self._lock:
            self._unknown[self._find(domain).domain.uuid] = names

    def take_offline(self, *cpus: int) -> None:
        """Have these CPUs be off: there are fewer, and the others keep their numbers."""
        with self._lock:
            self._offline = frozenset(cpus)

    def _blinded(self, domain: Domain) -> Domain:
        """Return a domain without what is to be unknown."""
        names = self._unknown.get(domain.uuid, ())
        for name in names:
            if name in UNKNOWN:
                domain = replace(domain, **{name: UNKNOWN[name]})
        problems = tuple(f"{name}: refused on demand" for name in names)
        return replace(domain, unknown=names, problems=problems)

    def _at(self, step: str) -> None:
        fault = self._faults.get(step) or self._faults.get("all")
        if fault is not None:
            fault()

    # ---- looking

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""
        self._at("host")
        used = sum(kept.domain.memory_kb or 0 for kept in self._domains.values() if kept.since)
        return PhysicalHostInfo(
            name=self._name,
            hypervisor="memory",
            version="1.0.0",
            scheduler="credit",
            cpus=self._cpus - len(self._offline),
            memory_kb=self._memory_kb,
            free_memory_kb=max(self._memory_kb - used, 0),
            capabilities=tuple(sorted(self.capabilities)),
        )

    def domains(self) -> tuple[Domain, ...]:
        """Return all domains, those that do not run last."""
        self._at("domains")
        with self._lock:
            found = [self._blinded(self._now(kept)) for kept in self._domains.values()]
        return tuple(sorted(found, key=lambda item: (item.id is None, item.id or 0, item.name)))

    def domain(self, domain: str) -> Domain:
        """Return one domain."""
        self._at("domain")
        with self._lock:
            for other in self.foreign:
                if domain in (other.uuid, other.name, str(other.id)):
                    return other
            return self._blinded(self._now(self._find(domain)))

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return the domains that another tool keeps."""
        self._at("foreign_domains")
        return tuple(one for one in self.foreign if one.uuid not in known)

    def _find(self, domain: str) -> _Kept:
        if domain in self._domains:
            return self._domains[domain]
        everything = self._domains.values()
        for names in (lambda one: one.name, lambda one: str(one.id)):
            for kept in everything:
                if names(kept.domain) == domain:
                    return kept
        raise SubjectNotFound(f"no domain {domain}")

    def _now(self, kept: _Kept) -> Domain:
        return replace(kept.domain, cpu_time_s=round(self._cpu_seconds(kept), 3))

    def _cpu_seconds(self, kept: _Kept) -> float:
        running = 0.0 if kept.since is None else self._world.clock() - kept.since
        return (kept.domain.cpu_time_s or 0.0) + max(running, 0.0) * BUSY

    def last_cpu(self) -> int | None:
        """Return the highest number of a physical CPU."""
        self._at("last_cpu")
        return self._cpus - 1

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run."""
        self._at("vcpu_list")
        with self._lock:
            running = [self._now(kept) for kept in self._domains.values() if kept.since is not None]
        return tuple(
            VcpuAssignment(
                domain=domain.name,
                id=domain.id or 0,
                vcpu=number,
                cpu=pins.cpus[0],
                state="-b-",
                time_s=domain.cpu_time_s or 0.0,
                affinity=pins.cpus,
            )
            for domain in sorted(running, key=lambda item: item.id or 0)
            for number, pins in enumerate(domain.vcpus.affinity)
        )

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain; packets follow the clock."""
        self._at("usage")
        with self._lock:
            running = [kept for kept in self._domains.values() if kept.since is not None]
            return tuple(self._used(kept) for kept in running)

    def _used(self, kept: _Kept) -> Usage:
        domain = kept.domain
        if "usage" in self._unknown.get(domain.uuid, ()):
            return Usage(domain.name, None, None, None, None)
        packets = int(self._cpu_seconds(kept) * 100)
        vifs = tuple(
            VirtualInterface(number, packets * 100, packets, 0, 0, packets * 50, packets, 0, 0)
            for number in range(len(domain.interfaces))
        )
        seconds = self._cpu_seconds(kept)
        return Usage(domain.name, int(seconds * 1e9), domain.memory_kb, domain.vcpus.current, vifs)

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

    def _running(self, domain: str) -> _Kept:
        kept = self._find(domain)
        if kept.since is None:
            raise RequestConflict(f"{kept.domain.name} does not run")
        return kept

    def _keep(self, domain: Domain, since: float | None) -> None:
        self._domains[domain.uuid] = _Kept(domain, since)

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

    def attached_devices(self) -> Attached:
        """Return which domain has which PCI device."""
        self._at("attached_devices")
        with self._lock:
            unknown = {
                kept.domain.name
                for kept in self._domains.values()
                if "devices" in self._unknown.get(kept.domain.uuid, ())
            }
            owners = {key: name for key, name in self._devices.items() if name not in unknown}
        return Attached(owners, tuple(sorted(unknown)))

    def close(self) -> None:
        """There is no connection to end."""


def _raising(error: Exception) -> Fault:
    def fault() -> None:
        raise error

    return fault


def refusing(text: str = "refused on demand") -> Fault:
    """Return a fault that fails as a hypervisor does."""
    return _raising(HypervisorError(text))
