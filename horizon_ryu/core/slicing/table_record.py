"""Record of tenants' tables: what slices have on switches, as bytes that grow and are read again.

Each record has its length, a checksum, and says that a switch got an entry of a tenant or an object
of a slice, or that it is there no more. What was being written when its writer ended
is cut off: reading stops at the first record that is damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.wire.ternary import TernaryMatch

_FRAME = struct.Struct("!II")
_ABOUT = struct.Struct("!BBQQ")
_ENTRY = struct.Struct("!HQHHHBBdBHH")
_OBJECT = struct.Struct("!BIHI")
_PUT, _GONE, _OBJECT_PUT, _OBJECT_GONE = 1, 2, 3, 4
MOST_RECORD = 1 << 18
"""Bytes of one record: a flow-mod has 65,535 at most."""


class RecordedSwitch(NamedTuple):
    """A switch as records name it: the same one in another version has other matches."""

    dpid: int
    version: int


Recorded = Mapping[RecordedSwitch, Mapping[int, TenantEntry]]
"""What slices have on each switch, by the ids of entries."""
RecordedObjects = Mapping[RecordedSwitch, Mapping[ObjectKey, SwitchObject]]
"""The objects of slices on each switch."""


class ReadRecords(NamedTuple):
    """What records said, up to the first damaged one; ``sound``: the bytes before that."""

    switches: Recorded
    sound: int
    objects: RecordedObjects


def entry_put(switch: RecordedSwitch, entry: TenantEntry) -> bytes:
    """Return the record that a switch has an entry now, with this program."""
    match = entry.match
    size = (match.mask.bit_length() + 7) // 8
    name, program = entry.slice_name.encode(), bytes(entry.program)
    return _framed(
        b"".join(
            (
                _ABOUT.pack(_PUT, switch.version, switch.dpid, entry.entry_id),
                _ENTRY.pack(
                    entry.priority,
                    entry.cookie,
                    entry.idle_timeout,
                    entry.hard_timeout,
                    entry.flags,
                    entry.wants_removal,
                    entry.table_id,
                    entry.since,
                    len(name),
                    size,
                    len(program),
                ),
                name,
                match.value.to_bytes(size, "big"),
                match.mask.to_bytes(size, "big"),
                program,
            )
        )
    )


def entry_gone(switch: RecordedSwitch, entry_id: int) -> bytes:
    """Return the record that a switch has an entry no more."""
    return _framed(_ABOUT.pack(_GONE, switch.version, switch.dpid, entry_id))


def object_put(switch: RecordedSwitch, one: SwitchObject) -> bytes:
    """Return the record that a switch has an object now, with this number."""
    about = _ABOUT.pack(_OBJECT_PUT, switch.version, switch.dpid, one.real)
    return _framed(about + _object_key(one.key, len(one.body)) + one.body)


def object_gone(switch: RecordedSwitch, key: ObjectKey) -> bytes:
    """Return the record that a switch has an object no more."""
    about = _ABOUT.pack(_OBJECT_GONE, switch.version, switch.dpid, 0)
    return _framed(about + _object_key(key, 0))


def _object_key(key: ObjectKey, body: int) -> bytes:
    name = key.slice_name.encode()
    return _OBJECT.pack(key.kind, key.number, len(name), body) + name


def read_records(data: bytes) -> ReadRecords:
    """Return what records say together; never fails: what is damaged ends the reading."""
    found: dict[RecordedSwitch, dict[int, TenantEntry]] = {}
    objects: dict[RecordedSwitch, dict[ObjectKey, SwitchObject]] = {}
    at = 0
    while (body := _body(data, at)) is not None:
        try:
            _take(body, found, objects)
        except (struct.error, ValueError):
            break
        at += _FRAME.size + len(body)
    return ReadRecords(
        {switch: had for switch, had in found.items() if had},
        at,
        {switch: had for switch, had in objects.items() if had},
    )


def all_records(tables: Iterable[tuple[RecordedSwitch, Iterable[TenantEntry]]]) -> bytes:
    """Return records of all that there is: what a file is begun anew with."""
    return b"".join(entry_put(switch, entry) for switch, had in tables for entry in had)


def _framed(body: bytes) -> bytes:
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _body(data: bytes, at: int) -> bytes | None:
    """Return the record at a place; None if there is no whole and sound one."""
    if len(data) < at + _FRAME.size:
        return None
    size, checksum = _FRAME.unpack_from(data, at)
    body = data[at + _FRAME.size : at + _FRAME.size + size]
    is_sound = _ABOUT.size <= size <= MOST_RECORD and len(body) == size
    return body if is_sound and zlib.crc32(body) == checksum else None


def _take(
    body: bytes,
    found: dict[RecordedSwitch, dict[int, TenantEntry]],
    objects: dict[RecordedSwitch, dict[ObjectKey, SwitchObject]],
) -> None:
    kind, version, dpid, number = _ABOUT.unpack_from(body)
    switch = RecordedSwitch(dpid, version)
    had = found.setdefault(switch, {})
    if kind == _PUT:
        had[number] = _entry(body, number)
    elif kind == _GONE:
        had.pop(number, None)
    elif kind == _OBJECT_PUT:
        one = _object(body, number)
        objects.setdefault(switch, {})[one.key] = one
    elif kind == _OBJECT_GONE:
        objects.setdefault(switch, {}).pop(_object(body, 0).key, None)
    else:
        raise ValueError(f"no such record: {kind}")


def _object(body: bytes, real: int) -> SwitchObject:
    """Return the object that a record tells; ValueError, struct.error."""
    kind, number, named, length = _OBJECT.unpack_from(body, _ABOUT.size)
    at = _ABOUT.size + _OBJECT.size
    if at + named + length != len(body):
        raise ValueError("the parts of a record are not as long as it is")
    key = ObjectKey(ObjectKind(kind), body[at : at + named].decode(), number)
    return SwitchObject(key, real, body[at + named :])


def _entry(body: bytes, entry_id: int) -> TenantEntry:
    """Return the entry that a record tells; ValueError, struct.error."""
    (priority, cookie, idle, hard, flags, wants, table, since, named, size, length) = (
        _ENTRY.unpack_from(body, _ABOUT.size)
    )
    at = _ABOUT.size + _ENTRY.size
    parts = []
    for count in (named, size, size, length):
        parts.append(body[at : at + count])
        at += count
    if at != len(body):
        raise ValueError("the parts of a record are not as long as it is")
    name, value, mask, program = parts
    match = TernaryMatch(int.from_bytes(value, "big"), int.from_bytes(mask, "big"))
    if match.value & ~match.mask:
        raise ValueError("a match asks for bits that it leaves out")
    return TenantEntry(
        entry_id=entry_id,
        slice_name=name.decode(),
        match=match,
        priority=priority,
        cookie=cookie,
        program=program,
        idle_timeout=idle,
        hard_timeout=hard,
        flags=flags,
        wants_removal=bool(wants),
        since=since,
        table_id=table,
    )
