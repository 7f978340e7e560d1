"""Scan of neighbors by nmap itself, on a segment of network namespaces."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack

import pytest

from network_namespace import NetworkNamespace
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.neighborhood import Neighborhood, ScanNeighbors

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
    pytest.mark.skipif(shutil.which("nmap") is None, reason="needs nmap"),
]


def scanned() -> Neighborhood:
    return NeighborScan(Netlink()).scan(ScanNeighbors())


def test_all_five_hosts_of_a_segment_are_found_with_their_addresses() -> None:
    with ExitStack() as stack:
        node = stack.enter_context(NetworkNamespace())
        node.ip("link", "add", "br0", "address", "02:00:00:00:00:fe", "type", "bridge")
        node.ip("link", "set", "br0", "up")
        node.ip("address", "add", "192.0.2.254/24", "dev", "br0")
        wanted = {}
        for number in range(1, 6):
            host = stack.enter_context(NetworkNamespace())
            mac = f"02:00:00:00:00:{number:02x}"
            peer = ("peer", "name", "eth0", "address", mac, "netns", host.name)
            node.ip("link", "add", f"h{number}", "type", "veth", *peer)
            node.ip("link", "set", f"h{number}", "master", "br0", "up")
            host.ip("address", "add", f"192.0.2.{number}/24", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")
            wanted[f"192.0.2.{number}"] = ("br0", mac)
        told = node.run(scanned)
    assert {one.address: (one.interface, one.mac) for one in told.neighbors} == wanted
    assert all(one.latency_ms is not None for one in told.neighbors)
