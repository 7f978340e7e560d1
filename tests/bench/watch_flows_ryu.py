"""Runs inside Ryu: installs entries with its own classes when told to, and reports the time.

For each switch the entries of FLOWS flows along a row: OFPFlowMod, send_msg, and a barrier at the
end; done when the last barrier is answered.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub
from ryu.ofproto import ofproto_v1_3

from bench.controller import report
from bench.row import FLOWS, IN_PORT, LENGTH, OUT_PORT, ROUNDS, TARGET

ROUND_PAUSE = 0.5


class Install(app_manager.RyuApp):  # type: ignore[misc]  # Ryu ships no types
    """Begins when all switches are there."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]  # noqa: RUF012  # Ryu's convention

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.datapaths: dict[int, Any] = {}
        self.answered = 0
        self.all_answered = hub.Event()

    @set_ev_cls(ofp_event.EventOFPStateChange, MAIN_DISPATCHER)  # type: ignore[untyped-decorator]
    def joined(self, event: Any) -> None:
        self.datapaths[event.datapath.id] = event.datapath
        if len(self.datapaths) == LENGTH:
            hub.spawn(self.install)

    @set_ev_cls(ofp_event.EventOFPBarrierReply, MAIN_DISPATCHER)  # type: ignore[untyped-decorator]
    def barrier(self, _event: Any) -> None:
        self.answered += 1
        if self.answered == LENGTH:
            self.all_answered.set()

    def install(self) -> None:
        times = []
        for _ in range(ROUNDS):
            hub.sleep(ROUND_PAUSE)
            self.answered = 0
            self.all_answered.clear()
            start = time.monotonic()
            for dpid in sorted(self.datapaths):
                self.send(self.datapaths[dpid])
            self.all_answered.wait()
            times.append(1000 * (time.monotonic() - start))
        report(install_ms=min(times), process=os.getpid())

    def send(self, datapath: Any) -> None:
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        for number in range(FLOWS):
            match = parser.OFPMatch(
                in_port=IN_PORT, eth_type=0x0800, ip_proto=17, ipv4_dst=TARGET, udp_dst=number
            )
            actions = [parser.OFPActionOutput(OUT_PORT, 0)]
            apply = [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions)]
            datapath.send_msg(
                parser.OFPFlowMod(
                    datapath,
                    cookie=number,
                    priority=500,
                    flags=ofproto.OFPFF_SEND_FLOW_REM,
                    out_port=ofproto.OFPP_ANY,
                    out_group=ofproto.OFPG_ANY,
                    match=match,
                    instructions=apply,
                )
            )
        datapath.send_msg(parser.OFPBarrierRequest(datapath))
