"""Ports of a separated router, as its registry and the hypervisor of one host know them."""

from __future__ import annotations

from xen_bridge.errors import RequestConflict
from xen_bridge.migration.plane_chains import port_of
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.protocol.documents.domains import Domain
from xen_bridge.protocol.documents.planes import SeparatedPlane
from xen_bridge.separation.registry import SeparatedRouters


def plane_of(routers: SeparatedRouters, uuid: str) -> SeparatedPlane | None:
    """Return the separated planes of a domain; None if it has none here."""
    found = [one for one in routers.view() if one.uuid == uuid and one.ports]
    return found[0] if found else None


def stands_on(plane: SeparatedPlane | None) -> tuple[str, ...]:
    """Return the interfaces of Domain 0 that planes stand on, each once; none if there is none."""
    return () if plane is None else tuple(dict.fromkeys(one.physical for one in plane.ports))


def plan_of(plane: SeparatedPlane) -> DataPlanePlan:
    """Return the plan of planes that are separated."""
    ports = (port_of(one.mac, one.physical, one.addresses, one.vif) for one in plane.ports)
    return DataPlanePlan(plane.slot or 0, tuple(ports))


def bound_to(plane: SeparatedPlane, domain: Domain) -> tuple[RouterPort, ...]:
    """Return its ports with the virtual interfaces that its domain has here.

    Raises RequestConflict where it has not all of them.
    """
    targets = {one.mac: one.target for one in domain.interfaces if one.target}
    missing = [one.mac for one in plane.ports if one.mac not in targets]
    if missing:
        raise RequestConflict(f"{domain.name} has no interface {', '.join(missing)} here")
    return tuple(
        port_of(one.mac, one.physical, one.addresses, targets[one.mac] or "") for one in plane.ports
    )
