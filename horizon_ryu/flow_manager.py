"""Flow Manager: flows are instantiated, set and deleted, and stay as they were asked for.

Events in: ``EventTopologyChanged(view, changes)`` from Discovery; ``EventSwitchConnected`` from
:mod:`horizon_ryu.switches`; Ryu's ``EventOFPFlowRemoved``.
Events out: none; what happens to flows is told on ``/v1/events``.

What is decided is decided in :mod:`horizon_ryu.core.flows` and :mod:`horizon_ryu.core.routes`;
:mod:`horizon_ryu.flows` sends and waits. Report, chapter 3: the primitives instantiate, delete
and set. The service it makes is shared with Flow Migration as ``self.horizon.flows``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.errors import Conflict, HorizonError, SwitchError
from horizon_ryu.core.flows.book import FlowBook
from horizon_ryu.core.flows.plan import Plan
from horizon_ryu.core.flows.record import flow_from_json
from horizon_ryu.core.flows.removals import EntryAges
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.flows.announce import Announcer
from horizon_ryu.flows.changes import Changes, Clocks
from horizon_ryu.flows.confirmation import Confirmation
from horizon_ryu.flows.executor import Executor
from horizon_ryu.flows.journal import Journal
from horizon_ryu.flows.reconciler import Reconciler
from horizon_ryu.flows.recovery import Recovery
from horizon_ryu.flows.removals import Answers, Removals
from horizon_ryu.flows.service import FlowService
from horizon_ryu.flows.watch import Watch
from horizon_ryu.rest import flows as flows_resource
from horizon_ryu.switch_events import EventSwitchConnected
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import Outgoing

OVERDUE_INTERVAL = 1.0
"""Seconds between two tries to write what the store has refused."""

app_manager.require_app("horizon_ryu.discovery")


class FlowManager(HorizonApp):
    """Hands what switches and the topology do to those who keep the flows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        horizon = self.horizon
        manager, migration = horizon.settings.flow_manager, horizon.settings.flow_migration
        book = FlowBook()
        self._ages = EntryAges()
        journal = Journal(horizon.store, migration.kept)
        announcer = Announcer(horizon.events)
        executor = self._executor()
        changes = Changes(book, journal, executor, announcer, Clocks(self._now, time.time))
        self._service = horizon.flows = FlowService(
            book=book,
            store=horizon.store,
            switches=horizon.switches,
            executor=executor,
            changes=changes,
            announcer=announcer,
            journal=journal,
            view=lambda: horizon.published.topology,
            tag_range=(manager.tag_first, manager.tag_last),
            max_flows=manager.max_flows,
        )
        self._recovery = Recovery(
            book,
            journal,
            executor,
            announcer,
            self._connected,
            self._now,
            manager.grace,
            horizon.supervisor,
        )
        changes.unclean = self._recovery.look_after
        self._reconciler = Reconciler(
            book,
            horizon.switches,
            announcer,
            self._connected,
            manager.reconcile_interval,
            horizon.supervisor,
            self._sending,
        )
        self._removals = Removals(
            book,
            lambda key: self._ages.age(key, self._now()),
            Answers(lambda number: self.spawn(self._expire, number), self._reconciler.hurry),
        )
        executor.dubious = self._reconciler.suspect
        self._watch = Watch(self._service, self._now, manager.grace)
        self._restore(book)
        self._measure(book)
        horizon.router.add(flows_resource.resources(self._service))

    def _executor(self) -> Executor:
        settings = self.horizon.settings
        manager, migration = settings.flow_manager, settings.flow_migration
        confirmation = Confirmation(
            self.horizon.switches,
            manager.deadline,
            migration.verify,
            migration.settle,
            self._sending,
        )
        return Executor(confirmation, migration.drain, self._obstacle)

    def _measure(self, book: FlowBook) -> None:
        metrics = self.horizon.metrics
        metrics.gauge("horizon_flows", "Flows that are kept", lambda: len(book))
        metrics.counters(
            "horizon_flow_removals",
            "Removals of flows' entries that switches reported, by what they were taken for",
            "outcome",
            lambda: self._removals.counts,
        )

    def _restore(self, book: FlowBook) -> None:
        for row in self.horizon.store.flows():
            try:
                book.restore(flow_from_json(row))
            except HorizonError as error:
                self.logger.error("flows: a stored flow cannot be kept: %s", error)
        self._unfinished = self._recovery.claim()

    def start(self) -> None:
        """Begin to look after flows, once all applications are there."""
        super().start()
        for record in self._unfinished:
            self.spawn(self._recovery.finish, record)
        self.spawn(self._watch.end_grace)
        self.spawn_loop(self._reconciler.look_hurriedly)
        self.spawn_loop(self._reconciler.look_regularly)
        self.spawn_loop(self._watch.turn)
        self.spawn_loop(self._write_overdue)

    # ---- what switches do

    @set_ev_cls(EventSwitchConnected)
    def _switch_connected(self, event: EventSwitchConnected) -> None:
        self._reconciler.hurry(event.switch.dpid)

    @set_ev_cls(EventTopologyChanged)
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        self._watch.changed(event.changes)

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def _flow_removed(self, event: Any) -> None:
        message = event.msg
        codec = codec_of(message.version)
        removed = codec.read_flow_removed(message.buf)
        if removed is not None:
            self._removals.heard(message.datapath.id, codec, removed)

    def _expire(self, number: int) -> None:
        """Forget a flow whose time has come, with what is left of it on other switches."""
        book = self._service.book
        try:
            keep = self.horizon.supervisor.until_kept
            keep(lambda: self._service.take_away([book.get(number)], "flow_timeout"))
        except Conflict as error:
            self.logger.info("flows: %s", error)
        except HorizonError:
            # Another of its entries ended at the same time.
            return

    def _write_overdue(self) -> None:
        """Write what the journal could not write when it happened."""
        hub.sleep(OVERDUE_INTERVAL)
        self._service.changes.write_overdue()

    # ---- what the parts ask

    def _sending(self, messages: Sequence[Outgoing]) -> None:
        self._ages.sending(messages, self._now())

    def _connected(self) -> Any:
        return self.horizon.switches.connected_switches().keys()

    def _obstacle(self, plan: Plan) -> SwitchError | None:
        """Return why traffic must not be turned to the new path now; None if it may be."""
        if plan.new is None or not plan.new.hops or plan.old is None:
            return None
        if self._service.routing().is_whole(plan.new.hops):
            return None
        return SwitchError(plan.new.first_dpid, "a link of the new path was lost before the commit")

    def _now(self) -> float:
        return float(self.horizon.clock())
