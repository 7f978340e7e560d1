"""``Switches``: what Ryu says about connections, as Horizon's own immutable events.

Events in: Ryu's EventOFPStateChange, EventOFPSwitchFeatures and EventOFPPortStatus.
Events out: EventSwitchJoining(dpid), EventSwitchConnected(switch), EventSwitchLeft(dpid),
EventPortChanged(dpid, port_no, port or None).
"""

from __future__ import annotations

from typing import Any, ClassVar

from ryu.controller import ofp_event
from ryu.controller.handler import (
    CONFIG_DISPATCHER,
    DEAD_DISPATCHER,
    MAIN_DISPATCHER,
    set_ev_cls,
)

from horizon_ryu.app import HorizonApp
from horizon_ryu.core.topology import Switch, is_port
from horizon_ryu.openflow.ports import port_number, read_port, read_ports
from horizon_ryu.switch_events import (
    EventPortChanged,
    EventSwitchConnected,
    EventSwitchJoining,
    EventSwitchLeft,
)

_PORT_DELETED = 1  # OFPPR_DELETE, the same on both versions


class Switches(HorizonApp):
    """Follows the connection of each switch; it decides nothing."""

    _EVENTS: ClassVar[list[type]] = [
        EventSwitchJoining,
        EventSwitchConnected,
        EventSwitchLeft,
        EventPortChanged,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._datapaths: dict[int, Any] = {}

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def _features(self, event: Any) -> None:
        datapath: Any = event.msg.datapath
        if datapath.state != DEAD_DISPATCHER and datapath.id is not None:
            self._datapaths[datapath.id] = datapath
            self.send_event_to_observers(EventSwitchJoining(datapath.id))

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def _state(self, event: Any) -> None:
        datapath: Any = event.datapath
        if datapath.id is None:
            return
        if event.state == MAIN_DISPATCHER:
            self._connected(datapath)
        elif self._is_current(datapath):
            del self._datapaths[datapath.id]
            self.logger.info("switch %016x left", datapath.id)
            self.send_event_to_observers(EventSwitchLeft(datapath.id))

    def _is_current(self, datapath: Any) -> bool:
        """Tell whether no newer connection has taken the place of this one."""
        return self._datapaths.get(datapath.id) is datapath

    def _connected(self, datapath: Any) -> None:
        if datapath.state == DEAD_DISPATCHER:
            return
        self._datapaths[datapath.id] = datapath
        openflow = datapath.ofproto.OFP_VERSION
        ports = read_ports((datapath.ports or {}).values(), openflow)
        address = f"{datapath.address[0]}:{datapath.address[1]}"
        # On the wire 1 is OpenFlow 1.0, and 4 is 1.3.
        self.logger.info(
            "switch %016x connected from %s: OpenFlow 1.%d, %d ports",
            *(datapath.id, address, openflow - 1, len(ports)),
        )
        self.send_event_to_observers(
            EventSwitchConnected(Switch(datapath.id, address, openflow, ports))
        )

    @set_ev_cls(ofp_event.EventOFPPortStatus, MAIN_DISPATCHER)
    def _port_status(self, event: Any) -> None:
        message: Any = event.msg
        datapath: Any = message.datapath
        openflow = datapath.ofproto.OFP_VERSION
        number = port_number(message.desc, openflow)
        if not self._is_current(datapath) or not is_port(number):
            return
        gone = message.reason == _PORT_DELETED
        port = None if gone else read_port(message.desc, openflow)
        self.send_event_to_observers(EventPortChanged(datapath.id, number, port))
