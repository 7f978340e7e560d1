"""The report's bandwidth control (4.2): two senders, one receiver, limits that change on the way.

Each sender is in a slice of its own with Ryu's unmodified learning switch of OpenFlow 1.3, and a
meter holds the slice. ``python -m tools.bandwidth_lab udp udp`` prints a row for each interval;
it needs root.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicer_process import SlicerProcess
from topologies.catalogue import build
from topologies.driver import SYSTEM_PYTHON, MininetProcess
from topologies.graphs import GraphHost

PROBE = Path(__file__).with_name("bandwidth_probe.py")
PORT = 5_001
OFFERED_KBPS = 10_000
"""What each sender sends where nothing holds it."""
SECONDS = 60.0
_METER = re.compile(r"\brate=(\d+)")


class Limits(NamedTuple):
    """What the senders may send in an interval, in kb/s; None: as much as they like."""

    a: int | None
    b: int | None


class IntervalRow(NamedTuple):
    """The limits of an interval, and what came of each sender, in kb/s of frames."""

    limits: Limits
    a: float
    b: float


REPORT_SCHEDULE = (
    Limits(None, None),
    Limits(6_000, 3_000),
    Limits(4_000, 4_000),
    Limits(None, None),
)
"""The report's; of the second interval it does not say what sender B may send."""


class BandwidthLab:
    """The network of Fig. 4.5, the slicer and two tenants; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        graph = build("fig4_5")
        self._senders = graph.hosts[:2]
        self._receiver = graph.hosts[2]
        self._dpid = graph.switches[0].dpid
        self._graph = graph

    def __enter__(self) -> BandwidthLab:
        with ExitStack() as stack:
            tenants = [
                stack.enter_context(RyuProcess(self._folder, name, "ryu.app.simple_switch_13"))
                for name in ("a", "b")
            ]
            self._urls = [f"tcp:127.0.0.1:{tenant.port}" for tenant in tenants]
            slices = self._slices(Limits(None, None))
            self._slicer = stack.enter_context(SlicerProcess(self._folder, slices))
            url = f"tcp:127.0.0.1:{self._slicer.port}"
            self.network = stack.enter_context(
                MininetProcess(self._graph, [url], versions=["OpenFlow13"])
            )
            for sender in self._senders:
                wait_until(partial(self._reaches, sender), SECONDS, f"{sender.name} pings")
            words = [SYSTEM_PYTHON, str(PROBE), "sink", str(PORT)]
            taking = self.network.spawn(self._receiver.name, words)
            self.network.wait_for_output(taking, "taking")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_about: object) -> None:
        self._stack.close()

    def run(
        self,
        protocols: tuple[str, str],
        schedule: tuple[Limits, ...] = REPORT_SCHEDULE,
        skip: float = 1.0,
        seconds: float = 3.0,
    ) -> list[IntervalRow]:
        """Return what came in each interval, ``skip`` seconds after its limits were in force."""
        jobs = [
            self._probe(host, protocol, self._receiver.ip, PORT, OFFERED_KBPS)
            for host, protocol in zip(self._senders, protocols, strict=True)
        ]
        try:
            return [self._interval(limits, skip, seconds) for limits in schedule]
        finally:
            for job in jobs:
                self.network.interrupt(job)

    def _interval(self, limits: Limits, skip: float, seconds: float) -> IntervalRow:
        self._slicer.configure(self._slices(limits))
        wanted = sorted(limit for limit in limits if limit is not None)
        wait_until(lambda: self._in_force() == wanted, SECONDS, f"meters {wanted} in force")
        job = self._probe(self._receiver, "count", self._receiver.interface, skip, seconds)
        found = json.loads(self.network.wait(job, skip + seconds + SECONDS).output)
        return IntervalRow(limits, *(found.get(host.mac, 0.0) for host in self._senders))

    def _in_force(self) -> list[int]:
        """Return the rates of meters of the switch; those that no entry names are not in force."""
        rates = sorted(int(rate) for rate in _METER.findall(self._ask("dump-meters")))
        metered = [flow for flow in self.network.flows(self._dpid) if "meter:" in flow]
        return rates if bool(rates) == bool(metered) else [-1]

    def _ask(self, command: str) -> str:
        return self.network.ofctl(self._dpid, command)

    def _probe(self, host: GraphHost, *words: object) -> int:
        return self.network.spawn(
            host.name, [SYSTEM_PYTHON, str(PROBE), *(str(word) for word in words)]
        )

    def _reaches(self, host: GraphHost) -> bool:
        ran = self.network.run(host.name, ["ping", "-c", "1", "-W", "1", self._receiver.ip])
        return ran.status == 0

    def _slices(self, limits: Limits) -> list[dict[str, Any]]:
        """Return a slice for each sender: what it sends, and what the receiver sends to it."""
        found = []
        for name, url, host, limit in zip("ab", self._urls, self._senders, limits, strict=True):
            to_it = {"ports": [self._receiver.port], "match": {"dl_dst": host.mac}}
            one: dict[str, Any] = {
                "name": name,
                "controllers": [{"url": url}],
                "flowspace": [{"ports": [host.port]}, to_it],
            }
            if limit is not None:
                share = {"mode": "meter", "rate_kbps": limit, "burst_kb": limit // 4}
                one["bandwidth"] = share
            found.append(one)
        return found


def main(protocols: tuple[str, str]) -> None:
    """Print the report's schedule for two senders."""
    with tempfile.TemporaryDirectory() as folder, BandwidthLab(Path(folder)) as lab:
        for row in lab.run(protocols):
            print(f"{row.limits.a} {row.limits.b} kb/s: A {row.a:.0f}, B {row.b:.0f}", flush=True)


if __name__ == "__main__":
    main((sys.argv[1], sys.argv[2]))
