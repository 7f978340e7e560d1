"""Xen hosts and domains as clients see them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from horizon_ryu.http.problem import (
    HOST_AWAY,
    HOST_DEADLINE,
    HOST_FAILED,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    UNSUPPORTED,
    Kind,
)
from horizon_ryu.http.resource import PathParameter
from horizon_ryu.rest.model import Model, TimerSeconds, not_empty, optional
from xen_bridge.protocol.documents import domains as bridge
from xen_bridge.protocol.documents.domains import (
    DEVICE_NAME,
    DOMAIN,
    MAC,
    MAX_CPUS,
    MAX_WEIGHT,
    MIN_WEIGHT,
    NAME,
    PATH,
    UUID,
)
from xen_bridge.protocol.endpoint import URL

ASKING: tuple[Kind, ...] = (
    NOT_FOUND,
    HOST_FAILED,
    HOST_AWAY,
    LIMIT_EXCEEDED,
    UNSUPPORTED,
    HOST_DEADLINE,
)
"""What may go wrong when a host is asked."""

HOST_NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,62}"
HOST = PathParameter(f"^{HOST_NAME}$", "A registered Xen host")
DOMAIN_PARAMETER = PathParameter(f"^{DOMAIN}$", "A domain: its name, its UUID or its id")

HostName: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{HOST_NAME}$")]
Weight: TypeAlias = Annotated[int, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT)]
Cap: TypeAlias = Annotated[int, Field(ge=0, le=100 * MAX_CPUS, description="% of one CPU; 0: none")]
Count: TypeAlias = Annotated[int, Field(ge=1, le=MAX_CPUS)]
Cpu: TypeAlias = Annotated[int, Field(ge=0, le=MAX_CPUS)]
Cpus: TypeAlias = Annotated[tuple[Cpu, ...], Field(min_length=1)]
MacAddress: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{MAC}$")]
Path: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{PATH}$")]


# ---- hosts


class NewHost(Model):
    """A host to register: where its xen-bridge listens, and its key."""

    name: HostName
    url: Annotated[str, StringConstraints(max_length=300)] = Field(
        examples=["https://192.0.2.1:7443"], json_schema_extra={"pattern": f"^{URL}$"}
    )
    node_pk: Annotated[str, StringConstraints(min_length=40, max_length=200)] = Field(
        description="what xen-bridge keygen printed on the host"
    )


class Host(Model):
    """A registered host; what comes from the host itself is null while it is away."""

    name: HostName
    url: str
    node_pk: str
    state: Literal["unknown", "connected", "away"]
    reason: str
    hypervisor: str | None
    version: str | None
    scheduler: str | None
    cpus: int | None
    memory_kb: int | None
    free_memory_kb: int | None
    capabilities: tuple[str, ...]
    domains: int | None


class Hosts(Model):
    """All registered hosts, by name."""

    hosts: tuple[Host, ...]


class ControllerIdentity(Model):
    """The key that hosts must have in their lists (xen-bridge authorize)."""

    node_pk: str


class XenTimersModel(Model):
    """Seconds between two looks at a host, and after which a silent one counts as away."""

    poll_interval: TimerSeconds
    poll_deadline: TimerSeconds


class XenTimersPatch(Model):
    """The timers to be changed; the others stay."""

    poll_interval: TimerSeconds = optional()
    poll_deadline: TimerSeconds = optional()


# ---- domains


class Vcpus(Model):
    """How many vCPUs a domain has and may have, and where each may run."""

    current: int
    maximum: int
    affinity: tuple[tuple[int, ...], ...]


class Scheduler(Model):
    """The scheduler's kind, weight and cap; null where it knows no such thing."""

    kind: str
    weight: int | None
    cap: int | None


class Interface(Model):
    """An interface; ``target`` is its end in Domain 0."""

    mac: str
    bridge: str | None
    target: str | None


class Domain(Model):
    """A domain. ``id`` is null while it does not run; memory is in kB."""

    id: int | None
    name: str
    uuid: str
    state: Literal["running", "paused", "shutdown", "shutoff", "crashed", "unknown"]
    memory_kb: int
    vcpus: Vcpus
    scheduler: Scheduler
    cpu_time_s: float
    persistent: bool
    interfaces: tuple[Interface, ...]


class Domains(Model):
    """All domains of a host, running or not."""

    domains: tuple[Domain, ...]


class NewInterface(Model):
    """An interface for a new domain."""

    bridge: Annotated[str, StringConstraints(pattern=f"^{DEVICE_NAME}$")]
    mac: MacAddress = optional()


class NewDisk(Model):
    """A disk for a new domain: a device or an image in Domain 0, and its name in the guest."""

    source: Path
    target: Annotated[str, StringConstraints(pattern=r"^(xvd|hd|sd)[a-z]{1,2}$")]
    read_only: bool = False


class NewDomain(Model):
    """A paravirtual domain: defined and, unless told otherwise, started."""

    name: Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
    uuid: Annotated[str, StringConstraints(pattern=f"^{UUID}$")] = optional()
    memory_kb: Annotated[int, Field(ge=4096, le=1 << 40)] = 131_072
    vcpus: Count = 1
    max_vcpus: Count = optional()
    weight: Weight = optional()
    cap: Cap = optional()
    kernel: Path = optional()
    ramdisk: Path = optional()
    arguments: Annotated[str, StringConstraints(max_length=2000)] = optional()
    interfaces: Annotated[tuple[NewInterface, ...], Field(max_length=64)] = ()
    disks: Annotated[tuple[NewDisk, ...], Field(max_length=64)] = ()
    start: bool = True

    def request(self) -> bridge.CreateDomain:
        """Return what to ask the host for."""
        plain = self.model_dump(exclude={"interfaces", "disks"})
        return bridge.CreateDomain(
            **plain,
            interfaces=tuple(bridge.NewInterface(one.bridge, one.mac) for one in self.interfaces),
            disks=tuple(
                bridge.NewDisk(one.source, one.target, one.read_only) for one in self.disks
            ),
        )


class DomainChange(Model):
    """What to change of a domain; what is left out stays.

    ``affinity`` has the physical CPUs of each vCPU, or one entry for them all. ``shutoff`` asks
    the guest to shut down, ``destroyed`` does not ask.
    """

    model_config = ConfigDict(json_schema_extra=not_empty)

    weight: Weight = optional()
    cap: Cap = optional()
    vcpus: Count = optional()
    affinity: Annotated[tuple[Cpus, ...], Field(min_length=1, max_length=MAX_CPUS)] = optional()
    state: Literal["running", "paused", "shutoff", "destroyed"] = optional()

    def request(self, domain: str) -> bridge.SetDomain:
        """Return what to ask the host for."""
        pins = tuple(bridge.VcpuPins(cpus) for cpus in self.affinity or ())
        return bridge.SetDomain(domain, self.weight, self.cap, self.vcpus, pins, self.state)


def scheduler_model(told: bridge.SchedulerParameters) -> Scheduler:
    """Return scheduling parameters for an answer."""
    return Scheduler(kind=told.kind, weight=told.weight, cap=told.cap)


def domain_model(domain: bridge.Domain) -> Domain:
    """Return a domain for an answer."""
    vcpus = domain.vcpus
    return Domain(
        id=domain.id,
        name=domain.name,
        uuid=domain.uuid,
        state=domain.state,
        memory_kb=domain.memory_kb,
        vcpus=Vcpus(
            current=vcpus.current,
            maximum=vcpus.maximum,
            affinity=tuple(pins.cpus for pins in vcpus.affinity),
        ),
        scheduler=scheduler_model(domain.scheduler),
        cpu_time_s=domain.cpu_time_s,
        persistent=domain.persistent,
        interfaces=tuple(
            Interface(mac=one.mac, bridge=one.bridge, target=one.target)
            for one in domain.interfaces
        ),
    )


# ---- the tables of xm sched-credit and xm vcpu-list


class DomainScheduling(Model):
    """The scheduling parameters of one running domain."""

    name: str
    id: int
    scheduler: Scheduler


class Scheduling(Model):
    """The scheduling parameters of all running domains."""

    domains: tuple[DomainScheduling, ...]


class VcpuAssignment(Model):
    """Where a vCPU runs (``cpu`` null: nowhere now) and may run; time in seconds."""

    domain: str
    id: int
    vcpu: int
    cpu: int | None
    state: str
    time_s: float
    affinity: tuple[int, ...]


class VcpuAssignments(Model):
    """Where every vCPU of the running domains runs."""

    vcpus: tuple[VcpuAssignment, ...]
