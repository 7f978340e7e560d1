"""Ports that are no ports, by number (1.0.0 section 5.2.1, 1.3.5 section 7.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire import ofp10, ofp13
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    Action,
    Flood,
    Output,
    OutputInPort,
    OutputReserved,
    ReservedPort,
    ToController,
)
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_P10, _P13 = ofp10.OFPP, ofp13.OFPP
IN_PORT_10, FLOOD_10, CONTROLLER_10 = int(_P10.IN_PORT), int(_P10.FLOOD), int(_P10.CONTROLLER)
LOCAL_10, NONE_10, MAX_10 = int(_P10.LOCAL), int(_P10.NONE), int(_P10.MAX)
IN_PORT_13, CONTROLLER_13 = int(_P13.IN_PORT), int(_P13.CONTROLLER)
LOCAL_13, ANY_13, MAX_13 = int(_P13.LOCAL), int(_P13.ANY), int(_P13.MAX)

_HIGH = 0xFFFF_0000

_NAMED: Mapping[str, Action] = {
    "IN_PORT": OutputInPort(),
    "NORMAL": OutputReserved(ReservedPort.NORMAL),
    "ALL": OutputReserved(ReservedPort.ALL),
    "CONTROLLER": ToController(),
    "LOCAL": OutputReserved(ReservedPort.LOCAL),
}

ACTIONS: Mapping[int, Mapping[int, Action]] = MappingProxyType(
    {
        OPENFLOW_10: MappingProxyType(
            {int(_P10[name]): action for name, action in _NAMED.items()} | {FLOOD_10: Flood()}
        ),
        OPENFLOW_13: MappingProxyType({int(_P13[name]): action for name, action in _NAMED.items()}),
    }
)
"""Version -> number of the port -> the action that names it; Flood is a group on 1.3."""

NUMBERS: Mapping[int, Mapping[Action, int]] = MappingProxyType(
    {
        version: MappingProxyType({action: port for port, action in actions.items()})
        for version, actions in ACTIONS.items()
    }
)
"""Version -> action -> number of the port."""


def output_to(version: int, port_no: int) -> Action:
    """Return the action that sends to ``port_no``: by the port's name if it has one."""
    if port_no == LOCAL_PORT:
        return _NAMED["LOCAL"]
    return ACTIONS[version].get(port_no) or Output(port_no)


def widened(port_10: int) -> int:
    """Return the number in 1.3 of what 1.0 has by this number: reserved ports are its highest."""
    return port_10 | _HIGH if port_10 > MAX_10 else port_10


def port_number(version: int, number: int) -> int:
    """Return the number in 1.3 of what ``version`` has by ``number``."""
    return widened(number) if version == OPENFLOW_10 else number


def narrowed(port_no: int) -> int:
    """Return the number in 1.0 of a port; ValueError if it has none."""
    if port_no <= MAX_10:
        return port_no
    if port_no == LOCAL_PORT:
        return LOCAL_10
    raise ValueError(f"OpenFlow 1.0 has no port {port_no}")


def has_queues(version: int, port_no: int) -> bool:
    """Tell whether frames can be enqueued at ``port_no`` (1.0.0 section 5.3.3, OFPAT_ENQUEUE)."""
    if version == OPENFLOW_10:
        return 0 < port_no <= MAX_10 or port_no in (IN_PORT_10, LOCAL_10)
    return 0 < port_no <= MAX_13 or port_no in (IN_PORT_13, LOCAL_13)
