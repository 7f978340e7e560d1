"""The actions of OpenFlow 1.0 as bytes and back (specification 1.0.0, section 5.2.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from horizon_ryu.wire.canonical import canonical_actions
from horizon_ryu.wire.messages import (
    Action,
    Enqueue,
    Output,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.read_actions import ReadActions, tlvs
from horizon_ryu.wire.reserved_ports import CONTROLLER_10, NUMBERS, output_to
from horizon_ryu.wire.set_fields import FrameKind
from horizon_ryu.wire.versions import OPENFLOW_10

WHOLE_FRAME = 0xFFFF
_OUTPUT_KIND, _STRIP_KIND, _ENQUEUE_KIND = 0, 3, 11
_OUTPUT = struct.Struct("!HHHH")
_ENQUEUE = struct.Struct("!HHH6xI")
_SET_MAC = struct.Struct("!HH6s6x")
_SETTERS: Mapping[str, tuple[int, struct.Struct]] = MappingProxyType(
    {
        "dl_vlan": (1, struct.Struct("!HHHxx")),
        "dl_vlan_pcp": (2, struct.Struct("!HHBxxx")),
        "dl_src": (4, _SET_MAC),
        "dl_dst": (5, _SET_MAC),
        "nw_src": (6, struct.Struct("!HHI")),
        "nw_dst": (7, struct.Struct("!HHI")),
        "nw_tos": (8, struct.Struct("!HHBxxx")),
        "tp_src": (9, struct.Struct("!HHHxx")),
        "tp_dst": (10, struct.Struct("!HHHxx")),
    }
)
_FIELDS = MappingProxyType({kind: (name, pack) for name, (kind, pack) in _SETTERS.items()})
_PORTS = NUMBERS[OPENFLOW_10]
_STRIP = struct.pack("!HHxxxx", _STRIP_KIND, 8)


@lru_cache(maxsize=4096)
def encode_actions(
    actions: tuple[Action, ...], dl_type: int | None, tagged: bool | None, nw_proto: int | None
) -> bytes:
    """Return ``actions`` on frames of the kind that the other arguments are (see FrameKind).

    ValueError for what 1.0 cannot express.
    """
    kind = FrameKind(dl_type, tagged, nw_proto)
    return b"".join(map(_encode, canonical_actions(OPENFLOW_10, kind, actions)))


def _encode(action: Action) -> bytes:
    if isinstance(action, Output):
        return _OUTPUT.pack(_OUTPUT_KIND, 8, action.port_no, 0)
    if isinstance(action, SetField):
        kind, layout = _SETTERS[action.field]
        return layout.pack(kind, layout.size, action.value)
    if isinstance(action, Enqueue):
        return _ENQUEUE.pack(_ENQUEUE_KIND, 16, action.port_no, action.queue_id)
    if isinstance(action, StripVlan):
        return _STRIP
    if action in _PORTS:
        size = WHOLE_FRAME if isinstance(action, ToController) else 0
        return _OUTPUT.pack(_OUTPUT_KIND, 8, _PORTS[action], size)
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
