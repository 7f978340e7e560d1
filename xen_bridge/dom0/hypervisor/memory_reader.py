"""Reader of a host in memory: what it has, and what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from xen_bridge.dom0.hypervisor.interface import Attached, Capability, Usage
from xen_bridge.dom0.hypervisor.memory_domains import UNKNOWN, domain_0
from xen_bridge.dom0.hypervisor.memory_faults import FaultySteps
from xen_bridge.errors import RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.domains import Domain, PhysicalHostInfo, VcpuAssignment
from xen_bridge.protocol.documents.measures import VirtualInterface

BUSY = 0.1
"""Share of a CPU that each running domain uses."""


@dataclass(frozen=True, slots=True)
class KeptDomain:
    """A domain and when it was last started (None: it does not run)."""

    domain: Domain
    since: float | None


class MemoryReader(FaultySteps):
    """A host in memory, as it can be looked at."""

    capabilities = frozenset(Capability)

    def __init__(self, name: str, cpus: int, memory_kb: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._name = name
        self._cpus = cpus
        self._offline: frozenset[int] = frozenset()
        self._memory_kb = memory_kb
        self._lock = threading.RLock()
        self._next_id = 1
        self._domains: dict[str, KeptDomain] = {}
        self._devices: dict[str, str] = {}
        self._taken: set[str] = set()
        self.foreign: tuple[Domain, ...] = ()
        """Domains that another tool keeps."""
        self._unknown: dict[str, tuple[str, ...]] = {}
        self._keep(domain_0(cpus), 0.0)

    @property
    def autostarted(self) -> frozenset[str]:
        """The UUIDs of the domains that would be started with the host."""
        return frozenset(uuid for uuid, kept in self._domains.items() if kept.domain.autostart)

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

    def _find(self, domain: str) -> KeptDomain:
        if domain in self._domains:
            return self._domains[domain]
        everything = self._domains.values()
        for names in (lambda one: one.name, lambda one: str(one.id)):
            for kept in everything:
                if names(kept.domain) == domain:
                    return kept
        raise SubjectNotFound(f"no domain {domain}")

    def _now(self, kept: KeptDomain) -> Domain:
        return replace(kept.domain, cpu_time_s=round(self._cpu_seconds(kept), 3))

    def _cpu_seconds(self, kept: KeptDomain) -> float:
        running = 0.0 if kept.since is None else self._clock() - kept.since
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

    def open_namespace(self, domain: str) -> int | None:
        """Return None: there are no packets here."""
        self._at("open_namespace")
        return None

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain; packets follow the clock."""
        self._at("usage")
        with self._lock:
            running = [kept for kept in self._domains.values() if kept.since is not None]
            return tuple(self._used(kept) for kept in running)

    def _used(self, kept: KeptDomain) -> Usage:
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

    def _running(self, domain: str) -> KeptDomain:
        kept = self._find(domain)
        if kept.since is None:
            raise RequestConflict(f"{kept.domain.name} does not run")
        return kept

    def _keep(self, domain: Domain, since: float | None) -> None:
        self._domains[domain.uuid] = KeptDomain(domain, since)

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
