"""Dialect of OpenFlow 1.3 (specification 1.3.5, section 7)."""

from __future__ import annotations

from collections.abc import Sequence

from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13, PacketIn13, PortStatus13
from horizon_ryu.wire.of13.controller import FlowMod13, PacketOut13
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPC, OFPFC
from horizon_ryu.wire.versions import OPENFLOW_13
from virtual_switch.datapath import Datapath, RemovedEntry
from virtual_switch.dialect import FrameOut, SwitchTexts, replies, seconds
from virtual_switch.fields import IN_PORT
from virtual_switch.flow_table import FlowChange
from virtual_switch.matching import from_oxm
from virtual_switch.pipeline import ForController
from virtual_switch.statistics13 import ANSWERS, port_description
from virtual_switch.steps import read_actions, read_instructions
from virtual_switch.switch_ports import SwitchPort

_CAPABILITIES = OFPC.FLOW_STATS | OFPC.TABLE_STATS | OFPC.PORT_STATS | OFPC.GROUP_STATS


class Dialect13:
    """See :class:`virtual_switch.dialect.Dialect`."""

    version = OPENFLOW_13
    messages = MESSAGES13

    def read_flow_mod(self, mod: FlowMod13) -> FlowChange:
        adds = mod.command == OFPFC.ADD
        return FlowChange(
            mod.command,
            from_oxm(mod.match),
            mod.priority,
            mod.cookie,
            read_instructions(mod.instructions, mod.table_id),
            mod.match,
            mod.instructions,
            cookie_mask=0 if adds else mod.cookie_mask,
            table_id=mod.table_id,
            idle_timeout=mod.idle_timeout,
            hard_timeout=mod.hard_timeout,
            flags=mod.flags,
            buffer_id=None if mod.buffer_id == OFP_NO_BUFFER else mod.buffer_id,
            out_port=mod.out_port,
            out_group=mod.out_group,
        )

    def read_packet_out(self, message: PacketOut13) -> FrameOut:
        buffer_id = None if message.buffer_id == OFP_NO_BUFFER else message.buffer_id
        return FrameOut(buffer_id, message.in_port, read_actions(message.actions), message.data)

    def features(self, datapath: Datapath) -> FeaturesReply13:
        tables, room = len(datapath.tables), datapath.buffers.room
        auxiliary, able = datapath.auxiliary, int(_CAPABILITIES)
        return FeaturesReply13(datapath.dpid, room, tables, auxiliary, able)

    def packet_in(self, asked: ForController, data: bytes, buffer_id: int | None) -> PacketIn13:
        held = OFP_NO_BUFFER if buffer_id is None else buffer_id
        in_port = OxmField(OFPXMC.OPENFLOW_BASIC, IN_PORT, False, asked.in_port.to_bytes(4, "big"))
        return PacketIn13(
            held,
            len(asked.frame),
            asked.reason,
            asked.table_id,
            asked.cookie,
            OxmMatch((in_port,)),
            data,
        )

    def flow_removed(self, removed: RemovedEntry, now: float) -> FlowRemoved13:
        entry = removed.entry
        return FlowRemoved13(
            entry.cookie,
            entry.priority,
            removed.reason,
            entry.table_id,
            *seconds(now - entry.since),
            entry.idle_timeout,
            entry.hard_timeout,
            entry.packets,
            entry.octets,
            entry.wire_match,
        )

    def port_status(self, reason: int, port: SwitchPort) -> PortStatus13:
        return PortStatus13(reason, port_description(port))

    def statistics(
        self, request: MultipartRequest, datapath: Datapath, texts: SwitchTexts, now: float
    ) -> Sequence[MultipartReply]:
        answer = ANSWERS.get(request.type)
        return replies(MultipartReply, answer, request, datapath, texts, now)
