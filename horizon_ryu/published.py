"""The newest immutable views that the applications have published, for whoever only reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from horizon_ryu.core.topology import TopologyView

if TYPE_CHECKING:
    from horizon_ryu.core.spanning_tree.forest import Forest


@dataclass(slots=True)
class Published:
    """``topology`` is written by Discovery alone, ``forest`` by Spanning Tree alone.

    ``slow_joins`` are the switches that Discovery has waited for too long, by dpid.
    ``believes_links`` is False while Discovery holds new links back, as switches join.
    ``forest`` is None while Spanning Tree does not run.
    """

    topology: TopologyView = field(default_factory=TopologyView)
    forest: Forest | None = None
    slow_joins: frozenset[int] = frozenset()
    believes_links: bool = True
