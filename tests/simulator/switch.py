"""A simulated OpenFlow switch, pure (type 0) or hybrid (type 1).

A pure switch asks the controller about frames that no entry fits (1.0) or drops them (1.3). A
hybrid one forwards them as an ordinary switch does; while it is connected it relays even LLDP,
of which a copy goes to the controller (the report's case, figure 3.6), otherwise it filters
what IEEE 802.1D reserves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from horizon_ryu.core.topology import Port, Switch
from horizon_ryu.wire.messages import (
    Action,
    DropBuffered,
    Flood,
    FloodPorts,
    FlowCommand,
    FlowDeleteByCookie,
    FlowMod,
    Message,
    Output,
    OutputInPort,
    PacketIn,
    PacketOut,
    SetNoFlood,
    ToController,
)
from simulator.clock import Clock
from simulator.table import FlowTable
from simulator.wire import fields_of

OPENFLOW_10 = 1
OPENFLOW_13 = 4


class SimulatedSwitch:
    """Ports, table, group and NO_FLOOD bits of one switch.

    ``emit(port_no, data)`` puts a frame on the cable, ``ask(packet_in)`` hands one to the control
    channel; both are set by the network.
    """

    def __init__(self, clock: Clock, dpid: int, openflow: int, hybrid: bool) -> None:
        self.dpid = dpid
        self.openflow = openflow
        self.hybrid = hybrid
        self.connected = False
        self.ports: dict[int, Port] = {}
        self.table = FlowTable()
        self.group: frozenset[int] | None = None
        self.emit: Callable[[int, bytes], None] = lambda _port, _data: None
        self.ask: Callable[[PacketIn], None] = lambda _packet: None
        self._clock = clock
        self._learned: dict[bytes, int] = {}

    def add_port(self, port_no: int, up: bool = True, speed_kbps: int = 1_000_000) -> None:
        """Give the switch one more port."""
        hw_addr = b"\x02" + self.dpid.to_bytes(3, "big") + port_no.to_bytes(2, "big")
        name = f"s{self.dpid}-eth{port_no}"
        self.ports[port_no] = Port(port_no, name, hw_addr, up, speed_kbps)

    def set_up(self, port_no: int, up: bool) -> Port:
        """Change the carrier of a port; return its new description."""
        self.ports[port_no] = replace(self.ports[port_no], up=up)
        return self.ports[port_no]

    def describe(self) -> Switch:
        """Return what the switch tells in its handshake."""
        return Switch(self.dpid, f"switch-{self.dpid}", self.openflow, dict(self.ports))

    def restart(self) -> None:
        """Lose all state, as after a power cut."""
        self.table.clear()
        self.group = None
        self._learned.clear()
        self.ports = {n: replace(port, no_flood=False) for n, port in self.ports.items()}

    # ---- what others do to it

    @property
    def flooding(self) -> frozenset[int] | None:
        """The ports of the flood group, if it is there; on 1.0 those without NO_FLOOD."""
        if self.openflow == OPENFLOW_10:
            return frozenset(number for number, port in self.ports.items() if not port.no_flood)
        return self.group

    def flood_by(self, ports: frozenset[int]) -> None:
        """Change the ports of the flood group; on 1.0 the NO_FLOOD bits."""
        self.ports = {n: replace(port, no_flood=n not in ports) for n, port in self.ports.items()}
        self.group = ports

    def delete_flows(self) -> None:
        """Lose every entry."""
        self.table.clear()

    def delete_groups(self) -> None:
        """Lose every group, and the entries that point to it (1.3.5 section 6.7)."""
        if self.openflow == OPENFLOW_10 or self.group is None:
            return
        self.group = None
        for entry in self.table.entries():
            if Flood() in entry.actions:
                command = FlowCommand.DELETE_STRICT
                gone = FlowMod(command, entry.match, entry.priority, entry.cookie)
                self.table.apply(gone, self._clock.now)

    # ---- frames

    def receive(self, port_no: int, data: bytes) -> None:
        """Take a frame that came in by ``port_no``."""
        if not self.ports[port_no].up:
            return
        fields = fields_of(data)
        actions = self.table.lookup(port_no, fields, self._clock.now)
        if actions is not None:
            self._act(actions, port_no, data)
        elif not self.hybrid:
            if self.openflow == OPENFLOW_10:
                self.ask(PacketIn(self.dpid, port_no, data))
        elif self.connected or not fields.is_reserved:
            self.ask(PacketIn(self.dpid, port_no, data, buffer_id=1))
            self._forward_as_ordinary(port_no, data)

    def _forward_as_ordinary(self, port_no: int, data: bytes) -> None:
        fields = fields_of(data)
        self._learned[fields.dl_src] = port_no
        known = None if fields.is_multicast else self._learned.get(fields.dl_dst)
        if known is None:
            self._output(self._flood_ports(port_no), data)
        elif known != port_no:
            self._output((known,), data)

    def _act(self, actions: Iterable[Action], in_port: int | None, data: bytes) -> str | None:
        """Apply actions; return the error of a packet-out that asks for what is not there."""
        for action in actions:
            if isinstance(action, Output):
                if action.port_no != in_port:
                    self._output((action.port_no,), data)
            elif isinstance(action, OutputInPort):
                self._output(() if in_port is None else (in_port,), data)
            elif isinstance(action, ToController):
                self.ask(PacketIn(self.dpid, in_port or 0, data))
            elif self.openflow != OPENFLOW_10 and self.group is None:
                return "bad action: no such group"
            else:
                self._output(self._flood_ports(in_port), data)
        return None

    def _flood_ports(self, in_port: int | None) -> tuple[int, ...]:
        if self.openflow == OPENFLOW_10 or self.group is None:
            ports = {number for number, port in self.ports.items() if not port.no_flood}
        else:
            ports = set(self.group)
        return tuple(sorted(ports - {in_port}))

    def _output(self, ports: Iterable[int], data: bytes) -> None:
        for number in ports:
            port = self.ports.get(number)
            if port is not None and port.up:
                self.emit(number, data)

    # ---- messages

    def apply(self, message: Message) -> str | None:
        """Carry out a message of the controller; return the text of the error, if it is one."""
        if isinstance(message, FlowMod | FlowDeleteByCookie):
            return self._flow_mod(message)
        if isinstance(message, PacketOut):
            return self._act(message.actions, message.in_port, message.data)
        if isinstance(message, FloodPorts):
            if self.openflow == OPENFLOW_10:
                return "bad request: no groups"
            self.group = message.ports
            return None
        if isinstance(message, SetNoFlood):
            return self._port_mod(message)
        if isinstance(message, DropBuffered):
            return None
        return "bad request: unknown type"

    def _flow_mod(self, message: FlowMod | FlowDeleteByCookie) -> str | None:
        if isinstance(message, FlowMod):
            if self.openflow == OPENFLOW_10 and message.match.dl_dst_multicast:
                return "bad match: no masks"
            floods = any(isinstance(action, Flood) for action in message.actions)
            if floods and self.openflow != OPENFLOW_10 and self.group is None:
                return "bad action: no such group"
        elif self.openflow == OPENFLOW_10:
            return "bad request: no cookie masks"
        self.table.apply(message, self._clock.now)
        return None

    def _port_mod(self, message: SetNoFlood) -> str | None:
        port = self.ports.get(message.port_no)
        if self.openflow != OPENFLOW_10:
            return "bad request: no NO_FLOOD"
        if port is None:
            return "port mod failed: bad port"
        if port.hw_addr != message.hw_addr:
            return "port mod failed: bad hardware address"
        self.ports[message.port_no] = replace(port, no_flood=message.no_flood)
        return None
