"""Matches and match fields of OpenFlow 1.3 (1.3.5 sections 7.2.2 to 7.2.3.8).

A field: class (16 bits), field (7), has-mask (1), length of the payload (8), payload. A field
that Ryu knows must have the size of its value, twice that with a mask; of others only the bounds
are known.
"""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import uint16, uint32

MAX_MATCH_SIZE = 2048
"""All fields of OpenFlow 1.3 with masks need about 500 bytes; the rest is for extensions."""

MIN_MATCH_SIZE = 8
"""An empty match with its padding."""

_OPENFLOW_BASIC = 0x8000
_NICIRA_0 = 0x0000
_NICIRA_1 = 0x0001
_EXPERIMENTER = 0xFFFF
_ONF = 0x4F4E4600
_MASKED = 0x100


def _sizes(oxm_class: int, first: int, sizes: Iterable[int]) -> dict[int, int]:
    """Return ``class and field -> size`` of consecutive fields; 0 stands for an unassigned one."""
    base = oxm_class << 7
    return {base | field: size for field, size in enumerate(sizes, first) if size}


_SIZES: dict[int, int] = {
    # in_port .. ipv6_exthdr (1.3.5, table 11)
    **_sizes(
        _OPENFLOW_BASIC, 0, (4, 4, 8, 6, 6, 2, 2, 1, 1, 1, 1, 4, 4, 2, 2, 2, 2, 2, 2, 1, 1, 2)
    ),
    **_sizes(_OPENFLOW_BASIC, 22, (4, 4, 6, 6, 16, 16, 4, 1, 1, 16, 6, 6, 4, 1, 1, 3, 8, 2)),
    # Nicira's first class: the fields of OpenFlow 1.0 (nicira-ext.h)
    **_sizes(_NICIRA_0, 0, (2, 6, 6, 2, 2, 1, 1, 4, 4, 2, 2, 2, 2, 1, 1, 2, 4, 4)),
    # Nicira's second class: registers 0 to 15, then tunnel, ARP, IPv6, connection tracking
    **_sizes(_NICIRA_1, 0, (4,) * 16),
    **_sizes(
        _NICIRA_1,
        16,
        (8, 6, 6, 16, 16, 1, 1, 16, 6, 6, 1, 4, 1, 1, 1, 4, 4, 4, 2, 0, 4, 4, 2, 1),
    ),
    **_sizes(_NICIRA_1, 104, (2, 4, 2, 4, 16, 16, 16, 16, 16, 16, 16)),
}

_EXPERIMENTER_SIZES: dict[tuple[int, int], int] = {
    (_ONF, 2560): 1,
    **{(_ONF, _EXPERIMENTER << 7 | field): size for field, size in ((42, 2), (43, 4))},
    **{
        (0x005AD650, _EXPERIMENTER << 7 | field): size
        for field, size in enumerate((1, 1, 1, 4, 1, 4, 4, 4, 4, 1), 1)
    },
    (0x00002320, _EXPERIMENTER << 7): 4,
}


def walk_match(message: bytes, start: int, end: int) -> int:
    """Check the match at ``start`` and return where its padding ends; Violation if malformed."""
    left = end - start
    if left < MIN_MATCH_SIZE:
        raise Violation(Reason.LENGTH, f"{left} bytes left for a match")
    length = uint16(message, start + 2)
    space = (length + 7) & ~7
    if not 4 <= length <= MAX_MATCH_SIZE or space > left:
        raise Violation(Reason.LENGTH, f"match of {length} bytes, {left} left")
    if uint16(message, start) != 1:
        raise Violation(Reason.KIND, f"match type {uint16(message, start)}")
    walk_fields(message, start + 4, start + length)
    return start + space


def walk_fields(message: bytes, start: int, end: int) -> None:
    """Check a list of match fields that fills ``message[start:end]``."""
    while start < end:
        start = walk_field(message, start, end)


def walk_field(message: bytes, start: int, end: int) -> int:
    """Check the match field at ``start`` and return where it ends."""
    if end - start < 5:
        raise Violation(Reason.LENGTH, f"{end - start} bytes left for a match field")
    header = uint32(message, start)
    length = header & 0xFF
    after = start + 4 + length
    if length == 0 or after > end:
        raise Violation(Reason.LENGTH, f"match field of {length} bytes, {end - start - 4} left")
    masked = bool(header & _MASKED)
    size = _SIZES.get(header >> 9)
    if size is not None:
        _want(length, size, masked)
    elif header >> 16 == _EXPERIMENTER:
        _check_experimenter(message, start, length, masked)
    elif masked and length % 2:
        raise Violation(Reason.LENGTH, f"masked match field of {length} bytes")
    return after


def _want(length: int, size: int, masked: bool) -> None:
    wanted = size * 2 if masked else size
    if length != wanted:
        raise Violation(Reason.LENGTH, f"match field of {length} bytes, not {wanted}")


def _check_experimenter(message: bytes, start: int, length: int, masked: bool) -> None:
    """Check an experimenter field: its id (32 bits), for ONF field 0 also a type (16 bits)."""
    head = 4
    if length > head:
        experimenter, kind = uint32(message, start + 4), uint32(message, start) >> 9
        if experimenter == _ONF and kind & 0x7F == 0:
            head = 6
            if length <= head:
                raise Violation(Reason.LENGTH, f"ONF match field of {length} bytes")
            kind = uint16(message, start + 8)
        size = _EXPERIMENTER_SIZES.get((experimenter, kind))
        if size is not None:
            _want(length - head, size, masked)
            return
    if length <= head or (masked and (length - head) % 2):
        raise Violation(Reason.LENGTH, f"experimenter match field of {length} bytes")
