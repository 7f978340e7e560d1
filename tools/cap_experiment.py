"""The report's cap experiment (2.1.2, Fig. 2.4) on real Xen: packets forwarded against the cap.

Two virtual routers share one physical CPU; Domain 0 has another, generates the packets and carries
them from and to the routers. The cap of the second router stays at 100, that of the first falls.
Everything is set and measured through the REST API.

That of the routers should be the CPU that is not enough. In an emulated machine a packet costs
Domain 0 more than a router, and more again if a router takes each by itself, as one does that has
time to spare. So no more is offered than Domain 0 can bring, what routers forward ends in Domain 0
and not in the other machine, and they filter: by so MANY_RULES that either alone would use most of
its CPU for what is offered.

The experiments ``cap`` and ``weight`` stand on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tools.xen_pilot import Pilot
from topologies.lab.keys import host_address
from topologies.lab.machine import Machine

HOST = "xen1"
ROUTERS = ("r1", "r2")
OFFERED = 600
"""Packets per second sent to each router: what Domain 0 can bring, also if one takes none."""
FEW_RULES, MANY_RULES = 450, 6_000
"""Of a router's filter, all of which each packet passes: for both together the CPU has time for
what is offered, or for half of it."""
SECONDS = 10
_TRIES = 4
NETWORK = "10.88.0.0/16"
DOMAIN_0 = host_address(HOST)
FIRST_PORT = 10_000
"""Of the filter; the generator sends to port 9."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured with one cap: packets per second forwarded, and CPU percent, by router."""

    cap: int
    forwarded: dict[str, float]
    cpu_percent: dict[str, float]


# ---- the network


def prepare(pilot: Pilot, rules: int = MANY_RULES) -> None:
    """Have both routers filter by so many rules and forward, on a CPU that Domain 0 does not use.

    They send back to Domain 0, which drops what seems to come from itself.
    """
    forwarding = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    for name in ROUTERS:
        pilot.set(HOST, name, affinity=[[1]], weight=256, cap=100)
        pilot.inside(HOST, name, f"{forwarding}; ip route replace {NETWORK} via {DOMAIN_0}")
        said = pilot.inside(HOST, name, f"{_filter(rules)} 2>&1").strip()
        if said:
            raise AssertionError(f"{name} does not filter: {said}")


def _filter(count: int) -> str:
    """Return the command that has a router compare each packet with rules, none of which fits."""
    rules = f"seq -f 'udp dport %.0f drop' {FIRST_PORT} {FIRST_PORT + count - 1}"
    chain = "table ip lab { chain forward { type filter hook forward priority 0;"
    new = f"{{ echo '{chain}'; {rules}; echo '}}'; echo '}}'; }} | nft -f -"
    return f"nft delete table ip lab 2> /dev/null; {new}"


def burden(pilot: Pilot, percent: float, seconds: int) -> None:
    """Prepare both routers, and give them so many rules that each uses so much CPU, or more.

    For the same rules a fast machine takes half of what a slow one does.
    """
    rules = FEW_RULES
    for _ in range(_TRIES):
        prepare(pilot, rules)
        used = measure(pilot, 100, seconds).cpu_percent[ROUTERS[0]]
        if used >= percent or rules == MANY_RULES:
            return
        rules = min(MANY_RULES, round(rules * 1.2 * percent / max(used, 1.0)))


@contextmanager
def traffic(pilot: Pilot) -> Iterator[dict[str, str]]:
    """Send packets to both routers; gives the name of each one's interface in Domain 0."""
    machine = pilot.lab.machine(HOST)
    vifs = {name: _vif(pilot, name) for name in ROUTERS}
    machine.run("modprobe pktgen && echo rem_device_all > /proc/net/pktgen/kpktgend_0")
    for number, name in enumerate(ROUTERS, 1):
        _add_stream(machine, number, _mac(pilot, name))
    # It writes for as long as it sends.
    machine.run("setsid sh -c 'echo start > /proc/net/pktgen/pgctrl' >/dev/null 2>&1 &")
    try:
        yield vifs
    finally:
        machine.run("echo stop > /proc/net/pktgen/pgctrl")


def _add_stream(machine: Machine, number: int, mac: str) -> None:
    """Add a stream to the generator, through the bridge.

    Straight into a router's interface, the one thread that generates would wait for a router that
    is slow, and the other would get less too.
    """
    device = f"xenbr0@{number}"
    settings = (
        "count 0",
        f"ratep {OFFERED}",
        "pkt_size 64",
        f"src_min {DOMAIN_0}",
        f"dst 10.88.0.{number}",
        f"dst_mac {mac}",
    )
    lines = [f"echo add_device {device} > /proc/net/pktgen/kpktgend_0"]
    lines += [f"echo {setting} > /proc/net/pktgen/{device}" for setting in settings]
    machine.run(" && ".join(lines))


def _domain(pilot: Pilot, name: str) -> Any:
    return pilot.get(f"/xen/hosts/{HOST}/domains/{name}")


def _vif(pilot: Pilot, name: str) -> str:
    return f"vif{_domain(pilot, name)['id']}.0"


def _mac(pilot: Pilot, name: str) -> str:
    return str(_domain(pilot, name)["interfaces"][0]["mac"])


# ---- measuring


def measure(pilot: Pilot, cap: int, seconds: int = SECONDS) -> Point:
    """Set the first router's cap, and measure both."""
    pilot.set(HOST, ROUTERS[0], cap=cap)
    return Point(cap, *measure_both(pilot, seconds))


def measure_both(pilot: Pilot, seconds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the packets per second that each router forwards, and everybody's CPU percent.

    The generator begins anew each time: it makes up for what it could not send before.
    """
    with traffic(pilot) as vifs:
        found = pilot.measure(
            HOST,
            ifconfig={"iterations": 2, "interval": float(seconds)},
            xentop={"iterations": seconds, "interval": 1.0},
        )
    first, last = found["ifconfig"]["iterations"]
    between = last["at"] - first["at"]
    forwarded = {
        name: (_received(last, vif) - _received(first, vif)) / between for name, vif in vifs.items()
    }
    return forwarded, _cpu(found["xentop"]["iterations"])


def _received(iteration: Any, vif: str) -> int:
    """Return what Domain 0 received on a vif: what its router has sent, that is, forwarded."""
    found = next(one for one in iteration["interfaces"] if one["name"] == vif)
    return int(found["received_packets"])


def _cpu(iterations: list[Any]) -> dict[str, float]:
    told: dict[str, list[float]] = {}
    for iteration in iterations:
        for one in iteration["domains"]:
            told.setdefault(one["name"], []).append(one["cpu_percent"])
    return {name: sum(values) / len(values) for name, values in told.items()}
