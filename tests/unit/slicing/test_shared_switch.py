"""Whatever two tenants do, each frame is forwarded as its owner's own table alone would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from zlib import crc32

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.slicing.rule import READ_WRITE, FlowspaceRule, Permission
from horizon_ryu.core.slicing.value_set import ValueSet
from horizon_ryu.wire.frame_header import header10
from horizon_ryu.wire.of10.controller import FlowMod10
from horizon_ryu.wire.of10.structures import (
    ActionSetDlSrc,
    ActionSetNwTos,
    ActionSetVlanVid,
    ActionStripVlan,
)
from horizon_ryu.wire.ofp10 import OFPP
from horizon_ryu.wire.symmetric import Error
from unit.slicing.shared_switch import PORTS, Frame, SharedSwitch, Written
from unit.slicing.sliced10 import flow_mod, match, output, ternary

MACS = (0x02_0000_0000_01, 0x02_0000_0000_02, 0x02_0000_0001_00)
VLANS = (0, 5, 6)
NETS = (0x0A00_0001, 0x0A00_0102)
KINDS = (0x0800, 0x0900)
FRAMES = [
    Frame(port, src, vlan, kind, net)
    for port in PORTS
    for src in MACS
    for vlan in VLANS
    for kind in KINDS
    for net in (NETS if kind == 0x0800 else NETS[:1])
]
EXAMPLES = examples(50, 100)


@st.composite
def rules(draw: Callable[..., Any]) -> list[FlowspaceRule]:
    """Return a flowspace of up to five rules, which may overlap in whatever way."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        fields: dict[str, ValueSet] = {}
        if draw(st.booleans()):
            first = draw(st.sampled_from(PORTS))
            fields["in_port"] = ValueSet.of(32, [(first, draw(st.integers(first, 4)))])
        if draw(st.booleans()):
            macs = draw(st.sets(st.sampled_from(MACS), min_size=1, max_size=2))
            fields["dl_src"] = ValueSet.of(48, [(mac, mac) for mac in macs])
        if draw(st.integers(0, 2)) == 0:
            tags = draw(st.sampled_from(([(0x1005, 0x1006)], [(0, 0)], [(0, 0), (0x1006, 0x1006)])))
            fields["dl_vlan"] = ValueSet.of(13, tags)
        if draw(st.integers(0, 3)) == 0:
            fields["dl_type"] = ValueSet.of(16, [(0x0800, 0x0800)])
            fields["nw_src"] = ValueSet.of(32, [(0x0A00_0000, 0x0A00_00FF)])
        found.append(
            FlowspaceRule(
                number,
                draw(st.sampled_from(SharedSwitch.NAMES)),
                None,
                fields,
                draw(st.sampled_from((1, 5, 9))),
                draw(st.sampled_from((READ_WRITE, READ_WRITE, READ_WRITE, Permission.READ))),
            )
        )
    return found


@st.composite
def matches(draw: Callable[..., Any]) -> dict[str, int]:
    fields: dict[str, int] = {}
    if draw(st.booleans()):
        fields["in_port"] = draw(st.sampled_from(PORTS))
    if draw(st.booleans()):
        fields["dl_src"] = draw(st.sampled_from(MACS))
    if draw(st.integers(0, 2)) == 0:
        fields["dl_vlan"] = draw(st.sampled_from((0xFFFF, 5, 6)))
    if draw(st.integers(0, 2)) == 0:
        fields["dl_type"] = draw(st.sampled_from(KINDS))
        if fields["dl_type"] == 0x0800 and draw(st.booleans()):
            fields["nw_src"] = draw(st.sampled_from(NETS))
    return fields


CHANGES = st.sampled_from(
    (
        ActionSetVlanVid(5),
        ActionStripVlan(),
        ActionSetDlSrc(MACS[0].to_bytes(6, "big")),
        ActionSetNwTos(0x20),
    )
)
OUTPUTS = st.sampled_from(
    (*PORTS, *PORTS, int(OFPP.FLOOD), int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.IN_PORT))
)
ACTIONS = st.lists(
    st.one_of(
        OUTPUTS.map(output),
        OUTPUTS.map(output),
        st.just(output(int(OFPP.CONTROLLER), 0xFFFF)),
        CHANGES,
    ),
    max_size=3,
).map(tuple)


@st.composite
def flow_mods(draw: Callable[..., Any]) -> FlowMod10:
    """Return a flow-mod whose priority no other match has: of equals, either may count."""
    fields = draw(matches())
    command = draw(st.sampled_from((0, 0, 0, 0, 1, 2, 3, 4)))
    place = crc32(repr(sorted(fields.items())).encode()) % 8191
    return flow_mod(
        match(**fields),
        *(draw(ACTIONS) if command < 3 else ()),
        command=command,
        priority=8 * place + draw(st.integers(0, 1)),
        cookie=draw(st.integers(1, 1 << 63)),
        idle=draw(st.sampled_from((0, 0, 0, 3, 10))),
        hard=draw(st.sampled_from((0, 0, 0, 7))),
        flags=draw(st.sampled_from((0, 1, 1))),
        out_port=draw(st.sampled_from((0xFFFF, 0xFFFF, 1, 2))) if command in (3, 4) else 0xFFFF,
    )


SENT_ACTIONS = st.lists(st.one_of(OUTPUTS.map(output), CHANGES), max_size=3).map(tuple)
"""Of packet-outs: a frame to the controller would be whose its header says."""
NAMES = st.sampled_from(SharedSwitch.NAMES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("flow_mod"), NAMES, flow_mods()),
        st.tuples(st.just("flow_mod"), NAMES, flow_mods()),
        st.tuples(st.just("flow_mod"), NAMES, flow_mods()),
        st.tuples(st.just("frames"), st.lists(st.sampled_from(FRAMES), min_size=1, max_size=4)),
        st.tuples(st.just("port"), st.sampled_from(PORTS)),
        st.tuples(st.just("port_mod"), NAMES, st.sampled_from(PORTS), st.booleans()),
        st.tuples(st.just("wait"), st.sampled_from((1, 3, 8))),
        st.tuples(st.just("rules"), rules()),
        st.tuples(
            st.just("packet_out"), NAMES, st.sampled_from(FRAMES), st.booleans(), SENT_ACTIONS
        ),
        st.tuples(st.just("buffer"), NAMES, st.integers(0, 5), SENT_ACTIONS),
        st.just(("reconnect",)),
    ),
    min_size=1,
    max_size=14,
)


def may_be_refused(shared: SharedSwitch, name: str, mod: FlowMod10) -> bool:
    """Tell whether a tenant asks for something that is not its own."""
    if not owns_some(shared, name, mod):
        return True
    own = shared.ports_of(name)
    for action in mod.actions:
        port = getattr(action, "port", None)
        if port is None or (port < 0xFF00 and port not in own) or port == int(OFPP.IN_PORT):
            return True
    return False


def owns_some(shared: SharedSwitch, name: str, mod: FlowMod10) -> bool:
    """Tell whether a match takes a frame of a tenant, among those of these tests."""
    wanted = ternary(mod.match)
    return any(
        shared.owner(frame) == name and wanted.takes(header10(frame.data, frame.in_port))
        for frame in FRAMES
    )


def may_not_be_sent(shared: SharedSwitch, name: str, frame: Any, actions: tuple[Any, ...]) -> bool:
    """Tell whether a tenant sends what is not its own, to whom, or as what it is not."""
    if frame is not None and shared.owner(frame) != name:
        return True
    own = shared.ports_of(name)
    ports = [getattr(action, "port", None) for action in actions]
    return any(
        port is None or (port < 0xFF00 and port not in own) or port == int(OFPP.IN_PORT)
        for port in ports
    )


def have_one_buffered(shared: SharedSwitch, name: str, at: int) -> None:
    """Let frames of a tenant come in until the switch holds one for it, if it ever does."""
    ports = shared.switch.datapath.ports
    mine = [one for one in FRAMES if ports.get(one.in_port) and shared.owner(one) == name]
    for frame in mine[at::5]:
        if shared.buffered[name]:
            break
        shared.frame(frame)


def check_lost(shared: SharedSwitch, name: str, lost: list[Written]) -> None:
    for one in lost:
        assert may_be_refused(shared, name, one.mod), f"{name} loses what may stay: {one.mod}"


MANY = st.sampled_from((0, 256))
"""Entries of more than which flow-mods for all of them are done a step at a time."""


@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink))
@given(rules(), STEPS, MANY)
def test_each_frame_is_forwarded_as_its_owners_own_table_alone_would(
    first: list[FlowspaceRule], steps: list[Any], many: int
) -> None:
    note(f"done a step at a time: for more than {many} entries")
    with patch("horizon_ryu.slicer.flow_tables10.MANY_ENTRIES", many):
        check_steps(first, steps)


def check_steps(first: list[FlowspaceRule], steps: list[Any]) -> None:
    note(f"rules {first}")
    shared = SharedSwitch(first)
    for step in steps:
        note(f"step {step}")
        if step[0] == "flow_mod":
            _, name, mod = step
            error = shared.flow_mod(name, mod)
            if isinstance(error, Error) and mod.command < 3:
                assert may_be_refused(shared, name, mod), f"{name}: {mod} refused: {error}"
        elif step[0] == "frames":
            for frame in step[1]:
                shared.frame(frame)
        elif step[0] == "port":
            shared.change_port(step[1])
        elif step[0] == "port_mod":
            shared.port_mod(*step[1:])
        elif step[0] == "wait":
            shared.wait(step[1])
        elif step[0] == "packet_out":
            _, name, frame, names_port, actions = step
            in_port = frame.in_port if names_port else int(OFPP.NONE)
            if not shared.packet_out(name, frame, in_port, actions):
                assert may_not_be_sent(shared, name, frame, actions), f"{name} may send it"
        elif step[0] == "buffer":
            _, name, at, actions = step
            have_one_buffered(shared, name, at)
            if shared.packet_out_of_buffer(name, at, actions) is False:
                assert may_not_be_sent(shared, name, None, actions), f"{name} may send it"
        elif step[0] == "reconnect":
            shared.reconnect()
        else:
            for name, lost in shared.set_rules(step[1]).items():
                check_lost(shared, name, lost)
        shared.check_entries()
    for frame in FRAMES:
        if shared.switch.datapath.ports.get(frame.in_port) is not None:
            shared.frame(frame)
    shared.check_entries()
