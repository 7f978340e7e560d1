"""Configuration of a slicer: every slice and every rule, as one document with a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.field_values import Loc
from horizon_ryu.core.slicing.flowspace import Flowspace
from horizon_ryu.core.slicing.rule_pages import read_packed
from horizon_ryu.core.slicing.slice_document import SliceDocument, parse_slice, refuse_tls
from horizon_ryu.wire.ternary import HeaderLayout

_PACKED = "packed"
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class SlicerConfiguration:
    """What a slicer works by from one moment on; ``version`` tells one from the next."""

    version: int = 0
    slices: Mapping[str, SliceDocument] = field(default_factory=lambda: MappingProxyType({}))

    def flowspace(self, layout: HeaderLayout) -> Flowspace:
        """Return the flowspace of switches of one version: of the slices that are enabled."""
        return Flowspace(
            layout,
            (rule for one in self.slices.values() if one.settings.enabled for rule in one.rules),
        )

    def sharing(self, before: SlicerConfiguration) -> SlicerConfiguration:
        """Return it with what it has in common with an earlier one as the same objects.

        So to compare both takes no time, and what stays is not kept twice.
        """
        slices = {name: _sharing(one, before.slices.get(name)) for name, one in self.slices.items()}
        return SlicerConfiguration(self.version, MappingProxyType(slices))


def _sharing(one: SliceDocument, before: SliceDocument | None) -> SliceDocument:
    if before is None:
        return one
    known = {rule.rule_id: rule for rule in before.rules}
    rules = (_same(rule, known.get(rule.rule_id)) for rule in one.rules)
    return SliceDocument(_same(one.settings, before.settings), tuple(rules))


def _same(one: _Part, before: _Part | None) -> _Part:
    return before if before is not None and one == before else one


def parse_configuration(document: Any, serves_tls: bool = False) -> SlicerConfiguration:
    """Return the configuration that ``{"version": n, "slices": [...]}`` is; InvalidInput.

    A slice may have its rules as ``packed``, see :mod:`horizon_ryu.core.slicing.rule_pages`.

    ``serves_tls``: there is an authority that controllers over TLS are verified by.

    Bandwidth by ``meter`` is taken whatever the switches are, which are not known here: where one
    has no meters, that is told as an event and in the statistics of the slice.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("slices"), list):
        raise InvalidInput(("slices",), "must be a list")
    with collection_paused():
        slices = _parsed(document["slices"], serves_tls)
    version = document.get("version", 0)
    if not isinstance(version, int):
        raise InvalidInput(("version",), "must be a number")
    return SlicerConfiguration(version, MappingProxyType(slices))


def _parsed(documents: list[Any], serves_tls: bool) -> dict[str, SliceDocument]:
    slices: dict[str, SliceDocument] = {}
    next_id = 1
    for at, one in enumerate(documents):
        parsed = _slice(one, next_id, ("slices", at))
        name = parsed.settings.name
        if name in slices:
            raise InvalidInput(("slices", at, "name"), "another slice has this name")
        if not serves_tls:
            refuse_tls(parsed.settings, ("slices", at))
        slices[name] = parsed
        next_id = max((rule.rule_id for rule in parsed.rules), default=next_id - 1) + 1
    return slices


def _slice(document: Any, next_id: int, loc: Loc) -> SliceDocument:
    """Return a slice; its rules may be written for people, or packed, or some of both."""
    if not isinstance(document, Mapping) or _PACKED not in document:
        return parse_slice(document, next_id, loc)
    packed, place = document[_PACKED], (*loc, _PACKED)
    rest = {name: value for name, value in document.items() if name != _PACKED}
    parsed = parse_slice(rest, next_id, loc)
    rules = read_packed(packed, parsed.settings.name, place)
    return SliceDocument(parsed.settings, (*parsed.rules, *rules))
