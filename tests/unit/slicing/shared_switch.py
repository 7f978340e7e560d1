"""A switch that two tenants share through a slicer, and for each tenant a switch of its own.

The switch of its own is told what the slicer accepts of the tenant, and nothing else: what it
would do with a frame is what the shared switch must do with the frames that are the tenant's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.rule import FlowspaceRule, Permission
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.core.slicing.table_record import RecordedSwitch
from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.kept_tables import KeptTables
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.wire.error_codes10 import OFPBRC, OFPET
from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PacketIn10
from horizon_ryu.wire.of10.controller import FlowMod10, PacketOut10, PortMod10
from horizon_ryu.wire.of10.statistics import FlowStatsRequest10, StatsReply, StatsRequest
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPP, OFPST
from horizon_ryu.wire.symmetric import Error
from horizon_ryu.wire.ternary import HEADER_10
from horizon_ryu.wire.versions import OPENFLOW_10
from unit.slicing.sliced10 import MESSAGES, Tenant, match, output, packet_out, ternary
from virtual_switch.effects import Effects
from virtual_switch.switch import VirtualSwitch

DPID = 1
PORTS = (1, 2, 3, 4)
WHOLE = 0xFFFF
BUFFERS = 64
"""More than one example uses."""
SWITCH = RecordedSwitch(DPID, OPENFLOW_10)
EVERY_ENTRY = FlowStatsRequest10(match(), 0xFF, int(OFPP.NONE))


class Frame(NamedTuple):
    """A frame of UDP in IPv4, or of another type, by what rules look at; ``vlan`` 0: no tag."""

    in_port: int
    src: int
    vlan: int
    kind: int
    net: int

    @property
    def data(self) -> bytes:
        head = bytes.fromhex("020000000099") + self.src.to_bytes(6, "big")
        if self.vlan:
            head += b"\x81\x00" + self.vlan.to_bytes(2, "big")
        head += self.kind.to_bytes(2, "big")
        if self.kind != 0x0800:
            return head + bytes(46)
        ip = bytes.fromhex("4500002e0000000040110000") + self.net.to_bytes(4, "big")
        return head + ip + bytes.fromhex("0a000063") + bytes.fromhex("0035003500100000") + bytes(18)

    def fields(self) -> dict[str, int]:
        """Return the values that rules are compared with."""
        tag = 0x1000 | self.vlan if self.vlan else 0
        found = {"in_port": self.in_port, "dl_src": self.src, "dl_vlan": tag, "dl_type": self.kind}
        return found | ({"nw_src": self.net} if self.kind == 0x0800 else {})

    def is_taken(self, rule: FlowspaceRule) -> bool:
        """Tell whether a rule takes it, field by field."""
        fields = self.fields()
        return all(name in fields and fields[name] in values for name, values in rule.match.items())


class Told(NamedTuple):
    """What came of a frame: where it left, and how it was told of."""

    frames: list[tuple[int, bytes]]
    packet_ins: list[tuple[int, int, bytes]]


class Buffered(NamedTuple):
    """A frame that the switch holds for a tenant."""

    buffer_id: int
    frame: Frame


class Written(NamedTuple):
    """A tenant's entry as it wrote it, and when."""

    mod: FlowMod10
    since: float


def packet_ins(messages: Iterable[Any]) -> list[tuple[int, int, bytes]]:
    return [(m.in_port, m.reason, m.data) for m in messages if isinstance(m, PacketIn10)]


class OwnSwitch:
    """The switch that a tenant believes to have; entries do not end here by themselves."""

    def __init__(self) -> None:
        self.switch = VirtualSwitch(DPID, OPENFLOW_10)
        self.switch.connect()
        self.switch.control.miss_send_len = WHOLE
        self.written: dict[tuple[Any, int], Written] = {}

    def has_ports(self, wanted: set[int], now: float) -> None:
        there = {port.number for port in self.switch.datapath.ports}
        for number in there - wanted:
            self.switch.remove_port(number)
        for number in wanted - there:
            self.switch.add_port(number)

    def tell(self, message: Any, now: float) -> list[Any]:
        effects = self.switch.handle(MESSAGES.encode(1, message), now)
        return [MESSAGES.decode(data).message for data in effects.messages]

    def take(self, mod: FlowMod10, now: float) -> None:
        before = set(self.keys())
        bare = replace(mod, idle_timeout=0, hard_timeout=0, flags=mod.flags & 2)
        assert not any(isinstance(one, Error) for one in self.tell(bare, now)), bare
        own = (ternary(mod.match), mod.priority)
        after = set(self.keys())
        if mod.command == 0 or (mod.command in (1, 2) and after - before):
            self.written[own] = Written(mod, now)
        self.written = {key: one for key, one in self.written.items() if key in after}

    def keys(self) -> list[tuple[Any, int]]:
        return [(ternary(one.wire_match), one.priority) for one in self.entries()]

    def entries(self) -> list[Any]:
        return [one for table in self.switch.datapath.tables for one in table]

    def tells_of_changed_frames(self) -> bool:
        """Tell whether an entry changes frames before it sends them to the controller."""
        return any(
            len({type(action) for action in one.wire_actions}) > 1
            and any(getattr(action, "port", 0) == OFPP.CONTROLLER for action in one.wire_actions)
            for one in self.entries()
        )

    def forget(self, key: tuple[Any, int]) -> Any:
        """Take out an entry; return it."""
        for table in self.switch.datapath.tables:
            for one in list(table):
                if (ternary(one.wire_match), one.priority) == key:
                    table.remove([one])
                    del self.written[key]
                    return one
        raise AssertionError(f"{key} was not there")

    def frame(self, frame: Frame, now: float) -> Told:
        effects = self.switch.frame_in(frame.in_port, frame.data, now)
        found = [MESSAGES.decode(data).message for data in effects.messages]
        return Told(sorted(effects.frames), packet_ins(found))


class SharedSwitch:
    """The switch, the slicer, its tenants, and what each of them believes."""

    NAMES = ("a", "b")

    def __init__(self, rules: list[FlowspaceRule]) -> None:
        self.now = 1000.0
        self.rules = rules
        self.switch = VirtualSwitch(DPID, OPENFLOW_10, PORTS, buffers=BUFFERS)
        self._kept = KeptTables()
        self.buffered: dict[str, list[Buffered]] = {name: [] for name in self.NAMES}
        self._frames: list[tuple[int, bytes]] = []
        self._sent: deque[bytes] = deque()
        self.own = {name: OwnSwitch() for name in self.NAMES}
        self._connect()
        self._follow_ports()

    def _connect(self) -> None:
        """Have the switch connect, and the tenants' controllers to it."""
        self.switch.connect()
        had = self._kept.had(SWITCH)
        first = 0 if had is None else had.first_id()
        features = self.switch.dialect.features(self.switch.datapath)
        self.datapath = SlicedDatapath10(
            features, self._to_switch, self._flowspace(), TrailerSigner("here", b"key"), 0.0, first
        )
        self.tenants: dict[str, Tenant] = {}
        for name in self.NAMES:
            limits = SliceLimits()
            self.datapath.set_slice(
                SliceSettings(name, (), limits), RateLimiter(limits, self.now), None
            )
            self.tenants[name] = Tenant(name)
            self.tenants[name].miss_send_len = WHOLE
            self.datapath.connect(self.tenants[name])
        lost = self.datapath.begin() if had is None else self.datapath.begin(had.entries)
        assert not lost, "what had its place has it still"
        self._kept.follow(SWITCH, self.datapath.tables, lost, first)
        self._exchange()
        self.switch.control.miss_send_len = WHOLE

    def _flowspace(self) -> Any:
        return Flowspace(HEADER_10, self.rules).on(DPID)

    def _to_switch(self, message: bytes) -> None:
        """Send a message of the slicer: what comes of it comes when the slicer is done."""
        self._sent.append(message)

    def _exchange(self) -> None:
        while self._sent:
            self._spread(self.switch.handle(self._sent.popleft(), self.now))

    def _spread(self, effects: Effects) -> None:
        self._frames += effects.frames
        for message in effects.messages:
            found = MESSAGES.decode(message).message
            if isinstance(found, Error):
                # Of the slicer's drops, which name buffer 0 as FlowVisor's do.
                assert (found.type, found.code) == (OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN), found
            self.datapath.from_switch(message, self.now)
        self._exchange()

    def _from_tenant(self, name: str, message: Any) -> None:
        self.datapath.from_tenant(self.tenants[name], MESSAGES.encode(7, message), self.now)
        self._exchange()

    # ---- whose is what

    def owner(self, frame: Frame) -> str | None:
        for rule in sorted(self.rules, key=lambda one: (-one.priority, one.rule_id)):
            if Permission.WRITE in rule.permissions and frame.is_taken(rule):
                return rule.slice_name
        return None

    def sees(self, name: str, frame: Frame) -> bool:
        return any(
            rule.slice_name == name
            and Permission.WRITE not in rule.permissions
            and frame.is_taken(rule)
            for rule in self.rules
        )

    def ports_of(self, name: str) -> set[int]:
        there = {port.number for port in self.switch.datapath.ports}
        mine = [rule.match.get("in_port") for rule in self.rules if rule.slice_name == name]
        return {port for port in there if any(one is None or port in one for one in mine)}

    def _follow_ports(self) -> None:
        for name, own in self.own.items():
            own.has_ports(self.ports_of(name), self.now)

    # ---- what happens

    def flow_mod(self, name: str, mod: FlowMod10) -> Error | None:
        """Have a tenant send a flow-mod; return the error that it is answered with."""
        tenant = self.tenants[name]
        tenant.news()
        self._from_tenant(name, mod)
        news = tenant.news()
        error = next((one for one in news if isinstance(one, Error)), None)
        told = sorted(
            (ternary(one.match), one.priority) for one in news if isinstance(one, FlowRemoved10)
        )
        before = dict(self.own[name].written)
        if error is None:
            self.own[name].take(mod, self.now)
        gone = before.keys() - self.own[name].written.keys()
        wanted = sorted(key for key in gone if before[key].mod.flags & 1)
        assert told == wanted, f"{name} hears of each entry that it deletes once: {told}"
        return error

    def frame(self, frame: Frame) -> None:
        """Let a frame come in, and compare what becomes of it."""
        for tenant in self.tenants.values():
            tenant.news()
        self._frames.clear()
        self._spread(self.switch.frame_in(frame.in_port, frame.data, self.now))
        owner = self.owner(frame)
        heard = {name: tenant.news() for name, tenant in self.tenants.items()}
        got = {name: packet_ins(news) for name, news in heard.items()}
        for one in heard.get(owner or "", ()):
            if isinstance(one, PacketIn10) and one.buffer_id != OFP_NO_BUFFER:
                self.buffered[owner or ""].append(Buffered(one.buffer_id, frame))
        if owner is None:
            assert not self._frames, "a frame of nobody is dropped"
        else:
            wanted = self.own[owner].frame(frame, self.now)
            assert sorted(self._frames) == wanted.frames, f"{frame} of {owner}"
            told, said = got.pop(owner), wanted.packet_ins
            if self.own[owner].tells_of_changed_frames():
                # By which entry a frame came that may have been another can nobody tell.
                told, said = ([(port, 0, data) for port, _, data in one] for one in (told, said))
            assert told == said, f"{frame} of {owner} told {told}, not {wanted}"
        for name, told in got.items():
            as_it_came = [one for one in told if one[2] == frame.data]
            assert not as_it_came or self.sees(name, frame), f"{name} sees {frame} of {owner}"

    def reconnect(self) -> None:
        """Break the connection of the switch: it connects again, and nothing is another."""
        self.switch.disconnect()
        self._sent.clear()
        closed = {name: self.datapath.presence(name).no_flood for name in self.NAMES}  # type: ignore[union-attr]
        self._kept.keep(SWITCH, self.datapath.tables)
        self._connect()
        for held in self.buffered.values():
            held.clear()
        for name, ports in closed.items():
            # What a controller has said of floods it says again to a switch that connects.
            for number in sorted(ports & self.ports_of(name)):
                self.port_mod(name, number, floods=False)

    def packet_out(self, name: str, frame: Frame, in_port: int, actions: tuple[Any, ...]) -> bool:
        """Have a tenant send a frame, and compare what becomes of it; tell whether it was taken."""
        return self._out(name, packet_out(frame.data, *actions, in_port=in_port), None)

    def packet_out_of_buffer(self, name: str, at: int, actions: tuple[Any, ...]) -> bool | None:
        """Have a tenant send a frame that the switch holds for it; None if it holds none."""
        if not self.buffered[name]:
            return None
        held = self.buffered[name].pop(at % len(self.buffered[name]))
        for other in self.NAMES:
            if other != name:
                self.tenants[other].news()
                stolen = packet_out(b"", output(held.frame.in_port), buffer_id=held.buffer_id)
                self._frames.clear()
                self._from_tenant(other, stolen)
                assert not self._frames, "a frame that was told to another is not sent"
                (error,) = self.tenants[other].news()
                assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)
        mod = packet_out(b"", *actions, buffer_id=held.buffer_id, in_port=held.frame.in_port)
        return self._out(name, mod, held.frame)

    def _out(self, name: str, out: PacketOut10, held: Frame | None) -> bool:
        """Send a packet-out; ``held``: what the buffer has that it names."""
        for tenant in self.tenants.values():
            tenant.news()
        self._frames.clear()
        self._from_tenant(name, out)
        news = self.tenants[name].news()
        error = next((one for one in news if isinstance(one, Error)), None)
        if error is not None:
            assert not self._frames, "what is refused is not sent"
            return False
        if held is not None:
            whole = replace(out, buffer_id=OFP_NO_BUFFER, data=held.data)
            out = replace(whole, in_port=held.in_port)
        effects = self.own[name].switch.handle(MESSAGES.encode(1, out), self.now)
        assert sorted(self._frames) == sorted(effects.frames), f"{out} of {name}"
        others = [one for other in self.NAMES if other != name for one in self.tenants[other].got]
        assert not others, "nobody else hears of it"
        return True

    def port_mod(self, name: str, number: int, floods: bool) -> None:
        """Have a tenant close one of its ports for floods, or open it."""
        if number in self.ports_of(name):
            port = self.switch.datapath.ports[number]
            mod = PortMod10(number, port.hw_addr, 0 if floods else 16, 16, 0)
            self._from_tenant(name, mod)
            hw = self.own[name].switch.datapath.ports[number].hw_addr
            self.own[name].tell(replace(mod, hw_addr=hw), self.now)

    def change_port(self, number: int) -> None:
        """Take a port away, or give it back."""
        if self.switch.datapath.ports.get(number) is None:
            self._spread(self.switch.add_port(number))
        else:
            self._spread(self.switch.remove_port(number))
        self._follow_ports()

    def set_rules(self, rules: list[FlowspaceRule]) -> Mapping[str, list[Written]]:
        """Give the slices another flowspace; return the entries that each has lost by it."""
        self.rules = rules
        for tenant in self.tenants.values():
            tenant.news()
        self.datapath.set_flowspace(self._flowspace(), self.now)
        self._exchange()
        self._follow_ports()
        lost: dict[str, list[Written]] = {}
        for name, own in self.own.items():
            there = {(one.match, one.priority) for one in self.datapath.sliced.table(name)}
            gone = {key: one for key, one in own.written.items() if key not in there}
            told = [
                (ternary(one.match), one.priority)
                for one in self.tenants[name].news()
                if isinstance(one, FlowRemoved10)
            ]
            assert sorted(told) == sorted(key for key, one in gone.items() if one.mod.flags & 1)
            for key in gone:
                own.forget(key)
            lost[name] = list(gone.values())
        return lost

    def wait(self, seconds: float) -> None:
        """Let time pass: entries end that are over, once each, and none too early."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self._spread(self.switch.tick(self.now))
            for name, own in self.own.items():
                self._follow_ends(name, own)

    def _follow_ends(self, name: str, own: OwnSwitch) -> None:
        there = {(one.match, one.priority) for one in self.datapath.sliced.table(name)}
        told = [
            (ternary(one.match), one.priority, one.reason)
            for one in self.tenants[name].news()
            if isinstance(one, FlowRemoved10)
        ]
        for key, (mod, since) in list(own.written.items()):
            if key in there:
                assert not mod.hard_timeout or self.now < since + mod.hard_timeout + 1, "too late"
                continue
            entry = own.forget(key)
            is_hard = bool(mod.hard_timeout) and self.now >= since + mod.hard_timeout
            is_idle = bool(mod.idle_timeout) and self.now >= entry.hit + mod.idle_timeout
            assert is_hard or is_idle, f"{key} ends too early"
            mine = [one for one in told if one[:2] == key]
            assert len(mine) == (mod.flags & 1), f"{key} is told of {len(mine)} times"
            told = [one for one in told if one[:2] != key]
        assert not told, "what is told of has ended"

    # ---- what is read back

    def check_entries(self) -> None:
        """Compare what each tenant reads with what it wrote."""
        for name, tenant in self.tenants.items():
            tenant.news()
            request = StatsRequest(int(OFPST.FLOW), 0, EVERY_ENTRY)
            self._from_tenant(name, request)
            read = [
                one
                for reply in tenant.news()
                if isinstance(reply, StatsReply)
                for one in reply.body  # type: ignore[union-attr]
            ]
            own = self.own[name]
            wanted = {}
            for one in own.entries():
                key = ternary(one.wire_match), one.priority
                mod = own.written[key].mod
                wanted[key] = one.cookie, one.wire_actions, mod.idle_timeout, mod.hard_timeout
            found = {
                (ternary(one.match), one.priority): (
                    one.cookie, one.actions, one.idle_timeout, one.hard_timeout,
                )
                for one in read
            }  # fmt: skip
            assert found == wanted, f"{name} reads what it wrote"
            assert len(read) == len(found), "each entry is read once"
