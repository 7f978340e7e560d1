"""The control connection of one switch: delays, reordering up to barriers, loss."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from horizon_ryu.core.topology import Port
from horizon_ryu.wire.messages import FlowEntry, Message, PacketIn
from simulator.clock import Clock
from virtual_switch.direct import DirectSwitch


class Peer(Protocol):
    """What a controller must take."""

    def connected(self, channel: Channel) -> None: ...
    def disconnected(self, channel: Channel) -> None: ...
    def port_status(self, channel: Channel, port_no: int, port: Port) -> None: ...
    def packet_in(self, channel: Channel, packet: PacketIn) -> None: ...
    def barrier(self, channel: Channel, xid: int) -> None: ...
    def error(self, channel: Channel, xid: int, text: str) -> None: ...


class Channel:
    """One switch's way to its controller.

    Messages arrive in order, but a switch may carry them out in any order between two barriers
    (OpenFlow 1.3.5, section 6.2), and here it does. What is under way when the connection ends
    is lost. ``delay`` is the longest one-way delay in seconds; ``lag`` the longest time that
    carrying out one message takes; ``stalled`` means nothing gets through in either direction.
    """

    def __init__(
        self,
        clock: Clock,
        switch: DirectSwitch,
        chance: random.Random,
        delay: float = 0.005,
        lag: float = 0.003,
    ) -> None:
        self.switch = switch
        self.delay = delay
        self.stalled = False
        self.wanted = False
        self._clock = clock
        self._chance = chance
        self._lag = lag
        self._peer: Peer | None = None
        self._epoch = 0
        self._unnoticed = False
        self._arrivals = [0.0, 0.0]
        self._free = 0.0
        self._latest = 0.0

    @property
    def dpid(self) -> int:
        """The datapath id of the switch."""
        return self.switch.dpid

    def open(self, peer: Peer) -> None:
        """Connect to ``peer``, unless connected."""
        if self.switch.connected:
            return
        self._notice()
        self.wanted = True
        self._peer = peer
        self._epoch += 1
        self.stalled = False
        self.switch.connected = True
        self.switch.ask = self._packet_in
        self._free = self._latest = self._clock.now
        self._arrivals = [self._clock.now, self._clock.now]
        self._to_controller(lambda: peer.connected(self))

    def lose(self, noticed_after: float = 0.0) -> None:
        """Lose the connection; the controller notices ``noticed_after`` seconds later."""
        self.wanted = False
        self._end(noticed_after)

    def refuse(self, again_after: float = 0.5) -> None:
        """End the connection by the controller's wish; the switch comes back after a while."""
        peer = self._peer
        self._end(0.0)
        epoch = self._epoch

        def again() -> None:
            if self.wanted and self._epoch == epoch and peer is not None:
                self.open(peer)

        self._clock.after(again_after, again)

    def _end(self, noticed_after: float) -> None:
        peer = self._peer
        if not self.switch.connected or peer is None:
            return
        self._epoch += 1
        epoch = self._epoch
        self.switch.connected = False
        self._unnoticed = True

        def notice() -> None:
            if self._epoch == epoch:
                self._notice()

        self._clock.after(noticed_after, notice)

    def _notice(self) -> None:
        """Tell the controller of the end, at the latest when the switch is there again."""
        if self._unnoticed:
            self._unnoticed = False
            self._require_peer().disconnected(self)

    # ---- towards the switch

    def send(self, messages: Iterable[tuple[int, Message]], barrier: int | None = None) -> None:
        """Send numbered messages and, if asked, a barrier request."""
        if not self.switch.connected or self.stalled:
            return
        arrival = self._arrival(0)
        for xid, message in messages:
            start = max(arrival, self._free)
            done = start + self._chance.uniform(0, self._lag)
            self._latest = max(self._latest, done)
            self._at(done, partial(self._carry_out, xid, message))
        if barrier is not None:
            self._free = self._latest = max(arrival, self._latest) + 1e-6
            self._at(
                self._free,
                lambda: self._to_controller(lambda: self._require_peer().barrier(self, barrier)),
            )

    def read(self, answer: Callable[[tuple[FlowEntry, ...], frozenset[int] | None], None]) -> None:
        """Ask for the flow entries and the flood group; ``answer`` gets them at the controller."""
        self._read(lambda: self.switch.group, answer)

    def audit(self, answer: Callable[[tuple[FlowEntry, ...], frozenset[int] | None], None]) -> None:
        """Ask for the flow entries and the ports by which the switch floods."""
        self._read(lambda: self.switch.flooding, answer)

    def _read(
        self,
        group: Callable[[], frozenset[int] | None],
        answer: Callable[[tuple[FlowEntry, ...], frozenset[int] | None], None],
    ) -> None:
        if not self.switch.connected or self.stalled:
            return

        def reply() -> None:
            entries, ports = self.switch.entries(), group()
            self._to_controller(lambda: answer(entries, ports))

        self._at(max(self._arrival(0), self._latest), reply)

    def _carry_out(self, xid: int, message: Message) -> None:
        error = self.switch.apply(message)
        if error is not None:
            self._to_controller(lambda: self._require_peer().error(self, xid, error))

    # ---- towards the controller

    def port_changed(self, port: Port) -> None:
        """Tell the controller about a port, as a port status message does."""
        if self.switch.connected:
            peer = self._require_peer()
            self._to_controller(lambda: peer.port_status(self, port.port_no, port))

    def _packet_in(self, packet: PacketIn) -> None:
        if self.switch.connected:
            self._to_controller(lambda: self._require_peer().packet_in(self, packet))

    def _to_controller(self, action: Callable[[], None]) -> None:
        if not self.stalled:
            self._at(self._arrival(1), action)

    def _arrival(self, direction: int) -> float:
        """Return when what is sent now arrives: after a while, and not before what went ahead."""
        time = self._clock.now + self._chance.uniform(self.delay / 5, self.delay)
        self._arrivals[direction] = max(time, self._arrivals[direction] + 1e-9)
        return self._arrivals[direction]

    def _at(self, time: float, action: Callable[[], None]) -> None:
        epoch = self._epoch

        def guarded() -> None:
            if self._epoch == epoch:
                action()

        self._clock.after(max(0.0, time - self._clock.now), guarded)

    def _require_peer(self) -> Peer:
        if self._peer is None:
            raise RuntimeError("not connected")
        return self._peer
