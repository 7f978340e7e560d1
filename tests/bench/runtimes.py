"""Native threads against green ones, under the same code: what a change of hub would cost.

The OpenFlow side runs without Ryu, and answers each frame with a packet-out. The bridge runs on
native threads with the HTTP of the standard library, on green ones as it is shipped.
"""

from __future__ import annotations

import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.table import Figure
from fuzz.wire import OF13, packet_in13
from horizon_ryu.wire.session import SessionLimits, SwitchSession, VersionOffer
from on_threads.openflow import EmulatedSwitch
from tools.bridge_process import PROGRAM, BridgeProcess
from unit.session.sessions import answer, ports
from xen_bridge.client import BridgeClient
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.trust.identity import Identity

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT)))}
WARM_SECONDS, SECONDS = 0.5, 2.0
ROUNDS = 3
SWITCHES = (1, 64)
REQUESTS, IN_FLIGHT, IDLE = 300, 100, 250


class Measured(NamedTuple):
    """Frames per second, CPU microseconds and milliseconds for each."""

    per_s: float
    cpu_us: float
    median_ms: float
    p99_ms: float


class Switch:
    """One frame of it is on its way at a time."""

    def __init__(self, port: int, dpid: int) -> None:
        self.waits: list[float] = []
        limits = SessionLimits(offer=VersionOffer(frozenset({OF13})))
        self._session = SwitchSession(
            partial(EmulatedSwitch.features, dpid), time.monotonic(), limits
        )
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0.0
        self.is_ready = False
        self._flush()

    def _flush(self) -> None:
        data = self._session.take_output()
        if data:
            self.socket.sendall(data)

    def read(self) -> None:
        """Take what came."""
        for _, message in self._session.receive(self.socket.recv(65536)):
            if message[:2] == bytes([OF13, 18]):
                self._session.say(answer(message, ports()))
                self.is_ready = True
            elif message[1] == 13:
                self.waits.append(time.perf_counter() - self._sent)
                self.send()
        self._flush()

    def send(self) -> None:
        """Send a frame."""
        self._sent = time.perf_counter()
        self.socket.sendall(packet_in13())


def frames(runtime: str, count: int) -> Measured:
    """Measure the OpenFlow side on a runtime, with so many switches."""
    command = (sys.executable, "-W", "ignore", "-m", "on_threads.frames", runtime)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, env=ENVIRONMENT, **pipes) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            return _load(psutil.Process(process.pid), port, count)
        finally:
            process.kill()


def _load(process: psutil.Process, port: int, count: int) -> Measured:
    switches = [Switch(port, dpid) for dpid in range(1, count + 1)]
    with selectors.DefaultSelector() as waiting:
        for switch in switches:
            waiting.register(switch.socket, selectors.EVENT_READ, switch)
        while not all(switch.is_ready for switch in switches):
            _turn(waiting)
        for switch in switches:
            switch.send()
        _run(waiting, WARM_SECONDS)
        for switch in switches:
            switch.waits.clear()
        before = sum(process.cpu_times()[:2])
        _run(waiting, SECONDS)
        spent = sum(process.cpu_times()[:2]) - before
    waits = [wait for switch in switches for wait in switch.waits]
    for switch in switches:
        switch.socket.close()
    slow = statistics.quantiles(waits, n=100)[98]
    return Measured(
        len(waits) / SECONDS, 1e6 * spent / len(waits), 1e3 * statistics.median(waits), 1e3 * slow
    )


def _turn(waiting: selectors.BaseSelector) -> None:
    for key, _ in waiting.select(1.0):
        key.data.read()


def _run(waiting: selectors.BaseSelector, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _turn(waiting)


class Bridge(NamedTuple):
    """Milliseconds of a request alone and among others, KiB that an idle connection takes."""

    alone_ms: float
    among_ms: float
    idle_kb: float


def bridge(program: tuple[str, ...]) -> Bridge:
    """Measure a bridge."""
    with tempfile.TemporaryDirectory(prefix="horizon-bench-") as name:
        controller = Identity.create(Path(name) / "controller")
        with BridgeProcess(Path(name) / "node", controller, program=program) as node:
            client = node.client()
            alone = [_seconds(client) for _ in range(REQUESTS)][REQUESTS // 10 :]
            clients = [node.client() for _ in range(IN_FLIGHT)]
            with ThreadPoolExecutor(IN_FLIGHT) as pool:
                for _ in range(2):
                    among = list(pool.map(_seconds, clients))
            before = psutil.Process(node.pid).memory_info().rss
            idle = [node.client() for _ in range(IDLE)]
            for one in idle:
                one.ask(GetNode())
            grown = psutil.Process(node.pid).memory_info().rss - before
            for one in (client, *clients, *idle):
                one.close()
    return Bridge(
        1e3 * statistics.median(alone), 1e3 * statistics.median(among), grown / 1024 / IDLE
    )


def _seconds(client: BridgeClient) -> float:
    began = time.perf_counter()
    client.ask(GetNode())
    return time.perf_counter() - began


def figures() -> Iterator[Figure]:
    """Yield each figure as it is measured; both sides take turns."""
    for count in SWITCHES:
        pairs = [(frames("threads", count), frames("green", count)) for _ in range(ROUNDS)]
        for place, (what, unit) in enumerate(
            (("throughput", "1/s"), ("CPU time", "us"), ("median", "ms"), ("p99", "ms"))
        ):
            ours, theirs = (
                statistics.median(pair[side][place] for pair in pairs) for side in (0, 1)
            )
            name = f"{count} switches, a frame each on its way: {what}"
            yield Figure(name, unit, ours, theirs, more_is_better=what == "throughput")
    os.environ["PYTHONPATH"] = ENVIRONMENT["PYTHONPATH"]
    native = (sys.executable, "-W", "ignore", "-m", "on_threads.bridge")
    both = [(bridge(native), bridge(PROGRAM)) for _ in range(ROUNDS)]
    for place, (what, unit) in enumerate(
        (
            ("a look at a host alone", "ms"),
            (f"the same, {IN_FLIGHT} at once", "ms"),
            ("memory of an idle connection", "KiB"),
        )
    ):
        ours, theirs = (statistics.median(pair[side][place] for pair in both) for side in (0, 1))
        yield Figure(f"bridge: {what}", unit, ours, theirs)
