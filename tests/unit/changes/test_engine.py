"""The engine of changes: whatever fails, and wherever it is killed, all is old or all is new."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.changes.engine import Transaction
from horizon_ryu.changes.states import FINAL, TABLE, State
from horizon_ryu.core.errors import Conflict, HorizonError
from unit.changes.world import Crash, Disk, Plan, Put, Tables, Wave, World

OLD: Tables = {"r1": {"net": "a"}, "r2": {}, "r3": {"net": "x"}, "r4": {"net": "z"}}
NEW: Tables = {"r1": {"net": "b"}, "r2": {"net": "c"}, "r3": {"net": "y"}, "r4": {}}


def moving(route: str = "net") -> Plan:
    """A route moves: one router more, one changed on the way, the first turns, one is left."""
    return Plan(
        route,
        "old",
        "new",
        (
            Wave((Put("r2", route, "c"),)),
            Wave((Put("r3", route, "y", "x"),)),
            Wave((Put("r1", route, "b", "a"),)),
        ),
        (Wave(), Wave((Put("r4", route, None, "z", lasts=True),))),
    )


def installing(route: str) -> Plan:
    """A route that was not there."""
    steps = Wave((Put("r2", route, "c"), Put("r3", route, "d"))), Wave((Put("r1", route, "b"),))
    return Plan(route, None, "new", steps, ())


def removing(route: str = "net") -> Plan:
    """A route that goes: nothing is prepared, so nothing can be refused."""
    gone = tuple(Wave((Put(router, route, None, "a", True),)) for router in ("r1", "r3", "r4"))
    return Plan(route, "old", None, (), gone)


def world() -> World:
    return World(deepcopy(OLD))


def run(there: World, *plans: Plan, all_or_none: bool = False) -> tuple[Transaction[Plan], ...]:
    with there.engine().batch(all_or_none) as batch:
        for plan in plans:
            batch.add(plan, "record")
        return batch.run()


def calls_of_a_success() -> int:
    there = world()
    run(there, moving())
    return there.calls


CALLS = range(1, calls_of_a_success() + 1)


def states(there: World) -> list[str]:
    return [entry.removeprefix("write ") for entry in there.trail if entry.startswith("write")]


# ---- the table


def test_every_state_that_is_entered_can_be_left_or_is_final() -> None:
    entered = {cell[0] for cell in TABLE.values()}
    left = {state for state, _ in TABLE}
    assert entered - left <= FINAL
    assert entered | {State.CLAIMED} == set(State)


# ---- success


def test_a_change_is_journalled_before_what_follows_and_drained_before_it_deletes() -> None:
    there = world()
    (done,) = run(there, moving())
    assert (done.state, done.error) == (State.DONE, None)
    assert there.tables == NEW
    assert there.trail == [
        "write installing", "send 1", "send 1", "write committing", "send 1", "write committed",
        "write draining", "drain", "send 1", "write done", "release new",
    ]  # fmt: skip
    assert there.claimed == {}


def test_what_replaces_nothing_is_installed_and_needs_no_drain() -> None:
    there = world()
    (done,) = run(there, installing("other"))
    assert done.state is State.DONE
    assert [there.tables[router].get("other") for router in ("r1", "r2", "r3")] == ["b", "c", "d"]
    assert "drain" not in there.trail


def test_a_removal_is_committed_before_anything_is_deleted() -> None:
    there = world()
    (done,) = run(there, removing())
    assert done.state is State.DONE
    assert there.tables == {"r1": {}, "r2": {}, "r3": {}, "r4": {}}
    assert there.results == {"net": None}
    assert there.trail.index("write committed") < there.trail.index("send 1")


# ---- refusals


@pytest.mark.parametrize("router", ["r1", "r2", "r3"])
def test_whatever_is_refused_before_the_commit_leaves_all_as_it_was(router: str) -> None:
    there = world()
    there.refuse = lambda step: step.target == router and not step.lasts
    (failed,) = run(there, moving())
    assert failed.state is State.ROLLED_BACK
    assert router in str(failed.error)
    assert there.tables == OLD
    assert states(there)[-1] == "rolled_back"
    assert (there.claimed, there.trail[-1]) == ({}, "release old")


def test_what_is_refused_after_the_commit_is_told_and_the_change_goes_on() -> None:
    there = world()
    there.refuse = lambda step: step.target == "r4"
    (done,) = run(there, moving())
    assert done.state is State.DONE
    assert there.uncertain == ["r4"]
    assert there.tables == {**NEW, "r4": OLD["r4"]}


def test_a_check_before_the_commit_may_forbid_it() -> None:
    there = world()
    there.forbidden = HorizonError("a link was lost")
    (failed,) = run(there, moving())
    assert (failed.state, failed.error) == (State.ROLLED_BACK, there.forbidden)
    assert there.tables == OLD
    assert "write committing" not in there.trail


def test_what_cannot_be_taken_back_stays_claimed_until_it_is() -> None:
    there = world()
    there.refuse = lambda step: step.target == "r1" or step == Put("r3", "net", "x", "y", True)
    (failed,) = run(there, moving())
    assert failed.state is State.FAILED
    assert "net" in there.claimed
    there.refuse = lambda _step: False
    ((work, args),) = there.spawned
    work(*args)
    assert (there.tables, there.claimed) == (OLD, {})
    assert there.rows["net"][0] is State.ROLLED_BACK


# ---- killed


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("make", [moving, removing])
def test_killed_anywhere_the_next_run_ends_it_as_the_journal_says(
    make: Any, call: int, is_after: bool
) -> None:
    there = world()

    def kill(number: int) -> None:
        if number == call:
            raise Crash

    if is_after:
        there.after = kill
    else:
        there.before = kill
    plan = make()
    try:
        run(there, plan)
    except Crash:
        there.before = there.after = lambda _call: None
        was = there.rows.get("net", (State.INSTALLING, plan))[0]
        there.recover()
        went_back = was in (State.INSTALLING, State.ROLLED_BACK)
        gone: Tables = {"r1": {}, "r2": {}, "r3": {}, "r4": {}}
        expected = OLD if went_back else NEW if make is moving else gone
        assert there.tables == expected, was
    assert there.claimed == {}
    assert all(state in FINAL for state, _ in there.rows.values())


# ---- what breaks


@pytest.mark.parametrize("call", CALLS)
def test_a_journal_or_an_applier_that_breaks_is_raised_and_all_is_old_or_all_is_new(
    call: int,
) -> None:
    there = world()
    written: list[str] = []
    failed: list[str] = []

    def fail(number: int) -> None:
        if number == call:
            raise Disk("full")

    there.before = fail
    real = there.write

    def write(transactions: Any) -> None:
        state = transactions[0].state.value
        try:
            real(transactions)
            written.append(state)
        except Disk:
            failed.append(state)
            raise

    there.write = write  # type: ignore[method-assign]
    with pytest.raises(Disk):
        run(there, moving())
    decided = "committed" in written or failed[:1] == ["committed"]
    told = {router: OLD[router] for router in there.uncertain}
    assert there.tables == ({**NEW, **told} if decided else OLD), (written, failed)
    assert there.claimed == {}


# ---- together


def test_all_or_none_takes_everything_back_when_one_is_refused() -> None:
    there = world()
    there.refuse = lambda step: step.route == "two" and step.via == "d"
    ended = run(there, installing("one"), installing("two"), moving(), all_or_none=True)
    assert {one.state for one in ended} == {State.ROLLED_BACK}
    assert there.tables == OLD
    assert there.claimed == {}


def test_otherwise_the_others_are_done_and_one_drain_serves_all() -> None:
    there = world()
    there.tables["r1"]["net2"] = "a"
    there.tables["r3"]["net2"] = "x"
    there.tables["r4"]["net2"] = "z"
    there.refuse = lambda step: step.route == "two"
    ended = run(there, moving(), installing("two"), moving("net2"))
    assert [one.state for one in ended] == [State.DONE, State.ROLLED_BACK, State.DONE]
    assert there.trail.count("drain") == 1
    assert {router: table["net"] for router, table in there.tables.items() if "net" in table} == {
        "r1": "b", "r2": "c", "r3": "y",
    }  # fmt: skip


def test_what_another_change_has_is_a_conflict_and_nothing_of_the_batch_stays_claimed() -> None:
    there = world()
    with pytest.raises(Conflict):
        run(there, installing("one"), installing("one"))
    assert there.claimed == {}
    assert (there.tables, there.rows) == (OLD, {})


# ---- anything at all

ROUTES = st.sampled_from(["one", "two", "three"])


@given(
    st.lists(ROUTES, min_size=1, max_size=3, unique=True),
    st.sets(
        st.tuples(st.sampled_from(["one", "two", "three"]), st.sampled_from(["r1", "r2", "r3"]))
    ),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 16)),
)
def test_whatever_is_refused_and_whenever_it_is_killed_nothing_is_half_there(
    routes: list[str], refused: set[tuple[str, str]], all_or_none: bool, killed: int | None
) -> None:
    there = world()
    there.refuse = lambda step: (step.route, step.target) in refused and step.via is not None

    def kill(number: int) -> None:
        if number == killed:
            raise Crash

    there.after = kill
    try:
        run(there, *map(installing, routes), all_or_none=all_or_none)
    except Crash:
        there.after = lambda _call: None
        there.refuse = lambda _step: False
        there.recover()
    for route in routes:
        has = {router for router, table in there.tables.items() if route in table}
        assert has in (set(), {"r1", "r2", "r3"}), (route, has)
    assert there.claimed == {}
