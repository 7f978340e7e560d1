"""Flow Manager: flows are instantiated, set and deleted, and stay as they were asked for.

Events in: ``EventTopologyChanged(view, changes)`` from Discovery; ``EventSwitchConnected`` from
:mod:`horizon_ryu.switches`; Ryu's ``EventOFPFlowRemoved``.
Events out: none; what happens to flows is told on ``/v1/events``.

What is decided is decided in :mod:`horizon_ryu.core.flows` and :mod:`horizon_ryu.core.routes`;
:mod:`horizon_ryu.flows` sends and waits. Report, chapter 3: the primitives instantiate, delete
and set. Migrations, which stand on the same parts, are offered by Flow Migration.
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

from ryu.base.app_manager import require_app
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.errors import Conflict, HorizonError
from horizon_ryu.core.flows.planner import FlowLimits, FlowPlanner
from horizon_ryu.core.flows.record import flow_from_json
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.flows.what_if import FlowsNow, NetworkCut, Supposed, suppose
from horizon_ryu.core.loop_record import ALL_SWITCHES, ASKING, LoopTerms
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.flows.assembly import FlowParts, Foundation, assemble
from horizon_ryu.flows.removals import Answers, Removals
from horizon_ryu.rest import flows as flows_resource
from horizon_ryu.rest import what_if as what_if_resource
from horizon_ryu.switch_events import EventSwitchConnected
from horizon_ryu.wire.codecs import codec_of

OVERDUE_INTERVAL = 1.0
"""Seconds between two tries to write what the store has refused."""

require_app("horizon_ryu.discovery")


class FlowManager(HorizonApp):
    """Hands what switches and the topology do to those who keep the flows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        registry = self._registry = FlowRegistry()
        parts = self._parts = self._assemble(registry)
        self._removals = Removals(
            registry,
            parts.confirmation.age,
            Answers(partial(self.spawn, self._expire), parts.reconciler.hurry),
        )
        self._restore(registry)
        self._measure(registry)
        self.horizon.flow_migrations = parts.migrations
        self.horizon.router.add(flows_resource.resources(parts.service))
        self.horizon.router.add(what_if_resource.resources(self))

    def _assemble(self, registry: FlowRegistry) -> FlowParts:
        horizon = self.horizon
        options = horizon.settings.flow_manager
        limits = FlowLimits((options.tag_first, options.tag_last), options.max_flows)
        planner = FlowPlanner(
            registry, lambda: horizon.published.topology, limits, partial(secrets.randbits, 32)
        )
        beneath = Foundation(
            registry=registry,
            planner=planner,
            switches=horizon.switches,
            connected=lambda: horizon.switches.connected_switches().keys(),
            store=horizon.store,
            events=horizon.events,
            supervisor=horizon.supervisor,
            runtime=horizon.runtime,
            clock=self._now,
            told_vain=self._tell_unkept,
        )
        return assemble(beneath, options, horizon.settings.flow_migration)

    def _tell_unkept(self, dpids: frozenset[int]) -> None:
        self.horizon.published.unkept = dpids

    def _measure(self, registry: FlowRegistry) -> None:
        metrics = self.horizon.metrics
        metrics.gauge("horizon_flows", "Flows that are kept", lambda: len(registry))
        metrics.counters(
            "horizon_flow_removals",
            "Removals of flows' entries that switches reported, by what they were taken for",
            "outcome",
            lambda: self._removals.counts,
        )

    def _restore(self, registry: FlowRegistry) -> None:
        for row in self.horizon.store.flows():
            try:
                registry.restore(flow_from_json(row))
            except HorizonError as error:
                self.logger.error("flows: a stored flow cannot be kept: %s", error)
        self._unfinished = self._parts.recovery.claim()

    def start(self) -> None:
        """Begin to look after flows, once all applications are there."""
        super().start()
        parts = self._parts
        for transaction in self._unfinished:
            self.spawn(parts.recovery.finish, transaction)
        self.spawn(parts.monitor.end_grace)
        self.spawn_loop(parts.reconciler.look_hurriedly, terms=ASKING)
        self.spawn_loop(parts.reconciler.look_regularly, terms=LoopTerms(self._longest_look))
        self.spawn_loop(parts.monitor.turn, terms=ASKING)
        self.spawn_loop(self._write_overdue, terms=ASKING)

    def _longest_look(self) -> float:
        """Return how long it may take to wait for the next look, and to look at all switches."""
        return ALL_SWITCHES + self.horizon.settings.flow_manager.reconcile_interval

    # ---- what the REST resource asks (horizon_ryu.rest.what_if)

    def suppose(self, cut: NetworkCut) -> Supposed:
        """Return what would be if ``cut`` happened; InvalidInput if it is not there."""
        options, registry = self.horizon.settings.flow_manager, self._registry
        now = FlowsNow(registry.flows(), (options.tag_first, options.tag_last), registry.tags)
        rest, published = self.horizon.runtime.checkpoint, self.horizon.published
        return suppose(published.topology, cut, now, published.forest is not None, rest)

    def forest(self) -> Forest | None:
        """Return the spanning forest; None while Spanning Tree does not run."""
        return self.horizon.published.forest

    # ---- what switches do

    @set_ev_cls(EventSwitchConnected)
    def _switch_connected(self, event: EventSwitchConnected) -> None:
        self._parts.reconciler.hurry(event.switch.dpid)

    @set_ev_cls(EventTopologyChanged)
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        self._parts.monitor.changed(event.changes)

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def _flow_removed(self, event: Any) -> None:
        message = event.msg
        codec = codec_of(message.version)
        removed = codec.read_flow_removed(message.buf)
        if removed is not None:
            self._removals.heard(message.datapath.id, codec, removed)

    def _expire(self, number: int) -> None:
        """Forget a flow whose time has come, with what is left of it on other switches."""
        try:
            self.horizon.supervisor.until_kept(lambda: self._parts.service.expire(number))
        except Conflict as error:
            self.logger.info("flows: %s", error)
        except HorizonError:
            # Another of its entries ended at the same time.
            return

    def _write_overdue(self) -> None:
        """Write what the journal could not write when it happened."""
        self.horizon.runtime.sleep(OVERDUE_INTERVAL)
        self._parts.journal.write_overdue()

    def _now(self) -> float:
        return float(self.horizon.clock())
