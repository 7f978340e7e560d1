"""Actions and instructions of OpenFlow 1.3 as bytes and back (1.3.5 sections 7.2.4 and 7.2.5)."""

from __future__ import annotations

import struct
from functools import lru_cache

from horizon_ryu.wire.action_table import ACTIONS_13, HEADER_SIZE
from horizon_ryu.wire.fields import MAX_LENGTH
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    Action,
    DecrementTtl,
    Enqueue,
    Flood,
    GotoTable,
    Output,
    OutputGroup,
    OverwriteTtl,
    PushVlan,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.normalize import normalize_actions
from horizon_ryu.wire.ofp13 import OFPAT, OFPCML, OFPIT
from horizon_ryu.wire.oxm import VLAN_PRESENT
from horizon_ryu.wire.protocols import DSCP_SHIFT, MAX_VLAN
from horizon_ryu.wire.read_actions import ReadActions, tlvs
from horizon_ryu.wire.reserved_ports import CONTROLLER_13, NUMBERS, output_to
from horizon_ryu.wire.set_fields import BYTE_VALUES, NAMES, FrameKind, oxm_header
from horizon_ryu.wire.versions import OPENFLOW_13

WHOLE_FRAME = int(OFPCML.NO_BUFFER)
OUTPUT_KIND = int(OFPAT.OUTPUT)
_PUSH_KIND, _STRIP_KIND, _SET_KIND = (
    int(kind) for kind in (OFPAT.PUSH_VLAN, OFPAT.POP_VLAN, OFPAT.SET_FIELD)
)
_QUEUE_KIND, _GROUP_KIND = int(OFPAT.SET_QUEUE), int(OFPAT.GROUP)
_GOTO_TABLE, _METER = int(OFPIT.GOTO_TABLE), int(OFPIT.METER)
_WRITE_ACTIONS, _APPLY_ACTIONS = int(OFPIT.WRITE_ACTIONS), int(OFPIT.APPLY_ACTIONS)
OUTPUT = ACTIONS_13[OUTPUT_KIND].layout()
_QUEUE, _GROUP = ACTIONS_13[_QUEUE_KIND].layout(), ACTIONS_13[_GROUP_KIND].layout()
_PUSH = ACTIONS_13[_PUSH_KIND].layout()
_SET_TTL_KINDS = int(OFPAT.SET_NW_TTL), int(OFPAT.SET_MPLS_TTL)
_DEC_TTL_KINDS = int(OFPAT.DEC_NW_TTL), int(OFPAT.DEC_MPLS_TTL)
"""Of IP, of MPLS."""
_SET_TTL, _HEAD_ONLY = (ACTIONS_13[row[0]].layout() for row in (_SET_TTL_KINDS, _DEC_TTL_KINDS))
_METERED = struct.Struct("!HHI")
_TABLE = struct.Struct("!HHB3x")
_SET_FIELD = struct.Struct("!HHI")
"""Type, length and the header of the field, whose value follows, padded to 8 bytes."""
_INSTRUCTION = struct.Struct("!HH4x")
_STRIP = ACTIONS_13[_STRIP_KIND].layout().pack(_STRIP_KIND, ACTIONS_13[_STRIP_KIND].size)
_PORTS = NUMBERS[OPENFLOW_13]


@lru_cache(maxsize=4096)
def encode_actions(actions: tuple[Action, ...], kind: FrameKind) -> bytes:
    """Return ``actions`` on frames of ``kind``; ValueError for what 1.3 cannot express."""
    return _encode_all(actions, kind)


@lru_cache(maxsize=4096)
def encode_instructions(actions: tuple[Action, ...], kind: FrameKind) -> bytes:
    """Return the instruction that applies ``actions``, and one that goes on in another table.

    None for no actions.
    """
    written = normalize_actions(OPENFLOW_13, kind, actions)
    onward = b""
    if written and isinstance(written[-1], GotoTable):
        onward, written = _TABLE.pack(_GOTO_TABLE, _TABLE.size, written[-1].table_id), written[:-1]
    body = b"".join([_encode(action, kind) for action in written])
    if body:
        body = _INSTRUCTION.pack(_APPLY_ACTIONS, _INSTRUCTION.size + len(body)) + body
    return body + onward


def encode_meter(meter: int) -> bytes:
    """Return the instruction that sends frames through a meter."""
    return _METERED.pack(_METER, _METERED.size, meter)


def _encode_all(actions: tuple[Action, ...], kind: FrameKind) -> bytes:
    written = normalize_actions(OPENFLOW_13, kind, actions)
    return b"".join([_encode(action, kind) for action in written])


def _encode(action: Action, kind: FrameKind) -> bytes:
    if isinstance(action, Output):
        return OUTPUT.pack(OUTPUT_KIND, OUTPUT.size, action.port_no, 0)
    if isinstance(action, SetField):
        return _encode_field(action, oxm_header(action.field, kind))
    if isinstance(action, Enqueue):
        queue = _QUEUE.pack(_QUEUE_KIND, _QUEUE.size, action.queue_id)
        return queue + OUTPUT.pack(OUTPUT_KIND, OUTPUT.size, action.port_no, 0)
    if isinstance(action, PushVlan):
        return _PUSH.pack(_PUSH_KIND, _PUSH.size, action.ethertype)
    if isinstance(action, StripVlan):
        return _STRIP
    if isinstance(action, Flood):
        return _GROUP.pack(_GROUP_KIND, _GROUP.size, FLOOD_GROUP)
    if isinstance(action, OutputGroup):
        return _GROUP.pack(_GROUP_KIND, _GROUP.size, action.group_id)
    if isinstance(action, OverwriteTtl):
        number = _SET_TTL_KINDS[action.mpls]
        return _SET_TTL.pack(number, _SET_TTL.size, action.ttl)
    if isinstance(action, DecrementTtl):
        return _HEAD_ONLY.pack(_DEC_TTL_KINDS[action.mpls], _HEAD_ONLY.size)
    if isinstance(action, GotoTable):
        raise ValueError("goto_table stands in flow entries only")
    if action in _PORTS:
        size = WHOLE_FRAME if isinstance(action, ToController) else 0
        return OUTPUT.pack(OUTPUT_KIND, OUTPUT.size, _PORTS[action], size)
    raise TypeError(f"no such action: {action!r}")


def _encode_field(action: SetField, header: int) -> bytes:
    value, size = action.value, header & MAX_LENGTH
    if not isinstance(value, bytes):
        if action.field == "dl_vlan":
            value |= VLAN_PRESENT
        elif action.field == "nw_tos":
            value >>= DSCP_SHIFT
        value = value.to_bytes(size, "big")
    room = _padded(size)
    return _SET_FIELD.pack(_SET_KIND, _SET_FIELD.size + room, header) + value.ljust(room, b"\0")


def _padded(size: int) -> int:
    return -(-size // HEADER_SIZE) * HEADER_SIZE


class _Reader:
    """Reads the actions of an entry one after the other."""

    def __init__(self, kind: FrameKind) -> None:
        self.found = ReadActions()
        self._kind = kind
        self._queue: int | None = None
        self._queue_is_used = True

    def instruction(self, kind: int, data: bytes) -> None:
        """Take one instruction."""
        found = self.found
        if kind in (_APPLY_ACTIONS, _WRITE_ACTIONS):
            found.whole &= kind == _APPLY_ACTIONS
            for action, body in tlvs(data[_INSTRUCTION.size :]):
                self._action(action, body)
            found.whole &= self._queue_is_used
        elif kind == _METER:
            found.whole &= found.meter is None
            found.meter = int.from_bytes(data[4:8], "big")
        elif kind == _GOTO_TABLE:
            found.forwards = True
            found.known.append(GotoTable(data[4]))
        else:
            found.whole = False

    def _action(self, kind: int, data: bytes) -> None:
        known = self.found.known
        if kind == OUTPUT_KIND and len(data) == OUTPUT.size:
            self._output(*OUTPUT.unpack(data)[2:])
        elif kind == _SET_KIND:
            self._set_field(_SET_FIELD.unpack_from(data)[2], data[_SET_FIELD.size :])
        elif kind == _PUSH_KIND:
            known.append(PushVlan(_PUSH.unpack_from(data)[2]))
        elif kind == _STRIP_KIND:
            known.append(StripVlan())
        elif kind == _QUEUE_KIND:
            self.found.whole &= self._queue_is_used
            self._queue, self._queue_is_used = int.from_bytes(data[4:8], "big"), False
        elif kind == _GROUP_KIND:
            self._group(int.from_bytes(data[4:8], "big"))
        elif kind in _SET_TTL_KINDS:
            known.append(OverwriteTtl(data[4], kind == _SET_TTL_KINDS[True]))
        elif kind in _DEC_TTL_KINDS:
            known.append(DecrementTtl(kind == _DEC_TTL_KINDS[True]))
        else:
            self.found.whole = False

    def _output(self, port: int, size: int) -> None:
        found = self.found
        found.forwards |= port != CONTROLLER_13
        if port == CONTROLLER_13:
            found.whole &= size == WHOLE_FRAME
        elif self._queue is not None:
            self._queue_is_used = True
            found.known.append(Enqueue(port, self._queue))
            return
        found.known.append(output_to(OPENFLOW_13, port))

    def _group(self, group: int) -> None:
        self.found.forwards = True
        self.found.known.append(Flood() if group == FLOOD_GROUP else OutputGroup(group))

    def _set_field(self, header: int, padded: bytes) -> None:
        name, data = NAMES.get(header), padded[: header & MAX_LENGTH]
        value = int.from_bytes(data, "big")
        tags = name == "dl_vlan"
        if (
            name is None
            or len(padded) != _padded(len(data))
            or (tags and value & ~MAX_VLAN != VLAN_PRESENT)
        ):
            self.found.whole = False
            return
        self.found.whole &= self._means(name, header)
        if tags:
            value &= MAX_VLAN
            self.found.vlans.add(value)
        elif name == "nw_tos":
            value <<= DSCP_SHIFT
        self.found.known.append(SetField(name, data if name in BYTE_VALUES else value))

    def _means(self, name: str, header: int) -> bool:
        """Tell whether ``name`` means this field in frames of the kind that is matched."""
        try:
            return oxm_header(name, self._kind) == header
        except ValueError:
            return False


def decode_instructions(body: bytes, kind: FrameKind) -> ReadActions:
    """Read the instructions of an entry that matches frames of ``kind``; never raises."""
    reader = _Reader(kind)
    for number, data in tlvs(body):
        reader.instruction(number, data)
    return reader.found
