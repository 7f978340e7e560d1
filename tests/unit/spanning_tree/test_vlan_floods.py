"""What one switch does with the broadcasts of single VLANs, for both versions."""

from __future__ import annotations

import pytest

from horizon_ryu.core.ownership import Owner, Priority, cookie, owner_of
from horizon_ryu.core.spanning_tree.flood_state import FloodState, closing, opening, read_state
from horizon_ryu.core.spanning_tree.vlan_floods import MAX_LISTED, VlanFlood, are_closed
from horizon_ryu.core.topology import LOCAL_PORT, Switch
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match
from unit.spanning_tree.test_flood_state import switch_of
from virtual_switch.direct import DirectSwitch

GENERATION, VLAN, OTHER = 7, 10, 20
PORTS = frozenset({1, 2, 3})
BROADCAST = b"\xff" * 6
SOURCE = bytes.fromhex("020000000001")


class Told:
    """A switch that is told what follows from what is to be closed in VLANs."""

    def __init__(self, openflow: int) -> None:
        self.real = DirectSwitch(1, openflow, PORTS)
        self.switch = self.real.describe()
        self.state = FloodState()
        self.left: list[int] = []
        self.real.emit = lambda port_no, _frame: self.left.append(port_no)

    def follow(self, in_vlans: dict[int, frozenset[int]], wanted: frozenset[int] = PORTS) -> int:
        """Close, then open; return how many messages that took."""
        sent = 0
        for step_of in (closing, opening):
            step = step_of(self.switch, self.state, wanted, GENERATION, None, None, in_vlans)
            for message in step.messages:
                assert self.real.apply(message) is None
            self.state = step.after
            sent += len(step.messages)
        return sent

    def leaves_by(self, in_port: int, vlan: int | None) -> list[int]:
        tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
        self.left.clear()
        self.real.receive(in_port, BROADCAST + SOURCE + tag + b"\x88\xb5" + bytes(50))
        return sorted(self.left)

    def reads(self, generation: int = GENERATION) -> FloodState:
        entries = self.real.entries()
        return read_state(self.switch, entries, self.real.flooding, generation)


@pytest.fixture(params=[1, 4], ids=["1.0", "1.3"])
def told(request: pytest.FixtureRequest) -> Told:
    return Told(request.param)


def test_a_port_is_closed_in_one_vlan_and_open_in_all_others(told: Told) -> None:
    told.follow({})
    assert told.state.vlans == ()
    told.follow({VLAN: frozenset({2})})
    assert told.leaves_by(1, VLAN) == [3]
    assert told.leaves_by(2, VLAN) == []
    for vlan in (None, OTHER):
        assert told.leaves_by(1, vlan) == [2, 3]
        assert told.leaves_by(2, vlan) == [1, 3]
    assert told.follow({VLAN: frozenset({2})}) == 0
    told.follow({VLAN: frozenset({3}), OTHER: frozenset({1})})
    assert told.leaves_by(1, VLAN) == [2]
    assert told.leaves_by(2, OTHER) == [3]
    told.follow({})
    assert told.leaves_by(2, VLAN) == [1, 3]
    assert told.state.vlans == ()
    assert [entry for entry in told.real.entries() if entry.match.dl_vlan is not None] == []


def test_the_list_follows_the_common_tree(told: Told) -> None:
    told.follow({VLAN: frozenset({2})})
    told.follow({VLAN: frozenset({2})}, wanted=frozenset({1, 2}))
    assert told.leaves_by(1, VLAN) == []
    told.follow({VLAN: frozenset({2})})
    assert told.leaves_by(1, VLAN) == [3]


def test_what_a_switch_has_is_read_as_what_it_was_told(told: Told) -> None:
    told.follow({VLAN: frozenset({2}), OTHER: frozenset({1, 3})})
    assert told.reads().vlans == told.state.vlans
    assert [one.is_current for one in told.reads(GENERATION + 1).vlans] == [False, False]


def test_entries_of_an_earlier_run_are_written_anew_or_go(told: Told) -> None:
    told.follow({VLAN: frozenset({2}), OTHER: frozenset({1})})
    told.state = told.reads(GENERATION - 1)
    assert told.state.leftovers == ()
    told.follow({VLAN: frozenset({2})})
    assert told.reads().vlans == (VlanFlood(VLAN, frozenset({1, 3}), frozenset({2})),)
    owners = {entry.cookie for entry in told.real.entries() if entry.match.dl_vlan is not None}
    assert owners == {cookie(Owner.SPANNING_TREE, GENERATION)}


@pytest.mark.parametrize("lost", ["drop", "list"])
def test_what_others_have_deleted_is_written_again(told: Told, lost: str) -> None:
    told.follow({VLAN: frozenset({2})})
    for entry in told.real.entries():
        is_drop = entry.match.in_port is not None
        if entry.match.dl_vlan is not None and is_drop == (lost == "drop"):
            gone = FlowMod(FlowCommand.DELETE_STRICT, entry.match, entry.priority, entry.cookie)
            assert told.real.apply(gone) is None
    before = told.state.vlans
    told.state = told.reads()
    assert told.state.vlans != before
    told.follow({VLAN: frozenset({2})})
    assert told.reads().vlans == before
    assert told.leaves_by(1, VLAN) == [3]


def test_closing_comes_before_opening_in_each_vlan(told: Told) -> None:
    told.follow({VLAN: frozenset({2})})
    wanted = {VLAN: frozenset({3})}
    step = closing(told.switch, told.state, PORTS, GENERATION, None, None, wanted)
    (after,) = step.after.vlans
    assert after == VlanFlood(VLAN, frozenset({1}), frozenset({2, 3}))
    assert are_closed(step.after.vlans, wanted)
    assert not are_closed(told.state.vlans, wanted)
    assert {message.command for message in step.messages} == {FlowCommand.ADD}  # type: ignore[union-attr]


def test_what_is_not_closed_in_a_vlan_needs_no_entries_for_it(told: Told) -> None:
    step = closing(told.switch, FloodState(), PORTS, GENERATION)
    vlans = [m.match.dl_vlan for m in step.messages if isinstance(m, FlowMod)]
    assert vlans.count(None) == len(vlans)


def test_a_list_is_bounded_and_has_the_local_port() -> None:
    ports = (*range(1, MAX_LISTED + 10), LOCAL_PORT)
    switch = switch_of(4, *ports)
    state = FloodState(frozenset(ports), grouped=True, floods=True)
    step = closing(switch, state, frozenset(ports), GENERATION, None, None, {VLAN: frozenset({1})})
    (after,) = step.after.vlans
    assert after.ports is not None
    assert len(after.ports) == MAX_LISTED
    few = switch_of(4, 1, 2, LOCAL_PORT)
    assert reads_back(few) == frozenset({2, LOCAL_PORT})


def reads_back(switch: Switch) -> frozenset[int] | None:
    real = DirectSwitch(1, 4, (1, 2))
    state = FloodState(frozenset(switch.ports), grouped=True, floods=True)
    wanted = {VLAN: frozenset({1})}
    step = closing(switch, state, frozenset(switch.ports), GENERATION, None, None, wanted)
    for message in step.messages:
        if isinstance(message, FlowMod):
            assert real.apply(message) is None
    (found,) = read_state(switch, real.entries(), None, GENERATION).vlans
    return found.ports


def test_the_entries_are_above_the_tree_and_below_pairs_of_hosts() -> None:
    assert Priority.BROADCAST < Priority.VLAN_BROADCAST < Priority.UNICAST
    match = Match(1, dl_vlan=VLAN)
    assert owner_of(cookie(Owner.SPANNING_TREE, 1)) is Owner.SPANNING_TREE
    assert match.dl_vlan == VLAN
