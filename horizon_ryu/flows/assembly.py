"""Assembly of the Flow Manager's parts: which stands on which, whoever provides what is beneath."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from horizon_ryu.changes.engine import Engine
from horizon_ryu.changes.ports import EnginePorts, NothingKept
from horizon_ryu.core.flows.needs import Shortages
from horizon_ryu.core.flows.plan import FlowPlan
from horizon_ryu.core.flows.planner import FlowPlanner
from horizon_ryu.core.flows.reconcile import RepairPlan
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.flows.confirmation import Confirmation, FlowSwitches
from horizon_ryu.flows.events import Events, FlowEvents
from horizon_ryu.flows.inventory import StockTaker
from horizon_ryu.flows.journal import FlowJournal
from horizon_ryu.flows.migrations import FlowMigrations
from horizon_ryu.flows.path_monitor import PathMonitor
from horizon_ryu.flows.reconciler import Reconciler, RepairClaims
from horizon_ryu.flows.recovery import Recovery
from horizon_ryu.flows.service import FlowService
from horizon_ryu.flows.waiting_flows import WaitingFlows
from horizon_ryu.settings import FlowManagerOptions, FlowMigrationOptions
from horizon_ryu.store import Store
from horizon_ryu.supervision import Supervisor
from xen_bridge.runtime.port import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What the parts stand on; ``connected`` tells the dpids of the connected switches.

    ``clock`` is monotonic, in seconds; ``told_vain`` hears which switches do not keep entries.
    """

    registry: FlowRegistry
    planner: FlowPlanner
    switches: FlowSwitches
    connected: Callable[[], Collection[int]]
    store: Store
    events: Events
    supervisor: Supervisor
    runtime: Runtime
    clock: Callable[[], float]
    told_vain: Callable[[frozenset[int]], None]


class FlowParts(NamedTuple):
    """Everything that looks after flows."""

    service: FlowService
    migrations: FlowMigrations
    reconciler: Reconciler
    monitor: PathMonitor
    recovery: Recovery
    journal: FlowJournal
    confirmation: Confirmation


def assemble(
    beneath: Foundation, manager: FlowManagerOptions, migration: FlowMigrationOptions
) -> FlowParts:
    """Return the parts, put together; nothing runs yet."""
    registry, planner, runtime = beneath.registry, beneath.planner, beneath.runtime
    applier = Confirmation(
        beneath.switches,
        manager.deadline,
        migration.verify,
        migration.settle,
        runtime,
        beneath.clock,
    )
    waiting = WaitingFlows(runtime.event())
    events = FlowEvents(beneath.events, waiting)
    keep = beneath.supervisor.until_kept
    journal = FlowJournal(beneath.store, migration.kept, keep, runtime.wall, runtime.semaphore())
    shortages = Shortages()
    reconciler = _reconciler(beneath, applier, events, shortages, manager.reconcile_interval)
    ports = _flow_ports(beneath, applier, journal, events, reconciler.suspect)
    engine = Engine(ports, migration.drain, manager.grace)
    clock, grace = beneath.clock, manager.grace
    monitor = PathMonitor(
        registry, planner, engine, journal, events, waiting, runtime, clock, grace
    )
    return FlowParts(
        service=FlowService(
            registry, planner, engine, beneath.switches, journal, shortages, monitor.suspect
        ),
        migrations=FlowMigrations(planner, engine, journal),
        reconciler=reconciler,
        monitor=monitor,
        recovery=Recovery(engine, journal),
        journal=journal,
        confirmation=applier,
    )


def _reconciler(
    beneath: Foundation,
    applier: Confirmation,
    events: FlowEvents,
    shortages: Shortages,
    interval: float,
) -> Reconciler:
    """Return what repairs switches, each ``interval`` seconds."""
    return Reconciler(
        beneath.registry,
        beneath.switches,
        partial(_repair_engine, beneath, applier, events),
        beneath.connected,
        interval,
        StockTaker(beneath.registry, beneath.switches, shortages, events),
        shortages,
        beneath.supervisor,
        beneath.runtime,
        beneath.told_vain,
    )


def _flow_ports(
    beneath: Foundation,
    applier: Confirmation,
    journal: FlowJournal,
    events: FlowEvents,
    on_uncertain: Callable[[int], None],
) -> EnginePorts[FlowPlan]:
    """Return what the engine for changes of flows stands on."""
    return EnginePorts(
        applier=applier,
        journal=journal,
        claims=beneath.registry,
        check=beneath.planner.check_commit,
        on_uncertain=on_uncertain,
        on_end=events.ended,
        reachable=beneath.connected,
        clock=beneath.clock,
        sleep=beneath.runtime.sleep,
        spawn=partial(beneath.runtime.spawn, beneath.supervisor.once),
    )


def _repair_engine(
    beneath: Foundation,
    applier: Confirmation,
    events: FlowEvents,
    on_uncertain: Callable[[int], None],
) -> Engine[RepairPlan]:
    """Return the engine for repairs: nothing drains, and nobody has to remember them."""
    ports: EnginePorts[RepairPlan] = EnginePorts(
        applier=applier,
        journal=NothingKept(),
        claims=RepairClaims(),
        check=lambda _plan: None,
        on_uncertain=on_uncertain,
        on_end=events.repaired,
        reachable=beneath.connected,
        clock=beneath.clock,
        sleep=beneath.runtime.sleep,
        spawn=beneath.runtime.spawn,
    )
    return Engine(ports, drain=0.0, patience=0.0)
