"""Stats: every switch measured, all the time (report 3.3).

Events in: ``EventSwitchConnected``, ``EventSwitchLeft``, ``EventPortChanged``. Events out: none.

When what is asked is decided in :mod:`horizon_ryu.core.stats`; :mod:`horizon_ryu.wire.stats`
reads the answers when somebody wants to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from ryu.base.app_manager import require_app
from ryu.controller.handler import set_ev_cls

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.loop_record import AUXILIARY
from horizon_ryu.core.stats.history import PORT_BYTES, STEP, RateHistory
from horizon_ryu.core.stats.polling import Polling
from horizon_ryu.core.stats.samples import StatsCache, SwitchSamples
from horizon_ryu.core.stats.stats_types import stats_types_of
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.core.topology import TopologyView
from horizon_ryu.kept_timers import keep_timers, kept_timers
from horizon_ryu.rest import loads as loads_resource
from horizon_ryu.rest import nodes as nodes_resource
from horizon_ryu.rest import stats as stats_resource
from horizon_ryu.switch_events import EventPortChanged, EventSwitchConnected, EventSwitchLeft
from horizon_ryu.switch_stats import ovsdb, prometheus
from horizon_ryu.switch_stats.node_measures import NodeMeasures, node_measures
from horizon_ryu.switch_stats.poller import Poller
from horizon_ryu.switch_stats.port_rates import port_rates
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.stats.types import StatsType

TIMERS_SETTING = "stats.timers"
_READ_AT_ONCE = 128 * PORT_BYTES
"""Bytes of port counters that rates are made of between two turns of everybody else: about 1 ms."""

require_app("horizon_ryu.switches")


class Stats(HorizonApp):
    """Hands switches to the poller, and what they answered to whoever asks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        horizon, options = self.horizon, self.horizon.settings.stats
        self._polling = Polling(self._first_timers(), options.deadline)
        self._book = StatsCache(options.max_flow_bytes, options.max_bytes)
        self._poller = Poller(
            self._polling, self._book, horizon.switches, horizon.runtime, self.now
        )
        self._load = ovsdb.OvsLoad(
            options.ovsdb, horizon.clock, partial(horizon.runtime.in_thread, ovsdb.read)
        )
        self._history = RateHistory(options.history_ports)
        # First: a switch's path has the same shape.
        horizon.router.add(loads_resource.resources(self))
        horizon.router.add(stats_resource.resources(self, horizon.runtime.in_thread))
        nodes_resource.offer(horizon, nodes_resource.SwitchNodes(self))
        horizon.metrics.stream(self._families)
        horizon.metrics.counters(
            "horizon_stats_answers",
            "Answers of switches, by what became of them",
            "outcome",
            lambda: self._poller.outcomes,
        )
        text = "Ports whose rates of the last 15 minutes are kept"
        horizon.metrics.gauge("horizon_history_ports", text, lambda: self._history.ports)

    def start(self) -> None:
        """Begin to ask, once all applications are there."""
        super().start()
        self.spawn_loop(self._poller.turn)
        self.spawn_loop(self._remember, terms=AUXILIARY)
        if self.horizon.settings.stats.ovsdb:
            self.spawn_loop(self._watch_load, terms=AUXILIARY)

    def _first_timers(self) -> StatsTimers:
        configured = self.horizon.settings.stats.timers
        return kept_timers(self.horizon.store, TIMERS_SETTING, configured)

    def _watch_load(self) -> None:
        self._load.renew()
        self.horizon.runtime.sleep(ovsdb.INTERVAL)

    def _remember(self) -> None:
        """Keep the newest rates of every switch, with turns for others in between."""
        self.horizon.runtime.sleep(STEP / 5)
        read = 0
        for dpid, switch in tuple(self._book.switches.items()):
            sample = switch.latest.get(StatsType.PORTS)
            if sample is None:
                continue
            size = sum(map(len, sample.pieces))
            if self._history.is_due(dpid, sample.at, size):
                self._history.record(dpid, sample.at, port_rates(switch))
                read += size
            if read > _READ_AT_ONCE:
                read = 0
                self.horizon.runtime.checkpoint()

    # ---- what switches do

    @set_ev_cls(EventSwitchConnected)
    def _connected(self, event: EventSwitchConnected) -> None:
        switch = event.switch
        self._book.joined(switch.dpid, switch.address, switch.openflow)
        self._poller.joined(switch.dpid, stats_types_of(switch.capabilities))

    @set_ev_cls(EventSwitchLeft)
    def _left(self, event: EventSwitchLeft) -> None:
        self._poller.left(event.dpid)
        self._book.left(event.dpid)

    @set_ev_cls(EventPortChanged)
    def _port_changed(self, event: EventPortChanged) -> None:
        switch = self._book.switches.get(event.dpid)
        if switch is not None:
            self._poller.hurry(event.dpid, _port_states(switch))

    # ---- what is asked over REST

    def switches(self) -> Mapping[int, SwitchSamples]:
        """Return the samples by dpid."""
        return self._book.switches

    def now(self) -> float:
        """Return the time of the samples' clock."""
        return float(self.horizon.clock())

    def rest(self) -> None:
        """Let other tasks have their turns."""
        self.horizon.runtime.checkpoint()

    def history(self) -> RateHistory:
        """Return the rates of the last minutes."""
        return self._history

    def view(self) -> TopologyView:
        """Return the topology as published last."""
        return self.horizon.published.topology

    def timers(self) -> StatsTimers:
        """Return the timers in force."""
        return self._polling.timers

    def set_timers(self, timers: StatsTimers) -> None:
        """Put other timers in force, and keep them; StoreError, and none is in force."""
        keep_timers(self.horizon.store, TIMERS_SETTING, timers)
        self._polling.set_timers(timers)

    def nodes(self) -> Iterable[int]:
        """Return the dpids of the switches that are measured."""
        return self._book.switches

    def measures(self, dpid: int) -> NodeMeasures:
        """Return the common measures of a switch; NotFound."""
        switch = self._book.switches.get(dpid)
        if switch is None:
            raise NotFound(f"switch {dpid_to_text(dpid)} is not connected")
        return node_measures(switch, self.horizon.published.topology, self._load.load(dpid))

    def _families(self) -> Iterator[str]:
        return prometheus.text(self._book.switches.values, self.now())


def _port_states(switch: SwitchSamples) -> StatsType:
    """Return the question that tells the ports' states."""
    return codec_of(switch.version).stats.port_states_type
