"""Tenants of one switch of OpenFlow 1.3: each frame fares as on a switch of its owner's own."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.value_set import ValueSet
from horizon_ryu.slicer.actions13 import set_field
from horizon_ryu.wire.frame_header import header13
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.of13.asynchronous import PacketIn13
from horizon_ryu.wire.of13.controller import FlowMod13
from horizon_ryu.wire.of13.structures import (
    ActionPopVlan,
    ActionPushVlan,
    InstructionApplyActions,
    InstructionClearActions,
    InstructionGotoTable,
    InstructionWriteActions,
    InstructionWriteMetadata,
)
from horizon_ryu.wire.symmetric import Error
from unit.slicing.sliced13 import (
    CONTROLLER_PORT,
    MESSAGES13,
    Sliced13,
    flow_mod13,
    match13,
    output13,
    wire_match,
)
from virtual_switch.switch import VirtualSwitch

PORTS, TAGS, TARGETS = (1, 2, 3), (0, 0x1001, 0x1002), (1, 2)
NAMES = ("c0", "c1")
IN_PORT, ALL = 0xFFFF_FFF8, 0xFFFF_FFFC
TABLES = 3
Change = tuple[str, Any]


def frame_of(tag: int, target: int) -> bytes:
    """Return a frame with a tag, if it is not 0, to one of two addresses."""
    tagged = b"\x81\x00" + (tag & 0xFFF).to_bytes(2, "big") if tag else b""
    return target.to_bytes(6, "big") + bytes(5) + b"\x09" + tagged + b"\x09\x00" + bytes(46)


FRAMES = [(port, frame_of(tag, target)) for port in PORTS for tag in TAGS for target in TARGETS]


def some(values: tuple[int, ...]) -> st.SearchStrategy[Any]:
    """Return what draws a few of the values, or None for any."""
    few = st.lists(st.sampled_from(values), min_size=1, unique=True)
    return st.one_of(st.none(), st.none(), few)


@st.composite
def rules(draw: st.DrawFn) -> list[FlowspaceRule]:
    found = []
    for number in range(draw(st.integers(2, 5))):
        fields = {
            "in_port": (32, draw(some(PORTS))),
            "dl_vlan": (13, draw(some(TAGS))),
            "dl_dst": (48, draw(some(TARGETS))),
        }
        match = {
            name: ValueSet.of(bits, [(value, value) for value in values])
            for name, (bits, values) in fields.items()
            if values is not None
        }
        priority = draw(st.integers(1, 3))
        name = NAMES[number] if number < len(NAMES) else draw(st.sampled_from(NAMES))
        found.append(FlowspaceRule(number, name, None, match, priority))
    return found


MATCHES = st.fixed_dictionaries(
    {
        name: st.sampled_from((None, None, *values))
        for name, values in (("in_port", PORTS), ("vlan_vid", TAGS), ("eth_dst", TARGETS))
    }
    | {"metadata": st.sampled_from((None,) * 6 + (0, 1))}
).map(lambda given: {name: value for name, value in given.items() if value is not None})
TO = st.sampled_from((*PORTS, *PORTS, IN_PORT, ALL, CONTROLLER_PORT)).map(
    lambda port: output13(port, 0xFFFF)
)
SETS = tuple(set_field(OFPXMT_OFB.ETH_DST, value) for value in TARGETS) + tuple(
    set_field(OFPXMT_OFB.VLAN_VID, value) for value in TAGS[1:]
)
TAGGING = (ActionPushVlan(0x8100), ActionPopVlan())
ACTIONS = st.lists(
    st.integers(0, 9).flatmap(
        lambda at: TO if at < 7 else st.sampled_from(SETS if at < 9 else TAGGING)
    ),
    min_size=1,
    max_size=4,
).map(tuple)


@st.composite
def instructions(draw: st.DrawFn, table_id: int) -> tuple[Any, ...]:
    found: list[Any] = []
    if draw(st.integers(0, 3)):
        found.append(InstructionApplyActions(draw(ACTIONS)))
    if draw(st.integers(0, 5)) == 0:
        found.append(InstructionClearActions())
    if draw(st.integers(0, 2)) == 0:
        one_of_each = {type(one): one for one in draw(ACTIONS)}
        found.append(InstructionWriteActions(tuple(one_of_each.values())))
    if draw(st.integers(0, 3)) == 0:
        found.append(InstructionWriteMetadata(draw(st.integers(0, 1)), 1))
    if table_id < TABLES - 1 and draw(st.booleans()):
        found.append(InstructionGotoTable(draw(st.integers(table_id + 1, TABLES - 1))))
    return tuple(found)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    if draw(st.integers(0, 9)) == 0:
        return "rules", draw(rules())
    table_id = draw(st.sampled_from((0, 0, 0, 1, 2)))
    mod = flow_mod13(
        match13(**draw(MATCHES)),
        *draw(instructions(table_id)),
        command=draw(st.sampled_from((0, 0, 0, 0, 0, 1, 2, 3, 4))),
        priority=draw(st.integers(1, 3)),
        cookie=draw(st.integers(0, 3)),
        table_id=table_id,
    )
    return draw(st.sampled_from(NAMES)), mod


class SharedSwitch:
    """One switch for both tenants, and one for each of them alone."""

    def __init__(self, first: list[FlowspaceRule]) -> None:
        self.sliced = Sliced13(first, ports=len(PORTS))
        self.switch = VirtualSwitch(1, ports=PORTS, tables=TABLES + 1)
        self.switch.connect()
        self.alone = {name: VirtualSwitch(1, tables=TABLES) for name in NAMES}
        for one in self.alone.values():
            one.connect()
        self._given = 0
        self.settle()
        self.set_ports()

    def set_ports(self) -> None:
        """Have each tenant's own switch have the ports of its slice, in their order.

        The order is that in which the switch floods.
        """
        for name, one in self.alone.items():
            there = [port.number for port in one.datapath.ports]
            own = sorted(self.sliced.datapath.ports.of_slice(name))
            if there != own:
                for number in there:
                    one.remove_port(number)
                for number in own:
                    one.add_port(number)

    def settle(self) -> None:
        """Have the switch carry out what it was told, and the slicer hear what it says."""
        while self._given < len(self.sliced.raw):
            message = self.sliced.raw[self._given]
            self._given += 1
            for answer in self.switch.handle(message, self.sliced.now).messages:
                self.sliced.datapath.from_switch(answer, self.sliced.now)

    def change(self, name: str, what: Any) -> None:
        """Carry out a tenant's flow-mod, or another flowspace."""
        if isinstance(what, FlowMod13):
            self.sliced.ask(name, what)
            self.settle()
            if not any(isinstance(one, Error) for one in self.sliced[name].news()):
                self.tell_alone(name, what)
            return
        before = {own: list(self.sliced.datapath.sliced.table(own)) for own in NAMES}
        self.sliced.datapath.set_flowspace(self.sliced.flowspace(what), self.sliced.now)
        self.settle()
        self.set_ports()
        for own, entries in before.items():
            kept = {entry.key for entry in self.sliced.datapath.sliced.table(own)}
            for entry in entries:
                if entry.key not in kept:
                    self.tell_alone(own, flow_mod13(
                        wire_match(entry.match), command=4, priority=entry.priority,
                        table_id=entry.table_id,
                    ))  # fmt: skip

    def tell_alone(self, name: str, mod: FlowMod13) -> None:
        effects = self.alone[name].handle(MESSAGES13.encode(1, mod), self.sliced.now)
        assert not effects.messages, "the shared switch has taken it"

    def check(self) -> None:
        """Compare, frame by frame."""
        for number, frame in FRAMES:
            owner = self.sliced.datapath.flowspace.owner(header13(frame, number))
            came = self.switch.frame_in(number, frame, self.sliced.now)
            for message in came.messages:
                self.sliced.datapath.from_switch(message, self.sliced.now)
            told = {name: heard(self.sliced[name].news()) for name in NAMES}
            if owner is None:
                assert (came.frames, told) == ([], {name: [] for name in NAMES})
                continue
            own = owner.slice_name
            alone = self.alone[own].frame_in(number, frame, self.sliced.now)
            assert came.frames == alone.frames
            wanted = heard([MESSAGES13.decode(one).message for one in alone.messages])
            assert told == {name: wanted if name == own else [] for name in NAMES}
            for port, sent in came.frames:
                assert self.sliced.datapath.flowspace.has_port(own, port)
                assert self.sliced.datapath.flowspace.owns(own, header13(sent, number))


def heard(messages: list[Any]) -> list[Any]:
    """Return what packet-ins say."""
    return [
        (one.reason, one.table_id, one.cookie, one.match, one.data)
        for one in messages
        if isinstance(one, PacketIn13)
    ]


@settings(max_examples=60)
@given(rules(), st.lists(changes(), min_size=3, max_size=12))
def test_each_frame_is_handled_by_its_owners_tables_as_if_they_were_alone(
    first: list[FlowspaceRule], later: list[Change]
) -> None:
    shared = SharedSwitch(first)
    for name, what in later:
        shared.change(name, what)
        shared.check()
