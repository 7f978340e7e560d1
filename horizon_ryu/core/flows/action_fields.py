"""Actions as users write them: one member per action, its name and its parameter.

``[{"set_dl_vlan": 10}, {"output": 2}]``; an empty list, or ``[{"drop": true}]``, drops.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.match_fields import (
    OXM_NAMES,
    Loc,
    number,
    parse_mac,
    parse_tos,
)
from horizon_ryu.core.topology import MAX_PHYSICAL_PORT
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.messages import (
    Action,
    Enqueue,
    Flood,
    Output,
    OutputInPort,
    OutputReserved,
    PushVlan,
    ReservedPort,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.protocols import ETHERTYPE, MAX_VLAN

MAX_ACTIONS = 64
MAX_QUEUE = 0xFFFF_FFFE
_VLAN_TYPES = (int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ))
_PORT = number(1, MAX_PHYSICAL_PORT)
_QUEUE = number(0, MAX_QUEUE)

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
_PORT_NAMES = {action: name for name, action in _NAMED_PORTS.items()}


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
        if len(item) != 1:
            raise InvalidInput(here, "an action is one member: its name and its parameter")
        name, value = next(iter(item.items()))
        if name == "set_queue":
            queue = _QUEUE(value, (*here, name))
        elif name == "drop":
            _only(items, here)
        else:
            found.append(_queued(_parse(name, value, here), queue))
    return tuple(found)


def action_fields(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Return ``actions`` in the form that users write."""
    return [_written(action) for action in actions]


def _only(items: Sequence[Mapping[str, Any]], loc: Loc) -> None:
    if len(items) > 1:
        raise InvalidInput(loc, "drop stands alone")


def _queued(action: Action, queue: int | None) -> Action:
    if queue is None or not isinstance(action, Output):
        return action
    return Enqueue(action.port_no, queue)


def _parse(name: str, value: Any, loc: Loc) -> Action:
    here = (*loc, name)
    if name == "set_field":
        return _parse_set_field(value, here)
    if name.startswith("set_"):
        return _set_field(name.removeprefix("set_"), value, here)
    reader = _READERS.get(name)
    if reader is None:
        raise InvalidInput(here, "no such action")
    return reader(value, here)


def _output(value: Any, loc: Loc) -> Action:
    if isinstance(value, str):
        if value not in _NAMED_PORTS:
            raise InvalidInput(loc, f"a port number, or one of {', '.join(_NAMED_PORTS)}")
        return _NAMED_PORTS[value]
    return Output(_PORT(value, loc))


def _enqueue(value: Any, loc: Loc) -> Action:
    if not isinstance(value, Mapping) or set(value) != {"port_no", "queue_id"}:
        raise InvalidInput(loc, "write {port_no, queue_id}")
    return Enqueue(
        _PORT(value["port_no"], (*loc, "port_no")), _QUEUE(value["queue_id"], (*loc, "queue_id"))
    )


def _push_vlan(value: Any, loc: Loc) -> Action:
    if value not in _VLAN_TYPES or isinstance(value, bool):
        raise InvalidInput(loc, "the tag's ethertype: 33024 (0x8100) or 34984 (0x88a8)")
    return PushVlan(int(value))


def _strip_vlan(value: Any, loc: Loc) -> Action:
    if value is not True:
        raise InvalidInput(loc, "write true")
    return StripVlan()


_READERS: Mapping[str, Callable[[Any, Loc], Action]] = MappingProxyType(
    {
        "output": _output,
        "enqueue": _enqueue,
        "push_vlan": _push_vlan,
        "strip_vlan": _strip_vlan,
        "pop_vlan": _strip_vlan,
    }
)


def _address(value: Any, loc: Loc) -> int:
    try:
        return int(ipaddress.IPv4Address(value if isinstance(value, str) else ""))
    except ValueError as error:
        raise InvalidInput(loc, "not an IPv4 address such as 10.0.0.1") from error


_SETTABLE: Mapping[str, Callable[[Any, Loc], Any]] = MappingProxyType(
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
    }
)


def _parse_set_field(value: Any, loc: Loc) -> Action:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise InvalidInput(loc, "write one field and its value")
    name, wanted = next(iter(value.items()))
    return _set_field(name, wanted, (*loc, name))


def _set_field(name: str, value: Any, loc: Loc) -> Action:
    field = OXM_NAMES[name].field if name in OXM_NAMES else name
    if field not in _SETTABLE:
        raise InvalidInput(loc, "no such field to set")
    if name == "ip_dscp":
        return SetField(field, number(0, 63)(value, loc) << 2)
    return SetField(field, _SETTABLE[field](value, loc))


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
    return {"output": _PORT_NAMES[action]}


def _value_text(action: SetField) -> Any:
    if isinstance(action.value, bytes):
        return mac_to_text(action.value)
    if action.field in ("nw_src", "nw_dst"):
        return str(ipaddress.IPv4Address(action.value))
    return action.value
