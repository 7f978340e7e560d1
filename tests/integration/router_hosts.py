"""Hosts of router namespaces: a network namespace each, with its own xen-bridge, and links between.

Each is reached by a point-to-point link of its own, whose range has one address, so that no scan
sees who asks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from network_namespace import NetworkNamespace
from tools.bridge_process import BridgeProcess, start_all
from tools.controller_process import ControllerProcess
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

HOSTS = "/v1/xen/hosts"
ROUTER = (
    "#!/bin/sh\nnumber=0\nfor one in $*; do\n"
    "  ip address add $one dev eth$number; number=$((number + 1))\ndone\nexec sleep 100000\n"
)


class RouterHost:
    """One host: its namespace, its service; what it is called is also its namespaces' name."""

    def __init__(self, number: int, folder: Path, controller: Identity, label: str) -> None:
        self.number = number
        self.name = f"host{number}"
        self.label = f"{label}{number}"
        self.namespace = NetworkNamespace()
        self.address = f"10.255.{number}.2"
        program = ("ip", "netns", "exec", self.namespace.name, sys.executable)
        self.bridge = BridgeProcess(
            folder / self.name,
            controller,
            f"netns:///{self.label}?state={folder / 'state'}",
            program=(*program, "-m", "xen_bridge.command"),
            more=("--host", self.address, "--allow-path", f"{folder}:ro"),
        )

    def bridge_for(self, segment: str) -> None:
        """Make a bridge for the interfaces of routers."""
        self.namespace.ip("link", "add", segment, "type", "bridge")
        self.namespace.ip("link", "set", segment, "up")


class RouterHosts:
    """Several such hosts, and a controller that knows them all; a context manager."""

    def __init__(self, folder: Path, count: int, label: str) -> None:
        self.folder = folder
        self._identity = Identity.create(folder / "xen-identity")
        self.controller = ControllerProcess(
            folder, ("horizon_ryu.xen",), "[xen]\npoll_interval = 0.2\npoll_deadline = 5\n"
        )
        self.hosts = [RouterHost(n, folder, self._identity, label) for n in range(1, count + 1)]
        self.program = folder / "router"
        self.program.write_text(ROUTER)
        self.program.chmod(0o755)
        self._outside = NetworkNamespace()
        self._links = 0
        self._stack = ExitStack()

    def __enter__(self) -> RouterHosts:
        """Begin all of it, and register the hosts."""
        with ExitStack() as stack:
            for host in self.hosts:
                stack.enter_context(host.namespace)
                self._reach(host, stack)
                stack.callback(self._end_routers, host)
                stack.callback(host.bridge.kill)
            start_all([host.bridge for host in self.hosts])
            stack.enter_context(self.controller)
            for host in self.hosts:
                about = {"url": host.bridge.url, "node_pk": host.bridge.identity.node_pk}
                self.ask("POST", HOSTS, {"name": host.name, **about})
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        """End all of it."""
        self._stack.close()

    def _reach(self, host: RouterHost, stack: ExitStack) -> None:
        def here(*words: str) -> None:
            subprocess.run(("ip", *words), check=True, capture_output=True)

        outer = f"hzm{host.label}"[:15]
        peer = ("peer", "name", "mgmt", "netns", host.namespace.name)
        here("link", "add", outer, "type", "veth", *peer)
        stack.callback(subprocess.run, ("ip", "link", "del", outer), capture_output=True)
        ours = f"10.255.{host.number}.1"
        here("address", "add", ours, "peer", f"{host.address}/32", "dev", outer)
        here("link", "set", outer, "up")
        host.namespace.ip("address", "add", host.address, "peer", f"{ours}/32", "dev", "mgmt")
        host.namespace.ip("link", "set", "mgmt", "up")

    def _end_routers(self, host: RouterHost) -> None:
        def end() -> None:
            physical = PhysicalHost(f"netns:///{host.label}?state={self.folder / 'state'}")
            for domain in physical.domains():
                physical.delete(domain.uuid)
            physical.close()

        host.namespace.run(end)

    # ---- what is between hosts

    def cable(self, one: RouterHost, other: RouterHost, network: str) -> None:
        """Join two hosts by a link with an address at each end: a physical one."""
        prefix, _, length = network.partition("/")
        base = prefix.rpartition(".")[0]
        names = self._veth(one, other)
        for host, name, number in zip((one, other), names, (1, 2), strict=True):
            host.namespace.ip("address", "add", f"{base}.{number}/{length}", "dev", name)

    def segment(self, name: str, *hosts: RouterHost) -> None:
        """Make a bridge of a name on each host, one segment of them all, in a line."""
        for host in hosts:
            host.bridge_for(name)
        for one, other in pairwise(hosts):
            for host, port in zip((one, other), self._veth(one, other), strict=True):
                host.namespace.ip("link", "set", port, "master", name)

    def _veth(self, one: RouterHost, other: RouterHost) -> tuple[str, str]:
        self._links += 1
        names = f"p{self._links}a", f"p{self._links}b"
        peer = ("peer", "name", names[1], "netns", other.namespace.name)
        one.namespace.ip("link", "add", names[0], "type", "veth", *peer)
        for host, name in zip((one, other), names, strict=True):
            host.namespace.ip("link", "set", name, "up")
        return names

    # ---- what is asked

    def ask(self, method: str, path: str, body: Any = None, accept: str = "") -> Any:
        """Return the answer: JSON, or what was asked for; AssertionError for an error."""
        status, answer = self.try_to(method, path, body, accept)
        assert status < 300, answer
        return answer

    def try_to(self, method: str, path: str, body: Any = None, accept: str = "") -> tuple[int, Any]:
        """Return the status and the answer; errors too."""
        try:
            more = (accept,) if accept else ()
            data = self.controller.request(method, path, body, *more)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        if accept:
            return 200, data
        return 200, json.loads(data) if data else None

    def router(
        self,
        host: RouterHost,
        name: str,
        network: str | None,
        ports: Mapping[str, str],
        **more: Any,
    ) -> Any:
        """Make a router with an interface in each segment of ``ports``, with that address."""
        body = {
            "name": name,
            "kernel": str(self.program),
            "arguments": " ".join(ports.values()),
            "interfaces": [{"bridge": segment} for segment in ports],
            **more,
        }
        if network is not None:
            body["network"] = network
        return self.ask("POST", f"{HOSTS}/{host.name}/domains", body)
