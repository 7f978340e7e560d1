"""Flow entries and groups as switches report them: reply bytes to values of the core.

The wire guard has walked every length before; the bounds are checked here once more, since a
reader that relies on somebody else's check is one refactoring away from a hang.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from horizon_ryu.core.messages import (
    Action,
    Flood,
    FlowEntry,
    Match,
    Output,
    OutputInPort,
    ToController,
)
from horizon_ryu.core.ownership import FLOOD_GROUP
from horizon_ryu.openflow import codec10, codec13, oxm

_ENTRY_10 = struct.Struct("!HBx40sIIHHHxxxxxxQQQ")
_ENTRY_13 = struct.Struct("!HBxIIHHHH4xQQQ")
_TLV = struct.Struct("!HH")
_OUTPUT_ACTION = 0
_ENQUEUE_10, _SET_VLAN_10 = 11, 1
_SET_QUEUE_13, _GROUP_13, _SET_FIELD_13 = 21, 22, 25
_WRITE_ACTIONS, _APPLY_ACTIONS, _GOTO_TABLE = 3, 4, 1


def read_entries(version: int, message: bytes) -> tuple[FlowEntry, ...]:
    """Return the flow entries of one piece of a flow stats reply."""
    if version == codec10.VERSION:
        return tuple(_entries_10(message[12:]))
    return tuple(_entries_13(message[16:]))


def has_more(version: int, message: bytes) -> bool:
    """Tell whether another piece follows (flag bit 0 on both versions)."""
    return bool(message[11] & 1)


def _entries_10(body: bytes) -> Iterator[FlowEntry]:
    for entry in _records(body, _ENTRY_10.size):
        _, table_id, match, _, _, priority, _, _, cookie, _, _ = _ENTRY_10.unpack_from(entry)
        actions = _Actions10(entry[_ENTRY_10.size :])
        yield _entry(_match_10(match), priority, cookie, table_id, actions)


def _entries_13(body: bytes) -> Iterator[FlowEntry]:
    for entry in _records(body, _ENTRY_13.size + 8):
        _, table_id, _, _, priority, _, _, _, cookie, _, _ = _ENTRY_13.unpack_from(entry)
        _, length = _TLV.unpack_from(entry, _ENTRY_13.size)
        start = _ENTRY_13.size
        match = oxm.decode_match(entry[start + 4 : start + length])
        actions = _Actions13(entry[start + (length + 7) // 8 * 8 :])
        yield _entry(match, priority, cookie, table_id, actions)


def _entry(
    match: tuple[Match, bool], priority: int, cookie: int, table_id: int, actions: _Actions
) -> FlowEntry:
    """Put an entry together; ``match`` is the match and whether it is whole."""
    fields, whole = match
    return FlowEntry(
        fields,
        priority,
        cookie,
        tuple(actions.known),
        table_id,
        actions.forwards,
        whole and actions.whole,
        frozenset(actions.vlans),
    )


def _records(body: bytes, least: int) -> Iterator[bytes]:
    """Cut records that begin with their own length (16 bits)."""
    at, end = 0, len(body)
    while end - at >= least:
        length = body[at] << 8 | body[at + 1]
        if not least <= length <= end - at:
            return
        yield body[at : at + length]
        at += length


def _tlvs(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut actions or instructions: type, length, rest."""
    at, end = 0, len(body)
    while end - at >= 8:
        kind, length = _TLV.unpack_from(body, at)
        if not 8 <= length <= end - at:
            return
        yield kind, body[at : at + length]
        at += length


def _match_10(data: bytes) -> tuple[Match, bool]:
    wild, in_port, src, dst, vlan, _, dl_type, _, _, nw_src, nw_dst, _, _ = codec10.MATCH.unpack(
        data
    )
    others = codec10.WILD_ALL & ~(
        codec10.WILD_IN_PORT
        | codec10.WILD_VLAN
        | codec10.WILD_SRC
        | codec10.WILD_DST
        | codec10.WILD_TYPE
        | codec10.NW_BITS << codec10.NW_SRC_SHIFT
        | codec10.NW_BITS << codec10.NW_DST_SHIFT
    )
    named_vlan = not wild & codec10.WILD_VLAN and vlan != codec10.VLAN_NONE
    match = Match(
        in_port=None if wild & codec10.WILD_IN_PORT else in_port,
        dl_src=None if wild & codec10.WILD_SRC else src,
        dl_dst=None if wild & codec10.WILD_DST else dst,
        dl_type=None if wild & codec10.WILD_TYPE else dl_type,
        dl_vlan=vlan & 0xFFF if named_vlan else None,
        nw_src=_network_10(nw_src, wild >> codec10.NW_SRC_SHIFT),
        nw_dst=_network_10(nw_dst, wild >> codec10.NW_DST_SHIFT),
    )
    untagged_only = not wild & codec10.WILD_VLAN and not named_vlan
    return match, wild & others == others and not untagged_only


def _network_10(address: int, bits: int) -> tuple[int, int] | None:
    free = bits & codec10.NW_BITS
    return None if free >= 32 else (address, 32 - free)


class _Actions:
    """What the actions of an entry amount to, as far as the core asks."""

    def __init__(self) -> None:
        self.known: list[Action] = []
        self.vlans: set[int] = set()
        self.forwards = False
        self.whole = True


class _Actions10(_Actions):
    """Read from the actions of a 1.0 entry."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        for kind, action in _tlvs(body):
            value = int.from_bytes(action[4:6], "big")
            if kind == _OUTPUT_ACTION:
                self.known.append(_output_10(value))
            else:
                self.whole = False
                if kind == _SET_VLAN_10:
                    self.vlans.add(value)
            self.forwards |= kind in (_OUTPUT_ACTION, _ENQUEUE_10) and value != codec10.CONTROLLER


def _output_10(port: int) -> Action:
    special: dict[int, Action] = {
        codec10.CONTROLLER: ToController(),
        codec10.FLOOD: Flood(),
        codec10.IN_PORT: OutputInPort(),
    }
    return special.get(port) or Output(port)


class _Actions13(_Actions):
    """Read from the instructions of a 1.3 entry."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        for kind, instruction in _tlvs(body):
            if kind in (_APPLY_ACTIONS, _WRITE_ACTIONS):
                self.whole &= kind == _APPLY_ACTIONS
                for action, data in _tlvs(instruction[8:]):
                    self._take(action, data)
            else:
                self.whole = False
                self.forwards |= kind == _GOTO_TABLE

    def _take(self, kind: int, action: bytes) -> None:
        if kind == _OUTPUT_ACTION and len(action) >= 16:
            port = int.from_bytes(action[4:8], "big")
            special: dict[int, Action] = {
                codec13.CONTROLLER: ToController(),
                codec13.IN_PORT: OutputInPort(),
            }
            self.known.append(special.get(port) or Output(port))
            self.forwards |= port != codec13.CONTROLLER
        elif kind == _GROUP_13:
            ours = int.from_bytes(action[4:8], "big") == FLOOD_GROUP
            self.forwards = True
            if ours:
                self.known.append(Flood())
            self.whole &= ours
        else:
            self.whole = False
            if kind == _SET_FIELD_13:
                fields, _ = oxm.decode_match(action[4:])
                if fields.dl_vlan is not None:
                    self.vlans.add(fields.dl_vlan)


def read_flood_group(message: bytes) -> frozenset[int] | None:
    """Return the ports of the flood group in a piece of a group-desc reply; None if not there."""
    for group in _records(message[16:], 8):
        if int.from_bytes(group[4:8], "big") == FLOOD_GROUP:
            return frozenset(_bucket_ports(group[8:]))
    return None


def _bucket_ports(body: bytes) -> Iterator[int]:
    for bucket in _records(body, 16):
        for kind, action in _tlvs(bucket[16:]):
            if kind == _OUTPUT_ACTION and len(action) >= 16:
                yield int.from_bytes(action[4:8], "big")
