"""Dialect of OpenFlow 1.0 (specification 1.0.0, section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PacketIn10, PortStatus10
from horizon_ryu.wire.of10.controller import FlowMod10, PacketOut10
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of10.statistics import (
    FlowStats10,
    FlowStatsRequest10,
    PortStats10,
    PortStatsRequest10,
    StatsReply,
    StatsRequest,
    TableStats10,
)
from horizon_ryu.wire.of10.structures import Port10
from horizon_ryu.wire.ofp10 import (
    OFP_NO_BUFFER,
    OFPC,
    OFPFW,
    OFPP,
    OFPPF,
    OFPPS,
    OFPST,
    OFPTT_ALL,
)
from horizon_ryu.wire.protocols import MAX_SHORT
from horizon_ryu.wire.versions import OPENFLOW_10
from virtual_switch.datapath import Datapath, RemovedEntry
from virtual_switch.dialect import (
    Answer,
    FrameOut,
    SwitchTexts,
    aggregate,
    describe,
    pieces,
    replies,
    seconds,
    text,
)
from virtual_switch.flow_table import FlowChange, TableEntry
from virtual_switch.matching import from_match10
from virtual_switch.pipeline import ForController
from virtual_switch.port_numbers import ANY, narrowed, widened
from virtual_switch.steps import Program, read_actions
from virtual_switch.switch_ports import SwitchPort

_ALL_ACTIONS = 0xFFF
_LARGEST_ENTRY, _LARGEST_PORT = 600, 104
_CAPABILITIES = OFPC.FLOW_STATS | OFPC.TABLE_STATS | OFPC.PORT_STATS | OFPC.ARP_MATCH_IP


class Dialect10:
    """See :class:`virtual_switch.dialect.Dialect`."""

    version = OPENFLOW_10
    messages = MESSAGES10

    def read_flow_mod(self, mod: FlowMod10) -> FlowChange:
        return FlowChange(
            mod.command,
            from_match10(mod.match),
            mod.priority,
            mod.cookie,
            Program(read_actions(mod.actions)),
            mod.match,
            mod.actions,
            idle_timeout=mod.idle_timeout,
            hard_timeout=mod.hard_timeout,
            flags=mod.flags,
            buffer_id=None if mod.buffer_id == OFP_NO_BUFFER else mod.buffer_id,
            out_port=widened(mod.out_port),
        )

    def read_packet_out(self, message: PacketOut10) -> FrameOut:
        buffer_id = None if message.buffer_id == OFP_NO_BUFFER else message.buffer_id
        steps = read_actions(message.actions)
        return FrameOut(buffer_id, widened(message.in_port), steps, message.data)

    def features(self, datapath: Datapath) -> FeaturesReply10:
        return FeaturesReply10(
            datapath.dpid,
            datapath.buffers.room,
            len(datapath.tables),
            int(_CAPABILITIES),
            _ALL_ACTIONS,
            tuple(map(self._port, datapath.ports)),
        )

    def _port(self, port: SwitchPort) -> Port10:
        number = narrowed(OPENFLOW_10, port.number)
        state = 0 if port.up else int(OFPPS.LINK_DOWN)
        name = port.name.ljust(16, b"\0")
        speed = int(_speed(port.speed_kbps))
        return Port10(number, port.hw_addr, name, port.config, state, speed, 0, 0, 0)

    def packet_in(self, asked: ForController, data: bytes, buffer_id: int | None) -> PacketIn10:
        held = OFP_NO_BUFFER if buffer_id is None else buffer_id
        in_port = narrowed(OPENFLOW_10, asked.in_port)
        return PacketIn10(held, len(asked.frame), in_port, asked.reason, data)

    def flow_removed(self, removed: RemovedEntry, now: float) -> FlowRemoved10:
        entry = removed.entry
        return FlowRemoved10(
            entry.wire_match,
            entry.cookie,
            entry.priority,
            removed.reason,
            *seconds(now - entry.since),
            entry.idle_timeout,
            entry.packets,
            entry.octets,
        )

    def port_status(self, reason: int, port: SwitchPort) -> PortStatus10:
        return PortStatus10(reason, self._port(port))

    def statistics(
        self, request: StatsRequest, datapath: Datapath, texts: SwitchTexts, now: float
    ) -> Sequence[StatsReply]:
        answer = _ANSWERS.get(request.type)
        return replies(StatsReply, answer, request, datapath, texts, now)


def _speed(kbps: int) -> OFPPF:
    speeds = {10_000: OFPPF.SPEED_10MB_FD, 100_000: OFPPF.SPEED_100MB_FD}
    speeds |= {1_000_000: OFPPF.SPEED_1GB_FD, 10_000_000: OFPPF.SPEED_10GB_FD}
    return speeds.get(kbps, OFPPF(0))


def _entries(request: FlowStatsRequest10, datapath: Datapath) -> Iterable[TableEntry]:
    port = widened(request.out_port)
    tables = (
        datapath.tables
        if request.table_id == OFPTT_ALL
        else datapath.tables[request.table_id : request.table_id + 1]
    )
    for table in tables:
        for entry in table.within(from_match10(request.match)):
            if port in (ANY, *entry.program.ports()):
                yield entry


def _flow(entry: TableEntry, now: float) -> FlowStats10:
    return FlowStats10(
        entry.table_id,
        entry.wire_match,
        *seconds(now - entry.since),
        entry.priority,
        entry.idle_timeout,
        entry.hard_timeout,
        entry.cookie,
        entry.packets,
        entry.octets,
        entry.wire_actions,
    )


def _flows(body: Any, datapath: Datapath, _texts: SwitchTexts, now: float) -> list[Any]:
    found = [_flow(entry, now) for entry in _entries(body, datapath)]
    return list(pieces(found, _LARGEST_ENTRY))


def _aggregate(body: Any, datapath: Datapath, _texts: SwitchTexts, _now: float) -> list[Any]:
    return aggregate(_entries(body, datapath))


def _tables(_body: Any, datapath: Datapath, _texts: SwitchTexts, _now: float) -> list[Any]:
    return [
        tuple(
            TableStats10(
                table.table_id,
                text("classifier", 32),
                int(OFPFW.ALL),
                table.capacity,
                len(table),
                table.lookups,
                table.matched,
            )
            for table in datapath.tables
        )
    ]


def _ports(body: PortStatsRequest10, datapath: Datapath, *_: Any) -> list[Any]:
    wanted = body.port_no
    found = [port for port in datapath.ports if wanted in (OFPP.NONE, port.number & MAX_SHORT)]
    return list(pieces([_port_stats(port) for port in found], _LARGEST_PORT))


def _port_stats(port: SwitchPort) -> PortStats10:
    counters = port.rx_packets, port.tx_packets, port.rx_bytes, port.tx_bytes
    dropped = port.rx_dropped, port.tx_dropped
    return PortStats10(narrowed(OPENFLOW_10, port.number), *counters, *dropped, 0, 0, 0, 0, 0, 0)


_ANSWERS: Mapping[int, Answer] = {
    OFPST.DESC: describe,
    OFPST.FLOW: _flows,
    OFPST.AGGREGATE: _aggregate,
    OFPST.TABLE: _tables,
    OFPST.PORT: _ports,
    OFPST.QUEUE: lambda *_: [()],
}
