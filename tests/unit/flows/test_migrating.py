"""Migrations over switches in memory: turned, taken back, killed and finished."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from horizon_ryu.changes.engine import Transaction
from horizon_ryu.core.errors import Conflict, InvalidInput, NotFound, SwitchAway, SwitchError
from horizon_ryu.core.flows.flow import Flow
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.migration import MigrationState
from horizon_ryu.core.flows.plan import WaveKind
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.wire.messages import Match, Outgoing
from unit.flows.fabric import EDGE, Fabric, mac, sqlite
from unit.flows.test_flow_service import RING, path

LADDER = [(1, 2), (2, 3), (4, 5), (5, 6), (1, 4), (2, 5), (3, 6)]


def made(fabric: Fabric, *waypoints: int, port: int = 80, **more: Any) -> Flow:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, port, waypoints=waypoints, **more))])
    fabric.tables.batches.clear()
    return flow


def wish(flow: Flow, *dpids: int, **more: Any) -> MigrateFlow:
    return MigrateFlow(dpids, flow.number, **more)


def test_a_flow_turns_at_the_ingress_when_all_else_is_there() -> None:
    fabric = Fabric(RING)
    old = made(fabric, 2)
    ((record, error),) = fabric.migrations.migrate([wish(old, 1, 4, 3)])
    assert (record.state, error, record.waves) == (MigrationState.DONE, None, 2)
    assert fabric.registry.get(old.number) == record.new
    assert [hop.dpid for hop in record.new.hops] == [1, 4, 3]
    assert fabric.tables.held() == fabric.wanted(record.new)
    dpids = [sorted(sent.dpid for sent in batch) for batch in fabric.tables.batches]
    assert dpids == [[3, 4], [1], [2], [3]]
    assert fabric.migrations.migration(record.id) == record
    assert fabric.events.kinds() == ["flow_add", "migration_done"]


def test_flows_move_together_in_one_round_per_wave() -> None:
    fabric = Fabric(RING)
    flows = [made(fabric, 2, port=port) for port in range(1, 41)]
    outcomes = fabric.migrations.migrate([wish(flow, 4) for flow in flows])
    assert {outcome.record.state for outcome in outcomes} == {MigrationState.DONE}
    assert [len(batch) for batch in fabric.tables.batches] == [80, 40, 40, 40]
    assert fabric.tables.held() == fabric.wanted(*(outcome.record.new for outcome in outcomes))


def test_a_dry_run_tells_the_plan_and_touches_nothing() -> None:
    fabric = Fabric(RING)
    old = made(fabric, 2)
    ((record, plan),) = fabric.migrations.dry_run([wish(old, 4)])
    kinds = [wave.kind for wave in (*plan.pre_commit, *plan.post_commit)]
    assert kinds == [
        WaveKind.ADD,
        WaveKind.COMMIT,
        WaveKind.DRAIN,
        WaveKind.DELETE,
        WaveKind.DELETE,
    ]
    assert record.state is MigrationState.PLANNED
    assert fabric.tables.batches == []
    assert fabric.migrations.migrations() == ()
    assert fabric.migrations.migrate([wish(old, 4)])[0].error is None


@pytest.mark.parametrize("place", range(3))
def test_whatever_is_refused_before_the_commit_leaves_the_old_path(place: int) -> None:
    fabric = Fabric(RING)
    old = made(fabric, 2)
    before, count = fabric.tables.mods(), -1

    def refuse(_sent: Outgoing) -> str | None:
        nonlocal count
        count += 1
        return "refused" if count == place else None

    fabric.tables.refuse = refuse
    ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
    assert isinstance(error, SwitchError)
    assert (record.state, record.switch) == (MigrationState.ROLLED_BACK, error.dpid)
    assert fabric.tables.mods() == before
    assert fabric.registry.get(old.number) == old
    assert fabric.events.kinds()[-1] == "migration_rolled_back"
    assert fabric.migrations.migrate([wish(old, 4)])[0].error is None


def test_of_several_those_that_cannot_are_taken_back_alone() -> None:
    fabric = Fabric(RING)
    first, second = made(fabric, 2), made(fabric, 2, port=81)
    fabric.tables.refuse = lambda sent: (
        "no" if sent.dpid == 4 and getattr(sent.message.match, "tp_dst", 0) == 81 else None
    )
    outcomes = fabric.migrations.migrate([wish(first, 4), wish(second, 4)])
    states = [outcome.record.state for outcome in outcomes]
    assert states == [MigrationState.DONE, MigrationState.ROLLED_BACK]
    assert fabric.tables.held() == fabric.wanted(outcomes[0].record.new, second)


def test_a_switch_that_goes_silent_is_looked_after_when_it_is_back() -> None:
    fabric = Fabric(LADDER)
    old = made(fabric, 2)
    fabric.tables.silent = {3}
    ((record, error),) = fabric.migrations.migrate([wish(old, 5, 6)])
    assert error is not None
    assert record.state is MigrationState.ROLLED_BACK
    assert fabric.tables.held() >= fabric.wanted(old)


def test_a_lost_link_stops_the_commit() -> None:
    fabric = Fabric(RING)
    old = made(fabric, 2)
    before = fabric.tables.mods()
    fabric.obstacles[old.number] = SwitchError(1, "a link was lost")
    ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
    assert str(error) == "switch 0000000000000001: a link was lost"
    assert record.state is MigrationState.ROLLED_BACK
    assert fabric.tables.mods() == before


def test_what_fails_after_the_commit_is_repaired_later() -> None:
    fabric = Fabric(RING)
    old = made(fabric, 2)
    fabric.tables.before = lambda messages: (
        fabric.tables.away.add(2) if messages[0].dpid == 1 else None
    )
    ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
    assert (record.state, error) == (MigrationState.DONE, None)
    fabric.tables.away.clear()
    fabric.reconciler.reconcile(2)
    assert fabric.tables.held() == fabric.wanted(record.new)


def test_traffic_that_is_no_flow_of_ours_becomes_one() -> None:
    fabric = Fabric(RING)
    match = Match(dl_src=mac(1), dl_dst=mac(3))
    ((record, error),) = fabric.migrations.migrate([MigrateFlow((1, 4, 3), match=match)])
    assert error is None
    assert (record.old, record.new.spec.priority, record.new.spec.idle_timeout) == (None, 65_535, 0)
    assert [hop.dpid for hop in record.new.hops] == [1, 4, 3]
    assert fabric.tables.held() == fabric.wanted(record.new)
    again = MigrateFlow((1, 2, 3), match=match._replace(in_port=EDGE))
    ((record, error),) = fabric.migrations.migrate([again])
    assert record.old is not None
    assert fabric.tables.held() == fabric.wanted(record.new)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (MigrateFlow((1, 4, 3), number=12345), NotFound, "no flow"),
        (MigrateFlow((), match=Match(dl_src=mac(1))), InvalidInput, "dpids"),
        (MigrateFlow((1, 3), match=Match(dl_type=0x0800)), InvalidInput, "in_port"),
        (MigrateFlow((2, 3), match=Match(dl_src=mac(1), dl_dst=mac(3))), InvalidInput, "not at"),
        (
            MigrateFlow((1, 9), match=Match(dl_src=mac(1), dl_dst=mac(3))),
            SwitchAway,
            "not connected",
        ),
    ],
)
def test_what_means_nothing_is_refused(asked: MigrateFlow, error: Any, words: str) -> None:
    fabric = Fabric(RING)
    with pytest.raises(error, match=words):
        fabric.migrations.migrate([asked])
    assert fabric.tables.batches == []


def test_unless_all_can_be_planned_none_is_touched() -> None:
    fabric = Fabric(RING)
    flow = made(fabric, 2)
    with pytest.raises(NotFound):
        fabric.migrations.migrate([wish(flow, 4), MigrateFlow((4,), number=1)])
    with pytest.raises(Conflict, match="under way"):
        fabric.migrations.migrate([wish(flow, 4), wish(flow, 4)])
    assert fabric.tables.batches == []
    assert fabric.migrations.migrate([wish(flow, 4)])[0].error is None


class Killed(BaseException):
    """The process ended."""


class DyingJournal:
    """Kills right after a state is on disk."""

    def __init__(self, fabric: Fabric, state: str) -> None:
        self._write = fabric.journal.write
        self._state = state
        fabric.journal.write = self.write  # type: ignore[method-assign]

    def write(self, transactions: Sequence[Transaction[Any]]) -> None:
        self._write(transactions)
        if any(each.state.value == self._state for each in transactions):
            raise Killed


@pytest.mark.parametrize("state", ["installing", "committing", "committed", "draining", "done"])
def test_a_killed_controller_ends_the_migration_when_it_starts_again(
    tmp_path: Path, state: str
) -> None:
    fabric = Fabric(RING, sqlite(tmp_path))
    old = made(fabric, 2)
    DyingJournal(fabric, state)
    with pytest.raises(Killed):
        fabric.migrations.migrate([wish(old, 4)])
    again = fabric.restarted()
    for record in again.recovery.claim():
        with pytest.raises(Conflict, match="under way"):
            again.migrations.migrate([wish(old, 2)])
        again.recovery.finish(record)
    (record,) = again.migrations.migrations()
    forward = state != "installing"
    assert record.state is (MigrationState.DONE if forward else MigrationState.ROLLED_BACK)
    result = record.new if forward else old
    assert again.registry.flows() == (result,)
    assert again.tables.held() == again.wanted(result)
    assert again.recovery.claim() == ()
    assert again.restarted().registry.flows() == (result,)


@pytest.mark.parametrize("batch", range(4))
def test_a_controller_killed_between_messages_leaves_no_trace_of_the_other_path(
    tmp_path: Path, batch: int
) -> None:
    fabric = Fabric(RING, sqlite(tmp_path))
    old = made(fabric, 2)

    def die(_messages: Sequence[Outgoing]) -> None:
        if len(fabric.tables.batches) == batch:
            raise Killed

    fabric.tables.before = die
    with pytest.raises(Killed):
        fabric.migrations.migrate([wish(old, 4)])
    fabric.tables.before = lambda _messages: None
    again = fabric.restarted()
    for record in again.recovery.claim():
        again.recovery.finish(record)
    for dpid in again.tables.tables:
        again.reconciler.reconcile(dpid)
    (flow,) = again.registry.flows()
    assert again.tables.held() == again.wanted(flow)
    assert [hop.dpid for hop in flow.hops][1] == (2 if batch == 0 else 4)


@pytest.mark.parametrize("place", range(5))
def test_a_store_that_fails_leaves_one_path_and_nothing_claimed(
    tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric = Fabric(RING, sqlite(tmp_path))
    old = made(fabric, 2)
    write, count = fabric.store.write_migrations, -1

    def fail(*rows: Any) -> None:
        nonlocal count
        count += 1
        if count == place:
            raise OSError("disk full")
        write(*rows)

    monkeypatch.setattr(fabric.store, "write_migrations", fail)
    with pytest.raises(OSError, match="disk full"):
        fabric.migrations.migrate([wish(old, 4)])
    fabric.reconciler._suspects.update(fabric.tables.tables)
    for dpid in fabric.tables.tables:
        fabric.reconciler.reconcile(dpid)
    flow = fabric.registry.get(old.number)
    assert fabric.tables.held() == fabric.wanted(flow)
    assert ([hop.dpid for hop in flow.hops] == [1, 2, 3]) == (place < 2), "before the commit"
    assert not fabric.registry.is_changing(old.number)
    ((record, error),) = fabric.migrations.migrate([wish(flow, 2 if place >= 2 else 4)])
    assert error is None
    again = fabric.restarted()
    for unfinished in again.recovery.claim():
        again.recovery.finish(unfinished)
    assert again.tables.held() == again.wanted(*again.registry.flows())
    assert [flow.hops for flow in again.registry.flows()] == [record.new.hops]


def test_old_migrations_are_forgotten() -> None:
    fabric = Fabric(RING, kept=10)
    flow = made(fabric, 2)
    for turn in range(120):
        fabric.now += 1
        fabric.migrations.migrate([wish(flow, 4 if turn % 2 == 0 else 2)])
    assert 10 <= len(fabric.migrations.migrations()) <= 40


@pytest.mark.parametrize("openflow", [1, 4])
def test_switches_whose_barriers_lie_are_found_out(openflow: int) -> None:
    fabric = Fabric(RING, openflow=openflow, verify=True)
    old = made(fabric, 2)
    before = fabric.tables.mods()
    fabric.tables.deaf = {4}
    ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
    assert error is not None
    assert error.dpid == 4
    assert "did not make" in error.msg
    assert fabric.tables.mods() == before
    fabric.tables.deaf = set()
    ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
    assert record.state is MigrationState.DONE


def test_models_that_need_time_are_given_it() -> None:
    fabric = Fabric(RING, settle=["*Slow*:0.01"])
    fabric.tables.models = {4: "Very Slow"}
    asked: list[int] = []
    describe = fabric.tables.description
    fabric.tables.description = lambda dpid, *more: asked.append(dpid) or describe(dpid, *more)  # type: ignore
    made(fabric, 4)
    fabric.service.create([CreateFlow(path(1, 3, 81, waypoints=(4,)))])
    assert sorted(asked) == [1, 3, 4], "each switch is asked once"
