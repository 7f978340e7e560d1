"""Runs inside Ryu: its own discovery at a given pace, and each change of its links reported."""

from __future__ import annotations

import os
from typing import Any

from ryu.base import app_manager
from ryu.controller.handler import set_ev_cls
from ryu.ofproto import ofproto_v1_3
from ryu.topology import event
from ryu.topology.switches import Switches

from bench.controller import report

PERIOD = "BENCH_LLDP_PERIOD"
"""Environment variable: seconds between two probes of a port."""

Switches.LLDP_SEND_PERIOD_PER_PORT = float(os.environ.get(PERIOD, "0.1"))
Switches.LLDP_SEND_GUARD = 0.0


class Watch(app_manager.RyuApp):  # type: ignore[misc]  # Ryu ships no types
    """Counts the links that Ryu knows."""

    OFP_VERSIONS = [ofproto_v1_3.OFP_VERSION]  # noqa: RUF012  # Ryu's convention

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.links = 0

    @set_ev_cls(event.EventLinkAdd)  # type: ignore[untyped-decorator]
    def link_added(self, _event: Any) -> None:
        self.links += 1
        report(links=self.links)

    @set_ev_cls(event.EventLinkDelete)  # type: ignore[untyped-decorator]
    def link_deleted(self, _event: Any) -> None:
        self.links -= 1
        report(links=self.links)


app_manager.require_app("ryu.topology.switches")
