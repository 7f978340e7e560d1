"""What if (``POST /v1/what-if``): cut some of the network in thought; nothing is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from pydantic import Field, StringConstraints

from horizon_ryu.core.flows.what_if import Fate, FlowFate, NetworkCut, Supposed
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import Link, PortRef
from horizon_ryu.http.auth import Access
from horizon_ryu.http.problem import clean
from horizon_ryu.http.resource import Call, Resource, operation, resources_of
from horizon_ryu.rest.event_data import forest_difference
from horizon_ryu.rest.flow_model import HopModel, PortRefRequest, hop_models
from horizon_ryu.rest.given import DpidGiven
from horizon_ryu.rest.model import Dpid, Model, optional
from horizon_ryu.rest.topology_model import HostModel, PortRefModel, TaggedHostModel, host_model

MAX_CUT = 1_000


class CableGiven(Model):
    """A link, in either direction; both are cut."""

    src: PortRefRequest
    dst: PortRefRequest


class CutGiven(Model):
    """What is cut in thought; nothing at all asks how things are."""

    links: Annotated[tuple[CableGiven, ...], Field(max_length=MAX_CUT)] = ()
    switches: Annotated[tuple[DpidGiven, ...], Field(max_length=MAX_CUT)] = ()
    ports: Annotated[tuple[PortRefRequest, ...], Field(max_length=MAX_CUT)] = ()


class WhatIfQuery(Model):
    """Which flows are told."""

    all: Annotated[str, StringConstraints(pattern="^[01]$")] = optional(
        description="1 tells the flows that stay as they are, too"
    )


class FlowFateModel(Model):
    """What would become of a flow; ``new_path`` is there if it moves, ``reason`` if it breaks."""

    id: str
    outcome: Fate
    path: tuple[HopModel, ...]
    new_path: tuple[HopModel, ...] | None
    reason: str | None


class CableModel(Model):
    """The two ends of a cable."""

    src: PortRefModel
    dst: PortRefModel


class SupposedTree(Model):
    """The tree that would come: its roots, and the cables that it has more and less than now.

    ``left_out`` is how many of them are not told.
    """

    roots: tuple[Dpid, ...]
    blocked: int
    added: tuple[CableModel, ...]
    removed: tuple[CableModel, ...]
    left_out: int


class WhatIf(Model):
    """What would be; ``parts`` is into how many pieces the network falls."""

    flows: tuple[FlowFateModel, ...]
    counts: dict[str, int]
    tree: SupposedTree | None
    parts: int
    hosts_cut_off: tuple[HostModel | TaggedHostModel, ...]


class WhatIfProvider(Protocol):
    """Who knows network and flows: the Flow Manager."""

    def suppose(self, cut: NetworkCut) -> Supposed:
        """Return what would be; InvalidInput if what is cut is not there."""

    def forest(self) -> Forest | None:
        """Return the forest as it is; None while Spanning Tree does not run."""


class WhatIfOperations:
    """Operation that asks what would be."""

    tag = "flows"

    def __init__(self, provider: WhatIfProvider) -> None:
        self._provider = provider

    # Whoever may look may think: nothing is changed.
    @operation("POST", "/v1/what-if", access=Access.MONITOR)
    def what_if(self, _call: Call, query: WhatIfQuery, body: CutGiven) -> WhatIf:
        """Tell which flows would go where, which would break, and the tree that would come."""
        supposed = self._provider.suppose(_cut(body))
        told = [each for each in supposed.flows if query.all == "1" or each.fate in _TOLD]
        return WhatIf(
            flows=tuple(map(_fate_model, told)),
            counts={fate.value: count for fate, count in supposed.counts().items()},
            tree=_tree(supposed.forest, self._provider.forest()),
            parts=supposed.parts,
            hosts_cut_off=tuple(map(host_model, supposed.hosts_cut_off)),
        )


_TOLD = frozenset({Fate.MOVES, Fate.BREAKS})


def resources(provider: WhatIfProvider) -> list[Resource]:
    """Return the resource that asks what would be."""
    return resources_of(WhatIfOperations(provider))


def _cut(given: CutGiven) -> NetworkCut:
    return NetworkCut(
        tuple(Link(_port(one.src), _port(one.dst)) for one in given.links),
        given.switches,
        tuple(map(_port, given.ports)),
    )


def _port(given: PortRefRequest) -> PortRef:
    return PortRef(given.dpid, given.port_no)


def _fate_model(each: FlowFate) -> FlowFateModel:
    return FlowFateModel(
        id=each.flow.id,
        outcome=each.fate,
        path=hop_models(each.flow.hops),
        new_path=None if each.then is None else hop_models(each.then.hops),
        reason=clean(each.reason) if each.reason else None,
    )


def _tree(forest: Forest | None, now: Forest | None) -> SupposedTree | None:
    if forest is None or now is None:
        return None
    difference: Mapping[str, Any] = forest_difference(forest, now)
    return SupposedTree(
        roots=tuple(dpid_to_text(tree.root) for tree in forest.trees),
        blocked=len(forest.blocked),
        added=tuple(CableModel.model_validate(one) for one in difference["added"]),
        removed=tuple(CableModel.model_validate(one) for one in difference["removed"]),
        left_out=difference["left_out"],
    )
