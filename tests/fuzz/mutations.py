"""Damaged messages without end, the same ones on every run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

_LENGTHS = (0, 1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 24, 0x7FFF, 0xFFF8, 0xFFFF)


def _flip_bits(source: random.Random, data: bytearray) -> None:
    for _ in range(source.randint(1, 8)):
        at = source.randrange(8, len(data)) if len(data) > 8 else source.randrange(len(data))
        data[at] ^= 1 << source.randrange(8)


def _write_number(source: random.Random, data: bytearray) -> None:
    """Put a length that is often wrong where a length or a type often is."""
    if len(data) < 12:
        return
    at = source.randrange(8, len(data) - 1, 2)
    data[at : at + 2] = source.choice(_LENGTHS).to_bytes(2, "big")


def _nudge_number(source: random.Random, data: bytearray) -> None:
    """Change a small number a little: a length that is nearly right."""
    if len(data) < 12:
        return
    at = source.randrange(9, len(data), 2)
    data[at] = (data[at] + source.choice((-16, -8, -4, -1, 1, 4, 8, 16))) & 0xFF


def _truncate(source: random.Random, data: bytearray) -> None:
    if len(data) > 8:
        del data[source.randrange(8, len(data)) :]


def _extend(source: random.Random, data: bytearray) -> None:
    data += source.randbytes(source.randint(1, 64))


def _cut_out(source: random.Random, data: bytearray) -> None:
    if len(data) > 16:
        at = source.randrange(8, len(data) - 4)
        del data[at : at + source.choice((2, 4, 8, 16))]


def _repeat(source: random.Random, data: bytearray) -> None:
    if len(data) > 24:
        at = source.randrange(8, len(data) - 8)
        data[at:at] = data[at : at + source.choice((4, 8, 16, 64))] * source.randint(1, 4)


def _change_type(source: random.Random, data: bytearray) -> None:
    data[1] = source.randrange(40)


_MUTATORS: Sequence[Callable[[random.Random, bytearray], None]] = (
    _flip_bits,
    _flip_bits,
    _write_number,
    _write_number,
    _nudge_number,
    _nudge_number,
    _truncate,
    _extend,
    _cut_out,
    _repeat,
    _change_type,
)


def mutations(corpus: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` damaged copies of messages in ``corpus``.

    The length in the header is mostly made right again: what is wrong there never gets past the
    first check, and would hide what is wrong inside.
    """
    source = random.Random(seed)
    for _ in range(count):
        data = bytearray(source.choice(corpus))
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            source.choice(_MUTATORS)(source, data)
        if source.random() < 0.95:
            data[2:4] = min(len(data), 0xFFFF).to_bytes(2, "big")
        yield bytes(data)
