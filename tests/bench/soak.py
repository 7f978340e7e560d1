"""A soak: a controller whose switches, ports, flows, hosts and clients come and go, for minutes.

What is asked is whether memory, descriptors, greenlets and threads are level. Everything that comes
goes again, so what is more at the end than in the middle was forgotten by somebody. The growth is
the slope of a line through the second half; memory in it is what the kernel says is resident.
"""

from __future__ import annotations

import itertools
import json
import random
import struct
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from statistics import linear_regression, mean
from typing import Any, NamedTuple

import psutil
import websocket

from bench import discovery
from bench.controller import Controller
from bench.table import Figure
from horizon_ryu.wire.ofp13 import OFPT
from virtual_switch.load import LoadSwitch
from virtual_switch.load_network import LoadNetwork

SECONDS = 600.0
ROWS, COLUMNS = 3, 4
HOST_PORT = 5
START_WITHIN = 120.0
HOSTS = 60
FLOWS = 20
SETTINGS = (
    "[spanning_tree]\nport_hold_time = 1\n[flow_migration]\ndrain = 0.05\n"
    # What a port has counted is kept for 15 minutes: all that long there is more of it.
    "[stats]\nhistory_ports = 8\n"
)
LEVEL = {"memory": 0.03, "objects": 0.03, "descriptors": 0.1, "greenlets": 0.1, "threads": 0.1}
"""Growth of the second half, as a part of what there was in the middle, that is noise."""
UNITS = {"memory": "MB"}
_FLOW_MOD = int(OFPT.FLOW_MOD)


class SoakSwitch(LoadSwitch):
    """A load switch that keeps its flow entries, so that the controller finds them."""

    def _take(self, message: bytes) -> None:
        if message[1] == _FLOW_MOD:
            self.flow_mods += 1
            self._obey(self.switch.handle(message, time.monotonic()))
        else:
            super()._take(message)


class Sample(NamedTuple):
    """One reading: when (monotonic seconds), and how much there was of each."""

    at: float
    values: Mapping[str, float]


def network() -> LoadNetwork:
    """Return the torus of the discovery benchmark, of switches that keep their entries."""
    made = discovery.torus(ROWS, COLUMNS)
    return LoadNetwork([fresh(dpid) for dpid in made.switches], made.cables)


def fresh(dpid: int) -> SoakSwitch:
    """Return a switch that was just switched on."""
    return SoakSwitch(dpid, range(1, discovery.LINK_PORTS + discovery.HOST_PORTS + 1))


class Churn:
    """What happens to the switches: in the thread that serves them, a little every tenth second."""

    def __init__(
        self, switches: LoadNetwork, controller: Controller, chance: random.Random
    ) -> None:
        self._network = switches
        self._controller = controller
        self._chance = chance
        self._turn = 0
        self._down: list[tuple[int, int]] = []
        self.happened: Counter[str] = Counter()

    def __call__(self) -> None:
        """Have the next things happen."""
        self._turn += 1
        self._hosts_speak()
        if self._turn % 10 == 0:
            self._port_flaps()
        if self._turn % 50 == 0:
            self._switch_restarts()
        self._rejoin()

    def _hosts_speak(self) -> None:
        host = self._chance.randrange(HOSTS)
        # Now and then one is somewhere else.
        dpid = 1 + (host + self._turn // 300) % len(self._network.switches)
        switch = self._network.switches[dpid]
        if not switch.closed and switch.joined_at is not None:
            switch.frame_in(HOST_PORT, arp_request(host, self._chance.randrange(HOSTS)))
            self.happened["packet-ins"] += 1

    def _port_flaps(self) -> None:
        while self._down:
            self._set(*self._down.pop(), True)
        dpid = self._chance.choice([*self._network.switches])
        self._down = [(dpid, self._chance.randint(1, discovery.LINK_PORTS))]
        self._set(*self._down[0], False)
        self.happened["port flaps"] += 1

    def _set(self, dpid: int, port: int, up: bool) -> None:
        switch = self._network.switches[dpid]
        if not switch.closed and switch.joined_at is not None:
            switch.set_port(port, up)

    def _switch_restarts(self) -> None:
        dpid = self._chance.choice([*self._network.switches])
        self._network.leave(dpid)
        self.happened["restarts of switches"] += 1

    def _rejoin(self) -> None:
        for dpid, switch in tuple(self._network.switches.items()):
            if switch.closed:
                self._network.join(fresh(dpid), self._controller.address, time.monotonic() + 5)


def arp_request(host: int, other: int) -> bytes:
    """Return the frame in which one host asks for another (RFC 826)."""
    mac = b"\x02\0\0\0\0" + bytes([host])
    head = b"\xff" * 6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1)
    return head + mac + bytes([10, 0, 0, 1 + host]) + bytes(6) + bytes([10, 0, 0, 1 + other])


class Clients:
    """Users of the REST API, each in a thread; what is refused is counted, and part of the load."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._ended = threading.Event()
        self.happened: Counter[str] = Counter()
        works = (self._read, self._watch, self._make_flows)
        self._threads = [threading.Thread(target=self._repeat, args=(one,)) for one in works]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Have the clients end what they are at and begin nothing."""
        self._ended.set()

    @property
    def alive(self) -> bool:
        """Tell whether one of them is still at work: it needs the switches to be served."""
        return any(thread.is_alive() for thread in self._threads)

    def __exit__(self, *_error: object) -> None:
        self.stop()
        for thread in self._threads:
            thread.join(30)

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._ended.is_set():
            try:
                work()
            except urllib.error.HTTPError as error:
                error.close()
                self.happened[f"answers {error.code}"] += 1
            except (OSError, websocket.WebSocketException) as error:
                self.happened[f"failures {type(error).__name__}"] += 1

    def _read(self) -> None:
        for path in ("topology", "topology/links", "stats", "flows", "health", "spanning-tree"):
            self._controller.ask("GET", f"/v1/{path}")
            self.happened["requests"] += 1
        self._ended.wait(0.2)

    def _watch(self) -> None:
        url = f"ws://127.0.0.1:{self._controller.rest_port}/v1/events"
        events = websocket.create_connection(url, timeout=2)
        try:
            for _ in range(100):
                if not json.loads(events.recv()) or self._ended.is_set():
                    break
                self.happened["events"] += 1
        finally:
            events.close()

    def _make_flows(self) -> None:
        ends = random.sample(range(1, ROWS * COLUMNS + 1), 2)
        source, target = ({"dpid": f"{dpid:016x}", "port_no": HOST_PORT + 1} for dpid in ends)
        match = {"dl_type": 0x0800, "nw_proto": 17, "nw_dst": "10.0.0.2"}
        specs = [
            {"src": source, "dst": target, "match": {**match, "tp_dst": port}}
            for port in range(1, FLOWS + 1)
        ]
        made = self._controller.ask("POST", "/v1/flows/batch", {"flows": specs})["flows"]
        self.happened["flows"] += len(made)
        try:
            self._migrate(made[0], source["dpid"], target["dpid"])
        finally:
            for flow in made:
                self._delete(flow["id"])

    def _migrate(self, flow: Mapping[str, Any], source: str, target: str) -> None:
        through = f"{random.randint(1, ROWS * COLUMNS):016x}"
        body = {"flow": flow["id"], "dpids": "|".join((source, through, target))}
        try:
            self._controller.ask("POST", "/v1/migrations", body)
            self.happened["migrations"] += 1
        except urllib.error.HTTPError as error:
            error.close()
            self.happened[f"migrations refused {error.code}"] += 1

    def _delete(self, number: str) -> None:
        for _ in range(50):
            try:
                self._controller.ask("DELETE", f"/v1/flows/{number}")
                return
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == 404:
                    return
            if self._ended.wait(0.1):
                return
        self.happened["flows not deleted"] += 1


def take_sample(controller: Controller) -> Sample | None:
    """Return what there is just now; None before the first reading."""
    if controller.newest("greenlets") is None:
        return None
    process = psutil.Process(controller.pid)
    counted = {name: controller.newest(name) for name in ("greenlets", "objects")}
    memory = process.memory_info().rss / 1e6
    kept = {"memory": memory, "descriptors": process.num_fds(), "threads": process.num_threads()}
    return Sample(time.monotonic(), {**kept, **counted})


def churned(controller: Controller, seconds: float) -> tuple[list[Sample], Counter[str]]:
    """Let everything come and go for so long; return the samples and what happened."""
    switches = network()
    churn = Churn(switches, controller, random.Random(1))
    samples: list[Sample] = []
    switches.connect(controller.address, time.monotonic() + START_WITHIN)
    try:
        with Clients(controller) as clients:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                switches.run_for(0.1)
                churn()
                sample = take_sample(controller) if churn.happened else None
                if sample is not None:
                    samples.append(sample)
            clients.stop()
            switches.run(lambda: not clients.alive, time.monotonic() + 60)
    finally:
        switches.close()
    return samples, churn.happened + clients.happened


def figures(seconds: float = SECONDS) -> Iterator[Figure]:
    """Tell each quantity at the start, in the middle and at the end, and its growth."""
    watch = "bench.watch_life"
    with Controller("horizon_ryu.bundle", watch, settings=SETTINGS) as controller:
        before = controller.newest("kinds", {})
        samples, happened = churned(controller, seconds)
        if len(samples) < 4:
            raise RuntimeError(f"nothing was measured\n{controller.trouble()}")
        middle_kinds = next(
            (r["kinds"] for r in controller.readings[len(controller.readings) // 2 :]), before
        )
        last_kinds = controller.newest("kinds", {})
    for what, count in sorted(happened.items()):
        yield Figure(what, "in all", float(count))
    for name in LEVEL:
        yield from told(name, samples)
    remembered = max((r["remembered"] for r in controller.readings if "remembered" in r), default=0)
    yield Figure("entries of bounded caches, emptied before objects are counted", "", remembered)
    for kind, growth in grown(middle_kinds, last_kinds):
        yield Figure(f"more objects than in the middle: {kind}", "", float(growth))


def told(name: str, samples: list[Sample]) -> Iterator[Figure]:
    """Tell one quantity."""
    unit = UNITS.get(name, "")
    begun = samples[0].at
    whole = samples[-1].at - begun
    tenth = [one.values[name] for one in samples if one.at <= begun + whole / 10]
    half = [one for one in samples if one.at >= begun + whole / 2]
    middle = mean(one.values[name] for one in half[: max(1, len(half) // 5)])
    last = mean(one.values[name] for one in half[-max(1, len(half) // 5) :])
    slope = linear_regression([one.at for one in half], [one.values[name] for one in half]).slope
    growth, noise = slope * whole / 2, middle * LEVEL[name]
    for when, value in (("start", mean(tenth)), ("middle", middle), ("end", last)):
        yield Figure(f"{name}, {when}", unit, value)
    verdict = "level" if growth <= noise else "GROWS"
    yield Figure(f"{name}, growth of the second half: {verdict}", unit, growth, noise)


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the kinds of objects that there are more of by a tenth and a hundred, most first."""
    more = {kind: count - before.get(kind, 0) for kind, count in after.items()}
    found = [(kind, n) for kind, n in more.items() if n > 100 and n > before.get(kind, 0) / 10]
    return list(itertools.islice(sorted(found, key=lambda one: -one[1]), 8))
