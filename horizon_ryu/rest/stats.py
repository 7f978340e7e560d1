"""Statistics of switches (``/v1/stats``, report 3.3): what is there now, with its age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Protocol

from pydantic import StringConstraints
from webob import Response

from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.stats.samples import SwitchSamples
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.formats.stats_forms import JsonForm, XmlForm
from horizon_ryu.http.problem import NOT_FOUND
from horizon_ryu.http.resource import XML_TYPES, Call, PathParameter, Resource
from horizon_ryu.http.stream import streamed
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.timers import timers_resources
from horizon_ryu.switch_stats.report import Part, Writer

_TAG = "statistics"
PART = PathParameter(
    f"^({'|'.join(part.value for part in Part)})$",
    "A class: desc, ports, tables, aggregate or flows",
    Part,
)


class StatsProvider(Protocol):
    """Who has statistics: Stats."""

    def switches(self) -> Mapping[int, SwitchSamples]:
        """Return the samples by dpid."""

    def now(self) -> float:
        """Return the time of the samples' clock."""

    def rest(self) -> None:
        """Let other greenlets have their turns."""

    def timers(self) -> StatsTimers:
        """Return the timers in force."""

    def set_timers(self, timers: StatsTimers) -> None:
        """Put other timers in force."""


class StatsQuery(Model):
    """``rates=1`` adds rates, from the last two polls, to the ports."""

    rates: Annotated[str, StringConstraints(pattern="^[01]$")] = optional()


def resources(provider: StatsProvider) -> list[Resource]:
    """Return the resources of statistics."""

    def writer(call: Call) -> Writer:
        form = XmlForm() if call.media_type in XML_TYPES else JsonForm()
        rates = call.query(StatsQuery).rates == "1"
        return Writer(form, provider.now(), provider.timers(), rates)

    def everything(call: Call) -> Response:
        switches = provider.switches()
        known = tuple(switches[dpid] for dpid in sorted(switches))
        return _answer(call, provider, writer(call).everything(known))

    def one(call: Call) -> Response:
        is_xml = call.media_type in XML_TYPES
        texts = writer(call).one(_switch(provider, call), call.path.get("part"), is_xml)
        return _answer(call, provider, texts)

    return [
        Resource(
            method="GET",
            path="/v1/stats",
            handler=everything,
            summary="Tell the statistics of all switches",
            query=StatsQuery,
            streams=True,
            tag=_TAG,
        ),
        *timers_resources("/v1/stats/timers", provider, StatsTimers, _TAG),
        Resource(
            method="GET",
            path="/v1/stats/{dpid}",
            handler=one,
            problems=(NOT_FOUND,),
            summary="Tell the statistics of one switch",
            query=StatsQuery,
            streams=True,
            tag=_TAG,
        ),
        Resource(
            method="GET",
            path="/v1/stats/{dpid}/{part}",
            handler=one,
            parameters=MappingProxyType({"part": PART}),
            problems=(NOT_FOUND,),
            summary="Tell one class of statistics of one switch",
            query=StatsQuery,
            streams=True,
            tag=_TAG,
        ),
    ]


def _switch(provider: StatsProvider, call: Call) -> SwitchSamples:
    dpid = call.path["dpid"]
    found = provider.switches().get(dpid)
    if found is None:
        raise NotFound(f"switch {dpid_to_text(dpid)} is not connected")
    return found


def _answer(call: Call, provider: StatsProvider, texts: Iterable[str]) -> Response:
    return streamed(call.http, texts, call.media_type, provider.rest)
