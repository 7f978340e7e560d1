"""A controller with the real Discovery: what the Ryu applications do together, without Ryu."""

from __future__ import annotations

from dataclasses import replace

from horizon_ryu.core.discovery.control import DiscoveryControl
from horizon_ryu.core.discovery.limits import DiscoveryLimits
from horizon_ryu.core.discovery.lldp import is_lldp
from horizon_ryu.core.discovery.return_checks import JoinedEarlier
from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.frames import decode
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.lost_switches import TreeMemory
from horizon_ryu.core.timers import DiscoveryTimers
from horizon_ryu.core.topology import Port, Switch, TopologyView
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Outgoing, PacketIn, ToController
from horizon_ryu.wire.protocols import ETHERTYPE
from simulator.channel import Channel
from simulator.controller import TreeDriver
from simulator.network import Network
from simulator.transactions import Transactions

TIMERS = DiscoveryTimers(lldp_interval=0.2, link_check_interval=0.3, link_max_idle=1.5)


class FalseLinkError(Exception):
    """Discovery reported a link that no cable makes."""


class FullController:
    """Discovery and Spanning Tree; every link published is compared with the cables there are."""

    def __init__(
        self,
        network: Network,
        generation: int = 1,
        hold_time: float = 2.0,
        memory: TreeMemory | None = None,
        limits: DiscoveryLimits | None = None,
    ) -> None:
        self.network = network
        self.running = True
        self.transactions = Transactions(network.clock)
        self.discovery = DiscoveryControl(b"key %d" % generation, TIMERS, limits)
        tree = TreeControl(generation, hold_time, self.discovery.is_looked_for)
        self.driver = TreeDriver(network, self.transactions, tree)
        if memory is not None:
            self.tree.recall(memory, network.clock.now + 3 * hold_time)
            joined = JoinedEarlier((*memory.cables, *memory.segments), memory.given_up)
            self.discovery.recall(joined, network.clock.now + 3 * hold_time)
        self.view = TopologyView()
        self._told = self.tree.forest()
        self._cookie = cookie(Owner.DISCOVERY, generation)
        self._joining: dict[int, Switch] = {}
        self._possible = network.possible_links()
        self._alarm: float | None = None
        self._tick()

    @property
    def tree(self) -> TreeControl:
        """The spanning tree."""
        return self.driver.tree

    @property
    def now(self) -> float:
        """The time."""
        return self.network.clock.now

    def stop(self) -> None:
        """Die, as a controller that is killed does; connections are lost by the caller."""
        self.running = self.driver.running = False

    # ---- discovery's loop

    def _tick(self) -> None:
        if self.running:
            self._tell_forest()
            self.transactions.send(self.discovery.tick(self.now))
            self._publish()
            self._set_alarm()

    def _tell_forest(self) -> None:
        forest = self.tree.forest()
        if forest != self._told:
            self._told = forest
            self.discovery.tree_changed(forest)

    def _set_alarm(self) -> None:
        due = self.discovery.next_due(self.now)
        if self._alarm is not None and self._alarm <= due:
            return
        self._alarm = due

        def ring() -> None:
            if self._alarm == due:
                self._alarm = None
                self._tick()

        self.network.clock.after(max(0.0, due - self.now) + 1e-6, ring)

    def _publish(self) -> None:
        if not self.discovery.changed:
            return
        changes = self.discovery.take_changes()
        self.view = self.discovery.view()
        wrong = [link for link in self.view.links.values() if link not in self._possible]
        if wrong:
            raise FalseLinkError(f"{wrong[0]} at {self.now:.4f}")
        self.driver.topology_changed(self.view, changes)

    # ---- the control channels

    def connected(self, channel: Channel) -> None:
        """A switch has finished its handshake: force LLDP to us before anything else."""
        if not self.running:
            return
        dpid = channel.dpid
        self.transactions.channels[dpid] = channel
        self.discovery.switch_joining(dpid, self.now)
        switch = self._joining[dpid] = channel.switch.describe()
        entry = FlowMod(
            FlowCommand.ADD,
            Match(dl_type=ETHERTYPE.LLDP),
            Priority.LLDP,
            self._cookie,
            (ToController(),),
        )

        def done(errors: tuple[SwitchError, ...]) -> None:
            if errors or not self.running or dpid not in self._joining:
                return
            self.discovery.switch_ready(self._joining.pop(switch.dpid), self.now)
            self._after()

        self.transactions.confirm((Outgoing(dpid, entry),), done)

    def disconnected(self, channel: Channel) -> None:
        """A connection is lost."""
        if self.running:
            self._joining.pop(channel.dpid, None)
            self.transactions.gone(channel.dpid)
            self.driver.left(channel.dpid)
            self.discovery.switch_left(channel.dpid, self.now)
            self._after()

    def port_status(self, channel: Channel, port_no: int, port: Port) -> None:
        """A port has changed."""
        if not self.running:
            return
        joining = self._joining.get(channel.dpid)
        if joining is not None:
            self._joining[channel.dpid] = replace(joining, ports={**joining.ports, port_no: port})
        self.discovery.port_changed(channel.dpid, port_no, port, self.now)
        self._after()

    def packet_in(self, channel: Channel, packet: PacketIn) -> None:
        """A frame for the controller, in the order of the fast lane."""
        if not self.running:
            return
        if is_lldp(packet.data):
            self.transactions.send(self.discovery.frame_in(packet, self.now).messages)
            self._after()
            return
        frame = decode(packet.data)
        if frame is not None:
            own = self.discovery.own_frame(packet, frame, self.now)
            if own is not None:
                self.transactions.send(own.messages)
                self._after()
                return
            self.transactions.send(self.discovery.host_frame(packet, frame, self.now))
            self._after()
        self.driver.handle(packet)

    def barrier(self, channel: Channel, xid: int) -> None:
        """A barrier reply."""
        self.transactions.answered(channel.dpid, xid)

    def error(self, channel: Channel, xid: int, text: str) -> None:
        """An error message."""
        self.transactions.failed(channel.dpid, xid, text)

    def _after(self) -> None:
        self._publish()
        self._set_alarm()
