"""Every message of OpenFlow 1.3: what stands behind each type, in both directions."""

from __future__ import annotations

from horizon_ryu.wire.layout import empty
from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.of13 import asynchronous, controller, handshake, multipart
from horizon_ryu.wire.ofp13 import OFPT
from horizon_ryu.wire.symmetric import SYMMETRIC, BarrierReply, BarrierRequest
from horizon_ryu.wire.versions import OPENFLOW_13

MESSAGES13 = MessageTable(
    OPENFLOW_13,
    {
        **SYMMETRIC,
        OFPT.EXPERIMENTER: (asynchronous.Experimenter, asynchronous.EXPERIMENTER),
        OFPT.FEATURES_REPLY: (handshake.FeaturesReply13, handshake.FEATURES_REPLY),
        OFPT.PACKET_IN: (asynchronous.PacketIn13, asynchronous.PACKET_IN),
        OFPT.FLOW_REMOVED: (asynchronous.FlowRemoved13, asynchronous.FLOW_REMOVED),
        OFPT.PORT_STATUS: (asynchronous.PortStatus13, asynchronous.PORT_STATUS),
        OFPT.PACKET_OUT: (controller.PacketOut13, controller.PACKET_OUT),
        OFPT.FLOW_MOD: (controller.FlowMod13, controller.FLOW_MOD),
        OFPT.GROUP_MOD: (controller.GroupMod, controller.GROUP_MOD),
        OFPT.PORT_MOD: (controller.PortMod13, controller.PORT_MOD),
        OFPT.TABLE_MOD: (controller.TableMod, controller.TABLE_MOD),
        OFPT.MULTIPART_REQUEST: (multipart.MultipartRequest, multipart.MULTIPART_REQUEST),
        OFPT.MULTIPART_REPLY: (multipart.MultipartReply, multipart.MULTIPART_REPLY),
        OFPT.BARRIER_REQUEST: (BarrierRequest, empty(BarrierRequest)),
        OFPT.BARRIER_REPLY: (BarrierReply, empty(BarrierReply)),
        OFPT.QUEUE_GET_CONFIG_REQUEST: (
            handshake.QueueGetConfigRequest13,
            handshake.QUEUE_REQUEST,
        ),
        OFPT.QUEUE_GET_CONFIG_REPLY: (handshake.QueueGetConfigReply13, handshake.QUEUE_REPLY),
        OFPT.ROLE_REQUEST: (handshake.RoleRequest, handshake.ROLE_REQUEST),
        OFPT.ROLE_REPLY: (handshake.RoleReply, handshake.ROLE_REPLY),
        OFPT.GET_ASYNC_REQUEST: (
            handshake.GetAsyncRequest,
            empty(handshake.GetAsyncRequest),
        ),
        OFPT.GET_ASYNC_REPLY: (handshake.GetAsyncReply, handshake.GET_ASYNC_REPLY),
        OFPT.SET_ASYNC: (handshake.SetAsync, handshake.SET_ASYNC),
        OFPT.METER_MOD: (controller.MeterMod13, controller.METER_MOD),
    },
)
