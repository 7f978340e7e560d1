"""Every message of OpenFlow 1.0: what stands behind each type, in both directions."""

from __future__ import annotations

from horizon_ryu.wire.layout import empty
from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.of10 import asynchronous, controller, handshake, statistics
from horizon_ryu.wire.ofp10 import OFPT
from horizon_ryu.wire.symmetric import SYMMETRIC, BarrierReply, BarrierRequest
from horizon_ryu.wire.versions import OPENFLOW_10

MESSAGES10 = MessageTable(
    OPENFLOW_10,
    {
        **SYMMETRIC,
        OFPT.VENDOR: (asynchronous.Vendor, asynchronous.VENDOR),
        OFPT.FEATURES_REPLY: (handshake.FeaturesReply10, handshake.FEATURES_REPLY),
        OFPT.PACKET_IN: (asynchronous.PacketIn10, asynchronous.PACKET_IN),
        OFPT.FLOW_REMOVED: (asynchronous.FlowRemoved10, asynchronous.FLOW_REMOVED),
        OFPT.PORT_STATUS: (asynchronous.PortStatus10, asynchronous.PORT_STATUS),
        OFPT.PACKET_OUT: (controller.PacketOut10, controller.PACKET_OUT),
        OFPT.FLOW_MOD: (controller.FlowMod10, controller.FLOW_MOD),
        OFPT.PORT_MOD: (controller.PortMod10, controller.PORT_MOD),
        OFPT.STATS_REQUEST: (statistics.StatsRequest, statistics.STATS_REQUEST),
        OFPT.STATS_REPLY: (statistics.StatsReply, statistics.STATS_REPLY),
        OFPT.BARRIER_REQUEST: (BarrierRequest, empty(BarrierRequest)),
        OFPT.BARRIER_REPLY: (BarrierReply, empty(BarrierReply)),
        OFPT.QUEUE_GET_CONFIG_REQUEST: (
            handshake.QueueGetConfigRequest10,
            handshake.QUEUE_REQUEST,
        ),
        OFPT.QUEUE_GET_CONFIG_REPLY: (handshake.QueueGetConfigReply10, handshake.QUEUE_REPLY),
    },
)
