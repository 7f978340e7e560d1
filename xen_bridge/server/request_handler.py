"""Request handlers: what a node does with each kind of request, the report's modules in one table.

A node has the handlers of the requests it understands and no other: a virtual router's agent
measures, Domain 0 does all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Body = TypeVar("Body")

READ_SECONDS = 30.0
"""Seconds for a question."""
CHANGE_SECONDS = 180.0
"""Seconds for a change: a domain with a large memory takes its time to start."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the sender's key, and the application it was for."""

    node_pk: str
    application: int


@dataclass(frozen=True, slots=True)
class RequestHandler(Generic[Body]):
    """How one kind of request is carried out.

    ``blocking`` work is done in a native thread of the hypervisor's; other work sees to
    that itself. ``seconds`` is its deadline, which may depend on the request. ``carry_out``
    is given the request and, if it ``needs_origin``, where that came from.
    """

    carry_out: Callable[..., Any]
    seconds: Callable[[Body], float] | float = READ_SECONDS
    blocking: bool = True
    needs_origin: bool = False

    def deadline(self, body: Body) -> float:
        """Return the seconds that ``body`` may take."""
        return self.seconds(body) if callable(self.seconds) else self.seconds


RequestHandlers = Mapping[type[Any], RequestHandler[Any]]
"""By the class of the request."""
