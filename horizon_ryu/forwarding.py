"""Forwarding: hosts talk to each other, on shortest paths, around whatever breaks.

Events in: ``EventTopologyChanged(view, changes)`` from Discovery; Ryu's ``EventOFPFlowRemoved``.
Events out: none.

It needs Discovery, which knows where hosts are, and Spanning Tree, along which what is not known
is flooded. Without it the network still carries broadcasts and the flows of the Flow Manager,
whose priorities are higher than those used here. What is decided is decided in
:mod:`horizon_ryu.core.forwarding`.
"""

from __future__ import annotations

from typing import Any

from ryu.base import app_manager
from ryu.controller import ofp_event
from ryu.controller.handler import MAIN_DISPATCHER, set_ev_cls
from ryu.lib import hub

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.errors import SwitchAway, SwitchError
from horizon_ryu.core.forwarding import Forwarding as Core
from horizon_ryu.core.messages import PacketIn
from horizon_ryu.core.topology import Change, Switch
from horizon_ryu.discovery_events import EventTopologyChanged
from horizon_ryu.openflow.fast_lane import Handled
from horizon_ryu.openflow.flow_removed import read_flow_removed

FORWARDING_ORDER = 40
"""Place in the fast lane: after the gate of Spanning Tree, before its flooding."""

SETTLE_STEP = 32
"""Pairs re-routed before other greenlets get their turn."""

app_manager.require_app("horizon_ryu.discovery")
app_manager.require_app("horizon_ryu.spanning_tree")


class Forwarding(HorizonApp):
    """Feeds the core with frames and changes, and sends what it answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settling = False
        self._joins: dict[int, float] = {}
        options = self.horizon.settings.forwarding
        self._core = Core(
            self.horizon.locate_host,
            self.horizon.generation,
            options.idle_timeout,
            options.max_pairs,
        )
        self.horizon.fast_lane.register(FORWARDING_ORDER, self._frame_in)

    def stop(self) -> None:
        """Leave the entries where they are: hosts go on talking without a controller."""
        self.horizon.fast_lane.unregister(self._frame_in)
        super().stop()

    def _frame_in(self, packet: PacketIn, now: float) -> Handled:
        return Handled(*self._core.frame_in(packet, now))

    @set_ev_cls(EventTopologyChanged)
    def _topology_changed(self, event: EventTopologyChanged) -> None:
        messages = self._core.topology_changed(event.view, event.changes, self._now())
        self.horizon.switches.send(messages)
        if self._core.unsettled and not self._settling:
            self._settling = True
            self.spawn(self._settle)
        for dpid in _joined(event.changes):
            self._joins[dpid] = self._now()
            self.spawn(self._tidy, dpid, self._joins[dpid])

    @set_ev_cls(ofp_event.EventOFPFlowRemoved, MAIN_DISPATCHER)
    def _flow_removed(self, event: Any) -> None:
        message = event.msg
        removed = read_flow_removed(message.version, message.buf)
        if removed is not None and removed.timed_out:
            self._core.flow_removed(message.datapath.id, removed.cookie, removed.match)

    def _settle(self) -> None:
        """Re-route the pairs that a change left waiting, a few at a time."""
        while self._core.unsettled:
            hub.sleep(0)
            self.horizon.switches.send(self._core.settle(self._now(), SETTLE_STEP))
        self._settling = False

    def _tidy(self, dpid: int, joined_at: float) -> None:
        """Remove what earlier runs left on a switch: dead ends now, the rest after the hold.

        By then the links of the switch are known and its ports open to broadcasts, so that frames
        that lose their entry find their way.
        """
        switches = self.horizon.switches
        try:
            switches.send(self._core.dead_ends(dpid, switches.flow_entries(dpid)))
            hub.sleep(self.horizon.settings.spanning_tree.port_hold_time)
            # A switch that joined again meanwhile has its own hold time, and its own greenlet.
            if self._joins.get(dpid) == joined_at:
                switches.send(self._core.stale(dpid, switches.flow_entries(dpid)))
        except SwitchAway:
            return
        except SwitchError as error:
            self.logger.warning("forwarding: entries of an earlier run stay: %s", error)

    def _now(self) -> float:
        return float(self.horizon.clock())


def _joined(changes: tuple[Change, ...]) -> set[int]:
    switches = [change.subject for change in changes if change.kind == "switch_join"]
    return {switch.dpid for switch in switches if isinstance(switch, Switch)}
