"""The report's cap experiment (2.1.2, Fig. 2.4) on real Xen: packets forwarded against the cap.

Two virtual routers share one physical CPU; Domain 0 has another, generates the packets and carries
them from and to the routers. The cap of the second router stays at 100, that of the first falls.
Everything is set and measured through the REST API.

``make xen-cap`` prints a table and writes a plot.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from horizon_ryu.cli.terminal import Terminal
from tools.controller_process import ControllerProcess
from tools.xen_pilot import Pilot
from topologies.lab.lab import XenLab
from topologies.lab.machine import Machine

HOST, OTHER = "xen1", "xen2"
ROUTERS = ("r1", "r2")
CAPS = (100, 60, 40, 30, 20, 15, 10, 5)
OFFERED = 6000
"""Packets per second sent to each router; an emulated machine does not forward many more."""
SECONDS = 10
NETWORK = "10.88.0.0/16"
PORTS = 37440


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured with one cap: packets per second forwarded, and CPU percent, by router."""

    cap: int
    forwarded: dict[str, float]
    cpu_percent: dict[str, float]


# ---- the network


def prepare(pilot: Pilot) -> None:
    """Have both routers forward to the other host, on a CPU that Domain 0 does not use."""
    pilot.lab.machine(OTHER).run("ip addr replace 10.88.255.1/16 dev xenbr0")
    for name in ROUTERS:
        pilot.set(HOST, name, affinity=[[1]], weight=256, cap=100)
        pilot.inside(
            HOST,
            name,
            f"echo 1 > /proc/sys/net/ipv4/ip_forward; ip route replace {NETWORK} via 10.77.0.2",
        )


@contextmanager
def traffic(pilot: Pilot, offered: int = OFFERED) -> Iterator[dict[str, str]]:
    """Send packets to both routers; gives the name of each one's interface in Domain 0."""
    machine = pilot.lab.machine(HOST)
    vifs = {name: _vif(pilot, name) for name in ROUTERS}
    machine.run("modprobe pktgen && echo rem_device_all > /proc/net/pktgen/kpktgend_0")
    for number, name in enumerate(ROUTERS, 1):
        _add_stream(machine, number, _mac(pilot, name), offered)
    # It writes for as long as it sends.
    machine.run("setsid sh -c 'echo start > /proc/net/pktgen/pgctrl' >/dev/null 2>&1 &")
    try:
        yield vifs
    finally:
        machine.run("echo stop > /proc/net/pktgen/pgctrl")


def _add_stream(machine: Machine, number: int, mac: str, offered: int) -> None:
    """Add a stream to the generator, through the bridge.

    Straight into a router's interface, the one thread that generates would wait for a router that
    is slow, and the other would get less too.
    """
    device = f"xenbr0@{number}"
    settings = (
        "count 0",
        f"ratep {offered}",
        "pkt_size 64",
        "src_min 10.77.0.1",
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
    """Set the first router's cap, and measure both.

    The generator begins anew each time: it makes up for what it could not send before.
    """
    pilot.set(HOST, ROUTERS[0], cap=cap)
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
    return Point(cap, forwarded, _cpu(found["xentop"]["iterations"]))


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


# ---- showing


def table(points: Iterable[Point]) -> Table:
    """Return the measurements as a table."""
    made = Table(title=f"{OFFERED} packets/s offered to each router; cap of r2 is 100")
    for header in ("cap of r1", "r1 packets/s", "r2 packets/s", "r1 CPU %", "r2 CPU %", "Dom0 %"):
        made.add_column(header, justify="right")
    for point in points:
        made.add_row(
            str(point.cap),
            *(f"{point.forwarded[name]:.0f}" for name in ROUTERS),
            *(f"{point.cpu_percent[name]:.1f}" for name in (*ROUTERS, "Domain-0")),
        )
    return made


def plot(points: list[Point], target: Path) -> None:
    """Write the measurements as a picture, in the format that the file's name says."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    caps = [point.cap for point in points]
    for name, marker in zip(ROUTERS, ("o", "s"), strict=True):
        rates = [point.forwarded[name] / 1000 for point in points]
        axes.plot(
            caps, rates, marker=marker, label=f"{name}, cap {'varied' if name == 'r1' else 100}"
        )
    axes.axhline(OFFERED / 1000, linestyle=":", color="grey", label="offered to each")
    axes.set_xlabel("cap of r1 (% of one CPU)")
    axes.set_ylabel("forwarded (1000 packets/s)")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.tight_layout()
    figure.savefig(target)
    pyplot.close(figure)


# ---- the whole


def run(pilot: Pilot, caps: Iterable[int], console: Terminal) -> list[Point]:
    """Make the routers, measure with each cap, end the routers."""
    for name in ROUTERS:
        console.print(f"instantiating {name} …")
        pilot.create(HOST, name)
    for name in ROUTERS:
        pilot.wait_agent(HOST, name)
    prepare(pilot)
    points = []
    for cap in caps:
        console.print(f"cap {cap} …")
        points.append(measure(pilot, cap))
    return points


@click.command()
@click.option(
    "--plot",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    default="cap-experiment.svg",
    show_default=True,
)
def main(target: Path) -> None:
    """Measure how many packets a virtual router forwards under a cap, on real Xen.

    Example: make xen-cap ARGS='--plot caps.png'
    """
    console = Terminal()
    with XenLab(name="cap", first_port=PORTS) as lab, tempfile.TemporaryDirectory() as folder:
        lab.start(lambda text: console.print(f"==> {text}"))
        config = f"[xen]\nidentity = {lab.places.keys / 'controller'}\n"
        with ControllerProcess(Path(folder), ("horizon_ryu.xen",), config) as controller:
            pilot = Pilot(controller, lab)
            pilot.register()
            points = run(pilot, CAPS, console)
            pilot.close()
    console.print(table(points))
    plot(points, target)
    console.print(f"plot: {target}")


if __name__ == "__main__":
    sys.exit(main())
