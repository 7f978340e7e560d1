"""Matches and match fields of OpenFlow 1.3 (1.3.5 sections 7.2.2 to 7.2.3.8).

A field: class (16 bits), field (7), has-mask (1), length of the payload (8), payload. A field
that Ryu knows must have the size of its value, twice that with a mask; of others only the bounds
are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire.error_codes13 import OFPBMC, OFPET
from horizon_ryu.wire.fields import (
    FIELD_MASK,
    FIELDS,
    HAS_MASK,
    MAX_LENGTH,
    class_and_field,
    header_class,
)
from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation
from horizon_ryu.wire.guard.walk import uint16, uint32
from horizon_ryu.wire.match_codes13 import OFPMT, OFPXMC
from horizon_ryu.wire.nicira_ext import (
    NX_EXPERIMENTER_ID,
    NX_NSH_EXPERIMENTER_ID,
    NXM_0_SIZES,
    NXM_1_SIZES,
)
from horizon_ryu.wire.ofp13 import ONF_EXPERIMENTER_ID

MAX_MATCH_SIZE = 2048
"""All fields of OpenFlow 1.3 with masks need about 500 bytes; the rest is for extensions."""

MIN_MATCH_SIZE = 8
"""An empty match with its padding."""

_FIELD_HEADER = 4
_MATCH_HEADER = 4
_ID_SIZE, _ONF_TYPE_SIZE = 4, 2
"""Of an experimenter's field: its id, and the type that follows it in an old one of ONF's."""

_SIZES: Mapping[int, int] = MappingProxyType(
    {
        class_and_field(oxm_class, number): size
        for oxm_class, sizes in (
            (OFPXMC.OPENFLOW_BASIC, {number: field.size for number, field in FIELDS.items()}),
            (OFPXMC.NXM_0, NXM_0_SIZES),
            (OFPXMC.NXM_1, NXM_1_SIZES),
        )
        for number, size in sizes.items()
    }
)
"""Class and field -> bytes of the value. A mask may stand in any: switches report such."""

_OLD_ONF_PBB_UCA, _ONF_TCP_FLAGS, _ONF_ACTSET_OUTPUT = 2560, 42, 43
_NSH_SIZES = (1, 1, 1, 4, 1, 4, 4, 4, 4, 1)
"""Of the fields 1 to 10: flags, mdtype, np, spi, si, c1 to c4, ttl."""

_EXPERIMENTER_SIZES: Mapping[tuple[int, int], int] = MappingProxyType(
    {
        (ONF_EXPERIMENTER_ID, _OLD_ONF_PBB_UCA): 1,
        (ONF_EXPERIMENTER_ID, class_and_field(OFPXMC.EXPERIMENTER, _ONF_TCP_FLAGS)): 2,
        (ONF_EXPERIMENTER_ID, class_and_field(OFPXMC.EXPERIMENTER, _ONF_ACTSET_OUTPUT)): 4,
        **{
            (NX_NSH_EXPERIMENTER_ID, class_and_field(OFPXMC.EXPERIMENTER, field)): size
            for field, size in enumerate(_NSH_SIZES, 1)
        },
        (NX_EXPERIMENTER_ID, class_and_field(OFPXMC.EXPERIMENTER, 0)): 4,
    }
)

_UNKNOWN_MATCH = int(OFPET.BAD_MATCH), int(OFPBMC.BAD_TYPE)
# Plain numbers: every field that a switch sends is compared with them.
_OXM, _EXPERIMENTER = int(OFPMT.OXM), int(OFPXMC.EXPERIMENTER)


def walk_match(message: bytes, start: int, end: int) -> int:
    """Check the match at ``start`` and return where its padding ends; Violation if malformed."""
    left = end - start
    if left < MIN_MATCH_SIZE:
        raise Violation(Reason.LENGTH, f"{left} bytes left for a match")
    length = uint16(message, start + 2)
    space = (length + 7) & ~7
    if not _MATCH_HEADER <= length <= MAX_MATCH_SIZE or space > left:
        raise Violation(Reason.LENGTH, f"match of {length} bytes, {left} left")
    if uint16(message, start) != _OXM:
        raise UnknownElement(f"match type {uint16(message, start)}", _UNKNOWN_MATCH)
    walk_fields(message, start + _MATCH_HEADER, start + length)
    return start + space


def walk_fields(message: bytes, start: int, end: int) -> None:
    """Check a list of match fields that fills ``message[start:end]``."""
    while start < end:
        start = walk_field(message, start, end)


def walk_field(message: bytes, start: int, end: int) -> int:
    """Check the match field at ``start`` and return where it ends."""
    if end - start <= _FIELD_HEADER:
        raise Violation(Reason.LENGTH, f"{end - start} bytes left for a match field")
    header = uint32(message, start)
    length = header & MAX_LENGTH
    field_end = start + _FIELD_HEADER + length
    if length == 0 or field_end > end:
        raise Violation(Reason.LENGTH, f"match field of {length} bytes, {end - start - 4} left")
    masked = bool(header & HAS_MASK)
    size = _SIZES.get(header >> 9)
    if size is not None:
        _want(length, size, masked)
    elif header_class(header) == _EXPERIMENTER:
        _check_experimenter(message, start, length, masked)
    elif masked and length % 2:
        raise Violation(Reason.LENGTH, f"masked match field of {length} bytes")
    return field_end


def _want(length: int, size: int, masked: bool) -> None:
    wanted = size * 2 if masked else size
    if length != wanted:
        raise Violation(Reason.LENGTH, f"match field of {length} bytes, not {wanted}")


def _check_experimenter(message: bytes, start: int, length: int, masked: bool) -> None:
    """Check an experimenter field: its id (32 bits), for ONF field 0 also a type (16 bits)."""
    head = _ID_SIZE
    if length > head:
        experimenter, kind = uint32(message, start + 4), uint32(message, start) >> 9
        if experimenter == ONF_EXPERIMENTER_ID and kind & FIELD_MASK == 0:
            head = _ID_SIZE + _ONF_TYPE_SIZE
            if length <= head:
                raise Violation(Reason.LENGTH, f"ONF match field of {length} bytes")
            kind = uint16(message, start + 8)
        size = _EXPERIMENTER_SIZES.get((experimenter, kind))
        if size is not None:
            _want(length - head, size, masked)
            return
    if length <= head or (masked and (length - head) % 2):
        raise Violation(Reason.LENGTH, f"experimenter match field of {length} bytes")
