"""Multipart requests and replies of OpenFlow 1.3 (section 7.3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from horizon_ryu.wire.layout import Layout, chosen, many
from horizon_ryu.wire.of10.statistics import AGGREGATE, DESC, AggregateStats, DescStats
from horizon_ryu.wire.of13 import statistics
from horizon_ryu.wire.of13.statistics import (
    ExperimenterStats,
    FlowStats13,
    FlowStatsRequest13,
    GroupDesc,
    GroupFeatures,
    GroupStats,
    GroupStatsRequest,
    MeterConfig,
    MeterFeatures,
    MeterStats,
    MeterStatsRequest,
    PortStats13,
    PortStatsRequest13,
    QueueStats13,
    QueueStatsRequest13,
    TableFeaturesEntry,
    TableStats13,
)
from horizon_ryu.wire.of13.structures import PORT13, Port13
from horizon_ryu.wire.ofp13 import OFPMP

RequestBody13: TypeAlias = (
    FlowStatsRequest13
    | PortStatsRequest13
    | QueueStatsRequest13
    | GroupStatsRequest
    | MeterStatsRequest
    | ExperimenterStats
    | tuple[TableFeaturesEntry, ...]
    | bytes
)
ReplyBody13: TypeAlias = (
    DescStats
    | AggregateStats
    | GroupFeatures
    | MeterFeatures
    | ExperimenterStats
    | tuple[FlowStats13, ...]
    | tuple[TableStats13, ...]
    | tuple[PortStats13, ...]
    | tuple[QueueStats13, ...]
    | tuple[GroupStats, ...]
    | tuple[GroupDesc, ...]
    | tuple[MeterStats, ...]
    | tuple[MeterConfig, ...]
    | tuple[TableFeaturesEntry, ...]
    | tuple[Port13, ...]
    | bytes
)


@dataclass(frozen=True, slots=True)
class MultipartRequest:
    """OFPT_MULTIPART_REQUEST, or a part of one; ``body`` as ``type`` (OFPMP) has it, or bytes."""

    type: int
    flags: int = 0
    body: RequestBody13 = b""


@dataclass(frozen=True, slots=True)
class MultipartReply:
    """OFPT_MULTIPART_REPLY, or a part of one: bit 0 of ``flags`` says that more follows."""

    type: int
    flags: int
    body: ReplyBody13


MULTIPART_REQUEST: Layout[MultipartRequest] = chosen(
    MultipartRequest,
    "HH4x",
    {
        OFPMP.FLOW: statistics.FLOW_REQUEST,
        OFPMP.AGGREGATE: statistics.FLOW_REQUEST,
        OFPMP.PORT_STATS: statistics.PORT_REQUEST,
        OFPMP.QUEUE: statistics.QUEUE_REQUEST,
        OFPMP.GROUP: statistics.GROUP_REQUEST,
        OFPMP.METER: statistics.METER_REQUEST,
        OFPMP.METER_CONFIG: statistics.METER_REQUEST,
        OFPMP.TABLE_FEATURES: statistics.TABLE_FEATURES,
        OFPMP.EXPERIMENTER: statistics.EXPERIMENTER,
    },
)
MULTIPART_REPLY: Layout[MultipartReply] = chosen(
    MultipartReply,
    "HH4x",
    {
        OFPMP.DESC: DESC,
        OFPMP.FLOW: statistics.FLOWS,
        OFPMP.AGGREGATE: AGGREGATE,
        OFPMP.TABLE: statistics.TABLES,
        OFPMP.PORT_STATS: statistics.PORTS,
        OFPMP.QUEUE: statistics.QUEUES,
        OFPMP.GROUP: statistics.GROUPS,
        OFPMP.GROUP_DESC: statistics.GROUP_DESCS,
        OFPMP.GROUP_FEATURES: statistics.GROUP_FEATURES,
        OFPMP.METER: statistics.METERS,
        OFPMP.METER_CONFIG: statistics.METER_CONFIGS,
        OFPMP.METER_FEATURES: statistics.METER_FEATURES,
        OFPMP.TABLE_FEATURES: statistics.TABLE_FEATURES,
        OFPMP.PORT_DESC: many(PORT13),
        OFPMP.EXPERIMENTER: statistics.EXPERIMENTER,
    },
)
