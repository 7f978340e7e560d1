"""What one sample of each gatherer costs, against starting the classic tool for it.

Nothing is waited for between samples, and the tools' output is not even read: what is compared
is the least that either way can cost. The machine's own interfaces and loopback are measured.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

from bench.table import Figure
from xen_bridge.dom0.hypervisor.opening import open_hypervisor
from xen_bridge.gatherers.from_usage import FromUsage
from xen_bridge.gatherers.ifconfig import IfconfigGatherer
from xen_bridge.gatherers.latency import LatencyGatherer
from xen_bridge.gatherers.memory import MemoryGatherer
from xen_bridge.gatherers.xentop_table import COLUMNS, XentopReader
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.measures import LatencySampling, Sampling
from xen_bridge.runtime.threads import ThreadRuntime

SAMPLES, ROUNDS = 200, 5
SPAWNS = 20
NEIGHBORS = 64
DOMAINS = 100
XEN = "xen:///system"

ROW = "--b--- 1200 12.5 98304 9.4 no limit n/a 2 1 4 2 1 0 17 3 136 24 0"
VIF = "Net0 RX: 2310bytes 21pkts 0err 0drop  TX: 4700bytes 44pkts 0err 0drop"


class HastyRuntime(ThreadRuntime):
    """Waits for nothing but what it calls."""

    def sleep_until(self, when: float) -> None:
        """Return at once."""


def per_sample(measure: Callable[[int], object], samples: int) -> float:
    """Return the milliseconds of one of ``samples``: the median of some rounds."""
    measure(1)
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        measure(samples)
        found.append((time.perf_counter() - start) / samples)
    return 1000 * statistics.median(found)


def per_start(*commands: Sequence[str]) -> float | None:
    """Return the milliseconds until all ``commands``, started together, have ended.

    None if the tool is not installed.
    """
    if shutil.which(commands[0][0]) is None:
        return None

    def run(times: int) -> None:
        for _ in range(times):
            started = [
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                for command in commands
            ]
            for process in started:
                process.wait()

    return per_sample(run, max(SPAWNS // len(commands), 1))


def memory() -> float:
    """Measure reading the memory."""
    gatherer, runtime = MemoryGatherer(), HastyRuntime()
    return per_sample(lambda count: gatherer.get_measures(Sampling(count), runtime), SAMPLES)


def interfaces() -> float:
    """Measure reading all interfaces and their addresses."""
    netlink, runtime = Netlink(), HastyRuntime()
    gatherer = IfconfigGatherer(netlink)
    try:
        return per_sample(lambda count: gatherer.get_measures(Sampling(count), runtime), SAMPLES)
    finally:
        netlink.close()


def addresses(count: int) -> tuple[str, ...]:
    """Return that many addresses of the loopback."""
    return tuple(f"127.0.0.{number}" for number in range(1, count + 1))


def latency(neighbors: int) -> float:
    """Measure one echo to each neighbor and its answer."""
    netlink, runtime = Netlink(), HastyRuntime()
    gatherer = LatencyGatherer(netlink)

    def measure(count: int) -> object:
        sampling = LatencySampling(count, pings=1, neighbors=addresses(neighbors))
        return gatherer.get_measures(sampling, runtime)

    try:
        return per_sample(measure, SAMPLES // neighbors + 10)
    finally:
        netlink.close()


def table() -> float:
    """Measure reading what xentop writes of many domains."""
    rows = [f"domain-{number:04} {ROW}\n{VIF}\n" for number in range(DOMAINS)]
    text = (" ".join(COLUMNS) + "\n" + "".join(rows)).encode()

    def measure(count: int) -> object:
        reader = XentopReader()
        for _ in range(count):
            reader.feed(text)
        reader.end()
        return reader.take()

    return per_sample(measure, 20)


def domains() -> float:
    """Measure asking libvirt for what the domains of this machine's Xen use."""
    hypervisor, runtime = open_hypervisor(XEN), HastyRuntime()
    gatherer = FromUsage(hypervisor)
    return per_sample(lambda count: gatherer.get_measures(Sampling(count), runtime), SPAWNS)


def figures() -> Iterator[Figure]:
    """Measure each."""
    yield Figure("memory, against free", "ms", memory(), per_start(("free", "-k")))
    yield Figure("ifconfig, against ifconfig -a", "ms", interfaces(), per_start(("ifconfig", "-a")))
    ping = [("ping", "-n", "-q", "-c1", address) for address in addresses(NEIGHBORS)]
    yield Figure("latency, against ping -c1", "ms", latency(1), per_start(ping[0]))
    many = f"latency of {NEIGHBORS} neighbors, against as many pings"
    yield Figure(many, "ms", latency(NEIGHBORS), per_start(*ping))
    if shutil.which("xentop") is not None:
        theirs = per_start(("xentop", "-b", "-f", "-n", "-i1"))
        yield Figure("xentop through libvirt, against xentop -i1", "ms", domains(), theirs)
    yield Figure(f"xentop's table of {DOMAINS} domains, read", "ms", table())
