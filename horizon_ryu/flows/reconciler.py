"""Reconciler: brings switches back to what was asked, after they connect and regularly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, TypeAlias

from horizon_ryu.changes.engine import Engine
from horizon_ryu.core.errors import Conflict, SwitchAway, SwitchError
from horizon_ryu.core.flows.needs import Shortages
from horizon_ryu.core.flows.plan import meter_of
from horizon_ryu.core.flows.reconcile import Repair, RepairPlan, plan_repair, repair
from horizon_ryu.core.flows.registry import FlowRegistry
from horizon_ryu.core.flows.vain_repairs import VainRepairs
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.loop_record import IDLE_TURN
from horizon_ryu.core.ownership import FLOW_COOKIE_MASK, FLOW_COOKIES, flow_number
from horizon_ryu.flows.confirmation import FlowSwitches
from horizon_ryu.flows.inventory import StockTaker
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.messages import FlowMod
from xen_bridge.runtime.port import Runtime
from xen_bridge.runtime.task_pool import TaskPool

LOG = logging.getLogger("horizon.flows")

_AT_ONCE = 16
"""Switches that are asked for their entries at one time."""
_TOGETHER = 0.02
"""Seconds in which removals reported by one switch are answered together."""
_REST = 0.5
"""Seconds from a hurried look at a switch to the next, at least: it may report without end."""


RepairEngine: TypeAlias = Callable[[Callable[[int], None]], Engine[RepairPlan]]


class RepairClaims:
    """The switches that are being repaired: one repair of a switch at a time."""

    def __init__(self) -> None:
        self._dpids: set[int] = set()

    def claim(self, subject: int, _target: None, _resources: Collection[Any]) -> None:
        """Note that the switch ``subject`` is being repaired; Conflict if it is already."""
        if subject in self._dpids:
            raise Conflict(f"switch {dpid_to_text(subject)} is being repaired")
        self._dpids.add(subject)

    def release(self, subject: int, _result: None) -> None:
        """Note that the repair is over."""
        self._dpids.discard(subject)


class Reconciler:
    """Compares what switches have with what the registry says, and repairs the difference."""

    def __init__(
        self,
        registry: FlowRegistry,
        switches: FlowSwitches,
        repairs: RepairEngine,
        connected: Callable[[], Collection[int]],
        interval: float,
        stock: StockTaker,
        shortages: Shortages,
        supervisor: Supervisor,
        runtime: Runtime,
        told_vain: Callable[[frozenset[int]], None],
    ) -> None:
        """``interval`` in seconds; ``connected`` tells the dpids of the connected switches.

        Entries of the flows in ``shortages`` are not sent: their switch would refuse them.

        ``repairs`` makes the engine for repairs, from who is told of switches still in doubt;
        ``told_vain`` hears which switches do not keep what they confirm, whenever these change.
        """
        self._stock = stock
        self._shortages = shortages
        self._supervisor = supervisor
        self._runtime = runtime
        self._pool = TaskPool(runtime, _AT_ONCE)
        self._registry = registry
        self._switches = switches
        self._engine = repairs(self.suspect)
        self._connected = connected
        self._interval = interval
        self._hurried: set[int] = set()
        self._resting: set[int] = set()
        self._suspects: set[int] = set()
        self._wake = runtime.event()
        self._vain = VainRepairs()
        self._told_vain = told_vain

    def hurry(self, dpid: int) -> None:
        """Have a switch looked at soon; never waits."""
        self._hurried.add(dpid)
        self._wake.set()

    def suspect(self, dpid: int) -> None:
        """Have a switch looked at regularly until it is found in order, flows on it or not."""
        self._suspects.add(dpid)

    def look_hurriedly(self) -> None:
        """Look at the switches that are in a hurry, when there are some: one turn of a loop.

        However often one is, it is looked at once at a time and rests in between, and it holds
        up no other.
        """
        self._wake.wait(IDLE_TURN)
        self._runtime.sleep(_TOGETHER)
        self._wake.clear()
        dpids = self._hurried - self._resting
        self._hurried -= dpids
        self._resting |= dpids
        for dpid in dpids:
            self._pool.spawn(self._look_and_rest, dpid)

    def _look_and_rest(self, dpid: int) -> None:
        try:
            self._supervisor.once(self.reconcile, dpid)
        finally:
            self._runtime.spawn(self._rest, dpid)

    def _rest(self, dpid: int) -> None:
        self._runtime.sleep(_REST)
        self._rested(dpid)

    def _rested(self, dpid: int) -> None:
        self._resting.discard(dpid)
        if dpid in self._hurried:
            self._wake.set()

    def look_regularly(self) -> None:
        """Look at every switch that should have entries: one turn of a loop."""
        self._runtime.sleep(self._interval)
        wanted = self._registry.switches() | self._suspects
        before = self._vain.dpids
        turns = self._vain.take_turns([dpid for dpid in self._connected() if dpid in wanted])
        if self._vain.dpids != before:
            self._told_vain(self._vain.dpids)
        self._look_at(turns)

    def _look_at(self, dpids: Iterable[int]) -> None:
        looks = [partial(self._supervisor.once, self._look, dpid) for dpid in dpids]
        self._runtime.gather(looks, _AT_ONCE)

    def _look(self, dpid: int) -> None:
        found = self.reconcile(dpid)
        if found is None or not self._vain.looked(dpid, is_fine=not found.messages):
            return
        if dpid in self._vain.dpids:
            LOG.warning(
                "flows: switch %016x confirms entries and does not keep them: its flows may be"
                " without effect; it is looked at more rarely",
                dpid,
            )
        else:
            LOG.warning("flows: switch %016x keeps its entries again", dpid)
        self._told_vain(self._vain.dpids)

    def reconcile(self, dpid: int) -> Repair | None:
        """Repair a switch and return what was wrong; None if it cannot be reached now."""
        try:
            restored = self._stock.take(dpid)
            found = self._compare(dpid)
            if self._restore_meters(dpid, found):
                # That took its time: flows may have changed.
                found = self._compare(dpid)
            self._carry_out(dpid, found)
            self._stock.tell_restored(restored)
        except SwitchError as error:
            if not isinstance(error, SwitchAway):
                LOG.warning("flows: %s; it will be asked again", error)
            return None
        return found

    def _compare(self, dpid: int) -> Repair:
        """Return what a switch lacks; good until somebody waits."""
        entries = self._switches.flow_entries(dpid, cookie=FLOW_COOKIES, mask=FLOW_COOKIE_MASK)
        as_reported = self._switches.codec(dpid).as_reported
        registry, lacking = self._registry, self._shortages.of_switch(dpid)
        wanted = registry.wanted(dpid)
        if lacking:
            wanted = {
                key: mod for key, mod in wanted.items() if flow_number(mod.cookie) not in lacking
            }
        return repair(wanted, registry.is_claimed, dpid, entries, as_reported)

    def _carry_out(self, dpid: int, found: Repair) -> None:
        if found.unknown:
            LOG.warning(
                "flows: switch %016x has %d entries with our cookie that we cannot have written",
                dpid,
                found.unknown,
            )
        if not found.messages:
            self._suspects.discard(dpid)
            return
        with self._engine.batch() as batch:
            try:
                batch.add(plan_repair(dpid, found))
            except Conflict:
                # What was read may be from before that repair.
                self.hurry(dpid)
                return
            batch.run()

    def _restore_meters(self, dpid: int, found: Repair) -> bool:
        """Make the meters that missing entries refer to, and tell whether there are such.

        Those that are still there refuse, harmlessly.
        """
        meters = {
            message.meter
            for message in found.messages
            if isinstance(message, FlowMod) and message.meter is not None
        }
        made = [
            meter
            for flow in self._registry.with_switch(dpid)
            if flow.meter in meters and (meter := meter_of(flow)) is not None
        ]
        if made:
            self._switches.confirm(made)
        return bool(made)
