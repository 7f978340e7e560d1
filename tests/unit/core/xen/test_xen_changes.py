"""What happened between two looks: by example, and for any two looks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.xen.changes import DomainChange, DomainView, changes, remembered

U = "00000000-0000-0000-0000-000000000001"


def seen(number: int | None = None, state: str = "shutoff", uuid: str = U) -> DomainView:
    return DomainView(uuid, "r1", number, state)


OFF, RUNS = seen(), seen(3, "running")
PAUSED, CRASHED = seen(3, "paused"), seen(3, "crashed")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, OFF, ["defined"]),
        (None, RUNS, ["defined", "started"]),
        (None, PAUSED, ["defined", "started", "paused"]),
        (OFF, RUNS, ["started"]),
        (OFF, PAUSED, ["started", "paused"]),
        (RUNS, OFF, ["stopped"]),
        (RUNS, seen(None, "crashed"), ["crashed"]),
        (RUNS, CRASHED, ["crashed"]),
        (CRASHED, OFF, ["stopped"]),
        (RUNS, PAUSED, ["paused"]),
        (PAUSED, RUNS, ["resumed"]),
        (PAUSED, OFF, ["stopped"]),
        (RUNS, seen(4, "running"), ["restarted"]),
        (PAUSED, seen(4, "running"), ["restarted"]),
        (RUNS, seen(4, "paused"), ["restarted", "paused"]),
        (RUNS, None, ["stopped", "undefined"]),
        (OFF, None, ["undefined"]),
        (RUNS, RUNS, []),
        (RUNS, seen(3, "shutdown"), []),
    ],
)
def test_what_is_told(before: DomainView | None, now: DomainView | None, told: list[str]) -> None:
    found = changes(filter(None, [before]), filter(None, [now]))
    assert [item.change for item in found] == told


def test_a_domain_that_is_gone_is_told_as_ended() -> None:
    assert [item.domain for item in changes([RUNS], [])] == [OFF, OFF]


UNREAD = seen(3, "unknown")


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([PAUSED, UNREAD, PAUSED], []),
        ([PAUSED, UNREAD, RUNS], ["resumed"]),
        ([PAUSED, UNREAD, UNREAD, OFF], ["stopped"]),
        ([RUNS, UNREAD, RUNS], []),
        ([RUNS, UNREAD, PAUSED], ["paused"]),
        ([CRASHED, UNREAD, CRASHED], []),
        ([UNREAD, PAUSED], ["paused"]),
        ([PAUSED, seen(4, "unknown"), seen(4, "running")], ["restarted"]),
        ([OFF, seen(None, "unknown"), OFF], []),
    ],
)
def test_a_state_that_cannot_be_read_for_a_while_is_no_change(
    looks: list[DomainView], told: list[str]
) -> None:
    known = remembered([], looks[:1])
    found: list[str] = []
    for look in looks[1:]:
        before, known = known, remembered(known, [look])
        found += [item.change for item in changes(before, known)]
    assert found == told


STATES = ("running", "paused", "shutdown", "crashed", "unknown")
running = st.builds(seen, st.integers(1, 4), st.sampled_from(STATES))
ended = st.builds(seen, st.none(), st.sampled_from(["shutoff", "crashed"]))
looks = st.dictionaries(st.sampled_from("abcdef"), running | ended, max_size=6).map(
    lambda found: {
        uuid: DomainView(uuid, f"r-{uuid}", one.number, one.state) for uuid, one in found.items()
    }
)


def by_domain(told: list[DomainChange]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in told:
        found.setdefault(item.domain.uuid, []).append(item.change)
    return found


def replayed(is_there: bool, runs: bool, told: list[str]) -> tuple[bool, bool]:
    """Follow what was told; AssertionError for what cannot happen to such a domain."""
    for change in told:
        if change in ("defined", "undefined"):
            assert is_there == (change == "undefined"), told
            assert not runs, told
            is_there = not is_there
        elif change == "started":
            assert is_there, told
            assert not runs, told
            runs = True
        elif change == "stopped":
            assert runs, told
            runs = False
        else:
            assert is_there, told
            assert runs, told
    return is_there, runs


@given(looks, looks)
def test_who_follows_the_changes_knows_what_is_there(
    before: dict[str, DomainView], now: dict[str, DomainView]
) -> None:
    told = by_domain(list(changes(before.values(), now.values())))
    for uuid in before.keys() | now.keys():
        old, new = before.get(uuid), now.get(uuid)
        ran = old is not None and old.number is not None
        is_there, runs = replayed(old is not None, ran, told.get(uuid, []))
        assert is_there == (new is not None)
        if new is not None and new.state != "crashed":
            # Crashed tells of an end that Xen may keep the domain's id for.
            assert runs == (new.number is not None)


@given(looks, looks)
def test_a_pause_and_its_end_are_told(
    before: dict[str, DomainView], now: dict[str, DomainView]
) -> None:
    told = by_domain(list(changes(before.values(), now.values())))
    for uuid, new in now.items():
        old = before.get(uuid)
        same_life = old is not None and old.number == new.number
        was = old is not None and same_life and old.state == "paused"
        assert ("paused" in told.get(uuid, [])) == (new.state == "paused" and not was)
        assert ("resumed" in told.get(uuid, [])) == (was and new.state == "running")


@given(looks)
def test_nothing_happened_nothing_is_told(now: dict[str, DomainView]) -> None:
    assert list(changes(now.values(), reversed(list(now.values())))) == []


@given(looks, looks)
def test_the_order_of_the_looks_is_no_matter(
    before: dict[str, DomainView], now: dict[str, DomainView]
) -> None:
    forwards = list(changes(before.values(), now.values()))
    backwards = list(changes(reversed(list(before.values())), reversed(list(now.values()))))
    assert forwards == backwards
