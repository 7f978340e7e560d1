"""Description of a switch by itself: desc statistics (1.0.0 5.3.5, 1.3.5 7.3.5.1)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from horizon_ryu.wire.stats.records import text
from horizon_ryu.wire.versions import BODY_AT

DESCRIPTION = struct.Struct("!256s256s256s32s256s")


class Description(NamedTuple):
    """Texts for people, in no set form, and empty where the switch says nothing."""

    mfr_desc: str
    hw_desc: str
    sw_desc: str
    serial_num: str
    dp_desc: str


def read_description(version: int, message: bytes) -> Description:
    """Read a whole description reply; what a short one lacks is empty. Never raises.

    A text ends at its first NUL; bytes that are no UTF-8 are replaced, and characters that do not
    print left out.
    """
    at = BODY_AT[version]
    body = bytes(message[at : at + DESCRIPTION.size]).ljust(DESCRIPTION.size, b"\0")
    return Description(*map(text, DESCRIPTION.unpack(body)))
