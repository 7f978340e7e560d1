"""One line for a terminal, of what somebody typed and why it is refused: it may be anything."""

from __future__ import annotations

import re

MOST = 500
"""Characters that are shown."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What has no place in a name: ends of lines, orders to terminals, bytes that are no UTF-8."""


def in_one_line(text: str, most: int = MOST) -> str:
    """Return ``text`` with what cannot be printed escaped, and cut to ``most`` characters."""
    shown = CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
    return shown if len(shown) <= most else f"{shown[:most]}..."
