"""Takeover of switches of OpenFlow 1.3: marks, groups, meters and entries outlive the engine."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.core.slicing.id_map import IdMap
from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.core.slicing.table_record import object_gone, object_put, read_records
from horizon_ryu.wire.of13.controller import GroupMod, MeterMod13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.statistics import FlowStats13
from horizon_ryu.wire.of13.structures import (
    ActionGroup,
    InstructionApplyActions,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteActions,
)
from horizon_ryu.wire.ofp13 import OFPMP, OFPP, OFPT
from horizon_ryu.wire.symmetric import Error
from unit.slicing.killed13 import NAMES, SWITCH, KilledEngine, share
from unit.slicing.objects13 import ALL_GROUPS, FF, bucket, group_mod, meter_mod
from unit.slicing.sliced10 import MACS_0, MACS_1, mac
from unit.slicing.sliced13 import (
    MESSAGES13,
    TEN_RULES_13,
    delete13,
    flow_mod13,
    match13,
    output13,
    rules13,
)

FLOOD = int(OFPP.FLOOD)
MOVED = [*rules13("c0", [4, 3], MACS_0, 1), *rules13("c1", [1, 2], MACS_1, 9)]
ONE_GONE = rules13("c1", [1, 3], MACS_1, 7)
MODIFY, DELETE = 1, 2
FLOW_MOD = 14


def established(folder: Path) -> KilledEngine:
    """Return an engine whose tenants have groups, meters, a flood, and entries that use them."""
    engine = KilledEngine(folder, TEN_RULES_13)
    engine.configure(TEN_RULES_13, {"c0": share(500)})
    for name, port, macs in (("c0", 2, MACS_0), ("c1", 3, MACS_1)):
        source = mac(macs[0])
        for message in (
            group_mod(6, bucket(output13(port))),
            group_mod(5, bucket(ActionGroup(6))),
            meter_mod(5, 300),
            flow_mod13(match13(eth_src=source), InstructionMeter(5), ActionGroup(5), priority=10),
            flow_mod13(match13(eth_src=mac(macs[1])), output13(FLOOD), priority=10, cookie=8),
            flow_mod13(match13(), output13(int(OFPP.CONTROLLER)), priority=0, cookie=9),
        ):
            engine.ask(name, message)
    engine.turn()
    assert not engine.refused
    engine.check()
    return engine


def come_back(engine: KilledEngine) -> list[Any]:
    """Begin the engine again, and have the switch taken over; return what that was told."""
    engine.begin()
    engine.changes.clear()
    engine.take_over()
    return engine.changes


def event(engine: KilledEngine) -> dict[str, object]:
    (found,) = [about for name, about in engine.events if name == "switch_taken_over"]
    return found


def test_a_switch_of_1_3_that_has_everything_is_told_nothing(tmp_path: Path) -> None:
    engine = established(tmp_path)
    written, marks = engine.written(), [engine.datapath.sliced.marks.of(name) for name in NAMES]
    engine.kill(is_written=True, sent=0)
    assert come_back(engine) == []
    assert event(engine) == {"dpid": 0, "kept": 6, "added": 0, "removed": 0}
    assert engine.written() == written
    assert [engine.datapath.sliced.marks.of(name) for name in NAMES] == marks
    engine.check()


def test_tenants_go_on_with_their_own_numbers_after_a_takeover(tmp_path: Path) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    come_back(engine)
    engine.ask("c0", group_mod(6, bucket(output13(3)), command=MODIFY))
    engine.ask("c0", meter_mod(5, 700, command=MODIFY))
    engine.ask("c1", group_mod(7, bucket(output13(1))))
    engine.ask("c1", meter_mod(5, command=DELETE))
    engine.turn()
    assert not engine.refused
    engine.check()
    assert [one.cookie for one in engine.datapath.sliced.table("c1")] == [8, 9]


def test_what_a_switch_of_1_3_has_lost_is_put_back(tmp_path: Path) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.switch.restart()
    engine.switch.connect()
    come_back(engine)
    assert event(engine)["added"] == 6
    engine.check()


def test_what_nobody_knows_goes_from_a_switch_of_1_3(tmp_path: Path) -> None:
    engine = established(tmp_path)
    before = set(engine.places())
    engine.kill(is_written=True, sent=0)
    for message in (
        group_mod(91, bucket(output13(1))),
        group_mod(90, bucket(ActionGroup(91))),
        meter_mod(90),
        flow_mod13(match13(), ActionGroup(90), InstructionMeter(90), table_id=3),
        flow_mod13(match13(in_port=1), InstructionGotoTable(3), priority=5),
    ):
        effects = engine.switch.handle(MESSAGES13.encode(1, message), engine.now)
        assert effects.messages == []
    come_back(engine)
    assert set(engine.places()) == before
    assert event(engine)["removed"] == 4
    engine.check()


def test_a_group_or_a_meter_that_is_another_is_changed_in_place(tmp_path: Path) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    for message in (
        group_mod(1, bucket(output13(1)), command=MODIFY),
        meter_mod(1, 77, command=MODIFY),
    ):
        assert engine.switch.handle(MESSAGES13.encode(1, message), engine.now).messages == []
    told = come_back(engine)
    assert {(type(one), one.command) for one in told} == {(GroupMod, 1), (MeterMod13, 1)}
    engine.check()


def test_slices_that_are_no_more_are_swept_and_their_marks_are_free(tmp_path: Path) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.rules, engine.bandwidths = ONE_GONE, {}
    come_back(engine)
    engine.check()
    assert {one.slice_name for one in engine.datapath.sliced.every_entry()} == {"c1"}
    assert {one.key.slice_name for one in engine.datapath.sliced.objects} - {""} == {"c1"}
    engine.kill(is_written=True, sent=0)
    assert come_back(engine) == []


def test_an_entry_with_a_timeout_that_a_switch_of_1_3_has_no_more_has_ended(
    tmp_path: Path,
) -> None:
    engine = established(tmp_path)
    engine.ask("c0", flow_mod13(match13(in_port=2), output13(3), idle=3, cookie=4))
    engine.turn()
    engine.kill(is_written=True, sent=0)
    engine.switch.disconnect()
    engine.now += 10
    engine.switch.tick(engine.now)
    assert come_back(engine) == []
    assert 4 not in {one.cookie for one in engine.datapath.sliced.table("c0")}
    engine.check()


def test_of_what_tenants_say_meanwhile_so_much_waits_and_no_more(
    tmp_path: Path,
) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.begin()
    engine.datapath._held._most = 2
    left = engine.tenants["c1"]
    engine.ask("c1", flow_mod13(match13(in_port=3), output13(1), cookie=4))
    engine.datapath.disconnect(left)
    for cookie in (5, 6, 7):
        engine.ask("c0", flow_mod13(match13(in_port=cookie - 3), output13(2), cookie=cookie))
    (error,) = engine.tenants["c0"].news()
    assert isinstance(error, Error)
    engine.turn()
    assert {one.cookie for one in engine.datapath.sliced.every_entry()} == {77, 8, 9, 5, 6}
    engine.check()


def test_what_tenants_and_the_configuration_change_meanwhile_stays_as_it_is(
    tmp_path: Path,
) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.begin()
    told: list[str] = []
    engine.datapath.confirm(lambda: told.append("done"))
    engine.ask("c0", group_mod(5, bucket(output13(4)), command=MODIFY))
    engine.ask("c0", group_mod(9, bucket(ActionGroup(5))))
    engine.ask("c0", flow_mod13(match13(in_port=2), ActionGroup(9), cookie=4))
    engine.ask("c1", delete13(match13()))
    engine.ask("c1", group_mod(ALL_GROUPS, command=DELETE))
    engine.configure(TEN_RULES_13, {"c1": share(900)})
    assert not told
    engine.turn()
    assert told == ["done"]
    assert not engine.refused
    assert [one.cookie for one in engine.datapath.sliced.every_entry()] == [77, 8, 9, 4]
    assert len(engine.datapath.groups.of_slice("c1")) == 0
    engine.check()
    (bands,) = [one.share.rate_kbps for one in engine.datapath.meters.shares]
    assert bands == 900


@pytest.mark.parametrize("how", ["refused", "endless", "silent", "unreadable"])
def test_a_switch_of_1_3_that_does_not_tell_what_it_has_is_made_anew(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.begin()
    asked = [raw for raw in engine.said if raw[1] == OFPT.MULTIPART_REQUEST]
    assert len(asked) == 3
    xid = int.from_bytes(asked[2][4:8], "big")
    if how == "endless":
        monkeypatch.setattr("horizon_ryu.slicer.takeover13.MOST_TOLD", 1)
    else:
        engine.said.clear()
        if how == "silent":
            engine.datapath.end_takeover(engine.now)
        else:
            unknown = OxmMatch((OxmField(0x8000, 50, False, bytes(4)),))
            entry = FlowStats13(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, unknown)
            reply = Error(1, 2, b"") if how == "refused" else MultipartReply(1, 0, (entry,))
            engine.datapath.from_switch(MESSAGES13.encode(xid, reply), engine.now)
    engine.turn()
    assert "switch_made_anew" in [name for name, _ in engine.events]
    engine.check()
    engine.datapath.end_takeover(engine.now)
    assert not engine.said


def test_an_entry_that_is_made_anew_has_the_rest_of_its_life(tmp_path: Path) -> None:
    engine = established(tmp_path)
    engine.ask("c0", flow_mod13(match13(in_port=2), output13(3), hard=30, cookie=4))
    engine.turn()
    engine.kill(is_written=True, sent=0)
    engine.now += 10.0
    engine.begin()
    engine.said.clear()
    engine.datapath.end_takeover(engine.now)
    engine.turn()
    lives = [one.hard_timeout for table in engine.switch.datapath.tables[1:] for one in table]
    assert sorted(lives) == [0] * 6 + [20]


def test_a_switch_without_groups_and_meters_is_taken_over_without_them(tmp_path: Path) -> None:
    engine = KilledEngine(tmp_path, TEN_RULES_13)
    engine.ask("c0", flow_mod13(match13(), output13(2)))
    engine.turn()
    engine.kill(is_written=True, sent=0)
    engine.begin()
    kinds = {int(OFPMP.METER_CONFIG), int(OFPMP.GROUP_DESC)}
    for raw in list(engine.said):
        if raw[1] == OFPT.MULTIPART_REQUEST and int.from_bytes(raw[8:10], "big") in kinds:
            engine.said.remove(raw)
            xid = int.from_bytes(raw[4:8], "big")
            engine.datapath.from_switch(MESSAGES13.encode(xid, Error(1, 2, raw)), engine.now)
    engine.changes.clear()
    engine.turn()
    assert engine.changes == []
    assert event(engine)["kept"] == 1
    engine.check()


# ---- random kill points


def random_message(rng: random.Random, name: str) -> Any:
    """Return something that a tenant may say; some of it is refused."""
    number = rng.randrange(1, 4)
    kind = rng.randrange(10)
    if kind < 3:
        output = output13(rng.choice((1, 2, 3, FLOOD)))
        actions: tuple[Any, ...] = rng.choice(((output,), (ActionGroup(rng.randrange(1, 4)),), ()))
        command = rng.choice((0, 0, 1, 1, 2))
        number = ALL_GROUPS if command == DELETE and rng.random() < 0.3 else number
        buckets = () if command == DELETE else (bucket(*actions, port=2),)
        return group_mod(number, *buckets, command=command, kind=rng.choice((0, FF)))
    if kind < 5:
        return meter_mod(number, rng.randrange(100, 900), command=rng.choice((0, 0, 1, 2)))
    macs = MACS_0 if name == "c0" else MACS_1
    match = match13(**{"eth_src": mac(rng.choice(macs))} if rng.random() < 0.8 else {})
    if kind == 5:
        return delete13(match)
    actions = (rng.choice((output13(rng.choice((2, 3))), output13(FLOOD), ActionGroup(number))),)
    given = [InstructionMeter(number)] if rng.random() < 0.3 else []
    given.append(rng.choice((InstructionApplyActions, InstructionWriteActions))(actions))
    return flow_mod13(
        match, *given, command=rng.choice((0, 0, 0, 1)), priority=rng.randrange(3),
        table_id=rng.randrange(2), idle=rng.choice((0, 0, 4)), flags=rng.choice((0, 1)),
        cookie=rng.randrange(100),
    )  # fmt: skip


def random_turn(rng: random.Random, engine: KilledEngine) -> None:
    """Have something happen; nothing of it is sent."""
    for _ in range(rng.randrange(1, 5)):
        name = rng.choice(NAMES)
        engine.ask(name, random_message(rng, name))
    if rng.random() < 0.1:
        rules = rng.choice((TEN_RULES_13, TEN_RULES_13, MOVED, ONE_GONE))
        names = [name for name in NAMES if rng.random() < 0.5]
        engine.configure(rules, {name: share(rng.choice((300, 600))) for name in names})


@pytest.mark.parametrize("seed", range(60))
def test_wherever_an_engine_is_killed_its_switch_is_taken_over_and_nothing_stands_still(
    seed: int, tmp_path: Path
) -> None:
    """Nothing that is there before and after is away for a moment, and nothing is refused."""
    rng = random.Random(seed)
    engine = KilledEngine(tmp_path, TEN_RULES_13)
    engine.turn()
    for _ in range(12):
        for _ in range(rng.randrange(4)):
            random_turn(rng, engine)
            engine.turn()
            if rng.random() < 0.2:
                engine.wait(rng.choice((1.0, 5.0)))
        before = engine.written()
        random_turn(rng, engine)
        is_written = rng.random() < 0.7
        after = engine.written() if is_written else before
        was = engine.rules, engine.bandwidths
        engine.kill(is_written, rng.randrange(6))
        assert (engine.rules, engine.bandwidths) == was
        engine.begin()
        is_busy = rng.random() < 0.3
        if is_busy:
            random_turn(rng, engine)
        else:
            assert_written(engine, after)
        engine.refused.clear()
        if is_busy:
            engine.turn()
        else:
            engine.take_over()
            assert not engine.refused
        engine.check()


def assert_written(engine: KilledEngine, wanted: Any) -> None:
    """Check that tenants have what they wrote, but for slices that have lost their place."""
    found = engine.written()
    names = {one.slice_name for one in found[0]} | set(engine.datapath.slices())
    for at in (1, 2):
        assert {n: found[at][n] for n in names} == {n: wanted[at][n] for n in names}


# ---- records


def test_objects_are_read_as_they_were_and_what_is_damaged_ends_the_reading() -> None:
    one = SwitchObject(ObjectKey(ObjectKind.GROUP, "größe", 2**32 - 1), 7, b"body")
    other = SwitchObject(ObjectKey(ObjectKind.MARK, "c0"), 3)
    first, second = object_put(SWITCH, one), object_put(SWITCH, other)
    assert list(read_records(first + second).objects[SWITCH].values()) == [one, other]
    for at in range(len(second)):
        broken = bytearray(second)
        broken[at] ^= 0x40
        found = read_records(first + bytes(broken))
        assert (found.sound, list(found.objects[SWITCH].values())) == (len(first), [one])
    gone = first + second + object_gone(SWITCH, one.key)
    assert list(read_records(gone).objects[SWITCH].values()) == [other]


def test_numbers_of_an_earlier_engine_are_given_again_once_the_switch_is_through() -> None:
    ids = IdMap(100)
    ids.restore({5: ("a", 1), 2: None}, 7)
    assert ids.find("a", 1) == 5
    assert ids.take("b", 1, 9) == 8
    assert ids.resting == {1, 3, 4, 6, 7}
    ids.settle(ids.resting)
    assert [ids.reserve() for _ in range(6)] == [1, 3, 4, 6, 7, 9]
    IdMap(100, most_resting=5).restore({}, 2**40)


def test_a_switch_of_1_3_is_taken_over_a_step_at_a_time_and_tenants_wait_for_it(
    tmp_path: Path,
) -> None:
    engine = established(tmp_path)
    engine.kill(is_written=True, sent=0)
    engine.switch.restart()
    engine.switch.connect()
    engine.begin()
    engine.changes.clear()
    works: list[Any] = []
    engine.datapath.carry_by(works.append)
    engine.take_over()
    assert engine.datapath.is_at_work
    engine.ask("c0", flow_mod13(match13(eth_src=mac(MACS_0[0])), output13(3), priority=77))
    put_back = set()
    while works:
        for _ in works.pop(0):
            put_back.add(sum(one[1] == FLOW_MOD for one in engine.said))
    assert {1, 2, 3, 4, 5, 6} <= put_back, "one at a time"
    assert not engine.datapath.is_at_work
    engine.turn()
    assert [one for one in engine.datapath.sliced.table("c0") if one.priority == 77]
    engine.check()
