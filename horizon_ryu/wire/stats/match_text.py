"""Text of the match of a flow entry, of either version, straight from its bytes.

A table of a hundred thousand entries has a handful of layouts: which fields are there. A layout
is worked out once into one struct and one %-pattern, so that an entry costs an unpacking, a
comparison and a formatting.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from horizon_ryu.wire.fields import (
    FIELDS,
    FIELDS_10,
    HAS_MASK,
    MATCH_SIZE_10,
    MAX_LENGTH,
    MatchField10,
    field_number,
    header_class,
)
from horizon_ryu.wire.match_codes13 import OFPXMC
from horizon_ryu.wire.ofp10 import OFPFW, OFPFW_NW_BITS
from horizon_ryu.wire.protocols import IPV4_BITS
from horizon_ryu.wire.stats.form import Form, TextField
from horizon_ryu.wire.stats.mapping import MATCH_ORDER
from horizon_ryu.wire.stats.value_text import Cut, exact, hexadecimal, masked
from horizon_ryu.wire.struct_layout import layout

MAX_LAYOUTS = 512
"""Remembered; a switch that has more costs more time, and no more memory."""

_RANK = {name: rank for rank, name in enumerate(MATCH_ORDER)}
_HEADER = struct.Struct("!I")


class _Part(NamedTuple):
    """A field of a layout: its name, where its first value stands, and how it is written."""

    name: str
    at: int
    cut: Cut


class _Layout:
    """Which fields, in which order; writes the matches that have exactly these."""

    def __init__(self, form: Form, headers: Sequence[int]) -> None:
        codes: list[str] = ["!"]
        self._heads: list[int] = []
        known: list[_Part] = []
        others: list[tuple[int, list[_Part]]] = []
        self._fixes: list[tuple[int, Callable[[Any], Any]]] = []
        index = 0
        for header in headers:
            self._heads.append(index)
            parts = list(_parts(header, index + 1))
            taken = any(part.name == parts[0].name for part in known)
            if taken or parts[0].name not in _RANK:
                parts = list(_foreign(header, index + 1))
                others.append((header, parts))
            else:
                known += parts
            codes.append("I")
            index += 1
            for part in parts:
                codes.append(part.cut.code)
                index += part.cut.values
                if part.cut.fix is not None:
                    self._fixes.append((part.at, part.cut.fix))
        self._struct = struct.Struct("".join(codes))
        self.size = self._struct.size
        self.unpack = self._struct.unpack_from
        self.heads_of = itemgetter(*self._heads)
        self.heads: Any = headers[0] if len(headers) == 1 else tuple(headers)
        known.sort(key=lambda part: _RANK[part.name])
        self._template = _template(form, known, others)
        written = [*known, *(part for _, parts in others for part in parts)]
        self._pick = itemgetter(*(i for part in written for i in _indexes(part)))

    def text(self, values: Sequence[Any]) -> str:
        """Return the match whose unpacked values these are."""
        if self._fixes:
            values = list(values)
            for index, fix in self._fixes:
                values[index] = fix(values[index])
        text: str = self._template % self._pick(values)
        return text


def _indexes(part: _Part) -> range:
    return range(part.at, part.at + part.cut.values)


def _parts(header: int, index: int) -> Iterator[_Part]:
    """Yield the one part of a field that 1.3 defines, with the size it must have; else foreign."""
    basic = header_class(header) == OFPXMC.OPENFLOW_BASIC
    field = FIELDS.get(field_number(header)) if basic else None
    has_mask, size = bool(header & HAS_MASK), header & MAX_LENGTH
    if field is not None and size == field.size << has_mask:
        cut = masked(field.kind, field.size) if has_mask else exact(field.kind, field.size)
        yield _Part(field.label, index, cut)
    else:
        yield from _foreign(header, index)


def _foreign(header: int, index: int) -> Iterator[_Part]:
    """Yield value and mask of a field without a name here."""
    size = header & MAX_LENGTH
    if header & HAS_MASK and size % 2 == 0:
        yield _Part("value", index, hexadecimal(size // 2))
        yield _Part("mask", index + 1, hexadecimal(size // 2))
    else:
        yield _Part("value", index, hexadecimal(size))


def _template(form: Form, known: list[_Part], others: list[tuple[int, list[_Part]]]) -> str:
    inner = [form.members(TextField(p.name, p.cut.pattern, p.cut.quoted) for p in known)]
    if others:
        foreign = [
            form.members(
                [
                    TextField("oxm_class", str(header_class(header))),
                    TextField("oxm_field", str(field_number(header))),
                    *(TextField(p.name, p.cut.pattern, p.cut.quoted) for p in parts),
                ]
            )
            for header, parts in others
        ]
        inner.append(form.items("others", "other", foreign))
    return form.nested("match", form.joint.join(filter(None, inner)))


class MatchText13:
    """Writes OXM matches (1.3.5 section 7.2.3)."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._any = form.nested("match", "")
        self._layouts: dict[tuple[int, ...], _Layout] = {}
        self._recent: dict[int, _Layout] = {}

    def text(self, piece: bytes, at: int, length: int) -> str:
        """Return the match of ``length`` bytes at ``at``, all of which are there."""
        layout = self._recent.get(length)
        if layout is not None:
            values = layout.unpack(piece, at + 4)
            if layout.heads_of(values) == layout.heads:
                return layout.text(values)
        headers = tuple(_headers(piece, at + 4, at + length))
        if not headers:
            return self._any
        layout = self._layout(headers)
        if layout.size == length - 4:
            self._recent[length] = layout
        return layout.text(layout.unpack(piece, at + 4))

    def _layout(self, headers: tuple[int, ...]) -> _Layout:
        layout = self._layouts.get(headers)
        if layout is None:
            layout = _Layout(self._form, headers)
            if len(self._layouts) < MAX_LAYOUTS:
                self._layouts[headers] = layout
        return layout


def _headers(piece: bytes, at: int, end: int) -> Iterator[int]:
    """Yield the headers of the fields that are whole."""
    while end - at > _HEADER.size:
        (header,) = _HEADER.unpack_from(piece, at)
        length = header & MAX_LENGTH
        at += _HEADER.size + length
        if at > end or not length:
            return
        yield header


# OpenFlow 1.0: one structure, in which the wildcards say what counts (1.0.0 section 5.2.3).

_WILDCARDS = int(OFPFW.ALL)
_CUTS_10 = [exact(field.kind, field.size) for field in FIELDS_10]
_MATCH_10 = layout(
    [(0, "I"), *((field.offset, cut.code) for field, cut in zip(FIELDS_10, _CUTS_10, strict=True))],
    MATCH_SIZE_10,
)


class _Place(NamedTuple):
    """A field of 1.0, where its first value stands among the unpacked, and how it is written."""

    field: MatchField10
    at: int
    cut: Cut


def _places() -> list[_Place]:
    """Return the fields in the order of MATCH_ORDER; the wildcards stand before their values."""
    index, places = 1, []
    for field, cut in zip(FIELDS_10, _CUTS_10, strict=True):
        places.append(_Place(field, index, cut))
        index += cut.values
    return sorted(places, key=lambda place: _RANK[place.field.label])


_PLACES_10 = tuple(_places())


def _free_bits(field: MatchField10, wildcards: int) -> int | None:
    """Return how many low bits of a field may be anything; None if all may."""
    if field.shift is None:
        return None if wildcards & field.wildcard else 0
    free = wildcards >> field.shift & (1 << OFPFW_NW_BITS) - 1
    return free if free < IPV4_BITS else None


class MatchText10:
    """Writes the matches of OpenFlow 1.0."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._layouts: dict[int, tuple[str, Callable[[Sequence[Any]], Any] | None]] = {}

    def text(self, piece: bytes, at: int) -> str:
        """Return the match at ``at``, where 40 bytes are."""
        values = _MATCH_10.unpack_from(piece, at)
        wildcards = values[0] & _WILDCARDS
        layout = self._layouts.get(wildcards)
        if layout is None:
            layout = self._layout(wildcards)
            if len(self._layouts) < MAX_LAYOUTS:
                self._layouts[wildcards] = layout
        template, pick = layout
        return template % pick(values) if pick is not None else template

    def _layout(self, wildcards: int) -> tuple[str, Callable[[Sequence[Any]], Any] | None]:
        fields: list[TextField] = []
        picked: list[int] = []
        for place in _PLACES_10:
            free = _free_bits(place.field, wildcards)
            if free is None:
                continue
            pattern = place.cut.pattern + (f"/{IPV4_BITS - free}" if free else "")
            picked += range(place.at, place.at + place.cut.values)
            fields.append(TextField(place.field.label, pattern, place.cut.quoted))
        text = self._form.nested("match", self._form.members(fields))
        return text, itemgetter(*picked) if picked else None
