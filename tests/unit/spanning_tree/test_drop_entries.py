"""What switches drop whatever the tree plans: copies at closed segment ports, link-local groups."""

from __future__ import annotations

import pytest

from horizon_ryu.core import frames
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries, is_apart, sealed_ports
from horizon_ryu.core.spanning_tree.flood_state import read_state
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    MAX_PHYSICAL_PORT,
    FlowCommand,
    FlowMod,
    Match,
    PacketIn,
    ToController,
)
from virtual_switch.direct import DirectSwitch

GROUPS = Match(dl_dst=frames.LINK_LOCAL, dl_dst_mask=frames.LINK_LOCAL_MASK)
PORTS = (1, 2, 3)


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def real(request: pytest.FixtureRequest) -> DirectSwitch:
    made = DirectSwitch(1, request.param, PORTS)
    made.connected = True
    return made


def matches(real: DirectSwitch) -> set[Match]:
    return {one.match for one in real.entries() if is_apart(one)} - {GROUPS}


def follow(real: DirectSwitch, drops: DropEntries, *sealed: int) -> int:
    """Have a switch follow and return how many messages that took; none is refused."""
    messages = drops.follow({1: frozenset(sealed)} if sealed else {})
    assert [real.apply(sent.message) for sent in messages] == [None] * len(messages)
    return len(messages)


def test_closed_ports_of_segments_drop_everything_and_open_ones_nothing(real: DirectSwitch) -> None:
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops, 2, 3)
    assert matches(real) == {Match(2), Match(3)}
    assert follow(real, drops, 2, 3) == 0
    assert follow(real, drops, 3, 1) == 2
    assert matches(real) == {Match(3), Match(1)}
    assert follow(real, drops) == 2
    assert matches(real) == set()


def test_the_groups_of_the_cable_have_one_entry_where_there_are_masks(real: DirectSwitch) -> None:
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops)
    found = [one.match for one in real.entries()]
    assert found == ([] if real.openflow == 1 else [GROUPS])


def test_what_an_earlier_run_left_is_written_anew_or_removed(real: DirectSwitch) -> None:
    old = cookie(Owner.SPANNING_TREE, 6)
    for number in (1, 2):
        real.apply(FlowMod(FlowCommand.ADD, Match(number), Priority.BLOCKED, old))
    drops = DropEntries(7)
    drops.read(real.describe(), real.entries())
    follow(real, drops, 2, 3)
    assert matches(real) == {Match(2), Match(3)}
    assert {one.cookie for one in real.entries()} == {cookie(Owner.SPANNING_TREE, 7)}


def test_a_switch_that_tells_nothing_keeps_no_drop_at_an_open_port(real: DirectSwitch) -> None:
    old = cookie(Owner.SPANNING_TREE, 6)
    for number in PORTS:
        real.apply(FlowMod(FlowCommand.ADD, Match(number), Priority.BLOCKED, old))
    drops = DropEntries(7)
    drops.read(real.describe(), None)
    follow(real, drops, 3)
    assert matches(real) == {Match(3)}


def test_a_switch_that_comes_back_is_looked_at_anew(real: DirectSwitch) -> None:
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops, 2)
    drops.left(1)
    assert follow(real, drops, 2) == 0
    assert drops.wanted(1) == ()
    real.delete_flows()
    drops.read(real.describe(), real.entries())
    follow(real, drops, 2)
    assert matches(real) == {Match(2)}


def test_no_plan_of_the_tree_is_about_them(real: DirectSwitch) -> None:
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops, 2)
    state = read_state(real.describe(), real.entries(), real.group, 7)
    assert state.leftovers == ()
    assert state.blocked == frozenset()


def test_probes_come_up_where_everything_else_is_dropped(real: DirectSwitch) -> None:
    heard: list[PacketIn] = []
    real.ask = heard.append
    lldp = cookie(Owner.DISCOVERY, 7)
    match = Match(dl_type=frames.ETH_LLDP)
    from_discovery = FlowMod(FlowCommand.ADD, match, Priority.LLDP, lldp, (ToController(),))
    assert real.apply(from_discovery) is None
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops, 2)
    rest = b"\2\0\0\0\0\1\x88\xcc".ljust(54, b"\0")
    for destination in (b"\x01\x80\xc2\0\0\x0e", b"\x03\x48\x5a\0\0\1"):
        real.receive(2, destination + rest)
        real.receive(1, destination + rest)
    assert [packet.in_port for packet in heard] == [2, 1, 2, 1]


@pytest.mark.parametrize("number", [MAX_PHYSICAL_PORT, LOCAL_PORT], ids=["highest", "LOCAL"])
def test_ports_of_every_number_are_sealed(openflow: int, number: int) -> None:
    if openflow == 1 and number == MAX_PHYSICAL_PORT:
        number = 0xFF00
    real = DirectSwitch(1, openflow, (1, number))
    drops = DropEntries(7)
    drops.read(real.describe(), ())
    follow(real, drops, number)
    assert matches(real) == {Match(number)}


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def openflow(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_sealed_are_the_closed_ports() -> None:
    refs = [PortRef(1, 1), PortRef(1, 2), PortRef(2, 1)]
    assert sealed_ports(refs, lambda ref: ref == PortRef(1, 2)) == {
        1: frozenset({1}),
        2: frozenset({1}),
    }
