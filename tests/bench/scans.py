"""Scan: all neighbors of a /24 with five hosts up, against nmap with its own timing.

Node and hosts are network namespaces on one bridge.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

from bench.table import Figure
from network_namespace import NetworkNamespace
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.neighborhood import Neighborhood, ScanNeighbors

ROUNDS, HOSTS = 5, 5
NETWORK = "192.0.2"


def figures() -> Iterator[Figure]:
    """Measure it; nothing without nmap, or the right to make namespaces."""
    if os.geteuid() or shutil.which("nmap") is None:
        yield Figure("scan, needs root and nmap", "s", None)
        return
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    with ExitStack() as stack:
        node = _segment(stack)
        for _ in range(ROUNDS):
            times["theirs"].append(_nmap(node))
            times["ours"].append(_scan(node))
    yield Figure(
        f"a /24 with {HOSTS} hosts up, aim 0.5 s",
        "s",
        statistics.median(times["ours"]),
        statistics.median(times["theirs"]),
    )


def _segment(stack: ExitStack) -> NetworkNamespace:
    node = stack.enter_context(NetworkNamespace())
    node.ip("link", "add", "br0", "type", "bridge")
    node.ip("link", "set", "br0", "up")
    node.ip("address", "add", f"{NETWORK}.254/24", "dev", "br0")
    for number in range(1, HOSTS + 1):
        host = stack.enter_context(NetworkNamespace())
        peer = ("peer", "name", "eth0", "netns", host.name)
        node.ip("link", "add", f"h{number}", "type", "veth", *peer)
        node.ip("link", "set", f"h{number}", "master", "br0", "up")
        host.ip("address", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
    return node


def _scan(node: NetworkNamespace) -> float:
    def scanned() -> Neighborhood:
        return NeighborScan(Netlink()).scan(ScanNeighbors())

    start = time.perf_counter()
    told = node.run(scanned)
    seconds = time.perf_counter() - start
    if len(told.neighbors) != HOSTS:
        raise RuntimeError(f"{len(told.neighbors)} of {HOSTS} were found")
    return seconds


def _nmap(node: NetworkNamespace) -> float:
    command = ("ip", "netns", "exec", node.name, "nmap", "-sn", "-n", f"{NETWORK}.0/24")
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
