"""Writes the match of a flow entry, of either version, straight from its bytes.

A table of a hundred thousand entries has a handful of layouts: which fields are there. A layout
is worked out once into one struct and one %-pattern, so that an entry costs an unpacking, a
comparison and a formatting.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from horizon_ryu.wire.stats.form import Form, TextField
from horizon_ryu.wire.stats.mapping import MATCH_ORDER, OXM
from horizon_ryu.wire.stats.value_text import Cut, exact, hexadecimal, masked

MAX_LAYOUTS = 512
"""Remembered; a switch that has more costs more time, and no more memory."""

_BASIC = 0x8000
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
    field = OXM.get(header >> 9 & 0x7F) if header >> 16 == _BASIC else None
    has_mask, size = bool(header & 0x100), header & 0xFF
    if field is not None and size == (2 * field.size if has_mask else field.size):
        cut = masked(field.kind, field.size) if has_mask else exact(field.kind, field.size)
        yield _Part(field.name, index, cut)
    else:
        yield from _foreign(header, index)


def _foreign(header: int, index: int) -> Iterator[_Part]:
    """Yield value and mask of a field without a name here."""
    size = header & 0xFF
    if header & 0x100 and size % 2 == 0:
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
                    TextField("oxm_class", str(header >> 16)),
                    TextField("oxm_field", str(header >> 9 & 0x7F)),
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
    while end - at >= 5:
        (header,) = _HEADER.unpack_from(piece, at)
        at += 4 + (header & 0xFF)
        if at > end or not header & 0xFF:
            return
        yield header


# OpenFlow 1.0: one structure, in which the wildcards say what counts (1.0.0 section 5.2.3).

_MATCH_10 = struct.Struct("!IH6B6BHBxHBBxx4B4BHH")
_MAC, _IPV4 = "%02x:%02x:%02x:%02x:%02x:%02x", "%d.%d.%d.%d"
_FIELDS_10 = (
    # name, wildcard bit, index of its first value, pattern, in the order of MATCH_ORDER
    ("in_port", 1 << 0, 1, "%d"),
    ("dl_type", 1 << 4, 16, "%d"),
    ("dl_src", 1 << 2, 2, _MAC),
    ("dl_dst", 1 << 3, 8, _MAC),
    ("dl_vlan", 1 << 1, 14, "%d"),
    ("dl_vlan_pcp", 1 << 20, 15, "%d"),
    ("nw_tos", 1 << 21, 17, "%d"),
    ("nw_proto", 1 << 5, 18, "%d"),
    ("nw_src", 8, 19, _IPV4),
    ("nw_dst", 14, 23, _IPV4),
    ("tp_src", 1 << 6, 27, "%d"),
    ("tp_dst", 1 << 7, 28, "%d"),
)
_WILDCARDS = 0x003F_FFFF


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
        for name, bit, index, pattern in _FIELDS_10:
            if name.startswith("nw_") and pattern == _IPV4:
                free = wildcards >> bit & 0x3F
                if free >= 32:
                    continue
                pattern += f"/{32 - free}" if free else ""
            elif wildcards & bit:
                continue
            count = pattern.count("%")
            picked += range(index, index + count)
            fields.append(TextField(name, pattern, count > 1))
        text = self._form.nested("match", self._form.members(fields))
        return text, itemgetter(*picked) if picked else None
