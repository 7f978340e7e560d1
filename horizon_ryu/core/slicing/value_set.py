"""Set of values of one header field: ranges, and values under a mask that are no range."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

Bits: TypeAlias = tuple[int, int]
"""Value and mask within one field; the value has no ones where the mask has none."""


class ValueRange(NamedTuple):
    """All values from ``first`` to ``last``, both of them too."""

    first: int
    last: int


def prefixes(first: int, last: int, bits: int) -> Iterator[Bits]:
    """Yield the fewest masks of leading ones that together take exactly ``first`` to ``last``.

    At most ``2 * bits - 2`` of them.
    """
    ones = (1 << bits) - 1
    while first <= last:
        size = first & -first or 1 << bits
        while first + size - 1 > last:
            size >>= 1
        yield first, ones & ~(size - 1)
        first += size


def merged(ranges: Iterable[ValueRange]) -> tuple[ValueRange, ...]:
    """Return the same values as ranges that are in order, and neither touch nor overlap."""
    ordered = sorted(ranges)
    if len(ordered) == 1:
        return tuple(ordered)
    found: list[ValueRange] = []
    for first, last in ordered:
        if found and first <= found[-1].last + 1:
            found[-1] = ValueRange(found[-1].first, max(found[-1].last, last))
        else:
            found.append(ValueRange(first, last))
    return tuple(found)


def span_of(value: int, mask: int, bits: int) -> ValueRange | None:
    """Return the range that a value under a mask is; None if the mask is not of leading ones."""
    free = ~mask & (1 << bits) - 1
    return ValueRange(value, value | free) if not free & free + 1 else None


class ValueSet(NamedTuple):
    """Values of a field of ``bits`` bits: ``ranges`` in order and apart, and ``masked`` besides."""

    bits: int
    ranges: tuple[ValueRange, ...]
    masked: tuple[Bits, ...] = ()

    @staticmethod
    def of(bits: int, ranges: Iterable[tuple[int, int]], masked: Collection[Bits] = ()) -> ValueSet:
        """Return the set of all these values; masks that are ranges become ranges.

        ValueError if there is none.
        """
        spans = [ValueRange(*pair) for pair in ranges]
        if len(spans) == 1 and not masked:
            return ValueSet(bits, (spans[0],))
        others = set()
        for value, mask in masked:
            span = span_of(value, mask, bits)
            if span is None:
                others.add((value, mask))
            else:
                spans.append(span)
        if not spans and not others:
            raise ValueError("a set without values")
        return ValueSet(bits, merged(spans), tuple(sorted(others)) if others else ())

    @property
    def is_everything(self) -> bool:
        """Whether every value is in the set."""
        ranges = self.ranges
        return len(ranges) == 1 and ranges[0][0] == 0 and ranges[0][1] == (1 << self.bits) - 1

    @property
    def only(self) -> Bits | None:
        """The value and mask that all of the set is, and nothing else; None if it takes more."""
        if self.masked:
            return self.masked[0] if len(self.masked) == 1 and not self.ranges else None
        if len(self.ranges) != 1:
            return None
        first, last = self.ranges[0]
        free = last - first
        # A range is a prefix if its size is a power of two that its first value is a multiple of.
        if free & free + 1 or first & free:
            return None
        return first, (1 << self.bits) - 1 ^ free

    def __contains__(self, value: int) -> bool:  # type: ignore[override]
        for first, last in self.ranges:
            if first <= value <= last:
                return True
        return any(value & mask == wanted for wanted, mask in self.masked)

    def count(self) -> int:  # type: ignore[override]
        """Return how many values there are, at most: those in several masks count for each."""
        free = sum(1 << self.bits - mask.bit_count() for _, mask in self.masked)
        return free + sum(last - first + 1 for first, last in self.ranges)

    def covers(self, value: int, mask: int) -> bool:
        """Tell whether every value that ``mask`` lets through is known to be in the set.

        False also for a mask that only several of our own masks together cover.
        """
        span = span_of(value, mask, self.bits)
        if span is not None and any(
            first <= span.first and span.last <= last for first, last in self.ranges
        ):
            return True
        return any(mask & own == own and value & own == wanted for wanted, own in self.masked) or (
            span is None and any(_within(value, mask, one, self.bits) for one in self.ranges)
        )

    def overlaps(self, value: int, mask: int) -> bool:
        """Tell whether some value that ``mask`` lets through is in the set."""
        return next(self.common(value, mask), None) is not None

    def common(self, value: int, mask: int) -> Iterator[Bits]:
        """Yield, as values under masks, those values of the set that ``mask`` lets through.

        Where masks of ours overlap, some values may come twice.
        """
        ones = (1 << self.bits) - 1
        if mask == ones:
            if value in self:
                yield value, mask
            return
        for first, last in self.ranges:
            yield from _parts(first, last, value, mask, self.bits)
        for wanted, own in self.masked:
            if not (value ^ wanted) & mask & own:
                yield value | wanted, mask | own

    def meets(self, other: ValueSet) -> bool:
        """Tell whether both sets have a value in common."""
        mine, theirs = iter(self.ranges), iter(other.ranges)
        one, two = next(mine, None), next(theirs, None)
        while one is not None and two is not None:
            if one.last < two.first:
                one = next(mine, None)
            elif two.last < one.first:
                two = next(theirs, None)
            else:
                return True
        return any(self.overlaps(*bits) for bits in other.masked) or any(
            other.overlaps(*bits) for bits in self.masked
        )

    def is_within(self, other: ValueSet) -> bool:
        """Tell whether every value is known to be in another set."""
        return all(
            any(low <= first and last <= high for low, high in other.ranges)
            for first, last in self.ranges
        ) and all(other.covers(*bits) for bits in self.masked)

    def shared(self, other: ValueSet) -> ValueSet | None:
        """Return the values that both sets have; None if there is none."""
        masked = [both for bits in self.masked for both in other.common(*bits)]
        for value, mask in other.masked:
            masked += ValueSet(self.bits, self.ranges).common(value, mask)
        ranges = list(_both(self.ranges, other.ranges))
        return ValueSet.of(self.bits, ranges, masked) if ranges or masked else None

    @property
    def least(self) -> int:
        """One of the values: the least of the ranges, or of the masks if there are no ranges."""
        return self.ranges[0].first if self.ranges else self.masked[0][0]


def _both(ours: Sequence[ValueRange], theirs: Sequence[ValueRange]) -> Iterator[ValueRange]:
    """Yield what both have in common, in order."""
    mine, yours = iter(ours), iter(theirs)
    one, two = next(mine, None), next(yours, None)
    while one is not None and two is not None:
        first, last = max(one.first, two.first), min(one.last, two.last)
        if first <= last:
            yield ValueRange(first, last)
        if one.last <= two.last:
            one = next(mine, None)
        else:
            two = next(yours, None)


def _within(value: int, mask: int, whole: ValueRange, bits: int) -> bool:
    """Tell whether the least and the greatest value under a mask lie in a range."""
    return whole.first <= value and value | ~mask & (1 << bits) - 1 <= whole.last


def _parts(first: int, last: int, value: int, mask: int, bits: int) -> Iterator[Bits]:
    span = span_of(value, mask, bits)
    if span is not None:
        yield from prefixes(max(first, span.first), min(last, span.last), bits)
        return
    for wanted, own in prefixes(first, last, bits):
        if not (value ^ wanted) & mask & own:
            yield value | wanted, mask | own
