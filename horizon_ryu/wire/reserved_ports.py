"""Ports that are no ports, by number (1.0.0 section 5.2.1, 1.3.5 section 7.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire.messages import (
    Action,
    Flood,
    Output,
    OutputInPort,
    OutputReserved,
    ReservedPort,
    ToController,
)
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

IN_PORT_10, FLOOD_10, CONTROLLER_10, LOCAL_10, NONE_10 = 0xFFF8, 0xFFFB, 0xFFFD, 0xFFFE, 0xFFFF
IN_PORT_13, CONTROLLER_13, LOCAL_13, ANY_13 = 0xFFFF_FFF8, 0xFFFF_FFFD, 0xFFFF_FFFE, 0xFFFF_FFFF
MAX_10, MAX_13 = 0xFF00, 0xFFFF_FF00

_SHARED: dict[int, Action] = {
    0xFFF8: OutputInPort(),
    0xFFFA: OutputReserved(ReservedPort.NORMAL),
    0xFFFC: OutputReserved(ReservedPort.ALL),
    0xFFFD: ToController(),
    0xFFFE: OutputReserved(ReservedPort.LOCAL),
}

ACTIONS: Mapping[int, Mapping[int, Action]] = MappingProxyType(
    {
        OPENFLOW_10: MappingProxyType(_SHARED | {FLOOD_10: Flood()}),
        OPENFLOW_13: MappingProxyType(
            {0xFFFF_0000 | port: action for port, action in _SHARED.items()}
        ),
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
    return ACTIONS[version].get(port_no) or Output(port_no)


def has_queues(version: int, port_no: int) -> bool:
    """Tell whether frames can be enqueued at ``port_no`` (1.0.0 section 5.3.3, OFPAT_ENQUEUE)."""
    if version == OPENFLOW_10:
        return 0 < port_no <= MAX_10 or port_no in (IN_PORT_10, LOCAL_10)
    return 0 < port_no <= MAX_13 or port_no in (IN_PORT_13, LOCAL_13)
