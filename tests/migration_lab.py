"""Two Domain 0s as network namespaces of this machine, a client and a server, for migrations.

::

    client ── br1 ──┬── Domain 0 of one ──┬── br2 ── server
                    └── Domain 0 of two ──┘

With ``machines`` no process goes from one to the other.
With ``routed`` the Domain 0 of two is in none of the bridges: between it and the one is a router.

A router has an interface in the bridge ``to1`` and one in ``to2`` of its Domain 0. Each Domain 0
has its own ``xen-bridge serve``; they talk over a bridge of their own, as the test does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from backstop import BACKSTOP
from network_namespace import NetworkNamespace
from tools.bridge_process import PROGRAM, BridgeProcess, start_all
from tools.work_clock import WorkClock, wait_for_work
from xen_bridge.dom0.hypervisor.netns.domain_freezer import ROOTS
from xen_bridge.dom0.hypervisor.netns.domain_store import DomainStore
from xen_bridge.dom0.hypervisor.netns.processes import by_pid_namespace, pid_namespace, read_process
from xen_bridge.errors import Deadline
from xen_bridge.netlink.constants import RTN_UNICAST
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import FibChange, RouteWay, key_of
from xen_bridge.planes.route_documents import documents_of
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.channel import ChannelMessages, NumberedMessage
from xen_bridge.protocol.documents.domains import (
    CreateDomain,
    DeleteDomain,
    Domain,
    GetDomain,
    GetNode,
    NewInterface,
)
from xen_bridge.protocol.documents.hello import RouterHello, RouterInterface
from xen_bridge.protocol.documents.migration import (
    ENDED,
    GetMigration,
    MigrateDomain,
    MigrationStatus,
    Mode,
)
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import RouterList, check_router
from xen_bridge.trust.identity import Identity

PROBE = Path(__file__).parents[1] / "tools" / "udp_probe.py"
ROUTER = """#!/bin/sh
ip address add 10.0.1.1/24 dev eth0
ip address add 10.0.2.1/24 dev eth1
ip address add 2001:db8:1::1/64 dev eth0 nodad
ip address add 2001:db8:2::1/64 dev eth1 nodad
exec sleep 10000
"""
NETWORKS6 = ("2001:db8:1", "2001:db8:2")
RATE = 10_000
"""Datagrams a second, each way."""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something; AssertionError if it does not come."""
    return wait_for_work(condition, WorkClock(lambda: (os.getpid(),)), 30, what)


class DomainZeroHost:
    """A Domain 0: its namespace, its bridges to the two networks, and its service."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        number: int,
        wire: NetworkNamespace,
        folder: Path,
        is_apart: bool = False,
        is_machine: bool = False,
    ) -> None:
        self.is_machine = is_machine
        self.name = f"h{uuid.uuid4().hex[:8]}"
        self.namespace = stack.enter_context(NetworkNamespace())
        self.folder = folder / self.name
        self.folder.mkdir()
        self.wire = wire
        for one in () if is_apart else (1, 2):
            port = ("peer", "name", f"p{number}{one}", "netns", wire.name)
            self.namespace.ip("link", "add", f"phys{one}", "type", "veth", *port)
            self.namespace.ip("link", "add", f"to{one}", "type", "bridge")
            self.namespace.ip("link", "set", f"phys{one}", "master", f"to{one}", "up")
            self.namespace.ip("link", "set", f"to{one}", "up")
            wire.ip("link", "set", f"p{number}{one}", "master", f"br{one}", "up")
        self.namespace.ip(
            *("link", "add", "mgmt", "type", "veth", "peer", "name", f"m{number}"),
            *("netns", wire.name),
        )
        net = f"10.9.{number if is_apart else 0}"
        self.address = f"{net}.{number}"
        self.namespace.ip("address", "add", f"{self.address}/24", "dev", "mgmt")
        self.namespace.ip("link", "set", "mgmt", "up")
        self.namespace.ip("route", "add", "default", "via", f"{net}.100")
        if is_apart:
            wire.ip("address", "add", f"{net}.100/24", "dev", f"m{number}")
            wire.ip("link", "set", f"m{number}", "up")
        else:
            wire.ip("link", "set", f"m{number}", "master", "mgmt", "up")

    @property
    def uri(self) -> str:
        machine = f"&machine={self.name}" if self.is_machine else ""
        return f"netns:///{self.name}?state={self.folder / 'state'}{machine}"

    def service(self, controller: Identity, allow: Path) -> BridgeProcess:
        """Return its service, which is not started yet."""
        return BridgeProcess(
            self.folder / "bridge",
            controller,
            self.uri,
            program=("ip", "netns", "exec", self.namespace.name, *PROGRAM),
            more=("--host", self.address, "--allow-path", f"{allow}:ro"),
        )


class MigrationLab:
    """All of it; a context manager."""

    def __init__(self, folder: Path, routed: bool = False, machines: bool = False) -> None:
        """``machines``: each host behaves as a machine of its own, and hands over no process."""
        self.folder = folder
        self._machines = machines
        self._routed = routed
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> MigrationLab:
        with contextlib.ExitStack() as stack:
            self.wire = stack.enter_context(NetworkNamespace())
            for name in ("br1", "br2", "mgmt"):
                self.wire.ip("link", "add", name, "type", "bridge")
                self.wire.ip("link", "set", name, "up")
            self.wire.ip("address", "add", "10.9.0.100/24", "dev", "mgmt")
            if self._routed:
                self.wire.run(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")
            self.client, self.server = (self._station(stack, one) for one in (1, 2))
            self.hosts = tuple(
                DomainZeroHost(
                    stack,
                    number,
                    self.wire,
                    self.folder,
                    self._routed and number == 2,
                    self._machines,
                )
                for number in (1, 2)
            )
            self.program = self.folder / "router"
            self.program.write_text(ROUTER)
            self.program.chmod(0o755)
            self.controller = Identity.create(self.folder / "controller")
            self.services = tuple(one.service(self.controller, self.folder) for one in self.hosts)
            stack.callback(self._end_domains)
            for service in self.services:
                stack.callback(service.kill)
            start_all(self.services)
            for one, other in (self.services, self.services[::-1]):
                one.authorize(other.identity)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_args: object) -> None:
        self._stack.close()

    def _station(self, stack: contextlib.ExitStack, number: int) -> NetworkNamespace:
        made = stack.enter_context(NetworkNamespace())
        peer = ("peer", "name", f"s{number}", "netns", self.wire.name)
        made.ip("link", "add", "eth0", "type", "veth", *peer)
        self.wire.ip("link", "set", f"s{number}", "master", f"br{number}", "up")
        made.ip("address", "add", f"10.0.{number}.2/24", "dev", "eth0")
        made.ip("link", "set", "eth0", "up")
        made.ip("route", "add", "default", "via", f"10.0.{number}.1")
        made.ip("address", "add", f"{NETWORKS6[number - 1]}::2/64", "dev", "eth0", "nodad")
        made.ip("route", "add", "default", "via", f"{NETWORKS6[number - 1]}::1")
        return made

    def _end_domains(self) -> None:
        for host in self.hosts:
            for record in (host.folder / "state" / host.name).glob("*.run"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
            for name in Path("/run/netns").glob(f"hz-{host.name}-*"):
                name.unlink()

    # ---- the bridges

    def ask(self, host: int, body: Any) -> Any:
        """Ask a host's service as the controller does."""
        client = self.services[host].client()
        try:
            return self.wire.run(client.ask, body)
        finally:
            client.close()

    @contextlib.contextmanager
    def router(self) -> Iterator[MigrationLab]:
        """Have a router at the first host meanwhile; at the end nothing of any is left."""
        self.create()
        # It has other MACs than the one before.
        for station in (self.client, self.server):
            station.ip("neigh", "flush", "all")
        until(self.forwards, "the router forwards")
        until(lambda: "sleep" in self.commands(0), "its program has begun all that it begins")
        yield self
        for host, service in enumerate(self.services):
            if service._process is None:
                service.start()
            for name in self.domains(host):
                self.ask(host, DeleteDomain(name))
        for host in (0, 1):
            until(lambda: self.leftovers(host) == [], "nothing is left")  # noqa: B023
            until(lambda: self.plane_leftovers(host) == [], "no plane is left")  # noqa: B023

    def create(self, host: int = 0, name: str = "r1") -> Domain:
        interfaces = (NewInterface("to1"), NewInterface("to2"))
        wanted = CreateDomain(name, kernel=str(self.program), interfaces=interfaces)
        return self.ask(host, wanted).domain  # type: ignore[no-any-return]

    def domains(self, host: int) -> list[str]:
        return [one.name for one in self.ask(host, GetNode()).domains]

    def order(self, source: int, mode: Mode = "standard", **more: Any) -> MigrateDomain:
        target = self.services[1 - source]
        return MigrateDomain(
            id=uuid.uuid4().hex[:12],
            domain=more.pop("domain", "r1"),
            destination=f"host{1 - source}",
            destination_url=target.url,
            destination_pk=target.identity.node_pk,
            mode=mode,
            **more,
        )

    def status(self, source: int, number: str) -> MigrationStatus:
        return self.ask(source, GetMigration(number))  # type: ignore[no-any-return]

    def ended(self, source: int, number: str) -> MigrationStatus:
        """Wait for a migration's end."""

        def look() -> MigrationStatus | None:
            found = self.status(source, number)
            return found if found.state in ENDED else None

        return until(look, "the migration ends")  # type: ignore[no-any-return]

    def migrate(self, source: int, mode: Mode = "standard", **more: Any) -> MigrationStatus:
        """Migrate the router, and return how that ended."""
        wanted = self.order(source, mode, **more)
        self.ask(source, wanted)
        return self.ended(source, wanted.id)

    # ---- separated planes

    def know_router(self, name: str = "r1") -> Identity:
        """Have both hosts know the key of a router's agent, and return it."""
        made = Identity.load_or_create(self.folder / f"agent-{name}")
        for host in self.hosts:
            known = RouterList(host.folder / "bridge" / ROUTERS)
            known.put(check_router(name, "https://10.9.0.100:7444", made.node_pk))
        return made

    def separate(
        self, host: int = 0, routes: int = 0, name: str = "r1", ipv6: bool = False
    ) -> SeparatedPlane:
        """Say Hello for the router, and tell its routes, as its agent does."""
        agent = self.know_router(name)
        client = self.services[host].client(agent)
        try:
            self.wire.run(client.ask, self._hello(host, name, ipv6))
            change = FibChange(begins=True, routes=_routes(routes, ipv6), ends=True)
        finally:
            client.close()
        self._began, self._told = time.time_ns() // 1000, 0
        self.tell(host, change, name)
        return until(lambda: self.plane(host), "its planes are separated")  # type: ignore[no-any-return]

    def tell(self, host: int, change: FibChange, name: str = "r1") -> None:
        """Tell what changed of a router's routes, as its agent does."""
        client = self.services[host].client(self.know_router(name))
        try:
            for one in documents_of(change):
                self._told += 1
                told = ChannelMessages(self._began, self._told, (NumberedMessage(self._told, one),))
                self.wire.run(partial(client.ask, told, application=Application.ROUTE_CHANGE))
        finally:
            client.close()

    def table(self, host: int, name: str = "r1") -> dict[str, Any]:
        """Return the routes of a router's table, as ``ip`` tells them, by where they lead to."""
        plane = self.plane(host, name)
        assert plane is not None
        space = self.hosts[host].namespace
        rows = space.ip_json("route", "show", "table", str(plane.table))
        return {row["dst"]: row for row in rows if row.get("type") != "local"}

    def _hello(self, host: int, name: str, ipv6: bool) -> RouterHello:
        domain = self.ask(host, GetDomain(name)).domain
        interfaces = tuple(
            RouterInterface(
                f"eth{number}",
                number + 2,
                one.mac,
                kind="veth",
                addresses=(
                    f"10.0.{number + 1}.1/24",
                    *((f"{NETWORKS6[number]}::1/64",) if ipv6 else ()),
                ),
            )
            for number, one in enumerate(domain.interfaces)
        )
        return RouterHello(name, 1, interfaces)

    def plane(self, host: int, name: str = "r1") -> SeparatedPlane | None:
        """Return a router's planes at a host, if they are separated whole.

        None too where a host has no time to look through all of its routes.
        """
        for is_checked in (False, True):
            try:
                told = self.ask(host, ListPlanes(check=is_checked)).planes
            except Deadline:
                return None
            found = [one for one in told if one.router == name and one.state == "separated"]
            if not found:
                return None
        return found[0]

    def plane_leftovers(self, host: int) -> list[str]:
        """Return what a host has of separated routers and their migrations."""
        space = self.hosts[host].namespace
        links = [row["ifname"] for row in space.ip_json("link")]
        found = [one for one in links if one.startswith(("r1p", "hzk", "hzl", "hzw", "hzx"))]
        command = ("ip", "netns", "exec", space.name, "nft", "list", "tables")
        tables = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return found + [line for line in tables.splitlines() if "hz_" in line]

    @contextlib.contextmanager
    def cut(self, host: int) -> Iterator[None]:
        """Cut the wire between a host's service and all others meanwhile."""
        self.wire.ip("link", "set", f"m{host + 1}", "down")
        try:
            yield
        finally:
            self.wire.ip("link", "set", f"m{host + 1}", "up")

    def nft(self, host: int, text: str) -> None:
        """Have a host's nft load a text."""
        command = ("ip", "netns", "exec", self.hosts[host].namespace.name, "nft", text)
        subprocess.run(command, check=True)

    # ---- the router

    def processes(self, host: int, name: str = "r1") -> list[int]:
        """Return the processes of a domain, by the namespace that its name at a host leads to."""
        link = os.readlink(f"/run/netns/hz-{self.hosts[host].name}-{name}")
        return by_pid_namespace()[pid_namespace(int(link.split("/")[2])) or ""]

    def commands(self, host: int, name: str = "r1") -> set[str]:
        """Return the names of what a domain's processes run (proc(5), comm)."""
        found = set()
        for pid in self.processes(host, name):
            with contextlib.suppress(OSError):
                found.add(Path(f"/proc/{pid}/comm").read_text().strip())
        return found

    def _definitions(self, host: int) -> list[CreateDomain]:
        found = self.hosts[host]
        return DomainStore(found.folder / "state", found.name).definitions()

    def standstill(self) -> float:
        """Return seconds in which whoever waits for it sees a router stand still, and acts.

        A machine that is busy needs more of them than one that is not: what is asked is timed.
        """
        began = time.monotonic()
        self.states(0)
        self.domains(1)
        return min(30.0, max(1.0, 8.0 * (time.monotonic() - began)))

    def states(self, host: int, name: str = "r1") -> set[str]:
        """Return the states that its processes are in (proc(5)); T too where they are frozen."""
        uuid = next(one.uuid for one in self._definitions(host) if one.name == name)
        frozen = [root / "xen-bridge" / (uuid or "") / "cgroup.events" for root in ROOTS]
        if any(one.exists() and "frozen 1" in one.read_text() for one in frozen):
            return {"T"}
        found = (read_process(pid) for pid in self.processes(host, name))
        return {one.state for one in found if one is not None}

    def forwards(self) -> bool:
        return self.reaches("10.0.2.2")

    def reaches(self, address: str) -> bool:
        command = ("ip", "netns", "exec", self.client.name, "ping", "-c1", "-W1", address)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def leftovers(self, host: int) -> list[str]:
        """Return what a host has of domains: links, names, files."""
        found = self.hosts[host]
        links = found.namespace.ip_json("link", "show")
        names = [row["ifname"] for row in links if row["ifname"].startswith("hzv")]
        names += [one.name for one in Path("/run/netns").glob(f"hz-{found.name}-*")]
        folder = found.folder / "state" / found.name
        return names + [one.name for one in folder.glob("*") if "-" in one.stem]


def _routes(count: int, ipv6: bool = False) -> tuple[tuple[RouteWay, tuple[bytes, ...]], ...]:
    """Return the connected routes, and so many more by the server."""
    found = [
        (
            RouteWay(RTN_UNICAST, 2, 253, None, (NextHop(number + 1),)),
            (key_of(f"10.0.{number}.0/24"),),
        )
        for number in (1, 2)
    ]
    if ipv6:
        found += [
            (
                RouteWay(RTN_UNICAST, 2, 0, None, (NextHop(number + 2),)),
                (key_of(f"{one}::/64", 256),),
            )
            for number, one in enumerate(NETWORKS6)
        ]
    more = [f"{20 + one // 65536}.{one // 256 % 256}.{one % 256}.0/24" for one in range(count)]
    if more:
        way = RouteWay(RTN_UNICAST, 186, 0, None, (NextHop(3, "10.0.2.2"),))
        found.append((way, tuple(map(key_of, more))))
    return tuple(found)


class Traffic:
    """Numbered datagrams from client to server and back, at :data:`RATE`, while it is entered."""

    def __init__(
        self,
        lab: MigrationLab,
        rate: int = RATE,
        ipv6: bool = False,
        ways: tuple[tuple[NetworkNamespace, NetworkNamespace, str], ...] = (),
        port: int = 7777,
    ) -> None:
        """``ways``: from where, to where, and by which address; else of client and server."""
        near, far = (
            f"{NETWORKS6[number - 1]}::2" if ipv6 else f"10.0.{number}.2" for number in (1, 2)
        )
        self._ways = ways or ((lab.client, lab.server, far), (lab.server, lab.client, near))
        self._port = str(port)
        self._ipv6 = ipv6
        self._rate = rate
        self.tallies: list[dict[str, Any]] = []

    def __enter__(self) -> Traffic:
        self._receivers = [
            self._probe(
                receiver,
                "receive",
                self._port,
                "--idle",
                "1.0",
                "--gather",
                "0.005",
                *(("--ipv6",) * self._ipv6),
            )
            for _, receiver, _ in self._ways
        ]
        self._senders = [
            self._probe(
                sender,
                "send",
                address,
                self._port,
                "--rate",
                str(self._rate),
                "--packet",
                "80" if self._ipv6 else "60",
                "--seconds",
                "600",
                "--burst",
                "4",
            )
            for sender, _, address in self._ways
        ]
        return self

    def _probe(self, space: NetworkNamespace, *words: str) -> subprocess.Popen[str]:
        command = ("ip", "netns", "exec", space.name, sys.executable, "-IS", str(PROBE), *words)
        made = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert made.stdout is not None
        made.stdout.readline()
        return made

    def __exit__(self, kind: object, *_args: object) -> None:
        for one in self._senders:
            one.send_signal(signal.SIGINT)
        sent = [json.loads(one.communicate(timeout=BACKSTOP)[0]) for one in self._senders]
        for one in self._receivers:
            one.send_signal(signal.SIGINT)
        for one, told in zip(self._receivers, sent, strict=True):
            tally = json.loads(one.communicate(timeout=BACKSTOP)[0])
            self.tallies.append({**tally, **told, "lost": told["sent"] - tally["received"]})

    @property
    def lost(self) -> int:
        return sum(one["lost"] for one in self.tallies)

    @property
    def duplicated(self) -> int:
        return sum(one["duplicated"] for one in self.tallies)


def pause(seconds: float) -> None:
    """Let traffic pass for a while."""
    time.sleep(seconds)
