"""The registry of Xen hosts, and what each tells of all its domains (``/v1/xen/hosts``)."""

from __future__ import annotations

from types import MappingProxyType

from horizon_ryu.core.timers import XenTimers
from horizon_ryu.http.problem import CONFLICT, LIMIT_EXCEEDED, NOT_FOUND, STORE_WRITE, clean
from horizon_ryu.http.resource import Answer, Call, Resource, operation, resources_of
from horizon_ryu.rest.timers import TimersProvider, timers_resources
from horizon_ryu.rest.xen_models import (
    ASKING,
    HOST,
    ControllerIdentity,
    DomainSchedulingModel,
    Hosts,
    NewHost,
    Scheduling,
    VcpuAssignmentModel,
    VcpuAssignments,
    XenHostModel,
)
from horizon_ryu.xen_hosts.hosts import XenHosts
from horizon_ryu.xen_hosts.remote_host import RemoteHost
from xen_bridge.protocol.documents.domains import ListSchedulers, ListVcpus

TAG = "xen"
_COLLECTION, _MEMBER = "/v1/xen/hosts", "/v1/xen/hosts/{host}"
_HOST = MappingProxyType({"host": HOST})


class HostOperations:
    """Operations on the registered hosts, and on what each tells of all its domains."""

    tag = TAG

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    @operation("GET", _COLLECTION)
    def list_all(self, _call: Call) -> Hosts:
        """List the registered Xen hosts."""
        found = sorted(self._hosts.hosts().items())
        return Hosts(hosts=tuple(host_model(host) for _name, host in found))

    @operation("POST", _COLLECTION, status=201, problems=(CONFLICT, LIMIT_EXCEEDED, *STORE_WRITE))
    def create(self, _call: Call, body: NewHost) -> Answer[XenHostModel]:
        """Register a Xen host."""
        host = self._hosts.add(body.name, body.url, body.node_pk)
        return Answer(host_model(host), {"Location": f"{_COLLECTION}/{host.name}"})

    @operation("GET", _MEMBER, parameters=_HOST, problems=(NOT_FOUND,))
    def read(self, call: Call) -> XenHostModel:
        """Read one registered Xen host."""
        return host_model(self._hosts.host(call.path["host"]))

    @operation("DELETE", _MEMBER, parameters=_HOST, problems=(NOT_FOUND, *STORE_WRITE))
    def delete(self, call: Call) -> None:
        """Forget a Xen host; its domains go on."""
        self._hosts.remove(call.path["host"])

    @operation("GET", f"{_MEMBER}/scheduler", parameters=_HOST, problems=ASKING)
    def scheduler(self, call: Call) -> Scheduling:
        """Tell weight and cap of all running domains."""
        told = self._hosts.ask(call.path["host"], ListSchedulers())
        return Scheduling(domains=tuple(DomainSchedulingModel.of(one) for one in told.domains))

    @operation("GET", f"{_MEMBER}/vcpus", parameters=_HOST, problems=ASKING)
    def vcpus(self, call: Call) -> VcpuAssignments:
        """Tell where every vCPU runs."""
        told = self._hosts.ask(call.path["host"], ListVcpus())
        return VcpuAssignments(vcpus=tuple(VcpuAssignmentModel.of(one) for one in told.assignments))


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resources of the registered hosts."""
    return resources_of(HostOperations(hosts))


def timer_resources(provider: TimersProvider[XenTimers]) -> list[Resource]:
    """Return the resource of the timers that hosts are looked at by."""
    return timers_resources("/v1/xen/timers", provider, XenTimers, TAG)


class IdentityOperations:
    """Operation that tells the controller's own key."""

    tag = TAG

    def __init__(self, node_pk: str) -> None:
        self._node_pk = node_pk

    @operation("GET", "/v1/xen/identity")
    def read(self, _call: Call) -> ControllerIdentity:
        """Tell the key that hosts must authorize (xen-bridge authorize)."""
        return ControllerIdentity(node_pk=self._node_pk)


def identity_resources(node_pk: str) -> list[Resource]:
    """Return the resource that tells the controller's own key."""
    return resources_of(IdentityOperations(node_pk))


def host_model(host: RemoteHost) -> XenHostModel:
    """Return a host for an answer."""
    known = host.status
    about = known.node.host if known.node is not None else None
    return XenHostModel(
        name=host.name,
        url=host.url,
        node_pk=host.node_pk,
        state=known.state,
        reason=known.reason,
        hypervisor=about.hypervisor if about else None,
        version=about.version if about else None,
        scheduler=about.scheduler if about else None,
        cpus=about.cpus if about else None,
        memory_kb=about.memory_kb if about else None,
        free_memory_kb=about.free_memory_kb if about else None,
        capabilities=about.capabilities if about else (),
        silent_routers=tuple(map(clean, about.silent_routers)) if about else (),
        planes_problem=clean(about.planes_problem) if about and about.planes_problem else None,
        domains=len(known.node.domains) if known.node else None,
    )
