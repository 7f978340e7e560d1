"""A path between the lab's two Domain 0s that leads through a virtual router, and packets on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tools.xen_pilot import Pilot
from topologies.lab.keys import guest_address
from topologies.lab.steps import LabError

HOSTS = ("xen1", "xen2")
ROUTER = "r1"
ENDS = {"xen1": "10.78.0.1", "xen2": "10.79.0.1"}
_HEADERS = 28
"""Bytes of the IPv4 and ICMP headers."""


@dataclass
class Passed:
    """What passed through the router and came back."""

    sent: int = 0
    received: int = 0
    through_router: bool = False


def prepare_path(pilot: Pilot, host: str) -> None:
    """Have packets between the two Domain 0s pass through the router, both ways."""
    for one, other in (HOSTS, HOSTS[::-1]):
        pilot.lab.machine(one).run(
            f"ip addr replace {ENDS[one]}/32 dev lo; "
            f"ip route replace {ENDS[other]} via {guest_address(ROUTER)} src {ENDS[one]}; "
            "sysctl -q net.ipv4.conf.all.accept_redirects=0 net.ipv4.conf.all.rp_filter=0"
        )
    routes = "; ".join(
        f"ip route replace {ENDS[one]} via 10.77.0.{number}" for number, one in enumerate(HOSTS, 1)
    )
    pilot.inside(
        host,
        ROUTER,
        f"echo 1 > /proc/sys/net/ipv4/ip_forward; {routes}; "
        "echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects; "
        "echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects",
    )


@contextmanager
def traffic(pilot: Pilot, rate: float = 5.0, packet: int = 84) -> Iterator[Passed]:
    """Send packets from one Domain 0 to the other, which come back, while the block runs.

    ``rate``: packets per second; ``packet``: bytes of the IP packet.
    """
    machine, passed = pilot.lab.machine("xen1"), Passed()
    words = f"ping -i {1 / rate:g} -s {packet - _HEADERS} -W 5 -I {ENDS['xen1']} {ENDS['xen2']}"
    machine.run(
        f"setsid sh -c '{words} > /tmp/ping.out 2>&1 & echo $! > /tmp/ping.pid; wait' "
        "> /dev/null 2>&1 < /dev/null &"
    )
    try:
        yield passed
    finally:
        machine.run("kill -INT $(cat /tmp/ping.pid); sleep 1")
        text = machine.run("cat /tmp/ping.out")
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        if found is not None:
            passed.sent, passed.received = int(found[1]), int(found[2])
        # One less than 64: it was forwarded, once.
        passed.through_router = "ttl=63" in text and "ttl=64" not in text


def packets_pass(pilot: Pilot) -> bool:
    """Tell whether three packets in a row come back now."""
    ping = f"ping -c 3 -i 0.2 -W 5 -I {ENDS['xen1']} {ENDS['xen2']}"
    return " 0% packet loss" in pilot.lab.machine("xen1").run(ping, check=False)


def shell_answers(pilot: Pilot) -> bool:
    """Tell whether the router has come so far."""
    try:
        return pilot.inside("xen1", ROUTER, "echo alive").strip() == "alive"
    except LabError:
        return False
