"""The registry of Xen hosts, and what each tells of all its domains (``/v1/xen/hosts``)."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.timers import XenTimers
from horizon_ryu.http.problem import CONFLICT, LIMIT_EXCEEDED, NOT_FOUND, STORE_FAILED
from horizon_ryu.http.resource import Answer, Call, Resource
from horizon_ryu.rest.timers import TimersProvider, timers_resources
from horizon_ryu.rest.xen_models import (
    ASKING,
    HOST,
    ControllerIdentity,
    DomainScheduling,
    Host,
    Hosts,
    NewHost,
    Scheduling,
    VcpuAssignment,
    VcpuAssignments,
)
from horizon_ryu.xen_hosts.hosts import XenHosts
from horizon_ryu.xen_hosts.remote_host import RemoteHost
from xen_bridge.protocol.documents.domains import ListSchedulers, ListVcpus

TAG = "xen"
_COLLECTION, _MEMBER = "/v1/xen/hosts", "/v1/xen/hosts/{host}"


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resources of the registered hosts."""

    def list_all(_call: Call) -> Hosts:
        found = sorted(hosts.hosts().items())
        return Hosts(hosts=tuple(host_model(host) for _name, host in found))

    def create(call: Call) -> Answer[Host]:
        wanted = call.body(NewHost)
        host = hosts.add(wanted.name, wanted.url, wanted.node_pk)
        return Answer(host_model(host), {"Location": f"{_COLLECTION}/{host.name}"})

    def read(call: Call) -> Host:
        return host_model(hosts.host(call.path["host"]))

    def delete(call: Call) -> None:
        hosts.remove(call.path["host"])

    return [
        _get(_COLLECTION, list_all, Hosts, "List the registered Xen hosts", ()),
        Resource(
            method="POST",
            path=_COLLECTION,
            handler=create,
            request=NewHost,
            response=Host,
            status=201,
            problems=(CONFLICT, LIMIT_EXCEEDED, STORE_FAILED),
            summary="Register a Xen host",
            tag=TAG,
        ),
        _get(_MEMBER, read, Host, "Read one registered Xen host", (NOT_FOUND,)),
        Resource(
            method="DELETE",
            path=_MEMBER,
            handler=delete,
            parameters={"host": HOST},
            status=204,
            problems=(NOT_FOUND, STORE_FAILED),
            summary="Forget a Xen host; its domains go on",
            tag=TAG,
        ),
        *_tables(hosts),
    ]


def _tables(hosts: XenHosts) -> list[Resource]:
    def scheduler(call: Call) -> Scheduling:
        told = hosts.ask(call.path["host"], ListSchedulers())
        return Scheduling(domains=tuple(DomainScheduling.of(one) for one in told.domains))

    def vcpus(call: Call) -> VcpuAssignments:
        told = hosts.ask(call.path["host"], ListVcpus())
        return VcpuAssignments(vcpus=tuple(VcpuAssignment.of(one) for one in told.assignments))

    return [
        _get(
            f"{_MEMBER}/scheduler",
            scheduler,
            Scheduling,
            "Tell weight and cap of all running domains",
            ASKING,
        ),
        _get(f"{_MEMBER}/vcpus", vcpus, VcpuAssignments, "Tell where every vCPU runs", ASKING),
    ]


def _get(path: str, handler: Any, response: Any, summary: str, problems: Any) -> Resource:
    return Resource(
        method="GET",
        path=path,
        handler=handler,
        response=response,
        parameters={"host": HOST} if "{host}" in path else {},
        problems=problems,
        summary=summary,
        tag=TAG,
    )


def timer_resources(provider: TimersProvider[XenTimers]) -> list[Resource]:
    """Return the resource of the timers that hosts are looked at by."""
    return timers_resources("/v1/xen/timers", provider, XenTimers, TAG)


def identity_resources(node_pk: str) -> list[Resource]:
    """Return the resource that tells the controller's own key."""

    def read(_call: Call) -> ControllerIdentity:
        return ControllerIdentity(node_pk=node_pk)

    text = "Tell the key that hosts must authorize (xen-bridge authorize)"
    return [_get("/v1/xen/identity", read, ControllerIdentity, text, ())]


def host_model(host: RemoteHost) -> Host:
    """Return a host for an answer."""
    known = host.status
    about = known.node.host if known.node is not None else None
    return Host(
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
        domains=len(known.node.domains) if known.node else None,
    )
