"""A controller made of the core's classes: what the Ryu applications do, without Ryu."""

from __future__ import annotations

from typing import Protocol

from horizon_ryu.core.audit_schedule import INTERVAL
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.frames import decode
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.flood_plan import FloodPlan
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.core.topology import Port, TopologyChange, TopologyView
from horizon_ryu.wire.messages import FlowEntry, Outgoing, PacketIn, PacketOut
from simulator.channel import Channel, Peer
from simulator.network import Network
from simulator.oracle import Oracle
from simulator.transactions import Transactions


class Controller(Peer, Protocol):
    """What misfortune needs of a controller."""

    @property
    def tree(self) -> TreeControl: ...
    def stop(self) -> None: ...


class TreeDriver:
    """Mirrors ``horizon_ryu.spanning_tree``: feeds TreeControl and applies its plans."""

    def __init__(self, network: Network, transactions: Transactions, tree: TreeControl) -> None:
        self.tree = tree
        self.running = True
        self._network = network
        self._transactions = transactions
        self._reading: set[int] = set()
        self._alarm: float | None = None

    def topology_changed(self, view: TopologyView, changes: tuple[TopologyChange, ...]) -> None:
        """Take a new view."""
        self.tree.topology_changed(view, changes, self._network.clock.now)
        self.pump()

    def left(self, dpid: int) -> None:
        """Forget that a switch is being read."""
        self._reading.discard(dpid)

    def handle(self, packet: PacketIn) -> None:
        """Drop what came in outside the tree of its VLAN, flood the rest along it."""
        frame = decode(packet.data)
        vlan = None if frame is None else frame.vlan
        if self.tree.is_closed_in(vlan, packet.dpid, packet.in_port):
            return
        if self.tree.gate(packet.dpid, packet.in_port):
            actions = self.tree.flood(vlan, packet.dpid, packet.in_port)
            out = PacketOut(actions, packet.data, packet.in_port)
            self._transactions.send((Outgoing(packet.dpid, out),))

    def pump(self) -> None:
        """Read what must be read, send what is planned, and wake up again in time."""
        if not self.running:
            return
        for dpid in sorted(self.tree.unread() - self._reading):
            self._read(dpid)
        while plan := self.tree.plan(self._network.clock.now):
            self._send(plan)
        self._set_alarm()

    def _read(self, dpid: int) -> None:
        channel = self._transactions.channels.get(dpid)
        if channel is None:
            return
        self._reading.add(dpid)

        def read(entries: tuple[FlowEntry, ...], group: frozenset[int] | None) -> None:
            self._reading.discard(dpid)
            if self.running:
                self.tree.switch_state_read(dpid, entries, group, self._network.clock.now)
                self.pump()

        channel.read(read)

    def audit(self, dpid: int) -> None:
        """Mirrors ``horizon_ryu.audit.flood``: compare a switch with what it was told."""
        channel = self._transactions.channels.get(dpid)
        asked = self.tree.snapshot(dpid)
        if channel is None or asked is None:
            return

        def answer(entries: tuple[FlowEntry, ...], flooding: frozenset[int] | None) -> None:
            ours = [entry for entry in entries if entry.cookie == self.tree.cookie]
            if self.running and self.tree.compare(asked, ours, flooding):
                self.pump()

        channel.audit(answer)

    def _send(self, plan: FloodPlan) -> None:
        def done(errors: tuple[SwitchError, ...]) -> None:
            if not self.running:
                return
            self.tree.confirmed(plan, errors, self._network.clock.now)
            for error in errors:
                channel = self._transactions.channels.get(error.dpid)
                if channel is not None:
                    channel.refuse()
            self.pump()

        self._transactions.confirm(plan.messages, done)

    def _set_alarm(self) -> None:
        due = self.tree.next_due()
        if due is None or (self._alarm is not None and self._alarm <= due):
            return
        self._alarm = due

        def ring() -> None:
            self._alarm = None
            self.pump()

        self._network.clock.after(max(0.0, due - self._network.clock.now) + 1e-6, ring)


class OracleController:
    """Spanning Tree with an all-seeing discovery: the judge of Spanning Tree alone."""

    def __init__(
        self,
        network: Network,
        generation: int = 1,
        hold_time: float = 2.0,
        memory: TreeMemory | None = None,
    ) -> None:
        self.network = network
        self.running = True
        self.transactions = Transactions(network.clock)
        self.driver = TreeDriver(network, self.transactions, TreeControl(generation, hold_time))
        if memory is not None:
            self.tree.recall(memory, network.clock.now + 3 * hold_time)
        self.view = TopologyView()
        self.discovery = Oracle(network, self._publish)
        self._round()
        self._audit()

    @property
    def tree(self) -> TreeControl:
        """The spanning tree."""
        return self.driver.tree

    def stop(self) -> None:
        """Die, as a controller that is killed does; connections are lost by the caller."""
        self.running = self.driver.running = False

    def _round(self) -> None:
        if self.running:
            self.discovery.round(self.network.clock.now)
            jitter = self.network.chance.uniform(0.8, 1.2)
            self.network.clock.after(self.discovery.interval * jitter, self._round)

    def _audit(self) -> None:
        if self.running:
            for dpid in sorted(self.network.switches):
                self.driver.audit(dpid)
            self.network.clock.after(INTERVAL, self._audit)

    def _publish(self, view: TopologyView, changes: tuple[TopologyChange, ...]) -> None:
        self.view = view
        self.driver.topology_changed(view, changes)

    # ---- the control channels

    def connected(self, channel: Channel) -> None:
        """A switch has finished its handshake."""
        if self.running:
            self.transactions.channels[channel.dpid] = channel
            self.discovery.switch_ready(channel.switch.describe(), self.network.clock.now)

    def disconnected(self, channel: Channel) -> None:
        """A connection is lost."""
        if self.running:
            self.transactions.gone(channel.dpid)
            self.driver.left(channel.dpid)
            self.discovery.switch_left(channel.dpid, self.network.clock.now)

    def port_status(self, channel: Channel, port_no: int, port: Port) -> None:
        """A port has changed."""
        if self.running:
            self.discovery.port_changed(channel.dpid, port, self.network.clock.now)

    def packet_in(self, channel: Channel, packet: PacketIn) -> None:
        """A frame for the controller."""
        if self.running and not is_lldp(packet.data):
            self.driver.handle(packet)

    def barrier(self, channel: Channel, xid: int) -> None:
        """A barrier reply."""
        self.transactions.answered(channel.dpid, xid)

    def error(self, channel: Channel, xid: int, text: str) -> None:
        """An error message."""
        self.transactions.failed(channel.dpid, xid, text)
