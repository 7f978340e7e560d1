"""Statistics of a switch of OpenFlow 1.3: the bodies of multipart replies (1.3.5 section 7.3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from horizon_ryu.wire.of13.statistics import (
    Counter,
    FlowStats13,
    FlowStatsRequest13,
    GroupDesc,
    GroupFeatures,
    GroupStats,
    MeterConfig,
    MeterFeatures,
    MeterStats,
    PortStats13,
    TableFeaturesEntry,
    TableStats13,
)
from horizon_ryu.wire.of13.structures import Port13
from horizon_ryu.wire.ofp13 import OFPG, OFPMBT, OFPMF, OFPMP, OFPP, OFPPS, OFPTT
from virtual_switch.datapath import Datapath
from virtual_switch.dialect import Answer, SwitchTexts, aggregate, describe, pieces, seconds, text
from virtual_switch.flow_table import ANY_GROUP, TableEntry
from virtual_switch.matching import from_oxm
from virtual_switch.port_numbers import ANY
from virtual_switch.switch_ports import SwitchPort

_LARGEST_ENTRY, _LARGEST_PORT, _LARGEST_GROUP = 1500, 112, 2000
_MANY = 1_000_000


def port_description(port: SwitchPort) -> Port13:
    """Return a port as the controller is told of it."""
    state = 0 if port.up else int(OFPPS.LINK_DOWN)
    name, speed = port.name.ljust(16, b"\0"), port.speed_kbps
    return Port13(port.number, port.hw_addr, name, port.config, state, 0, 0, 0, 0, speed, speed)


def _entries(request: FlowStatsRequest13, datapath: Datapath) -> Iterator[TableEntry]:
    every = request.table_id == OFPTT.ALL
    tables = datapath.tables if every else (datapath.table(request.table_id),)
    match, mask = from_oxm(request.match), request.cookie_mask
    for table in tables:
        for entry in table.within(match):
            if (
                entry.cookie & mask == request.cookie & mask
                and request.out_port in (ANY, *entry.program.ports())
                and request.out_group in (ANY_GROUP, *entry.program.groups())
            ):
                yield entry


def _flow(entry: TableEntry, now: float) -> FlowStats13:
    return FlowStats13(
        entry.table_id,
        *seconds(now - entry.since),
        entry.priority,
        entry.idle_timeout,
        entry.hard_timeout,
        entry.flags,
        entry.cookie,
        entry.packets,
        entry.octets,
        entry.wire_match,
        entry.wire_actions,
    )


def _flows(body: Any, datapath: Datapath, _texts: SwitchTexts, now: float) -> list[Any]:
    found = [_flow(entry, now) for entry in _entries(body, datapath)]
    return list(pieces(found, _LARGEST_ENTRY))


def _aggregate(body: Any, datapath: Datapath, _texts: SwitchTexts, _now: float) -> list[Any]:
    return aggregate(_entries(body, datapath))


def _tables(_body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    return [
        tuple(
            TableStats13(table.table_id, len(table), table.lookups, table.matched)
            for table in datapath.tables
        )
    ]


def _ports(body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    found = [port for port in datapath.ports if body.port_no in (OFPP.ANY, port.number)]
    return list(pieces([_port_stats(port) for port in found], _LARGEST_PORT))


def _port_stats(port: SwitchPort) -> PortStats13:
    counters = port.rx_packets, port.tx_packets, port.rx_bytes, port.tx_bytes
    return PortStats13(
        port.number, *counters, port.rx_dropped, port.tx_dropped, 0, 0, 0, 0, 0, 0, 0, 0
    )


def _port_descriptions(_body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    return list(pieces(list(map(port_description, datapath.ports)), _LARGEST_PORT))


def _groups(body: Any, datapath: Datapath, _texts: SwitchTexts, now: float) -> list[Any]:
    found = [
        GroupStats(
            group.group_id,
            sum(group.group_id in e.program.groups() for t in datapath.tables for e in t),
            group.packets,
            group.octets,
            *seconds(now - group.since),
            tuple(Counter(0, 0) for _ in group.buckets),
        )
        for group in datapath.groups.all()
        if body.group_id in (OFPG.ALL, group.group_id)
    ]
    return list(pieces(found, _LARGEST_GROUP))


def _group_descs(_body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    found = [GroupDesc(one.type, one.group_id, one.buckets) for one in datapath.groups.all()]
    return list(pieces(found, _LARGEST_GROUP))


def _meters(body: Any, datapath: Datapath, _texts: SwitchTexts, now: float) -> list[Any]:
    found = [
        MeterStats(
            meter.meter_id,
            sum(meter.meter_id == e.program.meter for t in datapath.tables for e in t),
            meter.packets,
            meter.octets,
            *seconds(now - meter.since),
            tuple(Counter(meter.dropped, meter.dropped_octets) for _ in meter.bands),
        )
        for meter in datapath.meters.chosen(body.meter_id)
    ]
    return list(pieces(found, _LARGEST_GROUP))


def _meter_configs(body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    chosen = datapath.meters.chosen(body.meter_id)
    return list(
        pieces([MeterConfig(one.flags, one.meter_id, one.bands) for one in chosen], _LARGEST_GROUP)
    )


def _meter_features(*_: Any) -> list[Any]:
    able = int(OFPMF.KBPS | OFPMF.PKTPS | OFPMF.BURST | OFPMF.STATS)
    return [MeterFeatures(_MANY, 1 << OFPMBT.DROP, able, 1, 0)]


def _table_features(_body: Any, datapath: Datapath, *_: Any) -> list[Any]:
    found = [
        TableFeaturesEntry(
            table.table_id, text(f"table{table.table_id}", 32), 0, 0, 0, table.capacity
        )
        for table in datapath.tables
    ]
    return list(pieces(found, _LARGEST_GROUP))


ANSWERS: Mapping[int, Answer] = {
    OFPMP.DESC: describe,
    OFPMP.FLOW: _flows,
    OFPMP.AGGREGATE: _aggregate,
    OFPMP.TABLE: _tables,
    OFPMP.PORT_STATS: _ports,
    OFPMP.QUEUE: lambda *_: [()],
    OFPMP.GROUP: _groups,
    OFPMP.GROUP_DESC: _group_descs,
    OFPMP.GROUP_FEATURES: lambda *_: [
        GroupFeatures(0b1111, 0, _MANY, _MANY, _MANY, _MANY, *[0x1FFF] * 4)
    ],
    OFPMP.METER: _meters,
    OFPMP.METER_CONFIG: _meter_configs,
    OFPMP.METER_FEATURES: _meter_features,
    OFPMP.TABLE_FEATURES: _table_features,
    OFPMP.PORT_DESC: _port_descriptions,
}
"""Type of a multipart request -> what makes the bodies of the replies, one per piece."""
