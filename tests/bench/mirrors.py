"""Mirror: a router's FIB put into Domain 0's kernel, against ``ip -batch`` of the same routes."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterator

from bench.table import Figure
from network_namespace import NetworkNamespace
from xen_bridge.netlink import batch
from xen_bridge.netlink.constants import RTN_UNICAST
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import FibChange, RouteWay, key_of
from xen_bridge.planes.mirror import Mirror

ROUNDS, ROUTES = 5, 100_000
OURS, THEIRS = 200, 100
"""Tables."""
_INDEX = 2


def figures() -> Iterator[Figure]:
    """Measure it; nothing without the right to make namespaces."""
    if os.geteuid():
        yield Figure("mirror, needs root", "s", None, None, more_is_better=False)
        return
    prefixes = [f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24" for n in range(ROUTES)]
    told = "".join(f"route add {one} via 10.0.2.2 dev v0 table {THEIRS}\n" for one in prefixes)
    way = RouteWay(RTN_UNICAST, 186, 0, None, (NextHop(_INDEX, "10.0.2.2"),))
    change = FibChange(True, routes=((way, tuple(map(key_of, prefixes))),), ends=True)
    with NetworkNamespace() as space:
        space.ip("link", "add", "v0", "type", "veth", "peer", "name", "v1")
        for name in ("v0", "v1"):
            space.ip("link", "set", name, "up")
        space.ip("address", "add", "10.0.2.1/24", "dev", "v0")
        (row,) = space.ip_json("link", "show", "dev", "v0")
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(ROUNDS):
            times["theirs"].append(_batched(space, told))
            times["ours"].append(space.run(lambda: _mirrored(change, row["ifindex"])))
            for table in (OURS, THEIRS):
                space.ip("route", "flush", "table", str(table))
        yield Figure(
            f"mirror of {ROUTES} routes",
            "s",
            statistics.median(times["ours"]),
            statistics.median(times["theirs"]),
            more_is_better=False,
        )


def _batched(space: NetworkNamespace, told: str) -> float:
    command = ("ip", "-n", space.name, "-batch", "-")
    start = time.perf_counter()
    subprocess.run(command, input=told, check=True, text=True)
    return time.perf_counter() - start


def _mirrored(change: FibChange, index: int) -> float:
    """Return the seconds that it takes, from what was told to what is in the kernel."""
    start = time.perf_counter()
    requests = Mirror(OURS, range(1 << 30, (1 << 30) + 64), {_INDEX: index}).apply(change, 0.0)
    refused = batch.write(requests, each=False)
    seconds = time.perf_counter() - start
    if refused:
        raise RuntimeError(f"the kernel refuses {len(refused)} routes: {refused[0].reason}")
    return seconds
