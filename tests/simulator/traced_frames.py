"""Traced frames: broadcasts that a simulation can tell from every other frame by their number."""

from __future__ import annotations

import struct

BROADCAST = b"\xff" * 6
_TRACED = b"traced frame "


def traced_frame(
    source: bytes, number: int, destination: bytes = BROADCAST, vlan: int | None = None
) -> bytes:
    """Return a frame that the simulation can tell from every other by ``number``."""
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    head = destination + source + tag + b"\x88\xb5"
    return head + _TRACED + struct.pack("!Q", number) + bytes(25)


def trace_number(data: bytes) -> int | None:
    """Return the number of a traced frame; None for every other frame."""
    start = data.find(_TRACED, 14, 64)
    if start < 0:
        return None
    return int(struct.unpack_from("!Q", data, start + len(_TRACED))[0])
