"""Hosts that talk over IPv6 across real Open vSwitch switches: found, asked, and found again."""

from __future__ import annotations

import pytest

from integration.shared_network import VERSIONS
from tools.controller_process import wait_until
from tools.lab import Lab
from topologies.graphs import GraphHost

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(300)]

ARRIVES = 60.0
"""Seconds within which an address is found where it is now; a busy machine takes a few."""


@pytest.mark.parametrize("versions", VERSIONS.values(), ids=VERSIONS.keys())
def test_hosts_talk_over_ipv6_and_are_found_where_they_moved(
    lab: Lab, versions: tuple[str, ...]
) -> None:
    """The last host's address moves to the first one's neighbour, which tells nobody of it."""
    lab.build("ring", versions, n=5)
    lab.expect_true_topology()
    hosts = lab.graph.hosts
    for number, host in enumerate(hosts, 1):
        speak_ipv6(lab, host, number)
    for number in range(1, len(hosts)):
        expect_ping(lab, hosts[number], 1)
    expect_ping(lab, hosts[0], len(hosts))
    wait_until(lambda: all(is_known(lab, host, n) for n, host in enumerate(hosts, 1)), ARRIVES,
               "every host is known by its address")  # fmt: skip
    last = hosts[-1]
    address = f"fd00::{len(hosts)}/64"
    lab.network.run(last.name, ["ip", "addr", "del", address, "dev", last.interface])
    speak_ipv6(lab, hosts[1], len(hosts))
    expect_ping(lab, hosts[0], len(hosts))
    expect_ping(lab, hosts[2], 2)


def speak_ipv6(lab: Lab, host: GraphHost, number: int) -> None:
    """Give a host an address, which it probes for before it uses it."""
    for words in (
        ["sysctl", "-qw", f"net.ipv6.conf.{host.interface}.disable_ipv6=0"],
        ["ip", "addr", "add", f"fd00::{number}/64", "dev", host.interface],
    ):
        ran = lab.network.run(host.name, words)
        assert ran.status == 0, ran.output
    tentative = ["ip", "-6", "addr", "show", "dev", host.interface, "tentative"]
    wait_until(lambda: not lab.network.run(host.name, tentative).output, ARRIVES, "address probed")


def expect_ping(lab: Lab, host: GraphHost, number: int) -> None:
    """Wait until ``host`` gets an answer from the address with this number."""
    words = ["ping", "-6", "-c", "1", "-w", "2", f"fd00::{number:x}"]
    wait_until(lambda: lab.network.run(host.name, words).status == 0, ARRIVES, f"ping of {words}")


def is_known(lab: Lab, host: GraphHost, number: int) -> bool:
    """Tell whether Horizon knows ``host`` by the address with this number."""
    known = {one["mac"]: one["ips"] for one in lab.controller.get("/v1/topology")["hosts"]}
    return f"fd00::{number:x}" in known.get(host.mac, ())
