"""Clash report: what overlaps is told with its owner, switches and frames, and is bounded."""

from __future__ import annotations

import random
from typing import Any

import pytest

from executed_lines import executed_lines
from horizon_ryu.core.slicing import clashes
from horizon_ryu.core.slicing.clashes import ClashKind, clash_report
from unit.slicing.test_slice_registry import CAMPUS, NOW, PART, registry, slice_of


def told(*documents: dict[str, Any], names: tuple[str, ...] = ("b",)) -> list[tuple[Any, ...]]:
    report = clash_report(registry(*documents), names)
    assert report.is_whole
    return [
        (one.kind.value, one.first.slice_name, one.second.slice_name, one.dpids, dict(one.match))
        for one in report.clashes
    ]


def test_rules_that_share_frames_clash_where_they_share_a_switch() -> None:
    a = slice_of("a", {"dpids": [1, 2], "match": {"dl_vlan": "10-20"}, "priority": 40000})
    b = slice_of(
        "b", {"dpids": [2, 3], "match": {"dl_vlan": [5, "15-30"], "dl_src": "00:00:00:00:00:01"}}
    )
    match = {"dl_vlan": "15-20", "dl_src": "00:00:00:00:00:01"}
    assert told(a, b) == [("owned", "a", "b", frozenset({2}), match)]
    (clash,) = clash_report(registry(a, b), ("a",)).clashes
    assert clash.example == {"dl_vlan": 15, "dl_src": "00:00:00:00:00:01"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"dpids": [1]}, {"dpids": [2]}),
        ({"ports": [1]}, {"ports": ["2-9"]}),
        (
            {"match": {"dl_src": "00:00:00:00:00:00/00:00:00:00:00:01"}},
            {"match": {"dl_src": "00:00:00:00:00:01"}},
        ),
        ({"match": {"nw_src": "10.0.0.0/8"}}, {"match": {"dl_type": "ipv6"}}),
        ({"match": {"tcp_dst": 80}}, {"match": {"udp_dst": 80}}),
    ],
)
def test_rules_without_a_frame_in_common_do_not_clash(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert told(slice_of("a", one), slice_of("b", other)) == []


def test_a_rule_that_only_looks_on_takes_nothing() -> None:
    found = told(slice_of("a", {"permissions": "r"}), slice_of("b", {"ports": [1]}))
    assert found == [("seen", "a", "b", None, {"in_port": 1})]


def test_rules_of_one_slice_and_of_disabled_ones_do_not_clash() -> None:
    assert told(slice_of("a", {}, enabled=False), slice_of("b", {}, {})) == []
    assert len(told(slice_of("a", {}), slice_of("b", {}, enabled=False))) == 1


def test_a_rule_of_several_kinds_of_frames_clashes_once() -> None:
    rule = {"match": {"nw_src": "10.0.0.0/8"}}
    assert len(told(slice_of("a", rule), slice_of("b", rule))) == 1


def test_what_was_passed_on_is_told_as_that() -> None:
    found = registry(CAMPUS).created(slice_of("lab", PART), "campus", NOW)
    (clash, *_) = clash_report(found, ("lab",)).clashes
    assert (clash.kind, clash.first.slice_name) == (ClashKind.PASSED_ON, "lab")


def test_the_report_ends_and_says_so() -> None:
    many = registry(slice_of("a", *[{}] * 200), slice_of("b", *[{}] * 200))
    report = clash_report(many, ("b",))
    assert (len(report.clashes), report.is_whole) == (clashes.MOST_CLASHES, False)


def test_the_values_of_a_clash_are_few() -> None:
    odd = list(range(1, 999, 2))
    (clash,) = clash_report(registry(slice_of("a", {"ports": odd}), slice_of("b", {})), "b").clashes
    assert len(clash.match["in_port"]) == clashes.MOST_VALUES


def masked(number: int) -> dict[str, Any]:
    """A rule whose MAC no range tells, so that the index cannot tell it from others of its kind."""
    value = number.to_bytes(5, "big").hex(":")
    return {"match": {"dl_src": f"{value}:00/ff:ff:ff:ff:ff:01"}}


def test_pairs_that_do_not_clash_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clashes, "MOST_PAIRS", 500)
    one = slice_of("a", *(masked(2 * number) for number in range(100)))
    other = slice_of("b", *(masked(2 * number + 1) for number in range(100)))
    report = clash_report(registry(one, other), ("b",))
    assert (report.clashes, report.is_whole) == ((), False)


def test_the_work_grows_with_the_rules_and_not_with_the_pairs() -> None:
    def lines(count: int) -> int:
        numbers = random.Random(1).sample(range(1, 60_000), 2 * count)
        one = slice_of("a", *({"ports": [number]} for number in numbers[:count]))
        other = slice_of("b", *({"ports": [number]} for number in numbers[count:]), {})
        found = registry(one, other)
        return executed_lines(lambda: clash_report(found, ("b",)))

    few, many = lines(50), lines(400)
    assert many < 10 * few


def test_a_slice_is_told_of_clashes_with_its_own_and_of_no_others() -> None:
    found = registry(slice_of("secret", {}), CAMPUS).created(slice_of("lab", PART), "campus", NOW)
    seen = {one.second.slice_name for one in clash_report(found, ("lab",), "campus").clashes}
    assert seen == {"campus"}
    everything = {one.first.slice_name for one in clash_report(found, ("lab",)).clashes}
    assert "secret" in everything
