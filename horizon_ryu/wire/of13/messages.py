"""Every message of OpenFlow 1.3: what stands behind each type, in both directions."""

from __future__ import annotations

from horizon_ryu.wire.layout import empty
from horizon_ryu.wire.message_table import MessageTable
from horizon_ryu.wire.message_types import OFPT13
from horizon_ryu.wire.of13 import asynchronous, controller, handshake, multipart
from horizon_ryu.wire.symmetric import SYMMETRIC, BarrierReply, BarrierRequest
from horizon_ryu.wire.versions import OPENFLOW_13

MESSAGES13 = MessageTable(
    OPENFLOW_13,
    {
        **SYMMETRIC,
        OFPT13.EXPERIMENTER: (asynchronous.Experimenter, asynchronous.EXPERIMENTER),
        OFPT13.FEATURES_REPLY: (handshake.FeaturesReply13, handshake.FEATURES_REPLY),
        OFPT13.PACKET_IN: (asynchronous.PacketIn13, asynchronous.PACKET_IN),
        OFPT13.FLOW_REMOVED: (asynchronous.FlowRemoved13, asynchronous.FLOW_REMOVED),
        OFPT13.PORT_STATUS: (asynchronous.PortStatus13, asynchronous.PORT_STATUS),
        OFPT13.PACKET_OUT: (controller.PacketOut13, controller.PACKET_OUT),
        OFPT13.FLOW_MOD: (controller.FlowMod13, controller.FLOW_MOD),
        OFPT13.GROUP_MOD: (controller.GroupMod, controller.GROUP_MOD),
        OFPT13.PORT_MOD: (controller.PortMod13, controller.PORT_MOD),
        OFPT13.TABLE_MOD: (controller.TableMod, controller.TABLE_MOD),
        OFPT13.MULTIPART_REQUEST: (multipart.MultipartRequest, multipart.MULTIPART_REQUEST),
        OFPT13.MULTIPART_REPLY: (multipart.MultipartReply, multipart.MULTIPART_REPLY),
        OFPT13.BARRIER_REQUEST: (BarrierRequest, empty(BarrierRequest)),
        OFPT13.BARRIER_REPLY: (BarrierReply, empty(BarrierReply)),
        OFPT13.QUEUE_GET_CONFIG_REQUEST: (
            handshake.QueueGetConfigRequest13,
            handshake.QUEUE_REQUEST,
        ),
        OFPT13.QUEUE_GET_CONFIG_REPLY: (handshake.QueueGetConfigReply13, handshake.QUEUE_REPLY),
        OFPT13.ROLE_REQUEST: (handshake.RoleRequest, handshake.ROLE_REQUEST),
        OFPT13.ROLE_REPLY: (handshake.RoleReply, handshake.ROLE_REPLY),
        OFPT13.GET_ASYNC_REQUEST: (
            handshake.GetAsyncRequest,
            empty(handshake.GetAsyncRequest),
        ),
        OFPT13.GET_ASYNC_REPLY: (handshake.GetAsyncReply, handshake.GET_ASYNC_REPLY),
        OFPT13.SET_ASYNC: (handshake.SetAsync, handshake.SET_ASYNC),
        OFPT13.METER_MOD: (controller.MeterMod13, controller.METER_MOD),
    },
)
