"""The newest immutable views that the applications have published, for whoever only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from horizon_ryu.core.topology import TopologyView

if TYPE_CHECKING:
    from horizon_ryu.core.spanning_tree.forest import Forest


@dataclass(slots=True)
class Published:
    """``topology`` is written by Discovery alone, ``forest`` by Spanning Tree alone.

    ``is_tree_settled`` tells whether nothing of the tree is held, planned or unconfirmed, and every
    switch that the run before knew is back or given up; Spanning Tree writes it.
    ``slow_joins`` are the switches that Discovery has waited for too long, by dpid.
    ``believes_links`` is False while Discovery holds new links back, as switches join.
    ``unanswered`` has, by dpid, the kinds of requests that a switch which lives never answers; the
    mapping is another one when that changes.
    ``crowded`` has, by dpid, how many ports of a switch are beyond the cap; Discovery writes it.
    ``unkept`` are the switches that confirm entries of flows and do not keep them; the Flow Manager
    writes it.
    ``slicer_trouble`` says what is wrong with the slicer's engine; Slicing writes it.
    ``unsettled_migrations`` says of each migration of a router what goes on being tried in vain;
    Xen writes it.
    ``silent_routers`` says of each separated router whose agent has fallen silent that it has; Xen
    writes it.
    ``tokens_trouble`` says why the tokens in force are not those that their file has now.
    ``forest`` is None while Spanning Tree does not run.
    """

    topology: TopologyView = field(default_factory=TopologyView)
    forest: Forest | None = None
    is_tree_settled: bool = True
    crowded: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    slow_joins: frozenset[int] = frozenset()
    believes_links: bool = True
    unkept: frozenset[int] = frozenset()
    slicer_trouble: str | None = None
    unsettled_migrations: tuple[str, ...] = ()
    silent_routers: tuple[str, ...] = ()
    tokens_trouble: str | None = None
    unanswered: Mapping[int, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
