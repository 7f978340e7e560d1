"""The fixture of FlowVisor's regression suite: one switch of OpenFlow 1.0, two slices."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.slicing.flowspace import Flowspace, SwitchFlowspace
from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.lldp_trailer import TrailerSigner
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole
from horizon_ryu.wire.message_table import Envelope
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from horizon_ryu.wire.of10.controller import FlowMod10, PacketOut10
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of10.structures import MATCH10, ActionOutput10, Port10
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER
from horizon_ryu.wire.ternary import HEADER_10, TernaryMatch
from horizon_ryu.wire.ternary10 import write_match10
from horizon_ryu.wire.versions import OPENFLOW_10

MESSAGES = codec_of(OPENFLOW_10).messages
DPID = 0
MACS_0 = ("00:00:00:00:00:02", "00:01:00:00:00:02")
MACS_1 = ("00:00:00:00:00:01", "00:01:00:00:00:01")
NONE_PORT = 0xFFFF


def port(number: int, config: int = 0) -> Port10:
    return Port10(
        number, bytes((0, 0, 0, 0, 1, number)), f"p{number}".encode().ljust(16, b"\0"), config,
        0, 0, 0, 0, 0,
    )  # fmt: skip


def rules_of(name: str, ports: list[int], macs: tuple[str, ...], first: int) -> list[FlowspaceRule]:
    pairs = [(number, mac) for number in ports for mac in macs]
    return [
        FlowspaceRule(first + at, name, None, parse_rule_match({"in_port": number, "dl_src": mac}))
        for at, (number, mac) in enumerate(pairs)
    ]


TEN_RULES = rules_of("c0", [0, 2, 3], MACS_0, 1) + rules_of("c1", [1, 3], MACS_1, 7)


class Tenant(TenantConnection):
    """A controller of a slice that keeps what it is told."""

    def __init__(self, name: str, is_monitor: bool = False, messages: Any = MESSAGES) -> None:
        super().__init__(name, self.take, is_monitor)
        self.messages = messages
        self.got: list[Envelope] = []
        self.raw: list[bytes] = []

    def take(self, message: bytes) -> None:
        self.raw.append(message)
        self.got.append(self.messages.decode(message))

    def news(self) -> list[Any]:
        """Return the messages since the last call."""
        found = [one.message for one in self.got]
        self.got.clear()
        return found


class Sliced:
    """A sliced switch with its tenants; what it is told is kept."""

    MESSAGES: Any = MESSAGES
    LAYOUT = HEADER_10

    def __init__(
        self,
        rules: list[FlowspaceRule] | None = None,
        names: tuple[str, ...] = ("c0", "c1"),
        ports: int = 4,
        limits: dict[str, SliceLimits] | None = None,
        **settings: Any,
    ) -> None:
        self.now = 100.0
        self.got: list[Envelope] = []
        self.raw: list[bytes] = []
        self.xid = 1000
        self.rules = TEN_RULES if rules is None else rules
        self.datapath: Any = self.made(ports)
        self.tenants: dict[str, Tenant] = {}
        for name in names:
            found = (limits or {}).get(name, SliceLimits())
            self.datapath.set_slice(
                SliceSettings(name, (), found, **settings), RateLimiter(found, self.now), None
            )
            self.join(name)
        self.datapath.begin()
        self.first = self.news()

    def made(self, ports: int) -> Any:
        """Return the datapath of a switch with ports from 0."""
        features = FeaturesReply10(
            DPID, 256, 1, 0x87, 0xFFF, tuple(port(number) for number in range(ports))
        )
        return SlicedDatapath10(features, self.say, *self.worked_by(), stats_window=0.5)

    def worked_by(self) -> tuple[SwitchFlowspace, TrailerSigner]:
        """Return the flowspace, and what signs LLDP."""
        return self.flowspace(self.rules), TrailerSigner("here", b"key")

    def flowspace(self, rules: list[FlowspaceRule]) -> SwitchFlowspace:
        """Return what rules are on the switch."""
        return Flowspace(self.LAYOUT, rules).on(DPID)

    def join(self, name: str, is_monitor: bool = False) -> Tenant:
        tenant = Tenant(name, is_monitor, self.MESSAGES)
        self.datapath.connect(tenant)
        self.tenants.setdefault(name, tenant)
        return tenant

    def __getitem__(self, name: str) -> Tenant:
        return self.tenants[name]

    def say(self, message: bytes) -> None:
        self.raw.append(message)
        self.got.append(self.MESSAGES.decode(message))

    def news(self) -> list[Any]:
        """Return what the switch was told since the last call."""
        found = [one.message for one in self.got]
        self.got.clear()
        return found

    def ask(self, name: str | Tenant, message: Any, xid: int | None = None) -> list[Any]:
        """Send a tenant's message; return what the switch was told."""
        tenant = self[name] if isinstance(name, str) else name
        self.xid += 1
        raw = self.MESSAGES.encode(self.xid if xid is None else xid, message)
        self.datapath.from_tenant(tenant, raw, self.now)
        return self.news()

    def answer(self, message: Any, xid: int = 0) -> None:
        """Send a message of the switch."""
        self.datapath.from_switch(self.MESSAGES.encode(xid, message), self.now)

    def last_xid(self) -> int:
        """Return the id of the last message to the switch."""
        return int.from_bytes(self.raw[-1][4:8], "big")

    def packet_in(self, frame: bytes, in_port: int, buffer_id: int = OFP_NO_BUFFER) -> None:
        self.answer(PacketIn10(buffer_id, len(frame), in_port, 0, frame))


def frame(src: str, kind: int = 0x0800, body: bytes = bytes(46)) -> bytes:
    return bytes(6) + bytes.fromhex(src.replace(":", "")) + kind.to_bytes(2, "big") + body


def match(**fields: int) -> Any:
    """Return a match of 1.0 with these fields."""
    return read_whole(MATCH10, write_match10(HEADER_10.match(**fields)), 0)


def ternary(wire_match: Any) -> TernaryMatch:
    from horizon_ryu.wire.ternary10 import read_match10

    return read_match10(MATCH10.write(wire_match), 0)


def mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


def flow_mod(
    wire_match: Any,
    *actions: Any,
    command: int = 0,
    priority: int = 1000,
    cookie: int = 77,
    idle: int = 0,
    hard: int = 0,
    buffer_id: int = OFP_NO_BUFFER,
    out_port: int = NONE_PORT,
    flags: int = 0,
) -> FlowMod10:
    return FlowMod10(
        wire_match, cookie, command, idle, hard, priority, buffer_id, out_port, flags, actions
    )


def packet_out(
    data: bytes,
    *actions: Any,
    in_port: int = NONE_PORT,
    buffer_id: int = OFP_NO_BUFFER,
) -> PacketOut10:
    return PacketOut10(buffer_id, in_port, actions, data)


def output(number: int, max_len: int = 0) -> ActionOutput10:
    return ActionOutput10(number, max_len)
