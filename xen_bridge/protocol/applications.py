"""The one registry of applications: their ids, what each may be asked, what answers it.

The report gives the Measures Gatherer 4 (listing 2.1). Its listing 2.2 shows an answer from 1;
ours come from the application that was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.protocol.documents import (
    channel,
    dead_times,
    devices,
    domains,
    hello,
    measures,
    migration,
    migration_advise,
    neighborhood,
    planes,
    route_change,
    summary,
    topology,
)


class Application(IntEnum):
    """Value of ``<ApplicationId>``; Hello to Topology are the modules of the report's Fig. 2.1."""

    NONE = 0
    HELLO = 1
    ROUTE_CHANGE = 2
    MIGRATION = 3
    MEASURES = 4
    SCHEDULER = 5
    TOPOLOGY = 6
    DOMAINS = 7
    DEVICES = 8
    SUMMARY = 9
    PLANES = 10


Form = type[Any]
"""A class of :mod:`xen_bridge.protocol.documents`."""

UNASKED: Mapping[Application, tuple[Form, ...]] = MappingProxyType(
    {
        Application.HELLO: (hello.NodeHello,),
        Application.ROUTE_CHANGE: (route_change.RouteChange,),
    }
)
"""What a node may send unasked, in a channel's documents; each form is one application's."""

REQUESTS: Mapping[Application, Mapping[Form, Form]] = MappingProxyType(
    {
        **{
            application: {channel.ChannelMessages: channel.Acknowledgement}
            for application in UNASKED
        },
        Application.MIGRATION: {
            migration.MigrateDomain: migration.MigrationStatus,
            migration.GetMigration: migration.MigrationStatus,
            migration.ListMigrations: migration.MigrationList,
            migration.AbortMigration: migration.MigrationStatus,
            migration.GiveUpMigration: migration.MigrationStatus,
            migration_advise.PrepareIncoming: migration_advise.IncomingSite,
            migration_advise.AdviseMigration: migration_advise.IncomingStatus,
            migration_advise.AbortIncoming: migration_advise.IncomingStatus,
            migration_advise.OfferRoutes: domains.Done,
            migration_advise.OfferPlane: domains.Done,
            migration_advise.DeliverFrames: domains.Done,
        },
        Application.HELLO: {
            channel.ChannelMessages: channel.Acknowledgement,
            hello.RouterHello: hello.HelloAnswer,
        },
        Application.MEASURES: {measures.Measures: measures.MeasuresAnswer},
        Application.SCHEDULER: {
            domains.SetDomain: domains.DomainAnswer,
            domains.ListSchedulers: domains.Schedulers,
            domains.ListVcpus: domains.VcpuList,
        },
        Application.TOPOLOGY: {
            neighborhood.ScanNeighbors: neighborhood.Neighborhood,
            neighborhood.GetScanProgress: neighborhood.ScanProgress,
            topology.ConsolidateNode: topology.ConsolidatedNode,
        },
        Application.DOMAINS: {
            domains.GetNode: domains.Node,
            domains.GetDomain: domains.DomainAnswer,
            domains.CreateDomain: domains.DomainAnswer,
            domains.DeleteDomain: domains.Done,
        },
        Application.DEVICES: {
            devices.ListDevices: devices.Devices,
            devices.SetFunctions: devices.Devices,
            devices.SetQueues: devices.Devices,
            devices.SetDriver: devices.Devices,
            devices.AttachDevice: devices.Devices,
            devices.RemoveDevice: devices.Devices,
        },
        Application.SUMMARY: {summary.GetSummary: summary.Summary},
        Application.PLANES: {
            planes.ListPlanes: planes.PlaneList,
            dead_times.GetDeadTimes: dead_times.DeadTimesAnswer,
            dead_times.HoldSessions: dead_times.HeldSessions,
            dead_times.ReleaseSessions: dead_times.HeldSessions,
        },
    }
)
"""The requests of each application, each with the form of its answer."""

_ANSWERS: Mapping[Form, Form] = MappingProxyType(
    {request: answer for kinds in REQUESTS.values() for request, answer in kinds.items()}
)

RESPONSES: tuple[Form, ...] = tuple(
    dict.fromkeys(form for form in _ANSWERS.values() if form is not measures.MeasuresAnswer)
)
"""What an answer may hold, besides ``<MeasureToolResponse>`` elements."""


def application_of(body: object) -> Application:
    """Return the application that understands ``body``; KeyError if none does."""
    if isinstance(body, channel.ChannelMessages):
        return _application_of_messages(body)
    for application, kinds in REQUESTS.items():
        if type(body) in kinds:
            return application
    raise KeyError(type(body).__name__)


def _application_of_messages(body: channel.ChannelMessages) -> Application:
    for item in body.messages[:1]:
        return unasked_application_of(item.body)
    raise KeyError("messages of no application")


def unasked_application_of(body: object) -> Application:
    """Return the application whose nodes send ``body`` unasked; KeyError if none does."""
    for application, forms in UNASKED.items():
        if type(body) in forms:
            return application
    raise KeyError(type(body).__name__)


def check_unasked(application: int, body: object) -> None:
    """Raise InvalidRequest if a channel's document holds what another application sends."""
    if isinstance(body, channel.ChannelMessages):
        for item in body.messages:
            if unasked_application_of(item.body) != application:
                kind = type(item.body).__name__
                raise InvalidRequest(
                    ("Message", "Body"), f"application {application} has no {kind}"
                )


def check_answer(request: object, answer: Any) -> Any:
    """Return ``answer`` if it is of the form that answers ``request``, else raise BridgeError.

    A node may be of another version, or not be what it says.
    """
    if not isinstance(answer, _ANSWERS[type(request)]):
        raise BridgeError(f"answers {type(request).__name__} with {type(answer).__name__}")
    return answer
