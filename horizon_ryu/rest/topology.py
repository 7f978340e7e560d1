"""The topology of the physical and of every virtual network (``/v1/topology``, report 3.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.event_cursor import Cursor
from horizon_ryu.core.slicing.seen_ports import SeenPorts, part_with_ports
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.formats.graph import MEDIA_TYPES, graph_text
from horizon_ryu.formats.topology import (
    PHYSICAL,
    LinksDocument,
    NeighborsDocument,
    links_document,
    neighbors_document,
)
from horizon_ryu.http.kept_answers import Aside, here
from horizon_ryu.http.problem import (
    ENGINE_AWAY,
    NOT_FOUND,
    STORE_FAILED,
    SWITCH_DEADLINE,
    SWITCH_FAILED,
)
from horizon_ryu.http.resource import Call, Raw, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.model import optional
from horizon_ryu.rest.network_names import NetworkQuery, NetworkStore, definition_of
from horizon_ryu.rest.timers import TimersProvider, timers_resources
from horizon_ryu.rest.topology_measures import MeasuresOperations
from horizon_ryu.rest.topology_model import TopologyModel
from horizon_ryu.rest.topology_text import Labels, SwitchState, TopologyText


class TopologyProvider(TimersProvider[DiscoveryTimers], Protocol):
    """Who knows the topology: Discovery."""

    def view(self) -> TopologyView:
        """Return the physical topology."""

    def forest(self) -> Forest | None:
        """Return the spanning forest; None while Spanning Tree does not run."""

    def is_connected(self, dpid: int) -> bool:
        """Tell whether the switch has a connection now."""

    def unanswered(self, dpid: int) -> tuple[str, ...]:
        """Return the kinds of requests that the switch never answers."""

    def network_view(self, definition: NetworkDefinition) -> TopologyView:
        """Return the part that forwards a network's traffic; may wait, may raise SwitchError."""


class GraphQuery(NetworkQuery):
    """The query of the export; ``format`` goes before the Accept header."""

    format: Literal["graphml", "gml", "dot"] = optional()


SlicePortsOf = Callable[[str, str | None], SeenPorts | None]
"""Returns the ports of a slice, asked with somebody's token; None if there is no such slice."""


def no_slices(_name: str, _authorization: str | None) -> SeenPorts | None:
    """Know of no slice."""
    return None


_NO_NAMES: Mapping[int, str] = MappingProxyType({})


def _no_names() -> Mapping[int, str]:
    return _NO_NAMES


def _unstamped() -> Cursor | None:
    return None


@dataclass(frozen=True, slots=True)
class PictureSources:
    """What others say of the topology: the names of switches, and the place of its last event."""

    names: Callable[[], Mapping[int, str]] = _no_names
    stamp: Callable[[], Cursor | None] = _unstamped


_PROBLEMS = (NOT_FOUND, ENGINE_AWAY, SWITCH_FAILED, STORE_FAILED, SWITCH_DEADLINE)


class TopologyOperations:
    """Operations on the topology; ``networks`` knows what the names of virtual networks mean."""

    tag = "topology"

    def __init__(
        self,
        provider: TopologyProvider,
        networks: NetworkStore,
        aside: Aside = here,
        rest: Callable[[], None] = lambda: None,
        slices: SlicePortsOf = no_slices,
        picture: PictureSources = PictureSources(),
    ) -> None:
        """``aside`` runs what takes long without holding anybody else, ``rest`` lets them run.

        ``slices`` knows what the names of slices mean, ``picture`` what switches are called.
        """
        self._picture = picture
        self._provider = provider
        self._slices = slices
        self._networks = networks
        self._aside = aside
        self._rest = rest
        self._physical = TopologyText()

    @operation("GET", "/v1/topology", problems=_PROBLEMS)
    def topology(self, call: Call, query: NetworkQuery) -> Versioned[TopologyModel]:
        """Read switches, links and hosts, and the segments that switches of others join."""
        name, view = self.seen(call, query)
        # Read first: what happens meanwhile is told as an event that came later.
        stamp, names = self._picture.stamp(), self._picture.names()
        forest = self._provider.forest()
        states = tuple(map(self._state, view.switches))
        # The items of a virtual network are others, made anew with each question to the switches.
        text = self._physical if name == PHYSICAL else TopologyText()
        return Versioned(
            (view, forest, states, names, stamp),
            lambda _: text.json(
                view,
                forest,
                dict(zip(view.switches, states, strict=True)),
                self._rest,
                Labels(names, stamp),
            ),
        )

    def _state(self, dpid: int) -> SwitchState:
        return self._provider.is_connected(dpid), self._provider.unanswered(dpid)

    @operation("GET", "/v1/topology/links", problems=_PROBLEMS)
    def links(self, call: Call, query: NetworkQuery) -> Versioned[LinksDocument]:
        """List the links."""
        name, view = self.seen(call, query)
        return Versioned((view.links,), lambda _: links_document(name, view.links.values()))

    @operation("GET", "/v1/topology/neighbors", problems=_PROBLEMS)
    def neighbors(self, call: Call, query: NetworkQuery) -> Versioned[NeighborsDocument]:
        """List each switch with its neighbors."""
        name, view = self.seen(call, query)
        sources = view.switches, view.links
        return Versioned(
            sources, lambda _: neighbors_document(name, view.switches, view.links.values())
        )

    @operation(
        "GET", "/v1/topology/graph", problems=_PROBLEMS, produces=tuple(MEDIA_TYPES.values())
    )
    def graph(self, call: Call, query: GraphQuery) -> Raw:
        """Export switches, hosts, segments and cables as a graph: GraphML, GML or dot."""
        accepted = [name for name, kind in MEDIA_TYPES.items() if kind == call.media_type]
        form: str = query.format or accepted[0]
        text = self._aside(graph_text, self.seen(call, query)[1], form)
        return Raw(text.encode(), f"{MEDIA_TYPES[form]}; charset=utf-8")

    def seen(self, call: Call, query: NetworkQuery) -> tuple[str, TopologyView]:
        """Return the name of the network that is asked for, and the part of the topology it is."""
        name = query.network or PHYSICAL
        try:
            definition = definition_of(name, self._networks)
        except NotFound:
            ports = self._slices(name, call.http.headers.get("Authorization"))
            if ports is None:
                raise
            return name, part_with_ports(self._provider.view(), ports)
        if definition is None:
            return name, self._provider.view()
        return name, self._provider.network_view(definition)


def resources(
    provider: TopologyProvider,
    networks: NetworkStore,
    aside: Aside = here,
    rest: Callable[[], None] = lambda: None,
    slices: SlicePortsOf = no_slices,
    picture: PictureSources = PictureSources(),
) -> list[Resource]:
    """Return the resources of the topology; ``networks`` and ``slices`` know what names mean.

    ``aside`` runs what takes long without holding anybody else: the runtime's ``in_thread``;
    ``rest`` lets others have their turns.
    """
    found = TopologyOperations(provider, networks, aside, rest, slices, picture)
    timers = timers_resources("/v1/topology/timers", provider, DiscoveryTimers, found.tag)
    measures = resources_of(MeasuresOperations(found.seen, aside))
    return [*resources_of(found), *measures, *timers]
