"""The messages that open and close the ports of one switch, for both versions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.spanning_tree.flood_state import (
    FloodState,
    assumed_state,
    closing,
    opening,
    read_state,
    up_ports,
    with_new_port,
)
from horizon_ryu.core.topology import MAX_PHYSICAL_PORT, Port, Switch
from horizon_ryu.wire.messages import (
    Flood,
    FloodPorts,
    FlowCommand,
    FlowEntry,
    FlowMod,
    Match,
    SetNoFlood,
    ToController,
)
from virtual_switch.direct import DirectSwitch

ALL = b"\xff" * 6


def switch_of(openflow: int, *numbers: int, no_flood: tuple[int, ...] = ()) -> Switch:
    ports = {
        n: Port(n, f"p{n}", b"\2\0\0\0" + (n & 0xFFFF).to_bytes(2, "big"), True, 0, n in no_flood)
        for n in numbers
    }
    return Switch(1, "", openflow, ports)


def test_fresh_switch_of_1_3_gets_everything_in_two_steps() -> None:
    switch = switch_of(4, 1, 2)
    step = closing(switch, FloodState(), frozenset({1}), 7)
    owner = cookie(Owner.SPANNING_TREE, 7)
    blocked = Match(in_port=2, dl_dst_multicast=True)
    assert step.messages == (
        FloodPorts(frozenset()),
        FlowMod(FlowCommand.ADD, blocked, Priority.BLOCKED, owner),
        FlowMod(FlowCommand.ADD, Match(), Priority.TABLE_MISS, owner, (ToController(),)),
    )
    step = opening(switch, step.after, frozenset({1}), 7)
    assert step.messages == (
        FloodPorts(frozenset({1})),
        FlowMod(
            FlowCommand.ADD, Match(dl_dst_multicast=True), Priority.BROADCAST, owner, (Flood(),)
        ),
    )
    assert step.after.passing == {1}


def test_fresh_switch_of_1_0_has_no_flood_set_where_it_must_be_closed() -> None:
    switch = switch_of(1, 1, 2, 3, no_flood=(3,))
    state = read_state(switch, (), None, 7)
    assert state.ports == {1, 2}
    step = closing(switch, state, frozenset({1}), 7)
    assert [m for m in step.messages if isinstance(m, SetNoFlood)] == [
        SetNoFlood(2, switch.ports[2].hw_addr, True)
    ]
    assert [m.match for m in step.messages if isinstance(m, FlowMod)] == [
        Match(in_port=2, dl_dst=ALL),
        Match(in_port=3, dl_dst=ALL),
        Match(),
    ]
    step = opening(switch, step.after, frozenset({1}), 7)
    assert [m.match for m in step.messages if isinstance(m, FlowMod)] == [Match(dl_dst=ALL)]


@pytest.mark.parametrize("openflow", [1, 4])
def test_nothing_is_sent_when_nothing_changes(openflow: int) -> None:
    switch, wanted = switch_of(openflow, 1, 2, 3), frozenset({1, 3})
    state = closing(switch, read_state(switch, (), None, 7), wanted, 7).after
    state = opening(switch, state, wanted, 7).after
    assert closing(switch, state, wanted, 7).messages == ()
    assert opening(switch, state, wanted, 7).messages == ()


def test_entries_of_an_earlier_run_are_replaced_and_strange_ones_removed() -> None:
    switch = switch_of(4, 1, 2)
    old = cookie(Owner.SPANNING_TREE, 6)
    multicast = Match(dl_dst_multicast=True)
    entries = (
        FlowEntry(Match(in_port=2, dl_dst_multicast=True), Priority.BLOCKED, old, ()),
        FlowEntry(multicast, Priority.BROADCAST, old, (Flood(),)),
        FlowEntry(Match(), Priority.TABLE_MISS, old, (ToController(),)),
        FlowEntry(Match(in_port=9), 17, old, ()),
        FlowEntry(Match(in_port=1), Priority.UNICAST, cookie(Owner.FORWARDING, 6), ()),
    )
    state = read_state(switch, entries, frozenset({1}), 7)
    assert state.passing == {1}
    first = closing(switch, state, frozenset({1}), 7)
    second = opening(switch, first.after, frozenset({1}), 7)
    mods = [m for m in first.messages + second.messages if isinstance(m, FlowMod)]
    assert [(m.command, m.match) for m in mods] == [
        (FlowCommand.ADD, Match(in_port=2, dl_dst_multicast=True)),
        (FlowCommand.ADD, Match()),
        (FlowCommand.ADD, multicast),
        (FlowCommand.DELETE_STRICT, Match(in_port=9)),
    ]
    assert not any(isinstance(m, FloodPorts) for m in first.messages + second.messages)
    assert second.after.leftovers == ()


def test_unread_group_is_written_anew() -> None:
    switch = switch_of(4, 1, 2)
    old = cookie(Owner.SPANNING_TREE, 6)
    entries = (
        FlowEntry(Match(in_port=2, dl_dst_multicast=True), Priority.BLOCKED, old, ()),
        FlowEntry(Match(dl_dst_multicast=True), Priority.BROADCAST, old, (Flood(),)),
    )
    state = read_state(switch, entries, None, 7)
    assert state.passing == {1}
    assert FloodPorts(frozenset({1})) in closing(switch, state, frozenset({1}), 7).messages


def test_vanished_port_leaves_no_entry_and_no_bucket() -> None:
    before, after = switch_of(4, 1, 2, 3), switch_of(4, 1)
    wanted = frozenset({1, 2})
    state = opening(before, closing(before, FloodState(), wanted, 7).after, wanted, 7).after
    step = closing(after, state, frozenset({1}), 7)
    assert step.messages == (FloodPorts(frozenset({1})),)
    (gone,) = opening(after, step.after, frozenset({1}), 7).messages
    assert isinstance(gone, FlowMod)
    assert (gone.command, gone.match.in_port) == (FlowCommand.DELETE_STRICT, 3)


def test_new_port_floods_on_1_0_only() -> None:
    assert with_new_port(FloodState(), switch_of(1, 5), 5).ports == {5}
    assert with_new_port(FloodState(), switch_of(1, 5, no_flood=(5,)), 5).ports == frozenset()
    assert with_new_port(FloodState(), switch_of(4, 5), 5).ports == frozenset()


def test_reserved_ports_are_not_ports() -> None:
    switch = switch_of(4, 1, MAX_PHYSICAL_PORT, MAX_PHYSICAL_PORT + 1)
    assert up_ports(switch) == {1, MAX_PHYSICAL_PORT}


@given(
    st.sampled_from([1, 4]),
    st.lists(st.frozensets(st.integers(1, 6)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
@settings(max_examples=100)
def test_switch_ends_as_wanted_and_never_opens_more_on_the_way(
    openflow: int, wishes: list[frozenset[int]], chance: random.Random
) -> None:
    """Whatever the order in which a switch carries out the messages of one step."""
    real = DirectSwitch(1, openflow)
    for number in range(1, 7):
        real.add_port(number)
    switch = real.describe()
    state, opened = read_state(switch, (), None, 7), frozenset[int]()
    for wanted in wishes:
        for act, allowed in ((closing, opened), (opening, opened | wanted)):
            step = act(switch, state, wanted, 7)
            for message in chance.sample(step.messages, len(step.messages)):
                if not isinstance(message, FloodPorts):
                    continue
                assert real.apply(message) is None
            for message in chance.sample(step.messages, len(step.messages)):
                if isinstance(message, FloodPorts):
                    continue
                assert real.apply(message) is None
                assert passing(real) <= allowed
            state = step.after
        assert passing(real) == state.passing == wanted
        opened = wanted
        again = read_state(real.describe(), real.entries(), real.group, 7)
        assert (again.ports, again.blocked) == (state.ports, state.blocked)


@pytest.mark.parametrize("openflow", [1, 4])
@pytest.mark.parametrize("before", [frozenset(), frozenset({1, 2}), frozenset({2, 3})])
def test_a_switch_that_cannot_be_read_may_pass_everywhere_and_ends_as_wanted(
    openflow: int, before: frozenset[int]
) -> None:
    real = DirectSwitch(1, openflow)
    for number in (1, 2, 3):
        real.add_port(number)
    state = read_state(real.describe(), (), None, 6)
    for act in (closing, opening):
        step = act(real.describe(), state, before, 6)
        for message in step.messages:
            assert real.apply(message) is None
        state = step.after
    assert passing(real) == before
    state, wanted = assumed_state(real.describe()), frozenset({1, 3})
    assert passing(real) <= state.passing
    step = closing(real.describe(), state, wanted, 7)
    for message in step.messages:
        assert real.apply(message) is None
    assert passing(real) <= wanted
    for message in opening(real.describe(), step.after, wanted, 7).messages:
        assert real.apply(message) is None
    assert passing(real) == wanted


def passing(switch: DirectSwitch) -> frozenset[int]:
    """Return the ports by which the switch itself lets broadcasts in and out."""
    entries = switch.entries()
    if not any(entry.priority == Priority.BROADCAST for entry in entries):
        return frozenset()
    blocked = {entry.match.in_port for entry in entries if entry.priority == Priority.BLOCKED}
    if switch.openflow == 1:
        ports = {number for number, port in switch.ports.items() if not port.no_flood}
    else:
        ports = set(switch.group or ())
    return frozenset(ports - blocked)
