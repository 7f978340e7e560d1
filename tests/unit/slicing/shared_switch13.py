"""A switch of OpenFlow 1.3 that two tenants share, and for each of them one of its own.

What a tenant's own switch does with a frame, whether it comes in, is sent, or was held for the
tenant, is what the shared switch must do; also after its connection was broken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
from horizon_ryu.wire.frame_header import header13
from horizon_ryu.wire.of13.asynchronous import PacketIn13
from horizon_ryu.wire.of13.controller import FlowMod13, PacketOut13
from horizon_ryu.wire.of13.multipart import FlowStatsRequest13, MultipartReply, MultipartRequest
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPG, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.symmetric import Error
from unit.slicing.killed13 import NAMES, KilledEngine
from unit.slicing.sliced13 import (
    MESSAGES13,
    TABLES,
    flow_mod13,
    match13,
    output13,
    packet_out13,
    ternary13,
    wire_match,
)
from virtual_switch.switch import VirtualSwitch

_ANY_PORT, _ANY_GROUP = int(OFPP.ANY), int(OFPG.ANY)
_EVERY_ENTRY = MultipartRequest(
    int(OFPMP.FLOW),
    0,
    FlowStatsRequest13(int(OFPTT.ALL), _ANY_PORT, _ANY_GROUP, 0, 0, match13()),
)


class Held(NamedTuple):
    """A frame that the switch holds for a tenant."""

    buffer_id: int
    port: int
    frame: bytes


class SharedSwitch13(KilledEngine):
    """The shared switch, its slicer, and what each tenant believes to have."""

    BUFFERS: ClassVar[int] = 256

    def __init__(self, folder: Path, rules: list[FlowspaceRule]) -> None:
        self.held: dict[str, list[Held]] = {name: [] for name in NAMES}
        self.alone = {name: VirtualSwitch(1, tables=TABLES - 1) for name in NAMES}
        for one in self.alone.values():
            one.connect()
        super().__init__(folder, rules)
        self.turn()
        self._follow_ports()

    def _follow_ports(self) -> None:
        """Have each tenant's own switch have the ports of its slice, in their order."""
        for name, one in self.alone.items():
            there = [port.number for port in one.datapath.ports]
            own = sorted(self.datapath.ports.of_slice(name))
            if there != own:
                for number in there:
                    one.remove_port(number)
                for number in own:
                    one.add_port(number)

    # ---- what happens

    def flow_mod(self, name: str, mod: FlowMod13) -> None:
        """Have a tenant change its table; its own switch is told what is taken of it."""
        self.tenants[name].news()
        self.ask(name, mod)
        self.turn()
        if not any(isinstance(one, Error) for one in self.tenants[name].news()):
            self._tell_alone(name, mod)

    def set_rules(self, rules: list[FlowspaceRule]) -> None:
        """Give the slices another flowspace; entries without a place in it are gone."""
        before = {name: list(self.datapath.sliced.table(name)) for name in NAMES}
        self.configure(rules, {})
        self.turn()
        self._follow_ports()
        for name, entries in before.items():
            kept = {entry.key for entry in self.datapath.sliced.table(name)}
            for entry in entries:
                if entry.key not in kept:
                    self._tell_alone(name, flow_mod13(
                        wire_match(entry.match), command=4, priority=entry.priority,
                        table_id=entry.table_id,
                    ))  # fmt: skip

    def _tell_alone(self, name: str, mod: FlowMod13) -> None:
        effects = self.alone[name].handle(MESSAGES13.encode(1, mod), self.now)
        assert not effects.messages, "the shared switch has taken it"

    def reconnect(self) -> None:
        """Break the connection of the switch: it connects again, and nothing is another."""
        self.turn()
        self.tables.flush()
        self.tables.close()
        for held in self.held.values():
            held.clear()
        self.begin()
        self.take_over()

    # ---- frames

    def owner(self, port: int, frame: bytes) -> str | None:
        rule = self.datapath.flowspace.owner(header13(frame, port))
        return None if rule is None else rule.slice_name

    def frame_in(self, port: int, frame: bytes) -> None:
        """Let a frame come in, and compare what becomes of it."""
        for tenant in self.tenants.values():
            tenant.news()
        came = self.switch.frame_in(port, frame, self.now)
        for message in came.messages:
            self.datapath.from_switch(message, self.now)
        self.turn()
        owner = self.owner(port, frame)
        told = {name: self._heard(name) for name in NAMES}
        if owner is None:
            assert (came.frames, told) == ([], {name: [] for name in NAMES})
            return
        alone = self.alone[owner].frame_in(port, frame, self.now)
        assert came.frames == alone.frames
        wanted = [_said(MESSAGES13.decode(one).message) for one in alone.messages]
        assert told == {name: wanted if name == owner else [] for name in NAMES}

    def _heard(self, name: str) -> list[Any]:
        """Return what a tenant's packet-ins say; note the frames that are held for it."""
        came = [one for one in self.tenants[name].news() if isinstance(one, PacketIn13)]
        for one in came:
            if one.buffer_id != OFP_NO_BUFFER:
                port = int(match_port(one))
                self.held[name].append(Held(one.buffer_id, port, one.data))
        return [_said(one) for one in came]

    def packet_out(self, name: str, out: PacketOut13, held: Held | None = None) -> bool:
        """Have a tenant send a frame, and compare what becomes of it; False if it was refused."""
        for tenant in self.tenants.values():
            tenant.news()
        self.ask(name, out)
        frames, heard = self._sent()
        refused = [one for one in heard[name] if isinstance(one, Error)]
        if refused:
            assert not frames, "what is refused is not sent"
            return False
        if held is not None:
            out = packet_out13(held.frame, *out.actions, in_port=held.port)
        alone = self.alone[name].handle(MESSAGES13.encode(1, out), self.now)
        assert sorted(frames) == sorted(alone.frames), f"{out} of {name}"
        others = [one for other in NAMES if other != name for one in heard[other]]
        assert not others, "nobody else hears of it"
        return True

    def _sent(self) -> tuple[list[tuple[int, bytes]], dict[str, list[Any]]]:
        """Return the frames that leave by what was said, and what tenants hear."""
        frames: list[tuple[int, bytes]] = []
        while self.said:
            effects = self.switch.handle(self.said.popleft(), self.now)
            frames += effects.frames
            for answer in effects.messages:
                self.datapath.from_switch(answer, self.now)
        return frames, {name: self.tenants[name].news() for name in NAMES}

    def send_held(self, name: str, at: int, actions: tuple[Any, ...]) -> bool | None:
        """Have a tenant send a frame that is held for it, after another has tried; None if none."""
        if not self.held[name]:
            return None
        held = self.held[name].pop(at % len(self.held[name]))
        for other in NAMES:
            if other != name:
                self.tenants[other].news()
                theft = packet_out13(b"", output13(held.port), buffer_id=held.buffer_id)
                self.ask(other, theft)
                assert not self.said, "a frame that was told to another is not sent"
                (error,) = self.tenants[other].news()
                assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)
        out = packet_out13(b"", *actions, buffer_id=held.buffer_id, in_port=held.port)
        return self.packet_out(name, out, held)

    # ---- what is read back

    def check_entries(self) -> None:
        """Compare what each tenant reads with what its own switch tells."""
        for name in NAMES:
            self.tenants[name].news()
            self.now += 1.0  # what was read before is not told again
            self.ask(name, _EVERY_ENTRY)
            self.turn()
            alone = self.alone[name].handle(MESSAGES13.encode(1, _EVERY_ENTRY), self.now)
            wanted = _entries([MESSAGES13.decode(one).message for one in alone.messages])
            assert _entries(self.tenants[name].news()) == wanted, f"{name} reads what it wrote"


def match_port(message: PacketIn13) -> int:
    """Return the port that a frame came in at."""
    from horizon_ryu.wire.ternary import HEADER_13

    return HEADER_13["in_port"].of(ternary13(message.match).value)


def _said(message: PacketIn13) -> tuple[Any, ...]:
    return message.reason, message.table_id, message.cookie, message.match, message.data


def _entries(messages: list[Any]) -> list[tuple[Any, ...]]:
    bodies = [one.body for one in messages if isinstance(one, MultipartReply)]
    return sorted(
        (one.table_id, one.priority, ternary13(one.match), one.cookie, repr(one.instructions))
        for body in bodies
        for one in body
    )
