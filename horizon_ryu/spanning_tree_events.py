"""Events of Spanning Tree, apart from it: Discovery observes them, and runs without it too."""

from __future__ import annotations

from dataclasses import dataclass

from ryu.controller.event import EventBase

from horizon_ryu.core.spanning_tree.forest import Forest


@dataclass(frozen=True)
class EventTreeChanged(EventBase):
    """The forest is another one."""

    forest: Forest
