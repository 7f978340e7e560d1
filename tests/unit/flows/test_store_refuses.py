"""Flows over a store that cannot be written: nothing by halves, and what is owed is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from ryu.lib import hub

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.flows.flow import Flow, FlowState
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.migration import MigrationState
from horizon_ryu.core.flows.planner import CreateFlow
from horizon_ryu.core.flows.record import flow_from_json
from horizon_ryu.wire.messages import Match
from unit.flows.fabric import EDGE, Fabric, mac
from unit.flows.test_flow_service import RING, path
from unit.flows.test_migrating import made, wish


class Writes:
    """Lets the transactions of a store through, or not; ``count`` is how many were tried."""

    def __init__(self, fabric: Fabric) -> None:
        self.count = 0
        self.refused: Callable[[int], bool] = lambda _number: False
        sa.event.listen(fabric.store._engine, "before_cursor_execute", self._before)

    def _before(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("SELECT", "PRAGMA")):
            return
        self.count += 1
        if self.refused(self.count):
            raise sa.exc.OperationalError(statement, None, Exception("disk I/O error"))


@contextmanager
def refusing(fabric: Fabric, refused: Callable[[int], bool] = lambda _n: True) -> Iterator[Writes]:
    writes = Writes(fabric)
    writes.refused = refused
    try:
        yield writes
    finally:
        writes.refused = lambda _number: False


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(RING)


def kept(fabric: Fabric) -> list[Flow]:
    """Return the flows that a restart would find."""
    return [flow_from_json(row) for row in fabric.store.flows()]


def test_a_flow_that_cannot_be_kept_is_on_no_switch(fabric: Fabric) -> None:
    with refusing(fabric), pytest.raises(StoreError, match="store cannot be written"):
        fabric.service.create([CreateFlow(path(1, 3), bidirectional=True)])
    assert (fabric.tables.held(), len(fabric.registry), kept(fabric)) == (set(), 0, [])
    assert fabric.events.kinds() == []
    assert len(fabric.service.create([CreateFlow(path(1, 3), bidirectional=True)])) == 2


def test_a_flow_whose_end_cannot_be_kept_stays(fabric: Fabric) -> None:
    flow = made(fabric, 2)
    with refusing(fabric), pytest.raises(StoreError):
        fabric.service.remove(flow.number)
    assert fabric.tables.held() == fabric.wanted(flow)
    assert kept(fabric) == [flow]
    assert not fabric.registry.is_changing(flow.number)
    fabric.service.remove(flow.number)
    assert fabric.tables.held() == set()


@pytest.mark.parametrize("place", range(5))
def test_a_migration_is_done_or_refused_wherever_the_store_fails_for_good(
    fabric: Fabric, place: int
) -> None:
    """The states are written before what follows them: two before the commit, three after."""
    old = made(fabric, 2)
    write, calls = fabric.store.write_migrations, []

    def fail(*rows: Any) -> None:
        calls.append(1)
        if len(calls) > place:
            raise StoreError("the store cannot be written: locked")
        write(*rows)

    fabric.store.write_migrations = fail  # type: ignore[method-assign]
    if place < 2:
        with pytest.raises(StoreError):
            fabric.migrations.migrate([wish(old, 4)])
        flow = old
    else:
        ((record, error),) = fabric.migrations.migrate([wish(old, 4)])
        assert (record.state, error) == (MigrationState.DONE, None)
        flow = record.new
    assert fabric.registry.get(old.number) == flow
    assert fabric.tables.held() == fabric.wanted(flow)
    assert not fabric.registry.is_changing(old.number)
    owed = fabric.journal.is_overdue
    assert bool(owed) == (place > 0), "the journal knows nothing of what never began"
    if owed:
        with pytest.raises(StoreError):
            fabric.journal.write_overdue()
    fabric.store.write_migrations = write  # type: ignore[method-assign]
    fabric.journal.write_overdue()
    fabric.journal.write_overdue()
    assert kept(fabric) == [flow]
    again = fabric.restarted()
    assert again.recovery.claim() == ()
    assert again.registry.flows() == (flow,)


def test_a_new_flow_by_migration_is_kept_when_only_its_commit_could_not_be_written(
    fabric: Fabric,
) -> None:
    write, calls = fabric.store.write_migrations, []

    def fail_third(*rows: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise StoreError("the store cannot be written: locked")
        write(*rows)

    fabric.store.write_migrations = fail_third  # type: ignore[method-assign]
    match = Match(in_port=EDGE, dl_dst=mac(3))
    ((record, error),) = fabric.migrations.migrate([MigrateFlow((1, 2, 3), match=match)])
    assert (record.old, error) == (None, None)
    assert kept(fabric) == [record.new]


def test_what_is_owed_does_not_bring_a_deleted_flow_back(fabric: Fabric) -> None:
    old = made(fabric, 2)
    write = fabric.store.write_migrations
    calls: list[int] = []

    def fail(*rows: Any) -> None:
        calls.append(1)
        if len(calls) > 2:
            raise StoreError("the store cannot be written: locked")
        write(*rows)

    fabric.store.write_migrations = fail  # type: ignore[method-assign]
    fabric.migrations.migrate([wish(old, 4)])
    fabric.store.write_migrations = write  # type: ignore[method-assign]
    fabric.service.remove(old.number)
    fabric.journal.write_overdue()
    assert kept(fabric) == []
    assert fabric.restarted().recovery.claim() == ()


def test_a_mark_that_cannot_be_kept_is_made_later(fabric: Fabric) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, 80, path=(1, 2, 3)))])
    fabric.recable([(3, 4), (4, 1)])
    with refusing(fabric), pytest.raises(StoreError):
        fabric.monitor._look_after([flow.number])
    assert fabric.registry.get(flow.number).state is FlowState.ACTIVE
    fabric.monitor._look_after([flow.number])
    assert fabric.registry.get(flow.number).state is FlowState.BROKEN
    assert fabric.events.kinds()[-1] == "flow_broken"
    assert [one.state for one in kept(fabric)] == [FlowState.BROKEN]


def test_the_watch_goes_on_until_the_store_works(
    fabric: Fabric, caplog: pytest.LogCaptureFixture
) -> None:
    (flow,) = fabric.service.create([CreateFlow(path(1, 3, waypoints=(2,)))])
    fabric.recable([(2, 3), (3, 4), (4, 1)])
    greenlet = hub.spawn(fabric.supervisor.forever, fabric.monitor.turn)
    with refusing(fabric) as writes:
        fabric.monitor.suspect([flow])
        wait_for(lambda: writes.count >= 2)
        assert fabric.registry.get(flow.number) == flow
    wait_for(lambda: fabric.registry.get(flow.number) != flow)
    hub.kill(greenlet)
    assert [hop.dpid for hop in fabric.registry.get(flow.number).hops] == [1, 4, 3, 2, 3]
    assert fabric.loop_failures == {}
    assert len([one for one in caplog.records if "cannot be written" in one.getMessage()]) == 1


def test_an_unfinished_migration_is_ended_when_the_store_works(fabric: Fabric) -> None:
    old = made(fabric, 2)
    write, calls = fabric.store.write_migrations, []

    def die_third(*rows: Any) -> None:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        write(*rows)

    fabric.store.write_migrations = die_third  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        fabric.migrations.migrate([wish(old, 4)])
    fabric.store.write_migrations = write  # type: ignore[method-assign]
    again = fabric.restarted()
    (record,) = again.recovery.claim()
    with refusing(again, lambda number: number <= 2) as writes:
        again.recovery.finish(record)
        assert writes.count >= 3
    assert again.registry.get(old.number) == old
    assert not again.registry.is_changing(old.number)
    assert again.restarted().recovery.claim() == ()


def test_a_recovery_that_raises_leaves_nothing_claimed(fabric: Fabric) -> None:
    old = made(fabric, 2)

    def die(_messages: Any) -> None:
        raise KeyboardInterrupt

    fabric.tables.before = die
    with pytest.raises(KeyboardInterrupt):
        fabric.migrations.migrate([wish(old, 4)])
    again = fabric.restarted()
    (record,) = again.recovery.claim()

    def fail(_messages: Any) -> None:
        raise KeyError("a fault of ours")

    fabric.tables.before = fail
    again.supervisor.once(again.recovery.finish, record)
    assert again.loop_failures == Counter({"Recovery.finish": 1})
    assert not again.registry.is_changing(old.number)
    assert again.restarted().recovery.claim() == ()


def test_tidying_the_journal_can_wait(fabric: Fabric) -> None:
    flow = made(fabric, 2)
    forget, refused = fabric.store.forget_migrations, []

    def fail(_kept: int) -> None:
        refused.append(1)
        raise StoreError("the store cannot be written: locked")

    fabric.store.forget_migrations = fail  # type: ignore[method-assign]
    for turn in range(102):
        fabric.now += 1
        ((_, error),) = fabric.migrations.migrate([wish(flow, 4 if turn % 2 == 0 else 2)])
        assert error is None
    assert len(refused) == 1
    fabric.store.forget_migrations = forget  # type: ignore[method-assign]
    assert not fabric.journal.is_overdue


def test_a_switch_that_cannot_be_reconciled_leaves_the_others_theirs(fabric: Fabric) -> None:
    flow = made(fabric, 2)
    fabric.reconciler.suspect(3)
    get = fabric.tables.get

    def fail_for_one(dpid: int) -> Any:
        if dpid == 1:
            raise KeyError("a fault of ours")
        return get(dpid)

    fabric.tables.tables[3].entries.clear()
    fabric.tables.get = fail_for_one  # type: ignore[method-assign]
    fabric.reconciler._look_at([1, 2, 3])
    fabric.tables.get = get  # type: ignore[method-assign]
    assert fabric.tables.held() == fabric.wanted(flow)
    assert fabric.loop_failures == {"Reconciler._look": 1}


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        hub.sleep(0.01)
    assert condition()
