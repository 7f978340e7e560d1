"""Services that the applications share: made once, as a Ryu context, before any of them.

It holds no decisions. Each part is made from the settings and handed what it needs; whoever
reads this file sees everything that has one instance per controller.
"""

from __future__ import annotations

import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ryu import cfg

from horizon_ryu import garbage, log, start_check
from horizon_ryu.audit.service import AuditService
from horizon_ryu.capacity import capacity
from horizon_ryu.core.dpid_claims import DpidClaim, read_pins
from horizon_ryu.core.errors import HorizonError
from horizon_ryu.core.forwarding.answers import FloodActions, along_the_tree
from horizon_ryu.core.identifiers import dpid_from_text
from horizon_ryu.core.loop_record import ON_DISK
from horizon_ryu.core.token_bucket import PacketInLimits
from horizon_ryu.core.topology import PortRef
from horizon_ryu.disk_space import DiskSpace
from horizon_ryu.flows.migrations import FlowMigrations
from horizon_ryu.free_ports import check_listening
from horizon_ryu.http import server as rest_server
from horizon_ryu.http.auth import load_tokens
from horizon_ryu.http.event_log import EventLog
from horizon_ryu.kept_layout import KeptLayout
from horizon_ryu.kept_names import KeptNames
from horizon_ryu.metrics import Metrics
from horizon_ryu.openflow import listener
from horizon_ryu.openflow.claims import ClaimAlarms
from horizon_ryu.openflow.context import ConnectionContext, ConnectionLimits
from horizon_ryu.openflow.packet_in_pipeline import PacketInPipeline
from horizon_ryu.openflow.registry import SwitchRegistry
from horizon_ryu.openflow.watchdog import Watchdog
from horizon_ryu.published import Published
from horizon_ryu.rest.api import Api
from horizon_ryu.rest.event_data import claim_to_event
from horizon_ryu.rest.migration_directory import MigrationDirectory
from horizon_ryu.rest.nodes import NodeDirectory
from horizon_ryu.rest.slice_forwarding import SliceForwarding
from horizon_ryu.signals import end_cleanly_on_signals, on_hangup
from horizon_ryu.signing_key import signing_key
from horizon_ryu.slices.slicer_address import slicer_address
from horizon_ryu.store import Store
from horizon_ryu.store_lock import StoreLock
from horizon_ryu.store_place import file_at
from horizon_ryu.store_thread import StoreThread
from horizon_ryu.supervised_loop import SupervisedLoop
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.messages import Action, PacketIn
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.runtime.port import Runtime
from xen_bridge.serving.abandonment import abandon_process
from xen_bridge.serving.accepting import AcceptFailures
from xen_bridge.serving.descriptors import raise_limit
from xen_bridge.serving.ready import ServiceManager
from xen_bridge.serving.room import Room

LOG = logging.getLogger("horizon")

STORE_CHECK = 2.0
"""Seconds between two looks at a store that could not be written."""

SlicePorts = Callable[[str, str | None], Mapping[int, frozenset[int]] | None]
"""Returns the ports of a slice by switch, None if there is none; asked with a client's token."""
Locator = Callable[[bytes], PortRef | None]


def endpoint(address: tuple[Any, ...]) -> str:
    """Return the address of a listening socket as host:port."""
    host = f"[{address[0]}]" if ":" in str(address[0]) else address[0]
    return f"{host}:{address[1]}"


def _lock_of(url: str) -> StoreLock | None:
    """Take the lock of the store's file; None where it has no file. StoreError."""
    path = file_at(url)
    return None if path is None else StoreLock(path)


@contextmanager
def ending_on_errors() -> Iterator[None]:
    """End the process with status 2 and one line for an error of the operator's making."""
    try:
        yield
    except HorizonError as error:
        # A traceback tells an operator nothing that the message does not.
        LOG.error("%s", error)
        sys.exit(2)


class Services:
    """One per controller; Ryu makes it and hands it to every application as ``horizon``."""

    def __init__(self) -> None:
        with ending_on_errors():
            self._build()

    def _build(self) -> None:
        self._begin()
        self._share_switches()
        self._share_what_applications_know()
        self._serve()

    def _begin(self) -> None:
        """Make what everything else stands on."""
        self.settings = start_check.check(cfg.CONF)
        log.set_up(self.settings.log.format, self.settings.log.level)
        self._manager = ServiceManager.of_process()
        self.runtime: Runtime = GreenRuntime()
        self.clock: Callable[[], float] = time.monotonic
        self.generation = secrets.randbits(32)
        self.signing_key = signing_key(self.settings.discovery.key_file)
        self._store_lock = _lock_of(self.settings.store.url)
        self.store = Store(self.settings.store.url, self._store_lock)
        self.metrics = Metrics()
        self.accept_failures = AcceptFailures(LOG, self.clock)
        self.capacity = capacity(raise_limit(), self.settings.guard.connections)
        self.supervisor = Supervisor(self.runtime, self.clock, self.metrics.loop_failed)
        self.runtime.task_failed = self.supervisor.failed
        self.events = EventLog(
            self.runtime, self.settings.rest.event_buffer, epoch=f"{self.generation:08x}"
        )
        publish, runtime = self.events.publish, self.runtime
        self.switch_names = KeptNames(self.store, publish, runtime.semaphore())
        self.layout = KeptLayout(self.store, publish, runtime.semaphore())

    def _share_switches(self) -> None:
        """Make what is between the applications and the switches."""
        guard = self.settings.guard
        self.claims = ClaimAlarms(self._tell_claim, self.clock)
        self.switches = SwitchRegistry(self.runtime, self._tell_unanswered)
        self.packet_in_pipeline = PacketInPipeline(self.switches.send, self.metrics)
        self.published = Published()
        self.audits = AuditService(
            self.runtime,
            self.switches,
            self.switches.dpids,
            lambda: self.clock(),
            self.supervisor.failed,
        )
        self._measure_audits()
        self.limits = PacketInLimits(guard.packet_ins_per_port, guard.packet_ins_per_switch)

    def _share_what_applications_know(self) -> None:
        """Make where applications tell what others ask for; None while nobody can tell."""
        self.nodes = NodeDirectory()
        self.migrations = MigrationDirectory(self.store.migration_order)
        self.locator: Locator | None = None
        self.contest: Callable[[int | None, bytes], bool] | None = None
        self.probed: Callable[[PortRef, float], bool] | None = None
        self.tree_flood: FloodActions = along_the_tree
        """How a frame of a VLAN is flooded, as Spanning Tree says while it is there."""
        self.flow_migrations: FlowMigrations | None = None
        self.slice_ports: SlicePorts | None = None

    def _serve(self) -> None:
        """Make what looks after the process, and the servers; they listen later."""
        self._watchdog = Watchdog(self.runtime, self.settings.guard.watchdog)
        self.disk = DiskSpace(self.store.folder, self.runtime)
        self.store_thread = StoreThread(self.runtime)
        # Before tokens are read; what it leaves word of is done once all is there.
        on_hangup(self.runtime, self._read_tokens_again)
        self.api = Api(self)
        self.router = self.api.router
        self._forward_slices(self.settings.rest.slicer_url)
        self._started = False
        self._openflow_at: str | None = None
        self._store_loops: list[SupervisedLoop] = []
        listener.install(self._connection_context())
        rest_server.install(
            self.runtime,
            Room(self.capacity.rest, self.capacity.rest_per_address),
            partial(self.accept_failures.note, "rest"),
            self._serving,
            partial(self.supervisor.serve, "rest"),
        )

    def _forward_slices(self, url: str | None) -> None:
        """Have a slicer that runs elsewhere answer for slices, if there is one."""
        if url is not None:
            forwarding = SliceForwarding(slicer_address(url), self.runtime)
            self.router.add(forwarding.resources())
            self.slice_ports = forwarding.ports

    def _measure_audits(self) -> None:
        repairs = "What switches lacked of the entries that an application stands on"
        failures = "Audits of switches that came to no end"
        counters, label = self.metrics.counters, "application"
        counters("horizon_audit_repairs", repairs, label, lambda: self.audits.repairs)
        counters("horizon_audit_failures", failures, label, lambda: self.audits.failures)

    def start(self, wsgi: Any) -> None:
        """Begin what needs the event loop: the REST API on Ryu's server, signals, the watchdog."""
        if self._started:
            return
        self._started = True
        with ending_on_errors():
            check_listening(cfg.CONF, listener.takes_switches())
            self.api.mount(wsgi)
        end_cleanly_on_signals(self.runtime)
        self._watchdog.start()
        self.supervisor.spawn(self.supervisor.look)
        # Runs when the event loop does: what the applications read at first is there by then.
        self.runtime.spawn(self._begin_carrying)
        self.runtime.spawn(garbage.settle)

    def _begin_carrying(self) -> None:
        """Have the store work off the hub from now on: what is made at the start waits for it."""
        turns = [self._look_at_store, self.disk.measure]
        if self.store.is_shared:
            self.store.carry = self.store_thread.call
            turns.append(self.store_thread.turn)
        spawn = partial(self.supervisor.spawn, terms=ON_DISK)
        self._store_loops = [spawn(turn) for turn in turns]

    def _listening(self, address: tuple[Any, ...], is_secure: bool) -> None:
        self._openflow_at = f"{endpoint(address)} (OpenFlow{' over TLS' if is_secure else ''})"

    def _serving(self, address: tuple[Any, ...]) -> None:
        """Say that all is there: REST is what Ryu starts last."""
        places = [*filter(None, [self._openflow_at]), f"{endpoint(address)} (REST)"]
        LOG.info("ready, listening on %s", " and ".join(places))
        self._manager.tell_ready(f"listening on {' and '.join(places)}")

    def _read_tokens_again(self) -> None:
        """Put the tokens that the file has now in force; those of before stay if it is no good."""
        path = self.settings.rest.tokens_file
        if not path:
            LOG.info("SIGHUP: there is no tokens file to read again")
            return
        try:
            self.router.replace_tokens(load_tokens(Path(path)))
            self.published.tokens_trouble = None
            LOG.info("SIGHUP: the tokens of %s are in force", path)
        except HorizonError as error:
            self.published.tokens_trouble = f"the tokens stay as they were: {error}"
            LOG.error("SIGHUP: the tokens stay as they were: %s", error)

    def _look_at_store(self) -> None:
        """See whether a store in trouble works again: maybe nobody else has anything to write."""
        self.runtime.sleep(STORE_CHECK)
        if self._store_lock is not None:
            self._store_lock.renew()
        self.store.probe()

    def close(self) -> None:
        """End it; Ryu calls this after the last application has stopped."""
        self._watchdog.stop()
        if self.store.carry is None:
            self.store.close()
        elif not self.store_thread.finish(self.store.close):
            # The lock is kept: what the store has begun may be written yet.
            LOG.error("%s", self.store_thread.unwritten())
            LOG.info("stopped")
            abandon_process(0)
        self.store.carry = None
        for task in self._store_loops:
            task.kill()
        if self._store_lock is not None:
            self._store_lock.release()
        LOG.info("stopped")

    def locate_host(self, key: bytes) -> PortRef | None:
        """Return where a host, by its key, is, as Discovery knows it at this moment."""
        return self.locator(key) if self.locator is not None else None

    def ports_of_slice(
        self, name: str, authorization: str | None
    ) -> Mapping[int, frozenset[int]] | None:
        """Return the ports of a slice, by switch, as whoever knows the slices says."""
        return None if self.slice_ports is None else self.slice_ports(name, authorization)

    def is_contested(self, vlan: int | None, address: bytes) -> bool:
        """Tell whether Discovery does not know which host of a VLAN has an IP address (packed)."""
        return self.contest is not None and self.contest(vlan, address)

    def is_looked_for(self, ref: PortRef, now: float) -> bool:
        """Tell whether Discovery has sent probes by a port that would be believed where heard."""
        return self.probed is None or self.probed(ref, now)

    def flood(self, vlan: int | None, dpid: int, in_port: int) -> tuple[Action, ...]:
        """Return what floods a frame of a VLAN that came in by a port, as Spanning Tree says."""
        return self.tree_flood(vlan, dpid, in_port)

    def _connection_context(self) -> ConnectionContext:
        guard = self.settings.guard
        allowed = frozenset(
            dpid_from_text(text, ("guard", "allowed_dpids")) for text in guard.allowed_dpids
        )
        return ConnectionContext(
            packet_in_pipeline=self.packet_in_pipeline,
            registry=self.switches,
            runtime=self.runtime,
            counters=self.metrics,
            limits=ConnectionLimits(
                handshake_seconds=guard.handshake_deadline,
                echo_interval=guard.echo_interval,
                unanswered_echoes=guard.max_unanswered_echoes,
                challenge_seconds=guard.challenge,
                output_bytes=guard.output_bytes,
                connections=self.capacity.openflow,
                connections_per_address=min(
                    guard.connections_per_address, self.capacity.openflow_per_address
                ),
            ),
            clock=self.clock,
            admit=self._admit,
            listening=self._listening,
            accept_failed=partial(self.accept_failures.note, "openflow"),
            allowed_dpids=allowed or None,
            certificates=read_pins(guard.certificates, ("guard", "certificates")),
            claimed=self.claims.claimed,
            run=partial(self.supervisor.serve, "openflow"),
        )

    def _tell_claim(self, claim: DpidClaim) -> None:
        LOG.warning(
            "%s says that it is switch %016x of %s: %s",
            *(claim.claimant, claim.dpid, claim.holder or "nobody", claim.outcome),
        )
        self.events.publish(*claim_to_event(claim))

    def _tell_unanswered(self, dpid: int, kinds: tuple[str, ...]) -> None:
        others = {one: told for one, told in self.published.unanswered.items() if one != dpid}
        self.published.unanswered = MappingProxyType({**others, dpid: kinds} if kinds else others)
        if kinds:
            LOG.warning(
                "switch %016x lives, but does not answer: %s; it is served without that",
                *(dpid, ", ".join(kinds)),
            )

    def _admit(self, packet: PacketIn, now: float) -> bool:
        self.metrics.packet_in()
        return self.limits.admit(packet.dpid, packet.in_port, now)
