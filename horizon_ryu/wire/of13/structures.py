"""Actions, instructions, ports, buckets and bands of OpenFlow 1.3 (sections 7.2.1 to 7.2.5).

Nothing is interpreted: numbers of ports, groups and tables are those on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from horizon_ryu.wire.action_table import ACTIONS_13
from horizon_ryu.wire.layout import (
    OPAQUE,
    Layout,
    Tlv,
    entry,
    many,
    padded_to_8,
    record,
    tlvs,
)
from horizon_ryu.wire.of13.match import OXM_FIELD, OxmField
from horizon_ryu.wire.ofp13 import OFPAT, OFPIT, OFPMBT


@dataclass(frozen=True, slots=True)
class Port13:
    """ofp_port; ``name`` is 16 bytes, filled up with zeros."""

    port_no: int
    hw_addr: bytes
    name: bytes
    config: int
    state: int
    curr: int
    advertised: int
    supported: int
    peer: int
    curr_speed: int
    max_speed: int


@dataclass(frozen=True, slots=True)
class ActionOutput13:
    """OFPAT_OUTPUT; ``max_len`` counts for the controller alone."""

    port: int
    max_len: int = 0


@dataclass(frozen=True, slots=True)
class ActionCopyTtlOut:
    """OFPAT_COPY_TTL_OUT."""


@dataclass(frozen=True, slots=True)
class ActionCopyTtlIn:
    """OFPAT_COPY_TTL_IN."""


@dataclass(frozen=True, slots=True)
class ActionSetMplsTtl:
    """OFPAT_SET_MPLS_TTL."""

    mpls_ttl: int


@dataclass(frozen=True, slots=True)
class ActionDecMplsTtl:
    """OFPAT_DEC_MPLS_TTL."""


@dataclass(frozen=True, slots=True)
class ActionPushVlan:
    """OFPAT_PUSH_VLAN."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class ActionPopVlan:
    """OFPAT_POP_VLAN."""


@dataclass(frozen=True, slots=True)
class ActionPushMpls:
    """OFPAT_PUSH_MPLS."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class ActionPopMpls:
    """OFPAT_POP_MPLS."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class ActionSetQueue:
    """OFPAT_SET_QUEUE."""

    queue_id: int


@dataclass(frozen=True, slots=True)
class ActionGroup:
    """OFPAT_GROUP."""

    group_id: int


@dataclass(frozen=True, slots=True)
class ActionSetNwTtl:
    """OFPAT_SET_NW_TTL."""

    nw_ttl: int


@dataclass(frozen=True, slots=True)
class ActionDecNwTtl:
    """OFPAT_DEC_NW_TTL."""


@dataclass(frozen=True, slots=True)
class ActionSetField:
    """OFPAT_SET_FIELD: one field without a mask."""

    field: OxmField


@dataclass(frozen=True, slots=True)
class ActionPushPbb:
    """OFPAT_PUSH_PBB."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class ActionPopPbb:
    """OFPAT_POP_PBB."""


@dataclass(frozen=True, slots=True)
class ActionExperimenter:
    """OFPAT_EXPERIMENTER; ``data`` is opaque."""

    experimenter: int
    data: bytes = b""


Action13: TypeAlias = (
    ActionOutput13
    | ActionCopyTtlOut
    | ActionCopyTtlIn
    | ActionSetMplsTtl
    | ActionDecMplsTtl
    | ActionPushVlan
    | ActionPopVlan
    | ActionPushMpls
    | ActionPopMpls
    | ActionSetQueue
    | ActionGroup
    | ActionSetNwTtl
    | ActionDecNwTtl
    | ActionSetField
    | ActionPushPbb
    | ActionPopPbb
    | ActionExperimenter
    | Tlv
)


@dataclass(frozen=True, slots=True)
class InstructionGotoTable:
    """OFPIT_GOTO_TABLE."""

    table_id: int


@dataclass(frozen=True, slots=True)
class InstructionWriteMetadata:
    """OFPIT_WRITE_METADATA."""

    metadata: int
    metadata_mask: int


@dataclass(frozen=True, slots=True)
class InstructionWriteActions:
    """OFPIT_WRITE_ACTIONS."""

    actions: tuple[Action13, ...]


@dataclass(frozen=True, slots=True)
class InstructionApplyActions:
    """OFPIT_APPLY_ACTIONS."""

    actions: tuple[Action13, ...]


@dataclass(frozen=True, slots=True)
class InstructionClearActions:
    """OFPIT_CLEAR_ACTIONS; it should have no actions, and some senders give it some."""

    actions: tuple[Action13, ...] = ()


@dataclass(frozen=True, slots=True)
class InstructionMeter:
    """OFPIT_METER."""

    meter_id: int


@dataclass(frozen=True, slots=True)
class InstructionExperimenter:
    """OFPIT_EXPERIMENTER; ``data`` is opaque."""

    experimenter: int
    data: bytes = b""


Instruction: TypeAlias = (
    InstructionGotoTable
    | InstructionWriteMetadata
    | InstructionWriteActions
    | InstructionApplyActions
    | InstructionClearActions
    | InstructionMeter
    | InstructionExperimenter
    | Tlv
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """ofp_bucket."""

    weight: int
    watch_port: int
    watch_group: int
    actions: tuple[Action13, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterBandDrop:
    """OFPMBT_DROP; ``rate`` in the unit of the meter."""

    rate: int
    burst_size: int


@dataclass(frozen=True, slots=True)
class MeterBandDscpRemark:
    """OFPMBT_DSCP_REMARK."""

    rate: int
    burst_size: int
    prec_level: int


@dataclass(frozen=True, slots=True)
class MeterBandExperimenter:
    """OFPMBT_EXPERIMENTER; ``data`` is opaque."""

    rate: int
    burst_size: int
    experimenter: int
    data: bytes = b""


MeterBand: TypeAlias = MeterBandDrop | MeterBandDscpRemark | MeterBandExperimenter | Tlv

PORT13: Layout[Port13] = record(Port13, "I4x6s2x16sIIIIIIII")


def _action(make: Callable[..., Any], number: OFPAT) -> tuple[Any, Layout[Any]]:
    """Return the class of an action and its layout, which the table of actions has."""
    return make, record(make, ACTIONS_13[number].body_format())


ACTIONS13: Layout[tuple[Action13, ...]] = tlvs(
    {
        OFPAT.OUTPUT: _action(ActionOutput13, OFPAT.OUTPUT),
        OFPAT.COPY_TTL_OUT: _action(ActionCopyTtlOut, OFPAT.COPY_TTL_OUT),
        OFPAT.COPY_TTL_IN: _action(ActionCopyTtlIn, OFPAT.COPY_TTL_IN),
        OFPAT.SET_MPLS_TTL: _action(ActionSetMplsTtl, OFPAT.SET_MPLS_TTL),
        OFPAT.DEC_MPLS_TTL: _action(ActionDecMplsTtl, OFPAT.DEC_MPLS_TTL),
        OFPAT.PUSH_VLAN: _action(ActionPushVlan, OFPAT.PUSH_VLAN),
        OFPAT.POP_VLAN: _action(ActionPopVlan, OFPAT.POP_VLAN),
        OFPAT.PUSH_MPLS: _action(ActionPushMpls, OFPAT.PUSH_MPLS),
        OFPAT.POP_MPLS: _action(ActionPopMpls, OFPAT.POP_MPLS),
        OFPAT.SET_QUEUE: _action(ActionSetQueue, OFPAT.SET_QUEUE),
        OFPAT.GROUP: _action(ActionGroup, OFPAT.GROUP),
        OFPAT.SET_NW_TTL: _action(ActionSetNwTtl, OFPAT.SET_NW_TTL),
        OFPAT.DEC_NW_TTL: _action(ActionDecNwTtl, OFPAT.DEC_NW_TTL),
        OFPAT.SET_FIELD: (ActionSetField, record(ActionSetField, padded_to_8(OXM_FIELD, before=4))),
        OFPAT.PUSH_PBB: _action(ActionPushPbb, OFPAT.PUSH_PBB),
        OFPAT.POP_PBB: _action(ActionPopPbb, OFPAT.POP_PBB),
        OFPAT.EXPERIMENTER: (ActionExperimenter, record(ActionExperimenter, "I", OPAQUE)),
    }
)

INSTRUCTIONS: Layout[tuple[Instruction, ...]] = tlvs(
    {
        OFPIT.GOTO_TABLE: (InstructionGotoTable, record(InstructionGotoTable, "B3x")),
        OFPIT.WRITE_METADATA: (InstructionWriteMetadata, record(InstructionWriteMetadata, "4xQQ")),
        OFPIT.WRITE_ACTIONS: (
            InstructionWriteActions,
            record(InstructionWriteActions, "4x", ACTIONS13),
        ),
        OFPIT.APPLY_ACTIONS: (
            InstructionApplyActions,
            record(InstructionApplyActions, "4x", ACTIONS13),
        ),
        OFPIT.CLEAR_ACTIONS: (
            InstructionClearActions,
            record(InstructionClearActions, "4x", ACTIONS13),
        ),
        OFPIT.METER: (InstructionMeter, record(InstructionMeter, "I")),
        OFPIT.EXPERIMENTER: (InstructionExperimenter, record(InstructionExperimenter, "I", OPAQUE)),
    }
)

BUCKETS: Layout[tuple[Bucket, ...]] = many(entry(record(Bucket, "2xHII4x", ACTIONS13)))

METER_BANDS: Layout[tuple[MeterBand, ...]] = tlvs(
    {
        OFPMBT.DROP: (MeterBandDrop, record(MeterBandDrop, "II4x")),
        OFPMBT.DSCP_REMARK: (MeterBandDscpRemark, record(MeterBandDscpRemark, "IIB3x")),
        OFPMBT.EXPERIMENTER: (MeterBandExperimenter, record(MeterBandExperimenter, "III", OPAQUE)),
    }
)
