"""Xen hosts and domains as clients see them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from horizon_ryu.core.given_names import XEN_HOST_NAME
from horizon_ryu.http.problem import (
    HOST_AWAY,
    HOST_DEADLINE,
    HOST_FAILED,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    UNSUPPORTED,
    ProblemType,
)
from horizon_ryu.http.resource import PathParameter
from horizon_ryu.rest.document_model import answer_model, request_model
from horizon_ryu.rest.model import Model, not_empty, optional
from xen_bridge.protocol.documents import domains as bridge
from xen_bridge.protocol.documents.domains import (
    DOMAIN,
    MAC,
    MAX_CPUS,
)
from xen_bridge.protocol.endpoint import URL

ASKING: tuple[ProblemType, ...] = (
    NOT_FOUND,
    HOST_FAILED,
    HOST_AWAY,
    LIMIT_EXCEEDED,
    UNSUPPORTED,
    HOST_DEADLINE,
)
"""What may go wrong when a host is asked."""

HOST_NAME = XEN_HOST_NAME
HOST = PathParameter(f"^{HOST_NAME}$", "A registered Xen host")
DOMAIN_PARAMETER = PathParameter(f"^{DOMAIN}$", "A domain: its name, its UUID or its id")

HostName: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{HOST_NAME}$")]
Cap: TypeAlias = Annotated[int, Field(ge=0, le=100 * MAX_CPUS, description="% of one CPU; 0: none")]
Cpu: TypeAlias = Annotated[int, Field(ge=0, le=MAX_CPUS)]
Cpus: TypeAlias = Annotated[tuple[Cpu, ...], Field(min_length=1)]
MacAddress: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{MAC}$")]


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


class XenHostModel(Model):
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
    planes_problem: str | None
    silent_routers: tuple[str, ...] = Field(
        description="separated routers whose agents have said nothing for long"
    )
    domains: int | None


class Hosts(Model):
    """All registered hosts, by name."""

    hosts: tuple[XenHostModel, ...]


class ControllerIdentity(Model):
    """The key that hosts must have in their lists (xen-bridge authorize)."""

    node_pk: str


# ---- domains

_Vcpus: Any = answer_model(bridge.Vcpus)
_Scheduler: Any = answer_model(bridge.SchedulerParameters)
_Interface: Any = answer_model(bridge.DomainInterface)


class VcpusModel(_Vcpus):
    """How many vCPUs a domain has and may have (null: unknown), and where each may run."""


class Scheduler(_Scheduler):
    """The scheduler's kind, weight and cap; null where it knows no such thing, or unknown."""


class Interface(_Interface):
    """An interface; ``target`` is its end in Domain 0."""


_Domain: Any = answer_model(
    bridge.Domain,
    first=("id",),
    nested={
        bridge.Vcpus: VcpusModel,
        bridge.SchedulerParameters: Scheduler,
        bridge.DomainInterface: Interface,
    },
)


class DomainModel(_Domain):
    """A domain. ``id`` is null while it does not run; memory is in kB.

    ``unknown`` names what its host could not read of it, which is null then; ``problems`` says
    why, and what else is wrong with it.
    """

    interfaces: tuple[Interface, ...] | None

    @classmethod
    def of(cls, document: bridge.Domain, **instead: Any) -> Any:
        """Return the model of a domain; a list that nobody could read is null, not empty."""
        if "interfaces" in document.unknown:
            instead.setdefault("interfaces", None)
        return super().of(document, **instead)


class Domains(Model):
    """All domains of a host, running or not."""

    domains: tuple[DomainModel, ...]


_NewInterface: Any = request_model(bridge.NewInterface)
_NewDisk: Any = request_model(bridge.NewDisk)
_NewRoute: Any = request_model(bridge.NewRoute)


class NewInterfaceModel(_NewInterface):
    """An interface for a new domain."""


class NewDiskModel(_NewDisk):
    """A disk for a new domain: a device or an image in Domain 0, and its name in the guest."""


class NewRouteModel(_NewRoute):
    """A static route of a new domain."""


_NewDomain: Any = request_model(
    bridge.CreateDomain,
    nested={
        bridge.NewInterface: NewInterfaceModel,
        bridge.NewDisk: NewDiskModel,
        bridge.NewRoute: NewRouteModel,
    },
)


class NewDomain(_NewDomain):
    """A paravirtual domain: defined and, unless told otherwise, started.

    Addresses of interfaces, ``routes``, ``daemons`` of FRR and their ``configuration`` are for
    hosts with the capability router_setup; elsewhere a guest sets up itself what is inside.
    """

    cap: Cap = optional()
    interfaces: Annotated[tuple[NewInterfaceModel, ...], Field(max_length=64)] = ()
    disks: Annotated[tuple[NewDiskModel, ...], Field(max_length=64)] = ()


_DomainChange: Any = request_model(bridge.SetDomain, leave_out=("domain",))


class DomainPatch(_DomainChange):
    """What to change of a domain; what is left out stays.

    ``affinity`` has the physical CPUs of each vCPU, or one entry for them all. ``shutoff`` asks
    the guest to shut down, ``destroyed`` does not ask.
    """

    model_config = ConfigDict(json_schema_extra=not_empty)

    cap: Cap = optional()
    affinity: Annotated[tuple[Cpus, ...], Field(min_length=1, max_length=MAX_CPUS)] = optional()


# ---- the tables of xm sched-credit and xm vcpu-list

_DomainScheduling: Any = answer_model(
    bridge.DomainScheduling, nested={bridge.SchedulerParameters: Scheduler}
)
_VcpuAssignment: Any = answer_model(bridge.VcpuAssignment)


class DomainSchedulingModel(_DomainScheduling):
    """The scheduling parameters of one running domain."""


class Scheduling(Model):
    """The scheduling parameters of all running domains."""

    domains: tuple[DomainSchedulingModel, ...]


class VcpuAssignmentModel(_VcpuAssignment):
    """Where a vCPU runs (``cpu`` null: nowhere now) and may run; time in seconds."""


class VcpuAssignments(Model):
    """Where every vCPU of the running domains runs."""

    vcpus: tuple[VcpuAssignmentModel, ...]
