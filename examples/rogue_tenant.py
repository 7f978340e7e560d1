"""Tenant that wants what is not its own: it takes others' frames, then floods the network.

An application for Ryu: ``ryu-manager --ofp-tcp-listen-port 7003 examples/rogue_tenant.py``. Give it
a slice with limits, and ``horizonctl slices stats`` tells what was refused; ``make demo`` does so.
"""

from __future__ import annotations

from typing import Any

from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub

THEFTS = 20
FLOOD = 10_000


class Rogue(app_manager.RyuApp):
    """Steals and floods, on each switch that it is given."""

    @set_ev_cls(ofp_event.EventOFPStateChange, MAIN_DISPATCHER)
    def on_switch(self, event: Any) -> None:
        """Begin as soon as a switch is there."""
        hub.spawn(self._misbehave, event.datapath)

    def _misbehave(self, datapath: Any) -> None:
        for port in range(1, 1 + THEFTS):
            self._take_all(datapath, port)
        for number in range(FLOOD):
            datapath.send_msg(datapath.ofproto_parser.OFPBarrierRequest(datapath))
            if number % 100 == 0:
                hub.sleep(0)

    def _take_all(self, datapath: Any, port: int) -> None:
        """Ask for all untagged frames of a port to come here."""
        ofproto, parser = datapath.ofproto, datapath.ofproto_parser
        here = parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)
        datapath.send_msg(
            parser.OFPFlowMod(
                datapath=datapath,
                priority=0xFFFF,
                match=parser.OFPMatch(in_port=port, vlan_vid=ofproto.OFPVID_NONE),
                instructions=[
                    parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, [here]),
                ],
            )
        )
