"""Text form of datapath identifiers.

Inside the program a dpid is an ``int`` (64 bits); the text form belongs to JSON, XML, URLs and
logs (design, section 3).
"""

from __future__ import annotations

import re
from functools import lru_cache

from horizon_ryu.core.errors import InvalidInput

MAX_DPID = (1 << 64) - 1
DPID_SEPARATOR = "|"
DPID_GIVEN = r"(?:(?:0[xX])?[0-9A-Fa-f]{1,16}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){7})"
"""Pattern of the ways in which people write a dpid: hex digits, with or without colons."""

_DPID = re.compile(r"[0-9a-f]{16}")
_DPID_GIVEN = re.compile(DPID_GIVEN)


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


def dpid_given(value: int | str, loc: tuple[str | int, ...] = ("dpid",)) -> int:
    """Return the dpid that somebody wrote, as a number or in hex digits; InvalidInput otherwise.

    Text is always hex, as in every answer: ``"10"`` is the number 16.
    """
    if isinstance(value, str) and _DPID_GIVEN.fullmatch(value):
        return int(value.replace(":", ""), 16)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_DPID:
        return value
    raise InvalidInput(loc, "a dpid is up to 16 hex digits, or a number below 2^64")


def dpids_list(text: str, loc: tuple[str | int, ...] = ("dpids",)) -> tuple[int, ...]:
    """Return the dpids in ``text``, separated by ``|`` in the order of a path.

    InvalidInput names the place of one that is malformed. The report's ``getDpidsList`` (3.2.2.2).
    """
    if not text:
        raise InvalidInput(loc, f"dpids in hex digits, separated by {DPID_SEPARATOR}")
    parts = text.split(DPID_SEPARATOR)
    return tuple(dpid_given(part.strip(), (*loc, place)) for place, part in enumerate(parts))
