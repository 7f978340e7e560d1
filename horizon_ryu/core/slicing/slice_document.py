"""Slices as JSON: what people write and what is kept, as settings and rules, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc, number, plain_number
from horizon_ryu.core.identifiers import dpid_given, dpid_to_text
from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.core.slicing.rule import (
    DEFAULT_PRIORITY,
    LETTERS,
    MAX_PRIORITY,
    FlowspaceRule,
)
from horizon_ryu.core.slicing.rule_match import parse_ports, parse_rule_match, rule_match_fields
from horizon_ryu.core.slicing.slice_settings import (
    BandwidthMode,
    BandwidthShare,
    ControllerRole,
    DropPolicy,
    SliceSettings,
    TenantController,
)

MAX_NAME = 45
"""Characters of a slice's name, as FlowVisor has it; its trailer in LLDP has room for them."""
_EVERYWHERE = "all"
MAX_RULE_ID = (1 << 53) - 1
"""That every reader of JSON keeps exactly."""
MAX_QUEUE = (1 << 32) - 2
_read_id = number(1, MAX_RULE_ID)
_read_queue, _read_priority = number(0, MAX_QUEUE), number(0, MAX_PRIORITY)
_URL = re.compile(r"(tcp|tls):(\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_LETTERS_OF = MappingProxyType({found: letters for letters, found in LETTERS.items()})
_RATES = ("messages_per_s", "flow_mods_per_s", "packet_ins_per_s")
_COUNTS = ("flow_entries", "groups", "meters")
_RULE_FIELDS = frozenset(
    {"dpids", "ports", "match", "priority", "permissions", "queues", "force_queue"}
    | {"id", "above"}
)
SLICE_FIELDS = frozenset(
    {"name", "controllers", "flowspace", "limits", "bandwidth", "drop_policy", "enabled"}
    | {"receives_lldp", "allows_vendor", "allows_config", "native_flood"}
)
_MODE_MOST = {BandwidthMode.VLAN_PCP: 7, BandwidthMode.IP_TOS: 252, BandwidthMode.QUEUE: 1 << 31}


class SliceDocument(NamedTuple):
    """A slice and its rules."""

    settings: SliceSettings
    rules: tuple[FlowspaceRule, ...]


def switches_concerned(
    before: Mapping[str, SliceDocument], after: Mapping[str, SliceDocument]
) -> frozenset[int] | None:
    """Return the switches for which something changes; None is all of them."""
    found: set[int] = set()
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        for rule in (*(old.rules if old else ()), *(new.rules if new else ())):
            if rule.dpids is None:
                return None
            found |= rule.dpids
    return frozenset(found)


def parse_slice(document: Any, first_id: int, loc: Loc = ()) -> SliceDocument:
    """Return what a document says; rules without an id get those from ``first_id`` on.

    InvalidInput names the field and the reason.
    """
    fields = _object(document, loc, SLICE_FIELDS)
    name = parse_name(fields.get("name"), (*loc, "name"))
    limits, per_switch = _limits(fields.get("limits"), (*loc, "limits"))
    settings = SliceSettings(
        name=name,
        controllers=_controllers(fields.get("controllers", []), (*loc, "controllers")),
        limits=limits,
        per_switch=MappingProxyType(per_switch),
        bandwidth=_bandwidth(fields.get("bandwidth"), (*loc, "bandwidth")),
        drop_policy=_member(DropPolicy, fields.get("drop_policy", "exact"), (*loc, "drop_policy")),
        enabled=_flag(fields.get("enabled", True), (*loc, "enabled")),
        receives_lldp=_flag(fields.get("receives_lldp", True), (*loc, "receives_lldp")),
        allows_vendor=_vendors(fields.get("allows_vendor", []), (*loc, "allows_vendor")),
        allows_config=_flag(fields.get("allows_config", False), (*loc, "allows_config")),
        native_flood=_flag(fields.get("native_flood", False), (*loc, "native_flood")),
    )
    rules = [
        parse_rule(rule, name, first_id + at, (*loc, "flowspace", at))
        for at, rule in enumerate(_list(fields.get("flowspace", []), (*loc, "flowspace")))
    ]
    return SliceDocument(settings, tuple(rules))


def parse_name(value: Any, loc: Loc) -> str:
    """Return the name of a slice: any characters that print, up to 45 of them."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise InvalidInput(loc, f"must be 1 to {MAX_NAME} characters that print")
    return value


def parse_rule(document: Any, slice_name: str, rule_id: int, loc: Loc = ()) -> FlowspaceRule:
    """Return one rule of a slice; InvalidInput."""
    fields = _object(document, loc, _RULE_FIELDS)
    match = parse_rule_match(_object(fields.get("match", {}), (*loc, "match")), (*loc, "match"))
    if fields.get("ports") is not None:
        if "in_port" in match:
            raise InvalidInput((*loc, "ports"), "the match names in_port already")
        match["in_port"] = parse_ports(fields["ports"], (*loc, "ports"))
    given_queues, forced = fields.get("queues"), fields.get("force_queue")
    return FlowspaceRule(
        rule_id=rule_id if "id" not in fields else _read_id(fields["id"], (*loc, "id")),
        slice_name=slice_name,
        dpids=_dpids(fields["dpids"], (*loc, "dpids")) if "dpids" in fields else None,
        match=MappingProxyType(match),
        priority=_read_priority(fields["priority"], (*loc, "priority"))
        if "priority" in fields
        else DEFAULT_PRIORITY,
        permissions=_permissions(fields.get("permissions", "rw"), (*loc, "permissions")),
        queues=frozenset() if given_queues is None else _queues(given_queues, (*loc, "queues")),
        force_queue=None if forced is None else _read_queue(forced, (*loc, "force_queue")),
        above=parse_above(fields["above"], (*loc, "above")) if "above" in fields else (),
    )


def _queues(value: Any, loc: Loc) -> frozenset[int]:
    return frozenset(_read_queue(one, (*loc, at)) for at, one in enumerate(_list(value, loc)))


def parse_above(value: Any, loc: Loc) -> tuple[int, ...]:
    """Return the place of a rule that this one was passed on from: three numbers for each."""
    found = tuple(plain_number(one) for one in _list(value, loc))
    if None in found or len(found) % 3:
        raise InvalidInput(loc, "is no place of a rule")
    return tuple(one for one in found if one is not None)


def _dpids(value: Any, loc: Loc) -> frozenset[int] | None:
    if value == _EVERYWHERE:
        return None
    found = [dpid_given(one, (*loc, at)) for at, one in enumerate(_list(value, loc))]
    if not found:
        raise InvalidInput(loc, 'an empty list is no switch; write "all" for every one')
    return frozenset(found)


def _permissions(value: Any, loc: Loc) -> Any:
    found = LETTERS.get(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidInput(loc, f"must be one of {', '.join(LETTERS)}")
    return found


def _controllers(value: Any, loc: Loc) -> tuple[TenantController, ...]:
    found = []
    for at, one in enumerate(_list(value, loc)):
        fields = _object(one, (*loc, at), frozenset({"url", "role"}))
        url = fields.get("url")
        matched = _URL.fullmatch(url) if isinstance(url, str) else None
        if matched is None or not 0 < int(matched[3]) < 1 << 16:
            raise InvalidInput((*loc, at, "url"), "must be tcp:host:port or tls:host:port")
        role = _member(ControllerRole, fields.get("role", "control"), (*loc, at, "role"))
        found.append(TenantController(str(url), role))
    if len({one.url for one in found}) < len(found):
        raise InvalidInput(loc, "the same controller stands twice")
    return tuple(found)


def refuse_tls(settings: SliceSettings, loc: Loc) -> None:
    """Refuse controllers over TLS, for a slicer that has nothing to verify them by; InvalidInput.

    ``loc`` is where the slice stands.
    """
    for at, controller in enumerate(settings.controllers):
        if controller.url.startswith("tls:"):
            place = (*loc, "controllers", at, "url")
            text = "the slicer has no authority for controllers over TLS: start it with tenant_ca"
            raise InvalidInput(place, text)


def _limits(value: Any, loc: Loc) -> tuple[SliceLimits, dict[int, SliceLimits]]:
    if value is None:
        return SliceLimits(), {}
    fields = _object(value, loc, frozenset({*_RATES, *_COUNTS, "per_switch"}))
    own = fields.get("per_switch")
    per_switch = _object({} if own is None else own, (*loc, "per_switch"))
    return _own_limits(fields, loc), {
        dpid_given(dpid, (*loc, "per_switch", dpid)): _own_limits(
            _object(own, (*loc, "per_switch", dpid), frozenset({*_RATES, *_COUNTS})),
            (*loc, "per_switch", dpid),
        )
        for dpid, own in per_switch.items()
    }


def _own_limits(fields: Mapping[str, Any], loc: Loc) -> SliceLimits:
    given = {
        name: number(0 if name in _COUNTS else 1, 10_000_000)(fields[name], (*loc, name))
        for name in (*_RATES, *_COUNTS)
        if fields.get(name) is not None
    }
    return SliceLimits(**given)


def _bandwidth(value: Any, loc: Loc) -> BandwidthShare | None:
    if value is None:
        return None
    fields = _object(value, loc, frozenset({"mode", "value", "rate_kbps", "burst_kb"}))
    mode = _member(BandwidthMode, fields.get("mode"), (*loc, "mode"))
    given = {
        name: number(0, _MODE_MOST.get(mode, 1 << 31) if name == "value" else 1 << 31)(
            fields[name], (*loc, name)
        )
        for name in ("value", "rate_kbps", "burst_kb")
        if fields.get(name) is not None
    }
    if mode is BandwidthMode.METER and not given.get("rate_kbps"):
        raise InvalidInput((*loc, "rate_kbps"), "a meter needs a rate")
    if mode is not BandwidthMode.METER and "value" not in given:
        raise InvalidInput((*loc, "value"), "is missing")
    if mode is BandwidthMode.IP_TOS and given["value"] & 3:
        raise InvalidInput((*loc, "value"), "the two lowest bits are no part of the field")
    return BandwidthShare(mode, **given)


def _vendors(value: Any, loc: Loc) -> frozenset[int]:
    found = [plain_number(one) for one in _list(value, loc)]
    if None in found:
        raise InvalidInput(loc, "must be numbers of experimenters")
    return frozenset(one for one in found if one is not None)


def _member(kind: Any, value: Any, loc: Loc) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        names = ", ".join(one.value for one in kind)
        raise InvalidInput(loc, f"must be one of {names}") from error


def _flag(value: Any, loc: Loc) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(loc, "must be true or false")
    return value


def _list(value: Any, loc: Loc) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(loc, "must be a list")
    return value


def _object(value: Any, loc: Loc, known: frozenset[str] | None = None) -> Mapping[str, Any]:
    if type(value) is not dict and not isinstance(value, Mapping):
        raise InvalidInput(loc, "must be an object")
    if known is not None and not known.issuperset(value):
        name = next(name for name in value if name not in known)
        raise InvalidInput((*loc, name), f"no such field; there are {', '.join(sorted(known))}")
    return value


# ---- Written


def rule_document(rule: FlowspaceRule) -> dict[str, Any]:
    """Return a rule as :func:`parse_rule` reads it, with its id."""
    document: dict[str, Any] = {
        "id": rule.rule_id,
        "dpids": _EVERYWHERE
        if rule.dpids is None
        else [dpid_to_text(dpid) for dpid in sorted(rule.dpids)],
        "match": rule_match_fields(rule.match),
        "priority": rule.priority,
        "permissions": _LETTERS_OF[rule.permissions],
    }
    if rule.above:
        document["above"] = list(rule.above)
    if rule.queues:
        document["queues"] = sorted(rule.queues)
    if rule.force_queue is not None:
        document["force_queue"] = rule.force_queue
    return document


def slice_document(slice_: SliceDocument) -> dict[str, Any]:
    """Return a slice as :func:`parse_slice` reads it."""
    settings = slice_.settings
    limits = _limits_document(settings.limits)
    if settings.per_switch:
        limits["per_switch"] = {
            dpid_to_text(dpid): _limits_document(own) for dpid, own in settings.per_switch.items()
        }
    document: dict[str, Any] = {
        "name": settings.name,
        "controllers": [{"url": one.url, "role": one.role.value} for one in settings.controllers],
        "flowspace": [rule_document(rule) for rule in slice_.rules],
        "limits": limits,
        "drop_policy": settings.drop_policy.value,
        "enabled": settings.enabled,
        "receives_lldp": settings.receives_lldp,
        "allows_vendor": sorted(settings.allows_vendor),
        "allows_config": settings.allows_config,
        "native_flood": settings.native_flood,
    }
    if settings.bandwidth is not None:
        share = settings.bandwidth
        found = {"mode": share.mode.value, "value": share.value}
        found |= {"rate_kbps": share.rate_kbps, "burst_kb": share.burst_kb}
        document["bandwidth"] = {name: one for name, one in found.items() if one is not None}
    return document


def _limits_document(limits: SliceLimits) -> dict[str, Any]:
    return {
        name: getattr(limits, name)
        for name in (*_RATES, *_COUNTS)
        if getattr(limits, name) is not None
    }
