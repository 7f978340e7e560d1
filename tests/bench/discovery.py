"""Discovery against Ryu's own, its LLDP made as fast as ours, in one run.

Each size is a torus of simulated switches with two host ports each. Ours goes first; the pace at
which it probed each port at rest is then given to Ryu's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.controller import Controller
from bench.table import Figure
from bench.watch_ryu import PERIOD
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import End, LoadNetwork

SIZES = ((4, 5), (10, 10), (20, 25))
SILENT_SIZE = (4, 5)
"""The only size at which a silent loss is timed: it takes 10 to 15 seconds by definition."""

LINK_PORTS, HOST_PORTS = 4, 2
EAST, WEST, NORTH, SOUTH = 1, 2, 3, 4
SETTLE_SECONDS = 2.0
REST_SECONDS = 5.0
COMPLETE_WITHIN = 60.0
SILENT_WITHIN = 25.0


@dataclass
class Measured:
    """What one controller did with one network; seconds, or None where it did not in time."""

    complete: float | None = None
    cpu_percent: float | None = None
    lldp_per_s: float | None = None
    lldp_per_round: float | None = None
    port_down: float | None = None
    silent: float | None = None


def torus(rows: int, columns: int, kind: type[LoadSwitch] = LoadSwitch) -> LoadNetwork:
    """Return a network in which each switch has a neighbour in four directions."""
    ports = range(1, LINK_PORTS + HOST_PORTS + 1)
    switches = [kind(number + 1, ports) for number in range(rows * columns)]
    cables: dict[End, End] = {}
    for row in range(rows):
        for column in range(columns):
            here = row * columns + column + 1
            east = row * columns + (column + 1) % columns + 1
            north = (row + 1) % rows * columns + column + 1
            for one, two in (((here, EAST), (east, WEST)), ((here, NORTH), (north, SOUTH))):
                cables[one], cables[two] = two, one
    return LoadNetwork(switches, cables)


def measure(controller: Controller, rows: int, columns: int) -> Measured:
    """Let the switches join, rest, and lose a cable or two."""
    network = torus(rows, columns)
    measured = Measured()
    links = len(network.cables)
    try:
        network.connect(controller.address, time.monotonic() + 30)
        if not network.run(network.joined, time.monotonic() + 30):
            raise RuntimeError(f"not all switches joined\n{controller.trouble()}")
        joined = network.last_join()
        if network.run(lambda: controller.newest("links") == links, joined + COMPLETE_WITHIN):
            measured.complete = max(_since(controller, links, joined), 0.0)
        network.run_for(SETTLE_SECONDS)
        _rest(controller, network, measured)
        measured.port_down = _cut(controller, network, (1, EAST), silent=False)
        if (rows, columns) == SILENT_SIZE:
            measured.silent = _cut(controller, network, (7, EAST), silent=True)
    finally:
        network.close()
    return measured


def _since(controller: Controller, links: int, start: float) -> float:
    at: float | None = controller.when("links", links)
    return (at or time.monotonic()) - start


def _rest(controller: Controller, network: LoadNetwork, measured: Measured) -> None:
    cpu, start = controller.cpu_seconds(), time.monotonic()
    network.probes.clear()
    network.run_for(REST_SECONDS)
    passed = time.monotonic() - start
    measured.cpu_percent = (controller.cpu_seconds() - cpu) / passed * 100
    measured.lldp_per_s = network.probes.total() / passed
    # A round that is under way has reached some ports and others not.
    counts = network.probes.values()
    rounds = (max(counts, default=0) + min(counts, default=0)) / 2
    measured.lldp_per_round = network.probes.total() / rounds if rounds else None


def _cut(controller: Controller, network: LoadNetwork, end: End, silent: bool) -> float | None:
    before = controller.newest("links", 0)
    seen = len(controller.readings)
    start = time.monotonic()
    (network.silence if silent else network.cut)(end)

    def gone() -> bool:
        return bool(controller.newest("links", 0) <= before - 2)

    if not network.run(gone, start + (SILENT_WITHIN if silent else 5)):
        return None
    readings: list[dict[str, Any]] = controller.readings[seen:]
    at: float = next(r["at"] for r in readings if r.get("links", before) <= before - 2)
    return at - start


def figures() -> Iterator[Figure]:
    """Measure every size with both controllers."""
    for rows, columns in SIZES:
        count = rows * columns
        with Controller("bench.watch_horizon") as controller:
            ours = measure(controller, rows, columns)
        ports = count * (LINK_PORTS + HOST_PORTS)
        period = ports / ours.lldp_per_s if ours.lldp_per_s else 0.1
        pace = {PERIOD: f"{period:.4f}"}
        with Controller("--observe-links", "bench.watch_ryu", **pace) as controller:
            theirs = measure(controller, rows, columns)
        yield from _rows(count, ports, ours, theirs)


def _rows(count: int, ports: int, ours: Measured, theirs: Measured) -> Iterator[Figure]:
    size = f"{count} switches"
    yield Figure(f"{size}: last join to complete", "s", ours.complete, theirs.complete)
    yield Figure(f"{size}: CPU at rest", "% of a core", ours.cpu_percent, theirs.cpu_percent)
    yield Figure(f"{size}: LLDP packet-outs", "1/s", ours.lldp_per_s, theirs.lldp_per_s)
    per_round = ours.lldp_per_round, theirs.lldp_per_round
    yield Figure(f"{size}: LLDP packet-outs per round of {ports} ports", "1", *per_round)
    yield Figure(
        f"{size}: cut to event, port down", "ms", _ms(ours.port_down), _ms(theirs.port_down)
    )
    if ours.silent or theirs.silent:
        yield Figure(f"{size}: cut to event, silent", "s", ours.silent, theirs.silent)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
