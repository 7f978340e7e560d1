"""The fixture of FlowVisor's regression suite on a switch of OpenFlow 1.3."""

from __future__ import annotations

from typing import Any

from horizon_ryu.core.slicing.marked_switch import MARK_MASK, MARK_SHIFT
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.slicer.datapath13 import SlicedDatapath13
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13, PacketIn13
from horizon_ryu.wire.of13.controller import FlowMod13, PacketOut13
from horizon_ryu.wire.of13.handshake import FeaturesReply13
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.structures import (
    ActionOutput13,
    Instruction,
    InstructionApplyActions,
    Port13,
)
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPG, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.ternary import HEADER_13, TernaryMatch
from horizon_ryu.wire.ternary13 import read_match13, write_match13
from horizon_ryu.wire.versions import OPENFLOW_13
from unit.slicing.sliced10 import DPID, MACS_0, MACS_1, Sliced

MESSAGES13 = codec_of(OPENFLOW_13).messages
TABLES = 10
CONTROLLER_PORT = int(OFPP.CONTROLLER)


def rules13(name: str, ports: list[int], macs: tuple[str, ...], first: int) -> list[FlowspaceRule]:
    pairs = [(number, mac) for number in ports for mac in macs]
    return [
        FlowspaceRule(first + at, name, None, parse_rule_match({"in_port": number, "dl_src": mac}))
        for at, (number, mac) in enumerate(pairs)
    ]


TEN_RULES_13 = rules13("c0", [4, 2, 3], MACS_0, 1) + rules13("c1", [1, 3], MACS_1, 7)
"""As in 1.0, with port 4 for port 0: 1.3 has none of that number."""


def port13(number: int) -> Port13:
    address = bytes((0, 0, 0, 0, 1, number))
    return Port13(number, address, f"p{number}".encode().ljust(16, b"\0"), *[0] * 8)


class Sliced13(Sliced):
    """A sliced switch of OpenFlow 1.3, with ports from 1 and ten tables."""

    MESSAGES = MESSAGES13
    LAYOUT = HEADER_13
    FIRST_ID: int | None = 0

    def __init__(self, rules: list[FlowspaceRule] | None = None, **more: Any) -> None:
        super().__init__(TEN_RULES_13 if rules is None else rules, **more)

    def made(self, ports: int) -> SlicedDatapath13:
        features = FeaturesReply13(DPID, 256, TABLES, 0, 0x4F)
        made = SlicedDatapath13(
            features, self.say, *self.worked_by(), stats_window=0.5, first_id=self.FIRST_ID
        )
        described = tuple(port13(number) for number in range(1, ports + 1))
        reply = MultipartReply(int(OFPMP.PORT_DESC), 0, described)
        made.from_switch(MESSAGES13.encode(3, reply), self.now)
        return made

    def mark(self, name: str) -> int:
        mark = self.datapath.sliced.marks.of(name)
        assert isinstance(mark, int)
        return mark

    def frame_in(
        self,
        frame: bytes,
        in_port: int,
        cookie: int = (1 << 64) - 1,
        name: str | None = None,
        buffer_id: int = OFP_NO_BUFFER,
        table_id: int = 1,
        reason: int = 0,
        metadata: int = 0,
    ) -> None:
        """Have the switch send a frame of a slice, as an entry with this cookie does."""
        if name is not None:
            metadata |= self.mark(name) << MARK_SHIFT
        fields = {"in_port": in_port} | ({"metadata": metadata} if metadata else {})
        self.answer(
            PacketIn13(buffer_id, len(frame), reason, table_id, cookie, match13(**fields), frame)
        )

    def removed(self, mod: FlowMod13, reason: int, packets: int = 5) -> None:
        """Have the switch tell that an entry has ended."""
        self.answer(
            FlowRemoved13(
                mod.cookie, mod.priority, reason, mod.table_id, 1, 0, mod.idle_timeout,
                mod.hard_timeout, packets, 100 * packets, mod.match,
            )
        )  # fmt: skip


def match13(**fields: int) -> OxmMatch:
    """Return a match of 1.3 with these fields."""
    return wire_match(HEADER_13.match(**fields))


def wire_match(match: TernaryMatch) -> OxmMatch:
    return read_whole(MATCH13, write_match13(match), 0)


def ternary13(match: OxmMatch) -> TernaryMatch:
    return read_match13(MATCH13.write(match), 0)[0]


def with_mark(match: OxmMatch, mark: int) -> TernaryMatch:
    """Return a tenant's match, which has no metadata, as the switch is to have it."""
    metadata = HEADER_13["metadata"].equal_to(mark << MARK_SHIFT, MARK_MASK)
    both = ternary13(match).intersection(metadata)
    assert both is not None
    return both


def flow_mod13(
    match: OxmMatch,
    *given: Any,
    command: int = 0,
    priority: int = 1000,
    cookie: int = 77,
    cookie_mask: int = 0,
    table_id: int = 0,
    idle: int = 0,
    hard: int = 0,
    buffer_id: int = OFP_NO_BUFFER,
    out_port: int = int(OFPP.ANY),
    out_group: int = int(OFPG.ANY),
    flags: int = 0,
) -> FlowMod13:
    """Return a flow-mod; actions among the instructions are those that are applied."""
    actions = tuple(one for one in given if type(one).__name__.startswith("Action"))
    instructions: tuple[Instruction, ...] = tuple(one for one in given if one not in actions)
    if actions:
        instructions = (InstructionApplyActions(actions), *instructions)
    return FlowMod13(
        cookie, cookie_mask, table_id, command, idle, hard, priority, buffer_id, out_port,
        out_group, flags, match, instructions,
    )  # fmt: skip


def delete13(match: OxmMatch, **more: Any) -> FlowMod13:
    """Return a delete of what lies within a match, in all tables unless one is named."""
    return flow_mod13(match, **{"command": 3, "table_id": int(OFPTT.ALL), "cookie": 0, **more})


def packet_out13(
    data: bytes, *actions: Any, in_port: int = CONTROLLER_PORT, buffer_id: int = OFP_NO_BUFFER
) -> PacketOut13:
    return PacketOut13(buffer_id, in_port, actions, data)


def output13(number: int, max_len: int = 0) -> ActionOutput13:
    return ActionOutput13(number, max_len)
