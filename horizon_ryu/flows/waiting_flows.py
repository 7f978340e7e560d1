"""Flows that wait to be looked after: suspects, and those that other flows hold up.

Kept apart from who looks after them, so that whoever changes a flow can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from horizon_ryu.core.flows.flow import Flow
from xen_bridge.runtime.port import Event


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """That a flow is held up by another one, and is tried again after so many seconds."""

    seconds: float


class WaitingFlows:
    """Numbers of flows, and the event that wakes who looks after them; nothing here waits."""

    def __init__(self, wake: Event) -> None:
        self.wake = wake
        self.suspects: set[int] = set()
        self.held: dict[int, Hold] = {}
        """Flows that others are in the way of, by number."""

    def suspect(self, flows: Iterable[Flow]) -> None:
        """Have flows looked at."""
        self.suspect_numbers(flow.number for flow in flows)

    def suspect_numbers(self, numbers: Iterable[int]) -> None:
        """Have the flows of these numbers looked at, also those that are only being made."""
        self.suspects.update(numbers)
        if self.suspects:
            self.wake.set()

    def others_changed(self) -> None:
        """Have the flows looked at that others hold up, now that one has changed."""
        self.suspects.update(self.held)
        self.wake.set()
