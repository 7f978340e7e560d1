"""The domains of a Xen host: instantiate, delete, monitor, set."""

from __future__ import annotations

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.problem import CONFLICT, HOST_FORBIDS
from horizon_ryu.http.resource import Answer, Call, Resource, operation, resources_of
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import (
    ASKING,
    DOMAIN_PARAMETER,
    HOST,
    DomainModel,
    DomainPatch,
    Domains,
    NewDomain,
)
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.protocol.documents.domains import DeleteDomain, GetDomain, GetNode

_COLLECTION = "/v1/xen/hosts/{host}/domains"
_MEMBER = "/v1/xen/hosts/{host}/domains/{domain}"
_HOST = {"host": HOST}
_ONE = {"host": HOST, "domain": DOMAIN_PARAMETER}


class DomainOperations:
    """Operations on the domains of Xen hosts."""

    tag = TAG

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    @operation("GET", _COLLECTION, parameters=_HOST, problems=ASKING)
    def list_all(self, call: Call) -> Domains:
        """List the domains of a Xen host, running or not."""
        node = self._hosts.ask(call.path["host"], GetNode())
        return Domains(domains=tuple(DomainModel.of(one) for one in node.domains))

    @operation("GET", _MEMBER, parameters=_ONE, problems=ASKING)
    def read(self, call: Call) -> DomainModel:
        """Read one domain."""
        told = self._hosts.ask(call.path["host"], GetDomain(call.path["domain"]))
        found: DomainModel = DomainModel.of(told.domain)
        return found

    @operation(
        "POST",
        _COLLECTION,
        parameters=_HOST,
        status=201,
        problems=(CONFLICT, HOST_FORBIDS, *ASKING),
    )
    def create(self, call: Call, body: NewDomain) -> Answer[DomainModel]:
        """Instantiate a domain."""
        name, deadline = call.path["host"], self._hosts.options.create_deadline
        with self._hosts.progress(name, body.name, "create"):
            made = self._hosts.change(name, body.document(), deadline).domain
        location = _MEMBER.format(host=name, domain=made.name)
        return Answer(DomainModel.of(made), {"Location": location})

    @operation("PATCH", _MEMBER, parameters=_ONE, problems=(CONFLICT, *ASKING))
    def change(self, call: Call, body: DomainPatch) -> DomainModel:
        """Set a domain's weight, cap, vCPUs, affinity or state."""
        if not body.model_fields_set:
            raise InvalidInput(("body",), "names nothing to change")
        name, domain = call.path["host"], call.path["domain"]
        deadline = self._hosts.options.create_deadline
        with self._hosts.progress(name, domain, "set"):
            told = self._hosts.change(name, body.document(domain=domain), deadline)
        found: DomainModel = DomainModel.of(told.domain)
        return found

    @operation("DELETE", _MEMBER, parameters=_ONE, problems=(CONFLICT, *ASKING))
    def delete(self, call: Call) -> None:
        """End a domain and forget it."""
        name, domain = call.path["host"], call.path["domain"]
        with self._hosts.progress(name, domain, "delete"):
            self._hosts.change(name, DeleteDomain(domain), self._hosts.options.create_deadline)


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resources of domains."""
    return resources_of(DomainOperations(hosts))
