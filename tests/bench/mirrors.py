"""Mirror: a router's FIB put into Domain 0's kernel, against ``ip -batch`` of the same routes.

And what one change takes: of a group that all routes go by, and of one route, from the router's
kernel to Domain 0's, through a real agent and a real service.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.table import Figure
from network_namespace import NetworkNamespace
from separated_router import SeparatedRouterLab
from xen_bridge.netlink import batch
from xen_bridge.netlink.constants import RTN_UNICAST
from xen_bridge.netlink.routes import KernelRoute, NextHop, delete_route, replace_route
from xen_bridge.netlink.subscription import Changed, NetlinkSubscription, TableSnapshot
from xen_bridge.netlink.tables import ROUTES as ROUTE_TABLES
from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay, key_of
from xen_bridge.planes.mirror import Mirror

ROUNDS, GROUP_ROUNDS, ROUTES = 5, 3, 100_000
OURS, THEIRS = 200, 100
"""Tables."""
SINGLES = 200
_INDEX = 2
_BGP = 186


def figures() -> Iterator[Figure]:
    """Measure it; nothing without the right to make namespaces."""
    if os.geteuid():
        yield Figure("mirror, needs root", "s", None, None, more_is_better=False)
        return
    prefixes = [f"{20 + n // 65536}.{n // 256 % 256}.{n % 256}.0/24" for n in range(ROUTES)]
    told = "".join(f"route add {one} via 10.0.2.2 dev v0 table {THEIRS}\n" for one in prefixes)
    way = RouteWay(RTN_UNICAST, _BGP, 0, None, (NextHop(_INDEX, "10.0.2.2"),))
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
        yield _group(space, prefixes, row["ifindex"])
    with tempfile.TemporaryDirectory() as folder:
        yield from _singles(Path(folder))


def _group(space: NetworkNamespace, prefixes: list[str], index: int) -> Figure:
    """Measure the change of a group, against telling all routes that go by it anew."""
    mirror = Mirror(OURS, range(1 << 30, (1 << 30) + 64), {_INDEX: index})
    ways = tuple((number, Nexthop(socket.AF_INET, _INDEX, f"10.0.2.{number}")) for number in (2, 3))
    groups = [(9, Nexthop(socket.AF_UNSPEC, group=one)) for one in (((2, 1), (3, 1)), ((3, 1),))]
    way = RouteWay(RTN_UNICAST, _BGP, 0, 9)
    whole = (way, tuple(map(key_of, prefixes)))
    told = FibChange(True, nexthops=(*ways, groups[0]), routes=(whole,), ends=True)
    space.run(_written, mirror, told)
    lines = "".join(f"route replace {one} via 10.0.2.3 dev v0 table {THEIRS}\n" for one in prefixes)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for number in range(GROUP_ROUNDS):
        times["theirs"].append(_batched(space, lines))
        change = FibChange(nexthops=(groups[(number + 1) % 2],))
        times["ours"].append(space.run(_written, mirror, change))
    name = f"one group changes under {ROUTES} routes, against all of them anew"
    return Figure(name, "s", *(statistics.median(times[one]) for one in ("ours", "theirs")))


def _written(mirror: Mirror, change: FibChange) -> float:
    """Return the seconds from what is told to what is in the kernel."""
    start = time.perf_counter()
    refused = batch.write(mirror.apply(change, 0.0), each=False)
    seconds = time.perf_counter() - start
    if refused:
        raise RuntimeError(f"the kernel refuses: {refused[0].reason}")
    return seconds


def _singles(folder: Path) -> Iterator[Figure]:
    """Measure one route at a time, from the router's kernel to Domain 0's."""
    with SeparatedRouterLab(folder) as lab:
        lab.create()
        lab.until(lab.is_separated, "the router is separated")
        router = NetworkNamespace()
        router.name = f"hz-{lab.name}-r1"
        (row,) = router.ip_json("link", "show", "dev", "eth2")
        subscription = NetlinkSubscription(ROUTE_TABLES)
        lab.domain_0.run(subscription.read, 0.0)
        found = []
        for number in range(SINGLES):
            route = KernelRoute(
                f"20.0.{number}.0/24", (NextHop(row["ifindex"], "10.0.2.9"),), 254, _BGP
            )
            start = time.perf_counter()
            router.run(batch.write, [replace_route(route)])
            _arrived(subscription, route.destination)
            found.append(1000 * (time.perf_counter() - start))
            router.run(batch.write, [delete_route(route)])
        subscription.close()
        lab.delete()
    found.sort()
    yield Figure("one route, end to end, median", "ms", statistics.median(found))
    yield Figure("one route, end to end, 99 of 100", "ms", found[len(found) * 99 // 100])


def _arrived(subscription: NetlinkSubscription[KernelRoute], destination: str) -> None:
    """Wait until Domain 0's kernel has it."""
    deadline = time.perf_counter() + 30
    while time.perf_counter() < deadline:
        for told in subscription.read(1.0):
            rows = told.rows if isinstance(told, TableSnapshot) else ()
            if isinstance(told, Changed):
                rows = (told.row,)
            if any(one.destination == destination for one in rows):
                return
    raise RuntimeError(f"{destination} does not come to Domain 0")


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
