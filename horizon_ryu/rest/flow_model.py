"""Flows in JSON: what a request may ask for, and what an answer tells (design, section 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import MAX_ACTIONS, action_fields, parse_actions
from horizon_ryu.core.flows.flow import (
    DEFAULT_PRIORITY,
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    MAX_TIMEOUT,
    EntrySpec,
    Flow,
    PathSpec,
    Spec,
    TaggedHop,
    flow_id,
)
from horizon_ryu.core.flows.match_fields import (
    MATCH_FIELDS,
    OXM_NAMES,
    Loc,
    match_fields,
    parse_match,
)
from horizon_ryu.core.identifiers import dpid_from_text, dpid_to_text
from horizon_ryu.core.ownership import flow_cookie
from horizon_ryu.core.topology import MAX_PHYSICAL_PORT, PortRef
from horizon_ryu.rest.model import Dpid, Model, PortNo, optional
from horizon_ryu.rest.topology_model import PortRefModel, port_ref_model

MAX_HOPS = 256
"""Switches in a list of waypoints, or on a path that is given."""
MAX_RATE = 0xFFFF_FFFF


class _FieldNames:
    """Tells the names of match fields in the API's description."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"propertyNames": {"enum": [*MATCH_FIELDS, *OXM_NAMES]}}


MatchFields: TypeAlias = Annotated[
    dict[str, int | str],
    Field(
        max_length=len(MATCH_FIELDS),
        description="Fields by their 1.0 names or OXM names; nw_src and nw_dst take CIDR",
        examples=[{"dl_type": 2048, "nw_dst": "10.0.0.2/32"}],
    ),
    _FieldNames(),
]
ActionItem: TypeAlias = Annotated[dict[str, Any], Field(min_length=1, max_length=1)]
Actions: TypeAlias = Annotated[
    tuple[ActionItem, ...],
    Field(
        max_length=MAX_ACTIONS,
        description="In their order; none, or drop, drops. output, enqueue, set_queue, "
        "set_<field>, set_field, push_vlan, pop_vlan, strip_vlan, drop",
        examples=[[{"set_dl_vlan": 10}, {"output": 2}]],
    ),
]
Priority: TypeAlias = Annotated[int, Field(ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)]
Timeout: TypeAlias = Annotated[int, Field(ge=0, le=MAX_TIMEOUT, description="Seconds; 0: none")]
Dpids: TypeAlias = Annotated[tuple[Dpid, ...], Field(max_length=MAX_HOPS)]
Queue: TypeAlias = Annotated[int, Field(ge=0, le=0xFFFF_FFFE)]
Rate: TypeAlias = Annotated[int, Field(ge=1, le=MAX_RATE, description="OpenFlow 1.3 only")]

_ONLY_PATH = ("src", "dst", "waypoints", "path", "queue", "bidirectional")


class PortRefRequest(Model):
    """A port of a switch where a flow comes in or goes out."""

    dpid: Dpid
    port_no: Annotated[int, Field(ge=1, le=MAX_PHYSICAL_PORT)]


class FlowRequest(Model):
    """An end-to-end flow, from ``src`` to ``dst``, or a single entry, at ``dpid``."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["src", "dst"]}, {"required": ["dpid"]}]}
    )

    match: MatchFields = Field(default_factory=dict)
    src: PortRefRequest = optional()
    dst: PortRefRequest = optional()
    waypoints: Dpids = optional(description="Switches to pass, in their order")
    path: Dpids = optional(description="Every switch to pass; the flow never departs from them")
    dpid: Dpid = optional()
    actions: Actions = optional()
    priority: Priority = DEFAULT_PRIORITY
    idle_timeout: Timeout = 0
    hard_timeout: Timeout = 0
    queue: Queue = optional(description="At every switch of the path")
    rate_kbps: Rate = optional(description="A meter at the first switch drops what exceeds it")
    bidirectional: bool = False


class FlowPatch(Model):
    """What may be set of a flow; what is left out stays, null takes away."""

    actions: Actions = optional()
    waypoints: Dpids | None = None
    path: Dpids | None = None
    priority: Priority = optional()
    idle_timeout: Timeout = optional()
    hard_timeout: Timeout = optional()
    queue: Queue | None = None
    rate_kbps: Rate | None = None


class HopModel(Model):
    """A switch on a path: where frames enter and leave."""

    dpid: Dpid
    in_port: PortNo
    out_port: PortNo


class FlowModel(Model):
    """A flow that is kept; counters are those of its first switch, null while that is away.

    Of ``path`` to ``reverse`` only what the kind of flow has is told.
    """

    id: str
    kind: str
    state: str
    match: dict[str, int | str]
    priority: int
    idle_timeout: int
    hard_timeout: int
    cookie: str
    path: tuple[HopModel, ...]
    path_kind: str = optional()
    pinned: bool = optional(description="The path was given whole")
    src: PortRefModel = optional()
    dst: PortRefModel = optional()
    waypoints: tuple[Dpid, ...] = optional()
    dpid: Dpid = optional()
    actions: tuple[dict[str, Any], ...] = optional()
    queue: int = optional()
    rate_kbps: int = optional()
    reverse: str = optional(description="The flow in the other direction")
    packets: int | None = None
    bytes: int | None = None


def spec_of(request: FlowRequest, loc: Loc = ()) -> Spec:
    """Return what ``request`` asks for; InvalidInput names the field below ``loc``."""
    given = request.model_fields_set
    match = parse_match(request.match, (*loc, "match"))
    common = {
        "priority": request.priority,
        "idle_timeout": request.idle_timeout,
        "hard_timeout": request.hard_timeout,
        "rate_kbps": request.rate_kbps,
    }
    if "dpid" in given:
        _refuse(given, _ONLY_PATH, "a single entry has none; leave dpid out", loc)
        actions = parse_actions(request.actions or (), (*loc, "actions"))
        return EntrySpec(dpid_from_text(request.dpid), match, actions, **common)
    _need(given, loc)
    _refuse(given, ("actions",), "an end-to-end flow has none of its own; give dpid", loc)
    if "waypoints" in given and "path" in given:
        raise InvalidInput((*loc, "path"), "give either waypoints or the whole path")
    src, dst = _port(request.src), _port(request.dst)
    if match.in_port not in (None, src.port_no):
        raise InvalidInput((*loc, "match", "in_port"), "not the port of src")
    return PathSpec(
        match._replace(in_port=None),
        src,
        dst,
        _dpids(request.waypoints or ()),
        _dpids(request.path or ()),
        queue=request.queue,
        **common,
    )


def _need(given: set[str], loc: Loc) -> None:
    for name in ("src", "dst"):
        if name not in given:
            reason = "needed for an end-to-end flow; a single entry needs dpid instead"
            raise InvalidInput((*loc, name), reason)


def _refuse(given: set[str], names: tuple[str, ...], reason: str, loc: Loc) -> None:
    for name in names:
        if name in given:
            raise InvalidInput((*loc, name), reason)


def _port(ref: PortRefRequest) -> PortRef:
    return PortRef(dpid_from_text(ref.dpid), ref.port_no)


def _dpids(texts: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(map(dpid_from_text, texts))


def flow_model(
    flow: Flow, state: str | None = None, counters: tuple[int | None, int | None] | None = None
) -> FlowModel:
    """Return ``flow`` for an answer; ``counters`` are packets and bytes, if they were read."""
    spec = flow.spec
    values: dict[str, Any] = {
        "id": flow.id,
        "kind": "path" if isinstance(spec, PathSpec) else "entry",
        "state": state or flow.state.value,
        "match": match_fields(spec.match),
        "priority": spec.priority,
        "idle_timeout": spec.idle_timeout,
        "hard_timeout": spec.hard_timeout,
        "cookie": f"{flow_cookie(flow.number):#x}",
        "path": hop_models(flow.hops),
    }
    values |= _path_values(flow, spec) if isinstance(spec, PathSpec) else _entry_values(spec)
    if spec.rate_kbps is not None:
        values["rate_kbps"] = spec.rate_kbps
    if flow.reverse is not None:
        values["reverse"] = flow_id(flow.reverse)
    if counters is not None:
        values["packets"], values["bytes"] = counters
    return FlowModel(**values)


@lru_cache(maxsize=1024)
def hop_models(hops: tuple[TaggedHop, ...]) -> tuple[HopModel, ...]:
    """Return the hops of a path; flows that go the same way share them."""
    return tuple(
        HopModel(dpid=dpid_to_text(hop.dpid), in_port=hop.in_port, out_port=hop.out_port)
        for hop in hops
    )


def _path_values(flow: Flow, spec: PathSpec) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path_kind": flow.kind.value,
        "pinned": bool(spec.path),
        "src": port_ref_model(spec.src),
        "dst": port_ref_model(spec.dst),
        "waypoints": tuple(map(dpid_to_text, spec.waypoints)),
    }
    if spec.queue is not None:
        values["queue"] = spec.queue
    return values


def _entry_values(spec: EntrySpec) -> dict[str, Any]:
    return {"dpid": dpid_to_text(spec.dpid), "actions": tuple(action_fields(spec.actions))}
