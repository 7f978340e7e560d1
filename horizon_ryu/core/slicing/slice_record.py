"""Slice as it is kept: settings, rules, who made it, whom to ask, and until when it stays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.slice_document import (
    SLICE_FIELDS,
    SliceDocument,
    parse_rule,
    parse_slice,
    rule_document,
    slice_document,
)
from horizon_ryu.core.slicing.slice_settings import SliceSettings

MAX_CONTACT, MAX_DESCRIPTION = 200, 1000
"""Characters."""
LONGEST = 10 * 365 * 86_400.0
"""Seconds after which a slice may expire at the latest."""
_TEXTS = {"contact": MAX_CONTACT, "description": MAX_DESCRIPTION}
_KEPT = frozenset({*_TEXTS, "expires_s"})
FIELDS = SLICE_FIELDS | _KEPT
"""Everything that a slice may be given."""


class WrittenRule(NamedTuple):
    """A rule and the document that it is written as, made once: there may be thousands."""

    rule: FlowspaceRule
    document: Mapping[str, Any]

    @staticmethod
    def of(rule: FlowspaceRule) -> WrittenRule:
        """Return a rule with its document."""
        return WrittenRule(rule, rule_document(rule))

    def told(self) -> dict[str, Any]:
        """Return what people are told of it: the rule that it is part of by its id."""
        told = {name: value for name, value in self.document.items() if name != "above"}
        return told if self.rule.within is None else {**told, "within": self.rule.within}

    @property
    def content(self) -> tuple[Any, ...]:
        """What it says, without who it is: equal for two rules that say the same."""
        rule = self.rule
        fields = frozenset(rule.match.items())
        marks = (rule.priority, rule.permissions, rule.queues, rule.force_queue)
        return rule.dpids, fields, *marks


@dataclass(frozen=True, slots=True)
class SliceRecord:
    """One slice; ``written`` are its rules by their ids.

    ``creator``: the slice that made it of its own flowspace; None for those of a pilot.
    ``expires_at``: seconds since 1970; None for never.
    """

    settings: SliceSettings
    written: tuple[WrittenRule, ...] = ()
    creator: str | None = None
    contact: str = ""
    description: str = ""
    expires_at: float | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.settings.name

    @property
    def rules(self) -> Iterator[FlowspaceRule]:
        """Its rules, by their ids."""
        return (one.rule for one in self.written)

    def with_rules(self, written: Sequence[WrittenRule]) -> SliceRecord:
        """Return it with other rules."""
        return replace(self, written=tuple(sorted(written, key=lambda one: one.rule.rule_id)))

    def settings_document(self) -> dict[str, Any]:
        """Return everything but the rules and the moment of its end, as a PATCH changes it."""
        found = slice_document(SliceDocument(self.settings, ()))
        del found["flowspace"]
        return found | {"contact": self.contact, "description": self.description}


def parse_record(
    document: Mapping[str, Any], now: float, creator: str | None, loc: Loc = ()
) -> SliceRecord:
    """Return the slice, without rules, that a document describes; InvalidInput names the field."""
    settings = {name: value for name, value in document.items() if name not in _KEPT}
    parsed = parse_slice({**settings, "flowspace": []}, 1, loc).settings
    texts = {name: _text(document.get(name), most, (*loc, name)) for name, most in _TEXTS.items()}
    ends = document.get("expires_s")
    expires_at = None if ends is None else now + _seconds(ends, (*loc, "expires_s"))
    return SliceRecord(parsed, (), creator, expires_at=expires_at, **texts)


def _text(value: Any, most: int, loc: Loc) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise InvalidInput(loc, f"must be a text of at most {most} characters")
    if not value.replace("\n", "").isprintable():
        raise InvalidInput(loc, "must be of characters that print")
    return value


def _seconds(value: Any, loc: Loc) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 < value <= LONGEST:
        raise InvalidInput(loc, f"must be a number of seconds, more than 0, at most {LONGEST:.0f}")
    return float(value)


def merged(document: Any, patch: Any) -> Any:
    """Return a document with a patch put into it (RFC 7396); null takes a member away."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(document) if isinstance(document, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found


# ---- rules as they are given


class GivenRule(NamedTuple):
    """A rule as somebody gives it: ``within`` is the id of the one that it is to be part of."""

    rule: FlowspaceRule
    within: int | None


def parse_rules(given: Any, name: str, first_id: int, loc: Loc = ()) -> list[GivenRule]:
    """Return the rules that a list describes; those without ids get them from ``first_id`` on.

    InvalidInput tells of every one that is wrong.
    """
    if not isinstance(given, list):
        raise InvalidInput(loc, "must be a list")
    found, wrong = [], []
    for at, one in enumerate(given):
        try:
            found.append(_given_rule(one, name, first_id + at, (*loc, at)))
        except InvalidInput as error:
            wrong.append(error)
    if wrong:
        raise InvalidInput(wrong[0].loc, wrong[0].msg, tuple(wrong[1:]))
    return found


def _given_rule(given: Any, name: str, rule_id: int, loc: Loc) -> GivenRule:
    if type(given) is not dict and not isinstance(given, Mapping):
        raise InvalidInput(loc, "must be an object")
    if "above" in given:
        raise InvalidInput((*loc, "above"), "no such field; did you mean within?")
    if "within" not in given:
        return GivenRule(parse_rule(given, name, rule_id, loc), None)
    rest = {field: value for field, value in given.items() if field != "within"}
    within = given["within"]
    if within is not None and (not isinstance(within, int) or isinstance(within, bool)):
        raise InvalidInput((*loc, "within"), "must be the id of a rule")
    return GivenRule(parse_rule(rest, name, rule_id, loc), within)
