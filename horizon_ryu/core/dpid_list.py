"""Lists of dpids in the report's notation: separated by ``|``, in the order of the path."""

from __future__ import annotations

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.identifiers import dpid_given

SEPARATOR = "|"


def dpids_list(text: str, loc: tuple[str | int, ...] = ("dpids",)) -> tuple[int, ...]:
    """Return the dpids in ``text``; InvalidInput names the place of one that is malformed.

    The report's ``getDpidsList`` (3.2.2.2).
    """
    if not text:
        raise InvalidInput(loc, f"dpids in hex digits, separated by {SEPARATOR}")
    parts = text.split(SEPARATOR)
    return tuple(dpid_given(part.strip(), (*loc, place)) for place, part in enumerate(parts))
