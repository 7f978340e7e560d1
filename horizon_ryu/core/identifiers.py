"""Text form of datapath identifiers.

Inside the program a dpid is an ``int`` (64 bits); the text form belongs to JSON, XML, URLs and
logs (design, section 3).
"""

from __future__ import annotations

import re
from functools import lru_cache

from horizon_ryu.core.errors import InvalidInput

_DPID = re.compile(r"[0-9a-f]{16}")


@lru_cache(maxsize=65_536)
def dpid_to_text(dpid: int) -> str:
    """Return the 16 lower-case hex digits of ``dpid``."""
    return f"{dpid:016x}"


def dpid_from_text(text: str, loc: tuple[str | int, ...] = ("dpid",)) -> int:
    """Return the dpid written as exactly 16 lower-case hex digits.

    Signs, ``0x``, blanks and other lengths are refused with InvalidInput: what one parser
    takes and the next does not is how peers came to answer ``0x0`` with a traceback.
    """
    if not _DPID.fullmatch(text):
        raise InvalidInput(loc, "a dpid is exactly 16 lower-case hex digits")
    return int(text, 16)
