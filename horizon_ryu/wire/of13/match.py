"""Match fields of OpenFlow 1.3 (section 7.2.3), as they are on the wire."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from horizon_ryu.wire.layout import Layout, WireError, many, padded_to_8, record
from horizon_ryu.wire.match_codes13 import OFPMT

_HEADER = struct.Struct("!HBB")
_MATCH_HEADER = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class OxmField:
    """ofp_oxm: ``payload`` has the value, and behind it a mask of the same size if there is one.

    Of an experimenter's field (class 0xFFFF) it begins with the experimenter's id.
    """

    oxm_class: int
    field: int
    has_mask: bool
    payload: bytes

    @property
    def value(self) -> bytes:
        """The value without the mask; not for experimenters' fields."""
        return self.payload[: len(self.payload) // 2] if self.has_mask else self.payload

    @property
    def mask(self) -> bytes | None:
        """The mask, if there is one; not for experimenters' fields."""
        return self.payload[len(self.payload) // 2 :] if self.has_mask else None


@dataclass(frozen=True, slots=True)
class OxmMatch:
    """ofp_match of type OFPMT_OXM; no fields match every frame."""

    oxm_fields: tuple[OxmField, ...] = ()


def _read_field(message: bytes, start: int, end: int) -> tuple[OxmField, int]:
    if end - start < 4:
        raise WireError(f"{end - start} bytes left for a match field")
    oxm_class, field, length = _HEADER.unpack_from(message, start)
    at = start + 4 + length
    if at > end:
        raise WireError(f"a match field of {length} bytes, {end - start - 4} left")
    return OxmField(oxm_class, field >> 1, bool(field & 1), bytes(message[start + 4 : at])), at


def _write_field(field: OxmField) -> bytes:
    head = field.field << 1 | field.has_mask
    return _HEADER.pack(field.oxm_class, head, len(field.payload)) + field.payload


OXM_FIELD: Layout[OxmField] = Layout(_read_field, _write_field)
_FIELDS = record(OxmMatch, many(OXM_FIELD))


def _read_match(message: bytes, start: int, end: int) -> tuple[OxmMatch, int]:
    if end - start < 4:
        raise WireError(f"{end - start} bytes left for a match")
    kind, length = _MATCH_HEADER.unpack_from(message, start)
    if kind != OFPMT.OXM or not 4 <= length <= end - start:
        raise WireError(f"a match of type {kind} and {length} bytes, {end - start} left")
    return _FIELDS.read(message, start + 4, start + length)


def _write_match(match: OxmMatch) -> bytes:
    fields = _FIELDS.write(match)
    return _MATCH_HEADER.pack(OFPMT.OXM, 4 + len(fields)) + fields


MATCH13: Layout[OxmMatch] = padded_to_8(Layout(_read_match, _write_match))
