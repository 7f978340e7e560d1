"""Ternary matches: the match fields of one version as one whole number, under a mask.

All fields of a version have a place in one number, so that to intersect two matches, or to compare
a match with a frame, is a few operations on two numbers, whatever the fields are: nothing that a
match says is lost. A frame's header is such a number too; a field that a frame does not have is
0 there, and is told from a value of 0 by the field that it needs (1.3.5 section 7.2.3.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.fields import FIELDS, FIELDS_10, MATCH_SIZE_10
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.protocols import DSCP_SHIFT
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

new_tuple = tuple.__new__
"""Makes a named tuple of which there are thousands, without the call of its own."""


class TernaryMatch(NamedTuple):
    """A header must have ``value`` where ``mask`` has ones; ``value`` has none elsewhere."""

    value: int
    mask: int

    def takes(self, header: int) -> bool:
        """Tell whether a frame with this header is matched."""
        return header & self.mask == self.value

    def covers(self, other: TernaryMatch) -> bool:
        """Tell whether every header that ``other`` takes is taken here."""
        mask = self.mask
        return other.mask & mask == mask and other.value & mask == self.value

    def overlaps(self, other: TernaryMatch) -> bool:
        """Tell whether both can take the same header."""
        return not (self.value ^ other.value) & self.mask & other.mask

    def intersection(self, other: TernaryMatch) -> TernaryMatch | None:
        """Return the match of the headers that both take; None if there are none."""
        value, mask = self
        its_value, its_mask = other
        if (value ^ its_value) & mask & its_mask:
            return None
        return TernaryMatch(value | its_value, mask | its_mask)


EVERY_HEADER = TernaryMatch(0, 0)


class HeaderField(NamedTuple):
    """Where a field stands in the number: its lowest bit at ``shift``, ``bits`` of them.

    ``name`` is that of the version: a label of OpenFlow 1.0, or the name of an OXM field in lower
    case. ``maskable``: a match of this version may name some of its bits; of an address of 1.0,
    the leading ones.
    """

    name: str
    shift: int
    bits: int
    maskable: bool

    @property
    def ones(self) -> int:
        """All bits of a value."""
        return (1 << self.bits) - 1

    @property
    def mask(self) -> int:
        """All bits of the field, where they stand in the number."""
        return self.ones << self.shift

    def of(self, header: int) -> int:
        """Return the value that a header has of this field."""
        return header >> self.shift & self.ones

    def equal_to(self, value: int, mask: int | None = None) -> TernaryMatch:
        """Return the match of the headers with ``value`` here, under ``mask`` if there is one."""
        ones = self.ones if mask is None else mask
        return TernaryMatch((value & ones) << self.shift, ones << self.shift)


class HeaderLayout:
    """The places of all match fields of a version."""

    def __init__(self, version: int, fields: Iterable[HeaderField]) -> None:
        self.version = version
        self.fields: Mapping[str, HeaderField] = MappingProxyType(
            {field.name: field for field in fields}
        )

    def __getitem__(self, name: str) -> HeaderField:
        return self.fields[name]

    def match(self, **values: int) -> TernaryMatch:
        """Return the match of the headers with these values, by the names of fields."""
        value = mask = 0
        for name, number in values.items():
            part = self.fields[name].equal_to(number)
            value |= part.value
            mask |= part.mask
        return TernaryMatch(value, mask)

    def describe(self, match: TernaryMatch) -> dict[str, tuple[int, int]]:
        """Return value and mask of each field that ``match`` names."""
        return {
            name: (field.of(match.value), field.of(match.mask))
            for name, field in self.fields.items()
            if field.of(match.mask)
        }


_WILDCARDS = 4
"""Bytes of wildcards that ``struct ofp_match`` of 1.0 begins with."""
FIELDS_SIZE_10 = MATCH_SIZE_10 - _WILDCARDS


def _fields_10() -> Iterator[HeaderField]:
    """Yield the fields of 1.0 where they stand in the struct, read as one number behind them.

    Of the ToS byte the upper six bits, which are the field (RFC 2474).
    """
    for field in FIELDS_10:
        skip = DSCP_SHIFT if field.label == "nw_tos" else 0
        shift = 8 * (MATCH_SIZE_10 - field.offset - field.size) + skip
        yield HeaderField(field.label, shift, 8 * field.size - skip, field.shift is not None)


def _fields_13() -> Iterator[HeaderField]:
    """Yield the fields of 1.3, one behind the other, the last of them in the lowest bits."""
    shift = sum(field.bits for field in FIELDS.values())
    for field in FIELDS.values():
        shift -= field.bits
        yield HeaderField(field.name, shift, field.bits, field.maskable)


HEADER_10 = HeaderLayout(OPENFLOW_10, _fields_10())
HEADER_13 = HeaderLayout(OPENFLOW_13, _fields_13())
LAYOUTS: Mapping[int, HeaderLayout] = MappingProxyType(
    {OPENFLOW_10: HEADER_10, OPENFLOW_13: HEADER_13}
)
"""By the version on the wire."""

FIELDS_OF_13: Mapping[int, HeaderField] = MappingProxyType(
    {int(number): HEADER_13[OFPXMT_OFB(number).name.lower()] for number in FIELDS}
)
"""By the number of the OXM field."""
