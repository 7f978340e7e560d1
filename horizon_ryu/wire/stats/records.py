"""Cuts bodies into records without ever believing a length, and texts out of what switches say."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Any

from horizon_ryu.wire.versions import BODY_AT


def arrays(
    record: struct.Struct, version: int, pieces: Iterable[bytes]
) -> Iterator[tuple[Any, ...]]:
    """Yield the records of a fixed size that the pieces hold; a rest is left out."""
    for piece in pieces:
        body = memoryview(piece)[BODY_AT[version] :]
        yield from record.iter_unpack(body[: len(body) // record.size * record.size])


def first(record: struct.Struct, version: int, pieces: Iterable[bytes]) -> tuple[Any, ...] | None:
    """Return the first record; None if there is none."""
    return next(arrays(record, version, pieces), None)


def text(data: bytes) -> str:
    """Return a text that a switch padded with zeros, without what UTF-8 or XML cannot carry."""
    said = data.partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(char for char in said if char >= " " and char not in "\x7f\ufffe\uffff")


def counted(value: int, bits: int = 64) -> int | None:
    """Return a counter; None if it is all ones, which means that the switch does not count."""
    return None if value == (1 << bits) - 1 else value
