"""Reader of a host of namespaces: its domains as they are, and what they use, from ``/proc``."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xen_bridge.dom0.hypervisor.interface import Attached, Capability, Usage
from xen_bridge.dom0.hypervisor.netns.domain_cgroups import DomainCgroups
from xen_bridge.dom0.hypervisor.netns.domain_freezer import DomainFreezer
from xen_bridge.dom0.hypervisor.netns.domain_store import DomainStore, RunRecord
from xen_bridge.dom0.hypervisor.netns.namespace_start import NamespaceLinks, target
from xen_bridge.dom0.hypervisor.netns.processes import (
    ProcessReading,
    boot_id,
    by_pid_namespace,
    pid_namespace,
    read_process,
)
from xen_bridge.errors import RequestConflict, SubjectNotFound
from xen_bridge.netlink.links import LinkCounters
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    Domain,
    DomainInterface,
    PhysicalHostInfo,
    SchedulerParameters,
    VcpuAssignment,
    VcpuPins,
    Vcpus,
)
from xen_bridge.protocol.documents.measures import VirtualInterface

LOG = logging.getLogger(__name__)
_SCHEDULER = "cgroup"
STAT, MEMINFO = Path("/proc/stat"), Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class FoundDomain:
    """A definition, and the process that its domain runs by, if it does."""

    definition: CreateDomain
    record: RunRecord | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition.name

    @property
    def uuid(self) -> str:
        """Its UUID, which every definition that is kept has."""
        return self.definition.uuid or ""


class NetnsReader:
    """A host of namespaces, as it can be looked at."""

    capabilities = frozenset(
        {Capability.AFFINITY, Capability.MIGRATION_WITHIN_MACHINE, Capability.ROUTER_SETUP}
    )
    """And weight and cap where each domain can have a cgroup; processes have no vCPUs."""

    def __init__(self, name: str, base: Path, cgroups: DomainCgroups | None = None) -> None:
        self._cgroups = cgroups or DomainCgroups()
        self._has_cgroups = self._cgroups.are_there
        self._freezer = DomainFreezer()
        if self._freezer.is_there:
            self.capabilities |= {Capability.FREEZER}
        if self._has_cgroups:
            self.capabilities |= {Capability.WEIGHT, Capability.CAP}
        self._name = name
        self._store = DomainStore(base, name)
        self._links = NamespaceLinks()
        self._netlink = Netlink()

    # ---- the host

    def host(self) -> PhysicalHostInfo:
        """Return this machine, by the name of the URI."""
        memory = _meminfo()
        return PhysicalHostInfo(
            name=self._name,
            hypervisor="netns",
            version=platform.release(),
            scheduler=self._scheduler(None).kind,
            cpus=len(_cpu_numbers()),
            memory_kb=memory["MemTotal"],
            free_memory_kb=memory.get("MemAvailable", memory["MemFree"]),
            capabilities=tuple(sorted(self.capabilities)),
        )

    def last_cpu(self) -> int | None:
        """Return the highest number of a CPU that is on."""
        return max(_cpu_numbers(), default=None)

    def attached_devices(self) -> Attached:
        """Return no device: none can be given to a domain here."""
        return Attached()

    # ---- domains

    def domains(self) -> tuple[Domain, ...]:
        """Return all domains, those that do not run last; there is no Domain 0 among them."""
        groups = by_pid_namespace()
        found = [self._described(one, groups) for one in self._found()]
        return tuple(sorted(found, key=lambda one: (one.id is None, one.id or 0, one.name)))

    def domain(self, domain: str) -> Domain:
        """Return one domain."""
        return self._described(self._find(domain), by_pid_namespace())

    def foreign_domains(self, known: Collection[str]) -> tuple[Domain, ...]:
        """Return none: nobody else makes domains here."""
        return ()

    def _found(self) -> list[FoundDomain]:
        return [
            FoundDomain(one, self._running(one.uuid or "")) for one in self._store.definitions()
        ]

    def _running(self, uuid: str) -> RunRecord | None:
        """Return the run record of a domain whose process is still there."""
        record = self._store.run(uuid)
        if record is None or record.boot != boot_id():
            return None
        found = read_process(record.pid)
        return record if found is not None and found.start_ticks == record.start_ticks else None

    def _find(self, domain: str) -> FoundDomain:
        everything = self._found()
        for one in everything:
            if domain == one.uuid:
                return one
        for one in everything:
            number = one.record.id if one.record is not None else None
            if domain == one.name or domain == str(number):
                return one
        raise SubjectNotFound(f"no domain {domain}")

    def _find_running(self, domain: str) -> tuple[FoundDomain, RunRecord]:
        found = self._find(domain)
        if found.record is None:
            raise RequestConflict(f"{found.name} does not run")
        if found.record.moving:
            raise RequestConflict(f"{found.name} is being moved ({found.record.moving})")
        return found, found.record

    def _described(self, found: FoundDomain, groups: Mapping[str, list[int]]) -> Domain:
        definition, record = found.definition, found.record
        pins = self._affinity(record)
        interfaces = tuple(
            DomainInterface(
                item.mac or "", item.bridge, None if record is None else target(record.id, index)
            )
            for index, item in enumerate(definition.interfaces)
        )
        used = sum(one.cpu_ns for one in _members(record, groups))
        return Domain(
            name=found.name,
            uuid=found.uuid,
            id=None if record is None else record.id,
            state="shutoff" if record is None else "paused" if record.paused else "running",
            memory_kb=definition.memory_kb,
            vcpus=Vcpus(1, 1, (pins,) if pins is not None else ()),
            scheduler=self._scheduler(record),
            cpu_time_s=used / 1e9,
            persistent=True,
            interfaces=interfaces,
            # Nobody waits for it, so nobody starts it again.
            on_reboot="destroy",
            on_crash="destroy",
            autostart=definition.autostart,
            network=definition.network,
        )

    def _scheduler(self, record: RunRecord | None) -> SchedulerParameters:
        if not self._has_cgroups:
            return SchedulerParameters()
        if record is None:
            return SchedulerParameters(_SCHEDULER)
        return SchedulerParameters(_SCHEDULER, record.weight, record.cap)

    def _affinity(self, record: RunRecord | None) -> VcpuPins | None:
        if record is not None:
            with suppress(OSError):
                return VcpuPins(tuple(sorted(os.sched_getaffinity(record.pid))))
        return None

    def open_namespace(self, domain: str) -> int | None:
        """Return a descriptor of the network namespace of a running domain."""
        found, record = self._find_running(domain)
        with suppress(FileNotFoundError):
            descriptor = os.open(f"/proc/{record.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            # What was opened is of that process only if it is still there.
            if self._running(found.uuid) == record:
                return descriptor
            os.close(descriptor)
        raise RequestConflict(f"{found.name} does not run")

    # ---- what they use

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain; its memory is what is resident."""
        groups = by_pid_namespace()
        counters = {link.name: link.counters for link in self._netlink.links()}
        return tuple(
            _usage(one, one.record, _members(one.record, groups), counters)
            for one in self._found()
            if one.record is not None
        )

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return one vCPU per running domain: on the CPU that its first process was on last."""
        groups = by_pid_namespace()
        found = (
            _assignment(one, one.record, self._affinity(one.record), _members(one.record, groups))
            for one in self._found()
            if one.record is not None
        )
        return tuple(sorted(found, key=lambda one: one.id))


def _members(
    record: RunRecord | None, groups: Mapping[str, list[int]]
) -> tuple[ProcessReading, ...]:
    """Return the processes of a domain, the first one first; none of one that does not run."""
    namespace = None if record is None else pid_namespace(record.pid)
    pids = groups.get(namespace or "", ())
    return tuple(one for pid in sorted(pids) if (one := read_process(pid)) is not None)


def _usage(
    found: FoundDomain,
    record: RunRecord,
    members: tuple[ProcessReading, ...],
    counters: Mapping[str, LinkCounters],
) -> Usage:
    names = [target(record.id, index) for index in range(len(found.definition.interfaces))]
    vifs = tuple(
        _vif(index, counters[name]) for index, name in enumerate(names) if name in counters
    )
    return Usage(
        found.name,
        sum(one.cpu_ns for one in members),
        sum(one.memory_kb for one in members),
        1,
        vifs,
        len(names) - len(vifs),
    )


def _vif(number: int, had: LinkCounters) -> VirtualInterface:
    """Return the counters of a link's outer end: it received what the domain transmitted."""
    return VirtualInterface(
        number,
        received_bytes=had.rx_bytes,
        received_packets=had.rx_packets,
        reception_errors=had.rx_errors,
        reception_drops=had.rx_dropped,
        transmitted_bytes=had.tx_bytes,
        transmitted_packets=had.tx_packets,
        transmission_errors=had.tx_errors,
        transmission_drops=had.tx_dropped,
    )


def _assignment(
    found: FoundDomain,
    record: RunRecord,
    pins: VcpuPins | None,
    members: tuple[ProcessReading, ...],
) -> VcpuAssignment:
    states = {one.state for one in members}
    return VcpuAssignment(
        domain=found.name,
        id=record.id,
        vcpu=0,
        cpu=next((one.cpu for one in members if one.pid == record.pid), None),
        state="--p" if record.paused else "r--" if "R" in states else "-b-",
        time_s=sum(one.cpu_ns for one in members) / 1e9,
        affinity=() if pins is None else pins.cpus,
    )


def _cpu_numbers(stat: Path = STAT) -> list[int]:
    """Return the numbers of the CPUs that are on (proc(5))."""
    words = (line.split(" ", 1)[0] for line in stat.read_text(encoding="ascii").splitlines())
    return [int(word[3:]) for word in words if word.startswith("cpu") and word[3:].isdecimal()]


def _meminfo(meminfo: Path = MEMINFO) -> Mapping[str, int]:
    """Return the kB of each line (proc(5))."""
    lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines}
