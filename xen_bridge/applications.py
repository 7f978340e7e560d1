"""The one registry of applications: their ids, what each may be asked, what it answers.

The report gives the Measures Gatherer 4 (listing 2.1). Its listing 2.2 shows an answer from 1;
ours come from the application that was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from xen_bridge.documents import devices, domains, measures, summary


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


REQUESTS: Mapping[Application, tuple[type[Any], ...]] = MappingProxyType(
    {
        Application.MIGRATION: (domains.MigrateDomain,),
        Application.MEASURES: (measures.Measures,),
        Application.SCHEDULER: (domains.SetDomain, domains.ListSchedulers, domains.ListVcpus),
        Application.DOMAINS: (
            domains.GetNode,
            domains.GetDomain,
            domains.CreateDomain,
            domains.DeleteDomain,
        ),
        Application.DEVICES: (
            devices.ListDevices,
            devices.SetFunctions,
            devices.SetQueues,
            devices.SetDriver,
            devices.AttachDevice,
            devices.RemoveDevice,
        ),
        Application.SUMMARY: (summary.GetSummary,),
    }
)

RESPONSES: tuple[type[Any], ...] = (
    domains.Node,
    domains.DomainAnswer,
    domains.Schedulers,
    domains.VcpuList,
    domains.Done,
    devices.Devices,
    summary.Summary,
)
"""What an answer may hold, besides ``<MeasureToolResponse>`` elements."""


def application_of(body: object) -> Application:
    """Return the application that understands ``body``; KeyError if none does."""
    for application, kinds in REQUESTS.items():
        if isinstance(body, kinds):
            return application
    raise KeyError(type(body).__name__)
