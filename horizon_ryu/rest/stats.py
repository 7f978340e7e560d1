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
from horizon_ryu.http.kept_answers import Aside, here
from horizon_ryu.http.problem import NOT_FOUND
from horizon_ryu.http.resource import (
    XML_TYPES,
    Call,
    PathParameter,
    Resource,
    operation,
    resources_of,
)
from horizon_ryu.http.stream import streamed
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.timers import TimersProvider, timers_resources
from horizon_ryu.switch_stats.report import StatsDocument, StatsSection
from horizon_ryu.switch_stats.section_texts import SectionTexts

PART = PathParameter(
    f"^({'|'.join(part.value for part in StatsSection)})$",
    "A class: desc, ports, tables, aggregate or flows",
    StatsSection,
)


class StatsProvider(TimersProvider[StatsTimers], Protocol):
    """Who has statistics: Stats."""

    def switches(self) -> Mapping[int, SwitchSamples]:
        """Return the samples by dpid."""

    def now(self) -> float:
        """Return the time of the samples' clock."""

    def rest(self) -> None:
        """Let other tasks have their turns."""


class StatsQuery(Model):
    """``rates=1`` adds rates, from the last two polls, to the ports."""

    rates: Annotated[str, StringConstraints(pattern="^[01]$")] = optional(
        description="1 for rates beside the counters, or 0"
    )


class StatsOperations:
    """Operations on statistics; each answer is written while it is sent."""

    tag = "statistics"

    def __init__(self, provider: StatsProvider, aside: Aside = here) -> None:
        """``aside`` compresses where it holds nobody up."""
        self._provider = provider
        self._aside = aside
        self._texts = SectionTexts()

    @operation("GET", "/v1/stats", streams=True)
    def everything(self, call: Call, query: StatsQuery) -> Response:
        """Tell the statistics of all switches."""
        switches = self._provider.switches()
        known = tuple(switches[dpid] for dpid in sorted(switches))
        return self._answer(call, self._writer(call, query).everything(known))

    @operation("GET", "/v1/stats/{dpid}", streams=True, problems=(NOT_FOUND,))
    def one(self, call: Call, query: StatsQuery) -> Response:
        """Tell the statistics of one switch."""
        is_xml = call.media_type in XML_TYPES
        samples = _switch(self._provider, call)
        texts = self._writer(call, query).one(samples, call.path.get("part"), is_xml)
        return self._answer(call, texts)

    @operation(
        "GET",
        "/v1/stats/{dpid}/{part}",
        streams=True,
        parameters=MappingProxyType({"part": PART}),
        problems=(NOT_FOUND,),
    )
    def part(self, call: Call, query: StatsQuery) -> Response:
        """Tell one class of statistics of one switch."""
        return self.one(call, query)

    def _writer(self, call: Call, query: StatsQuery) -> StatsDocument:
        form = XmlForm() if call.media_type in XML_TYPES else JsonForm()
        provider = self._provider
        rates = query.rates == "1"
        return StatsDocument(form, provider.now(), provider.timers(), rates, self._texts)

    def _answer(self, call: Call, texts: Iterable[str | bytes]) -> Response:
        return streamed(call.http, texts, call.media_type, self._provider.rest, self._aside)


def resources(provider: StatsProvider, aside: Aside = here) -> list[Resource]:
    """Return the resources of statistics; ``aside`` compresses where it holds nobody up."""
    found = StatsOperations(provider, aside)
    timers = timers_resources("/v1/stats/timers", provider, StatsTimers, found.tag)
    # Timers first: a switch's path has the same shape.
    return [*timers, *resources_of(found)]


def _switch(provider: StatsProvider, call: Call) -> SwitchSamples:
    dpid = call.path["dpid"]
    found = provider.switches().get(dpid)
    if found is None:
        raise NotFound(f"switch {dpid_to_text(dpid)} is not connected")
    return found
