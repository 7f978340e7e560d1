"""Clash report: which rules of which slices have frames in common, on which switches, and which.

Slices may overlap: every frame still belongs to the first rule that takes it. The report tells who
that is. It is bounded: it ends after so many clashes, and after so many pairs that were looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.region_index import as_bits, bits_of
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import rule_match_fields
from horizon_ryu.core.slicing.slice_registry import SliceRegistry
from horizon_ryu.core.slicing.slice_rights import sees
from horizon_ryu.core.slicing.value_set import ValueRange, ValueSet
from horizon_ryu.wire.ternary import HEADER_13

MOST_CLASHES = 100
"""That one report tells."""
MOST_PAIRS = 20_000
"""Pairs of rules that are looked at for it."""
MOST_VALUES = 16
"""Of one field that a clash tells; ``example`` has one of each in any case."""


class ClashKind(StrEnum):
    """What the slice that comes second loses.

    ``OWNED``: frames that both would own, and the first has. ``SEEN``: nothing; one of them only
    looks on. ``PASSED_ON``: what it has given away itself.
    """

    OWNED = "owned"
    SEEN = "seen"
    PASSED_ON = "passed_on"


@dataclass(frozen=True, slots=True)
class Clash:
    """Frames that rules of two slices take; they belong to ``first``.

    ``dpids``: None for every switch. ``match`` is what the frames have, in the notation of rules,
    ``example`` one of them.
    """

    kind: ClashKind
    first: FlowspaceRule
    second: FlowspaceRule
    dpids: frozenset[int] | None
    match: Mapping[str, Any]
    example: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClashReport:
    """Clashes in the order of their rules; ``is_whole`` says whether these are all."""

    clashes: tuple[Clash, ...]
    is_whole: bool


def clash_report(
    registry: SliceRegistry,
    names: Collection[str],
    by: str | None = None,
    most: int = MOST_CLASHES,
) -> ClashReport:
    """Return where the slices ``names`` clash with others; those that are disabled do not clash.

    The slice ``by`` is told of those that it sees, and of no others.
    """
    rules = [
        rule
        for record in registry.slices.values()
        if sees(registry, by, record.name)
        and (registry.is_enabled(record.name) or record.name in names)
        for rule in record.rules
    ]
    found: list[Clash] = []
    pairs = _meeting(Flowspace(HEADER_13, rules), frozenset(names))
    for looked_at, pair in enumerate(pairs):
        if len(found) >= most or looked_at >= MOST_PAIRS:
            return ClashReport(tuple(found), False)
        clash = None if pair is None else _clash(*pair)
        if clash is not None:
            found.append(clash)
    return ClashReport(tuple(found), True)


def _meeting(
    flowspace: Flowspace, names: frozenset[str]
) -> Iterator[tuple[FlowspaceRule, FlowspaceRule] | None]:
    """Yield pairs of rules of different slices whose regions meet, the earlier one first.

    One of the two is of ``names``. A rule may be several regions, but each pair comes once; None
    stands for one that was looked at and is none, or has come before.
    """
    regions_of: dict[str, list[int]] = {}
    for number, rule in enumerate(flowspace.rule_of):
        regions_of.setdefault(rule.slice_name, []).append(number)
    own = {name: as_bits(regions_of.get(name, ())) for name in names}
    seen: set[tuple[int, int]] = set()
    index = flowspace.index
    for number, rule in enumerate(flowspace.rule_of):
        if rule.slice_name not in names:
            continue
        among = index.all & ~own[rule.slice_name]
        for other in bits_of(index.may_meet(index.regions[number], among)):
            one, two = sorted((number, other))
            first, second = flowspace.rule_of[one], flowspace.rule_of[two]
            ids = first.rule_id, second.rule_id
            if ids in seen or not index.regions[one].meets(index.regions[two]):
                yield None
            else:
                seen.add(ids)
                yield first, second


def _clash(first: FlowspaceRule, second: FlowspaceRule) -> Clash | None:
    """Return the clash of two rules; None if they have no switch, or no frame, in common."""
    dpids = _both(first.dpids, second.dpids)
    if dpids is not None and not dpids:
        return None
    fields = _shared(first.match, second.match)
    if fields is None:
        return None
    few = {field: _few(values) for field, values in fields.items()}
    one = {field: ValueSet(v.bits, (ValueRange(v.least, v.least),)) for field, v in fields.items()}
    return Clash(
        _kind(first, second),
        first,
        second,
        dpids,
        MappingProxyType(rule_match_fields(few)),
        MappingProxyType(rule_match_fields(one)),
    )


def _kind(first: FlowspaceRule, second: FlowspaceRule) -> ClashKind:
    if second.rule_id in first.above[1::3]:
        return ClashKind.PASSED_ON
    return ClashKind.OWNED if first.owns and second.owns else ClashKind.SEEN


def _both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _shared(
    one: Mapping[str, ValueSet], other: Mapping[str, ValueSet]
) -> dict[str, ValueSet] | None:
    """Return the values that both rules take, by field; None if some field has none."""
    found: dict[str, ValueSet] = {**one, **other}
    for field in one.keys() & other.keys():
        values = one[field].shared(other[field])
        if values is None:
            return None
        found[field] = values
    return dict(sorted(found.items()))


def _few(values: ValueSet) -> ValueSet:
    ranges = values.ranges[:MOST_VALUES]
    return ValueSet(values.bits, ranges, values.masked[: MOST_VALUES - len(ranges)])
