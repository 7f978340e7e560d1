"""Layouts: how a value stands in a message, declared once and used to read and to write it.

A layout is made of struct formats and of other layouts, in their order on the wire. What a
specification calls a pad is an ``x``: it is skipped when read and zero when written, and so are
lengths, which are always those of what is written.

Reading never goes beyond the end it is given, and each step through a list moves on by at least
four bytes: the work is bounded by the size of the message.
"""

from __future__ import annotations

import dataclasses
import operator
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

V = TypeVar("V")
_TLV = struct.Struct("!HH")
_LENGTH = struct.Struct("!H")


class WireError(ValueError):
    """Bytes that are no such value, or a value that has no bytes."""


@dataclass(frozen=True, slots=True)
class Layout(Generic[V]):
    """``read(message, start, end)`` returns a value and where it ends; WireError if it cannot.

    ``write`` returns the bytes of a value; WireError or struct.error if a number does not fit.
    """

    read: Callable[[bytes, int, int], tuple[V, int]]
    write: Callable[[V], bytes]


Part: TypeAlias = "str | Layout[Any]"


def record(make: Callable[..., V], *parts: Part) -> Layout[V]:
    """Return the layout of a frozen dataclass whose fields are, in order, those of ``parts``.

    A part is a struct format, without byte order, or a layout of one field.
    """
    names = [field.name for field in dataclasses.fields(make)]  # type: ignore[arg-type]
    steps = [_formatted(part) if isinstance(part, str) else _single(part) for part in parts]
    values = _getter(names)
    if len(steps) == 1:
        read_all, write_all, _ = steps[0]

        def read_one(message: bytes, start: int, end: int) -> tuple[V, int]:
            found, at = read_all(message, start, end)
            return make(*found), at

        return Layout(read_one, lambda value: write_all(values(value)))

    def read(message: bytes, start: int, end: int) -> tuple[V, int]:
        found: tuple[Any, ...] = ()
        for read_step, _, _ in steps:
            more, start = read_step(message, start, end)
            found += more
        return make(*found), start

    def write(value: V) -> bytes:
        given, at, written = values(value), 0, []
        for _, write_step, count in steps:
            written.append(write_step(given[at : at + count]))
            at += count
        return b"".join(written)

    return Layout(read, write)


_Step: TypeAlias = tuple[
    Callable[[bytes, int, int], tuple[tuple[Any, ...], int]],
    Callable[[tuple[Any, ...]], bytes],
    int,
]
"""Reads and writes some fields of a record, and how many they are."""


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _formatted(fmt: str) -> _Step:
    """Return the step of a struct format."""
    packed = struct.Struct("!" + fmt)
    size, unpack, pack = packed.size, packed.unpack_from, packed.pack

    def read(message: bytes, start: int, end: int) -> tuple[tuple[Any, ...], int]:
        if end - start < size:
            raise WireError(f"{end - start} bytes where {size} are needed")
        return unpack(message, start), start + size

    return read, lambda values: pack(*values), len(unpack(bytes(size)))


def _single(layout: Layout[Any]) -> _Step:
    """Return the step of a field that has a layout of its own."""

    def read(message: bytes, start: int, end: int) -> tuple[tuple[Any, ...], int]:
        value, at = layout.read(message, start, end)
        return (value,), at

    return read, lambda values: layout.write(values[0]), 1


def empty(make: Callable[[], V]) -> Layout[V]:
    """Return the layout of a value without fields."""
    return Layout(lambda _message, start, _end: (make(), start), lambda _value: b"")


OPAQUE: Layout[bytes] = Layout(
    lambda message, start, end: (bytes(message[start:end]), end), lambda value: value
)
"""All bytes that are left, as they are."""


def padded_to_8(inner: Layout[V], before: int = 0) -> Layout[V]:
    """Return ``inner`` with zeros up to a multiple of 8, counting ``before`` bytes ahead of it."""

    def read(message: bytes, start: int, end: int) -> tuple[V, int]:
        value, at = inner.read(message, start, end)
        return value, min(end, at + -(at - start + before) % 8)

    def write(value: V) -> bytes:
        data = inner.write(value)
        return data + bytes(-(len(data) + before) % 8)

    return Layout(read, write)


def sized(head: str, inner: Layout[V]) -> Layout[V]:
    """Return ``inner`` behind its own length, which ``head`` (one number) begins with.

    What follows the number in ``head``, mere padding, is not counted.
    """
    packed = struct.Struct("!" + head)

    def read(message: bytes, start: int, end: int) -> tuple[V, int]:
        at = start + packed.size
        if at > end:
            raise WireError("a length is missing")
        stop = at + int(packed.unpack_from(message, start)[0])
        if stop > end:
            raise WireError(f"a list that ends {stop - end} bytes after the message")
        return _whole(inner, message, at, stop), stop

    def write(value: V) -> bytes:
        data = inner.write(value)
        return packed.pack(len(data)) + data

    return Layout(read, write)


def many(item: Layout[V]) -> Layout[tuple[V, ...]]:
    """Return the layout of as many items as fill the space; each has at least four bytes."""
    read_item, write_item = item.read, item.write

    def read(message: bytes, start: int, end: int) -> tuple[tuple[V, ...], int]:
        found = []
        while start < end:
            value, at = read_item(message, start, end)
            if at < start + 4:
                raise WireError("an item without bytes")
            found.append(value)
            start = at
        return tuple(found), start

    return Layout(read, lambda values: b"".join(map(write_item, values)))


def entry(inner: Layout[V], length_at: int = 0) -> Layout[V]:
    """Return ``inner`` for a record that says its own length (16 bits) at ``length_at``."""
    least = max(4, length_at + 2)

    def read(message: bytes, start: int, end: int) -> tuple[V, int]:
        if end - start < least:
            raise WireError(f"{end - start} bytes left for an entry")
        length = message[start + length_at] << 8 | message[start + length_at + 1]
        if not least <= length <= end - start:
            raise WireError(f"an entry of {length} bytes, {end - start} left")
        return _whole(inner, message, start, start + length), start + length

    def write(value: V) -> bytes:
        data = inner.write(value)
        return data[:length_at] + _LENGTH.pack(len(data)) + data[length_at + 2 :]

    return Layout(read, write)


@dataclass(frozen=True, slots=True)
class Tlv:
    """An element of a type that is not read here; ``body`` is all behind its length."""

    type: int
    body: bytes


def tlvs(
    known: Mapping[int, tuple[type, Layout[Any]]], padded: bool = False
) -> Layout[tuple[Any, ...]]:
    """Return the layout of elements that begin with type and length (16 bits each).

    ``known`` has, by type, the class of the value and the layout of what follows the length;
    other elements are a :class:`Tlv`. ``padded``: an element is followed by zeros up to a
    multiple of 8, which its length does not count.
    """
    kinds = {make: (kind, layout.write) for kind, (make, layout) in known.items()}
    layouts = {kind: layout for kind, (_, layout) in known.items()}

    def read(message: bytes, start: int, end: int) -> tuple[Any, int]:
        if end - start < 4:
            raise WireError(f"{end - start} bytes left for an element")
        kind, length = _TLV.unpack_from(message, start)
        if not 4 <= length <= end - start:
            raise WireError(f"an element of {length} bytes, {end - start} left")
        stop = start + length
        layout = layouts.get(kind)
        if layout is None:
            value: Any = Tlv(kind, bytes(message[start + 4 : stop]))
        else:
            value = _whole(layout, message, start + 4, stop)
        return value, min(end, start + (length + 7 & ~7)) if padded else stop

    def write(value: Any) -> bytes:
        if isinstance(value, Tlv):
            kind, body = value.type, value.body
        elif type(value) in kinds:
            kind, write_body = kinds[type(value)]
            body = write_body(value)
        else:
            raise WireError(f"{type(value).__name__} is no element of this list")
        data = _TLV.pack(kind, 4 + len(body)) + body
        return data + bytes(-len(data) % 8) if padded else data

    return many(Layout(read, write))


def chosen(make: Callable[..., V], head: str, layouts: Mapping[int, Layout[Any]]) -> Layout[V]:
    """Return the layout of a record whose first field says which layout its last field has.

    ``head`` is the struct format of all fields but the last; without a layout that is opaque.
    """
    packed = struct.Struct("!" + head)
    names = [field.name for field in dataclasses.fields(make)]  # type: ignore[arg-type]
    fields, last = _getter(names[:-1]), names[-1]

    def read(message: bytes, start: int, end: int) -> tuple[V, int]:
        if end - start < packed.size:
            raise WireError(f"{end - start} bytes where {packed.size} are needed")
        found = packed.unpack_from(message, start)
        layout = layouts.get(found[0], OPAQUE)
        body, at = layout.read(message, start + packed.size, end)
        return make(*found, body), at

    def write(value: V) -> bytes:
        found = fields(value)
        layout: Layout[Any] = layouts.get(found[0], OPAQUE)
        return packed.pack(*found) + layout.write(getattr(value, last))

    return Layout(read, write)


def _whole(layout: Layout[V], message: bytes, start: int, end: int) -> V:
    """Read a value that must fill ``message[start:end]``."""
    value, at = layout.read(message, start, end)
    if at != end:
        raise WireError(f"{end - at} bytes more than the value has")
    return value


def read_whole(layout: Layout[V], message: bytes, start: int) -> V:
    """Return the value that fills ``message`` from ``start`` on; WireError if it does not."""
    return _whole(layout, message, start, len(message))


def write_whole(layout: Layout[V], value: V) -> bytes:
    """Return the bytes of ``value``; WireError for what they cannot say."""
    try:
        return layout.write(value)
    except (struct.error, TypeError, AttributeError) as error:
        raise WireError(f"{type(value).__name__} has no bytes: {error}") from error
