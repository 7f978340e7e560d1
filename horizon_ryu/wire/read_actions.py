"""The actions of an entry as they are read from a switch, whatever its version."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from horizon_ryu.wire.action_table import HEADER_SIZE
from horizon_ryu.wire.messages import Action

_TLV = struct.Struct("!HH")


@dataclass(slots=True)
class ReadActions:
    """What the actions of an entry amount to, as far as the core asks; see FlowEntry.

    ``whole``: nothing was left out. ``meter`` is that of the entry, if any.
    """

    known: list[Action] = field(default_factory=list)
    vlans: set[int] = field(default_factory=set)
    forwards: bool = False
    whole: bool = True
    meter: int | None = None


def tlvs(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut actions or instructions: type, and the whole of each, of 8 bytes or more."""
    at, end = 0, len(body)
    while end - at >= HEADER_SIZE:
        kind, length = _TLV.unpack_from(body, at)
        if not HEADER_SIZE <= length <= end - at:
            return
        yield kind, body[at : at + length]
        at += length
