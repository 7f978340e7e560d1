"""Registry of slices: all-or-nothing changes, expiry, delegation, and whose rule comes first."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from horizon_ryu.core.slicing import slice_registry
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.slice_registry import SliceRegistry, told
from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.wire.ternary import HEADER_13

NOW = 1_000_000.0


def slice_of(name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "controllers": [], "flowspace": list(rules), **more}


def registry(*documents: dict[str, Any], by: str | None = None) -> SliceRegistry:
    found = SliceRegistry()
    for document in documents:
        found = found.created(document, by, NOW)
    return found


def rules_of(found: SliceRegistry, name: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = told(found.slice(name), NOW)["flowspace"]
    return rules


CAMPUS = slice_of(
    "campus",
    {"match": {"nw_src": "10.0.0.0/8", "dl_type": "ip"}, "permissions": "rwd", "queues": [1, 2]},
    {"match": {"dl_vlan": 7}},
)
PART = {"match": {"nw_src": "10.1.0.0/16", "dl_type": "ip"}}


def test_what_was_made_is_told_and_read_by_the_engine_as_it_was_given() -> None:
    found = registry(slice_of("a", {"ports": [1, "5-8"]}, contact="me", expires_s=60))
    assert told(found.slice("a"), NOW) | {"flowspace": 0} == {
        "name": "a",
        "controllers": [],
        "flowspace": 0,
        "limits": {},
        "drop_policy": "exact",
        "enabled": True,
        "receives_lldp": True,
        "allows_vendor": [],
        "allows_config": False,
        "native_flood": False,
        "contact": "me",
        "description": "",
        "expires_s": 60.0,
    }
    assert rules_of(found, "a") == [
        {
            "id": 1,
            "dpids": "all",
            "match": {"in_port": [1, "5-8"]},
            "priority": 32000,
            "permissions": "rw",
        }
    ]
    read = parse_configuration(found.engine_document())
    assert read.version == found.version == 1
    assert read.slices["a"].rules == tuple(found.slice("a").rules)


def test_a_name_is_taken_once() -> None:
    with pytest.raises(Conflict):
        registry(slice_of("a"), slice_of("a"))
    assert "contro!ler3" in registry(slice_of("contro!ler3")).slices


def test_two_slices_have_no_controller_in_common() -> None:
    one = slice_of("a") | {"controllers": [{"url": "tcp:h:1"}]}
    with pytest.raises(InvalidInput) as refused:
        registry(one, one | {"name": "b"})
    assert refused.value.loc == ("controllers", 0, "url")
    found = registry(one, slice_of("b"))
    with pytest.raises(InvalidInput):
        found.changed("b", {"controllers": [{"url": "tcp:h:1"}]}, None, NOW)
    assert found.changed("a", {"controllers": [{"url": "tcp:h:1"}]}, None, NOW)


def test_rules_are_taken_all_or_none_and_each_that_is_wrong_is_told() -> None:
    found = registry(slice_of("a"))
    given = [{"ports": [1]}, {"ports": [-1]}, {"match": {"dl_vlan": 2}}, {"priority": "high"}]
    with pytest.raises(InvalidInput) as refused:
        found.with_rules("a", given, None)
    error = refused.value
    assert [one.loc for one in (error, *error.others)] == [(1, "ports", 0), (3, "priority")]
    more = found.with_rules("a", [given[0], given[2]], None)
    assert [rule["id"] for rule in rules_of(more, "a")] == [1, 2]
    assert rules_of(found, "a") == []


def test_ids_are_never_given_again() -> None:
    found = registry(slice_of("a", {"ports": [1]}, {"ports": [2]})).without_rule("a", 2)
    found = found.with_rules("a", [{"ports": [3]}], None)
    assert [rule["id"] for rule in rules_of(found, "a")] == [1, 3]
    with pytest.raises(NotFound):
        found.without_rule("a", 2)
    with pytest.raises(InvalidInput):
        found.with_rules("a", [{"ports": [3], "id": 1}], None)


def test_a_patch_sets_what_it_names_and_null_is_the_default() -> None:
    limits = {"messages_per_s": 5, "flow_entries": 9}
    found = registry(slice_of("a", {"ports": [1]}, limits=limits, expires_s=60, contact="me"))
    set_ = found.changed("a", {"limits": {"messages_per_s": None}, "contact": None}, None, NOW)
    assert told(set_.slice("a"), NOW)["limits"] == {"flow_entries": 9}
    assert set_.slice("a").contact == ""
    assert set_.slice("a").expires_at == NOW + 60
    assert rules_of(set_, "a") == rules_of(found, "a")
    assert found.changed("a", {"expires_s": None}, None, NOW).slice("a").expires_at is None
    with pytest.raises(InvalidInput, match="keeps its name"):
        found.changed("a", {"name": "b"}, None, NOW)


def test_a_flowspace_that_is_replaced_keeps_the_ids_of_rules_that_stay() -> None:
    found = registry(slice_of("a", {"ports": [1]}, {"ports": [2]}, {"ports": [3]}))
    given = [{"ports": [4]}, {"ports": [2]}, {"id": 1, "ports": [9]}]
    after = rules_of(found.changed("a", {"flowspace": given}, None, NOW), "a")
    ports = {rule["id"]: rule["match"]["in_port"] for rule in after}
    assert ports.pop(1) == 9
    assert ports.pop(2) == 2
    assert list(ports.values()) == [4]
    for wrong in ([{"id": 77}], [{"id": 1}, {"id": 1}]):
        with pytest.raises(InvalidInput):
            found.changed("a", {"flowspace": wrong}, None, NOW)


@pytest.mark.parametrize("seconds", [0, -1, True, "60", float("nan"), float("inf"), 1e12, [1]])
def test_an_end_that_is_no_time_is_refused(seconds: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry(slice_of("a", expires_s=seconds))
    assert refused.value.loc == ("expires_s",)


def test_slices_expire_with_all_that_they_have_made() -> None:
    found = registry(CAMPUS | {"expires_s": 10}, slice_of("other", expires_s=20))
    found = found.created(slice_of("lab", PART), "campus", NOW)
    assert found.first_expiry() == NOW + 10
    assert found.expired(NOW + 9) is found
    after = found.expired(NOW + 10)
    assert set(after.slices) == {"other"}
    assert after.version == found.version + 1
    assert after.expired(NOW + 99).first_expiry() is None


# ---- delegation


def test_what_is_passed_on_counts_before_the_rule_and_after_what_is_before_that() -> None:
    found = registry(
        slice_of("first", {"match": {"nw_src": "10.1.1.0/24", "dl_type": "ip"}, "priority": 40000}),
        CAMPUS,
        slice_of("later", {"match": {"nw_src": "10.1.0.0/24", "dl_type": "ip"}}),
    )
    child = {**PART, "permissions": "rwd", "priority": 5}
    found = found.created(slice_of("lab", child), "campus", NOW)
    grandchild = {"match": {"nw_src": "10.1.2.0/24", "dl_type": "ip"}, "priority": 1}
    found = found.created(slice_of("room", grandchild), "lab", NOW)
    read = parse_configuration(found.engine_document())
    rules = [rule for one in read.slices.values() for rule in one.rules]
    order = [rule.slice_name for rule in Flowspace(HEADER_13, rules).rules]
    assert order == ["first", "room", "lab", "campus", "campus", "later"]
    assert rules_of(found, "room")[0]["within"] == rules_of(found, "lab")[0]["id"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"match": {"nw_src": "11.0.0.0/8", "dl_type": "ip"}}, "within no rule"),
        ({"match": {"nw_src": "8.0.0.0/6", "dl_type": "ip"}}, "within no rule"),
        ({"match": {"nw_src": "10.1.0.0/16"}}, "within no rule"),
        ({"match": {"dl_vlan": 7}}, "within no rule"),
        ({}, "within no rule"),
        ({**PART, "queues": [3]}, "not all among"),
        ({**PART, "force_queue": 3}, "not among"),
        ({**PART, "within": 2}, "no permission d"),
        ({**PART, "within": 99}, "none of the slice"),
    ],
)
def test_more_than_its_own_is_not_passed_on(rule: dict[str, Any], reason: str) -> None:
    found = registry(CAMPUS)
    with pytest.raises(InvalidInput, match=reason):
        found.created(slice_of("lab", rule), "campus", NOW)
    lab = found.created(slice_of("lab", PART), "campus", NOW)
    with pytest.raises(InvalidInput, match=reason):
        lab.with_rules("lab", [rule], "campus")


@pytest.mark.parametrize(
    ("has", "gives", "place"),
    [
        ({"limits": {"flow_entries": 10}}, {}, ("limits", "flow_entries")),
        ({"limits": {"flow_entries": 10}}, {"limits": {"flow_entries": 11}}, None),
        ({"limits": {"per_switch": {"1": {"flow_entries": 3}}}}, {}, None),
        ({}, {"allows_vendor": [5]}, ("allows_vendor",)),
        ({}, {"allows_config": True}, ("allows_config",)),
        ({}, {"native_flood": True}, ("native_flood",)),
        ({}, {"bandwidth": {"mode": "vlan_pcp", "value": 7}}, ("bandwidth",)),
    ],
)
def test_a_slice_makes_none_that_may_more(
    has: dict[str, Any], gives: dict[str, Any], place: tuple[str, ...] | None
) -> None:
    found = registry(CAMPUS | has)
    with pytest.raises(InvalidInput) as refused:
        found.created(slice_of("lab", PART, **gives), "campus", NOW)
    assert place is None or refused.value.loc == place


def test_all_that_a_slice_makes_have_no_more_together_than_it_has() -> None:
    found = registry(CAMPUS | {"limits": {"flow_entries": 10}})
    lab = slice_of("lab", PART, limits={"flow_entries": 6})
    found = found.created(lab, "campus", NOW)
    with pytest.raises(InvalidInput):
        found.created(lab | {"name": "lab2"}, "campus", NOW)
    found = found.created(lab | {"name": "lab2", "limits": {"flow_entries": 4}}, "campus", NOW)
    with pytest.raises(InvalidInput):
        found.changed("lab2", {"limits": {"flow_entries": 5}}, "campus", NOW)
    assert found.changed("lab2", {"limits": {"flow_entries": 5}}, None, NOW)


def test_the_mark_of_a_slice_is_that_of_all_that_it_makes() -> None:
    found = registry(CAMPUS | {"bandwidth": {"mode": "vlan_pcp", "value": 3}})
    found = found.created(slice_of("lab", PART), "campus", NOW)
    assert told(found.slice("lab"), NOW)["bandwidth"] == {"mode": "vlan_pcp", "value": 3}


def test_what_others_are_part_of_is_neither_taken_away_nor_narrowed() -> None:
    found = registry(CAMPUS).created(slice_of("lab", PART), "campus", NOW)
    with pytest.raises(Conflict, match="slice lab is part of it"):
        found.without_rule("campus", 1)
    narrowed = {"id": 1, **PART, "permissions": "rwd", "match": {"nw_src": "10.2.0.0/16"}}
    with pytest.raises(Conflict):
        found.changed("campus", {"flowspace": [narrowed]}, None, NOW)
    with pytest.raises(Conflict, match="lab"):
        found.deleted("campus")
    assert found.deleted("lab").deleted("campus").slices == {}


def test_what_was_passed_on_moves_with_the_rule_that_it_is_part_of() -> None:
    found = registry(CAMPUS).created(slice_of("lab", PART), "campus", NOW)
    kept = told(found.slice("campus"), NOW)["flowspace"]
    kept[0]["priority"] = 50000
    moved = found.changed("campus", {"flowspace": kept}, None, NOW)
    (rule,) = moved.slice("lab").rules
    (first, _) = moved.slice("campus").rules
    assert rule.above == first.place_above
    assert rule.above[0] == -50000


def test_what_comes_from_a_disabled_slice_is_disabled_for_the_engine() -> None:
    found = registry(CAMPUS).created(slice_of("lab", PART), "campus", NOW)
    found = found.changed("campus", {"enabled": False}, None, NOW)
    told_ = {one["name"]: one["enabled"] for one in found.engine_document()["slices"]}
    assert told_ == {"campus": False, "lab": False}


# ---- all of it replaced


def test_everything_that_is_told_can_be_put_back() -> None:
    found = registry(slice_of("z"), CAMPUS | {"expires_s": 50, "description": "two\nlines"})
    found = found.created(slice_of("lab", PART, PART | {"queues": [1]}), "campus", NOW)
    documents = [told(one, NOW) for one in found.slices.values()][::-1]
    back = SliceRegistry().replaced(documents, NOW)
    assert back.slices == found.slices
    assert back.next_id >= found.next_id
    again = found.replaced(documents, NOW)
    assert (again.version, again.slices) == (found.version + 1, found.slices)


def test_rules_that_are_put_back_without_ids_have_those_that_they_had() -> None:
    found = registry(slice_of("a", {"ports": [1]}, {"ports": [2]}, {"ports": [3]}))
    again = found.replaced([slice_of("a", {"ports": [9]}, {"ports": [2]}, {"ports": [1]})], NOW)
    ports = {rule["match"]["in_port"]: rule["id"] for rule in rules_of(again, "a")}
    assert (ports[1], ports[2]) == (1, 2)
    assert ports[9] > 3
    assert again.next_id > ports[9]


def test_an_id_that_is_given_is_no_other_rules() -> None:
    made = SliceRegistry().replaced([slice_of("a", {"ports": [1]}, {"ports": [2], "id": 1})], NOW)
    first, second = (rule.rule_id for rule in made.slice("a").rules)
    assert first == 1 != second


@pytest.mark.parametrize(
    ("documents", "place"),
    [
        ([slice_of("a"), slice_of("a")], ("slices", 1, "name")),
        ([slice_of("a", {"id": 1}), slice_of("b", {"id": 1})], ("slices", 0, "flowspace", 0, "id")),
        ([slice_of("a", creator="b"), slice_of("b", creator="a")], ("slices", 0, "creator")),
        ([slice_of("a", creator="c")], ("slices", 0, "creator")),
        ([slice_of("a", {"within": 1}), 5], ("slices", 1)),
        ([slice_of("a", creator=["a"])], ("slices", 0, "creator")),
        ([{"controllers": []}], ("slices", 0, "name")),
        ([slice_of("a", {"ports": []})], ("slices", 0, "flowspace", 0, "ports")),
        ([{**slice_of("a"), "name": ["a"]}], ("slices", 0, "name")),
    ],
)
def test_what_cannot_be_put_back_is_named(documents: list[Any], place: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        SliceRegistry().replaced(documents, NOW)
    assert refused.value.loc == place


def test_slices_and_rules_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slice_registry, "MOST_SLICES", 2)
    monkeypatch.setattr(slice_registry, "MOST_RULES", 3)
    found = registry(slice_of("a"), slice_of("b"))
    with pytest.raises(LimitExceeded):
        found.created(slice_of("c"), None, NOW)
    with pytest.raises(LimitExceeded):
        found.with_rules("a", [{}] * 4, None)
