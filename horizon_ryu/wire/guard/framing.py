"""Framing: from a stream of bytes to whole messages, without ever believing a length.

The header of both versions: version (8 bits), type (8), length of the whole message (16),
transaction id (32); OpenFlow 1.0.0 section 5.1 and 1.3.5 section 7.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from horizon_ryu.wire.guard.violation import Reason, Violation

HEADER_SIZE = 8
MAX_SIZE = 0xFFFF

MAX_HELLO_SIZE = 512
"""Room for sixty version bitmaps; Ryu expands each bit, so a long Hello is work for nothing."""


def max_sizes(sizes: dict[int, int]) -> tuple[int, ...]:
    """Return the largest size of each of the 256 types; 0 for a type that must not come."""
    return tuple(sizes.get(kind, 0) for kind in range(256))


HELLO_MAX_SIZES = max_sizes({0: MAX_HELLO_SIZE})
"""Before the version is known nothing but a Hello may come (type 0)."""


class Framer:
    """Cuts what arrives into messages. ``max_sizes`` may change between two messages."""

    def __init__(self, largest: Sequence[int] = HELLO_MAX_SIZES) -> None:
        self.max_sizes = largest
        self._rest = b""

    @property
    def is_amid(self) -> bool:
        """Whether the beginning of a message is held back."""
        return bool(self._rest)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the messages that ``chunk`` completes; Violation at the first impossible header.

        The header is judged as soon as it is there, so a peer cannot make us hold the body of a
        message that would be refused anyway. At most one message is held back.
        """
        data = self._rest + chunk if self._rest else chunk
        self._rest = b""
        at, end = 0, len(data)
        while end - at >= HEADER_SIZE:
            size = data[at + 2] << 8 | data[at + 3]
            most = self.max_sizes[data[at + 1]]
            if not HEADER_SIZE <= size <= most:
                raise _misfit(data[at + 1], size, most)
            if size > end - at:
                break
            yield data[at : at + size]
            at += size
        self._rest = data[at:]


def _misfit(kind: int, size: int, most: int) -> Violation:
    if most == 0:
        return Violation(Reason.TYPE, f"type {kind} must not come now")
    if size < HEADER_SIZE:
        return Violation(Reason.HEADER, f"type {kind} of {size} bytes")
    return Violation(Reason.SIZE, f"type {kind} of {size} bytes, at most {most}")
