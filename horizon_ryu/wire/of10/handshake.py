"""Features and queues of an OpenFlow 1.0 switch (sections 5.3.1 and 5.3.4)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import Layout, Tlv, entry, many, record, tlvs
from horizon_ryu.wire.of10.structures import PORT10, Port10
from horizon_ryu.wire.ofp10 import OFPQT


@dataclass(frozen=True, slots=True)
class FeaturesReply10:
    """ofp_switch_features."""

    datapath_id: int
    n_buffers: int
    n_tables: int
    capabilities: int
    actions: int
    ports: tuple[Port10, ...]


@dataclass(frozen=True, slots=True)
class QueueGetConfigRequest10:
    """Asks for the queues of a port."""

    port: int


@dataclass(frozen=True, slots=True)
class QueuePropNone10:
    """OFPQT_NONE."""


@dataclass(frozen=True, slots=True)
class QueuePropMinRate10:
    """OFPQT_MIN_RATE: in tenths of a percent of the port's speed; above 1000: not set."""

    rate: int


@dataclass(frozen=True, slots=True)
class PacketQueue10:
    """ofp_packet_queue."""

    queue_id: int
    properties: tuple[QueuePropNone10 | QueuePropMinRate10 | Tlv, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueGetConfigReply10:
    """The queues of a port."""

    port: int
    queues: tuple[PacketQueue10, ...]


_PROPERTIES = tlvs(
    {
        OFPQT.NONE: (QueuePropNone10, record(QueuePropNone10, "4x")),
        OFPQT.MIN_RATE: (QueuePropMinRate10, record(QueuePropMinRate10, "4xH6x")),
    }
)
_QUEUE = entry(record(PacketQueue10, "I2x2x", _PROPERTIES), length_at=4)

FEATURES_REPLY: Layout[FeaturesReply10] = record(FeaturesReply10, "QIB3xII", many(PORT10))
QUEUE_REQUEST: Layout[QueueGetConfigRequest10] = record(QueueGetConfigRequest10, "H2x")
QUEUE_REPLY: Layout[QueueGetConfigReply10] = record(QueueGetConfigReply10, "H6x", many(_QUEUE))
