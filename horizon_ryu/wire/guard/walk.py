"""The pieces from which the tables of both versions are built: walkers over nested lists.

A walker looks at ``message[start:end]`` and raises Violation when an element inside claims a
length that its kind cannot have. Each step forward is at least the least size of an element,
which is never 0: so a walk always ends, and so does a parser that follows the same lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from horizon_ryu.wire.guard.violation import Reason, UnknownElement, Violation

Walker: TypeAlias = Callable[[bytes, int, int], None]


def exactly(size: int, what: str) -> Walker:
    """Return a walker that wants exactly ``size`` bytes."""

    def walk(message: bytes, start: int, end: int) -> None:
        if end - start != size:
            raise Violation(Reason.LENGTH, f"{what} of {end - start} bytes, not {size}")

    return walk


def at_least(size: int, what: str, most: int = 0xFFFF) -> Walker:
    """Return a walker that wants ``size`` to ``most`` bytes of whatever contents."""

    def walk(message: bytes, start: int, end: int) -> None:
        if not size <= end - start <= most:
            raise Violation(Reason.LENGTH, f"{what} of {end - start} bytes, not {size} to {most}")

    return walk


def fixed_list(size: int, what: str) -> Walker:
    """Return a walker over elements of one fixed ``size`` each."""

    def walk(message: bytes, start: int, end: int) -> None:
        if (end - start) % size:
            raise Violation(Reason.LENGTH, f"{end - start} bytes are no list of {what}")

    return walk


def with_header(skip: int, inner: Walker, what: str) -> Walker:
    """Return a walker for a fixed head of ``skip`` bytes followed by ``inner``."""

    def walk(message: bytes, start: int, end: int) -> None:
        if end - start < skip:
            raise Violation(Reason.LENGTH, f"{what} of {end - start} bytes, not {skip}")
        inner(message, start + skip, end)

    return walk


def length_prefixed_list(
    what: str, length_at: int, least: int, inner: Walker, step: int = 8
) -> Walker:
    """Return a walker over entries that carry their own length.

    ``length_at`` is where in an entry its 16-bit length stands; ``least`` its smallest size,
    which covers that field; ``step`` what the length must be a multiple of. ``inner`` sees each
    whole entry.
    """

    def walk(message: bytes, start: int, end: int) -> None:
        while start < end:
            left = end - start
            if left < least:
                raise Violation(Reason.LENGTH, f"{left} bytes left for a {what}")
            at = start + length_at
            length = message[at] << 8 | message[at + 1]
            if not least <= length <= left or length % step:
                raise Violation(Reason.LENGTH, f"{what} of {length} bytes, {left} left")
            inner(message, start, start + length)
            start += length

    return walk


_MOST_SOUND, _LONGEST_SOUND = 1024, 64


def remembering(walker: Walker) -> Walker:
    """Return a walker that remembers short bytes that were sound: most lists are one of a few.

    ``walker`` must look at nothing of a message but at the bytes that it is to walk over.
    """
    sound: set[bytes] = set()

    def walk(message: bytes, start: int, end: int) -> None:
        part = message[start:end]
        if part in sound:
            return
        walker(message, start, end)
        if len(part) <= _LONGEST_SOUND:
            if len(sound) >= _MOST_SOUND:
                sound.clear()
            sound.add(part)

    return walk


def tlv_list(
    what: str,
    known: Mapping[int, Walker],
    other: Walker | None = None,
    least: int = 8,
    step: int = 8,
    padded: bool = False,
    most: int = 0xFFFF,
    error: tuple[int, int] | None = None,
) -> Walker:
    """Return a walker over elements headed by type (16 bits) and length (16 bits).

    ``known`` has the walker of each type; types missing there go to ``other``, or are refused
    when it is None, with ``error`` as what a switch answers so.
    ``padded``: the length does not count the padding to 8 bytes that follows
    the element. ``most`` bounds the number of elements, since Ryu copies the rest of the list
    for each.
    """
    # Keys may be members of an enumeration; plain ints are found faster.
    walkers = {int(kind): walker for kind, walker in known.items()}

    def walk(message: bytes, start: int, end: int) -> None:
        count = 0
        while start < end:
            left = end - start
            if left < least:
                raise Violation(Reason.LENGTH, f"{left} bytes left for a {what}")
            kind = message[start] << 8 | message[start + 1]
            length = message[start + 2] << 8 | message[start + 3]
            space = (length + 7) & ~7 if padded else length
            if length < least or space > left or length % step:
                raise Violation(Reason.LENGTH, f"{what} {kind} of {length} bytes, {left} left")
            inner = walkers.get(kind, other)
            if inner is None:
                if error is None:
                    raise Violation(Reason.KIND, f"{what} {kind}")
                raise UnknownElement(f"{what} {kind}", error)
            inner(message, start, start + length)
            start += space
            count += 1
        if count > most:
            raise Violation(Reason.EXCESS, f"{count} of {what}, at most {most}")

    return walk


def uint16(message: bytes, at: int) -> int:
    """Return the 16-bit number at ``at``, which the caller has checked to be there."""
    return message[at] << 8 | message[at + 1]


def uint32(message: bytes, at: int) -> int:
    """Return the 32-bit number at ``at``, which the caller has checked to be there."""
    return int.from_bytes(message[at : at + 4], "big")
