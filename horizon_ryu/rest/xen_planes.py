"""The routers of a Xen host whose planes are separated (``…/{host}/planes``, report 2.2.4)."""

from __future__ import annotations

from typing import Any, Literal

from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.rest.document_model import answer_model
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import ASKING, HOST
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.protocol.documents import planes as bridge

_Port: Any = answer_model(bridge.PlanePort)


class PlanePortModel(_Port):
    """An interface of a router, and what has its packets in Domain 0 instead of it."""


_Plane: Any = answer_model(bridge.SeparatedPlane, nested={bridge.PlanePort: PlanePortModel})


class SeparatedPlaneModel(_Plane):
    """A router as Domain 0 has it; ``faults`` are told where they were asked for."""


class Planes(Model):
    """The separated routers of a host, by name."""

    planes: tuple[SeparatedPlaneModel, ...]


class PlanesQuery(Model):
    """``check=true`` has the host look whether its kernel has all that each router needs."""

    check: Literal["true", "false"] = optional()


class PlaneOperations:
    """Operation that tells of separated planes."""

    tag = TAG

    def __init__(self, hosts: XenHosts) -> None:
        self._hosts = hosts

    @operation("GET", "/v1/xen/hosts/{host}/planes", parameters={"host": HOST}, problems=ASKING)
    def read(self, call: Call, query: PlanesQuery) -> Planes:
        """List the routers whose planes are separated, with their routes, refusals and faults."""
        asked = bridge.ListPlanes(query.check == "true")
        told: bridge.PlaneList = self._hosts.ask(call.path["host"], asked)
        return Planes(planes=tuple(SeparatedPlaneModel.of(one) for one in told.planes))


def resources(hosts: XenHosts) -> list[Resource]:
    """Return the resource of separated planes."""
    return resources_of(PlaneOperations(hosts))
