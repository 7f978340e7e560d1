"""Flows in JSON: what a request may ask for, and what an answer tells (design, section 4)."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.action_fields import (
    MAX_ACTIONS,
    action_fields,
    parse_actions,
)
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.flows.flow import (
    EntrySpec,
    Flow,
    PathSpec,
    Spec,
    Standing,
    TaggedHop,
    flow_id,
)
from horizon_ryu.core.flows.match_fields import (
    NAMES_READ,
    match_fields,
    parse_match,
)
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import PortRef
from horizon_ryu.rest.flow_parameters import (
    ONLY_PATH,
    asked,
    changed,
    told,
    told_of,
    values_of,
    with_parameters,
)
from horizon_ryu.rest.given import DpidGiven, PortGiven, TableGiven, Told
from horizon_ryu.rest.model import Dpid, Model, PortNo, optional
from horizon_ryu.rest.topology_model import PortRefModel, port_ref_model

MAX_HOPS = 256
"""Switches in a list of waypoints, or on a path that is given."""


class _FieldNames:
    """Tells the names of match fields in the API's description."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"propertyNames": {"enum": list(NAMES_READ)}}


def _action_item(given: Any) -> Any:
    """Return an action that is written in words, as in ``ovs-ofctl``, in the form of an object."""
    if not isinstance(given, str):
        return given
    name, _, value = given.strip().partition(":")
    if name.isdecimal() and not value:
        return {"output": name}
    return {name: value or True}


class _ActionText:
    """Tells in the API's description that an action may be a text."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"type": "string", "minLength": 1}]}


MatchFields: TypeAlias = Annotated[
    dict[str, Annotated[int | str | bool, Told("a number, a text, or true")]],
    Field(
        max_length=len(NAMES_READ),
        description="Fields by their 1.0 names or OXM names; numbers also as text (0x800); nw_src "
        "and nw_dst take CIDR or a mask; ip, arp, icmp, tcp, udp and sctp, each true, stand for "
        "dl_type and nw_proto",
        examples=[{"tcp": True, "nw_dst": "10.0.0.2/32"}],
    ),
    _FieldNames(),
]
ActionItem: TypeAlias = Annotated[
    dict[str, Any],
    Field(min_length=1, max_length=3),
    BeforeValidator(_action_item),
    _ActionText(),
]


def _action_list(given: Any) -> Any:
    """Return actions with those that are one text, as horizonctl takes them, as a list."""
    if isinstance(given, str):
        return tuple(given.split(","))
    return tuple(given) if isinstance(given, list) else given


Actions: TypeAlias = Annotated[
    tuple[ActionItem, ...],
    Field(
        max_length=MAX_ACTIONS,
        description="In their order; none, or drop, drops. output, enqueue, set_queue, group, "
        "set_<field>, set_field, push_vlan, pop_vlan, set_nw_ttl, dec_nw_ttl, goto_table, drop; or "
        'with the name as the member type, {"type": "OUTPUT", "port": 2}, or as text, output:2; '
        "or all as one text, set_dl_vlan:10,output:2",
        examples=[[{"set_dl_vlan": 10}, {"output": 2}]],
    ),
    BeforeValidator(_action_list),
    _ActionText(),
]
Dpids: TypeAlias = Annotated[tuple[DpidGiven, ...], Field(max_length=MAX_HOPS)]

_ONLY_PATH = ("src", "dst", "waypoints", "path", *ONLY_PATH, "bidirectional")


class PortRefRequest(Model):
    """A port of a switch where a flow comes in or goes out."""

    dpid: DpidGiven
    port_no: PortGiven


@with_parameters(asked)
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
    dpid: DpidGiven = optional()
    table_id: TableGiven = optional(
        description="Table of the entry (1.3); frames come to one beyond 0 by goto_table"
    )
    actions: Actions = optional()
    bidirectional: bool = False
    allow_pending: bool = Field(
        default=False,
        description="While a switch that it needs is away: keep the flow, pending (202), and make "
        "it when the switch is there",
    )


@with_parameters(changed)
class FlowPatch(Model):
    """What may be set of a flow; what is left out stays, null takes away."""

    actions: Actions = optional()
    waypoints: Dpids | None = None
    path: Dpids | None = None


class HopModel(Model):
    """A switch on a path: where frames enter and leave."""

    dpid: Dpid
    in_port: PortNo
    out_port: PortNo


@with_parameters(told)
class FlowModel(Model):
    """A flow that is kept; counters are those of its first switch, null while that is away.

    Of ``path`` to ``reverse`` only what the kind of flow has is told.
    """

    id: str
    kind: str
    state: str
    reason: str = optional(description="Why it is not active, if that is known")
    match: dict[str, int | str]
    cookie: str
    path: tuple[HopModel, ...]
    path_kind: str = optional()
    pinned: bool = optional(description="The path was given whole")
    src: PortRefModel = optional()
    dst: PortRefModel = optional()
    waypoints: tuple[Dpid, ...] = optional()
    dpid: Dpid = optional()
    table_id: int = optional(description="Its table, if that is not 0")
    actions: tuple[dict[str, Any], ...] = optional()
    reverse: str = optional(description="The flow in the other direction")
    packets: int | None = None
    bytes: int | None = None


def spec_of(request: FlowRequest, loc: Loc = ()) -> Spec:
    """Return what ``request`` asks for; InvalidInput names the field below ``loc``."""
    given = request.model_fields_set
    if "dpid" in given:
        return _entry_of(request, loc)
    _need(given, loc)
    _refuse(given, ("table_id",), "an end-to-end flow is in table 0; give dpid", loc)
    _refuse(given, ("actions",), "an end-to-end flow has none of its own; give dpid", loc)
    if "waypoints" in given and "path" in given:
        raise InvalidInput((*loc, "path"), "give either waypoints or the whole path")
    src, dst = (PortRef(ref.dpid, ref.port_no) for ref in (request.src, request.dst))
    match = parse_match(request.match, (*loc, "match"))
    if match.in_port not in (None, src.port_no):
        raise InvalidInput((*loc, "match", "in_port"), "not the port of src")
    return PathSpec(
        match._replace(in_port=None),
        src,
        dst,
        request.waypoints or (),
        request.path or (),
        **values_of(request),
    )


def _entry_of(request: FlowRequest, loc: Loc) -> EntrySpec:
    _refuse(request.model_fields_set, _ONLY_PATH, "a single entry has none; leave dpid out", loc)
    match = parse_match(request.match, (*loc, "match"))
    actions = parse_actions(request.actions or (), (*loc, "actions"))
    table = request.table_id or 0
    return EntrySpec(request.dpid, match, actions, table, **values_of(request))


def _need(given: set[str], loc: Loc) -> None:
    for name in ("src", "dst"):
        if name not in given:
            reason = "needed for an end-to-end flow; a single entry needs dpid instead"
            raise InvalidInput((*loc, name), reason)


def _refuse(given: set[str], names: tuple[str, ...], reason: str, loc: Loc) -> None:
    for name in names:
        if name in given:
            raise InvalidInput((*loc, name), reason)


def flow_model(
    flow: Flow,
    standing: Standing | None = None,
    counters: tuple[int | None, int | None] | None = None,
) -> FlowModel:
    """Return ``flow`` for an answer; ``counters`` are packets and bytes, if they were read.

    ``standing`` is how it is; None: as it is kept.
    """
    spec = flow.spec
    state, reason = standing or Standing(flow.state, flow.reason)
    values: dict[str, Any] = {
        "kind": "path" if isinstance(spec, PathSpec) else "entry",
        "state": str(state),
        "path": hop_models(flow.hops),
    }
    if reason:
        values["reason"] = reason
    values |= _path_values(flow, spec) if isinstance(spec, PathSpec) else _entry_values(spec)
    values |= told_of(spec)
    values |= {
        "id": flow.id,
        "cookie": f"{flow.cookie:#x}",
        "match": match_fields(spec.match),
    }
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
    return {
        "path_kind": flow.kind.value,
        "pinned": bool(spec.path),
        "src": port_ref_model(spec.src),
        "dst": port_ref_model(spec.dst),
        "waypoints": tuple(map(dpid_to_text, spec.waypoints)),
    }


def _entry_values(spec: EntrySpec) -> dict[str, Any]:
    table = {"table_id": spec.table_id} if spec.table_id else {}
    actions = tuple(action_fields(spec.actions))
    return {"dpid": dpid_to_text(spec.dpid), **table, "actions": actions}
