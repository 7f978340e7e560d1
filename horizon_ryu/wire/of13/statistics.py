"""Bodies of the multipart messages of OpenFlow 1.3 (section 7.3.5)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, Tlv, entry, many, record, tlvs
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.structures import (
    BUCKETS,
    INSTRUCTIONS,
    METER_BANDS,
    Bucket,
    Instruction,
    MeterBand,
)


@dataclass(frozen=True, slots=True)
class FlowStatsRequest13:
    """Of OFPMP_FLOW and OFPMP_AGGREGATE."""

    table_id: int
    out_port: int
    out_group: int
    cookie: int
    cookie_mask: int
    match: OxmMatch


@dataclass(frozen=True, slots=True)
class PortStatsRequest13:
    """Of OFPMP_PORT_STATS."""

    port_no: int


@dataclass(frozen=True, slots=True)
class QueueStatsRequest13:
    """Of OFPMP_QUEUE."""

    port_no: int
    queue_id: int


@dataclass(frozen=True, slots=True)
class GroupStatsRequest:
    """Of OFPMP_GROUP."""

    group_id: int


@dataclass(frozen=True, slots=True)
class MeterStatsRequest:
    """Of OFPMP_METER and OFPMP_METER_CONFIG."""

    meter_id: int


@dataclass(frozen=True, slots=True)
class ExperimenterStats:
    """Of OFPMP_EXPERIMENTER, either way; ``data`` is opaque."""

    experimenter: int
    exp_type: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class FlowStats13:
    """A flow entry of OFPMP_FLOW."""

    table_id: int
    duration_sec: int
    duration_nsec: int
    priority: int
    idle_timeout: int
    hard_timeout: int
    flags: int
    cookie: int
    packet_count: int
    byte_count: int
    match: OxmMatch
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True, slots=True)
class TableStats13:
    """A table of OFPMP_TABLE."""

    table_id: int
    active_count: int
    lookup_count: int
    matched_count: int


@dataclass(frozen=True, slots=True)
class PortStats13:
    """A port of OFPMP_PORT_STATS."""

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
    duration_sec: int
    duration_nsec: int


@dataclass(frozen=True, slots=True)
class QueueStats13:
    """A queue of OFPMP_QUEUE."""

    port_no: int
    queue_id: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    duration_sec: int
    duration_nsec: int


@dataclass(frozen=True, slots=True)
class Counter:
    """ofp_bucket_counter and ofp_meter_band_stats."""

    packet_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class GroupStats:
    """A group of OFPMP_GROUP."""

    group_id: int
    ref_count: int
    packet_count: int
    byte_count: int
    duration_sec: int
    duration_nsec: int
    bucket_stats: tuple[Counter, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupDesc:
    """A group of OFPMP_GROUP_DESC."""

    type: int
    group_id: int
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupFeatures:
    """OFPMP_GROUP_FEATURES; of each type (all, select, indirect, fast failover) one number."""

    types: int
    capabilities: int
    max_groups_all: int
    max_groups_select: int
    max_groups_indirect: int
    max_groups_ff: int
    actions_all: int
    actions_select: int
    actions_indirect: int
    actions_ff: int


@dataclass(frozen=True, slots=True)
class MeterStats:
    """A meter of OFPMP_METER."""

    meter_id: int
    flow_count: int
    packet_in_count: int
    byte_in_count: int
    duration_sec: int
    duration_nsec: int
    band_stats: tuple[Counter, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterConfig:
    """A meter of OFPMP_METER_CONFIG."""

    flags: int
    meter_id: int
    bands: tuple[MeterBand, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterFeatures:
    """OFPMP_METER_FEATURES."""

    max_meter: int
    band_types: int
    capabilities: int
    max_bands: int
    max_color: int


@dataclass(frozen=True, slots=True)
class TableFeaturesEntry:
    """A table of OFPMP_TABLE_FEATURES, either way; the bodies of its properties are opaque."""

    table_id: int
    name: bytes
    metadata_match: int
    metadata_write: int
    config: int
    max_entries: int
    properties: tuple[Tlv, ...] = ()


FLOW_REQUEST: Layout[FlowStatsRequest13] = record(FlowStatsRequest13, "B3xII4xQQ", MATCH13)
PORT_REQUEST: Layout[PortStatsRequest13] = record(PortStatsRequest13, "I4x")
QUEUE_REQUEST: Layout[QueueStatsRequest13] = record(QueueStatsRequest13, "II")
GROUP_REQUEST: Layout[GroupStatsRequest] = record(GroupStatsRequest, "I4x")
METER_REQUEST: Layout[MeterStatsRequest] = record(MeterStatsRequest, "I4x")
EXPERIMENTER: Layout[ExperimenterStats] = record(ExperimenterStats, "II", OPAQUE)

FLOWS: Layout[tuple[FlowStats13, ...]] = many(
    entry(record(FlowStats13, "2xBxIIHHHH4xQQQ", MATCH13, INSTRUCTIONS))
)
TABLES: Layout[tuple[TableStats13, ...]] = many(record(TableStats13, "B3xIQQ"))
PORTS: Layout[tuple[PortStats13, ...]] = many(record(PortStats13, "I4x12QII"))
QUEUES: Layout[tuple[QueueStats13, ...]] = many(record(QueueStats13, "IIQQQII"))
_COUNTERS = many(record(Counter, "QQ"))
GROUPS: Layout[tuple[GroupStats, ...]] = many(entry(record(GroupStats, "4xII4xQQII", _COUNTERS)))
GROUP_DESCS: Layout[tuple[GroupDesc, ...]] = many(entry(record(GroupDesc, "2xBxI", BUCKETS)))
GROUP_FEATURES: Layout[GroupFeatures] = record(GroupFeatures, "II4I4I")
METERS: Layout[tuple[MeterStats, ...]] = many(
    entry(record(MeterStats, "I8xIQQII", _COUNTERS), length_at=4)
)
METER_CONFIGS: Layout[tuple[MeterConfig, ...]] = many(
    entry(record(MeterConfig, "2xHI", METER_BANDS))
)
METER_FEATURES: Layout[MeterFeatures] = record(MeterFeatures, "IIIBB2x")
TABLE_FEATURES: Layout[tuple[TableFeaturesEntry, ...]] = many(
    entry(record(TableFeaturesEntry, "2xB5x32sQQII", tlvs({}, padded=True)))
)
