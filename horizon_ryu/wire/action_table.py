"""The table of actions of both versions: what encoder, decoder, guard and text know of each.

Those of 1.0.0 section 5.2.4 and 1.3.5 section 7.2.5. The action SET_FIELD has the size of the
field in it (:mod:`~horizon_ryu.wire.fields`), and experimenters' actions are their own affair:
neither has a row.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire import ofp10, ofp13
from horizon_ryu.wire.fields import ValueKind
from horizon_ryu.wire.struct_layout import format_of, number_code
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

_HEAD = 4
"""Bytes of type and length."""
_SHORT, _LONG = 8, 16
HEADER_SIZE = 8
"""The smallest action, and the smallest instruction; the length of each is a multiple of it."""


class Parameter(NamedTuple):
    """A value that an action carries; ``offset`` and ``size`` in bytes."""

    name: str
    offset: int
    size: int
    kind: ValueKind = ValueKind.INT


class ActionRow(NamedTuple):
    """An action: its type, its name in both versions, its size in bytes, what it carries.

    ``sets`` is the field that it sets, by the name that it has in Match (1.0 alone has one
    action per field).
    """

    number: int
    name: str
    size: int
    parameters: tuple[Parameter, ...] = ()
    sets: str | None = None

    def layout(self) -> struct.Struct:
        """Return what packs type, length and the parameters."""
        return struct.Struct(f"!HH{self.body_format()}")

    def body_format(self) -> str:
        """Return the struct format of the parameters, behind type and length."""
        carried = ((part.offset - _HEAD, number_code(part.size)) for part in self.parameters)
        return format_of(carried, self.size - _HEAD)


def _plain(number: int, name: str, size: int = _SHORT) -> ActionRow:
    return ActionRow(number, name, size)


def _value(number: int, name: str, size: int) -> ActionRow:
    return ActionRow(number, name, _SHORT, (Parameter("value", 4, size),))


def _setter(
    number: int, sets: str, size: int, kind: ValueKind = ValueKind.INT, whole: int = _SHORT
) -> ActionRow:
    return ActionRow(number, f"set_{sets}", whole, (Parameter("value", 4, size, kind),), sets)


_A10, _A13 = ofp10.OFPAT, ofp13.OFPAT
_ROWS_10 = (
    ActionRow(_A10.OUTPUT, "output", _SHORT, (Parameter("port", 4, 2), Parameter("max_len", 6, 2))),
    _setter(_A10.SET_VLAN_VID, "dl_vlan", 2),
    _setter(_A10.SET_VLAN_PCP, "dl_vlan_pcp", 1),
    _plain(_A10.STRIP_VLAN, "strip_vlan"),
    _setter(_A10.SET_DL_SRC, "dl_src", 6, ValueKind.MAC, _LONG),
    _setter(_A10.SET_DL_DST, "dl_dst", 6, ValueKind.MAC, _LONG),
    _setter(_A10.SET_NW_SRC, "nw_src", 4, ValueKind.IPV4),
    _setter(_A10.SET_NW_DST, "nw_dst", 4, ValueKind.IPV4),
    _setter(_A10.SET_NW_TOS, "nw_tos", 1),
    _setter(_A10.SET_TP_SRC, "tp_src", 2),
    _setter(_A10.SET_TP_DST, "tp_dst", 2),
    ActionRow(
        _A10.ENQUEUE, "enqueue", _LONG, (Parameter("port", 4, 2), Parameter("queue_id", 12, 4))
    ),
)
_ROWS_13 = (
    ActionRow(_A13.OUTPUT, "output", _LONG, (Parameter("port", 4, 4), Parameter("max_len", 8, 2))),
    _plain(_A13.COPY_TTL_OUT, "copy_ttl_out"),
    _plain(_A13.COPY_TTL_IN, "copy_ttl_in"),
    _value(_A13.SET_MPLS_TTL, "set_mpls_ttl", 1),
    _plain(_A13.DEC_MPLS_TTL, "dec_mpls_ttl"),
    _value(_A13.PUSH_VLAN, "push_vlan", 2),
    _plain(_A13.POP_VLAN, "pop_vlan"),
    _value(_A13.PUSH_MPLS, "push_mpls", 2),
    _value(_A13.POP_MPLS, "pop_mpls", 2),
    ActionRow(_A13.SET_QUEUE, "set_queue", _SHORT, (Parameter("queue_id", 4, 4),)),
    ActionRow(_A13.GROUP, "group", _SHORT, (Parameter("group_id", 4, 4),)),
    _value(_A13.SET_NW_TTL, "set_nw_ttl", 1),
    _plain(_A13.DEC_NW_TTL, "dec_nw_ttl"),
    _value(_A13.PUSH_PBB, "push_pbb", 2),
    _plain(_A13.POP_PBB, "pop_pbb"),
)


def _by_number(rows: tuple[ActionRow, ...]) -> Mapping[int, ActionRow]:
    return MappingProxyType({int(row.number): row for row in rows})


ACTIONS_10, ACTIONS_13 = _by_number(_ROWS_10), _by_number(_ROWS_13)
ACTIONS: Mapping[int, Mapping[int, ActionRow]] = MappingProxyType(
    {OPENFLOW_10: ACTIONS_10, OPENFLOW_13: ACTIONS_13}
)
"""Version -> type of an action -> its row."""
