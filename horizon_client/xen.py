"""Requests for Xen hosts and the virtual routers (domains) on them.

:func:`horizon_client.migrations.migrate_router` moves a router.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from horizon_client.api_path import ApiPath, api_path
from horizon_client.api_request import (
    ApiRequest,
    api_request,
    as_model,
    as_nothing,
)
from horizon_ryu.rest.xen_devices import DevicesModel
from horizon_ryu.rest.xen_measures import MeasureAnswer
from horizon_ryu.rest.xen_models import (
    ControllerIdentity,
    DomainModel,
    Domains,
    Hosts,
    Scheduling,
    VcpuAssignments,
    XenHostModel,
)
from horizon_ryu.rest.xen_planes import Planes
from horizon_ryu.rest.xen_topology import XenTopologyModel

LONG = 240.0
"""Seconds for what a host may take its time for."""


def identity() -> ApiRequest[ControllerIdentity]:
    """Ask for the key that hosts must have in their lists."""
    return api_request("GET", api_path("v1", "xen", "identity"), as_model(ControllerIdentity))


def hosts() -> ApiRequest[Hosts]:
    """Ask for the registered hosts."""
    return api_request("GET", _path(), as_model(Hosts))


def register(name: str, url: str, node_pk: str) -> ApiRequest[XenHostModel]:
    """Register the host whose xen-bridge listens at ``url`` and has that key."""
    body = {"name": name, "url": url, "node_pk": node_pk}
    return api_request("POST", _path(), as_model(XenHostModel), body)


def forget(host: str) -> ApiRequest[None]:
    """Forget a host; its domains go on."""
    return api_request("DELETE", _path(host), as_nothing)


def domains(host: str) -> ApiRequest[Domains]:
    """Ask for the domains of a host, running or not."""
    return api_request("GET", _path(host, "domains"), as_model(Domains), seconds=LONG)


def domain(host: str, name: str) -> ApiRequest[DomainModel]:
    """Ask for one, by its name, its UUID or its id."""
    return api_request("GET", _path(host, "domains", name), as_model(DomainModel), seconds=LONG)


def create(host: str, body: Mapping[str, Any]) -> ApiRequest[DomainModel]:
    """Instantiate a domain, as ``/v1/openapi.json`` (NewDomain) has it."""
    path = _path(host, "domains")
    return api_request("POST", path, as_model(DomainModel), body, seconds=LONG)


def change(host: str, name: str, **what: Any) -> ApiRequest[DomainModel]:
    """Set ``weight``, ``cap``, ``vcpus``, ``affinity``, ``state`` and others of a domain."""
    path = _path(host, "domains", name)
    return api_request("PATCH", path, as_model(DomainModel), what, seconds=LONG)


def end(host: str, name: str) -> ApiRequest[None]:
    """End a domain and forget it."""
    return api_request("DELETE", _path(host, "domains", name), as_nothing, seconds=LONG)


def scheduling(host: str) -> ApiRequest[Scheduling]:
    """Ask for weight and cap of the running domains."""
    return api_request("GET", _path(host, "scheduler"), as_model(Scheduling), seconds=LONG)


def vcpus(host: str) -> ApiRequest[VcpuAssignments]:
    """Ask where every vCPU runs, and may run."""
    return api_request("GET", _path(host, "vcpus"), as_model(VcpuAssignments), seconds=LONG)


def devices(host: str) -> ApiRequest[DevicesModel]:
    """Ask for the devices that domains may be given."""
    return api_request("GET", _path(host, "devices"), as_model(DevicesModel), seconds=LONG)


def planes(host: str, check: bool = False) -> ApiRequest[Planes]:
    """Ask for the routers whose planes are separated; ``check`` has the host look for faults."""
    asked = "true" if check else None
    return api_request("GET", _path(host, "planes"), as_model(Planes), seconds=LONG, check=asked)


def measure(
    host: str, gatherers: Mapping[str, Any], domain: str | None = None, seconds: float = LONG
) -> ApiRequest[MeasureAnswer]:
    """Measure a host, or a virtual router from inside: ``{"memory": {}}`` and others."""
    body = {"gatherers": dict(gatherers)} | ({} if domain is None else {"domain": domain})
    path = _path(host, "measures")
    return api_request("POST", path, as_model(MeasureAnswer), body, seconds=seconds)


def topology(max_age: int | None = None, wide: bool = False) -> ApiRequest[XenTopologyModel]:
    """Ask who is beside whom: the physical network of hosts, and every virtual one.

    ``max_age`` is how old it may be in seconds; ``wide`` scans ranges of more than a /20 too.
    """
    return api_request(
        "GET",
        api_path("v1", "xen", "topology"),
        as_model(XenTopologyModel),
        seconds=LONG,
        max_age=max_age,
        wide="true" if wide else None,
    )


def _path(*segments: str) -> ApiPath:
    return api_path("v1", "xen", "hosts", *segments)
