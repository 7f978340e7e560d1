"""Actions as users write them: one member per action, its name and its parameter.

``[{"set_dl_vlan": 10}, {"output": 2}]``; an empty list, or ``[{"drop": true}]``, drops.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import (
    Loc,
    Reader,
    number,
    parse_address6,
    parse_dscp,
    parse_mac,
    parse_tos,
    parse_vlan_vid,
    plain_number,
)
from horizon_ryu.core.flows.match_fields import OXM_NAMES
from horizon_ryu.core.flows.spelling import canonical
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    MAX_PHYSICAL_PORT,
    Action,
    DecrementTtl,
    Enqueue,
    Flood,
    GotoTable,
    Output,
    OutputGroup,
    OutputInPort,
    OutputReserved,
    OverwriteTtl,
    PushVlan,
    ReservedPort,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.protocols import ETHERTYPE, MAX_BYTE, MAX_VLAN

MAX_ACTIONS = 64
MAX_QUEUE = 0xFFFF_FFFE
MAX_GROUP = 0xFFFF_FF00
MAX_TABLE = 254
"""Numbers of queues, groups and tables (1.3.5 sections 7.2.2, 7.3.4.2, 7.3.4.1)."""
_VLAN_TYPES = (int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ))
_PORT = number(1, MAX_PHYSICAL_PORT)
_QUEUE, _GROUP = number(0, MAX_QUEUE), number(0, MAX_GROUP)

_NAMED_PORTS: Mapping[str, Action] = MappingProxyType(
    {
        "in_port": OutputInPort(),
        "controller": ToController(),
        "flood": Flood(),
        "all": OutputReserved(ReservedPort.ALL),
        "normal": OutputReserved(ReservedPort.NORMAL),
        "local": OutputReserved(ReservedPort.LOCAL),
    }
)
PORT_NAMES = tuple(_NAMED_PORTS)
"""What may stand for the number of a port to send to."""
_NAME_OF_PORT = {action: name for name, action in _NAMED_PORTS.items()}
_NUMBERED_PORTS: Mapping[int, Action] = MappingProxyType(
    {
        0xFFFF_FFF8: _NAMED_PORTS["in_port"],
        0xFFFF_FFFA: _NAMED_PORTS["normal"],
        0xFFFF_FFFB: _NAMED_PORTS["flood"],
        0xFFFF_FFFC: _NAMED_PORTS["all"],
        0xFFFF_FFFD: _NAMED_PORTS["controller"],
        0xFFFF_FFFE: _NAMED_PORTS["local"],
    }
)
"""The reserved ports of 1.3 (1.3.5 section 7.2.1); the numbers of 1.0 are ports on 1.3."""


def parse_actions(
    items: Sequence[Mapping[str, Any]], loc: Loc = ("actions",)
) -> tuple[Action, ...]:
    """Return the actions that ``items`` describe; InvalidInput names the place and the reason.

    ``set_queue`` is a queue for every ``output`` after it, as on 1.3; 1.0 has only Enqueue.
    """
    if len(items) > MAX_ACTIONS:
        raise InvalidInput(loc, f"more than {MAX_ACTIONS} actions")
    found: list[Action] = []
    queue: int | None = None
    for place, item in enumerate(items):
        here = (*loc, place)
        item = _typed(item)
        if len(item) != 1:
            raise InvalidInput(here, "an action is one member: its name and its parameter")
        name, value = next(iter(item.items()))
        if name.lower() == "set_queue":
            queue = _QUEUE(value, (*here, name))
        elif name.lower() == "drop":
            _only(items, here)
        else:
            found.append(_queued(_parse(name, value, here), queue))
    return tuple(found)


def action_fields(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Return ``actions`` in the form that users write."""
    return [_written(action) for action in actions]


def _typed(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an action that is written as Ryu's ``ofctl_rest`` has it in the form of this module.

    Its name is the member ``type``: ``{"type": "OUTPUT", "port": 2}``. Others stay as they are.
    """
    kind = item.get("type")
    if not isinstance(kind, str):
        return item
    name, rest = kind.lower(), {key: item[key] for key in item if key != "type"}
    if name == "output" and rest.keys() - {"max_len"} == {"port"}:
        return {name: rest["port"]}
    if name == "set_field" and rest.keys() == {"field", "value"}:
        return {name: {str(rest["field"]): rest["value"]}}
    if name == "enqueue" and rest.keys() == {"port", "queue_id"}:
        return {name: {"port_no": rest["port"], "queue_id": rest["queue_id"]}}
    if not rest:
        return {name: True}
    return {name: next(iter(rest.values()))} if len(rest) == 1 else item


def _only(items: Sequence[Mapping[str, Any]], loc: Loc) -> None:
    if len(items) > 1:
        raise InvalidInput(loc, "drop stands alone")


def _queued(action: Action, queue: int | None) -> Action:
    if queue is None or not isinstance(action, Output):
        return action
    return Enqueue(action.port_no, queue)


def _parse(written: str, value: Any, loc: Loc) -> Action:
    here, name = (*loc, written), written.lower()
    if name.startswith("mod_"):
        # What ovs-ofctl calls it.
        name = name.replace("mod_", "set_", 1)
    read = _READERS.get(name)
    if read is not None:
        return read(value, here)
    if name == "set_field":
        return _parse_set_field(value, here)
    if name.startswith("set_"):
        return _set_field(name.removeprefix("set_"), value, here)
    if name in _ELSEWHERE:
        raise InvalidInput(here, _ELSEWHERE[name])
    names = ", ".join((*_READERS, "set_queue", "set_field", "set_<field>", "drop"))
    raise InvalidInput(here, f"no such action; there are {names}")


def _output(value: Any, loc: Loc) -> Action:
    port_no = plain_number(value)
    if port_no is not None:
        return _NUMBERED_PORTS.get(port_no) or Output(_PORT(port_no, loc))
    name = value.lower().removeprefix("ofpp_") if isinstance(value, str) else ""
    named = _NAMED_PORTS.get(name)
    if named is None:
        raise InvalidInput(loc, f"a port number, or one of {', '.join(PORT_NAMES)}")
    return named


def _enqueue(value: Any, loc: Loc) -> Action:
    if isinstance(value, str) and value.count(":") == 1:
        # As ovs-ofctl writes it: enqueue:2:1.
        value = dict(zip(("port_no", "queue_id"), value.split(":"), strict=True))
    if not isinstance(value, Mapping) or set(value) != {"port_no", "queue_id"}:
        raise InvalidInput(loc, "write {port_no, queue_id}, or PORT:QUEUE")
    return Enqueue(
        _PORT(value["port_no"], (*loc, "port_no")), _QUEUE(value["queue_id"], (*loc, "queue_id"))
    )


def _push_vlan(value: Any, loc: Loc) -> Action:
    ethertype = _VLAN_TYPES[0] if value is True else plain_number(value)
    if ethertype not in _VLAN_TYPES:
        raise InvalidInput(loc, "the tag's ethertype: 33024 (0x8100) or 34984 (0x88a8)")
    return PushVlan(ethertype)


def _strip_vlan(value: Any, loc: Loc) -> Action:
    _check_plain(value, loc)
    return StripVlan()


def _check_plain(value: Any, loc: Loc) -> None:
    """Refuse a parameter where none is taken."""
    if value is not True and value not in (None, "", "true"):
        raise InvalidInput(loc, "takes no value; write true")


def _to_named(name: str) -> Callable[[Any, Loc], Action]:
    def read(value: Any, loc: Loc) -> Action:
        _check_plain(value, loc)
        return _NAMED_PORTS[name]

    return read


def _group(value: Any, loc: Loc) -> Action:
    group_id = _GROUP(value, loc)
    return Flood() if group_id == FLOOD_GROUP else OutputGroup(group_id)


def _goto_table(value: Any, loc: Loc) -> Action:
    return GotoTable(number(1, MAX_TABLE)(value, loc))


def _set_ttl(mpls: bool) -> Callable[[Any, Loc], Action]:
    return lambda value, loc: OverwriteTtl(number(0, MAX_BYTE)(value, loc), mpls)


def _dec_ttl(mpls: bool) -> Callable[[Any, Loc], Action]:
    def read(value: Any, loc: Loc) -> Action:
        _check_plain(value, loc)
        return DecrementTtl(mpls)

    return read


_READERS: Mapping[str, Callable[[Any, Loc], Action]] = MappingProxyType(
    {
        "output": _output,
        "enqueue": _enqueue,
        "group": _group,
        "goto_table": _goto_table,
        "set_nw_ttl": _set_ttl(mpls=False),
        "dec_nw_ttl": _dec_ttl(mpls=False),
        "dec_ttl": _dec_ttl(mpls=False),
        "set_mpls_ttl": _set_ttl(mpls=True),
        "dec_mpls_ttl": _dec_ttl(mpls=True),
        "push_vlan": _push_vlan,
        "strip_vlan": _strip_vlan,
        "pop_vlan": _strip_vlan,
        **{name: _to_named(name) for name in _NAMED_PORTS},
    }
)


_ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "meter": "no action here: give the flow itself a meter, or rate_kbps to make one",
        "resubmit": "an action of Open vSwitch alone; goto_table leads to a later table",
        "load": "an action of Open vSwitch alone; write set_<field>",
        "write_actions": "frames are sent at once here: write the actions themselves",
        "apply_actions": "write the actions themselves: they are applied",
    }
)
"""What others have as actions, and how it is said here."""


def _address(value: Any, loc: Loc) -> int:
    try:
        return int(ipaddress.IPv4Address(value if isinstance(value, str) else ""))
    except ValueError as error:
        raise InvalidInput(loc, "not an IPv4 address such as 10.0.0.1") from error


_SETTABLE: Mapping[str, Reader] = MappingProxyType(
    {
        "dl_src": parse_mac,
        "dl_dst": parse_mac,
        "dl_vlan": number(0, MAX_VLAN),
        "dl_vlan_pcp": number(0, 7),
        "nw_src": _address,
        "nw_dst": _address,
        "nw_tos": parse_tos,
        "tp_src": number(0, 0xFFFF),
        "tp_dst": number(0, 0xFFFF),
        "ip_ecn": number(0, 3),
        "ipv6_src": parse_address6,
        "ipv6_dst": parse_address6,
        "ipv6_nd_target": parse_address6,
        "ipv6_nd_sll": parse_mac,
        "ipv6_nd_tll": parse_mac,
    }
)


_TTL_NAMES = ("nw_ttl", "ip_ttl", "ttl")
_IPV6_ADDRESSES = ("ipv6_src", "ipv6_dst", "ipv6_nd_target")


def _vlan_vid(value: Any, loc: Loc) -> int:
    return number(0, MAX_VLAN)(parse_vlan_vid(value, loc), loc)


_OXM_SETTABLE: Mapping[str, Reader] = MappingProxyType(
    {"ip_dscp": parse_dscp, "vlan_vid": _vlan_vid}
)


def _parse_set_field(value: Any, loc: Loc) -> Action:
    if isinstance(value, str) and value.count("->") == 1:
        # As ovs-ofctl writes it: set_field:10.0.0.2->nw_dst.
        wanted, name = value.split("->")
        return _set_field(name.strip(), wanted.strip(), loc)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise InvalidInput(loc, "write one field and its value: {nw_dst: 10.0.0.2}")
    name, wanted = next(iter(value.items()))
    return _set_field(name, wanted, (*loc, name))


def _set_field(name: str, value: Any, loc: Loc) -> Action:
    if name in _TTL_NAMES:
        return _set_ttl(mpls=False)(value, loc)
    name = canonical(name, is_ipv6=False)
    field = OXM_NAMES[name].field if name in OXM_NAMES else name
    if field not in _SETTABLE:
        names = ", ".join((*_SETTABLE, *_OXM_SETTABLE, "nw_ttl"))
        raise InvalidInput(loc, f"no such field to set; there are {names}")
    read = _OXM_SETTABLE.get(name) or _SETTABLE[field]
    return SetField(field, read(value, loc))


def _written(action: Action) -> dict[str, Any]:
    if isinstance(action, Output):
        return {"output": action.port_no}
    if isinstance(action, Enqueue):
        return {"enqueue": {"port_no": action.port_no, "queue_id": action.queue_id}}
    if isinstance(action, SetField):
        return {f"set_{action.field}": _value_text(action)}
    if isinstance(action, PushVlan):
        return {"push_vlan": action.ethertype}
    if isinstance(action, StripVlan):
        return {"strip_vlan": True}
    if isinstance(action, OutputGroup):
        return {"group": action.group_id}
    if isinstance(action, GotoTable):
        return {"goto_table": action.table_id}
    if isinstance(action, OverwriteTtl):
        return {f"set_{_TTL[action.mpls]}": action.ttl}
    if isinstance(action, DecrementTtl):
        return {f"dec_{_TTL[action.mpls]}": True}
    return {"output": _NAME_OF_PORT[action]}


_TTL = ("nw_ttl", "mpls_ttl")


def _value_text(action: SetField) -> Any:
    if isinstance(action.value, bytes):
        return mac_to_text(action.value)
    if action.field in ("nw_src", "nw_dst"):
        return str(ipaddress.IPv4Address(action.value))
    if action.field in _IPV6_ADDRESSES:
        return str(ipaddress.IPv6Address(action.value))
    return action.value
