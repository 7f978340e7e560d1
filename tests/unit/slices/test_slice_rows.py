"""Rows of slices as a store has them: read back as they were, and refused whole if spoilt."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from horizon_ryu.core.errors import StoreError
from horizon_ryu.core.slicing.slice_registry import SliceRegistry
from horizon_ryu.slices.slice_rows import SliceRows, difference, registry_of

ODD: tuple[Any, ...] = (
    None, "", "x y", -1, 0, 1 << 60, 2.5, float("nan"), float("inf"), True, [], {}, ["a"], {"a": 1},
)  # fmt: skip


def registry() -> SliceRegistry:
    """Return a slice, and one that it has made of a part of its own."""
    alice = {
        "name": "alice",
        "controllers": [{"url": "tcp:127.0.0.1:6653"}],
        "flowspace": [{"match": {"dl_vlan": ["5-9"]}, "permissions": "rwd"}],
        "expires_s": 60,
    }
    bob = {
        "name": "bob",
        "controllers": [{"url": "tcp:127.0.0.1:6654"}],
        "flowspace": [{"match": {"dl_vlan": [6]}}],
    }
    return SliceRegistry().created(alice, None, 0.0).created(bob, "alice", 0.0)


def kept() -> dict[str, Any]:
    """Return what a store has of them."""
    rows = difference(SliceRegistry(), registry())
    return copy.deepcopy(
        {
            "state": dict(rows.state),
            "slices": [dict(row) for row in rows.slices],
            "rules": [dict(row) for row in rows.rules],
        }
    )


def read(rows: dict[str, Any]) -> SliceRegistry:
    return registry_of(SliceRows(rows["state"], tuple(rows["slices"]), tuple(rows["rules"])))


def test_what_is_kept_is_read_back() -> None:
    assert read(kept()) == registry()


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(rows: dict[str, Any]) -> None:
        at: Any = rows
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return spoil


SPOILT: tuple[tuple[Callable[[dict[str, Any]], None], str], ...] = (
    (_set("slices", 0, "name", value="a b"), "slices.a b.name: is 'alice'"),
    (_set("slices", 0, "data", "creator", value="bob"), "slices.alice.creator"),
    (_set("slices", 1, "data", "creator", value="bob"), "slices.bob.creator"),
    (_set("slices", 1, "data", "creator", value="carol"), "slices.bob.creator"),
    (_set("slices", 0, "data", "expires_at", value=float("nan")), "slices.alice.expires_at"),
    (_set("slices", 0, "data", "document", "controllers", value=[{"url": "x"}]), "slices.alice"),
    (_set("rules", 0, "slice", value="carol"), "rules.1: is of a slice that is not there"),
    (_set("rules", 0, "id", value=9), "rules.9.id"),
    (_set("rules", 0, "data", "priority", value="high"), "rules.1.priority"),
    (_set("state", "version", value="new"), "slices.state: is not what was kept there"),
    (_set("slices", 0, "data", value=None), "slices.alice: is not what was kept there"),
)


@pytest.mark.parametrize(("spoil", "said"), SPOILT, ids=[said for _, said in SPOILT])
def test_what_is_spoilt_is_named(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    rows = kept()
    spoil(rows)
    with pytest.raises(StoreError) as refused:
        read(rows)
    assert str(refused.value).startswith("the store has slices that cannot be read: ")
    assert said in str(refused.value)


def test_new_rules_get_no_id_that_is_taken() -> None:
    rows = kept()
    rows["state"]["next_id"] = 1
    assert read(rows) == registry()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside another."""
    steps: Any = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inside in steps:
        yield (*path, step)
        yield from places(inside, (*path, step))


COLUMNS = [path for path in places(kept()) if len(path) > 1 and not isinstance(path[-1], int)]
"""Values, and what is in them; a row is always one."""


@pytest.mark.parametrize("path", COLUMNS, ids=str)
def test_no_value_makes_more_than_a_refusal(path: tuple[Any, ...]) -> None:
    """Whatever stands there: all of it can be told to an engine, or nothing is read."""
    for value in ODD:
        rows = kept()
        _set(*path, value=value)(rows)
        try:
            found = read(rows)
        except StoreError:
            continue
        assert [one["name"] for one in found.engine_document()["slices"]]
