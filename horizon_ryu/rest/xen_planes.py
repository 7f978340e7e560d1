"""The routers of a Xen host whose planes are separated (``…/{host}/planes``, report 2.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from horizon_ryu.core.errors import HorizonError
from horizon_ryu.http.problem import clean
from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.rest.document_model import answer_model
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import ASKING, HOST
from horizon_ryu.xen_hosts.hosts import XenHosts
from xen_bridge.planes.dead_times import DeadTime, warning
from xen_bridge.protocol.documents import planes as bridge
from xen_bridge.protocol.documents.dead_times import DeadTimesAnswer, GetDeadTimes

PauseOf = Callable[[str | None, str], float | None]
"""From a router's UUID, if that is known, and its name to seconds; None for no migration."""

_Port: Any = answer_model(bridge.PlanePort)


class PlanePortModel(_Port):
    """An interface of a router, and what has its packets in Domain 0 instead of it."""


_Plane: Any = answer_model(bridge.SeparatedPlane, nested={bridge.PlanePort: PlanePortModel})


class SessionModel(Model):
    """A session of a routing protocol: with whom, and the seconds of silence that end it."""

    protocol: str
    peer: str
    seconds: float


class RouterTimersModel(Model):
    """The dead times of a router's sessions, the shortest first, beside its last standstill.

    ``unknown`` says which could not be read, or why the agent did not tell. ``last_pause_s`` is how
    long its last migration had it stand still, null if it had none; ``warning`` says so where that
    would end a session, or nearly.
    """

    sessions: tuple[SessionModel, ...]
    unknown: tuple[str, ...]
    last_pause_s: float | None
    warning: str | None


class SeparatedPlaneModel(_Plane):
    """A router as Domain 0 has it; ``faults`` and ``timers`` are told where they were asked for."""

    timers: RouterTimersModel = optional()


_Tunnel: Any = answer_model(bridge.PlaneTunnel)


class PlaneTunnelModel(_Tunnel):
    """A host's end of the tunnel by which a bridge goes on at another host."""


class Planes(Model):
    """The separated routers of a host, by name, and the ends of tunnels that it has.

    ``strays`` is what its kernel has of such and nobody knows, where that was asked for.
    """

    planes: tuple[SeparatedPlaneModel, ...]
    tunnels: tuple[PlaneTunnelModel, ...]
    strays: tuple[str, ...]


class PlanesQuery(Model):
    """``check=true`` has the host look whether its kernel has all that each router needs.

    And each router's agent is asked for the dead times of its sessions.
    """

    check: Literal["true", "false"] = optional()


class PlaneOperations:
    """Operation that tells of separated planes."""

    tag = TAG

    def __init__(self, hosts: XenHosts, pause_of: PauseOf) -> None:
        """``pause_of`` tells how long the last migration of a router had it stand still."""
        self._hosts = hosts
        self._pause_of = pause_of

    @operation("GET", "/v1/xen/hosts/{host}/planes", parameters={"host": HOST}, problems=ASKING)
    def read(self, call: Call, query: PlanesQuery) -> Planes:
        """List the routers whose planes are separated, with their routes, refusals and faults."""
        host, is_checked = call.path["host"], query.check == "true"
        told: bridge.PlaneList = self._hosts.ask(host, bridge.ListPlanes(is_checked))
        found = []
        for plane in told.planes:
            more = {"timers": self._timers(host, plane)} if is_checked else {}
            found.append(SeparatedPlaneModel.of(plane, **more))
        tunnels = tuple(map(PlaneTunnelModel.of, told.tunnels))
        return Planes(planes=tuple(found), tunnels=tunnels, strays=told.strays)

    def _timers(self, host: str, plane: bridge.SeparatedPlane) -> RouterTimersModel:
        """Return the timers of a router; one whose agent does not answer is told of."""
        pause = self._pause_of(plane.uuid, plane.router)
        try:
            told: DeadTimesAnswer = self._hosts.ask(host, GetDeadTimes(), plane.router)
        except HorizonError as error:
            told = DeadTimesAnswer((), (str(error),))
        times = [DeadTime(one.protocol, one.peer, one.seconds) for one in told.times]
        return RouterTimersModel(
            sessions=tuple(
                SessionModel(protocol=one.protocol, peer=clean(one.peer), seconds=one.seconds)
                for one in times
            ),
            unknown=tuple(map(clean, told.unknown)),
            last_pause_s=pause,
            warning=warning(times, pause),
        )


def resources(hosts: XenHosts, pause_of: PauseOf) -> list[Resource]:
    """Return the resource of separated planes."""
    return resources_of(PlaneOperations(hosts, pause_of))
