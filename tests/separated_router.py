"""A Domain 0 in a namespace, with routers that are netns domains, and stations beside them.

``client`` - lan0 - r1 - lan1 - ``server``, or with two routers r1 - lan1 - r2 - lan2; Domain 0 is
between them by its bridges, and speaks with the routers' agents over the bridge mgmt.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from tools.bridge_process import PROGRAM, BridgeProcess
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    NewInterface,
    SetDomain,
)
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import HOSTS_FILE, RouterList, check_router
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

LANS = ("10.0.1", "10.0.2", "10.0.3")
MANAGEMENT = "192.0.2"
PORT, AGENT_PORT = 7443, 7444
WORK_SECONDS = 30.0
_SCRIPT = """#!/bin/sh
ip link set lo up
ip address add {management}/24 dev eth0
ip address add {near}/24 dev eth1
ip address add {far}/24 dev eth2
{more}
{python} -m xen_bridge.command agent --verbose --host {management} --port {port} \\
  --directory {folder} 2>>{folder}/log >/dev/null &
echo $! >{folder}/agent.pid
exec sleep 100000
"""


class SeparatedRouterLab:
    """The whole network; a context manager."""

    def __init__(self, folder: Path, routers: int = 1) -> None:
        """Have room for a row of so many routers."""
        self.folder = folder
        self.lans = LANS[: routers + 1]
        self.name = uuid.uuid4().hex[:8]
        self.domain_0 = NetworkNamespace()
        self.stations = (NetworkNamespace(), NetworkNamespace())
        self._stack = contextlib.ExitStack()
        self._controller = Identity.create(folder / "controller")
        self.uri = f"netns:///{self.name}?state={folder / 'state'}"
        self.bridge: BridgeProcess

    def __enter__(self) -> SeparatedRouterLab:
        with self._stack:
            self._build()
            self._stack = self._stack.pop_all()
        return self

    def _build(self) -> None:
        for space in (self.domain_0, *self.stations):
            self._stack.enter_context(space)
        for name in ("mgmt", *(f"lan{number}" for number in range(len(self.lans)))):
            self.domain_0.ip("link", "add", name, "type", "bridge")
            self.domain_0.ip("link", "set", name, "up")
        self.domain_0.ip("address", "add", f"{MANAGEMENT}.1/24", "dev", "mgmt")
        ends = (0, len(self.lans) - 1)
        for number, station in zip(ends, self.stations, strict=True):
            wire, lan = f"wire{number}", self.lans[number]
            gateway = 1 if number == 0 else len(self.lans) - 1
            self.domain_0.ip(
                *("link", "add", wire, "type", "veth", "peer", "name", "eth0"),
                *("netns", station.name),
            )
            self.domain_0.ip("link", "set", wire, "master", f"lan{number}", "up")
            station.ip("address", "add", f"{lan}.9/24", "dev", "eth0")
            station.ip("link", "set", "eth0", "up")
            station.ip("route", "add", "default", "via", f"{lan}.{gateway}")
        program = ("ip", "netns", "exec", self.domain_0.name, *PROGRAM)
        more = ("--host", f"{MANAGEMENT}.1", "--allow-path", f"{self.folder}:ro")
        self.bridge = BridgeProcess(
            self.folder / "bridge", self._controller, self.uri, program=program, more=more
        )
        self._stack.callback(self._delete_all)
        self.bridge.start(PORT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _delete_all(self) -> None:
        from xen_bridge.virtual_management import PhysicalHost

        self.bridge.kill()

        def delete() -> None:
            host = PhysicalHost(self.uri)
            for domain in host.domains():
                host.delete(domain.uuid)
            host.close()

        self.domain_0.run(delete)

    # ---- the router

    def router_folder(self, name: str) -> Path:
        return self.folder / name

    def create(self, name: str = "r1", more: str = "", start: bool = True) -> None:
        """Make a router with an agent of its own key, known to Domain 0.

        The router rN is between the networks N - 1 and N, and has the number N in both.
        """
        number = int(name[1:])
        management = f"{MANAGEMENT}.{10 + number}"
        folder = self.router_folder(name)
        identity = Identity.create(folder)
        KeyList(folder / KEYS).add(self.bridge.identity.node_pk)
        hosts = RouterList(folder / HOSTS_FILE)
        hosts.put(
            check_router("xen1", f"https://{MANAGEMENT}.1:{PORT}", self.bridge.identity.node_pk)
        )
        known = RouterList(self.folder / "bridge" / ROUTERS)
        url = f"https://{management}:{AGENT_PORT}"
        known.put(check_router(name, url, identity.node_pk))
        program = folder / "start"
        program.write_text(
            _SCRIPT.format(
                management=management,
                near=f"{self.lans[number - 1]}.{number}",
                far=f"{self.lans[number]}.{number}",
                python=sys.executable,
                port=AGENT_PORT,
                folder=folder,
                more=more,
            )
        )
        program.chmod(0o755)
        bridges = ("mgmt", f"lan{number - 1}", f"lan{number}")
        interfaces = tuple(NewInterface(bridge) for bridge in bridges)
        self.ask(CreateDomain(name, kernel=str(program), interfaces=interfaces, start=start))

    def delete(self, name: str = "r1") -> None:
        self.ask(DeleteDomain(name))

    def set_state(self, state: Any, name: str = "r1") -> None:
        self.ask(SetDomain(name, state=state))

    def router_ip(self, *words: str, name: str = "r1", stdin: str | None = None) -> str:
        """Run ``ip`` in a router."""
        space = NetworkNamespace()
        space.name = f"hz-{self.name}-{name}"
        return space.ip(*words, stdin=stdin)

    def clean_up(self, folder: Path) -> None:
        """Remove a folder when all of this is over."""
        self._stack.callback(shutil.rmtree, folder)

    def in_router(self, name: str, program: str) -> None:
        """Run a program in the namespaces of a router, to its end."""
        link = os.readlink(f"/run/netns/hz-{self.name}-{name}")
        pid = link.split("/")[2]
        command = ("nsenter", "-t", pid, "-n", "-p", "-m", program)
        subprocess.run(command, check=True, timeout=BACKSTOP)

    # ---- looking

    def ask(self, body: Any) -> Any:
        """Ask Domain 0 as the controller does."""

        def asking() -> Any:
            client = self.bridge.client()
            try:
                return client.ask(body)
            finally:
                client.close()

        return self.domain_0.run(asking)

    def plane(self, name: str = "r1", check: bool = False) -> SeparatedPlane | None:
        found = [one for one in self.ask(ListPlanes(check)).planes if one.router == name]
        return found[0] if found else None

    def until(self, condition: Any, what: str) -> Any:
        return wait_for_work(condition, WorkClock(lambda: (os.getpid(),)), WORK_SECONDS, what)

    def is_separated(self, name: str = "r1") -> bool:
        plane = self.plane(name)
        return plane is not None and plane.state == "separated"

    def log(self, name: str = "r1") -> str:
        return (self.router_folder(name) / "log").read_text(encoding="utf-8")
