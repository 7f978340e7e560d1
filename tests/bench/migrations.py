"""Migrations on the network of Fig. 4.1(b), against what they cannot be faster than.

The limit of one migration is its waves times one round trip of a flow-mod with its barrier, as
measured in the same controller: on Open vSwitch, and on simulated switches that answer at once.
Old packets are not waited for.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.controller import MARK, TESTS, Controller
from bench.flows import NO_RECONCILING
from bench.served import connect, while_serving
from bench.table import Figure
from bench.watch_barriers import TIMES
from tools.controller_process import wait_until
from tools.flow_lab import FlowLab
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

A, B, C, D = 1, 2, 3, 4
CLIENT, SERVER = (D, 9), (B, 9)
CABLES = ((D, C), (C, B), (D, A), (A, B))
MANY = 500
SINGLE = 200


def network() -> LoadNetwork:
    """Return the four switches; each reaches another by the port of its number."""
    cables = {}
    ports: dict[int, list[int]] = {dpid: [9] for dpid in (A, B, C, D)}
    for one, other in CABLES:
        cables |= {(one, other): (other, one), (other, one): (one, other)}
        ports[one].append(other)
        ports[other].append(one)
    return LoadNetwork([LoadSwitch(dpid, own) for dpid, own in ports.items()], cables)


def text(dpid: int) -> str:
    """Return a dpid as REST writes it."""
    return f"{dpid:016x}"


def spec(number: int) -> dict[str, Any]:
    """Return a flow from client to server, by way of C."""
    match = {"dl_type": 0x0800, "nw_proto": 17, "nw_dst": "10.0.0.2", "tp_dst": number}
    ends = {
        name: {"dpid": text(end[0]), "port_no": end[1]}
        for name, end in (("src", CLIENT), ("dst", SERVER))
    }
    return {**ends, "match": match, "waypoints": [text(C)]}


class Bench:
    """A controller and the network, ready."""

    def __init__(self, controller: Controller, switches: LoadNetwork) -> None:
        self._controller = controller
        self._switches = switches

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the controller while the switches answer."""
        return while_serving(self._switches, lambda: self._controller.ask(method, path, body), 120)

    def make(self, count: int) -> list[str]:
        """Make flows and return their ids."""
        body = {"flows": [spec(number) for number in range(count)]}
        return [flow["id"] for flow in self.ask("POST", "/v1/flows/batch", body)["flows"]]

    def round_trip_ms(self) -> float:
        """Return the time of one barrier, once it is known."""
        controller = self._controller
        found = self._switches.run(
            lambda: controller.newest("round_trip_ms") is not None, time.monotonic() + 60
        )
        if not found:
            raise RuntimeError(f"no {TIMES} barriers\n{controller.trouble()}")
        return float(controller.newest("round_trip_ms"))


def one_by_one(bench: Bench, flows: list[str]) -> tuple[float, list[dict[str, Any]]]:
    """Move flows to A and back, alternately; return the whole time in ms and the records."""
    records = []
    start = time.perf_counter()
    for flow in flows:
        records.append(bench.ask("POST", "/v1/migrations", {"flow": flow, "dpids": text(A)}))
    return 1000 * (time.perf_counter() - start), records


def figures() -> Iterator[Figure]:
    """Measure one migration on real switches, then on simulated ones; then many together."""
    yield on_open_vswitch()
    apps = ("horizon_ryu.flow_migration", "bench.watch_barriers")
    with Controller(*apps, settings=NO_RECONCILING) as controller:
        switches = network()
        try:
            connect(controller, switches, 2 * len(CABLES))
            yield from _measured(Bench(controller, switches))
        finally:
            switches.close()


def on_open_vswitch() -> Figure:
    """Measure one migration on real switches."""
    apps = ("horizon_ryu.flow_migration", "bench.watch_barriers")
    paths = {"PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
    with tempfile.TemporaryDirectory(prefix="horizon-bench-") as folder:
        lab = FlowLab(Path(folder), "[flow_migration]\ndrain = 0\n", apps, paths)
        try:
            lab.start("fig4_1b", ("OpenFlow13",))
            lab.expect_true_topology()
            flow = lab.make_flow(lab.spec("client", "server", waypoints=lab.dpids("C")))["id"]
            wait_until(lambda: MARK in lab.controller.log(), 60, "barriers are measured")
            line = next(part for part in lab.controller.log().splitlines() if MARK in part)
            round_trip = json.loads(line.partition(MARK)[2])["round_trip_ms"]
            records = [lab.migrate(flow, "AC"[turn % 2]) for turn in range(SINGLE)]
        finally:
            lab.close()
    waves = records[0]["waves"]
    took = statistics.median(record["duration_ms"] for record in records)
    name = f"Open vSwitch: one migration; limit: {waves} barriers"
    return Figure(name, "ms", took, waves * round_trip)


def _measured(bench: Bench) -> Iterator[Figure]:
    round_trip = bench.round_trip_ms()
    flows = bench.make(MANY)
    slow, records = one_by_one(bench, flows)
    waves = records[0]["waves"]
    took = statistics.median(record["duration_ms"] for record in records[-SINGLE:])
    yield Figure(f"simulated switches: one migration; limit: {waves} barriers", "ms", took,
                 waves * round_trip)  # fmt: skip
    back = [{"flow": flow, "dpids": text(C)} for flow in flows]
    start = time.perf_counter()
    done = bench.ask("POST", "/v1/migrations", back)["migrations"]
    fast = 1000 * (time.perf_counter() - start)
    if {record["state"] for record in done} != {"done"}:
        raise RuntimeError("not all were migrated")
    yield Figure(f"simulated switches: {MANY} together; one by one", "ms", fast, slow)
