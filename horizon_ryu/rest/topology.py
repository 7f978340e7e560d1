"""The topology of the physical and of every virtual network (``/v1/topology``, report 3.4)."""

from __future__ import annotations

from typing import Protocol

from horizon_ryu.core.spanning_tree import Forest
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.core.virtual_network import NetworkDefinition
from horizon_ryu.formats.topology import (
    PHYSICAL,
    LinksDocument,
    NeighborsDocument,
    links_document,
    neighbors_document,
)
from horizon_ryu.rest.model import Model, TimerSeconds, optional
from horizon_ryu.rest.network_names import NetworkQuery, NetworkStore, definition_of
from horizon_ryu.rest.problem import NOT_FOUND, STORE_FAILED, SWITCH_DEADLINE, SWITCH_FAILED
from horizon_ryu.rest.resource import Call, Handler, Resource
from horizon_ryu.rest.timers import timers_resources
from horizon_ryu.rest.topology_model import TopologyModel, host_model, link_model, switch_model

_TAG = "topology"


class TopologyProvider(Protocol):
    """Who knows the topology: Discovery."""

    def view(self) -> TopologyView:
        """Return the physical topology."""

    def forest(self) -> Forest | None:
        """Return the spanning forest; None while Spanning Tree does not run."""

    def is_connected(self, dpid: int) -> bool:
        """Tell whether the switch has a connection now."""

    def network_view(self, definition: NetworkDefinition) -> TopologyView:
        """Return the part that forwards a network's traffic; may wait, may raise SwitchError."""

    def timers(self) -> DiscoveryTimers:
        """Return the timers in force."""

    def set_timers(self, timers: DiscoveryTimers) -> None:
        """Put other timers in force."""


class DiscoveryTimersModel(Model):
    """The three timers of Discovery, in seconds (report 3.4)."""

    lldp_interval: TimerSeconds
    link_check_interval: TimerSeconds
    link_max_idle: TimerSeconds


class DiscoveryTimersPatch(Model):
    """The timers to be changed; the others stay."""

    lldp_interval: TimerSeconds = optional(description="Between rounds of probes")
    link_check_interval: TimerSeconds = optional(description="Between checks for idle links")
    link_max_idle: TimerSeconds = optional(description="After which an idle link is removed")


def resources(provider: TopologyProvider, networks: NetworkStore) -> list[Resource]:
    """Return the resources of the topology; ``networks`` knows what the names mean."""

    def seen(call: Call) -> tuple[str, TopologyView]:
        name = call.query(NetworkQuery).network or PHYSICAL
        definition = definition_of(name, networks)
        return name, provider.view() if definition is None else provider.network_view(definition)

    def topology(call: Call) -> TopologyModel:
        return topology_model(seen(call)[1], provider)

    def links(call: Call) -> LinksDocument:
        name, view = seen(call)
        return links_document(name, view.links.values())

    def neighbors(call: Call) -> NeighborsDocument:
        name, view = seen(call)
        return neighbors_document(name, view.switches, view.links.values())

    def reading(path: str, handler: Handler, response: type[Model], summary: str) -> Resource:
        return Resource(
            method="GET",
            path=path,
            handler=handler,
            response=response,
            query=NetworkQuery,
            problems=(NOT_FOUND, SWITCH_FAILED, STORE_FAILED, SWITCH_DEADLINE),
            summary=summary,
            tag=_TAG,
        )

    return [
        reading("/v1/topology", topology, TopologyModel, "Read switches, links and hosts"),
        reading("/v1/topology/links", links, LinksDocument, "List the links"),
        reading(
            "/v1/topology/neighbors",
            neighbors,
            NeighborsDocument,
            "List each switch with its neighbors",
        ),
        *timers_resources(
            "/v1/topology/timers", provider, DiscoveryTimersModel, DiscoveryTimersPatch, _TAG
        ),
    ]


def topology_model(view: TopologyView, provider: TopologyProvider) -> TopologyModel:
    """Return everything that ``view`` holds; the parent view tells of connection and tree."""
    forest = provider.forest()
    return TopologyModel(
        switches=tuple(
            switch_model(switch, provider.is_connected(dpid))
            for dpid, switch in sorted(view.switches.items())
        ),
        links=tuple(link_model(link, view, forest) for _, link in sorted(view.links.items())),
        hosts=tuple(host_model(host) for _, host in sorted(view.hosts.items())),
    )
