"""Packed rule: a flowspace rule in numbers, as a controller that has judged it tells its engine.

A rule as people write it is read twice otherwise, text by text. What is packed is not believed: its
types, its bounds and the order of its values are looked at again, which takes a tenth of the time.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.slicing.rule import LETTERS, MAX_PRIORITY, FlowspaceRule
from horizon_ryu.core.slicing.rule_match import FIELD_BITS, MOST_KNOWN
from horizon_ryu.core.slicing.slice_document import MAX_QUEUE, MAX_RULE_ID, parse_above
from horizon_ryu.core.slicing.value_set import ValueRange, ValueSet
from horizon_ryu.wire.ternary import new_tuple

MAX_DPID = (1 << 64) - 1
_PARTS = 9
_INTEGERS = frozenset({int})
_ONES = MappingProxyType({name: (1 << bits) - 1 for name, bits in FIELD_BITS.items()})
_PERMISSIONS = MappingProxyType({found.value: found for found in LETTERS.values()})


def packed_rule(rule: FlowspaceRule) -> list[Any]:
    """Return a rule as :func:`read_packed_rule` reads it; what it has is JSON, and nothing empty.

    Of each field the first and last values of ranges, one after the other; values and masks apart.
    """
    spans, masks = {}, {}
    for field, values in rule.match.items():
        if values.ranges:
            spans[field] = list(chain.from_iterable(values.ranges))
        if values.masked:
            masks[field] = list(chain.from_iterable(values.masked))
    return [
        rule.rule_id,
        None if rule.dpids is None else sorted(rule.dpids),
        rule.priority,
        rule.permissions.value,
        sorted(rule.queues) or None,
        rule.force_queue,
        list(rule.above) or None,
        spans or None,
        masks or None,
    ]


def read_packed_rule(packed: Any, slice_name: str, loc: Loc) -> FlowspaceRule:
    """Return the rule that a list is; InvalidInput."""
    if not isinstance(packed, list) or len(packed) != _PARTS:
        raise InvalidInput(loc, f"must be a list of {_PARTS} parts")
    rule_id, dpids, priority, permissions, queues, forced, above, spans, masks = packed
    if type(permissions) is not int or permissions not in _PERMISSIONS:
        raise InvalidInput(loc, "no such permissions")
    return FlowspaceRule(
        _number(rule_id, 1, MAX_RULE_ID, loc),
        slice_name,
        None if dpids is None else _members(dpids, MAX_DPID, loc),
        MappingProxyType(_match(spans, masks, loc)),
        _number(priority, 0, MAX_PRIORITY, loc),
        _PERMISSIONS[permissions],
        frozenset() if queues is None else _members(queues, MAX_QUEUE, loc),
        None if forced is None else _number(forced, 0, MAX_QUEUE, loc),
        () if above is None else parse_above(above, loc),
    )


def _number(value: Any, low: int, high: int, loc: Loc) -> int:
    if type(value) is not int or not low <= value <= high:
        raise InvalidInput(loc, f"must have a whole number from {low} to {high}")
    return value


def _members(values: Any, high: int, loc: Loc) -> frozenset[int]:
    if not isinstance(values, list) or not values:
        raise InvalidInput(loc, "must have a list of numbers")
    return frozenset(_number(one, 0, high, loc) for one in values)


def _match(spans: Any, masks: Any, loc: Loc) -> dict[str, ValueSet]:
    ranges = {} if spans is None else _fields(spans, loc)
    masked = {} if masks is None else _fields(masks, loc)
    try:
        found = {
            field: _set(field, tuple(numbers), tuple(masked.pop(field)) if field in masked else ())
            for field, numbers in ranges.items()
        }
        for field, numbers in masked.items():
            found[field] = _set(field, (), tuple(numbers))
    except InvalidInput as error:
        raise InvalidInput(loc, error.msg) from error
    return found


def _set(field: str, spans: tuple[int, ...], masks: tuple[int, ...]) -> ValueSet:
    """Return a set of values; one of few ranges is read once, however many rules have it."""
    few = len(spans) + len(masks) <= 2 * MOST_KNOWN
    return (_known_set if few else _read_set)(field, spans, masks)


def _read_set(field: str, spans: tuple[int, ...], masks: tuple[int, ...]) -> ValueSet:
    ones = _ONES[field]
    masked = _masked(masks, ones) if masks else ()
    return ValueSet(FIELD_BITS[field], _ranges(spans, ones), masked)


_known_set = lru_cache(maxsize=4096)(_read_set)


def _fields(given: Any, loc: Loc) -> dict[str, list[int]]:
    """Return pairs of numbers by field."""
    if not isinstance(given, dict) or not given.keys() <= _ONES.keys():
        raise InvalidInput(loc, "must have fields that a flowspace can be told by")
    for numbers in given.values():
        if not isinstance(numbers, list) or not numbers or len(numbers) % 2:
            raise InvalidInput(loc, "must have pairs of numbers")
        if not _INTEGERS.issuperset(map(type, numbers)):
            raise InvalidInput(loc, "must have pairs of whole numbers")
    return dict(given)


def _ranges(spans: tuple[int, ...], ones: int) -> tuple[ValueRange, ...]:
    """Return ranges that are in order, and apart."""
    if len(spans) == 2 and 0 <= spans[0] <= spans[1] <= ones:
        return (new_tuple(ValueRange, spans),)
    found, before = [], -2
    for first, last in zip(spans[::2], spans[1::2], strict=True):
        if first < 0 or not before + 1 < first <= last <= ones:
            raise InvalidInput((), "must have ranges in order, and apart, within the field")
        found.append(ValueRange(first, last))
        before = last
    return tuple(found)


def _masked(masks: tuple[int, ...], ones: int) -> tuple[tuple[int, int], ...]:
    """Return values under masks, of which none has ones outside of its mask."""
    found = tuple(zip(masks[::2], masks[1::2], strict=True))
    for value, mask in found:
        if not 0 < mask <= ones or not 0 <= value <= mask or value & ~mask:
            raise InvalidInput((), "must have masks within the field, and values within them")
    return found
