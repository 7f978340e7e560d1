"""Direct carrier: a switch that is given values of the core; between are the bytes of OpenFlow.

For unit tests and for the simulator, whose channels add delays and losses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from horizon_ryu.core.topology import Port, Switch
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.flow_stats import read_flood_group
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    FloodPorts,
    FlowCommand,
    FlowEntry,
    FlowMod,
    FlowModFlags,
    FlowRemoved,
    Match,
    Message,
    PacketIn,
)
from horizon_ryu.wire.of13.controller import GroupMod
from horizon_ryu.wire.ofp10 import OFPPC
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT, OFPT
from virtual_switch.effects import Effects
from virtual_switch.switch import VirtualSwitch
from virtual_switch.switch_ports import SwitchPort

_XID = 1
_ERROR, _PACKET_IN = int(OFPT.ERROR), int(OFPT.PACKET_IN)
_FLOW_REMOVED = int(OFPT.FLOW_REMOVED)
_WHOLE_FRAMES = 0xFFFF
_FLAGS = FlowModFlags.SEND_FLOW_REM | FlowModFlags.CHECK_OVERLAP


class DirectSwitch:
    """One switch at hand. ``clock`` tells the time.

    ``emit(port_no, frame)`` puts a frame on the cable; ``ask(packet_in)`` and
    ``report(flow_removed)`` tell the controller, if ``connected``. All may be set.
    """

    def __init__(
        self,
        dpid: int,
        openflow: int = 4,
        ports: Iterable[int] = (),
        *,
        hybrid: bool = False,
        tables: int = 1,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        buffers = 256 if hybrid else 0
        self.switch = VirtualSwitch(
            dpid, openflow, ports, buffers=buffers, hybrid=hybrid, tables=tables
        )
        self.dpid = dpid
        self.openflow = openflow
        self.hybrid = hybrid
        self.emit: Callable[[int, bytes], None] = lambda _port, _frame: None
        self.ask: Callable[[PacketIn], None] = lambda _packet: None
        self.report: Callable[[FlowRemoved], None] = lambda _removed: None
        self._clock = clock
        self._codec = codec_of(openflow)

    # ---- the connection

    @property
    def connected(self) -> bool:
        """Whether there is a controller."""
        return self.switch.connected

    @connected.setter
    def connected(self, there: bool) -> None:
        if there:
            self.switch.connect()
            self.switch.control.miss_send_len = _WHOLE_FRAMES
        else:
            self.switch.disconnect()

    def apply(self, message: Message) -> str | None:
        """Carry out a message of the controller; return the text of the error, if it is one.

        What the version cannot say is an error too.
        """
        try:
            data = self._encode(message)
        except ValueError as error:
            return str(error)
        return self._spread(self.switch.handle(data, self._clock()))

    def _encode(self, message: Message) -> bytes:
        if isinstance(message, FloodPorts):
            there = self.switch.datapath.groups.get(FLOOD_GROUP) is not None
            return self._codec.encode_group(_XID, there, message.ports)
        return self._codec.encode(message, _XID)

    def _spread(self, effects: Effects) -> str | None:
        """Bring frames and messages to where they belong; return the text of an error."""
        errors = []
        for data in effects.messages:
            if data[1] == _PACKET_IN:
                self._hand_over(data)
            elif data[1] == _ERROR:
                errors.append(self._codec.error_name(data))
            elif data[1] == _FLOW_REMOVED:
                removed = self._codec.read_flow_removed(data)
                if removed is not None:
                    self.report(removed)
        for port_no, frame in effects.frames:
            self.emit(port_no, frame)
        return errors[0] if errors else None

    def _hand_over(self, data: bytes) -> None:
        found = self._codec.decode_packet_in(data)
        if found is not None:
            in_port, buffer_id, frame = found
            self.ask(PacketIn(self.dpid, in_port, frame, buffer_id))

    # ---- frames, ports and time

    def receive(self, port_no: int, frame: bytes) -> None:
        """Take a frame that came in by a port."""
        self._spread(self.switch.frame_in(port_no, frame, self._clock()))

    def tick(self) -> None:
        """Do what is due by now."""
        self._spread(self.switch.tick(self._clock()))

    def add_port(self, port_no: int, up: bool = True, speed_kbps: int = 1_000_000) -> None:
        """Give the switch one more port."""
        self.switch.add_port(port_no, up, speed_kbps)

    def set_up(self, port_no: int, up: bool) -> Port:
        """Change the carrier of a port; return its new description."""
        self.switch.set_carrier(port_no, up)
        return self.ports[port_no]

    @property
    def ports(self) -> dict[int, Port]:
        """The ports as the controller knows them."""
        return {port.number: _described(port) for port in self.switch.datapath.ports}

    def describe(self) -> Switch:
        """Return what the switch tells in its handshake."""
        return Switch(self.dpid, f"switch-{self.dpid}", self.openflow, self.ports)

    def restart(self) -> None:
        """Lose all state, as after a power cut; the connection is another's matter."""
        self.switch.datapath.restart()

    # ---- what it holds

    def entries(self) -> tuple[FlowEntry, ...]:
        """Return the table as flow statistics show it."""
        request = self._codec.encode_flow_stats_request(_XID)
        pieces = self.switch.handle(request, self._clock()).messages
        return tuple(entry for piece in pieces for entry in self._codec.read_entries(piece))

    def installed(self) -> dict[tuple[Match, int], FlowMod]:
        """Return what would make its entries, by match and priority."""
        return {(mod.match, mod.priority): mod for mod in self.mods()}

    def mods(self) -> Iterator[FlowMod]:
        """Yield what would make its entries, those of all tables."""
        held = (entry for table in self.switch.datapath.tables for entry in table)
        for told, entry in zip(self.entries(), held, strict=True):
            yield FlowMod(
                FlowCommand.ADD,
                told.match,
                told.priority,
                told.cookie,
                told.actions,
                told.idle_timeout,
                told.hard_timeout,
                FlowModFlags(entry.flags & _FLAGS),
                told.meter,
                told.table_id,
            )

    @property
    def group(self) -> frozenset[int] | None:
        """The ports of the flood group, if it is there."""
        if not self._codec.capabilities.flood_group:
            return None
        request = self._codec.encode_group_desc_request(_XID)
        pieces = self.switch.handle(request, self._clock()).messages
        found = (read_flood_group(piece) for piece in pieces)
        return next((ports for ports in found if ports is not None), None)

    @property
    def flooding(self) -> frozenset[int] | None:
        """The ports by which it floods: of the flood group, if it is there; else by NO_FLOOD."""
        if self._codec.capabilities.flood_group:
            return self.group
        return frozenset(number for number, port in self.ports.items() if not port.no_flood)

    # ---- what others do to it

    def flood_by(self, ports: frozenset[int]) -> None:
        """Change the ports of the flood group; on 1.0 the NO_FLOOD bits."""
        if self._codec.capabilities.flood_group:
            self.apply(FloodPorts(ports))
            return
        for port in self.switch.datapath.ports:
            others = port.config & ~OFPPC.NO_FLOOD
            port.config = others if port.number in ports else others | OFPPC.NO_FLOOD

    def delete_flows(self) -> None:
        """Lose every entry."""
        for table in self.switch.datapath.tables:
            table.clear()

    def delete_groups(self) -> None:
        """Lose every group, and the entries that point to it (1.3.5 section 6.7)."""
        mod = GroupMod(int(OFPGC.DELETE), int(OFPGT.ALL), int(OFPG.ALL))
        self.switch.datapath.change_groups(mod, self._clock())


def _described(port: SwitchPort) -> Port:
    name = port.name.decode()
    return Port(port.number, name, port.hw_addr, port.up, port.speed_kbps, not port.floods)
