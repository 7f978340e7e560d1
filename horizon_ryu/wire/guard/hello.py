"""The Hello message: its elements are read here, because Ryu's reading of them can hang.

Ryu steps by the length of an element without its padding, so even a well-formed Hello with two
version bitmaps sends it into an endless loop. What Ryu gets is a Hello written anew.
"""

from __future__ import annotations

import struct

from horizon_ryu.wire.guard.violation import Reason, Violation
from horizon_ryu.wire.guard.walk import at_least, tlv_list, uint16, uint32

VERSION_BITMAP = 1
_HEADER = struct.Struct("!BBHI")


def _bitmaps(message: bytes, start: int, end: int) -> None:
    if end - start < 8 or (end - start) % 4:
        raise Violation(Reason.LENGTH, f"version bitmap of {end - start} bytes")


_elements = tlv_list(
    "hello element",
    {VERSION_BITMAP: _bitmaps},
    other=at_least(4, "hello element"),
    least=4,
    step=1,
    padded=True,
)


def read_hello(message: bytes) -> int | None:
    """Return the bitmap of the versions 0 to 31 that a Hello offers, None if it has no bitmap.

    Violation if the message or an element is malformed (OpenFlow 1.3.5 section 7.5.1).
    """
    if message[0] == 0:
        raise Violation(Reason.VERSION, "version 0")
    _elements(message, 8, len(message))
    at = 8
    while at < len(message):
        if uint16(message, at) == VERSION_BITMAP:
            return uint32(message, at + 4)
        at += (uint16(message, at + 2) + 7) & ~7
    return None


def normalize_hello(message: bytes) -> bytes:
    """Return a Hello that says the same with at most one element of one bitmap."""
    bitmap = read_hello(message)
    xid = uint32(message, 4)
    if bitmap is None:
        return _HEADER.pack(message[0], 0, 8, xid)
    return _HEADER.pack(message[0], 0, 16, xid) + struct.pack("!HHI", VERSION_BITMAP, 8, bitmap)
