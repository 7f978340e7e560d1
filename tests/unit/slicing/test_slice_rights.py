"""Rights of slices' tokens: what each may, of itself, of what it has made, and of all others."""

from __future__ import annotations

import pytest

from horizon_ryu.core.errors import NotYours
from horizon_ryu.core.slicing.slice_registry import SliceRegistry
from horizon_ryu.core.slicing.slice_rights import (
    check_making,
    check_patch,
    check_rule_change,
    check_sight,
)
from unit.slicing.test_slice_registry import CAMPUS, NOW, registry, slice_of

LAB = slice_of("lab", {"match": {"nw_src": "10.1.0.0/16", "dl_type": "ip"}, "permissions": "rwd"})
ROOM = slice_of("room", {"match": {"nw_src": "10.1.1.0/24", "dl_type": "ip"}})


@pytest.fixture
def family() -> SliceRegistry:
    found = registry(CAMPUS, slice_of("other", {}))
    return found.created(LAB, "campus", NOW).created(ROOM, "lab", NOW)


@pytest.mark.parametrize(
    ("by", "seen"),
    [
        (None, {"campus", "lab", "room", "other"}),
        ("campus", {"campus", "lab", "room"}),
        ("lab", {"lab", "room"}),
        ("room", {"room"}),
        ("nobody", set()),
    ],
)
def test_a_slice_sees_itself_and_what_comes_from_it(
    family: SliceRegistry, by: str | None, seen: set[str]
) -> None:
    for name in (*family.slices, "missing"):
        if name in seen or by is None:
            check_sight(family, by, name)
            continue
        for check in (check_sight, check_rule_change):
            with pytest.raises(NotYours):
                check(family, by, name)
        with pytest.raises(NotYours):
            check_patch(family, by, name, ["contact"])


def test_of_itself_a_slice_sets_whom_to_ask_and_its_controllers_alone(
    family: SliceRegistry,
) -> None:
    check_patch(family, "lab", "lab", ["contact", "controllers", "description"])
    check_patch(family, "lab", "room", ["limits", "enabled", "flowspace"])
    check_patch(family, None, "lab", ["limits"])
    for field in ("limits", "enabled", "flowspace", "bandwidth", "expires_s", "unknown"):
        with pytest.raises(NotYours, match=field):
            check_patch(family, "lab", "lab", ["contact", field])
    with pytest.raises(NotYours):
        check_rule_change(family, "lab", "lab")
    check_rule_change(family, "lab", "room")
    check_rule_change(family, None, "lab")


def test_only_who_may_pass_something_on_makes_slices(family: SliceRegistry) -> None:
    for by in (None, "campus", "lab"):
        check_making(family, by)
    for by in ("room", "other", "nobody"):
        with pytest.raises(NotYours, match="permission d"):
            check_making(family, by)
