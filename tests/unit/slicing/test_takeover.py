"""Takeover of switches by an engine that knows what tenants had there, or has read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import RateLimiter, SliceLimits
from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.core.slicing.table_record import (
    RecordedSwitch,
    all_records,
    entry_gone,
    entry_put,
    read_records,
)
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.kept_tables import KeptTables, first_id
from horizon_ryu.slicer.takeover10 import MOST_TOLD
from horizon_ryu.wire.of10.controller import FlowMod10
from horizon_ryu.wire.of10.statistics import FlowStats10, StatsReply, StatsRequest
from horizon_ryu.wire.symmetric import Error
from unit.slicing.sliced10 import Sliced, flow_mod, match, output

SWITCH = RecordedSwitch(0, 1)
ADD, MODIFY_STRICT, DELETE, DELETE_STRICT = 0, 2, 3, 4


class Switch:
    """A switch of OpenFlow 1.0 that has what it is told, and tells it."""

    def __init__(self) -> None:
        self.entries: dict[tuple[Any, int], FlowMod10] = {}
        self.least = 0
        """How few entries it ever had since that was asked."""

    def take(self, messages: list[Any]) -> None:
        for mod in messages:
            if not isinstance(mod, FlowMod10):
                continue
            if mod.command == DELETE:
                self.entries.clear()
            elif mod.command == DELETE_STRICT:
                self.entries.pop((mod.match, mod.priority), None)
            else:
                self.entries[mod.match, mod.priority] = mod

    def told(self) -> StatsReply:
        return StatsReply(1, 0, tuple(_stats(mod) for mod in self.entries.values()))


def _stats(mod: FlowMod10) -> FlowStats10:
    return FlowStats10(
        0, mod.match, 9, 0, mod.priority, mod.idle_timeout, mod.hard_timeout, mod.cookie, 5, 500,
        mod.actions,
    )  # fmt: skip


class Again(Sliced):
    """The same slices after a new connection of the switch, which is taken over."""

    def __init__(self, kept: list[TenantEntry], **rules: Any) -> None:
        self.kept = kept
        super().__init__(**rules)

    def made(self, ports: int) -> Any:
        found = super().made(ports)
        begin = found.begin
        found.begin = lambda: setattr(self, "lost", begin(self.kept))
        found._tables._last_id = first_id(tuple(self.kept))
        return found

    def told(self, switch: Switch, **changed: Any) -> list[Any]:
        """Answer the question for all entries; return what the switch is told by that."""
        asked = [one for one in self.first if isinstance(one, StatsRequest)]
        assert len(asked) == 1
        xid = next(int.from_bytes(one[4:8], "big") for one in self.raw if one[1] == 16)
        self.answer(changed.get("reply", switch.told()), xid)
        return self.news()


def worked(*mods: Any) -> tuple[Sliced, Switch]:
    """Return slices, and a switch that has what they have."""
    sliced, switch = Sliced(), Switch()
    switch.take(sliced.first)
    for name, mod in mods:
        switch.take(sliced.ask(name, mod))
    return sliced, switch


def kept(sliced: Sliced) -> list[TenantEntry]:
    return list(sliced.datapath.tables.every_entry())


MODS = (
    ("c0", flow_mod(match(in_port=0), output(2), cookie=5)),
    ("c1", flow_mod(match(in_port=1), output(3), cookie=6)),
)


def test_a_switch_that_has_everything_is_told_no_flow_mod_but_what_it_has() -> None:
    before, switch = worked(*MODS)
    assert len(switch.entries) > 1
    again = Again(kept(before))
    assert again.lost == []
    assert not [one for one in again.first if isinstance(one, FlowMod10) and one.command == DELETE]
    assert [one for one in again.told(switch) if isinstance(one, FlowMod10)] == []
    assert kept(again) == kept(before)
    assert list(again.datapath.sliced.installed) == list(before.datapath.sliced.installed)


def test_what_a_switch_lacks_is_added_and_what_nobody_owns_goes_strictly_after_that() -> None:
    before, switch = worked(*MODS)
    missing = next(key for key, mod in switch.entries.items() if mod.cookie)
    missed = switch.entries.pop(missing)
    foreign = flow_mod(match(in_port=9), output(2), cookie=77)
    switch.take([foreign])
    told = [one for one in Again(kept(before)).told(switch) if isinstance(one, FlowMod10)]
    assert [one.command for one in told] == [ADD, DELETE_STRICT]
    assert (told[0].match, told[0].cookie, told[0].actions) == (
        missed.match, missed.cookie, missed.actions,
    )  # fmt: skip
    assert (told[1].match, told[1].priority) == (foreign.match, foreign.priority)


def test_an_entry_that_does_something_else_is_changed_in_place() -> None:
    before, switch = worked(*MODS)
    key, mod = next((key, mod) for key, mod in switch.entries.items() if mod.cookie)
    switch.entries[key] = flow_mod(mod.match, output(1), cookie=mod.cookie)
    told = [one for one in Again(kept(before)).told(switch) if isinstance(one, FlowMod10)]
    assert [(one.command, one.match, one.actions) for one in told] == [
        (MODIFY_STRICT, mod.match, mod.actions)
    ]


def test_an_entry_with_a_timeout_that_the_switch_has_no_more_has_ended() -> None:
    before, switch = worked(
        ("c0", flow_mod(match(in_port=0), output(2), cookie=5, idle=3)), MODS[1]
    )
    for key in [key for key, mod in switch.entries.items() if mod.idle_timeout]:
        del switch.entries[key]
    again = Again(kept(before))
    assert len(kept(again)) == 2
    told = [one for one in again.told(switch) if isinstance(one, FlowMod10)]
    assert {one.command for one in told} <= {DELETE_STRICT}, "it is not made again"
    assert [entry.cookie for entry in kept(again)] == [6]


def test_what_a_tenant_changes_while_the_switch_is_asked_stays_as_it_is() -> None:
    before, switch = worked(*MODS)
    answer = switch.told()
    again = Again(kept(before))
    added = again.ask("c0", flow_mod(match(in_port=2), output(0), cookie=8))
    assert [one.command for one in added if isinstance(one, FlowMod10)] == [ADD, ADD]
    deleted = again.ask("c1", flow_mod(match(), command=DELETE))
    assert {one.command for one in deleted if isinstance(one, FlowMod10)} == {DELETE_STRICT}
    told = [one for one in again.told(switch, reply=answer) if isinstance(one, FlowMod10)]
    assert {one.command for one in told} <= {DELETE_STRICT}
    assert {one.match for one in told} == {one.match for one in deleted}
    assert [entry.cookie for entry in kept(again)] == [5, 8]


def test_entries_of_a_slice_that_is_no_more_go_when_those_of_others_stand() -> None:
    before, switch = worked(*MODS)
    rules = [rule for rule in before.rules if rule.slice_name == "c1"]
    again = Again(kept(before), rules=rules, names=("c1",))
    assert [entry.cookie for entry in again.lost] == [5]
    told = [one for one in again.told(switch) if isinstance(one, FlowMod10)]
    assert {one.command for one in told} == {DELETE_STRICT}
    switch.take(told)
    assert {mod.cookie for mod in switch.entries.values() if mod.cookie} == {
        entry.entry_id for entry in kept(again)
    }


@pytest.mark.parametrize("how", ["refused", "endless"])
def test_a_switch_that_does_not_tell_what_it_has_is_emptied_and_filled_again(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, switch = worked(*MODS)
    again = Again(kept(before))
    if how == "refused":
        told = again.told(switch, reply=Error(1, 2, b""))
    else:
        assert MOST_TOLD > 1
        monkeypatch.setattr("horizon_ryu.slicer.takeover10.MOST_TOLD", 1)
        told = again.told(switch)
    mods = [one for one in told if isinstance(one, FlowMod10)]
    assert mods[0].command == DELETE
    emptied = Switch()
    emptied.take(mods)
    assert set(emptied.entries) == set(switch.entries)


def test_ids_of_new_entries_are_none_that_an_earlier_connection_gave() -> None:
    before, _ = worked(*MODS)
    again = Again(kept(before))
    (mod, *_) = [
        one
        for one in again.ask("c0", flow_mod(match(in_port=2), output(0)))
        if isinstance(one, FlowMod10)
    ]
    assert mod.cookie > max(entry.entry_id for entry in kept(before)) + 2**31
    assert first_id(None) != first_id(None)


# ---- records


def recorded(folder: Path, *mods: Any) -> tuple[Sliced, KeptTables]:
    """Return slices whose tables are kept in a file."""
    sliced, tables = Sliced(), KeptTables()
    tables.open(folder / "tables", pytest.fail)
    tables.follow(SWITCH, sliced.datapath.tables, [])
    for name, mod in mods:
        sliced.ask(name, mod)
    tables.flush()
    return sliced, tables


def read(folder: Path) -> list[TenantEntry] | None:
    tables = KeptTables()
    tables.open(folder / "tables", pytest.fail)
    had = tables.had(SWITCH)
    tables.close()
    return None if had is None else list(had.entries)


def test_tables_are_read_as_they_were_when_their_engine_was_killed(tmp_path: Path) -> None:
    gone = ("c0", flow_mod(match(in_port=0), command=DELETE))
    changed = ("c1", flow_mod(match(in_port=1), output(1), command=MODIFY_STRICT, cookie=9))
    sliced, _ = recorded(tmp_path, *MODS, gone, changed)
    assert len(kept(sliced)) == 1
    assert read(tmp_path) == kept(sliced)


def test_a_torn_end_is_cut_off_and_written_on(tmp_path: Path) -> None:
    sliced, _ = recorded(tmp_path, MODS[0])
    first = kept(sliced)
    path = tmp_path / "tables"
    path.write_bytes(path.read_bytes() + entry_put(SWITCH, first[0])[:-3])
    tables = KeptTables()
    tables.open(path, pytest.fail)
    had = tables.had(SWITCH)
    assert had is not None
    assert list(had.entries) == first
    tables.follow(SWITCH, sliced.datapath.tables, [])
    sliced.ask(*MODS[1])
    tables.close()
    assert read(tmp_path) == kept(sliced)
    assert len(kept(sliced)) == 2


def test_what_is_damaged_ends_the_reading_and_nothing_else() -> None:
    sliced, _ = worked(*MODS)
    one, other = (entry_put(SWITCH, entry) for entry in kept(sliced))
    for at in range(len(other)):
        broken = bytearray(other)
        broken[at] ^= 0x40
        found = read_records(one + bytes(broken))
        assert found.sound == len(one)
        assert len(found.switches[SWITCH]) == 1
    assert read_records(bytes(64)).switches == {}
    assert read_records(one + other + entry_gone(SWITCH, kept(sliced)[0].entry_id)).switches == {
        SWITCH: {kept(sliced)[1].entry_id: kept(sliced)[1]}
    }


def test_a_file_is_begun_anew_when_it_has_grown_and_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("horizon_ryu.slicer.table_journal.LEAST_COMPACTED", 1000)
    sliced, tables = Sliced(), KeptTables()
    path = tmp_path / "tables"
    tables.open(path, pytest.fail)
    tables._journal._limit = 1000  # type: ignore[union-attr]
    tables.follow(SWITCH, sliced.datapath.tables, [])
    for at in range(200):
        sliced.ask("c0", flow_mod(match(in_port=0), output(2), cookie=at))
        tables.flush()
        assert path.stat().st_size <= 1200
    assert read(tmp_path) == kept(sliced)
    assert len(path.read_bytes()) >= len(all_records([(SWITCH, kept(sliced))]))


def test_a_file_that_cannot_be_written_is_told_once_and_written_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    sliced, tables = Sliced(), KeptTables()
    tables.open(tmp_path / "tables", told.append)
    tables.follow(SWITCH, sliced.datapath.tables, [])
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda _file, data: len(data) // 2)
        for at in range(3):
            sliced.ask("c0", flow_mod(match(in_port=0), output(2), cookie=at))
            tables.flush()
    assert len(told) == 1
    for at in range(300):
        sliced.ask("c0", flow_mod(match(in_port=0), output(2), cookie=at))
        tables.flush()
    assert read(tmp_path) == kept(sliced)
    assert len(told) == 1


def test_a_slice_that_comes_back_finds_its_limits_and_its_entries() -> None:
    before, switch = worked(*MODS)
    again = Again(kept(before))
    again.told(switch)
    limits = SliceLimits(flow_entries=1)
    again.datapath.set_slice(SliceSettings("c0", (), limits), RateLimiter(limits, again.now), None)
    assert again.ask("c0", flow_mod(match(in_port=2), output(0))) == []
    removed = again.ask("c0", flow_mod(match(), command=DELETE))
    assert {one.command for one in removed if isinstance(one, FlowMod10)} == {DELETE_STRICT}


def test_a_switch_is_taken_over_a_step_at_a_time_and_tenants_wait_for_it() -> None:
    before, switch = worked(*MODS)
    lacking = next(at for at, one in switch.entries.items() if one.cookie)
    del switch.entries[lacking]
    again = Again(kept(before))
    works: list[Any] = []
    again.datapath.carry_by(works.append)
    assert again.told(switch) == []
    assert again.datapath.is_at_work
    new = flow_mod(match(in_port=0, dl_type=0x0800), output(2), priority=9)
    assert again.ask("c0", new) == [], "it waits"
    (work,) = works
    said = []
    for _ in work:
        said.append([one for one in again.news() if isinstance(one, FlowMod10)])
    (put_back,), *ours = [step for step in said if step]
    assert (put_back.match, put_back.priority) == lacking
    assert ours, "what has waited"
    assert not again.datapath.is_at_work
