"""Statistics of OpenFlow 1.0, requests and replies (section 5.3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from horizon_ryu.wire.layout import OPAQUE, Layout, chosen, entry, many, record
from horizon_ryu.wire.of10.structures import ACTIONS10, MATCH10, Action10, Match10
from horizon_ryu.wire.ofp10 import OFPST


@dataclass(frozen=True, slots=True)
class FlowStatsRequest10:
    """Of OFPST_FLOW and OFPST_AGGREGATE."""

    match: Match10
    table_id: int
    out_port: int


@dataclass(frozen=True, slots=True)
class PortStatsRequest10:
    """Of OFPST_PORT."""

    port_no: int


@dataclass(frozen=True, slots=True)
class QueueStatsRequest10:
    """Of OFPST_QUEUE."""

    port_no: int
    queue_id: int


@dataclass(frozen=True, slots=True)
class VendorStats:
    """Of OFPST_VENDOR, either way; ``data`` is opaque."""

    vendor: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class DescStats:
    """OFPST_DESC, the same on 1.3; texts filled up with zeros to 256 bytes, the number to 32."""

    mfr_desc: bytes
    hw_desc: bytes
    sw_desc: bytes
    serial_num: bytes
    dp_desc: bytes


@dataclass(frozen=True, slots=True)
class FlowStats10:
    """A flow entry of OFPST_FLOW."""

    table_id: int
    match: Match10
    duration_sec: int
    duration_nsec: int
    priority: int
    idle_timeout: int
    hard_timeout: int
    cookie: int
    packet_count: int
    byte_count: int
    actions: tuple[Action10, ...] = ()


@dataclass(frozen=True, slots=True)
class AggregateStats:
    """OFPST_AGGREGATE, the same on 1.3."""

    packet_count: int
    byte_count: int
    flow_count: int


@dataclass(frozen=True, slots=True)
class TableStats10:
    """A table of OFPST_TABLE; ``name`` is 32 bytes, filled up with zeros."""

    table_id: int
    name: bytes
    wildcards: int
    max_entries: int
    active_count: int
    lookup_count: int
    matched_count: int


@dataclass(frozen=True, slots=True)
class PortStats10:
    """A port of OFPST_PORT."""

    port_no: int
    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_dropped: int
    tx_dropped: int
    rx_errors: int
    tx_errors: int
    rx_frame_err: int
    rx_over_err: int
    rx_crc_err: int
    collisions: int


@dataclass(frozen=True, slots=True)
class QueueStats10:
    """A queue of OFPST_QUEUE."""

    port_no: int
    queue_id: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int


RequestBody10: TypeAlias = (
    FlowStatsRequest10 | PortStatsRequest10 | QueueStatsRequest10 | VendorStats | bytes
)
ReplyBody10: TypeAlias = (
    DescStats
    | AggregateStats
    | VendorStats
    | tuple[FlowStats10, ...]
    | tuple[TableStats10, ...]
    | tuple[PortStats10, ...]
    | tuple[QueueStats10, ...]
    | bytes
)


@dataclass(frozen=True, slots=True)
class StatsRequest:
    """OFPT_STATS_REQUEST; ``body`` is of the class that ``type`` (OFPST) has, or bytes."""

    type: int
    flags: int = 0
    body: RequestBody10 = b""


@dataclass(frozen=True, slots=True)
class StatsReply:
    """OFPT_STATS_REPLY, or a part of one: bit 0 of ``flags`` says that more follows."""

    type: int
    flags: int
    body: ReplyBody10


_VENDOR = record(VendorStats, "I", OPAQUE)
_FLOWS = record(FlowStatsRequest10, MATCH10, "BxH")
DESC: Layout[DescStats] = record(DescStats, "256s256s256s32s256s")
AGGREGATE: Layout[AggregateStats] = record(AggregateStats, "QQI4x")

STATS_REQUEST: Layout[StatsRequest] = chosen(
    StatsRequest,
    "HH",
    {
        OFPST.FLOW: _FLOWS,
        OFPST.AGGREGATE: _FLOWS,
        OFPST.PORT: record(PortStatsRequest10, "H6x"),
        OFPST.QUEUE: record(QueueStatsRequest10, "H2xI"),
        OFPST.VENDOR: _VENDOR,
    },
)
STATS_REPLY: Layout[StatsReply] = chosen(
    StatsReply,
    "HH",
    {
        OFPST.DESC: DESC,
        OFPST.FLOW: many(entry(record(FlowStats10, "2xBx", MATCH10, "IIHHH6xQQQ", ACTIONS10))),
        OFPST.AGGREGATE: AGGREGATE,
        OFPST.TABLE: many(record(TableStats10, "B3x32sIIIQQ")),
        OFPST.PORT: many(record(PortStats10, "H6x12Q")),
        OFPST.QUEUE: many(record(QueueStats10, "H2xIQQQ")),
        OFPST.VENDOR: _VENDOR,
    },
)
