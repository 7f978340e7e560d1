"""Flows: what was asked for, and what of it is on the switches now."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from horizon_ryu.core.ownership import FLOW_COOKIES, Priority
from horizon_ryu.core.routes.route import RouteKind
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import Action, Match

LOWEST_PRIORITY, HIGHEST_PRIORITY = Priority.BLOCKED + 1, 65_535
"""A flow wins over everything that Spanning Tree and Forwarding install (core/ownership.py)."""
DEFAULT_PRIORITY = 32_768


def parameter(default: Any, text: str, least: int = 0, most: int = 0, why: str = "") -> Any:
    """Declare a parameter of flows: its default, what it does, and the bounds of a number.

    ``why`` is the reason for the bounds, if they need one.

    REST, horizonctl and the store read it from here. One that may be None can be left out, and
    be taken away again.
    """
    return field(default=default, metadata={"help": text, "min": least, "max": most, "why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowParameters:
    """What may be said of any flow beside where it passes."""

    priority: int = parameter(
        DEFAULT_PRIORITY,
        "of its entries",
        LOWEST_PRIORITY,
        HIGHEST_PRIORITY,
        f"those up to {Priority.BLOCKED:d} are the controller's own: spanning tree, ARP, hosts",
    )
    idle_timeout: int = parameter(0, "seconds without a frame until it ends; 0: none", 0, 65_535)
    hard_timeout: int = parameter(0, "seconds until it ends; 0: none", 0, 65_535)
    rate_kbps: int | None = parameter(
        None, "a meter at the first switch drops what exceeds it (1.3)", 1, 0xFFFF_FFFF
    )
    meter: int | None = parameter(
        None,
        "the id of a meter that its first switch has already (1.3); not with rate_kbps",
        1,
        0xFFFF_0000,
    )
    check_overlap: bool = parameter(
        False, "have switches refuse it where an entry of its priority can take its frames"
    )


@dataclass(frozen=True, slots=True)
class EntrySpec(FlowParameters):
    """One flow entry, as asked for; no actions means drop.

    Frames reach tables beyond 0 (1.3 only) by the action GotoTable of an entry before.
    """

    dpid: int
    match: Match
    actions: tuple[Action, ...]
    table_id: int = 0


@dataclass(frozen=True, slots=True)
class PathSpec(FlowParameters):
    """A flow from one port to another, as asked for.

    ``match`` has no ``in_port``: each switch on the path gets its own. ``waypoints`` are passed in
    their order; ``path``, if not empty, is the whole list of switches and is never departed from.
    """

    match: Match
    src: PortRef
    dst: PortRef
    waypoints: tuple[int, ...] = ()
    path: tuple[int, ...] = ()
    queue: int | None = parameter(None, "at every switch of the path", 0, 0xFFFF_FFFE)
    everything: bool = parameter(
        False, "its match may take every frame that comes in at src, ARP of hosts included"
    )


def parameters_of(kind: type) -> tuple[Field[Any], ...]:
    """Return the parameters that ``kind``, a spec, has."""
    return tuple(item for item in fields(kind) if "help" in item.metadata)


Spec: TypeAlias = EntrySpec | PathSpec


class TaggedHop(NamedTuple):
    """A switch on the path of a flow: where frames enter and leave, and with which tag of ours.

    A tag is a VLAN identifier that tells passages of one frame through the same port apart; None
    is the frame as its sender made it.
    """

    dpid: int
    in_port: int
    out_port: int
    in_tag: int | None = None
    out_tag: int | None = None


class FlowState(StrEnum):
    """``broken``: the path is cut, and there is no other one now.

    ``pending``: nothing is on any switch yet, since one that it needs is away.
    """

    ACTIVE = "active"
    BROKEN = "broken"
    PENDING = "pending"


INCOMPLETE = "incomplete"
"""Told of a flow that waits for flows in other tables, which lead to it or take its frames on."""


class Standing(NamedTuple):
    """How a flow is now: a value of FlowState, or INCOMPLETE; and why, if it does not work."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that is kept: ``number`` (32 bits) is in its cookies, its id is the number in hex.

    ``hops`` is empty for single entries. ``reverse`` is the number of the flow in the other
    direction, made with this one. ``meter`` is its meter at the first switch, 0 for none.
    ``reason`` is why it is pending, as far as that is known; it is not kept.
    """

    number: int
    spec: Spec
    hops: tuple[TaggedHop, ...] = ()
    kind: RouteKind = RouteKind.SIMPLE
    state: FlowState = FlowState.ACTIVE
    reverse: int | None = None
    meter: int = 0
    reason: str = field(default="", compare=False)
    memo: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What was computed from the rest and will be asked again: its entries, and their keys."""

    @property
    def id(self) -> str:
        """Return the id in URLs and events: 8 hex digits."""
        return flow_id(self.number)

    @property
    def cookie(self) -> int:
        """Return the cookie of its entries."""
        return FLOW_COOKIES | self.number

    @property
    def tags(self) -> frozenset[int]:
        """Return the VLAN identifiers that tell its frames apart on their way."""
        return frozenset(hop.in_tag for hop in self.hops if hop.in_tag is not None)

    @property
    def first_dpid(self) -> int:
        """Return the switch where its frames come in."""
        return self.spec.dpid if isinstance(self.spec, EntrySpec) else self.spec.src.dpid

    @property
    def dpids(self) -> frozenset[int]:
        """Return the switches that have entries of it."""
        if isinstance(self.spec, EntrySpec):
            return frozenset((self.spec.dpid,))
        return frozenset(hop.dpid for hop in self.hops)


def flow_id(number: int) -> str:
    """Return a flow's id."""
    return f"{number:08x}"
