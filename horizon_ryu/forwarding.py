"""Forwarding: hosts talk to each other, on shortest paths, around whatever breaks.

Events in: ``EventTopologyChanged(view, changes)`` from Discovery; ``EventTreeChanged(forest)`` from
Spanning Tree, which ways across segments follow; Ryu's ``EventOFPFlowRemoved``.
Events out: none.

It needs Discovery, which knows where hosts are, and Spanning Tree, along which what is not known
is flooded. Without it the network still carries broadcasts and the flows of the Flow Manager,
whose priorities are higher than those used here. What is decided is decided in
:mod:`horizon_ryu.core.forwarding.control`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ryu.base.app_manager import require_app
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls

from horizon_ryu.app import HorizonApp
from horizon_ryu.audit.entries import EntryAudit
from horizon_ryu.core.errors import RequestUnanswered, SwitchAway, SwitchError
from horizon_ryu.core.forwarding.control import ForwardingControl as Core
from horizon_ryu.core.ownership import Owner, owner_of
from horizon_ryu.core.topology import Switch, TopologyChange
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.openflow.packet_in_pipeline import PacketInVerdict
from horizon_ryu.spanning_tree_events import EventTreeChanged
from horizon_ryu.supervision import name_of
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import FlowEntry, Outgoing, PacketIn

FORWARDING_ORDER = 40
"""Place in the fast lane: after the gate of Spanning Tree, before its flooding."""

SETTLE_STEP = 32
"""Pairs re-routed before other tasks get their turn."""

PATIENCE = 3
"""Hold times to wait for joins to cease: a switch that comes and goes must not delay the others."""

LONGEST_WAIT = 40.0
"""Seconds to wait for the tree at least; it waits 30 s for switches of the run before."""

LOOK_AGAIN = 0.2
"""Seconds between two looks whether the tree is settled."""

DRAIN = 0.5
"""Seconds for the frames on their way to leave the network."""

require_app("horizon_ryu.discovery")
require_app("horizon_ryu.spanning_tree")


class Forwarding(HorizonApp):
    """Feeds the core with frames and changes, and sends what it answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settling = False
        self._unswept: set[int] = set()
        self._last_join = 0.0
        options = self.horizon.settings.forwarding
        self._core = Core(
            self.horizon.locate_host,
            self.horizon.generation,
            options.idle_timeout,
            options.max_pairs,
            self.horizon.is_contested,
            self.horizon.flood,
        )
        self._removals: Counter[str] = Counter()
        self.horizon.metrics.counters(
            "horizon_pair_removals",
            "Timeouts of pairs' entries that switches reported, by what they were taken for",
            "outcome",
            lambda: self._removals,
        )
        self.horizon.packet_in_pipeline.register(FORWARDING_ORDER, self._frame_in)
        audit = EntryAudit(self.horizon.switches, self._core.base_entries)
        self.horizon.audits.register("forwarding", audit.begin)

    def stop(self) -> None:
        """Leave the entries where they are: hosts go on talking without a controller."""
        self.horizon.packet_in_pipeline.unregister(self._frame_in)
        super().stop()

    def _frame_in(self, packet: PacketIn, now: float) -> PacketInVerdict:
        return PacketInVerdict(*self._core.frame_in(packet, now))

    @set_ev_cls(EventTopologyChanged)
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        try:
            self._send(self._core.topology_changed(event.view, event.changes, self._now()))
        finally:
            self._settle_rest()
            joined = _joined(event.changes)
            if joined:
                self._await_sweep(joined)

    @set_ev_cls(EventTreeChanged)
    def _tree_changed(self, event: EventTreeChanged) -> None:
        try:
            self._send(self._core.tree_changed(event.forest, self._now()))
        finally:
            self._settle_rest()

    def _settle_rest(self) -> None:
        """Have the pairs that a change left waiting re-routed."""
        if self._core.unsettled and not self._settling:
            self._settling = True
            self.spawn(self._settle)

    def _send(self, messages: Iterable[Outgoing]) -> None:
        self.horizon.switches.send(messages)
        for error in self._core.take_failures():
            self.horizon.supervisor.failed(name_of(self._settle), error)

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def _flow_removed(self, event: Any) -> None:
        message = event.msg
        removed = codec_of(message.version).read_flow_removed(message.buf)
        if removed is None or not removed.timed_out:
            return
        if owner_of(removed.cookie) is Owner.FORWARDING:
            over = self._core.flow_removed(message.datapath.id, removed, self._now())
            self._removals["expired" if over else "not_believed"] += 1

    def _settle(self) -> None:
        """Re-route the pairs that a change left waiting, a few at a time."""
        try:
            while self._core.unsettled:
                self.horizon.runtime.checkpoint()
                # Each step takes pairs from those that wait: one that fails leaves the others.
                self.horizon.supervisor.once(self._settle_some)
        finally:
            self._settling = False

    def _settle_some(self) -> None:
        self._send(self._core.settle(self._now(), SETTLE_STEP))

    def _await_sweep(self, joined: set[int]) -> None:
        self._last_join = self._now()
        if not self._unswept:
            self.spawn(self._sweep)
        self._unswept |= joined
        for dpid in joined:
            self.spawn(self._tidy, dpid, self._core.dead_ends)

    def _sweep(self) -> None:
        """Remove what earlier runs left, on all switches together, once the network is settled.

        Then links are known and ports open to broadcasts, so that frames that lose their entry
        find their way. A switch that is still away has no way for them but its old entries: it
        must be back first. The entries at the hosts' ports go first, everywhere.
        """
        try:
            self._await_settled_network()
        finally:
            dpids, self._unswept = self._unswept, set()
        for step in (partial(self._core.stale, ingress_only=True), self._core.stale):
            for task in [self.spawn(self._tidy, dpid, step) for dpid in dpids]:
                task.join()
            self.horizon.runtime.sleep(DRAIN)

    def _await_settled_network(self) -> None:
        """Wait until joins have ceased for the hold time and the tree is settled, within limits."""
        hold = self.horizon.settings.spanning_tree.port_hold_time
        latest = self._now() + max(PATIENCE * hold, LONGEST_WAIT)
        while (now := self._now()) < latest:
            left = min(self._last_join + hold, latest) - now
            if left <= 0 and self.horizon.published.is_tree_settled:
                return
            self.horizon.runtime.sleep(max(left, LOOK_AGAIN))

    def _tidy(self, dpid: int, step: Callable[[int, Iterable[FlowEntry]], list[Outgoing]]) -> None:
        """Read the entries of a switch and have it confirm what ``step`` makes of them."""
        switches = self.horizon.switches
        try:
            failures = switches.confirm(step(dpid, switches.flow_entries(dpid)))
        except SwitchError as error:
            failures = (error,)
        for failure in failures:
            if not isinstance(failure, (SwitchAway, RequestUnanswered)):
                self.logger.warning("forwarding: entries of an earlier run may stay: %s", failure)

    def _now(self) -> float:
        return float(self.horizon.clock())


def _joined(changes: tuple[TopologyChange, ...]) -> set[int]:
    switches = [change.subject for change in changes if change.kind == "switch_join"]
    return {switch.dpid for switch in switches if isinstance(switch, Switch)}
