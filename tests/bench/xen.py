"""Xen: a hundred requests in flight against one Domain 0, fifty hosts looked at by one controller.

Peers measured in the same run: the round trip of a request alone, and the slowest single host.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.table import Figure
from tools.bridge_process import BridgeProcess
from xen_bridge.client import BridgeClient
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.protocol.documents.measures import (
    GathererParameters,
    Measures,
    Sampling,
    UsedGatherers,
)
from xen_bridge.trust.identity import Identity

IN_FLIGHT = 100
ITERATIONS, INTERVAL = 4, 0.5
HOSTS = 50
ROUNDS = 5
PROBE_PAUSE = 0.02
MEASURES = Measures(
    UsedGatherers(ifconfig=True, memory=True, xentop=True),
    GathererParameters(
        ifconfig=Sampling(ITERATIONS, INTERVAL),
        memory=Sampling(ITERATIONS, INTERVAL),
        xentop=Sampling(ITERATIONS, INTERVAL),
    ),
)
"""What the clock alone takes is the same for one request as for a hundred."""


def figures() -> Iterator[Figure]:
    """Yield each figure as it is measured."""
    with tempfile.TemporaryDirectory(prefix="horizon-bench-") as name:
        folder = Path(name)
        controller = Identity.create(folder / "controller")
        yield from _in_flight(folder, controller)
        yield from _many_hosts(folder, controller)


# ---- a hundred in flight


def _in_flight(folder: Path, controller: Identity) -> Iterator[Figure]:
    with BridgeProcess(folder / "one", controller) as host:
        alone = [_seconds(host.client(), MEASURES) for _ in range(3)]
        quiet = _probed(host, lambda: time.sleep(2))
        together: list[float] = []
        busy = _probed(host, lambda: together.extend(_all_at_once(host)))
    least = statistics.median(alone)
    for share, label in ((50, "p50"), (99, "p99")):
        yield Figure(
            f"{IN_FLIGHT} measure requests in flight, {label} (one alone)",
            "s",
            _percentile(together, share),
            least,
        )
    yield Figure(
        "a look at the host meanwhile, p50 (on an idle host)",
        "ms",
        _percentile(busy, 50) * 1000,
        _percentile(quiet, 50) * 1000,
    )
    yield Figure(
        "a look at the host meanwhile, slowest (on an idle host)",
        "ms",
        max(busy) * 1000,
        max(quiet) * 1000,
    )


def _all_at_once(host: BridgeProcess) -> list[float]:
    """Return how long each of the requests took, all sent together."""
    clients = [host.client() for _ in range(IN_FLIGHT)]
    for client in clients:
        client.ask(GetNode())
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        taken = list(pool.map(lambda client: _seconds(client, MEASURES), clients))
    for client in clients:
        client.close()
    return taken


def _probed(host: BridgeProcess, work: Callable[[], object]) -> list[float]:
    """Return how long small requests take while ``work`` goes on: they show the event loop."""
    ended, taken = threading.Event(), []

    def probe() -> None:
        client = host.client()
        while not ended.wait(PROBE_PAUSE):
            taken.append(_seconds(client, GetNode()))
        client.close()

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        work()
    finally:
        ended.set()
        thread.join()
    return taken


def _seconds(client: BridgeClient, body: object) -> float:
    began = time.perf_counter()
    client.ask(body, seconds=120)
    return time.perf_counter() - began


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


# ---- fifty hosts


def _many_hosts(folder: Path, controller: Identity) -> Iterator[Figure]:
    """Each host is a process; those that take a while do as hosts that ask their hypervisor."""
    for uri, label in ((SLOW, "that take 0.2 s each"), (QUICK, "that answer at once")):
        with ExitStack() as stack:
            hosts = [
                stack.enter_context(BridgeProcess(folder / f"h{number}", controller, uri))
                for number in range(HOSTS)
            ]
            together, slowest = _looked_at(folder, hosts)
        yield Figure(
            f"a look at {HOSTS} hosts {label} (the slowest alone)",
            "ms",
            together * 1000,
            slowest * 1000,
        )


SLOW = "memory:///slow?seconds=0.2"
"""A hypervisor that takes 0.2 s to tell of its domains; libvirt on a loaded host does."""
QUICK = "memory:///quick"


def _looked_at(folder: Path, hosts: list[BridgeProcess]) -> tuple[float, float]:
    """Return the seconds of a look at all hosts, and of one at the slowest of them."""
    from bench.xen_looks import looks

    return looks(folder / "controller", [(one.url, one.identity.node_pk) for one in hosts], ROUNDS)
