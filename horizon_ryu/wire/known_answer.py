"""Known answer: one that was judged before, and what else says the same.

Most answers of a network at rest are those of the last time but for ages, counters and transaction
ids. To see that takes two operations on numbers, whatever is in them.
"""

from __future__ import annotations

from horizon_ryu.wire.flow_stats import untold


class KnownAnswer:
    """One whole message."""

    __slots__ = ("_mask", "_size", "_value")

    def __init__(self, message: bytes) -> None:
        mask = bytearray(b"\xff") * len(message)
        for start, end in untold(message):
            mask[start:end] = bytes(end - start)
        self._size = len(message)
        self._mask = int.from_bytes(mask, "big")
        self._value = int.from_bytes(message, "big") & self._mask

    def is_said_by(self, message: bytes) -> bool:
        """Tell whether a message says the same, ages, counters and the xid aside.

        It then has the same structure, byte for byte: what was sound is so still.
        """
        if len(message) != self._size:
            return False
        return int.from_bytes(message, "big") & self._mask == self._value
