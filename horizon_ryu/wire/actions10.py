"""The actions of OpenFlow 1.0 as bytes and back (specification 1.0.0, section 5.2.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from horizon_ryu.wire.action_table import ACTIONS_10
from horizon_ryu.wire.messages import (
    Action,
    Enqueue,
    Output,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.normalize import normalize_actions
from horizon_ryu.wire.ofp10 import OFPAT
from horizon_ryu.wire.read_actions import ReadActions, tlvs
from horizon_ryu.wire.reserved_ports import CONTROLLER_10, NUMBERS, output_to
from horizon_ryu.wire.set_fields import FrameKind
from horizon_ryu.wire.versions import OPENFLOW_10

WHOLE_FRAME = 0xFFFF
"""``max_len`` of an output to the controller, which has no name in 1.0."""
_OUTPUT_KIND, _STRIP_KIND = int(OFPAT.OUTPUT), int(OFPAT.STRIP_VLAN)
_ENQUEUE_KIND = int(OFPAT.ENQUEUE)
_OUTPUT = ACTIONS_10[_OUTPUT_KIND].layout()
_ENQUEUE = ACTIONS_10[_ENQUEUE_KIND].layout()
_SETTERS: Mapping[str, tuple[int, struct.Struct]] = MappingProxyType(
    {row.sets: (kind, row.layout()) for kind, row in ACTIONS_10.items() if row.sets is not None}
)
_FIELDS = MappingProxyType({kind: (name, pack) for name, (kind, pack) in _SETTERS.items()})
_PORTS = NUMBERS[OPENFLOW_10]
_STRIP = ACTIONS_10[_STRIP_KIND].layout().pack(_STRIP_KIND, ACTIONS_10[_STRIP_KIND].size)


@lru_cache(maxsize=4096)
def encode_actions(
    actions: tuple[Action, ...], dl_type: int | None, tagged: bool | None, nw_proto: int | None
) -> bytes:
    """Return ``actions`` on frames of the kind that the other arguments are (see FrameKind).

    ValueError for what 1.0 cannot express.
    """
    kind = FrameKind(dl_type, tagged, nw_proto)
    return b"".join(map(_encode, normalize_actions(OPENFLOW_10, kind, actions)))


def _encode(action: Action) -> bytes:
    if isinstance(action, Output):
        return _OUTPUT.pack(_OUTPUT_KIND, _OUTPUT.size, action.port_no, 0)
    if isinstance(action, SetField):
        kind, layout = _SETTERS[action.field]
        return layout.pack(kind, layout.size, action.value)
    if isinstance(action, Enqueue):
        return _ENQUEUE.pack(_ENQUEUE_KIND, _ENQUEUE.size, action.port_no, action.queue_id)
    if isinstance(action, StripVlan):
        return _STRIP
    if action in _PORTS:
        size = WHOLE_FRAME if isinstance(action, ToController) else 0
        return _OUTPUT.pack(_OUTPUT_KIND, _OUTPUT.size, _PORTS[action], size)
    raise TypeError(f"no such action: {action!r}")


def decode_actions(body: bytes) -> ReadActions:
    """Read the actions of an entry; never raises, what is unknown makes it less than whole."""
    found = ReadActions()
    for kind, action in tlvs(body):
        read = _READERS.get(kind, _read_unknown)
        read(found, kind, action)
    return found


def _read_unknown(found: ReadActions, kind: int, action: bytes) -> None:
    found.whole = False


def _read_output(found: ReadActions, kind: int, action: bytes) -> None:
    _, _, port, size = _OUTPUT.unpack_from(action)
    found.known.append(output_to(OPENFLOW_10, port))
    found.forwards |= port != CONTROLLER_10
    found.whole &= port != CONTROLLER_10 or size == WHOLE_FRAME


def _read_enqueue(found: ReadActions, kind: int, action: bytes) -> None:
    found.forwards = True
    if len(action) == _ENQUEUE.size:
        found.known.append(Enqueue(*_ENQUEUE.unpack(action)[2:]))
    else:
        found.whole = False


def _read_strip(found: ReadActions, kind: int, action: bytes) -> None:
    found.known.append(StripVlan())


def _read_field(found: ReadActions, kind: int, action: bytes) -> None:
    name, layout = _FIELDS[kind]
    if len(action) != layout.size:
        found.whole = False
        return
    value = layout.unpack(action)[2]
    found.known.append(SetField(name, value))
    if name == "dl_vlan":
        found.vlans.add(value)


_READERS: Mapping[int, Callable[[ReadActions, int, bytes], None]] = MappingProxyType(
    {
        _OUTPUT_KIND: _read_output,
        _ENQUEUE_KIND: _read_enqueue,
        _STRIP_KIND: _read_strip,
        **dict.fromkeys(_FIELDS, _read_field),
    }
)
