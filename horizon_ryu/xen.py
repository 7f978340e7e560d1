"""Xen: virtual routers on Xen hosts, managed with the same primitives as flows (report, chapter 2).

Events in: none. Events out: none; what happens to hosts and domains is told on ``/v1/events``.

Hosts are looked at and asked by :mod:`horizon_ryu.xen_hosts`; each runs ``xen-bridge serve``.
"""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import Any

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.timers import XenTimers
from horizon_ryu.kept_timers import keep_timers, kept_timers
from horizon_ryu.metrics import Metrics
from horizon_ryu.rest import (
    migration_directory,
    router_migrations,
    xen_devices,
    xen_domains,
    xen_hosts,
    xen_measures,
    xen_planes,
    xen_topology,
)
from horizon_ryu.rest import nodes as nodes_resource
from horizon_ryu.rest.xen_nodes import XenNodes
from horizon_ryu.services import ending_on_errors
from horizon_ryu.xen_hosts.hosts import XenHosts
from horizon_ryu.xen_hosts.identity_place import identity_folder
from horizon_ryu.xen_hosts.router_migrations import RouterMigrations
from horizon_ryu.xen_hosts.topology import HostsTopology
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.trust.identity import Identity

TIMERS_SETTING = "xen.timers"


class Xen(HorizonApp):
    """Looks after the registered hosts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        horizon, options = self.horizon, self.horizon.settings.xen
        with ending_on_errors():
            self._identity = identity(identity_folder(options.identity, horizon.store.folder))
        self._hosts = XenHosts(
            horizon.store,
            options,
            self._connect,
            horizon.events.publish,
            horizon.runtime,
            horizon.clock,
            self.spawn_loop,
            self._note_silent,
        )
        configured = self._hosts.timers
        self._hosts.timers = kept_timers(horizon.store, TIMERS_SETTING, configured)
        self._hosts.load()
        self._migrations = RouterMigrations(
            self._hosts,
            horizon.store,
            horizon.events.publish,
            horizon.runtime,
            horizon.clock,
            time.time,
            self.spawn_loop,
            self._note_unsettled,
        )
        self._migrations.load()
        self._note_unsettled(self._migrations.unsettled())
        self._offer()
        self._measure(horizon.metrics)

    def _offer(self) -> None:
        """Offer what the API has of Xen."""
        horizon = self.horizon
        for module in (xen_hosts, xen_domains, xen_measures, xen_devices):
            horizon.router.add(module.resources(self._hosts))
        horizon.router.add(router_migrations.resources(self._migrations))
        planes = xen_planes.resources(self._hosts, self._migrations.last_pause_s)
        horizon.router.add(planes)
        migration_directory.offer(
            horizon, router_migrations.RouterMigrationReader(self._migrations)
        )
        horizon.router.add(xen_hosts.identity_resources(self._identity.node_pk))
        horizon.router.add(xen_hosts.timer_resources(self))
        whole = HostsTopology(self._hosts, horizon.runtime, horizon.clock)
        horizon.router.add(xen_topology.resources(whole))
        nodes_resource.offer(horizon, XenNodes(self._hosts))

    def _note_unsettled(self, found: tuple[str, ...]) -> None:
        self.horizon.published.unsettled_migrations = found

    def _note_silent(self, found: tuple[str, ...]) -> None:
        self.horizon.published.silent_routers = found

    def _measure(self, metrics: Metrics) -> None:
        metrics.gauge(
            "horizon_router_migrations_unsettled",
            "Migrations of routers that go on being tried in vain",
            lambda: len(self.horizon.published.unsettled_migrations),
        )
        metrics.gauge(
            "horizon_routers_silent",
            "Routers with separated planes whose agents have said nothing for long",
            lambda: len(self.horizon.published.silent_routers),
        )
        for state in ("connected", "away"):
            metrics.gauge(
                f"horizon_xen_hosts_{state}",
                f"Xen hosts that are {state}",
                partial(self._hosts.count, state),
            )
        metrics.counters(
            "horizon_xen_calls",
            "Calls to Xen hosts, by what became of them",
            "outcome",
            lambda: self._hosts.outcomes,
        )

    def start(self) -> None:
        """Begin to look, once all applications are there."""
        super().start()
        self._hosts.start()
        self._migrations.start()

    def timers(self) -> XenTimers:
        """Return the timers in force."""
        return self._hosts.timers

    def set_timers(self, timers: XenTimers) -> None:
        """Put other timers in force, and keep them; StoreError, and none is in force."""
        keep_timers(self.horizon.store, TIMERS_SETTING, timers)
        self._hosts.timers = timers

    def _connect(self, url: str, node_pk: str) -> BridgeClient:
        seconds, checkpoint = self.horizon.settings.xen.deadline, self.horizon.runtime.checkpoint
        return BridgeClient(url, node_pk, self._identity, seconds, checkpoint)


def identity(folder: Path) -> Identity:
    """Return the controller's key in ``folder``, made now if there is none; InvalidInput."""
    try:
        return Identity.load_or_create(folder)
    except (OSError, ValueError, BridgeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(("xen", "identity"), f"{os.fspath(folder)}: {reason}") from error
