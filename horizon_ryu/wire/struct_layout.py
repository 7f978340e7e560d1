"""Layouts of structures: :mod:`struct` formats made of the offsets that a table has."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from types import MappingProxyType

NUMBER_CODES: Mapping[int, str] = MappingProxyType({1: "B", 2: "H", 4: "I", 8: "Q"})
"""Bytes of a number -> its code in a struct format."""


def number_code(size: int) -> str:
    """Return the code of a value of ``size`` bytes: a number where struct has one, else bytes."""
    return NUMBER_CODES.get(size, f"{size}s")


def layout(parts: Iterable[tuple[int, str]], size: int) -> struct.Struct:
    """Return the layout of ``size`` bytes that has each code at its offset, and zeros between."""
    return struct.Struct(f"!{format_of(parts, size)}")


def format_of(parts: Iterable[tuple[int, str]], size: int) -> str:
    """Return the struct format, without byte order, of what :func:`layout` is the layout of.

    ``parts`` come in the order of their offsets; ValueError if two of them overlap.
    """
    codes, at = [], 0
    for offset, code in parts:
        if offset < at:
            raise ValueError(f"{code} at {offset} overlaps what ends at {at}")
        codes += [f"{offset - at}x" * (offset > at), code]
        at = offset + struct.calcsize(f"!{code}")
    if at > size:
        raise ValueError(f"{at} bytes in {size}")
    codes.append(f"{size - at}x" * (size > at))
    return "".join(codes)
