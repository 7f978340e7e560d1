"""100,000 flow entries of one switch, told over REST, against Ryu's own ofctl_rest.

Ours: the time of a poll plus that of writing the answer, in XML; theirs: GET /stats/flow, which
asks, parses and writes in one. Peak memory is what the process grew by at most. How long the event
loop was held up is seen by another switch, whose echo requests are answered by the same loop.
"""

from __future__ import annotations

import struct
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.controller import Controller
from bench.served import while_serving
from bench.table import Figure
from horizon_ryu.wire.ofp13 import OFPMP, OFPT
from horizon_ryu.wire.symmetric import EchoRequest
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

ENTRIES = 100_000
PER_PIECE = 500
FULL, QUIET = 1, 2
ECHO_PAUSE = 0.002
SWITCHES, PORTS = 200, 48
SETTINGS = "[stats]\nflows_interval = 3\novsdb = \n"


def entries(count: int) -> bytes:
    """Return entries of one layout with an output each (1.3.5 section 7.3.5.2)."""
    fields = struct.pack("!II", 0x8000_0004, 1) + struct.pack("!IH", 0x8000_0A02, 0x0800)
    fields += struct.pack("!I", 0x8000_1804)
    tail = struct.pack("!HH4xHHIH6x", 4, 24, 0, 16, 2, 0)
    match_size = 4 + len(fields) + 4
    pad = bytes(-match_size % 8)
    size = 48 + match_size + len(pad) + len(tail)
    made = []
    for number in range(count):
        head = struct.pack("!HBxIIHHHH4xQQQ", size, 0, 9, 9, 500, 0, 0, 0, number, 7, 700)
        address = struct.pack("!I", 0x0A00_0000 + number)
        made.append(head + struct.pack("!HH", 1, match_size) + fields + address + pad + tail)
    return b"".join(made)


def full_switch(dpid: int, count: int) -> LoadSwitch:
    """Return a switch that holds many entries, told in pieces that are ready beforehand."""
    switch = LoadSwitch(dpid, (1, 2))
    whole = entries(count)
    size = len(whole) // count * PER_PIECE
    switch.prepare(OFPMP.FLOW, [whole[at : at + size] for at in range(0, len(whole), size)])
    return switch


class EchoSwitch(LoadSwitch):
    """Asks for an echo again and again, and remembers the longest wait."""

    def __init__(self, dpid: int) -> None:
        super().__init__(dpid, (1, 2))
        self.longest = 0.0
        self._sent: float | None = None
        self._next = 0.0

    def tick(self) -> None:
        """Ask, unless an answer is due."""
        now = time.perf_counter()
        if self._sent is None and now >= self._next and self.joined_at is not None:
            self._sent = now
            self.send(self.switch.encode(77, EchoRequest()))

    def answer(self, message: bytes) -> None:
        """Take the time of an echo reply; answer all else."""
        if message[1] == OFPT.ECHO_REPLY and self._sent is not None:
            now = time.perf_counter()
            self.longest = max(self.longest, now - self._sent)
            self._sent, self._next = None, now + ECHO_PAUSE
            return
        super().answer(message)


class TickingNetwork(LoadNetwork):
    """Lets the echo switch ask between steps."""

    def step(self, timeout: float) -> None:
        """Serve once."""
        echo = self.switches[QUIET]
        if isinstance(echo, EchoSwitch):
            echo.tick()
        super().step(min(timeout, ECHO_PAUSE))


def memory_mb(controller: Controller, name: str) -> float:
    """Return a figure of /proc/pid/status in MB: VmRSS now, VmHWM at its highest."""
    text = Path(f"/proc/{controller.pid}/status").read_text(encoding="ascii")
    line = next(part for part in text.splitlines() if part.startswith(name))
    return int(line.split()[1]) / 1000


def download(controller: Controller, path: str, accept: str) -> int:
    """Read a resource to its end and return its size."""
    url = f"http://127.0.0.1:{controller.rest_port}{path}"
    request = urllib.request.Request(url, headers={"Accept": accept})
    size = 0
    with urllib.request.urlopen(request, timeout=300) as answer:
        while part := answer.read(1 << 20):
            size += len(part)
    return size


def joined(controller: Controller) -> TickingNetwork:
    """Return both switches, connected."""
    network = TickingNetwork([full_switch(FULL, ENTRIES), EchoSwitch(QUIET)], {})
    network.connect(controller.address, time.monotonic() + 30, loop_lldp=False)
    if not network.run(network.joined, time.monotonic() + 30):
        raise RuntimeError(controller.trouble())
    return network


class Told:
    """Seconds, megabytes and milliseconds of one controller."""

    def __init__(self, seconds: float, grown: float, held_ms: float) -> None:
        self.seconds = seconds
        self.grown = grown
        self.held_ms = held_ms


def ours() -> Told:
    """Measure Horizon: the second poll, and an answer after it."""
    with Controller("horizon_ryu.stats", "bench.watch_polls", settings=SETTINGS) as controller:
        time.sleep(2.0)
        before = memory_mb(controller, "VmRSS")
        network = joined(controller)
        echo = network.switches[QUIET]
        try:
            network.run(lambda: bool(_polls(controller)), time.monotonic() + 60)
            if isinstance(echo, EchoSwitch):
                echo.longest = 0.0
            start = time.perf_counter()
            path = f"/v1/stats/{FULL:016x}/flows"
            size = while_serving(
                network, lambda: download(controller, path, "application/xml"), 120
            )
            written = time.perf_counter() - start
            network.run(lambda: len(_polls(controller)) >= 3, time.monotonic() + 60)
        finally:
            network.close()
        if size < ENTRIES * 100:
            raise RuntimeError(f"only {size} bytes were told")
        polled = min(_polls(controller)) / 1000
        grown = memory_mb(controller, "VmHWM") - before
        return Told(polled + written, grown, 1000 * getattr(echo, "longest", 0.0))


def _polls(controller: Controller) -> list[float]:
    """Return the milliseconds of each poll of the full switch."""
    readings = (item for item in controller.readings if item.get("dpid") == FULL)
    return [item["poll_ms"] for item in readings]


def theirs() -> Told:
    """Measure ofctl_rest."""
    with Controller("ryu.app.ofctl_rest") as controller:
        time.sleep(2.0)
        before = memory_mb(controller, "VmRSS")
        network = joined(controller)
        echo = network.switches[QUIET]
        try:
            network.run_for(0.5)
            if isinstance(echo, EchoSwitch):
                echo.longest = 0.0
            start = time.perf_counter()
            while_serving(network, lambda: download(controller, f"/stats/flow/{FULL}", "*/*"), 300)
            seconds = time.perf_counter() - start
        finally:
            network.close()
        grown = memory_mb(controller, "VmHWM") - before
        return Told(seconds, grown, 1000 * getattr(echo, "longest", 0.0))


def counting_switch(dpid: int) -> LoadSwitch:
    """Return a switch whose ports have counted something."""
    switch = LoadSwitch(dpid, range(1, PORTS + 1))
    for port in switch.switch.datapath.ports:
        port.rx_packets, port.tx_packets, port.rx_bytes, port.tx_bytes = 1, 2, 3, 4
    return switch


def share_of_cpu() -> float:
    """Return what polling many switches takes of one processor, in percent."""
    seconds = 20.0
    with Controller("horizon_ryu.stats", settings="[stats]\novsdb = \n") as controller:
        switches = [counting_switch(dpid) for dpid in range(1, SWITCHES + 1)]
        network = LoadNetwork(switches, {})
        try:
            network.connect(controller.address, time.monotonic() + 30, loop_lldp=False)
            network.run(network.joined, time.monotonic() + 30)
            network.run_for(15.0)
            before = controller.cpu_seconds()
            network.run_for(seconds)
            return 100 * (controller.cpu_seconds() - before) / seconds
        finally:
            network.close()


def figures() -> Iterator[Figure]:
    """Measure both."""
    horizon, rival = ours(), theirs()
    many = f"{ENTRIES:,} flow entries"
    yield Figure(f"{many}: polled and written as XML", "s", horizon.seconds, rival.seconds)
    yield Figure(f"{many}: peak memory", "MB more", horizon.grown, rival.grown)
    yield Figure(f"{many}: event loop held up, longest", "ms", horizon.held_ms, rival.held_ms)
    yield Figure(f"{SWITCHES} switches of {PORTS} ports, every 5 s: CPU", "%", share_of_cpu())
