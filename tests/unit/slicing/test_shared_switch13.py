"""Whatever two tenants of a switch of 1.3 do or send, it fares as on a switch of their own."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, note, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.wire.of13.structures import ActionOutput13
from horizon_ryu.wire.ofp13 import OFPP
from unit.slicing.shared_switch13 import SharedSwitch13
from unit.slicing.sliced13 import CONTROLLER_PORT, flow_mod13, match13, output13, packet_out13
from unit.slicing.test_pipelines13 import (
    FRAMES,
    MATCHES,
    NAMES,
    PORTS,
    SETS,
    instructions,
    rules,
)

EXAMPLES = examples(30, 60)
HELD = 0xFF00
"""Bytes of a frame that are told to the controller: all, and the switch holds it."""
NAME = st.sampled_from(NAMES)
FRAME = st.sampled_from(FRAMES)
SENT = st.lists(
    st.one_of(
        st.sampled_from((*PORTS, int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.IN_PORT))).map(output13),
        st.sampled_from(SETS),
    ),
    max_size=3,
).map(tuple)


@st.composite
def flow_mods(draw: st.DrawFn) -> Any:
    table_id = draw(st.sampled_from((0, 0, 0, 1, 2)))
    fields = draw(MATCHES)
    asks = draw(st.booleans())
    given = (output13(CONTROLLER_PORT, HELD),) if asks else draw(instructions(table_id))
    return flow_mod13(
        match13(**fields),
        *given,
        command=draw(st.sampled_from((0, 0, 0, 0, 0, 1, 2, 3, 4))),
        priority=draw(st.integers(1, 3)),
        cookie=draw(st.integers(0, 3)),
        table_id=table_id,
    )


@st.composite
def alike(draw: st.DrawFn) -> list[Any]:
    """Return flow-mods that add entries and differ in the values of their fields alone."""
    output = output13(draw(st.sampled_from((*PORTS, CONTROLLER_PORT))), HELD)
    priority = draw(st.integers(1, 3))
    base = draw(MATCHES)
    fields = [base, *draw(st.lists(MATCHES, min_size=1, max_size=4))]
    return [
        flow_mod13(
            match13(**{name: one.get(name, value) for name, value in base.items()}),
            output,
            priority=priority,
        )
        for one in fields
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("flow_mod"), NAME, flow_mods()),
        st.tuples(st.just("flow_mod"), NAME, flow_mods()),
        st.tuples(st.just("alike"), NAME, alike()),
        st.tuples(st.just("frames"), st.lists(FRAME, min_size=1, max_size=4)),
        st.tuples(st.just("packet_out"), NAME, FRAME, st.booleans(), SENT),
        st.tuples(st.just("packet_out"), NAME, FRAME, st.booleans(), SENT),
        st.tuples(st.just("buffer"), NAME, st.integers(0, 5), SENT),
        st.tuples(st.just("rules"), rules()),
        st.just(("reconnect",)),
    ),
    min_size=1,
    max_size=14,
)


def may_be_refused(
    shared: SharedSwitch13, name: str, frame: tuple[int, bytes] | None, actions: tuple[Any, ...]
) -> bool:
    """Tell whether a tenant sends what is not its own, to whom, or as what it is not."""
    if frame is not None and shared.owner(*frame) != name:
        return True
    own = shared.datapath.ports.of_slice(name)
    return any(
        not isinstance(one, ActionOutput13)
        or (one.port < 0xFFFF_FF00 and one.port not in own)
        or one.port == int(OFPP.IN_PORT)
        for one in actions
    )


def send(shared: SharedSwitch13, name: str, frame: Any, names_port: bool, actions: Any) -> None:
    in_port = frame[0] if names_port else CONTROLLER_PORT
    if not shared.packet_out(name, packet_out13(frame[1], *actions, in_port=in_port)):
        assert may_be_refused(shared, name, frame, actions), f"{name} may send it"


def send_held(shared: SharedSwitch13, name: str, at: int, actions: tuple[Any, ...]) -> None:
    """Let frames of a tenant come in until the switch holds one for it, if it ever does."""
    mine = [one for one in FRAMES if shared.owner(*one) == name]
    for frame in mine[at::5]:
        if not shared.held[name]:
            shared.frame_in(*frame)
    if shared.send_held(name, at, actions) is False:
        assert may_be_refused(shared, name, None, actions), f"{name} may send it"


def carry_out(shared: SharedSwitch13, step: Any) -> None:
    match step:
        case ("flow_mod", name, mod):
            shared.flow_mod(name, mod)
        case ("alike", name, mods):
            for mod in mods:
                shared.flow_mod(name, mod)
        case ("frames", frames):
            for frame in frames:
                shared.frame_in(*frame)
        case ("packet_out", *how):
            send(shared, *how)
        case ("buffer", *how):
            send_held(shared, *how)
        case ("rules", other):
            shared.set_rules(other)
        case _:
            shared.reconnect()


MANY = st.sampled_from((0, 256))
"""Entries of more than which flow-mods for all of them are done a step at a time."""


@settings(max_examples=EXAMPLES)
@given(rules(), STEPS, MANY)
def test_each_frame_of_1_3_fares_as_on_a_switch_of_its_owners_own(
    first: list[FlowspaceRule], steps: list[Any], many: int
) -> None:
    note(f"done a step at a time: for more than {many} entries")
    with patch("horizon_ryu.slicer.flow_tables13.MANY_ENTRIES", many):
        check_steps(first, steps)


def check_steps(first: list[FlowspaceRule], steps: list[Any]) -> None:
    note(f"rules {first}")
    with TemporaryDirectory() as folder:
        shared = SharedSwitch13(Path(folder), first)
        for step in steps:
            note(f"step {step}")
            carry_out(shared, step)
            shared.check_entries()
        for frame in FRAMES:
            shared.frame_in(*frame)
        shared.tables.close()
