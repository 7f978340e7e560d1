"""Packet-in to flow-mod round trips, in the manner of cbench, against Ryu's simple_switch_13.

Unconnected switches full of hosts that talk to each other. Every packet-in is of a pair of hosts
the controller has heard of and asks for a flow entry; the flow-mod that comes back is counted.
Throughput keeps many packet-ins on their way, latency one per switch.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.controller import Controller
from bench.table import Figure
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

PORTS = 32
HOSTS = {1: 128, 16: 32}
"""Hosts on each switch: some 16,000 pairs in all, so a pair comes back after a good while only."""

WINDOW = 64
"""Packet-ins on their way per switch for throughput."""

WARM_SECONDS = 1.0
THROUGHPUT_SECONDS = 4.0
LATENCY_SECONDS = 2.5
FRAME_SIZE = 64
MATCHES_SOURCE = b"\x80\x00\x08\x06"
"""Head of the match field eth_src: it tells a pair's entry from all others."""


class Measured(NamedTuple):
    """Round trips per second, the controller's CPU time for each, and how long they took."""

    per_s: float
    cpu_us: float
    median_ms: float
    p99_ms: float


class Load:
    """Keeps ``window`` packet-ins of one switch on their way, around all pairs of its hosts."""

    def __init__(self, switch: LoadSwitch, hosts: int, window: int) -> None:
        self.answered = 0
        self.waits: list[float] = []
        self._switch = switch
        self._window = window
        self._packet_ins = itertools.cycle(pair_packet_ins(switch, hosts))
        self._sent: list[float] = []

    def start(self) -> None:
        """Send the first packet-ins and answer each flow-mod with the next."""
        self._switch.on_flow_mod = self._flow_mod
        for _ in range(self._window):
            self._send()

    def stop(self) -> None:
        """Send no more."""
        self._switch.on_flow_mod = None

    def _send(self) -> None:
        if self._window == 1:
            self._sent = [time.perf_counter()]
        self._switch.send(next(self._packet_ins))

    def _flow_mod(self, _switch: LoadSwitch, message: bytes) -> None:
        if MATCHES_SOURCE not in message:
            return
        self.answered += 1
        if self._sent:
            self.waits.append(time.perf_counter() - self._sent[0])
        self._send()


def host(switch: LoadSwitch, number: int) -> bytes:
    """Return the MAC of a host of a switch."""
    return b"\x02\x00" + switch.dpid.to_bytes(2, "big") + number.to_bytes(2, "big")


def place(number: int) -> int:
    """Return the port of a host."""
    return number % PORTS + 1


def announce(switch: LoadSwitch, hosts: int) -> None:
    """Let each host say, by a broadcast ARP announcement, that it is there."""
    for number in range(hosts):
        mac = host(switch, number)
        address = bytes([10, switch.dpid & 255, number >> 8, number & 255])
        head = b"\xff" * 6 + mac + b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"
        frame = head + mac + address + bytes(6) + address
        switch.frame_in(place(number), frame.ljust(FRAME_SIZE, b"\0"))


def pair_packet_ins(switch: LoadSwitch, hosts: int) -> list[bytes]:
    """Return a packet-in of each ordered pair on different ports, in an order without system."""
    packets = []
    for one, two in itertools.permutations(range(hosts), 2):
        if place(one) != place(two):
            frame = host(switch, two) + host(switch, one) + b"\x08\x00\x45\x00"
            data = frame.ljust(FRAME_SIZE, b"\0")
            packets.append(switch.packet_in(place(one), data))
    random.Random(switch.dpid).shuffle(packets)
    return packets


def measure(controller: Controller, count: int) -> tuple[Measured, Measured]:
    """Return throughput and latency with ``count`` switches."""
    switches = [LoadSwitch(dpid, range(1, PORTS + 1)) for dpid in range(1, count + 1)]
    network = LoadNetwork(switches, {})
    try:
        network.connect(controller.address, time.monotonic() + 30)
        if not network.run(network.joined, time.monotonic() + 30):
            raise RuntimeError(f"not all switches joined\n{controller.trouble()}")
        network.run_for(WARM_SECONDS)
        for switch in switches:
            announce(switch, HOSTS[count])
        network.run_for(WARM_SECONDS)
        throughput = run(controller, network, HOSTS[count], WINDOW, THROUGHPUT_SECONDS)
        network.run_for(0.5)
        latency = run(controller, network, HOSTS[count], 1, LATENCY_SECONDS)
    finally:
        network.close()
    return throughput, latency


def run(
    controller: Controller, network: LoadNetwork, hosts: int, window: int, seconds: float
) -> Measured:
    """Load all switches for a while, after a warm-up that is not counted."""
    loads = [Load(switch, hosts, window) for switch in network.switches.values()]
    for load in loads:
        load.start()
    network.run_for(WARM_SECONDS)
    before, cpu, start = _answered(loads), controller.cpu_seconds(), time.monotonic()
    for load in loads:
        load.waits.clear()
    network.run_for(seconds)
    passed = time.monotonic() - start
    answered = _answered(loads) - before
    spent = controller.cpu_seconds() - cpu
    for load in loads:
        load.stop()
    waits = sorted(wait for load in loads for wait in load.waits) or [0.0]
    return Measured(
        answered / passed,
        spent / max(answered, 1) * 1e6,
        statistics.median(waits) * 1000,
        waits[int(len(waits) * 0.99)] * 1000,
    )


def _answered(loads: list[Load]) -> int:
    return sum(load.answered for load in loads)


def figures() -> Iterator[Figure]:
    """Measure one and sixteen switches with both controllers."""
    for count in HOSTS:
        with Controller("horizon_ryu.forwarding") as controller:
            ours = measure(controller, count)
        with Controller("ryu.app.simple_switch_13") as controller:
            theirs = measure(controller, count)
        many = "1 switch" if count == 1 else f"{count} switches"
        (fast, slow), (rival_fast, rival_slow) = ours, theirs
        yield Figure(f"{many}: throughput", "1/s", fast.per_s, rival_fast.per_s, True)
        yield Figure(f"{many}: CPU per packet-in", "us", fast.cpu_us, rival_fast.cpu_us)
        yield Figure(f"{many}: latency mode", "1/s", slow.per_s, rival_slow.per_s, True)
        yield Figure(f"{many}: latency, median", "ms", slow.median_ms, rival_slow.median_ms)
        yield Figure(f"{many}: latency, 99 %", "ms", slow.p99_ms, rival_slow.p99_ms)
