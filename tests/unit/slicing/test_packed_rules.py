"""Rules in numbers, as the controller tells them: what was judged comes back, none is believed."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.packed_rule import packed_rule, read_packed_rule
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import FIELD_BITS, parse_rule_match
from horizon_ryu.core.slicing.rule_pages import RULES_A_PAGE, read_packed, rule_pages
from horizon_ryu.core.slicing.slice_document import parse_rule
from horizon_ryu.slicer.configuration import SlicerConfiguration, parse_configuration
from horizon_ryu.wire.ternary import LAYOUTS

_ODD = "00:01:00:00:00:00/00:01:00:00:00:00"
DOCUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"ports": [1, "5-8", "local"], "dpids": ["0000000000000001", 7], "priority": 0},
    {"match": {"dl_src": "02:00:00:00:00:01/0e:00:00:00:00:01"}, "permissions": "rwd"},
    {"match": {"dl_src": ["02:00:00:00:00:00/ff:ff:00:00:00:00", _ODD]}},
    {"match": {"dl_vlan": ["untagged", "10-20", 30]}, "queues": [1, 2], "force_queue": 1},
    {"match": {"nw_src": "10.0.0.0/8", "nw_proto": "tcp", "tp_dst": [80, "8000-8080"]}},
    {"match": {"ipv6_dst": "2001:db8::/32"}, "permissions": "r"},
    {"match": {"tunnel_id": (1 << 64) - 1}, "above": [-5, 3, 0]},
    {"match": {"icmpv6_type": 135, "ipv6_nd_target": "fe80::1"}},
    {"match": {"dl_type": 0x8847, "mpls_label": 5}, "id": (1 << 53) - 1},
)  # fmt: skip


def read(number: int) -> FlowspaceRule:
    return parse_rule(DOCUMENTS[number], "a", number + 1)


def carried(rule: FlowspaceRule) -> Any:
    return json.loads(json.dumps(packed_rule(rule)))


@pytest.mark.parametrize("number", range(len(DOCUMENTS)))
def test_a_rule_that_was_packed_is_the_same_rule(number: int) -> None:
    rule = read(number)
    assert read_packed_rule(carried(rule), "a", ()) == rule


def test_every_field_that_rules_are_told_by_can_be_packed() -> None:
    for field, bits in FIELD_BITS.items():
        rule = read_packed_rule(
            [1, None, 5, 1, None, None, None, {field: [0, (1 << bits) - 2]}, None], "a", ()
        )
        assert rule.match[field].bits == bits
        assert carried(rule)[7] == {field: [0, (1 << bits) - 2]}


def test_a_configuration_has_rules_packed_and_written() -> None:
    written = {"dl_vlan": 5}
    document = {
        "slices": [{"name": "a", "flowspace": [{"match": written}], "packed": [carried(read(1))]}]
    }
    (found,) = parse_configuration(document).slices.values()
    assert found.rules[0].match == parse_rule_match(written)
    assert found.rules[1:] == (read(1),)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 0),
        (0, True),
        (0, 1 << 53),
        (1, []),
        (1, [-1]),
        (1, [1 << 64]),
        (1, "all"),
        (2, -1),
        (2, 1 << 32),
        (3, 0),
        (3, 7.0),
        (3, []),
        (3, True),
        (4, []),
        (4, [None]),
        (5, (1 << 32) - 1),
        (6, [1]),
        (6, ["a", 1, 2]),
        (7, []),
        (7, {"no_field": [1, 1]}),
        (7, {"in_port": []}),
        (7, {"in_port": [1]}),
        (7, {"in_port": [2, 1]}),
        (7, {"in_port": [1, 1 << 32]}),
        (7, {"in_port": [-1, 1]}),
        (7, {"in_port": [1, 2, 3, 4]}),
        (7, {"in_port": [5, 6, 1, 2]}),
        (7, {"in_port": [True, 2]}),
        (7, {"in_port": ["1", 2]}),
        (7, {"in_port": "12"}),
        (8, {"dl_src": [1, 0]}),
        (8, {"dl_src": [3, 1]}),
        (8, {"dl_src": [0, 1 << 48]}),
        (8, {"dl_src": [-1, 5]}),
    ],
)
def test_what_no_rule_is_packed_as_is_refused(place: int, value: Any) -> None:
    packed = carried(read(0))
    packed[place] = value
    with pytest.raises(InvalidInput) as refused:
        parse_configuration({"slices": [{"name": "a", "packed": [carried(read(1)), packed]}]})
    assert refused.value.loc[:4] == ("slices", 0, "packed", 1)


@pytest.mark.parametrize("packed", [None, {}, "", 5, [5], [[]], [[1]], [{}], [None]])
def test_what_is_no_list_of_packed_rules_is_refused(packed: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_configuration({"slices": [{"name": "a", "packed": packed}]})


_STRANGE = (None, True, -1, 0, 1, 1 << 70, 1.5, "x", [], [1], [0, 1], {}, {"dl_src": [1, 1]})


def test_whatever_is_packed_is_refused_or_a_rule_that_flowspaces_can_be_made_of() -> None:
    rng = random.Random(1)
    refused = taken = 0
    for _ in range(4_000):
        packed = carried(read(rng.randrange(len(DOCUMENTS))))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(packed))
            part = packed[at]
            if isinstance(part, dict) and part and rng.random() < 0.7:
                numbers = part[rng.choice(sorted(part))]
                if numbers and isinstance(numbers, list):
                    numbers[rng.randrange(len(numbers))] = rng.choice(_STRANGE)
            else:
                packed[at] = rng.choice(_STRANGE)
        try:
            rule = read_packed_rule(packed, "a", ())
        except InvalidInput:
            refused += 1
            continue
        taken += 1
        for layout in LAYOUTS.values():
            Flowspace(layout, [rule]).on(1).levels()
        assert read_packed_rule(carried(rule), "a", ()) == rule
    assert refused > 100
    assert taken > 100


# ---- pages


def test_pages_of_rules_are_the_same_rules_in_their_order() -> None:
    rules = [parse_rule(DOCUMENTS[n % len(DOCUMENTS)], "a", n + 1) for n in range(RULES_A_PAGE + 7)]
    pages = rule_pages(rules)
    assert len(pages) == 2
    assert list(read_packed(json.loads(json.dumps(pages)), "a", ())) == rules
    mixed = [packed_rule(rules[0]), *rule_pages(rules[1:3])]
    assert list(read_packed(mixed, "a", ())) == rules[:3]
    assert rule_pages([]) == []


def test_a_document_has_nothing_to_escape_for_pages() -> None:
    pages = rule_pages(read(number) for number in range(len(DOCUMENTS)))
    assert "\\" not in json.dumps(pages)


@pytest.mark.parametrize("page", ["", "x", "[", "{}", "5", "null", "[" * 100_000, "[[1]]", "[5]"])
def test_what_is_no_page_of_rules_is_refused_with_its_place(page: str) -> None:
    good = rule_pages([read(0)])[0]
    with pytest.raises(InvalidInput) as refused:
        parse_configuration({"slices": [{"name": "a", "packed": [good, page]}]})
    assert refused.value.loc[:4] == ("slices", 0, "packed", 1)


def test_a_configuration_shares_what_it_has_in_common_with_the_one_before() -> None:
    def made(*numbers: int) -> SlicerConfiguration:
        pages = rule_pages(read(number) for number in numbers)
        slices = [{"name": "a", "packed": pages}, {"name": "b", "enabled": False}]
        return parse_configuration({"version": 1, "slices": slices})

    before, after = made(1, 2, 3), made(1, 3, 5)
    shared = after.sharing(before)
    assert shared == after
    old, new = before.slices["a"].rules, shared.slices["a"].rules
    assert [any(one is other for other in old) for one in new] == [True, True, False]
    assert shared.slices["b"].settings is before.slices["b"].settings
    assert made(1).sharing(SlicerConfiguration()) == made(1)
