"""Spanning Tree: broadcasts reach every host once, on any network (report 3.5).

Events in: ``EventTopologyChanged(view, changes)`` from Discovery.
Events out: ``EventTreeChanged(forest)``; ``EventSetProbeInterval(seconds)``, which Discovery
declares, since the third timer of report 3.5 is Discovery's first.

What is decided is decided in :mod:`horizon_ryu.core.spanning_tree.control`. Here one task turns the
changes into plans, and one per switch waits for that switch to confirm.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from ryu.base.app_manager import require_app
from ryu.controller.handler import set_ev_cls

from horizon_ryu.app import HorizonApp
from horizon_ryu.audit.flood import FloodAudit
from horizon_ryu.core.errors import (
    InvalidInput,
    RequestUnanswered,
    StoreError,
    SwitchAway,
    SwitchError,
)
from horizon_ryu.core.frames import decode, is_link_local
from horizon_ryu.core.loop_record import (
    AUXILIARY,
    IDLE_TURN,
    PATIENCE,
    LoopTerms,
)
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries
from horizon_ryu.core.spanning_tree.flood_plan import FloodPlan
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.core.spanning_tree.memory import (
    MEMORY_SETTING,
    RECALL_TIME,
    memory_from_json,
    memory_to_json,
)
from horizon_ryu.core.timers import TreeTimers
from horizon_ryu.core.topology import Switch, station_key
from horizon_ryu.discovery_events import EventSetProbeInterval, EventTopologyChanged
from horizon_ryu.kept_timers import keep_timers, kept_timers
from horizon_ryu.openflow.packet_in_pipeline import PASSED, PacketInVerdict
from horizon_ryu.rest import spanning_tree as spanning_tree_resource
from horizon_ryu.rest.event_data import forest_to_event
from horizon_ryu.spanning_tree_events import EventTreeChanged
from horizon_ryu.turn_rest import TurnRest
from horizon_ryu.wire.messages import (
    DropBuffered,
    FlowEntry,
    Outgoing,
    PacketIn,
    PacketOut,
)

SEAL_ORDER = 15
"""Place of the seal: after probes, before hosts are learned from what segments say twice."""
GATE_ORDER = 30
"""Place of the gate in the fast lane: after Discovery, before Forwarding."""
FLOOD_ORDER = 50
"""Place of the last resort: what nobody else wanted is flooded."""
TIMERS_SETTING = "spanning_tree.timers"
SAVE_INTERVAL = 2.0
"""Seconds between two savings of the memory, at least."""
_REST = 3
"""A search that took t seconds is followed by this many t of rest while changes pile up."""
_SAVE_REST = 50
"""So is a saving of the memory, which waits for the store besides."""

require_app("horizon_ryu.discovery")


class SpanningTree(HorizonApp):
    """Keeps the ports of all switches open or closed to broadcasts."""

    _EVENTS: ClassVar[list[type]] = [EventTreeChanged, EventSetProbeInterval]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timers = self._first_timers()
        self._control = TreeControl(
            self.horizon.generation, self._timers.port_hold_time, self.horizon.is_looked_for
        )
        self.horizon.tree_flood = self._control.flood
        self._drops = DropEntries(self.horizon.generation)
        self._wake = self.horizon.runtime.event()
        self._unsaved = self.horizon.runtime.event()
        self._rest = TurnRest(self.horizon.runtime, _REST)
        self._save_rest = TurnRest(self.horizon.runtime, _SAVE_REST)
        self._reading: set[int] = set()
        self._rebuild_at = self._now() + self._timers.rebuild_interval
        self._save_at = self._now() + SAVE_INTERVAL
        self._saved: TreeMemory | None = None
        self._recall()
        self.horizon.published.forest = self._told = self._control.forest()
        self._tell_settled()
        self.horizon.packet_in_pipeline.register(SEAL_ORDER, self._seal)
        self.horizon.packet_in_pipeline.register(GATE_ORDER, self._gate)
        self.horizon.packet_in_pipeline.register(FLOOD_ORDER, self._flood)
        self.horizon.router.add(spanning_tree_resource.resources(self))
        audit = FloodAudit(self._control, self._drops, self.horizon.switches, self._wake.set)
        self.horizon.audits.register("spanning_tree", audit.begin)

    def _first_timers(self) -> TreeTimers:
        configured = self.horizon.settings.spanning_tree.timers
        return kept_timers(self.horizon.store, TIMERS_SETTING, configured)

    def _recall(self) -> None:
        """Take over from the run before, whose switches still forward as it told them."""
        saved = self.horizon.store.get_setting(MEMORY_SETTING)
        if saved is None:
            return
        try:
            self._control.recall(memory_from_json(saved), self._now() + RECALL_TIME)
        except InvalidInput as error:
            self.logger.warning("spanning tree: begins without memory: %s", error)

    def start(self) -> None:
        """Begin to work, once all applications are there."""
        super().start()
        patience = LoopTerms(lambda: PATIENCE + self._timers.rebuild_interval)
        self.spawn_loop(self._turn, again=self._wake.set, terms=patience)
        self.spawn_loop(self._keep_memory, again=self._unsaved.set, terms=AUXILIARY)
        self.send_event_to_observers(EventSetProbeInterval(self._timers.lldp_interval))

    def stop(self) -> None:
        """Leave the network as it is: it goes on forwarding along the last tree."""
        self.horizon.packet_in_pipeline.unregister(self._seal)
        self.horizon.packet_in_pipeline.unregister(self._gate)
        self.horizon.packet_in_pipeline.unregister(self._flood)
        super().stop()
        try:
            # What the store has begun could be waited for without end.
            self.horizon.store_thread.answering(self._save)
        except StoreError as error:
            self.logger.warning("spanning tree: the next run begins without the newest: %s", error)

    # ---- what the REST resource asks (horizon_ryu.rest.spanning_tree, TreeProvider)

    def forest(self) -> Forest:
        """Return the forest in force."""
        return self._control.forest()

    def settled(self) -> bool:
        """Tell whether nothing is held, planned or unconfirmed."""
        return self._control.settled()

    def timers(self) -> TreeTimers:
        """Return the timers in force."""
        return self._timers

    def set_timers(self, timers: TreeTimers) -> None:
        """Put other timers in force, now and after a restart; StoreError, and none is."""
        keep_timers(self.horizon.store, TIMERS_SETTING, timers)
        self._timers = timers
        self._control.hold_time = timers.port_hold_time
        self._rebuild_at = self._now() + timers.rebuild_interval
        self.send_event_to_observers(EventSetProbeInterval(timers.lldp_interval))
        self._wake.set()

    # ---- events and frames

    @set_ev_cls(EventTopologyChanged)
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        try:
            self._control.topology_changed(event.view, event.changes, self._now())
            for change in event.changes:
                if change.kind == "switch_leave" and isinstance(change.subject, Switch):
                    self._drops.left(change.subject.dpid)
        finally:
            self._tell_settled()
            self._wake.set()

    def _seal(self, packet: PacketIn, _now: float) -> PacketInVerdict:
        """Drop what comes in by a closed port of a segment: another port of it is open."""
        here = packet.dpid, packet.in_port
        if self._control.is_sealed(*here) or self._control.is_closed_in(self._vlan(packet), *here):
            return PacketInVerdict(True, _free(packet))
        return PASSED

    def _vlan(self, packet: PacketIn) -> int | None:
        """Return the VLAN of a frame; None, too, while the tree is the same for all VLANs."""
        frame = decode(packet.data) if self._control.closes_in_vlans else None
        return None if frame is None else frame.vlan

    def _gate(self, packet: PacketIn, _now: float) -> PacketInVerdict:
        """Drop what would be flooded but came in where the tree has no port."""
        if self._control.gate(packet.dpid, packet.in_port):
            return PASSED
        if not _is_group(packet) and self._is_known(packet.data):
            return PASSED
        return PacketInVerdict(True, _free(packet))

    def _is_known(self, data: bytes) -> bool:
        """Tell whether a frame is for a host whose place is known."""
        frame = decode(data)
        if frame is None:
            return False
        return self.horizon.locate_host(station_key(frame.dst, frame.vlan)) is not None

    def _flood(self, packet: PacketIn, _now: float) -> PacketInVerdict:
        """Flood what nobody else wanted: multicasts that no entry carries."""
        if not _is_group(packet):
            return PASSED
        if is_link_local(packet.data):
            return PacketInVerdict(True, _free(packet))
        actions = self._control.flood(self._vlan(packet), packet.dpid, packet.in_port)
        out = PacketOut(actions, packet.data, packet.in_port)
        return PacketInVerdict(True, (Outgoing(packet.dpid, out), *_free(packet)))

    # ---- the loops

    def _turn(self) -> None:
        is_told = self._wake.wait(max(0.0, self._due() - self._now()))
        self._wake.clear()
        self._rest.begin()
        started = self._now()
        if started >= self._rebuild_at:
            self._rebuild_at = started + self._timers.rebuild_interval
            is_told |= self._control.rebuild()
        due = self._control.next_due()
        if not is_told and (due is None or started < due):
            return
        self._unsaved.set()
        self._work()
        # Bursts of changes (a large network joining) must not cost a search each.
        self._rest.take()

    def _keep_memory(self) -> None:
        """Save what turns may have changed: no tree waits for the store."""
        self._unsaved.wait(IDLE_TURN)
        self.horizon.runtime.sleep(max(0.0, self._save_at - self._now()))
        self._unsaved.clear()
        self._save()

    def _due(self) -> float:
        due = self._control.next_due()
        return self._rebuild_at if due is None else min(due, self._rebuild_at)

    def _work(self) -> None:
        for dpid in self._control.unread() - self._reading:
            self._reading.add(dpid)
            self.spawn(self._read, dpid)
        for plan in self._control.plan(self._now()).by_switch():
            self.spawn(self._apply, plan)
        self.horizon.switches.send(self._drops.follow(self._control.sealed()))
        forest = self._control.forest()
        if forest != self._told:
            self._publish(forest)
            self._told = forest
        self._tell_settled()

    def _tell_settled(self) -> None:
        self.horizon.published.is_tree_settled = self._control.settled()

    def _publish(self, forest: Forest) -> None:
        self.horizon.published.forest = forest
        self.horizon.metrics.tree(len(forest.trees))
        self.horizon.events.publish(*forest_to_event(forest, self._told))
        self.send_event_to_observers(EventTreeChanged(forest))

    def _save(self) -> None:
        """Keep what the next run needs to take over, if it is not kept yet."""
        self._save_rest.begin()
        started = self._now()
        try:
            memory = self._control.memory()
            if memory != self._saved:
                self.horizon.store.set_setting(MEMORY_SETTING, memory_to_json(memory))
                self._saved = memory
        finally:
            # What costs more in a large network, or waits for a lock, must come less often.
            self._save_at = started + max(SAVE_INTERVAL, self._save_rest.seconds)

    def _read(self, dpid: int) -> None:
        """Learn what a switch still carries from before."""
        switches = self.horizon.switches
        try:
            entries = switches.flow_entries(dpid)
            self._control.switch_state_read(dpid, entries, self._group(dpid), self._now())
            self._drops_read(dpid, entries)
        except SwitchAway:
            return
        except RequestUnanswered:
            self._control.switch_state_unknown(dpid, self._now())
            self._drops_read(dpid, None)
        except SwitchError as error:
            self.logger.warning("spanning tree: %s; disconnecting", error)
            switches.disconnect(dpid, "its flow entries cannot be read")
        except Exception:
            switches.disconnect(dpid, "its flow entries cannot be understood")
            raise
        finally:
            self._reading.discard(dpid)
            self._wake.set()

    def _drops_read(self, dpid: int, entries: Iterable[FlowEntry] | None) -> None:
        switch = self.horizon.published.topology.switches.get(dpid)
        if switch is not None:
            self._drops.read(switch, entries)

    def _group(self, dpid: int) -> frozenset[int] | None:
        """Return a switch's flood group; None also if it never tells its groups."""
        try:
            return self.horizon.switches.flood_group(dpid)
        except RequestUnanswered:
            return None

    def _apply(self, plan: FloodPlan) -> None:
        """Have one switch carry out its plan; a switch that does not is disconnected.

        It goes on forwarding as it does then, which TreeControl reckons with. One that never
        confirms anything, though it lives, is believed to do as it is told.
        """
        switches = self.horizon.switches
        try:
            errors = [
                error
                for error in switches.confirm(plan.messages)
                if not isinstance(error, RequestUnanswered)
            ]
            self._control.confirmed(plan, errors, self._now())
            for error in errors:
                if not isinstance(error, SwitchAway):
                    self.logger.warning("spanning tree: %s; disconnecting", error)
                    switches.disconnect(error.dpid, "the spanning tree was not confirmed")
        except Exception:
            # A switch whose plan stays unconfirmed would be left alone for ever.
            for dpid in plan.serials:
                switches.disconnect(dpid, "the spanning tree could not be confirmed")
            raise
        finally:
            self._wake.set()

    def _now(self) -> float:
        return float(self.horizon.clock())


def _is_group(packet: PacketIn) -> bool:
    """Tell whether the frame is for several: the group bit of its destination (802.3, 3.2.3)."""
    return bool(packet.data) and bool(packet.data[0] & 1)


def _free(packet: PacketIn) -> tuple[Outgoing, ...]:
    """Have the switch give up its copy of a frame that it holds for us."""
    if packet.buffer_id is None:
        return ()
    return (Outgoing(packet.dpid, DropBuffered(packet.buffer_id, packet.in_port)),)
