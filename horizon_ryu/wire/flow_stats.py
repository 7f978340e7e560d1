"""Flow entries, groups and meters as switches report them: reply bytes to values of the core.

The wire guard has walked every length before; the bounds are checked here once more, since a
reader that relies on somebody else's check is one refactoring away from a hang.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from horizon_ryu.wire import actions10, actions13, match10, ofp10, oxm
from horizon_ryu.wire.messages import FLOOD_GROUP, Action, FlowEntry, Match
from horizon_ryu.wire.normalize import normalize_actions
from horizon_ryu.wire.ofp13 import OFPGT, OFPMP, OFPMPF, OFPT
from horizon_ryu.wire.read_actions import tlvs
from horizon_ryu.wire.set_fields import FrameKind, frame_kind
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10, OPENFLOW_13

_ENTRY_10 = struct.Struct("!HBx40sIIHHHxxxxxxQQQ")
_ENTRY_13 = struct.Struct("!HBxIIHHHH4xQQQ")
_TLV = struct.Struct("!HH")
_GROUP_DESC = struct.Struct("!HBxI")
_BUCKET_SIZE = 16
_REPLY = {OPENFLOW_10: int(ofp10.OFPT.STATS_REPLY), OPENFLOW_13: int(OFPT.MULTIPART_REPLY)}
_COUNTED = {OPENFLOW_10: (44, 72, _ENTRY_10.size), OPENFLOW_13: (4, 32, _ENTRY_13.size)}
"""Where the age of an entry stands (8 bytes), its counters (16), and its least size."""
_METER_CONFIG = struct.Struct("!HHI")
_MORE = int(OFPMPF.REPLY_MORE)
"""Of 1.3; 1.0 has the same bit for it (OFPSF_REPLY_MORE)."""
_SHORT = 256
"""Bytes of actions that are remembered."""


def read_entries(version: int, message: bytes) -> tuple[FlowEntry, ...]:
    """Return the flow entries of one piece of a flow stats reply; never raises.

    An entry that we sent has the form that ``normalize`` gives it, and is exact.
    """
    if version == OPENFLOW_10:
        return tuple(_entries_10(message[BODY_AT[OPENFLOW_10] :]))
    return tuple(_entries_13(message[BODY_AT[OPENFLOW_13] :]))


def has_more(version: int, message: bytes) -> bool:
    """Tell whether another piece follows (OFPSF_REPLY_MORE, OFPMPF_REPLY_MORE)."""
    return bool(message[11] & _MORE)


def untold(message: bytes) -> list[tuple[int, int]]:
    """Return where one piece of a statistics reply tells what changes while all stays as it is.

    From each place up to the next: the transaction id, and the ages and counters of flow entries.
    """
    version = message[0]
    places = [(4, 8)]
    if message[1] != _REPLY.get(version) or message[8] << 8 | message[9] != OFPMP.FLOW:
        return places
    ages, counters, size = _COUNTED[version]
    at, end = BODY_AT[version], len(message)
    while end - at >= size:
        length = message[at] << 8 | message[at + 1]
        if not size <= length <= end - at:
            break
        places += (at + ages, at + ages + 8), (at + counters, at + counters + 16)
        at += length
    return places


def without_counters(message: bytes) -> bytes:
    """Return what one piece of a statistics reply says, whatever was counted meanwhile."""
    parts, at = [], 0
    for start, end in untold(message):
        parts.append(message[at:start])
        at = end
    return b"".join((*parts, message[at:]))


def _entries_10(body: bytes) -> Iterator[FlowEntry]:
    for entry in _records(body, _ENTRY_10.size):
        _, table_id, data, _, _, *fields = _ENTRY_10.unpack_from(entry)
        match, whole = match10.decode_match(data)
        actions = _read(OPENFLOW_10, entry[_ENTRY_10.size :], match)
        yield _entry(match, whole, actions, table_id, *fields)


def _entries_13(body: bytes) -> Iterator[FlowEntry]:
    start = _ENTRY_13.size
    for entry in _records(body, start + 8):
        _, table_id, _, _, priority, idle, hard, _, *fields = _ENTRY_13.unpack_from(entry)
        _, length = _TLV.unpack_from(entry, start)
        match, whole = oxm.decode_match(entry[start + 4 : start + length])
        actions = _read(OPENFLOW_13, entry[start + (length + 7) // 8 * 8 :], match)
        yield _entry(match, whole, actions, table_id, priority, idle, hard, *fields)


class _Actions(NamedTuple):
    """What the actions of an entry amount to; see FlowEntry."""

    known: tuple[Action, ...]
    forwards: bool
    whole: bool
    vlans: frozenset[int]
    meter: int | None


def _read(version: int, data: bytes, match: Match) -> _Actions:
    """Read the actions, on 1.3 the instructions, of an entry with ``match``."""
    # Entries differ in their matches most of the time, and large ones would fill the memory.
    read = _read_actions if len(data) <= _SHORT else _read_actions.__wrapped__
    return read(version, data, frame_kind(match))


@lru_cache(maxsize=1024)
def _read_actions(version: int, data: bytes, kind: FrameKind) -> _Actions:
    if version == OPENFLOW_10:
        found = actions10.decode_actions(data)
    else:
        found = actions13.decode_instructions(data, kind)
    known = tuple(found.known)
    whole = found.whole and _could_be_sent(version, known, kind)
    return _Actions(known, found.forwards, whole, frozenset(found.vlans), found.meter)


def _could_be_sent(version: int, actions: tuple[Action, ...], kind: FrameKind) -> bool:
    """Tell whether ``actions`` are such as we would send, in their canonical form."""
    try:
        return normalize_actions(version, kind, actions) == actions
    except ValueError:
        return False


def _entry(
    match: Match,
    whole: bool,
    actions: _Actions,
    table_id: int,
    priority: int,
    idle_timeout: int,
    hard_timeout: int,
    cookie: int,
    packet_count: int,
    byte_count: int,
) -> FlowEntry:
    return FlowEntry(
        match,
        priority,
        cookie,
        actions.known,
        table_id,
        actions.forwards,
        whole and actions.whole,
        actions.vlans,
        idle_timeout,
        hard_timeout,
        packet_count,
        byte_count,
        actions.meter,
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


def read_flood_group(message: bytes) -> frozenset[int] | None:
    """Return the ports of the flood group in a piece of a group-desc reply; None if not there.

    Nor is one of another type, which does not send to all of its ports.
    """
    for group in _records(message[BODY_AT[OPENFLOW_13] :], _GROUP_DESC.size):
        _, kind, group_id = _GROUP_DESC.unpack_from(group)
        if group_id == FLOOD_GROUP and kind == OFPGT.ALL:
            return frozenset(_bucket_ports(group[_GROUP_DESC.size :]))
    return None


def read_groups(message: bytes) -> dict[int, bool]:
    """Return the groups in a piece of a group-desc reply, and whether each has a bucket."""
    groups = _records(message[BODY_AT[OPENFLOW_13] :], _GROUP_DESC.size)
    return {
        _GROUP_DESC.unpack_from(group)[2]: len(group) >= _GROUP_DESC.size + _BUCKET_SIZE
        for group in groups
    }


def read_meters(message: bytes) -> frozenset[int]:
    """Return the meters in a piece of a reply to a request for their configuration."""
    meters = _records(message[BODY_AT[OPENFLOW_13] :], _METER_CONFIG.size)
    return frozenset(_METER_CONFIG.unpack_from(meter)[2] for meter in meters)


def _bucket_ports(body: bytes) -> Iterator[int]:
    for bucket in _records(body, _BUCKET_SIZE):
        for kind, action in tlvs(bucket[_BUCKET_SIZE:]):
            if kind == actions13.OUTPUT_KIND and len(action) >= actions13.OUTPUT.size:
                yield actions13.OUTPUT.unpack_from(action)[2]
