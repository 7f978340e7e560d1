"""Discovery: the physical topology, and that of every virtual network (report 3.4).

Events in: ``EventSwitchJoining``, ``EventSwitchConnected``, ``EventSwitchLeft`` and
``EventPortChanged`` from :mod:`horizon_ryu.switches`; ``EventSetProbeInterval(seconds)``
and ``EventTreeChanged(forest)`` from Spanning Tree; Ryu's ``EventOFPFlowRemoved``.
Events out: ``EventTopologyChanged(view, changes)``, one per batch of changes.

What is decided is decided in :mod:`horizon_ryu.core.discovery.control`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls

from horizon_ryu.app import HorizonApp
from horizon_ryu.audit.entries import EntryAudit
from horizon_ryu.core import frames
from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.host_pins import MAX_PINS, pins_to_json
from horizon_ryu.core.discovery.switch_table import SwitchTable
from horizon_ryu.core.discovery.virtual_network import NetworkDefinition
from horizon_ryu.core.errors import LimitExceeded, NotFound, RequestUnanswered, SwitchAway
from horizon_ryu.core.event_kinds import TOPOLOGY
from horizon_ryu.core.loop_record import ASKING, IDLE_TURN
from horizon_ryu.core.ownership import Owner, cookie
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Host, PortRef, Switch, TopologyChange, TopologyView
from horizon_ryu.discovery_core import (
    core_of,
    lldp_entry,
    network_view,
    pin_again,
    recall,
    warn_of_links,
)
from horizon_ryu.discovery_events import EventSetProbeInterval, EventTopologyChanged
from horizon_ryu.kept_timers import keep_timers, kept_timers
from horizon_ryu.openflow.lateness import wait_and_clear
from horizon_ryu.openflow.packet_in_pipeline import PASSED, PacketInVerdict
from horizon_ryu.rest import hosts as hosts_resource
from horizon_ryu.rest import networks as networks_resource
from horizon_ryu.rest import topology as topology_resource
from horizon_ryu.rest.event_data import change_to_event, slow_join_to_event
from horizon_ryu.spanning_tree_events import EventTreeChanged
from horizon_ryu.switch_events import (
    EventPortChanged,
    EventSwitchConnected,
    EventSwitchJoining,
    EventSwitchLeft,
)
from horizon_ryu.turn_rest import TurnRest
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import FlowMod, Outgoing, PacketIn

__all__ = ["Discovery", "EventSetProbeInterval", "EventTopologyChanged"]

LLDP_ORDER = 10
"""Place in the fast lane: nobody else ever sees a probe."""
HOST_ORDER = 20
TIMERS_SETTING = "discovery.timers"
PINS_SETTING = "discovery.pins"
_LONGEST_SLEEP = 0.25
_TOLD_AT_ONCE = 100
"""Events of changes between two turns of everybody else."""
_RESTORE_PAUSE = 1.0
"""Seconds between two restorations of a switch's LLDP entry, at least."""
_REST = 2
"""A publication that took t seconds is followed by this many t of rest while changes pile up."""
PICTURED = TOPOLOGY | {"switch_name"}
"""Events that change the document of the topology."""
_CONSUMED = PacketInVerdict(True)


class Discovery(HorizonApp):
    """Feeds the core with events, sends its probes, and publishes its views."""

    _EVENTS: ClassVar[list[type]] = [EventTopologyChanged]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = self.horizon.settings.discovery
        self._cookie = cookie(Owner.DISCOVERY, self.horizon.generation)
        self._lldp_entries = (lldp_entry(self._cookie),)
        key, metrics = self.horizon.signing_key, self.horizon.metrics
        self._core = core_of(key, self._first_timers(), options, metrics)
        recall(self._core, self.horizon.store, self._now())
        self._connected = SwitchTable(options.max_ports_per_switch)
        self._restoring: set[int] = set()
        self._dirty = self.horizon.runtime.event()
        self._hurry = self.horizon.runtime.event()
        self._rest = TurnRest(self.horizon.runtime, _REST)
        self.horizon.locator = self._core.locate
        self.horizon.contest = self._core.is_contested
        self.horizon.probed = self._core.is_looked_for
        self.horizon.packet_in_pipeline.register(LLDP_ORDER, self._lldp_in)
        self.horizon.packet_in_pipeline.expect(self._expected)
        self.horizon.packet_in_pipeline.register(HOST_ORDER, self._host_frame_in)
        aside, rest = self.horizon.runtime.in_thread, self.horizon.runtime.checkpoint
        networks, slices = self.horizon.store, self.horizon.ports_of_slice
        names, events = self.horizon.switch_names, self.horizon.events
        picture = topology_resource.PictureSources(
            lambda: names.names.by_dpid, lambda: events.latest(PICTURED)
        )
        self.horizon.router.add(
            topology_resource.resources(self, networks, aside, rest, slices, picture)
        )
        self.horizon.router.add(hosts_resource.resources(self))
        self.horizon.router.add(networks_resource.resources(self.horizon.store))
        audit = EntryAudit(
            self.horizon.switches, self._lldp_wanted, lambda dpid, _lacking: self._lost_drop(dpid)
        )
        self.horizon.audits.register("discovery", audit.begin)
        pin_again(self._core, self.horizon.store, PINS_SETTING)

    def start(self) -> None:
        """Begin to probe, once all applications are there."""
        super().start()
        self.spawn_loop(self._probe, again=self._changed)
        self.spawn_loop(self._publish, again=self._dirty.set)
        self.spawn_loop(self.horizon.audits.turn, terms=ASKING)

    def _first_timers(self) -> DiscoveryTimers:
        configured = self.horizon.settings.discovery.timers
        return kept_timers(self.horizon.store, TIMERS_SETTING, configured)

    # ---- what switches do

    @set_ev_cls(EventSwitchJoining)
    def _joining(self, event: EventSwitchJoining) -> None:
        self._core.switch_joining(event.dpid, self._now())

    @set_ev_cls(EventSwitchConnected)
    def _connected_switch(self, event: EventSwitchConnected) -> None:
        self._connected.add(event.switch)
        self.spawn(self._force_drop, event.switch.dpid)

    def _force_drop(self, dpid: int) -> None:
        """Have LLDP go to the controller and nowhere else; only then is the switch probed."""
        with self._disconnecting(dpid):
            errors = self._send_drop(dpid)
            switch = self._connected.get(dpid)
            if errors or switch is None:
                self._not_ready(dpid, errors)
                return
            self._core.switch_ready(switch, self._now())
            self._refuse_overfull(dpid)
            self._changed()

    def _refuse_overfull(self, dpid: int) -> None:
        """Disconnect a switch with ports that nobody can keep closed, as they are not known."""
        if self._core.is_overfull(dpid):
            self.horizon.switches.disconnect(dpid, "it has more ports than can be kept closed")

    def _send_drop(self, dpid: int) -> tuple[Exception, ...]:
        """Return what went wrong; a switch that confirms nothing is believed to do as it is told.

        Its limits are published: nobody can promise more of such a switch.
        """
        errors = self.horizon.switches.confirm((Outgoing(dpid, self._lldp_entries[0]),))
        return tuple(one for one in errors if not isinstance(one, RequestUnanswered))

    @contextmanager
    def _disconnecting(self, dpid: int) -> Iterator[None]:
        """Disconnect a switch if that which makes it ready raises.

        While a switch counts as joining new links are held back, in the whole network.
        """
        try:
            yield
        except Exception:
            self.horizon.switches.disconnect(dpid, "the LLDP entry could not be confirmed")
            raise

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def _flow_removed(self, event: Any) -> None:
        """Put the LLDP entry back if somebody removed it, and believe no new link until then."""
        dpid, message = event.msg.datapath.id, event.msg
        removed = codec_of(message.version).read_flow_removed(message.buf)
        if removed is not None and removed.cookie == self._cookie and dpid in self._connected:
            self._lost_drop(dpid)

    def _lldp_wanted(self, dpid: int) -> tuple[FlowMod, ...]:
        """Return the entry that a switch which is probed should have, unless it is on its way."""
        ready = dpid in self._connected and dpid in self.view().switches
        return self._lldp_entries if ready and dpid not in self._restoring else ()

    def _lost_drop(self, dpid: int) -> None:
        if dpid not in self._restoring:
            self.logger.warning("discovery: switch %016x lost its LLDP entry; restoring it", dpid)
            self._restoring.add(dpid)
            self._core.switch_joining(dpid, self._now())
            self.spawn(self._restore_drop, dpid)

    def _restore_drop(self, dpid: int) -> None:
        try:
            with self._disconnecting(dpid):
                errors = self._send_drop(dpid)
                if errors:
                    self._not_ready(dpid, errors)
                    return
                self._core.drop_restored(dpid, self._now())
            # Removals reported without end must not keep every new link from being believed.
            self.horizon.runtime.sleep(_RESTORE_PAUSE)
        finally:
            self._restoring.discard(dpid)

    def _not_ready(self, dpid: int, errors: tuple[Exception, ...]) -> None:
        for error in errors:
            if not isinstance(error, SwitchAway):
                self.logger.warning("discovery: no forced drop: %s; disconnecting", error)
                self.horizon.switches.disconnect(dpid, "the LLDP entry was not confirmed")

    @set_ev_cls(EventSwitchLeft)
    def _left(self, event: EventSwitchLeft) -> None:
        self._connected.pop(event.dpid)
        self.horizon.limits.forget(event.dpid)
        self._core.switch_left(event.dpid, self._now())
        self._changed()

    @set_ev_cls(EventPortChanged)
    def _port_changed(self, event: EventPortChanged) -> None:
        self._connected.set_port(PortRef(event.dpid, event.port_no), event.port)
        self._core.port_changed(event.dpid, event.port_no, event.port, self._now())
        self._refuse_overfull(event.dpid)
        self._changed()

    def _changed(self) -> None:
        """Publish, and see at once whether there is something to probe."""
        self._dirty.set()
        self._hurry.set()

    # ---- what frames say

    def _expected(self, dpid: int, port_no: int, frame: bytes, now: float) -> bool:
        is_expected = self._core.is_expected(dpid, port_no, frame, now)
        if is_expected:
            self.horizon.metrics.lldp("refreshed")
        return is_expected

    def _lldp_in(self, packet: PacketIn, now: float) -> PacketInVerdict:
        if not lldp.is_lldp(packet.data):
            return PASSED
        heard = self._core.frame_in(packet, now)
        self.horizon.metrics.lldp(heard.outcome)
        if self._core.changed:
            self._changed()
        return PacketInVerdict(True, heard.messages) if heard.messages else _CONSUMED

    def _host_frame_in(self, packet: PacketIn, now: float) -> PacketInVerdict:
        frame = frames.decode(packet.data)
        if frame is None:
            return PASSED
        own = self._core.own_frame(packet, frame, now)
        if own is not None:
            if self._core.changed:
                self._changed()
            return PacketInVerdict(True, own.messages)
        messages = self._core.host_frame(packet, frame, now)
        if self._core.changed:
            self._dirty.set()
        return PacketInVerdict(False, messages) if messages else PASSED

    # ---- the loops' turns

    def _probe(self) -> None:
        """Send what is due, at its time or when something changed."""
        now = self._now()
        messages = self._core.tick(now)
        if messages:
            self.horizon.switches.send(messages)
        self._tell_slow_joins()
        if self._core.changed:
            self._dirty.set()
        pause = min(_LONGEST_SLEEP, max(0.001, self._core.next_due(now) - self._now()))
        wait_and_clear(self.horizon.runtime, self._hurry, pause)

    def _tell_slow_joins(self) -> None:
        doubt = self._core.doubt
        self.horizon.published.slow_joins = doubt.overdue
        self.horizon.published.believes_links = not doubt.binds(self._now())
        for slow in self._core.take_slow_joins():
            self.logger.warning(
                "discovery: switch %016x joins for %.1f s; nobody waits for it", *slow
            )
            self.horizon.events.publish(*slow_join_to_event(slow))

    def _publish(self) -> None:
        """Publish changes in batches: a burst of joins costs one view, not one per switch."""
        self._dirty.wait(IDLE_TURN)
        self._dirty.clear()
        self._rest.begin()
        if changes := self._core.take_changes():
            self._publish_view(self._core.view(), changes)
            self._rest.take()

    def _publish_view(self, view: TopologyView, changes: tuple[TopologyChange, ...]) -> None:
        self.horizon.published.topology = view
        self.horizon.published.crowded = self._core.crowded()
        self.horizon.metrics.topology(len(view.switches), len(view.links), len(view.hosts))
        self.send_event_to_observers(EventTopologyChanged(view, changes))
        warn_of_links(changes, self.logger)
        for place, change in enumerate(changes):
            if place % _TOLD_AT_ONCE == _TOLD_AT_ONCE - 1:
                # A switch may leave with thousands of hosts, and each event is text to be made.
                self.horizon.runtime.checkpoint()
            self.horizon.events.publish(
                *change_to_event(change, view, self.horizon.published.forest, self._name(change))
            )

    def _name(self, change: TopologyChange) -> str | None:
        """Return the name of the switch that a change is about, if it has one."""
        switch = change.subject
        return self.horizon.switch_names.get(switch.dpid) if isinstance(switch, Switch) else None

    # ---- what the REST resources ask

    def view(self) -> TopologyView:
        """Return the topology as published last."""
        return self.horizon.published.topology

    def forest(self) -> Forest | None:
        """Return the spanning forest; None while Spanning Tree does not run."""
        return self.horizon.published.forest

    def is_connected(self, dpid: int) -> bool:
        """Tell whether the switch has a connection now."""
        return dpid in self._connected

    def unanswered(self, dpid: int) -> tuple[str, ...]:
        """Return the kinds of requests that the switch never answers, though it lives."""
        return self.horizon.published.unanswered.get(dpid, ())

    def timers(self) -> DiscoveryTimers:
        """Return the timers in force."""
        return self._core.timers

    def set_timers(self, timers: DiscoveryTimers) -> None:
        """Use ``timers`` from now on, and after a restart; StoreError, and none is used."""
        keep_timers(self.horizon.store, TIMERS_SETTING, timers)
        self._core.set_timers(timers, self._now())
        self._hurry.set()

    def pins(self) -> Mapping[bytes, Host]:
        """Return the pinned hosts, by their keys."""
        return self._core.hosts.pins

    def forget_host(self, key: bytes) -> None:
        """Forget a host until it is heard again; NotFound, Conflict if it is pinned."""
        self._core.forget_host(key)
        self._changed()

    def pin_host(self, pinned: Host) -> None:
        """Pin a host, now and after a restart; StoreError or LimitExceeded, and it is not."""
        with self.changing:
            self._keep_pins({**self.pins(), pinned.key: pinned})
            self._core.pin_host(pinned)
        self._changed()

    def unpin_host(self, key: bytes) -> None:
        """Unpin a host, now and after a restart; StoreError or NotFound, and nothing is done."""
        with self.changing:
            if key not in self.pins():
                raise NotFound("no host of that address is pinned")
            self._keep_pins({other: pin for other, pin in self.pins().items() if other != key})
            self._core.unpin_host(key, self._now())

    def _keep_pins(self, pins: Mapping[bytes, Host]) -> None:
        if len(pins) > MAX_PINS:
            raise LimitExceeded(f"{MAX_PINS} hosts are pinned already")
        self.horizon.store.set_setting(PINS_SETTING, pins_to_json(pins.values()))

    @set_ev_cls(EventSetProbeInterval)
    def _set_probe_interval(self, event: EventSetProbeInterval) -> None:
        timers = replace(self._core.timers, lldp_interval=event.seconds)
        self._core.set_timers(timers, self._now())
        self._hurry.set()

    @set_ev_cls(EventTreeChanged)
    def _tree_changed(self, event: EventTreeChanged) -> None:
        self._core.tree_changed(event.forest)
        if self._core.changed:
            self._dirty.set()

    def network_view(self, definition: NetworkDefinition) -> TopologyView:
        """Return the part of the topology that forwards a virtual network's traffic.

        Asks every switch for its flow entries at once; a switch that leaves meanwhile has none,
        nor has one that never tells any; one that does not answer this time raises SwitchError.
        """
        return network_view(self.view(), definition, self.horizon.switches, self.horizon.runtime)

    def _now(self) -> float:
        return self.horizon.clock()
