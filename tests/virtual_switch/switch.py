"""A switch as a value of bytes: messages, frames and ``now`` in, messages and frames out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from horizon_ryu.wire.guard.framing import Framer, max_sizes
from horizon_ryu.wire.guard.violation import Violation
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.ofp13 import OFPPR, OFPT
from horizon_ryu.wire.symmetric import BarrierRequest, Hello
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from virtual_switch.control import ControlState
from virtual_switch.datapath import Datapath, RemovedEntry
from virtual_switch.dialect import Dialect, SwitchTexts
from virtual_switch.dialect10 import Dialect10
from virtual_switch.dialect13 import Dialect13
from virtual_switch.effects import Effects
from virtual_switch.faults import Faults
from virtual_switch.handlers import handler_of
from virtual_switch.hot_messages import PacketInTemplates, PacketOutHeads
from virtual_switch.pipeline import WHOLE, ForController, Passage
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.switch_ports import SwitchPort

DIALECTS: dict[int, Dialect] = {OPENFLOW_10: Dialect10(), OPENFLOW_13: Dialect13()}
_ANY_SIZE = max_sizes(dict.fromkeys(range(256), 0xFFFF))
_NO_REQUEST = 0
"""The transaction id of what nobody asked for."""


class VirtualSwitch:
    """One switch of ``version``. ``now`` is in seconds, from any clock, and never goes back.

    ``faults`` may be changed at any time; ``ports`` of the datapath only by the methods here.
    """

    def __init__(
        self,
        dpid: int,
        version: int = OPENFLOW_13,
        ports: Iterable[int] = (),
        *,
        tables: int = 1,
        buffers: int = 0,
        hybrid: bool = False,
        texts: SwitchTexts = SwitchTexts(),  # noqa: B008 - frozen
    ) -> None:
        self.dpid = dpid
        self.version = version
        self.dialect = DIALECTS[version]
        self.packet_ins = PacketInTemplates(self.dialect)
        self.packet_outs = PacketOutHeads(self.dialect)
        self.datapath = Datapath(dpid, version, tables, buffers, hybrid)
        self.control = ControlState()
        self.faults = Faults()
        self.texts = texts
        kinds = self.dialect.messages.classes()
        self._barrier = next(kind for kind, made in kinds.items() if made is BarrierRequest)
        self._framer = Framer(_ANY_SIZE)
        self._waiting: deque[tuple[float, bytes]] = deque()
        for number in ports:
            self.datapath.ports.add(number)

    # ---- the connection

    @property
    def connected(self) -> bool:
        """Whether there is a controller."""
        return self.datapath.connected

    def connect(self) -> Effects:
        """Begin a connection; return the Hello."""
        self.datapath.connected = True
        self.control.reset()
        self._framer = Framer(_ANY_SIZE)
        return self._done(Effects([self.encode(_NO_REQUEST, Hello())]))

    def disconnect(self) -> None:
        """End the connection; messages that still wait are lost."""
        self.datapath.connected = False
        self._waiting.clear()

    def receive(self, data: bytes, now: float) -> Effects:
        """Take bytes of the controller."""
        effects = Effects()
        try:
            for message in self._framer.feed(data):
                self._take(message, now, effects)
        except Violation:
            effects.closes = True
        return self._done(effects)

    def handle(self, message: bytes, now: float) -> Effects:
        """Take one whole message of the controller."""
        effects = Effects()
        self._take(message, now, effects)
        return self._done(effects)

    def encode(self, xid: int, message: Any) -> bytes:
        """Return the bytes of a message of this switch's version."""
        return self.dialect.messages.encode(xid, message)

    def _take(self, message: bytes, now: float, effects: Effects) -> None:
        is_barrier = message[1] == self._barrier
        if self.faults.delay and not (is_barrier and self.faults.lies):
            self._waiting.append((now + self.faults.delay, message))
        else:
            self._carry_out(message, now, effects)

    def _carry_out(self, data: bytes, now: float, effects: Effects) -> None:
        self._expire(now, effects)
        try:
            is_hot = len(data) > 1 and data[1] == OFPT.PACKET_OUT
            decode = self.packet_outs.decode if is_hot else self.dialect.messages.decode
            xid, message = decode(data)
        except WireError:
            error = self._unreadable(data).error(self.version, data)
            effects.messages.append(self.encode(int.from_bytes(data[4:8], "big"), error))
            return
        if self.faults.close(message):
            effects.closes = True
        if effects.closes or self.faults.ignore(message):
            return
        try:
            refusal = self.faults.refuse(message)
            if refusal is not None:
                raise refusal
            for reply in handler_of(message)(self, message, effects, now, data):
                effects.messages.append(self.encode(xid, reply))
        except SwitchRefusal as refusal:
            effects.messages.append(self.encode(xid, refusal.error(self.version, data)))

    def _unreadable(self, data: bytes) -> SwitchRefusal:
        if data[0] != self.version:
            return SwitchRefusal("BAD_REQUEST", "BAD_VERSION")
        known = data[1] in self.dialect.messages.classes()
        return SwitchRefusal("BAD_REQUEST", "BAD_LEN" if known else "BAD_TYPE")

    # ---- frames, ports and time

    def frame_in(self, port_no: int, frame: bytes, now: float) -> Effects:
        """Take a frame that came in by a port."""
        effects = Effects()
        self._expire(now, effects)
        passage = self.datapath.frame_in(port_no, frame, now)
        if passage is not None:
            self.note_passage(passage, effects)
        return self._done(effects)

    def note_passage(self, passage: Passage, effects: Effects) -> None:
        """Add what became of a frame."""
        effects.frames += passage.sent
        if passage.asked and self.connected:
            effects.messages += filter(None, map(self._packet_in, passage.asked))

    def _packet_in(self, asked: ForController) -> bytes | None:
        if not self.control.hears_packet_in(asked.reason):
            return None
        length = self.control.miss_send_len if asked.max_len is None else asked.max_len
        buffer_id = None
        if asked.max_len != WHOLE:
            buffer_id = self.datapath.buffers.hold(asked.in_port, asked.frame)
        if buffer_id is None:
            return self.packet_ins.of(asked)
        message = self.dialect.packet_in(asked, asked.frame[:length], buffer_id)
        return self.encode(_NO_REQUEST, message)

    def set_carrier(self, port_no: int, up: bool) -> Effects:
        """Change the carrier of a port."""
        port = self.datapath.ports[port_no]
        port.up = up
        return self._done(Effects(self.port_status(port, OFPPR.MODIFY)))

    def add_port(self, port_no: int, up: bool = True, speed_kbps: int = 1_000_000) -> Effects:
        """Give the switch one more port."""
        port = self.datapath.ports.add(port_no, up, speed_kbps)
        return self._done(Effects(self.port_status(port, OFPPR.ADD)))

    def remove_port(self, port_no: int) -> Effects:
        """Take a port away."""
        port = self.datapath.ports.remove(port_no)
        return self._done(Effects(self.port_status(port, OFPPR.DELETE)))

    def port_status(self, port: SwitchPort, reason: OFPPR) -> list[bytes]:
        """Return the message about a port, if the controller hears it."""
        if not self.connected or not self.control.hears_port_status(reason):
            return []
        return [self.encode(_NO_REQUEST, self.dialect.port_status(int(reason), port))]

    def tick(self, now: float) -> Effects:
        """Do what is due: messages that waited, timeouts of entries."""
        effects = Effects()
        while self._waiting and self._waiting[0][0] <= now:
            self._carry_out(self._waiting.popleft()[1], now, effects)
        self._expire(now, effects)
        return self._done(effects)

    def next_due(self) -> float:
        """Return when :meth:`tick` may have something to do; infinity if never."""
        waiting = self._waiting[0][0] if self._waiting else float("inf")
        return min(waiting, self.datapath.next_due())

    def restart(self) -> None:
        """Lose all state, as after a power cut; ports and their carriers stay."""
        self.disconnect()
        self.control.generation = None
        self.datapath.restart()

    def note_removed(self, removed: Iterable[RemovedEntry], effects: Effects, now: float) -> None:
        """Add what the controller hears of entries that are gone."""
        if self.connected:
            effects.messages += [
                self.encode(_NO_REQUEST, self.dialect.flow_removed(one, now))
                for one in removed
                if self.control.hears_flow_removed(one.reason)
            ]

    def _expire(self, now: float, effects: Effects) -> None:
        if self.datapath.next_due() <= now:
            self.note_removed(self.datapath.expire(now), effects, now)

    def _done(self, effects: Effects) -> Effects:
        if self.faults.silent:
            effects.messages.clear()
        elif effects.messages:
            mangled = [self.faults.mangle(message) for message in effects.messages]
            effects.messages = [message for message in mangled if message]
        return effects
