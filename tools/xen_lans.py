"""Two networks beside the lab's Xen hosts, each with a station: what virtual routers are between.

::

    client ── lan0 ──┬── xen1 ──┬── lan1 ── server
                     └── xen2 ──┘

Client, server and both switches are network namespaces of the machine that runs the lab. Each host
has a bridge of the same name, whose cable leads to the switch.
"""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from pathlib import Path
from types import TracebackType

from tools.router_lab import LANS as NETWORKS
from tools.router_lab import ip
from topologies.lab.lab import XenLab
from topologies.lab.machine import LANS

STATIONS = ("client", "server")
ADDRESSES = tuple(f"{network}.1/24" for network in NETWORKS)
"""Of a router between them."""


class XenLans:
    """Both networks, of a lab that runs; a context manager."""

    def __init__(self, lab: XenLab) -> None:
        self._lab = lab
        self._label = uuid.uuid4().hex[:6]
        self._stack = contextlib.ExitStack()

    def space(self, name: str) -> str:
        """Return the namespace of ``client``, ``server`` or ``wire``, where the switches are."""
        return f"hzs{self._label}-{name}"

    def __enter__(self) -> XenLans:
        """Lay the cables of both hosts."""
        with contextlib.ExitStack() as stack:
            for name in ("wire", *STATIONS):
                ip("netns", "add", self.space(name))
                stack.callback(
                    subprocess.run, ("ip", "netns", "del", self.space(name)), check=False
                )
                ip("-n", self.space(name), "link", "set", "lo", "up")
            for number, station in enumerate(STATIONS):
                self._switch(number)
                self._station(station, number)
            for machine in self._lab.machines:
                self.connect(machine.name)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Take all of it away; the hosts' cables are cut until they are switched on again."""
        self._stack.close()

    def connect(self, host: str) -> None:
        """Lay the cables of a host, unless it has not been switched on since that was done."""
        for lan, cable in zip(LANS, self._lab.machine(host).cables, strict=True):
            if not Path("/sys/class/net", cable).exists():
                continue
            ip("link", "set", cable, "netns", self.space("wire"))
            ip("-n", self.space("wire"), "link", "set", cable, "master", lan, "up")

    def _switch(self, number: int) -> None:
        ip("-n", self.space("wire"), "link", "add", LANS[number], "type", "bridge")
        ip("-n", self.space("wire"), "link", "set", LANS[number], "up")

    def _station(self, name: str, number: int) -> None:
        space, network = self.space(name), NETWORKS[number]
        end = ("peer", "name", name, "netns", self.space("wire"))
        ip("-n", space, "link", "add", "eth0", "type", "veth", *end)
        ip("-n", self.space("wire"), "link", "set", name, "master", LANS[number], "up")
        ip("-n", space, "address", "add", f"{network}.2/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "up")
        ip("-n", space, "route", "add", "default", "via", f"{network}.1")

    def passes(self) -> bool:
        """Tell whether a ping gets through from the client to the server."""
        command = ("ip", "netns", "exec", self.space("client"), "ping", "-c1", "-W2")
        return not subprocess.run((*command, f"{NETWORKS[1]}.2"), capture_output=True).returncode
