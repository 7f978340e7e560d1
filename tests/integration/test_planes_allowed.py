"""Kinds of what a router's kernel does, besides a firewall: each refused, allowed, and followed."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from integration.test_planes_skipped import _multicast_router
from integration.test_separated_planes import ping, table, vif_packets
from network_namespace import NetworkNamespace
from separated_router import LANS, PORT, SeparatedRouterLab
from xen_bridge.protocol.documents.planes import SeparatedPlane

pytestmark = [
    pytest.mark.integration,
    pytest.mark.no_switches,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: needs root"),
]
KINDS = {
    "nat": (
        "nft add table ip n { chain out { type nat hook postrouting priority 100; masquerade; }; }",
        "nft delete table ip n",
    ),
    "tc": (
        "tc qdisc add dev eth2 root tbf rate 100mbit burst 100k latency 10ms",
        "tc qdisc del dev eth2 root",
    ),
    "reverse-path": (
        "sysctl -qw net.ipv4.conf.eth1.rp_filter=1",
        "sysctl -qw net.ipv4.conf.eth1.rp_filter=0",
    ),
    "xfrm": (
        "ip xfrm policy add src 10.77.0.0/16 dst 10.78.0.0/16 dir fwd",
        "ip xfrm policy del src 10.77.0.0/16 dst 10.78.0.0/16 dir fwd",
    ),
    "interfaces": ("ip link add br0 up type bridge", "ip link del br0"),
}
"""What begins and ends each; this kernel has no VRFs and routes no labels."""
ALL = (*KINDS, "multicast")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[SeparatedRouterLab]:
    with SeparatedRouterLab(tmp_path) as made:
        made.create()
        made.until(made.is_separated, "its planes are separated")
        inside(made, "sysctl -qw net.ipv4.conf.all.rp_filter=0")
        yield made


def inside(lab: SeparatedRouterLab, command: str) -> None:
    tool, _, rest = command.partition(" ")
    words = [rest] if tool == "nft" else rest.split()
    where = ("ip", "netns", "exec", f"hz-{lab.name}-r1")
    subprocess.run((*where, tool, *words), check=True, capture_output=True)


def plane(lab: SeparatedRouterLab) -> SeparatedPlane:
    found = lab.plane()
    assert found is not None
    return found


def refused(lab: SeparatedRouterLab) -> str:
    found = plane(lab)
    return " ".join(found.refusals) if found.state == "refused" else ""


def multicast(lab: SeparatedRouterLab) -> socket.socket:
    """Have the router's kernel pass multicast on, until this is closed."""
    space = NetworkNamespace()
    space.name = f"hz-{lab.name}-r1"
    return space.run(_multicast_router)


def test_each_kind_is_refused_and_passed_by_the_router_or_allowed_and_by_domain_0(
    lab: SeparatedRouterLab,
) -> None:
    for kind, (begins, ends) in KINDS.items():
        inside(lab, begins)
        lab.until(lambda kind=kind: f"{kind} (" in refused(lab), f"{kind} is seen")
        before = vif_packets(lab)
        assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9"), kind
        assert vif_packets(lab) > before, "the router passes them, by what its kernel does"
        inside(lab, ends)
        lab.until(lambda: lab.is_separated(), "it is separated again")
    with closing(multicast(lab)):
        lab.until(lambda: "multicast (" in refused(lab), "it is seen")
    lab.until(lambda: lab.is_separated(), "it is separated again")

    lab.bridge.stop()
    allowed = tuple(word for kind in ALL for word in ("--allow", kind))
    lab.bridge.start(PORT, more=allowed)
    with closing(multicast(lab)):
        for begins, _ in KINDS.values():
            inside(lab, begins)
        lab.until(lambda: set(plane(lab).kinds) == set(ALL), "all of it is told")
        lab.until(lambda: lab.is_separated(), "it is separated in spite of all of it")
        before = vif_packets(lab)
        assert " 0% packet loss" in ping(lab, f"{LANS[1]}.9")
        assert vif_packets(lab) - before < 4, "Domain 0 passes them"
        lab.router_ip("route", "add", "10.99.0.0/16", "via", f"{LANS[1]}.9")
        lab.until(lambda: "10.99.0.0/16" in table(lab), "its routes are followed")
