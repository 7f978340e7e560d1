"""Ternary matches of OpenFlow 1.3 as OXM fields, and back (1.3.5 section 7.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.error_codes13 import OFPBMC
from horizon_ryu.wire.fields import FIELDS, MAX_LENGTH, MatchField, header
from horizon_ryu.wire.match_codes13 import OFPMT, OFPXMT_OFB
from horizon_ryu.wire.ternary import FIELDS_OF_13, TernaryMatch

_PRESENT = 0x1000


class MatchError(ValueError):
    """A match that a switch must refuse; ``code`` is that of OFPET_BAD_MATCH (7.4.3)."""

    def __init__(self, code: OFPBMC, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class _Place(NamedTuple):
    """Where a field with one header goes: ``size`` bytes of value, ``bits`` of them count.

    ``needs``: mask and allowed values of what must be there too, as they stand in the number;
    no values where any will do.
    """

    size: int
    shift: int
    ones: int
    masked: bool
    needs: tuple[int, frozenset[int]] | None


def _needs(field: MatchField) -> tuple[int, frozenset[int]] | None:
    if field.needs is None:
        return None
    place = FIELDS_OF_13[field.needs.field]
    if field.needs.field == OFPXMT_OFB.VLAN_VID:
        present = _PRESENT << place.shift
        return present, frozenset({present})
    return place.mask, frozenset(value << place.shift for value in field.needs.values)


def _place(field: MatchField, masked: bool) -> _Place:
    place = FIELDS_OF_13[field.number]
    return _Place(field.size, place.shift, place.ones, masked, _needs(field))


_PLACES: Mapping[int, _Place] = MappingProxyType(
    {
        header(number, masked): _place(field, masked)
        for number, field in FIELDS.items()
        for masked in (False, True)
    }
)
"""By the header of the field. A mask is read in any field: Open vSwitch takes such."""


_NUMBERS = 0x7F


def read_match13(message: bytes, start: int) -> tuple[TernaryMatch, int]:
    """Return the match at ``start`` and where its padding ends; MatchError.

    The guard has walked its lengths. Every frame that is matched has what each field needs.
    """
    length = message[start + 2] << 8 | message[start + 3]
    if length <= 4:
        return TernaryMatch(0, 0), start + 8
    fields = bytes(message[start + 4 : start + length])
    return read_oxm(fields), start + (length + 7 & ~7)


def read_oxm(fields: bytes) -> TernaryMatch:
    """Return the match that a list of OXM fields is; MatchError."""
    value = mask = seen = 0
    needed: list[tuple[int, frozenset[int]]] = []
    at, end = 0, len(fields)
    while at < end:
        head = int.from_bytes(fields[at : at + 4], "big")
        place = _PLACES.get(head)
        if place is None:
            raise MatchError(OFPBMC.BAD_FIELD, f"field {head >> 9:#x} is not known")
        at += 4
        size, shift, ones, masked, needs = place
        found = int.from_bytes(fields[at : at + size], "big")
        bits = int.from_bytes(fields[at + size : at + 2 * size], "big") if masked else ones
        if found > ones:
            raise MatchError(OFPBMC.BAD_VALUE, f"{found:#x} is more than {ones:#x}")
        if found & ~bits:
            raise MatchError(OFPBMC.BAD_WILDCARDS, "a value has ones where its mask has none")
        # By its number: one whose mask has no ones leaves no trace in the match.
        if seen & 1 << (head >> 9 & _NUMBERS):
            raise MatchError(OFPBMC.DUP_FIELD, f"field {head >> 9:#x} stands twice")
        seen |= 1 << (head >> 9 & _NUMBERS)
        value |= found << shift
        mask |= (bits & ones) << shift
        if needs is not None:
            needed.append(needs)
        at += head & MAX_LENGTH
    for place_mask, values in needed:
        if mask & place_mask != place_mask or (values and value & place_mask not in values):
            raise MatchError(OFPBMC.BAD_PREREQ, "a field lacks the field that it needs")
    return TernaryMatch(value, mask)


class _Written(NamedTuple):
    """How a field is written under one mask: its header, and its mask if it has one."""

    head: bytes
    size: int
    shift: int
    ones: int
    tail: bytes


@lru_cache(maxsize=4096)
def _fields_of(mask: int) -> tuple[tuple[_Written, ...], int]:
    """Return how each field that a mask names is written, in the order of their numbers."""
    found = []
    for number, field in FIELDS.items():
        place = FIELDS_OF_13[number]
        bits = place.of(mask)
        if bits:
            masked = bits != place.ones
            tail = bits.to_bytes(field.size, "big") if masked else b""
            head = header(number, masked).to_bytes(4, "big")
            found.append(_Written(head, field.size, place.shift, place.ones, tail))
    return tuple(found), sum(4 + one.size + len(one.tail) for one in found)


def write_oxm(match: TernaryMatch) -> bytes:
    """Return the OXM fields of a match, in the order of their numbers."""
    value = match.value
    return b"".join(
        head + (value >> shift & ones).to_bytes(size, "big") + tail
        for head, size, shift, ones, tail in _fields_of(match.mask)[0]
    )


def write_match13(match: TernaryMatch) -> bytes:
    """Return ``struct ofp_match`` with its padding to 8 bytes."""
    length = 4 + _fields_of(match.mask)[1]
    head = OFPMT.OXM.to_bytes(2, "big") + length.to_bytes(2, "big")
    return head + write_oxm(match) + bytes(-length % 8)
