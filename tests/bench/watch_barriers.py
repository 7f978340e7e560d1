"""Runs inside Ryu beside Horizon: how long one flow-mod and its barrier take, there and back."""

from __future__ import annotations

import statistics
import time

from ryu.lib import hub

from bench.controller import report
from horizon_ryu.app import HorizonApp
from horizon_ryu.core.ownership import Priority
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Outgoing, Output

SWITCHES = 4
TIMES = 300
_ENTRY = FlowMod(FlowCommand.ADD, Match(in_port=1), Priority.BLOCKED, 0x77, (Output(2),))


class Watch(HorizonApp):
    """Measures when all switches are there and quiet."""

    def start(self) -> None:
        super().start()
        self.spawn(self._measure)

    def _measure(self) -> None:
        switches = self.horizon.switches
        while len(switches.connected_switches()) < SWITCHES:
            hub.sleep(0.1)
        hub.sleep(1.0)
        times = []
        for turn in range(TIMES):
            start = time.perf_counter()
            switches.confirm([Outgoing(1 + turn % SWITCHES, _ENTRY)])
            times.append(1000 * (time.perf_counter() - start))
            hub.sleep(0.002)
        report(round_trip_ms=statistics.median(times))
