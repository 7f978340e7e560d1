"""The domains of a Xen host: instantiate, delete, monitor, set."""

from __future__ import annotations

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.problem import CONFLICT, HOST_FORBIDS
from horizon_ryu.http.resource import Answer, Call, Resource
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import (
    ASKING,
    DOMAIN_PARAMETER,
    HOST,
    Domain,
    DomainChange,
    Domains,
    NewDomain,
)
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.protocol.documents.domains import DeleteDomain, GetDomain, GetNode

_COLLECTION = "/v1/xen/hosts/{host}/domains"
_MEMBER = "/v1/xen/hosts/{host}/domains/{domain}"
_ONE = {"host": HOST, "domain": DOMAIN_PARAMETER}


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resources of domains."""
    return [*_monitoring(hosts), _instantiating(hosts), _setting(hosts), _deleting(hosts)]


def _monitoring(hosts: XenHosts) -> list[Resource]:
    def list_all(call: Call) -> Domains:
        node = hosts.ask(call.path["host"], GetNode())
        return Domains(domains=tuple(Domain.of(one) for one in node.domains))

    def read(call: Call) -> Domain:
        told = hosts.ask(call.path["host"], GetDomain(call.path["domain"]))
        found: Domain = Domain.of(told.domain)
        return found

    return [
        Resource(
            method="GET",
            path=_COLLECTION,
            handler=list_all,
            response=Domains,
            parameters={"host": HOST},
            problems=ASKING,
            summary="List the domains of a Xen host, running or not",
            tag=TAG,
        ),
        Resource(
            method="GET",
            path=_MEMBER,
            handler=read,
            response=Domain,
            parameters=_ONE,
            problems=ASKING,
            summary="Read one domain",
            tag=TAG,
        ),
    ]


def _instantiating(hosts: XenHosts) -> Resource:
    def create(call: Call) -> Answer[Domain]:
        name, wanted = call.path["host"], call.body(NewDomain)
        with hosts.progress(name, wanted.name, "create"):
            made = hosts.change(name, wanted.document(), hosts.options.create_deadline).domain
        location = _MEMBER.format(host=name, domain=made.name)
        return Answer(Domain.of(made), {"Location": location})

    return Resource(
        method="POST",
        path=_COLLECTION,
        handler=create,
        request=NewDomain,
        response=Domain,
        parameters={"host": HOST},
        status=201,
        problems=(CONFLICT, HOST_FORBIDS, *ASKING),
        summary="Instantiate a domain",
        tag=TAG,
    )


def _setting(hosts: XenHosts) -> Resource:
    def change(call: Call) -> Domain:
        wanted = call.body(DomainChange)
        if not wanted.model_fields_set:
            raise InvalidInput(("body",), "names nothing to change")
        name, domain = call.path["host"], call.path["domain"]
        with hosts.progress(name, domain, "set"):
            told = hosts.change(name, wanted.document(domain=domain), hosts.options.create_deadline)
        found: Domain = Domain.of(told.domain)
        return found

    return Resource(
        method="PATCH",
        path=_MEMBER,
        handler=change,
        request=DomainChange,
        response=Domain,
        parameters=_ONE,
        problems=(CONFLICT, *ASKING),
        summary="Set a domain's weight, cap, vCPUs, affinity or state",
        tag=TAG,
    )


def _deleting(hosts: XenHosts) -> Resource:
    def delete(call: Call) -> None:
        name, domain = call.path["host"], call.path["domain"]
        with hosts.progress(name, domain, "delete"):
            hosts.change(name, DeleteDomain(domain), hosts.options.create_deadline)

    return Resource(
        method="DELETE",
        path=_MEMBER,
        handler=delete,
        parameters=_ONE,
        status=204,
        problems=(CONFLICT, *ASKING),
        summary="End a domain and forget it",
        tag=TAG,
    )
