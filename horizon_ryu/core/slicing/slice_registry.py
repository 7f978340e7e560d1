"""Registry of slices: all of them with their rules, as one value that each change makes anew.

A change is made wholly or not at all: it returns another registry, or raises. ``by`` is the slice
that asks for it, None for a pilot; whether it may is judged by
:mod:`horizon_ryu.core.slicing.slice_rights` before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from horizon_ryu.core.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from horizon_ryu.core.flows.field_values import Loc, plain_number
from horizon_ryu.core.slicing.delegation import check_settings, first_that_passes_on, passed_on
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_pages import rule_pages
from horizon_ryu.core.slicing.slice_record import (
    FIELDS,
    GivenRule,
    SliceRecord,
    WrittenRule,
    merged,
    parse_record,
    parse_rules,
)

MOST_SLICES = 1000
"""There are ten bits to tell slices apart by in a switch of OpenFlow 1.3."""
MOST_RULES = 100_000
"""Of all slices together."""


@dataclass(frozen=True, slots=True)
class SliceRegistry:
    """All slices, by name; ``version`` grows with each change, ``next_id`` with each rule."""

    version: int = 0
    next_id: int = 1
    slices: Mapping[str, SliceRecord] = field(default_factory=lambda: MappingProxyType({}))

    # ---- read

    def slice(self, name: str) -> SliceRecord:
        """Return a slice; NotFound if there is none of that name."""
        found = self.slices.get(name)
        if found is None:
            raise NotFound(f"no slice named {name}")
        return found

    def chain(self, name: str) -> Iterator[str]:
        """Yield a slice's name, its maker's, that one's maker's, and so on."""
        at: str | None = name
        while at is not None and at in self.slices:
            yield at
            at = self.slices[at].creator

    def made_by(self, name: str) -> Iterator[SliceRecord]:
        """Yield the slices that a slice has made."""
        return (one for one in self.slices.values() if one.creator == name)

    def is_enabled(self, name: str) -> bool:
        """Tell whether a slice and all that it comes from are enabled."""
        return all(self.slices[one].settings.enabled for one in self.chain(name))

    def rule_count(self) -> int:
        """Return how many rules there are."""
        return sum(len(one.written) for one in self.slices.values())

    def first_expiry(self) -> float | None:
        """Return when the first slice expires, in seconds since 1970; None for never."""
        ends = (one.expires_at for one in self.slices.values())
        return min((end for end in ends if end is not None), default=None)

    def engine_document(self) -> dict[str, Any]:
        """Return all of it as the engine works by it."""
        return {
            "version": self.version,
            "slices": [_for_engine(self, one) for one in self.slices.values()],
        }

    # ---- changed

    def created(self, document: Any, by: str | None, now: float) -> SliceRegistry:
        """Return it with one more slice; InvalidInput, Conflict, LimitExceeded."""
        if not isinstance(document, Mapping):
            raise InvalidInput((), "must be an object")
        if by is not None and document.get("bandwidth") is None:
            document = {
                **document,
                "bandwidth": self.slice(by).settings_document().get("bandwidth"),
            }
        record = self._read(document, by, now)
        if record.name in self.slices:
            raise Conflict(f"a slice named {record.name} exists already")
        rules = _flowspace_of(document)
        given = parse_rules(rules, record.name, self.next_id, _FLOWSPACE)
        _refuse_ids(rules, _FLOWSPACE)
        self._check_settings(record, by)
        return self._with(record, self._anchored(record, given, by, _FLOWSPACE), len(given))

    def changed(self, name: str, patch: Any, by: str | None, now: float) -> SliceRegistry:
        """Return it with a slice as a patch (RFC 7396) makes it; InvalidInput, Conflict."""
        old = self.slice(name)
        _check_fields(patch)
        if patch.get("name", name) != name:
            raise InvalidInput(("name",), "a slice keeps its name")
        document = merged(old.settings_document(), {**patch, "flowspace": None})
        read = self._read(document, old.creator, now)
        record = read if "expires_s" in patch else replace(read, expires_at=old.expires_at)
        self._check_settings(record, None if by == name else by)
        if patch.get("flowspace") is None:
            return self._with(record, old.written, 0)
        given = parse_rules(patch["flowspace"], name, self.next_id, _FLOWSPACE)
        written = self._anchored(record, given, by, _FLOWSPACE)
        return self._with(record, _with_ids(old, patch["flowspace"], written), len(given))

    def with_rules(self, name: str, given: Any, by: str | None) -> SliceRegistry:
        """Return it with more rules of a slice: all, or none; InvalidInput tells of each."""
        record = self.slice(name)
        read = parse_rules(given, name, self.next_id)
        _refuse_ids(given, ())
        written = self._anchored(record, read, by, ())
        return self._with(record, (*record.written, *written), len(read))

    def without_rule(self, name: str, rule_id: int) -> SliceRegistry:
        """Return it without a rule; NotFound, and Conflict where others are part of it."""
        record = self.slice(name)
        left = [one for one in record.written if one.rule.rule_id != rule_id]
        if len(left) == len(record.written):
            raise NotFound(f"the slice {name} has no rule {rule_id}")
        return self._with(record, left, 0)

    def deleted(self, name: str) -> SliceRegistry:
        """Return it without a slice; NotFound, and Conflict where it has made others."""
        self.slice(name)
        made = sorted(one.name for one in self.made_by(name))
        if made:
            raise Conflict(
                f"it has passed flowspace on to {', '.join(made[:5])}: delete these first"
            )
        return self._without(frozenset({name}))

    def expired(self, now: float) -> SliceRegistry:
        """Return it without the slices whose time is over, and all that they have made."""
        over = {
            name
            for name in self.slices
            for one in self.chain(name)
            if (self.slices[one].expires_at or now + 1) <= now
        }
        return self._without(frozenset(over)) if over else self

    def replaced(self, documents: Sequence[Any], now: float) -> SliceRegistry:
        """Return it with these slices and no others, as :func:`told` writes them.

        Rules keep the ids that they are given; those without get the ids of rules of the same slice
        that said the same. InvalidInput, Conflict, LimitExceeded.
        """
        ids = _ids_given(documents)
        next_id = max(self.next_id, max(ids, default=0) + 1)
        found = replace(self, next_id=next_id, slices=MappingProxyType({}))
        for at, document in _makers_first(documents):
            old = self.slices.get(str(document.get("name")))
            found = found._restored(document, now, at, old, ids)
        return replace(found, version=self.version + 1)

    # ---- how

    def _restored(
        self,
        document: Mapping[str, Any],
        now: float,
        at: int,
        old: SliceRecord | None,
        ids: Counter[int],
    ) -> SliceRegistry:
        loc: Loc = ("slices", at)
        creator = document.get("creator")
        if creator is not None and (not isinstance(creator, str) or creator not in self.slices):
            raise InvalidInput((*loc, "creator"), "is no slice of this list")
        rest = {name: value for name, value in document.items() if name != "creator"}
        record = self._read(rest, creator, now, loc)
        if record.name in self.slices:
            raise InvalidInput((*loc, "name"), "another slice has this name")
        place = (*loc, "flowspace")
        given = parse_rules(_flowspace_of(document), record.name, self.next_id, place)
        written = self._anchored(record, given, None, place)
        for number, one in enumerate(written):
            if ids[one.rule.rule_id] > 1:
                raise InvalidInput((*place, number, "id"), "another rule has this id")
        if old is not None:
            written = _with_old_ids(old, _flowspace_of(document), written, ids)
        return self._with(record, written, len(given))

    def _read(
        self, document: Mapping[str, Any], creator: str | None, now: float, loc: Loc = ()
    ) -> SliceRecord:
        record = parse_record(_without_rules(document), now, creator, loc)
        taken = {
            controller.url
            for other in self.slices.values()
            if other.name != record.name
            for controller in other.settings.controllers
        }
        for at, controller in enumerate(record.settings.controllers):
            if controller.url in taken:
                reason = "is of another slice: it could not tell two switches of one dpid apart"
                raise InvalidInput((*loc, "controllers", at, "url"), reason)
        return record

    def _check_settings(self, record: SliceRecord, by: str | None) -> None:
        if by is None or record.creator is None:
            return
        others = (one.settings for one in self.made_by(record.creator) if one.name != record.name)
        check_settings(record.settings, others, self.slice(record.creator).settings)

    def _anchored(
        self, record: SliceRecord, given: Iterable[GivenRule], by: str | None, loc: Loc
    ) -> list[WrittenRule]:
        """Return rules where they stand: for themselves, or as part of one of their maker's."""
        maker = None if record.creator is None else self.slices.get(record.creator)
        found = []
        for at, (rule, within) in enumerate(given):
            place = (*loc, at)
            if within is not None:
                rule = passed_on(rule, _rule_of(maker, within, (*place, "within")), place)
            elif by is not None and maker is not None:
                rule = first_that_passes_on(rule, maker.rules, place)
            found.append(WrittenRule.of(rule))
        return found

    def _with(
        self, record: SliceRecord, written: Sequence[WrittenRule], new_ids: int
    ) -> SliceRegistry:
        slices = {**self.slices, record.name: record.with_rules(written)}
        if len(slices) > MOST_SLICES:
            raise LimitExceeded(f"there are {MOST_SLICES} slices, and there can be no more")
        found = self._next(slices, self.next_id + new_ids)
        if found.rule_count() > MOST_RULES:
            raise LimitExceeded(f"there would be more than {MOST_RULES} rules")
        return found._placed(record.name)

    def _without(self, names: frozenset[str]) -> SliceRegistry:
        left = {name: one for name, one in self.slices.items() if name not in names}
        return self._next(left, self.next_id)

    def _next(self, slices: Mapping[str, SliceRecord], next_id: int) -> SliceRegistry:
        return SliceRegistry(self.version + 1, next_id, MappingProxyType(dict(slices)))

    def _placed(self, name: str) -> SliceRegistry:
        """Return it with what a slice has passed on where its rules are now; Conflict."""
        maker, found = self.slices[name], self
        for made in list(self.made_by(name)):
            written = [_placed_anew(made, one, maker) for one in made.written]
            slices = {**found.slices, made.name: made.with_rules(written)}
            found = replace(found, slices=MappingProxyType(slices))._placed(made.name)
        return found


_FLOWSPACE: Loc = ("flowspace",)


def told(record: SliceRecord, now: float) -> dict[str, Any]:
    """Return a slice as people are told of it, and as :meth:`SliceRegistry.replaced` reads it."""
    document = record.settings_document()
    document["flowspace"] = [one.told() for one in record.written]
    if record.creator is not None:
        document["creator"] = record.creator
    if record.expires_at is not None:
        document["expires_s"] = max(round(record.expires_at - now, 3), 0.001)
    return document


def _for_engine(registry: SliceRegistry, record: SliceRecord) -> dict[str, Any]:
    document = record.settings_document()
    del document["contact"], document["description"]
    document["enabled"] = registry.is_enabled(record.name)
    document["flowspace"] = []
    document["packed"] = rule_pages(record.rules)
    return document


def _check_fields(patch: Any) -> None:
    """Refuse what names no field: that null takes it away would not be told."""
    if not isinstance(patch, Mapping):
        raise InvalidInput((), "must be an object")
    for field_name in patch:
        if field_name not in FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise InvalidInput((field_name,), f"no such field; there are {known}")


def _without_rules(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "flowspace"}


def _flowspace_of(document: Mapping[str, Any]) -> Any:
    given = document.get("flowspace")
    return [] if given is None else given


def _refuse_ids(given: Iterable[Any], loc: Loc) -> None:
    for at, one in enumerate(given):
        if "id" in one:
            raise InvalidInput((*loc, at, "id"), "is the slicer's to give")


def _rule_of(maker: SliceRecord | None, rule_id: int, loc: Loc) -> FlowspaceRule:
    rules = () if maker is None else maker.rules
    found = next((rule for rule in rules if rule.rule_id == rule_id), None)
    if found is None:
        raise InvalidInput(loc, f"rule {rule_id} is none of the slice that made this one")
    return found


def _placed_anew(made: SliceRecord, one: WrittenRule, maker: SliceRecord) -> WrittenRule:
    """Return a rule of a slice where the one that it is part of is now; Conflict."""
    within = one.rule.within
    if within is None:
        return one
    try:
        rule = passed_on(one.rule, _rule_of(maker, within, ()), ())
    except InvalidInput as error:
        raise Conflict(
            f"rule {one.rule.rule_id} of the slice {made.name} is part of it: {error.msg}"
        ) from error
    return one if rule == one.rule else WrittenRule.of(rule)


def _with_ids(
    old: SliceRecord, given: Sequence[Mapping[str, Any]], written: Sequence[WrittenRule]
) -> list[WrittenRule]:
    """Return the rules that take the place of others, with the ids of those that say the same."""
    left = {one.rule.rule_id for one in old.written}
    named = _ids_given([{"flowspace": given}])
    for at, one in enumerate(written):
        number = one.rule.rule_id
        if "id" in given[at] and (number not in left or named[number] > 1):
            raise InvalidInput((*_FLOWSPACE, at, "id"), "is no rule of this slice, or stands twice")
    return _with_old_ids(old, given, written, named)


def _ids_given(documents: Sequence[Any]) -> Counter[int]:
    """Return the ids that rules are given, and how often."""
    rules = (
        rule
        for document in documents
        if isinstance(document, Mapping) and isinstance(document.get("flowspace"), list)
        for rule in document["flowspace"]
    )
    found = (plain_number(rule.get("id")) for rule in rules if isinstance(rule, Mapping))
    return Counter(one for one in found if one is not None)


def _with_old_ids(
    old: SliceRecord,
    given: Sequence[Mapping[str, Any]],
    written: Sequence[WrittenRule],
    taken: Collection[int],
) -> list[WrittenRule]:
    """Return rules that were given no ids with those of rules that said the same."""
    same: dict[tuple[Any, ...], list[int]] = {}
    for one in old.written:
        if one.rule.rule_id not in taken:
            same.setdefault(one.content, []).append(one.rule.rule_id)
    found = []
    for rule, one in zip(given, written, strict=True):
        ids = [] if "id" in rule else same.get(one.content, [])
        found.append(WrittenRule.of(replace(one.rule, rule_id=ids.pop(0))) if ids else one)
    return found


def _makers_first(documents: Sequence[Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the documents, each after that of the slice which made its own; InvalidInput."""
    waiting: dict[int, Mapping[str, Any]] = {}
    for at, document in enumerate(documents):
        if not isinstance(document, Mapping):
            raise InvalidInput(("slices", at), "must be an object")
        waiting[at] = document
    names = {id(one): one.get("name") for one in waiting.values()}
    while waiting:
        unmade = {names[id(one)] for one in waiting.values() if isinstance(one.get("name"), str)}
        ready = [at for at, one in waiting.items() if _maker_of(one) not in unmade]
        if not ready:
            at = min(waiting)
            raise InvalidInput(("slices", at, "creator"), "the slices make one another in a circle")
        for at in ready:
            yield at, waiting.pop(at)


def _maker_of(document: Mapping[str, Any]) -> str | None:
    maker = document.get("creator")
    return maker if isinstance(maker, str) else None
