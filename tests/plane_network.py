"""Stations, virtual machines and a Domain 0 as network namespaces, for tests of data planes.

For each router: client - Domain 0 - server, and the VM in a namespace of its own. All routers have
the same addresses.
"""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from xen_bridge.netlink import batch
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.follower import FibFollower
from xen_bridge.planes.mirror import Mirror

NETWORKS = ("10.0.1", "10.0.2")
NETWORKS6 = ("2001:db8:1", "2001:db8:2")


@dataclass
class Router:
    """A router with its stations; in Domain 0 are its physical ports and virtual interfaces."""

    plan: DataPlanePlan
    vm: NetworkNamespace
    stations: tuple[NetworkNamespace, NetworkNamespace]

    def ping(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("ip", "netns", "exec", self.stations[0].name, "ping", "-c2", "-i0.05", "-W2", *words),
            capture_output=True,
            text=True,
            check=False,
            timeout=BACKSTOP,
        )


def wired(
    domain_0: NetworkNamespace, slot: int, stack: contextlib.ExitStack, has_ipv6: bool = False
) -> Router:
    """Make a router's namespaces, and wire them to Domain 0; its data plane is only planned."""
    vm = stack.enter_context(NetworkNamespace())
    stations = (
        stack.enter_context(NetworkNamespace()),
        stack.enter_context(NetworkNamespace()),
    )
    ports = []
    for number, (network, station) in enumerate(zip(NETWORKS, stations, strict=True)):
        mac = f"02:00:00:00:0{slot}:0{number}"
        wire, vif = f"e{slot}{number}", f"v{slot}{number}"
        for near, far, space in ((wire, "eth0", station), (vif, f"eth{number}", vm)):
            domain_0.ip(
                *("link", "add", near, "type", "veth", "peer", "name", far, "netns", space.name)
            )
            domain_0.ip("link", "set", near, "up")
        station.ip("address", "add", f"{network}.2/24", "dev", "eth0")
        station.ip("link", "set", "eth0", "up")
        station.ip("route", "add", "default", "via", f"{network}.1")
        vm.ip("link", "set", f"eth{number}", "address", mac)
        vm.ip("address", "add", f"{network}.1/24", "dev", f"eth{number}")
        vm.ip("link", "set", f"eth{number}", "up")
        addresses = [f"{network}.1/24"]
        if has_ipv6:
            own, gateway = f"{NETWORKS6[number]}::2/64", f"{NETWORKS6[number]}::1"
            station.ip("address", "add", own, "dev", "eth0", "nodad")
            station.ip("-6", "route", "add", "default", "via", gateway)
            addresses += [f"{gateway}/64", f"fe80::{number + 1}/64"]
            for one in addresses[1:]:
                vm.ip("address", "add", one, "dev", f"eth{number}", "nodad")
        raw = bytes.fromhex(mac.replace(":", ""))
        ports.append(RouterPort(vif, wire, raw, tuple(addresses)))
    return Router(DataPlanePlan(slot, tuple(ports)), vm, stations)


def mirrored(domain_0: NetworkNamespace, router: Router, devices: dict[str, int]) -> None:
    """Carry the FIB of the router's kernel into its table."""
    ports = {
        int(router.vm.ip_json("link", "show", "dev", f"eth{number}")[0]["ifindex"]): devices[name]
        for number, name in enumerate(router.plan.devices)
    }
    model = FibModel()
    follower = FibFollower(model)
    mirror = Mirror(router.plan.table, router.plan.nexthop_ids, ports)
    try:
        model.tell_all()
        router.vm.run(follower.read, 0.05)
        while (change := model.take()) is not None:
            assert domain_0.run(batch.write, mirror.apply(change, 0.0)) == ()
    finally:
        follower.close()
