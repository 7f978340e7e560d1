"""Names of ports that are no ports (1.0.0 section 5.2.1, 1.3.5 section 7.2.1)."""

from __future__ import annotations

_NAMES = ("in_port", "table", "normal", "flood", "all", "controller", "local", "any")
_FIRST = (0xFFF8, 0xFFFFFFF8)
"""Number of the first, in 16 bits (1.0) and in 32 (1.3)."""


def port_name(port_no: object) -> str:
    """Return the name of a special port, the number of any other; text stays as it is."""
    if isinstance(port_no, int):
        for first in _FIRST:
            if first <= port_no < first + len(_NAMES):
                return _NAMES[port_no - first]
    return str(port_no)


def place_of(port_no: object) -> tuple[int, str]:
    """Return what ports are sorted by: their numbers, and last what has none."""
    return (port_no, "") if isinstance(port_no, int) else (1 << 32, str(port_no))
