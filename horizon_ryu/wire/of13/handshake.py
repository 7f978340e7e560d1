"""Features, queues, roles and asynchronous masks of OpenFlow 1.3 (section 7.3)."""

from __future__ import annotations

from dataclasses import dataclass

from horizon_ryu.wire.layout import OPAQUE, Layout, Tlv, entry, many, record, tlvs
from horizon_ryu.wire.ofp13 import OFPQT


@dataclass(frozen=True, slots=True)
class FeaturesReply13:
    """ofp_switch_features; the ports are asked for apart."""

    datapath_id: int
    n_buffers: int
    n_tables: int
    auxiliary_id: int
    capabilities: int
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class QueueGetConfigRequest13:
    """Asks for the queues of a port."""

    port: int


@dataclass(frozen=True, slots=True)
class QueuePropMinRate13:
    """OFPQT_MIN_RATE: in tenths of a percent of the port's speed; above 1000: not set."""

    rate: int


@dataclass(frozen=True, slots=True)
class QueuePropMaxRate13:
    """OFPQT_MAX_RATE."""

    rate: int


@dataclass(frozen=True, slots=True)
class QueuePropExperimenter:
    """OFPQT_EXPERIMENTER; ``data`` is opaque."""

    experimenter: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class PacketQueue13:
    """ofp_packet_queue."""

    queue_id: int
    port: int
    properties: tuple[QueuePropMinRate13 | QueuePropMaxRate13 | QueuePropExperimenter | Tlv, ...]


@dataclass(frozen=True, slots=True)
class QueueGetConfigReply13:
    """The queues of a port."""

    port: int
    queues: tuple[PacketQueue13, ...]


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """OFPT_ROLE_REQUEST: a controller asks for a role, or for its role."""

    role: int
    generation_id: int


@dataclass(frozen=True, slots=True)
class RoleReply:
    """OFPT_ROLE_REPLY."""

    role: int
    generation_id: int


@dataclass(frozen=True, slots=True)
class GetAsyncRequest:
    """Asks for what SetAsync sets."""


@dataclass(frozen=True, slots=True)
class AsyncMasks:
    """ofp_async_config: bits of the reasons for which a message is sent.

    Each first to a controller that is master or equal, then to a slave.
    """

    packet_in_mask: int
    packet_in_mask_slave: int
    port_status_mask: int
    port_status_mask_slave: int
    flow_removed_mask: int
    flow_removed_mask_slave: int


@dataclass(frozen=True, slots=True)
class GetAsyncReply(AsyncMasks):
    """OFPT_GET_ASYNC_REPLY."""


@dataclass(frozen=True, slots=True)
class SetAsync(AsyncMasks):
    """OFPT_SET_ASYNC."""


_PROPERTIES = tlvs(
    {
        OFPQT.MIN_RATE: (QueuePropMinRate13, record(QueuePropMinRate13, "4xH6x")),
        OFPQT.MAX_RATE: (QueuePropMaxRate13, record(QueuePropMaxRate13, "4xH6x")),
        OFPQT.EXPERIMENTER: (QueuePropExperimenter, record(QueuePropExperimenter, "4xI4x", OPAQUE)),
    }
)
_QUEUE = entry(record(PacketQueue13, "II2x6x", _PROPERTIES), length_at=8)

FEATURES_REPLY: Layout[FeaturesReply13] = record(FeaturesReply13, "QIBB2xII")
QUEUE_REQUEST: Layout[QueueGetConfigRequest13] = record(QueueGetConfigRequest13, "I4x")
QUEUE_REPLY: Layout[QueueGetConfigReply13] = record(QueueGetConfigReply13, "I4x", many(_QUEUE))
ROLE_REQUEST: Layout[RoleRequest] = record(RoleRequest, "I4xQ")
ROLE_REPLY: Layout[RoleReply] = record(RoleReply, "I4xQ")
GET_ASYNC_REPLY: Layout[GetAsyncReply] = record(GetAsyncReply, "6I")
SET_ASYNC: Layout[SetAsync] = record(SetAsync, "6I")
