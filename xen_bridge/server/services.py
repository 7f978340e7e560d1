"""What a node does with each kind of request: the report's modules, behind one table.

A node has the services of the requests it understands and no other: a virtual router's agent
measures, Domain 0 does all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Body = TypeVar("Body")

LOOKING = 30.0
"""Seconds for a question."""
CHANGING = 180.0
"""Seconds for a change: a domain with a large memory takes its time to start."""


@dataclass(frozen=True, slots=True)
class Service(Generic[Body]):
    """How one kind of request is carried out.

    ``blocking`` work is done in a native thread of the hypervisor's; other work keeps to its own
    pace. ``seconds`` is its deadline, which may depend on the request.
    """

    carry_out: Callable[[Body], Any]
    seconds: Callable[[Body], float] | float = LOOKING
    blocking: bool = True

    def deadline(self, body: Body) -> float:
        """Return the seconds that ``body`` may take."""
        return self.seconds(body) if callable(self.seconds) else self.seconds


Services = Mapping[type[Any], Service[Any]]
"""By the class of the request."""
