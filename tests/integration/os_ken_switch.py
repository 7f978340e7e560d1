"""A learning switch of OpenFlow 1.0 with os-ken, started as ``os_ken_switch.py PORT``."""

from __future__ import annotations

import sys
from typing import Any

from os_ken import cfg
from os_ken.base.app_manager import AppManager, OSKenApp
from os_ken.controller import ofp_event
from os_ken.controller.handler import MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet.packet import Packet
from os_ken.ofproto import ofproto_v1_0


class LearningSwitch(OSKenApp):
    """Sends a frame to where its target was last seen, else everywhere."""

    OFP_VERSIONS = [ofproto_v1_0.OFP_VERSION]  # noqa: RUF012 - os-ken reads it so

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.places: dict[tuple[int, str], int] = {}

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, event: Any) -> None:
        """Learn, and answer with an entry where the target is known."""
        message = event.msg
        datapath = message.datapath
        protocol, parser = datapath.ofproto, datapath.ofproto_parser
        ethernet = Packet(message.data).protocols[0]
        if ethernet.ethertype == 0x88CC:
            return
        self.places[datapath.id, ethernet.src] = message.in_port
        out = self.places.get((datapath.id, ethernet.dst), protocol.OFPP_FLOOD)
        actions = [parser.OFPActionOutput(out)]
        if out != protocol.OFPP_FLOOD:
            match = parser.OFPMatch(
                in_port=message.in_port, dl_src=ethernet.src, dl_dst=ethernet.dst
            )
            datapath.send_msg(
                parser.OFPFlowMod(
                    datapath=datapath, match=match, cookie=0, command=protocol.OFPFC_ADD,
                    idle_timeout=0, hard_timeout=0, priority=protocol.OFP_DEFAULT_PRIORITY,
                    actions=actions,
                )
            )  # fmt: skip
        datapath.send_msg(
            parser.OFPPacketOut(
                datapath=datapath, buffer_id=protocol.OFP_NO_BUFFER, in_port=message.in_port,
                actions=actions, data=message.data,
            )
        )  # fmt: skip


if __name__ == "__main__":
    cfg.CONF(args=[f"--ofp-tcp-listen-port={sys.argv[1]}"], project="os_ken")
    AppManager.run_apps([__file__])
