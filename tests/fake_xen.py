"""The controller's side of Xen over hosts in this process, for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ryu.lib import hub

from fake_bridge import FakeBridge, FakeConnection
from horizon_ryu.core.errors import Conflict, NotFound
from horizon_ryu.metrics import Metrics
from horizon_ryu.settings import XenOptions
from horizon_ryu.supervision import Supervisor
from horizon_ryu.xen_hosts.hosts import XenHosts
from horizon_ryu.xen_hosts.remote_host import RemoteHost
from horizon_ryu.xen_hosts.router_migrations import RouterMigrations
from xen_bridge.dom0.hypervisor.memory_host import MemoryWorld
from xen_bridge.errors import PeerAway
from xen_bridge.runtime.green import GreenRuntime

OPTIONS = XenOptions(poll_interval=0.01, migration_interval=0.01)


def until(condition: Callable[[], Any], what: str = "it") -> None:
    """Return when ``condition`` is true, other greenlets running; AssertionError after 10 s."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{what} does not happen"
        hub.sleep(0.001)


class MemoryHostStore:
    """Stands for the store."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.migrations: dict[str, Mapping[str, Any]] = {}

    def xen_hosts(self) -> Iterable[Mapping[str, Any]]:
        """Return the rows."""
        return list(self.rows.values())

    def add_xen_host(self, name: str, url: str, node_pk: str) -> None:
        """Keep a row."""
        if name in self.rows:
            raise Conflict(name)
        self.rows[name] = {"name": name, "url": url, "node_pk": node_pk}

    def delete_xen_host(self, name: str) -> None:
        """Forget a row."""
        if self.rows.pop(name, None) is None:
            raise NotFound(name)

    def put_router_migration(self, name: str, place: int, data: Mapping[str, Any]) -> None:
        """Keep a migration as a store does: as text, behind all others if it is new."""
        if name in self.migrations:
            place = self.migrations[name]["place"]
        else:
            newest = max((row["place"] for row in self.migrations.values()), default=0)
            place = max(place, newest + 1)
        self.migrations[name] = json.loads(json.dumps({**data, "place": place}))

    def forget_router_migrations(self, names: Sequence[str]) -> None:
        """Forget some."""
        for name in names:
            self.migrations.pop(name, None)

    def router_migrations(self) -> Iterable[object]:
        """Return all, oldest first."""
        found = sorted(self.migrations.values(), key=lambda row: row["place"])
        return [{name: row[name] for name in row if name != "place"} for row in found]


class FakeXen:
    """A registry, the hosts it may reach, the events it published; ``now`` is its clock."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.unsettled: tuple[str, ...] = ()
        self.silent: tuple[str, ...] = ()
        self.now = 100.0
        self.bridges: dict[str, FakeBridge] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.store = MemoryHostStore()
        self.supervisor = Supervisor(GreenRuntime(), time.monotonic, Metrics().loop_failed)
        self._folder = folder
        self._greenlets: list[Any] = []
        self._options = replace(OPTIONS, **options)
        self.world = MemoryWorld()
        self.hosts = self.again()
        self.migrations = self.migrations_again()

    def again(self) -> XenHosts:
        """Return another registry over the same store, as after a restart."""
        return XenHosts(
            self.store,
            self._options,
            self.connect,
            self._publish,
            GreenRuntime(),
            lambda: self.now,
            self.spawn_loop,
            self._note_silent,
        )

    def migrations_again(self) -> RouterMigrations:
        """Return the migrations of the registry over the same store, as after a restart."""
        return RouterMigrations(
            self.hosts,
            self.store,
            self._publish,
            GreenRuntime(),
            lambda: self.now,
            lambda: 1.75e9 + self.now,
            self.spawn_loop,
            self._note_unsettled,
        )

    def _note_silent(self, found: tuple[str, ...]) -> None:
        self.silent = found

    def _note_unsettled(self, found: tuple[str, ...]) -> None:
        self.unsettled = found

    def connect(self, url: str, node_pk: str) -> FakeConnection:
        """Return a connection, as the application would make it."""
        for bridge in self.bridges.values():
            if bridge.url == url:
                return bridge.connect(url, node_pk)
        raise PeerAway(f"nobody is at {url}")

    def bridge(self, name: str) -> FakeBridge:
        """Return the host of that name, made now; nobody has registered it."""
        self.bridges[name] = FakeBridge(self._folder / name, name, self.world.host(name))
        return self.bridges[name]

    def add(self, name: str = "a") -> FakeBridge:
        """Return a host that is registered."""
        bridge = self.bridge(name)
        self.hosts.add(name, bridge.url, bridge.node_pk)
        return bridge

    def host(self, name: str = "a") -> RemoteHost:
        """Return what is known of a host."""
        return self.hosts.host(name)

    def look(self, name: str = "a") -> None:
        """Look at a host now."""
        self.hosts.poll(self.host(name))

    def spawn(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run beside the test, until it ends."""
        self._greenlets.append(hub.spawn(function, *args))
        return self._greenlets[-1]

    def spawn_loop(
        self, turn: Callable[[], Any], is_over: Callable[[], bool], terms: object = None
    ) -> Any:
        """Run a loop beside the test, supervised as the application does."""
        return self.spawn(self.supervisor.forever, turn, None, is_over)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of the events of a kind."""
        return [data for name, data in self.events if name == kind]

    def close(self) -> None:
        """End what was spawned."""
        for greenlet in self._greenlets:
            hub.kill(greenlet)

    def _publish(self, kind: str, data: Mapping[str, Any]) -> None:
        self.events.append((kind, dict(data)))
