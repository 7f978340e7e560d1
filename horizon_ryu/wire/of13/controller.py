"""Controller's messages of OpenFlow 1.3 that change a switch (7.3.3, 7.3.4, 7.3.7)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, record, sized
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.structures import (
    ACTIONS13,
    BUCKETS,
    INSTRUCTIONS,
    METER_BANDS,
    Action13,
    Bucket,
    Instruction,
    MeterBand,
)


@dataclass(frozen=True, slots=True)
class FlowMod13:
    """OFPT_FLOW_MOD."""

    cookie: int
    cookie_mask: int
    table_id: int
    command: int
    idle_timeout: int
    hard_timeout: int
    priority: int
    buffer_id: int
    out_port: int
    out_group: int
    flags: int
    match: OxmMatch
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True, slots=True)
class PacketOut13:
    """OFPT_PACKET_OUT; ``data`` is there only without a ``buffer_id``."""

    buffer_id: int
    in_port: int
    actions: tuple[Action13, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class GroupMod:
    """OFPT_GROUP_MOD."""

    command: int
    type: int
    group_id: int
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class PortMod13:
    """OFPT_PORT_MOD."""

    port_no: int
    hw_addr: bytes
    config: int
    mask: int
    advertise: int


@dataclass(frozen=True, slots=True)
class TableMod:
    """OFPT_TABLE_MOD."""

    table_id: int
    config: int


@dataclass(frozen=True, slots=True)
class MeterMod13:
    """OFPT_METER_MOD."""

    command: int
    flags: int
    meter_id: int
    bands: tuple[MeterBand, ...] = ()


FLOW_MOD: Layout[FlowMod13] = record(FlowMod13, "QQBBHHHIIIH2x", MATCH13, INSTRUCTIONS)
PACKET_OUT: Layout[PacketOut13] = record(PacketOut13, "II", sized("H6x", ACTIONS13), OPAQUE)
GROUP_MOD: Layout[GroupMod] = record(GroupMod, "HBxI", BUCKETS)
PORT_MOD: Layout[PortMod13] = record(PortMod13, "I4x6s2xIII4x")
TABLE_MOD: Layout[TableMod] = record(TableMod, "B3xI")
METER_MOD: Layout[MeterMod13] = record(MeterMod13, "HHI", METER_BANDS)
