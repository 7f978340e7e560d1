"""Tenants on one switch: each frame is handled as its owner's own table would, and no other's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from horizon_ryu.core.slicing.flowspace import MOST_REMEMBERED, Flowspace, SwitchFlowspace
from horizon_ryu.core.slicing.priority_bands import BandFull, PriorityBand, PriorityBands
from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.core.slicing.rule import READ_WRITE, FlowspaceRule, Permission
from horizon_ryu.core.slicing.sliced_switch import Guard, SlicedSwitch
from horizon_ryu.core.slicing.switch_entries import EntryRemoval, InstalledEntry, SwitchChanges
from horizon_ryu.core.slicing.tenant_table import (
    RULES_10,
    FlowChange,
    OutsideFlowspace,
    OverlappingEntry,
    QuotaExceeded,
    TableCommand,
    TenantEntry,
)
from horizon_ryu.core.slicing.value_set import ValueSet
from horizon_ryu.wire.ternary import HEADER_10, TernaryMatch

PORTS, TAGS = range(1, 5), range(4)
"""The frames of these tests differ in the port they come in at and in their tag."""
HEADERS = {
    (port, tag): HEADER_10.match(in_port=port, dl_vlan=tag, dl_type=0x0900).value
    for port in PORTS
    for tag in TAGS
}
DPID = 1


def rule(
    number: int,
    name: str,
    priority: int = 100,
    ports: list[tuple[int, int]] | None = None,
    tags: list[tuple[int, int]] | None = None,
    permissions: Permission = READ_WRITE,
) -> FlowspaceRule:
    match = {}
    if ports is not None:
        match["in_port"] = ValueSet.of(32, ports)
    if tags is not None:
        match["dl_vlan"] = ValueSet.of(13, [(0x1000 | low, 0x1000 | high) for low, high in tags])
    return FlowspaceRule(number, name, None, match, priority, permissions)


def translate(entry: TenantEntry, _match: TernaryMatch, _rule: FlowspaceRule) -> Any:
    return entry.program


class SwitchModel:
    """The entries of a switch, as messages have made them."""

    def __init__(self, rules: list[FlowspaceRule]) -> None:
        self.sliced = SlicedSwitch(Flowspace(HEADER_10, rules).on(DPID), RULES_10, translate)
        self.entries: dict[tuple[TernaryMatch, int], InstalledEntry] = {}
        self.guards: list[Guard] = list(self.sliced.guards())
        self.last_id = 0
        self.is_between = self.is_on_the_way = False
        self.behind: list[SwitchChanges] | None = None
        """What is said while much is to be said before it."""

    def entry(
        self, name: str, match: TernaryMatch, priority: int, program: str = "", **more: Any
    ) -> TenantEntry:
        self.last_id += 1
        text = program or f"{name}{self.last_id}"
        return TenantEntry(self.last_id, name, match, priority, self.last_id, text, **more)

    def carry_out(self, changes: SwitchChanges) -> None:
        for entry in changes.added:
            self.entries[entry.address] = entry
        for entry in changes.modified:
            assert entry.address in self.entries, "a MODIFY_STRICT that finds nothing would add"
            self.entries[entry.address] = entry
        for entry in changes.deleted:
            # What ends on the way to another flowspace may not have come yet.
            assert entry.address in self.entries or self.is_on_the_way
            self.entries.pop(entry.address, None)

    def flow_mod(
        self,
        command: TableCommand,
        name: str,
        match: TernaryMatch,
        priority: int = 1,
        quota: int | None = None,
        check_overlap: bool = False,
        **more: Any,
    ) -> None:
        change = FlowChange(
            command, self.entry(name, match, priority, **more), check_overlap=check_overlap
        )
        self.carry_out(self.sliced.flow_mod(name, change, quota)[1])

    def add(self, name: str, match: TernaryMatch, priority: int = 1, **more: Any) -> None:
        self.flow_mod(TableCommand.ADD, name, match, priority, **more)

    def handled_by(self, header: int) -> InstalledEntry | Guard | None:
        taking = [one for one in self.entries.values() if one.match.takes(header)]
        taking += [one for one in self.guards if one.match.takes(header)]  # type: ignore[misc]
        return max(taking, key=lambda one: one.priority, default=None)

    def expire(
        self,
        address: tuple[TernaryMatch, int],
        now: float,
        is_idle: bool = True,
        packets: int = 0,
    ) -> bool:
        """Remove an entry as the switch does; tell whether the tenant's entry has ended."""
        ended = self.sliced.removed(EntryRemoval(*address, is_idle, packets), now)
        assert ended is not None
        del self.entries[address]
        if self.behind is None:
            self.carry_out(ended.changes)
        else:
            self.behind.append(ended.changes)
        return ended.is_last

    def moving(self, flowspace: SwitchFlowspace, lost: list[TenantEntry]) -> Iterator[None]:
        """Give the switch another flowspace as a datapath does; each step is one message."""
        names = self.sliced.others_than_staying(flowspace)
        if names is not None:
            for changes, gone in self.sliced.moving(flowspace, names):
                self.is_between = False
                yield from self._one_by_one(changes)
                lost += [] if gone is None else [gone]
                self.is_between = True
                yield None
            return
        before = {(guard.match, guard.priority) for guard in self.guards}
        transition = yield from self.sliced.rebuilding(flowspace, before)
        lost += transition.lost
        guards = {(guard.match, guard.priority): guard for guard in self.sliced.guards()}
        self.behind = []
        for command, address, entry in transition.steps():
            if entry is not None:
                yield from self._one_by_one(_as_changes(command, entry))
                continue
            if command is TableCommand.ADD:
                self.entries.pop(address, None)
                self.guards.append(guards[address])
            else:
                self.guards = [one for one in self.guards if (one.match, one.priority) != address]
            yield None
        # One that stays where it is may be another slice's now.
        assert {one[:2] for one in self.guards} == guards.keys()
        self.guards = list(guards.values())
        behind, self.behind = self.behind, None
        for changes in behind:
            self.carry_out(changes)

    def _one_by_one(self, changes: SwitchChanges) -> Iterator[None]:
        for entry in changes.added:
            self.guards = [one for one in self.guards if one[:2] != entry.address]
            self.carry_out(SwitchChanges(added=(entry,)))
            yield None
        for entry in changes.modified:
            self.carry_out(SwitchChanges(modified=(entry,)))
            yield None
        for entry in changes.deleted:
            self.carry_out(SwitchChanges(deleted=(entry,)))
            yield None

    def move(self, flowspace: SwitchFlowspace) -> list[TenantEntry]:
        """Give the switch another flowspace; return the entries that are lost."""
        lost: list[TenantEntry] = []
        for _ in self.moving(flowspace, lost):
            pass
        return lost

    def check(self) -> None:
        """Compare, frame by frame, the switch with the tables of its tenants."""
        assert set(self.entries.values()) == set(self.sliced.installed)
        for header in HEADERS.values():
            owner = self.sliced.flowspace.owner(header)
            own = (
                []
                if owner is None
                else [one for one in self.sliced.table(owner.slice_name) if one.match.takes(header)]
            )
            best = max((one.priority for one in own), default=None)
            allowed = {one.program for one in own if one.priority == best}
            found = self.handled_by(header)
            if isinstance(found, InstalledEntry):
                assert found.program in allowed
            else:
                assert not allowed
                assert found is None or owner is None or found.slice_name == owner.slice_name


def _as_changes(command: TableCommand, entry: InstalledEntry) -> SwitchChanges:
    if command is TableCommand.ADD:
        return SwitchChanges(added=(entry,))
    if command is TableCommand.DELETE_STRICT:
        return SwitchChanges(deleted=(entry,))
    return SwitchChanges(modified=(entry,))


EVERY = TernaryMatch(0, 0)


def at_port(port: int) -> TernaryMatch:
    return HEADER_10["in_port"].equal_to(port)


def tagged(tag: int) -> TernaryMatch:
    return HEADER_10["dl_vlan"].equal_to(tag)


def test_an_entry_becomes_one_for_each_part_of_the_slices_flowspace() -> None:
    switch = SwitchModel(
        [rule(1, "a", ports=[(1, 2)], tags=[(0, 1)]), rule(2, "b", ports=[(3, 3)])]
    )
    switch.add("a", EVERY, 7)
    assert len(switch.entries) == 4
    assert {entry.priority for entry in switch.entries.values()} == {7}
    switch.check()


def test_an_entry_within_one_rule_stays_as_it_is() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)])])
    match = HEADER_10.match(in_port=2, dl_vlan=3)
    switch.add("a", match, 9)
    assert list(switch.entries) == [(match, 9)]


def test_an_entry_outside_is_refused_and_nothing_changes() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)]), rule(2, "b", ports=[(3, 3)])])
    with pytest.raises(OutsideFlowspace):
        switch.add("b", at_port(1))
    with pytest.raises(OutsideFlowspace):
        switch.add("nobody", EVERY)
    assert not switch.entries
    assert not list(switch.sliced.table("b"))


def test_a_higher_flowspace_is_not_overridden_by_the_highest_priority_of_a_lower_one() -> None:
    """FlowVisor #42: B's DROP of everything at 65535 reached the switch above A's entries."""
    switch = SwitchModel([rule(1, "a", 5000, tags=[(1, 1)]), rule(2, "b", 1000)])
    switch.add("b", EVERY, 65535)
    switch.add("a", EVERY, 1)
    switch.check()
    handled = switch.handled_by(HEADERS[1, 1])
    assert isinstance(handled, InstalledEntry)
    assert handled.owner.slice_name == "a"


def test_frames_that_the_higher_slice_has_no_entry_for_come_to_it_not_to_the_lower_one() -> None:
    switch = SwitchModel([rule(1, "a", 5000, tags=[(1, 1)]), rule(2, "b", 1000)])
    switch.add("b", EVERY, 65535)
    handled = switch.handled_by(HEADERS[1, 1])
    assert isinstance(handled, Guard)
    assert handled.slice_name == "a"
    switch.check()


def test_read_permission_owns_no_frames() -> None:
    switch = SwitchModel(
        [rule(1, "watcher", 9000, permissions=Permission.READ), rule(2, "a", 1000)]
    )
    header = HEADERS[1, 1]
    owner = switch.sliced.flowspace.owner(header)
    assert owner is not None
    assert owner.slice_name == "a"
    assert switch.sliced.flowspace.observers(header) == ["watcher"]
    with pytest.raises(OutsideFlowspace):
        switch.add("watcher", EVERY)


def test_the_quota_counts_what_is_installed_and_is_all_or_nothing() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 4)])])
    switch.add("a", at_port(1), quota=4)
    with pytest.raises(QuotaExceeded):
        switch.add("a", EVERY, quota=4)
    assert len(switch.entries) == 1
    switch.add("a", at_port(1), quota=1)
    switch.flow_mod(TableCommand.DELETE, "a", EVERY)
    switch.add("a", EVERY, quota=4)
    assert len(switch.entries) == 4


def test_check_overlap_is_answered_from_the_slices_own_table() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)]), rule(2, "b", ports=[(3, 4)])])
    switch.add("b", EVERY, 5)
    switch.add("a", tagged(1), 5, check_overlap=True)
    with pytest.raises(OverlappingEntry):
        switch.add("a", at_port(1), 5, check_overlap=True)
    switch.add("a", at_port(1), 6, check_overlap=True)
    switch.check()


def test_two_entries_with_the_same_part_give_it_back_one_after_the_other() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 1)])])
    switch.add("a", EVERY, 5, program="wide")
    switch.add("a", at_port(1), 5, program="narrow")
    assert [entry.program for entry in switch.entries.values()] == ["narrow"]
    switch.flow_mod(TableCommand.DELETE_STRICT, "a", at_port(1), 5)
    assert [entry.program for entry in switch.entries.values()] == ["wide"]
    switch.check()


def test_an_entry_ends_once_when_all_of_its_parts_are_idle() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 3)])])
    switch.add("a", EVERY, 5, idle_timeout=10)
    ends = [switch.expire(address, 10.0) for address in list(switch.entries)]
    assert ends == [False, False, True]
    assert not switch.entries
    assert not list(switch.sliced.table("a"))
    assert len(switch.sliced.installed) == 0


def test_a_part_that_is_idle_stays_while_another_is_in_use() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)])])
    switch.add("a", EVERY, 5, idle_timeout=10)
    switch.add("a", EVERY, 4)
    one, two = (at_port(1), 5), (at_port(2), 5)
    assert not switch.expire(one, 10.0)
    switch.check()
    assert not switch.expire(two, 15.0, packets=1), "port 1 may have been used since"
    assert not switch.expire(one, 24.0, packets=1), "port 1 was used at 14"
    assert switch.expire(two, 25.0, packets=0), "both are known to be idle from 14 to 24"
    assert {entry.priority for entry in switch.entries.values()} == {4}
    switch.check()


def test_an_entry_whose_time_is_over_ends_with_its_first_part() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)])])
    switch.add("a", EVERY, 5, hard_timeout=10)
    assert switch.expire((at_port(1), 5), 10.0, is_idle=False)
    assert not switch.entries
    assert switch.sliced.removed(EntryRemoval(at_port(2), 5, is_idle=False), 10.0) is None


def test_an_entry_of_too_many_parts_is_refused() -> None:
    many = FlowspaceRule(
        1,
        "a",
        None,
        {"dl_vlan": ValueSet.of(13, [(0x1000, 0x1FFF)]), "in_port": ValueSet.of(32, [(1, 100)])},
    )
    switch = SwitchModel([])
    switch.move(Flowspace(HEADER_10, [many]).on(DPID))
    with pytest.raises(TooManyEntries):
        switch.add("a", EVERY)


def test_a_slice_that_loses_its_flowspace_loses_its_entries_and_no_other_is_touched() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)]), rule(2, "b", ports=[(3, 4)])])
    switch.add("a", EVERY, 5)
    switch.add("b", EVERY, 5)
    kept = {entry.address for entry in switch.entries.values() if entry.owner.slice_name == "b"}
    stays = {at: one for at, one in switch.entries.items() if at in kept}
    lost = switch.move(Flowspace(HEADER_10, [rule(2, "b", ports=[(3, 4)])]).on(DPID))
    assert all(switch.entries[at] is one for at, one in stays.items()), "none comes again"
    assert {entry.address for entry in switch.entries.values()} == kept
    assert [entry.slice_name for entry in lost] == ["a"]


def random_rules(rng: random.Random) -> list[FlowspaceRule]:
    def spans(values: range) -> list[tuple[int, int]] | None:
        if rng.random() < 0.35:
            return None
        low = rng.choice(values)
        return [(low, rng.choice(values[values.index(low) :]))]

    return [
        rule(number, rng.choice("abc"), rng.choice((1, 5, 9)), spans(PORTS), spans(TAGS))
        for number in range(rng.randrange(1, 6))
    ]


def random_match(rng: random.Random) -> TernaryMatch:
    fields = {}
    if rng.random() < 0.6:
        fields["in_port"] = rng.choice(PORTS)
    if rng.random() < 0.6:
        fields["dl_vlan"] = rng.choice(TAGS)
    return HEADER_10.match(**fields)


@pytest.mark.parametrize("seed", range(60))
def test_each_frame_is_handled_by_its_owners_table_whatever_tenants_do(seed: int) -> None:
    rng = random.Random(seed)
    switch = SwitchModel(random_rules(rng))
    now = 0.0
    for _ in range(40):
        what, name = rng.random(), rng.choice("abc")
        priority = rng.choice((0, 1, 2, 40000, 40001, 65535))
        try:
            if what < 0.8:
                switch.flow_mod(rng.choice(list(TableCommand)), name, random_match(rng), priority)
            elif what < 0.9 and switch.entries:
                now += rng.choice((0, 1, 10))
                address = rng.choice(sorted(switch.entries))
                switch.expire(address, now, rng.choice((True, True, False)), rng.randrange(2))
            else:
                flowspace = Flowspace(HEADER_10, random_rules(rng)).on(DPID)
                switch.move(flowspace)
        except OutsideFlowspace:
            continue
        switch.check()


def test_a_band_keeps_the_order_of_priorities_however_many_there_are() -> None:
    rng = random.Random(5)
    band = PriorityBand(100, 163)
    used: list[int] = []
    for _ in range(2000):
        if used and rng.random() < 0.48:
            gone = rng.choice(used)
            used.remove(gone)
            band.release(gone)
        else:
            priority = rng.randrange(65536)
            try:
                band.take(priority)
            except BandFull:
                assert len(set(used)) == 64
                continue
            used.append(priority)
        places = [band.place(priority) for priority in sorted(set(used))]
        assert places == sorted(set(places))
        assert all(100 <= place <= 163 for place in places)


def test_one_level_leaves_every_priority_as_it_is() -> None:
    bands = PriorityBands(1)
    for priority in (0, 1, 77, 65534, 65535):
        bands[0].take(priority)
        assert bands[0].place(priority) == priority
    many = PriorityBands(5)
    for level in range(5):
        for priority in (0, 65535):
            many[level].take(priority)
    assert all(
        many.guard(level) < many[level].place(0)
        and many[level - 1].place(65535) < many.guard(level)
        for level in range(1, 5)
    )


def added_whole(sliced: SlicedSwitch, entry: TenantEntry) -> InstalledEntry | None:
    """Add an entry by the short way, as the slicer does; None if it takes more than that."""
    part = sliced.whole_part(entry)
    place = None if part is None else sliced.add_part(entry, part)
    if part is None or place is None:
        return None
    return InstalledEntry(entry.match, place, part.program, entry)


@pytest.mark.parametrize("seed", range(40))
def test_entries_added_by_the_short_way_are_those_of_the_long_one(seed: int) -> None:
    """Whole entries, new and in the place of others, with one rule or with several levels."""
    rng = random.Random(seed)
    rules = [
        rule(1, "a", 300, [(1, 2)], [(0, 1)]),
        rule(2, "b", 200, [(2, 3)], None),
        rule(3, "a", 100, [(4, 4)], None),
    ][: rng.randrange(1, 4)]
    short, long = SwitchModel(rules), SwitchModel(rules)
    taken = 0
    for _ in range(80):
        name = rng.choice("ab")
        fields = {"in_port": rng.choice(PORTS), "dl_vlan": rng.choice(TAGS)}
        match = HEADER_10.match(**dict(rng.sample(sorted(fields.items()), rng.randrange(1, 3))))
        entry = short.entry(name, match, rng.randrange(3), rng.choice(("x", "y", "")))
        change = FlowChange(TableCommand.ADD, entry)
        try:
            sent = long.sliced.flow_mod(name, change)[1]
        except OutsideFlowspace:
            assert added_whole(short.sliced, entry) is None
            continue
        long.carry_out(sent)
        added = added_whole(short.sliced, entry)
        if added is None:
            short.carry_out(short.sliced.flow_mod(name, change)[1])
        else:
            taken += 1
            assert sent == SwitchChanges(added=(added,))
            short.carry_out(SwitchChanges(added=(added,)))
        if rng.random() < 0.1:
            every = FlowChange(TableCommand.DELETE, short.entry(name, EVERY, 0))
            for model in (short, long):
                model.carry_out(model.sliced.flow_mod(name, every)[1])
        assert short.entries == long.entries
        for owner in "ab":
            assert list(short.sliced.table(owner)) == list(long.sliced.table(owner))
            assert short.sliced.installed.count(owner) == long.sliced.installed.count(owner)
            assert set(short.sliced.installed.programs(owner)) == set(
                long.sliced.installed.programs(owner)
            )
        short.check()
    assert taken


def test_what_a_flowspace_remembers_is_bounded_and_told_by_what_rules_name() -> None:
    flowspace = Flowspace(HEADER_10, [rule(1, "a", ports=[(1, 1)])]).on(DPID)
    for number in range(3 * MOST_REMEMBERED):
        header = HEADER_10.match(in_port=number & 0xFFFF, dl_src=number).value
        assert (flowspace.owner(header) is None) is (number != 1)
        within = flowspace.whole_region("a", HEADER_10.match(in_port=1, dl_src=number))
        assert within == 0
        outside = flowspace.whole_region("a", HEADER_10.match(in_port=number & 0xFFFF | 2))
        assert outside == -1
    owners, regions = flowspace.remembered
    assert 0 < owners <= MOST_REMEMBERED
    assert 0 < regions <= MOST_REMEMBERED


def test_a_match_that_another_slice_takes_all_of_is_in_no_region() -> None:
    above = rule(1, "a", 300, tags=[(1, 1)])
    flowspace = Flowspace(HEADER_10, [above, rule(2, "b", 100, ports=[(1, 1)])]).on(DPID)
    assert flowspace.whole_region("b", HEADER_10.match(in_port=1)) == 1
    assert flowspace.whole_region("b", HEADER_10.match(in_port=1, dl_vlan=1)) == -1
    assert flowspace.whole_region("b", HEADER_10.match(in_port=1, dl_vlan=2)) == 1
    assert flowspace.whole_region("b", HEADER_10.match(dl_vlan=2)) == -1


# ---- slices that stay when others move


def moved(switch: SwitchModel, rules: list[FlowspaceRule]) -> list[str] | None:
    """Give the switch another flowspace; return the slices worked out anew."""
    flowspace = Flowspace(HEADER_10, rules).on(DPID)
    names = switch.sliced.others_than_staying(flowspace)
    switch.move(flowspace)
    return names


def test_entries_of_a_slice_whose_rules_stay_are_not_worked_out_again() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 1)]), rule(2, "b", ports=[(2, 2)])])
    switch.add("a", EVERY, 5)
    switch.add("b", EVERY, 5)
    before = switch.handled_by(HEADERS[1, 0])
    assert moved(switch, [rule(1, "a", ports=[(1, 1)]), rule(3, "b", ports=[(3, 4)])]) == ["b"]
    switch.check()
    assert switch.handled_by(HEADERS[1, 0]) is before


def test_a_part_that_goes_from_one_slice_to_another_is_the_others_then() -> None:
    one, two = rule(1, "a", ports=[(1, 2)]), rule(2, "b", ports=[(3, 3)])
    switch = SwitchModel([one, two])
    switch.add("a", EVERY, 5)
    switch.add("b", EVERY, 5)
    given = [rule(1, "a", ports=[(1, 1)]), rule(2, "b", ports=[(2, 3)])]
    assert moved(switch, given) == ["a", "b"]
    switch.check()
    assert moved(switch, [one, two]) == ["a", "b"]
    switch.check()
    assert moved(switch, [rule(2, "b", ports=[(1, 3)])]) == ["a", "b"]
    switch.check()
    assert not list(switch.sliced.table("a"))


def test_where_slices_have_frames_in_common_all_entries_are_worked_out() -> None:
    apart = [rule(1, "a", ports=[(1, 1)]), rule(2, "b", ports=[(2, 2)])]
    switch = SwitchModel(apart)
    switch.add("a", EVERY, 5)
    switch.add("b", EVERY, 6)
    assert moved(switch, [*apart, rule(3, "a", 200, tags=[(1, 1)])]) is None
    switch.check()
    assert moved(switch, apart) is None
    switch.check()


def test_random_slices_that_are_apart_move_as_if_all_were_worked_out() -> None:
    rng = random.Random(5)
    for _ in range(40):
        switch = SwitchModel([])
        for _ in range(8):
            owners = [rng.choice("abc") for _ in PORTS]
            moved(
                switch,
                [
                    rule(port, owner, ports=[(port, port)], tags=[(0, rng.randrange(3))])
                    for port, owner in zip(PORTS, owners, strict=True)
                ],
            )
            for name in "abc":
                for match in (EVERY, tagged(1), at_port(rng.choice(PORTS))):
                    with suppress(OutsideFlowspace):
                        switch.add(name, match, rng.randrange(1, 4))
            switch.check()


# ---- on the way from one flowspace to another


def tops(switch: SwitchModel) -> dict[int, set[tuple[object, ...]]]:
    """Return what may handle each frame: those of the highest place that take it."""
    found = {}
    for header in HEADERS.values():
        taking = [(one.priority, one.owner.entry_id) for one in switch.entries.values() if
                  one.match.takes(header)]  # fmt: skip
        taking += [(one.priority, -1) for one in switch.guards if one.match.takes(header)]
        place = max((place for place, _ in taking), default=None)
        found[header] = {what for at, what in taking if at == place}
    return found


def filled(rng: random.Random, rules: list[FlowspaceRule], count: int) -> SwitchModel:
    switch = SwitchModel(rules)
    for _ in range(count):
        name, priority = rng.choice("abc"), rng.choice((0, 1, 2, 40000, 40001, 65535))
        with suppress(OutsideFlowspace):
            switch.add(name, random_match(rng), priority)
    return switch


@pytest.mark.parametrize("seed", range(80))
def test_on_the_way_each_frame_is_handled_as_before_or_as_after(seed: int) -> None:
    rng = random.Random(seed)
    switch = filled(rng, random_rules(rng), 12)
    switch.check()
    flowspace = Flowspace(HEADER_10, random_rules(rng)).on(DPID)
    before = tops(switch)
    seen = [tops(switch) for _ in switch.moving(flowspace, [])]
    switch.check()
    after = tops(switch)
    for at in seen:
        for header, found in at.items():
            assert found <= before[header] | after[header], "nobody else's entry, and no older"
            assert found or not before[header] or not after[header], "no gap"


@pytest.mark.parametrize("seed", range(80))
def test_entries_that_end_on_the_way_are_on_the_switch_no_more(seed: int) -> None:
    rng = random.Random(1_000 + seed)
    switch = filled(rng, random_rules(rng), 12)
    flowspace = Flowspace(HEADER_10, random_rules(rng)).on(DPID)
    lost: list[TenantEntry] = []
    names = switch.sliced.others_than_staying(flowspace)
    switch.is_on_the_way = True
    for _ in switch.moving(flowspace, lost):
        if switch.entries and rng.random() < 0.2 and (names is None or switch.is_between):
            address = rng.choice(sorted(switch.entries))
            if switch.sliced.installed.find(*address) == switch.entries[address]:
                switch.expire(address, 1.0, is_idle=rng.random() < 0.3)
    switch.check()
    for entry in lost:
        assert entry not in list(switch.sliced.table(entry.slice_name))


def test_what_moves_is_counted_once() -> None:
    switch = SwitchModel([rule(1, "a", ports=[(1, 2)]), rule(2, "b", ports=[(3, 3)])])
    for number in range(4):
        switch.add("a", EVERY, number)
    flowspace = Flowspace(HEADER_10, [rule(1, "a", ports=[(3, 4)]), rule(2, "b", ports=[(1, 1)])])
    most = max(switch.sliced.installed.count("a") for _ in switch.moving(flowspace.on(DPID), []))
    assert most == 8
    switch.check()
