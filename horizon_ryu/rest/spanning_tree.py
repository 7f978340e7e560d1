"""The spanning forest and its timers (``/v1/spanning-tree``, report 3.5)."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field

from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import TreeTimers
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.spanning_tree import TreeEntry, TreesDocument, tree_entry
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.timers import TimersProvider, timers_resources
from horizon_ryu.rest.topology_model import PortRefModel, port_ref_model


class TreeProvider(TimersProvider[TreeTimers], Protocol):
    """Who knows the forest: Spanning Tree."""

    def forest(self) -> Forest:
        """Return the forest in force."""

    def settled(self) -> bool:
        """Tell whether nothing is held, planned or unconfirmed."""


class VlanPortModel(PortRefModel):
    """A port in one VLAN."""

    vlan: int


class ForestModel(Model):
    """One tree per connected part, and the ports that are closed to broadcasts."""

    trees: tuple[TreeEntry, ...]
    blocked: Annotated[
        tuple[PortRefModel, ...],
        Field(description="Ends of links and ports of segments outside the trees"),
    ]
    blocked_in_vlans: Annotated[
        tuple[VlanPortModel, ...],
        Field(description="Ports closed in one VLAN alone, which switches of others pass on"),
    ] = ()
    settled: Annotated[
        bool, Field(description="Every port is decided and every switch has confirmed its part")
    ]


def forest_model(forest: Forest, settled: bool) -> ForestModel:
    """Return the forest with its blocked ports in order."""
    return ForestModel(
        trees=tuple(map(tree_entry, forest.trees)),
        blocked=tuple(map(port_ref_model, sorted(forest.blocked))),
        blocked_in_vlans=tuple(
            VlanPortModel(vlan=vlan, **port_ref_model(ref).model_dump())
            for vlan, refs in sorted(forest.vlan_blocked.items())
            for ref in sorted(refs)
        ),
        settled=settled,
    )


def forest_xml(model: ForestModel) -> bytes:
    """Return the trees in the report's XML, which has no place for blocked ports."""
    return xml_form.write(TreesDocument(trees=model.trees))


class TreeOperations:
    """Operations on the spanning forest."""

    tag = "spanning tree"

    def __init__(self, provider: TreeProvider) -> None:
        self._provider = provider

    @operation("GET", "/v1/spanning-tree", xml=forest_xml)
    def forest(self, _call: Call) -> Versioned[ForestModel]:
        """Read the trees and the blocked ports."""
        forest, settled = self._provider.forest(), self._provider.settled()
        return Versioned((forest, settled), lambda _: forest_model(forest, settled))


def resources(provider: TreeProvider) -> list[Resource]:
    """Return the resources of the spanning tree."""
    found = TreeOperations(provider)
    timers = timers_resources("/v1/spanning-tree/timers", provider, TreeTimers, found.tag)
    return [*resources_of(found), *timers]
