"""The report's bandwidth control (4.2): two senders, one receiver, limits that change on the way.

Each sender is in a slice of its own with Ryu's unmodified learning switch of OpenFlow 1.3, and the
slice is changed by ``PATCH /v1/slices/...``. Either a meter holds it, or its frames have a ToS that
puts them into a class of HTB at the link to the receiver, which both share::

    python -m tools.bandwidth_lab udp udp [meter|ip_tos] [link in kb/s]

prints a row for each interval; it needs root, and its own network (``tools/sandbox.sh``).

Queues of Open vSwitch itself need its datapath in the kernel: the one in user space makes the
classes and the entries name them, but sends every frame through the first of them. A host of the
Xen lab has that kernel: ``tools/xen_switch.py`` is the network there.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import time
import urllib.error
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tools.controller_process import wait_until
from tools.ryu_process import RyuProcess
from tools.slicing_process import SlicingProcess
from tools.started import arguments, as_root, carry_out
from topologies.catalogue import build
from topologies.driver import SYSTEM_PYTHON, MininetProcess, Ran
from topologies.graphs import Graph, GraphHost

PROBE = Path(__file__).with_name("bandwidth_probe.py")
PORT = 5_001
OFFERED_KBPS = 10_000
"""What each sender sends where nothing holds it, and nothing else is asked for."""
SECONDS = 60.0
_ARP_CLASS = 11
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
SHARED_SCHEDULE = (
    Limits(None, None),
    Limits(6_000, None),
    Limits(4_000, 4_000),
    Limits(None, None),
)
"""The report's on one link, where B has in the second interval what A leaves."""
LEAST_LINK_KBPS, LINK_KBPS = 1_000, 10_000
"""Of the link that both share."""
MARKS = {6_000: (0x20, 0x28), 4_000: (0x40, 0x48)}
"""The ToS of A and of B for each rate that has classes at the shared link."""
QUEUES = {6_000: (1, 2), 4_000: (3, 4)}
"""The queue of A and of B for each rate that has some at the shared link."""


class SwitchNetwork(Protocol):
    """A switch with hosts that run programs."""

    def run(self, host: str, command: Sequence[str]) -> Ran:
        """Run a program on a host to its end."""

    def spawn(self, host: str, command: Sequence[str]) -> int:
        """Start a program on a host and return the number of the job."""

    def wait_for_output(self, job: int, text: str) -> str:
        """Return what a job said once ``text`` is in it."""

    def wait(self, job: int, seconds: float) -> Ran:
        """Wait until a job ends."""

    def interrupt(self, job: int) -> Ran:
        """End a job as the keyboard's interrupt does."""

    def ofctl(self, dpid: int, command: str) -> str:
        """Return the output of ``ovs-ofctl command``."""

    def flows(self, dpid: int) -> list[str]:
        """Return the flow entries of a switch."""


MakeNetwork = Callable[[Graph, int], AbstractContextManager[SwitchNetwork]]
"""Makes the hosts and switches of a graph; those have their controller at a port of loopback."""


def emulated(graph: Graph, port: int) -> MininetProcess:
    """Return the network as Mininet emulates it."""
    return MininetProcess(graph, [f"tcp:127.0.0.1:{port}"], versions=["OpenFlow13"])


def link_queues(kbps: int = LINK_KBPS) -> dict[int, tuple[int, int]]:
    """Return the queues of the link that both share: the least and the most kb/s of each."""
    held = {queue: (rate, rate) for rate, both in QUEUES.items() for queue in both}
    return {0: (kbps // 10, kbps), **held}


class BandwidthLab:
    """The network of Fig. 4.5, the slicer and two tenants; a context manager."""

    def __init__(
        self,
        folder: Path,
        make_network: MakeNetwork = emulated,
        application: str = "ryu.app.simple_switch_13",
        offered_kbps: int = OFFERED_KBPS,
    ) -> None:
        """``application``: of both tenants; each sender sends ``offered_kbps`` where it may."""
        self._folder = folder
        self._make_network = make_network
        self._application = application
        self._offered_kbps = offered_kbps
        self._stack = ExitStack()
        graph = build("fig4_5")
        self._senders = graph.hosts[:2]
        self._receiver = graph.hosts[2]
        self._dpid = graph.switches[0].dpid
        self._graph = graph

    def __enter__(self) -> BandwidthLab:
        with ExitStack() as stack:
            tenants = [
                stack.enter_context(RyuProcess(self._folder, name, self._application))
                for name in ("a", "b")
            ]
            self._slicing = stack.enter_context(SlicingProcess(self._folder))
            wait_until(lambda: self._slicing.engine_pid() is not None, SECONDS, "the engine")
            wait_until(self._makes_slices(tenants), SECONDS, "the engine takes slices")
            made = self._make_network(self._graph, self._slicing.port)
            self.network = stack.enter_context(made)
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
        mode: str = "meter",
    ) -> list[IntervalRow]:
        """Return what came in each interval, ``skip`` seconds after its limits were in force.

        ``mode``: of the slices' bandwidth, ``meter``, ``ip_tos`` or ``queue``.
        """
        with self._sending(protocols):
            return [self._interval(mode, limits, skip, seconds) for limits in schedule]

    def series(
        self,
        protocols: tuple[str, str],
        schedule: tuple[Limits, ...],
        seconds: int,
        mode: str = "meter",
    ) -> list[tuple[float, float]]:
        """Return what came of each sender in each second, in kb/s of frames.

        ``seconds``: of each interval. What takes up time at a change is part of the interval.
        """
        self._set_limits(mode, schedule[0])
        with self._sending(protocols):
            words = ("series", self._receiver.interface, len(schedule) * seconds)
            job = self._probe(self._receiver, *words)
            self.network.wait_for_output(job, "counting")
            begun = time.monotonic()
            for place, limits in enumerate(schedule[1:], 1):
                time.sleep(max(0.0, begun + place * seconds - time.monotonic()))
                self._set_limits(mode, limits)
            told = json.loads(self.network.wait(job, SECONDS + seconds).output.splitlines()[-1])
        one, other = (host.mac for host in self._senders)
        return [(row.get(one, 0.0), row.get(other, 0.0)) for row in told]

    @contextmanager
    def _sending(self, protocols: tuple[str, str]) -> Iterator[None]:
        """Have both send while the block runs."""
        jobs = [
            self._probe(host, protocol, self._receiver.ip, PORT, self._offered_kbps)
            for host, protocol in zip(self._senders, protocols, strict=True)
        ]
        try:
            yield
        finally:
            for job in jobs:
                self.network.interrupt(job)

    def share_link(self, kbps: int = LINK_KBPS) -> None:
        """Have both senders share a link of so much to the receiver, with a class for each mark."""
        name = f"{self._graph.switches[0].name}-eth{self._receiver.port}"
        _tc("qdisc", "replace", "dev", name, "root", "handle", "1:", "htb", "default", "10")
        _tc_class(name, "1:", "1:1", kbps, kbps)
        _tc_class(name, "1:1", "1:10", kbps // 10, kbps)
        # ARP has a class too: a flood in the default class would lose the receiver its neighbours,
        # whom it asks by broadcasts that are in nobody's slice once its unicast ones went unheard.
        _tc_class(name, "1:1", f"1:{_ARP_CLASS}", kbps // 100, kbps)
        _tc(
            *("filter", "add", "dev", name, "parent", "1:", "protocol", "arp", "prio", "2"),
            *("u32", "match", "u32", "0", "0", "flowid", f"1:{_ARP_CLASS}"),
        )
        marks = ((rate, mark) for rate, both in MARKS.items() for mark in both)
        for at, (rate, mark) in enumerate(marks, 20):
            _tc_class(name, "1:1", f"1:{at}", rate, rate)
            _tc(
                *("filter", "add", "dev", name, "parent", "1:", "protocol", "ip", "prio", "1"),
                *("u32", "match", "ip", "tos", hex(mark), "0xfc", "flowid", f"1:{at}"),
            )

    def _set_limits(self, mode: str, limits: Limits) -> None:
        """Change both slices."""
        for place, (name, limit) in enumerate(zip("ab", limits, strict=True)):
            share = None if limit is None else _share(mode, limit, place)
            self._slicing.request("PATCH", f"/v1/slices/{name}", {"bandwidth": share})

    def _interval(self, mode: str, limits: Limits, skip: float, seconds: float) -> IntervalRow:
        self._set_limits(mode, limits)
        wanted = sorted(limit for limit in limits if limit is not None and mode == "meter")
        if mode != "queue":  # which OpenFlow 1.0 has too, and meters not
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

    def _makes_slices(self, tenants: list[RyuProcess]) -> Callable[[], bool]:
        """Return what makes a slice for each sender, and tells whether that was done."""

        def made() -> bool:
            try:
                make_missing()
            except urllib.error.HTTPError as error:
                # The engine is not up yet.
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                return False
            return True

        def make_missing() -> None:
            there = self._slicing.slices()
            for name, tenant, host in zip("ab", tenants, self._senders, strict=True):
                if name not in there:
                    self._slicing.request("POST", "/v1/slices", self._slice(name, tenant, host))

        return made

    def _slice(self, name: str, tenant: RyuProcess, host: GraphHost) -> dict[str, Any]:
        """Return the slice of a sender: what it sends, and what the receiver sends to it."""
        to_it = {"ports": [self._receiver.port], "match": {"dl_dst": host.mac}}
        return {
            "name": name,
            "controllers": [{"url": f"tcp:127.0.0.1:{tenant.port}"}],
            "flowspace": [{"ports": [host.port]}, to_it],
        }


def _share(mode: str, limit: int, place: int) -> dict[str, Any]:
    """Return the bandwidth of the slice at a place, A's or B's."""
    if mode == "meter":
        return {"mode": mode, "rate_kbps": limit, "burst_kb": limit // 4}
    return {"mode": mode, "value": (QUEUES if mode == "queue" else MARKS)[limit][place]}


def _tc_class(interface: str, parent: str, number: str, kbps: int, most: int) -> None:
    """Make a class of HTB; its queue is short, so that what TCP sends follows a change soon."""
    rates = ("rate", f"{kbps}kbit", "ceil", f"{most}kbit", "burst", "15k", "cburst", "15k")
    at = ("dev", interface, "parent")
    _tc("class", "replace", *at, parent, "classid", number, "htb", *rates)
    if parent != "1:":
        _tc("qdisc", "replace", *at, number, "handle", f"{number[2:]}:", "pfifo", "limit", "50")


def _tc(*words: str) -> None:
    subprocess.run(["tc", *words], check=True, capture_output=True, text=True)


def main() -> None:
    """Do what the command line says."""
    given = arguments(__doc__)
    for sender in "ab":
        given.add_argument(sender, choices=("udp", "tcp"), help="what this sender sends")
    given.add_argument("mode", nargs="?", choices=("meter", "ip_tos"), default="meter")
    given.add_argument("link", nargs="?", type=_link, default=0, help="in kb/s")
    words = given.parse_args()
    as_root("it makes switches")
    show((words.a, words.b), words.mode, words.link)


def _link(word: str) -> int:
    """Return what a link can have, in kb/s; ArgumentTypeError."""
    if not word.isdecimal() or int(word) < LEAST_LINK_KBPS:
        raise argparse.ArgumentTypeError(f"{word!r} is no number of kb/s from {LEAST_LINK_KBPS} on")
    return int(word)


def show(protocols: tuple[str, str], mode: str = "meter", link_kbps: int = 0) -> None:
    """Print the report's schedule for two senders; by ``ip_tos`` they share a link."""
    is_shared = mode == "ip_tos"
    with tempfile.TemporaryDirectory() as folder, BandwidthLab(Path(folder)) as lab:
        if link_kbps or is_shared:
            lab.share_link(link_kbps or LINK_KBPS)
        schedule = SHARED_SCHEDULE if is_shared else REPORT_SCHEDULE
        for row in lab.run(protocols, schedule, skip=4.0, mode=mode):
            print(f"{row.limits.a} {row.limits.b} kb/s: A {row.a:.0f}, B {row.b:.0f}", flush=True)


if __name__ == "__main__":
    carry_out(main)
