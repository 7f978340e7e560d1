"""Readers of every statistic but the flow entries, of both versions."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from horizon_ryu.wire import description
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.description import DESCRIPTION, Description
from horizon_ryu.wire.ofp13 import OFPTFPT
from horizon_ryu.wire.stats.mapping import LINK_DOWN, NOT_FLOODED, PORT_DOWN, SPEEDS
from horizon_ryu.wire.stats.records import arrays, counted, first, text
from horizon_ryu.wire.stats.values import (
    Aggregate,
    Features,
    PortCounters,
    PortLoad,
    PortState,
    TableCounters,
    TableFeatures,
)
from horizon_ryu.wire.versions import BODY_AT, OPENFLOW_10, OPENFLOW_13

_AGGREGATE = struct.Struct("!QQI4x")
_FEATURES = struct.Struct("!8xQIB3xII")
_PORT_10 = struct.Struct("!H6s16sIII12x")
_PORT_13 = struct.Struct("!I4x6s2x16sIII12xI4x")
_COUNTERS_10 = struct.Struct("!H6x12Q")
_COUNTERS_13 = struct.Struct("!I4x12QII")
# Packets before, errors and collisions after it, are left out.
_LOAD_10 = struct.Struct("!H6x16x4Q48x")
_LOAD_13 = struct.Struct("!I4x16x4Q48xII")
_TABLE_10 = struct.Struct("!B3x32s4xIIQQ")
_TABLE_13 = struct.Struct("!B3xIQQ")
_TABLE_FEATURES = struct.Struct("!HB5x32s16x4xI")
_TLV = struct.Struct("!HH")
_BITS = 32
_UNKNOWN_DURATION = 0xFFFF_FFFF


def read_description(version: int, pieces: Sequence[bytes]) -> Description | None:
    """Return the texts about a switch; None if it told none."""
    whole = BODY_AT[version] + DESCRIPTION.size
    told = next((piece for piece in pieces if len(piece) >= whole), None)
    return None if told is None else description.read_description(version, told)


def read_aggregate(version: int, pieces: Sequence[bytes]) -> Aggregate | None:
    """Return the sums over all flow entries."""
    found = first(_AGGREGATE, version, pieces)
    if found is None:
        return None
    packets, octets, flows = found
    return Aggregate(counted(packets), counted(octets), counted(flows, 32))


def read_features(version: int, pieces: Sequence[bytes]) -> Features | None:
    """Return what a features reply says; ``actions`` None on 1.3, which has it elsewhere."""
    for piece in pieces:
        if len(piece) >= _FEATURES.size:
            _, _, tables, capabilities, actions = _FEATURES.unpack_from(piece)
            return Features(tables, capabilities, actions if version == OPENFLOW_10 else None)
    return None


def read_port_states(version: int, pieces: Sequence[bytes]) -> Iterator[PortState]:
    """Yield the ports: of a features reply on 1.0, of a port description on 1.3."""
    if version == OPENFLOW_13:
        for number, mac, name, config, state, features, speed in arrays(_PORT_13, version, pieces):
            said = speed or _fastest(version, features)
            yield _port(version, number, mac, name, config, state, said)
        return
    for piece in pieces:
        body = memoryview(piece)[32:]
        whole = body[: len(body) // _PORT_10.size * _PORT_10.size]
        for number, mac, name, config, state, features in _PORT_10.iter_unpack(whole):
            yield _port(version, number, mac, name, config, state, _fastest(version, features))


def _port(
    version: int, number: int, mac: bytes, name: bytes, config: int, state: int, speed: int
) -> PortState:
    return PortState(
        number,
        mac_to_text(mac),
        text(name),
        speed,
        not config & PORT_DOWN,
        not config & NOT_FLOODED[version],
        state,
        not state & LINK_DOWN,
    )


def _fastest(version: int, features: int) -> int:
    return max((speed for bits, speed in SPEEDS[version] if features & bits), default=0)


def read_port_counters(version: int, pieces: Iterable[bytes]) -> Iterator[PortCounters]:
    """Yield the counters of each port."""
    if version == OPENFLOW_10:
        for number, *values in arrays(_COUNTERS_10, version, pieces):
            yield PortCounters(number, *map(counted, values))
        return
    for number, *values, seconds, nanoseconds in arrays(_COUNTERS_13, version, pieces):
        alive = _alive(seconds, nanoseconds)
        yield PortCounters(number, *map(counted, values))._replace(alive=alive)


def read_port_loads(version: int, pieces: Iterable[bytes]) -> Iterator[PortLoad]:
    """Yield of each port what its rates are made of."""
    layout = _LOAD_10 if version == OPENFLOW_10 else _LOAD_13
    for number, received, sent, lost_in, lost_out, *age in arrays(layout, version, pieces):
        values = counted(received), counted(sent), counted(lost_in), counted(lost_out)
        yield PortLoad(number, *values, _alive(*age) if age else None)


def _alive(seconds: int, nanoseconds: int) -> float | None:
    return seconds + nanoseconds / 1e9 if seconds != _UNKNOWN_DURATION else None


def read_tables(version: int, pieces: Iterable[bytes]) -> Iterator[TableCounters]:
    """Yield the flow tables; on 1.3 without name and size, which the table features have."""
    if version == OPENFLOW_10:
        for table, name, most, active, lookups, matched in arrays(_TABLE_10, version, pieces):
            yield TableCounters(
                table, text(name), most, counted(active, 32), counted(lookups), counted(matched)
            )
        return
    for table, active, lookups, matched in arrays(_TABLE_13, version, pieces):
        yield TableCounters(
            table, None, None, counted(active, 32), counted(lookups), counted(matched)
        )


def read_table_features(pieces: Iterable[bytes]) -> Iterator[TableFeatures]:
    """Yield name, size and actions of each table of a 1.3 switch (1.3.5 section 7.3.5.5)."""
    for piece in pieces:
        at, end = BODY_AT[OPENFLOW_13], len(piece)
        head = _TABLE_FEATURES.size
        while end - at >= head:
            length, table, name, most = _TABLE_FEATURES.unpack_from(piece, at)
            if not head <= length <= end - at:
                break
            actions = _applicable(piece, at + head, at + length)
            yield TableFeatures(table, text(name), most, actions)
            at += length


def _applicable(piece: bytes, at: int, end: int) -> int:
    """Return the bitmap of the actions that the property APPLY_ACTIONS lists."""
    while end - at >= _TLV.size:
        kind, length = _TLV.unpack_from(piece, at)
        if not _TLV.size <= length <= end - at:
            break
        if kind == OFPTFPT.APPLY_ACTIONS:
            return _bitmap(piece, at + _TLV.size, at + length)
        at += (length + 7) & ~7
    return 0


def _bitmap(piece: bytes, at: int, end: int) -> int:
    bits = 0
    while end - at >= _TLV.size:
        kind, length = _TLV.unpack_from(piece, at)
        if kind < _BITS:
            bits |= 1 << kind
        at += max(length, _TLV.size)
    return bits
