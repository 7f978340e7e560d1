"""Schemas of slices in JSON: what the API's description says of their forms.

There may be ten thousand rules in one body, so values are checked once, by
:mod:`horizon_ryu.core.slicing`; these are for those who write them.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeAlias

from horizon_ryu.core.flows.field_values import NUMBER
from horizon_ryu.core.identifiers import DPID_GIVEN, MAX_DPID
from horizon_ryu.core.slicing.clashes import ClashKind
from horizon_ryu.core.slicing.limits import Limited, SliceLimits
from horizon_ryu.core.slicing.rule import LETTERS, MAX_PRIORITY
from horizon_ryu.core.slicing.slice_document import MAX_NAME, MAX_RULE_ID
from horizon_ryu.core.slicing.slice_record import LONGEST, MAX_CONTACT, MAX_DESCRIPTION
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, ControllerRole, DropPolicy
from horizon_ryu.core.switch_names import SWITCH_NAME
from horizon_ryu.formats.model import DPID_PATTERN

Json: TypeAlias = dict[str, Any]


def _either(*forms: Json) -> Json:
    return {"anyOf": list(forms)}


def _number(low: int, high: int) -> Json:
    text = {"type": "string", "pattern": f"^(?:{NUMBER})$"}
    return _either({"type": "integer", "minimum": low, "maximum": high}, text)


def _object(members: Json, required: tuple[str, ...] = (), others: Any = False) -> Json:
    closed: Json = {"type": "object", "properties": members, "additionalProperties": others}
    return {**closed, "required": list(required)} if required else closed


def _list_of(item: Json, least: int = 0) -> Json:
    return {"type": "array", "items": item, **({"minItems": least} if least else {})}


_NULL: Json = {"type": "null"}
_SCALAR = _either({"type": "integer"}, {"type": "string"})
_VALUES = _either({"type": "integer"}, {"type": "string"}, _list_of(_SCALAR, 1))
_DPID = _either(
    {"type": "integer", "minimum": 0, "maximum": MAX_DPID},
    {"type": "string", "pattern": f"^(?:{DPID_GIVEN}|{SWITCH_NAME})$"},
)
_QUEUE = _number(0, (1 << 32) - 2)
_RULE_MEMBERS: Json = {
    "dpids": _either({"const": "all"}, _list_of(_DPID, 1)),
    "ports": {
        **_either(_VALUES, _NULL),
        "description": "Numbers, ranges and local",
        "examples": [[1, 2, "5-8"]],
    },
    "match": {
        "type": "object",
        "additionalProperties": _VALUES,
        "description": "By the names of flows or of OXM: numbers, ranges, networks, lists of such",
        "examples": [{"dl_vlan": ["10-20", 30], "nw_src": "10.0.0.0/8"}],
    },
    "priority": _number(0, MAX_PRIORITY),
    "permissions": {"enum": list(LETTERS)},
    "queues": _either(_list_of(_QUEUE), _NULL),
    "force_queue": _either(_QUEUE, _NULL),
    "within": _either(
        {"type": "integer", "description": "Id of the rule of its maker that it is part of"}, _NULL
    ),
}
RULE = _object({**_RULE_MEMBERS, "id": _number(1, MAX_RULE_ID)})
"""A rule where those that are there may be named by their ids."""
NEW_RULE = _object(_RULE_MEMBERS)
_RATE = _either(_number(1, 10_000_000), _NULL)
_COUNT = _either(_number(0, 10_000_000), _NULL)
_LIMIT_MEMBERS: Json = {
    one.name: _RATE if one.name in tuple(Limited) else _COUNT for one in fields(SliceLimits)
}


def _limits(others: Any) -> Json:
    own = _object(_LIMIT_MEMBERS, (), others)
    each = own if others is False else _either(own, _NULL)
    per_switch = _either({"type": "object", "additionalProperties": each}, _NULL)
    return _object({**_LIMIT_MEMBERS, "per_switch": per_switch}, (), others)


_MAY_BE_LARGE = _either(_number(0, 1 << 31), _NULL)
_BANDWIDTH: Json = {
    "mode": {
        "enum": [mode.value for mode in BandwidthMode],
        "description": "vlan_pcp and ip_tos mark frames, for classes that links have; queue has "
        "them go through a queue that the switch must have, see README; meter needs OpenFlow 1.3",
    },
    **dict.fromkeys(("value", "rate_kbps", "burst_kb"), _MAY_BE_LARGE),
}
_CONTROLLERS = _list_of(
    _object(
        {
            "url": {
                "type": "string",
                "description": "tcp:host:port or tls:host:port",
                "examples": ["tcp:127.0.0.1:6653"],
            },
            "role": {"enum": [role.value for role in ControllerRole]},
        },
        ("url",),
    )
)
_NAME: Json = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "description": "Characters that print",
}
_FLAG: Json = {"type": "boolean"}
_CONTACT: Json = {"type": "string", "maxLength": MAX_CONTACT}
_DESCRIPTION: Json = {"type": "string", "maxLength": MAX_DESCRIPTION}
_EXPIRES: Json = {
    "type": "number",
    "exclusiveMinimum": 0,
    "maximum": LONGEST,
    "description": "Seconds from now on after which it goes by itself",
}
_FREE: Json = {
    "controllers": _CONTROLLERS,
    "drop_policy": {"enum": [policy.value for policy in DropPolicy]},
    "allows_vendor": _list_of(_number(0, 1 << 62)),
    **dict.fromkeys(("enabled", "receives_lldp", "allows_config", "native_flood"), _FLAG),
}
_NULLABLE: Json = {
    "contact": _either(_CONTACT, _NULL),
    "description": _either(_DESCRIPTION, _NULL),
    "expires_s": _either(_EXPIRES, _NULL),
}
NEW_SLICE = _object(
    {
        "name": _NAME,
        **_FREE,
        **_NULLABLE,
        "limits": _either(_limits(False), _NULL),
        "bandwidth": _either(_object(_BANDWIDTH, ("mode",)), _NULL),
        "flowspace": _either(_list_of(NEW_RULE), _NULL),
    },
    ("name",),
)
SLICE_PATCH = _object(
    {
        "name": _NAME,
        **{name: _either(schema, _NULL) for name, schema in _FREE.items()},
        **_NULLABLE,
        "limits": _either(_limits(_NULL), _NULL),
        "bandwidth": _either(
            _object({name: _either(one, _NULL) for name, one in _BANDWIDTH.items()}, (), _NULL),
            _NULL,
        ),
        "flowspace": _either(_list_of(RULE), _NULL),
    }
)
NEW_RULES = _either(NEW_RULE, _list_of(NEW_RULE))
ALL_SLICES = _object(
    {
        "version": {
            "type": "integer",
            "description": "Of the registry that this replaces: 409 if it is another",
        },
        "slices": _list_of({"type": "object", "required": ["name"]}),
    },
    ("slices",),
)
_RULE_TOLD = {"type": "object", "required": ["id", "dpids", "match", "priority", "permissions"]}
_CLASHES = _object(
    {
        "whole": {"type": "boolean", "description": "Whether these are all"},
        "clashes": _list_of(
            _object(
                {
                    "kind": {"enum": [kind.value for kind in ClashKind]},
                    "first": _object({"slice": _NAME, "rule": {"type": "integer"}}),
                    "second": _object({"slice": _NAME, "rule": {"type": "integer"}}),
                    "dpids": _either(
                        {"const": "all"}, _list_of({"type": "string", "pattern": DPID_PATTERN})
                    ),
                    "match": {"type": "object"},
                    "example": {"type": "object"},
                }
            )
        ),
    },
    ("whole", "clashes"),
)
CLASHES = {**_CLASHES, "description": "Which rules overlap; the frames belong to the first"}
SLICE = {
    "type": "object",
    "required": ["name", "controllers", "flowspace", "enabled"],
    "properties": {
        "name": _NAME,
        "flowspace": _list_of(_RULE_TOLD),
        "creator": {"type": "string", "description": "The slice that made it"},
        "expires_s": {"type": "number"},
        "clashes": CLASHES,
    },
}
SLICES = _object(
    {"version": {"type": "integer"}, "slices": _list_of(SLICE), "clashes": CLASHES},
    ("version", "slices"),
)
RULES = _object({"flowspace": _list_of(_RULE_TOLD), "clashes": CLASHES}, ("flowspace",))
