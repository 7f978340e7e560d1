"""Domains, their scheduling and their life: what is asked, and what is answered.

A domain is named by its id, its name or its UUID. Memory is in kB. A weight is 1 to 65535; a cap
is percent of one physical CPU, 0 for none (report 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xen_bridge.protocol.forms import part

DOMAIN = r"[A-Za-z0-9][A-Za-z0-9_.+:-]{0,63}"
"""An id, a name or a UUID. No space, no slash, no leading dash: it becomes part of commands."""
NAME = r"[A-Za-z][A-Za-z0-9_.+-]{0,62}"
"""A name given to a new domain; it cannot be taken for an id."""
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"
PATH = r"/[A-Za-z0-9_./+:@-]{1,250}"
DEVICE_NAME = r"[A-Za-z0-9_.-]{1,15}"
BRIDGE_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}"
"""A bridge for a new domain: hotplug scripts get it as a word, and as part of a path in sysfs."""
MAX_CPUS = 4096

MIN_WEIGHT, MAX_WEIGHT = 1, 65_535

State = Literal["running", "paused", "shutdown", "shutoff", "crashed", "unknown"]
WantedState = Literal["running", "paused", "shutoff", "destroyed"]
"""shutoff asks the guest to shut down, destroyed does not ask."""


@dataclass(frozen=True, slots=True)
class VcpuPins:
    """Which physical CPUs a vCPU may run on, in order."""

    cpus: tuple[int, ...] = part(tag="Cpu", least=0, most=MAX_CPUS, at_least=1)


@dataclass(frozen=True, slots=True)
class Vcpus:
    """How many vCPUs a domain has now and may have (None: unknown), and where each may run."""

    current: int | None = part(None, least=0, most=MAX_CPUS)
    maximum: int | None = part(None, least=0, most=MAX_CPUS)
    affinity: tuple[VcpuPins, ...] = part(())


@dataclass(frozen=True, slots=True)
class SchedulerParameters:
    """The scheduler's kind and what it was told; None where it knows no such thing, or unknown."""

    kind: str | None = part(None)
    weight: int | None = part(None, least=0, most=MAX_WEIGHT)
    cap: int | None = part(None, least=0)


@dataclass(frozen=True, slots=True)
class DomainInterface:
    """A network interface of a domain; ``target`` is its end in Domain 0."""

    mac: str = part(pattern=MAC)
    bridge: str | None = part(None, pattern=DEVICE_NAME)
    target: str | None = part(None, pattern=DEVICE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One domain. ``id`` is None while it is not running.

    ``unknown`` names the fields that the host could not tell of it, which then have None (or
    nothing, or the state "unknown"); ``problems`` says why, and what else is wrong with it.
    """

    name: str = part(least=1)
    uuid: str = part(pattern=UUID)
    id: int | None = part(None, tag="Id", least=0)
    state: State = part()
    memory_kb: int | None = part(None, tag="MemoryKb", least=0)
    vcpus: Vcpus = part()
    scheduler: SchedulerParameters = part()
    cpu_time_s: float | None = part(None, tag="CpuTimeS", least=0)
    persistent: bool | None = part(None)
    interfaces: tuple[DomainInterface, ...] = part((), tag="Interface")
    unknown: tuple[str, ...] = part((), tag="Unknown")
    problems: tuple[str, ...] = part((), tag="Problem")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A physical host; ``capabilities`` are the names of what its back end can do.

    ``scheduler`` is None where it cannot be told.
    """

    name: str = part(least=1)
    hypervisor: str = part()
    version: str = part()
    scheduler: str | None = part(None)
    cpus: int = part(least=0)
    memory_kb: int = part(tag="MemoryKb", least=0)
    free_memory_kb: int = part(tag="FreeMemoryKb", least=0)
    capabilities: tuple[str, ...] = part((), tag="Capability")


# ---- asked


@dataclass(frozen=True, slots=True)
class GetNode:
    """Ask for the host and all its domains at once.

    Without ``affinity``, which costs a run of xl, it is cheap enough to be asked all the time.
    """

    affinity: bool = part(True)


@dataclass(frozen=True, slots=True)
class GetDomain:
    """Ask for one domain."""

    domain: str = part(pattern=DOMAIN)


@dataclass(frozen=True, slots=True)
class NewInterface:
    """An interface for a new domain."""

    bridge: str = part(pattern=BRIDGE_NAME)
    mac: str | None = part(None, pattern=MAC)


@dataclass(frozen=True, slots=True)
class NewDisk:
    """A disk for a new domain: a block device or image in Domain 0, and its name in the guest."""

    source: str = part(pattern=PATH)
    target: str = part(pattern=r"(xvd|hd|sd)[a-z]{1,2}")
    read_only: bool = part(False)


@dataclass(frozen=True, slots=True)
class CreateDomain:
    """Define a paravirtual domain and, unless told otherwise, start it."""

    name: str = part(pattern=NAME)
    uuid: str | None = part(None, pattern=UUID)
    memory_kb: int = part(131_072, tag="MemoryKb", least=4096, most=1 << 40)
    vcpus: int = part(1, least=1, most=MAX_CPUS)
    max_vcpus: int | None = part(None, least=1, most=MAX_CPUS)
    weight: int | None = part(None, least=MIN_WEIGHT, most=MAX_WEIGHT)
    cap: int | None = part(None, least=0)
    kernel: str | None = part(None, pattern=PATH)
    ramdisk: str | None = part(None, pattern=PATH)
    arguments: str | None = part(None, most=2000)
    interfaces: tuple[NewInterface, ...] = part((), tag="Interface")
    disks: tuple[NewDisk, ...] = part((), tag="Disk")
    start: bool = part(True)


@dataclass(frozen=True, slots=True)
class SetDomain:
    """Change a domain; what is None stays. ``affinity`` has one entry, or one per vCPU."""

    domain: str = part(pattern=DOMAIN)
    weight: int | None = part(None, least=MIN_WEIGHT, most=MAX_WEIGHT)
    cap: int | None = part(None, least=0)
    vcpus: int | None = part(None, least=1, most=MAX_CPUS)
    affinity: tuple[VcpuPins, ...] = part(())
    state: WantedState | None = part(None)


@dataclass(frozen=True, slots=True)
class DeleteDomain:
    """Destroy a domain if it runs, and forget it."""

    domain: str = part(pattern=DOMAIN)


@dataclass(frozen=True, slots=True)
class MigrateDomain:
    """Move a running domain to another host, given by its libvirt URI."""

    domain: str = part(pattern=DOMAIN)
    destination: str = part(pattern=r"[a-z+]{3,16}://[A-Za-z0-9_.:@/\[\]-]{0,200}")


@dataclass(frozen=True, slots=True)
class ListSchedulers:
    """Ask for the scheduling parameters of every running domain (``xm sched-credit``)."""


@dataclass(frozen=True, slots=True)
class ListVcpus:
    """Ask where every vCPU runs and may run (``xm vcpu-list``)."""


# ---- answered


@dataclass(frozen=True, slots=True)
class Node:
    """The host and all its domains."""

    host: Host = part()
    domains: tuple[Domain, ...] = part((), tag="Domain")


@dataclass(frozen=True, slots=True)
class DomainAnswer:
    """One domain, after what was asked has been done."""

    domain: Domain = part()


@dataclass(frozen=True, slots=True)
class DomainScheduling:
    """The scheduling parameters of one domain."""

    name: str = part()
    id: int = part(tag="Id", least=0)
    scheduler: SchedulerParameters = part()


@dataclass(frozen=True, slots=True)
class Schedulers:
    """The scheduling parameters of every running domain."""

    domains: tuple[DomainScheduling, ...] = part((), tag="Domain")


@dataclass(frozen=True, slots=True, kw_only=True)
class VcpuAssignment:
    """Where a vCPU runs (``cpu`` None: nowhere now), and where it may run; time in seconds."""

    domain: str = part()
    id: int = part(tag="Id", least=0)
    vcpu: int = part(least=0)
    cpu: int | None = part(None, least=0)
    state: str = part()
    time_s: float = part(tag="TimeS", least=0)
    affinity: tuple[int, ...] = part((), tag="Cpus", least=0)


@dataclass(frozen=True, slots=True)
class VcpuList:
    """Where every vCPU runs."""

    assignments: tuple[VcpuAssignment, ...] = part((), tag="Assignment")


@dataclass(frozen=True, slots=True)
class Done:
    """It is done; there is nothing to tell."""
