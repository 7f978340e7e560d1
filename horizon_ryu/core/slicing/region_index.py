"""Index of regions: which of thousands take a header, or overlap a match, in a few look-ups.

A region is a bit, in an order that the caller chooses. Each field has, for each stretch of its
values in which nothing changes, the number of those regions that take these values; a header's
regions are the intersection of the numbers of its fields. So ranges and sets are not expanded,
and finding does not take longer with more regions, but for the length of the numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from horizon_ryu.core.slicing.region import Region
from horizon_ryu.core.slicing.value_set import ValueSet, span_of
from horizon_ryu.wire.ternary import HeaderField, TernaryMatch

_WORD_BITS = 60
_WORD = (1 << _WORD_BITS) - 1
_MOST_APART = 8
"""Regions by which a stretch differs from another number for it to be kept as these alone."""


class RegionBits(NamedTuple):
    """Regions as the ones of a number, and of its octets from the lowest.

    It is the octets that are asked for one region: to shift a number of thousands of bits takes
    several times as long.
    """

    number: int
    octets: bytes


class _FieldIndex:
    """Which regions take which values of one field.

    Stretches are many, and most have few regions beside those that take every value. So a stretch
    is regions that it shares with others, and those in which it differs from that.
    """

    def __init__(
        self,
        field: HeaderField,
        sets: Sequence[tuple[int, ValueSet]],
        free: int,
        region_bits: Callable[[int], RegionBits],
    ) -> None:
        """``free``: the regions that take every value. ``sets``: number and values of the rest."""
        self.shift, self.ones, self.bits = field.shift, field.ones, field.bits
        self._region_bits = region_bits
        self._masked: dict[int, dict[int, int]] = {}
        self._starts: list[int] = [0]
        self._taken: list[tuple[RegionBits, tuple[int, ...]]] = [(region_bits(free), ())]
        self._begun: list[int] = []
        self._begun_by = [0]
        self._read_stretches(sets)
        for number, values in sets:
            for value, mask in values.masked:
                of_mask = self._masked.setdefault(mask, {})
                of_mask[value] = of_mask.get(value, 0) | 1 << number

    def _read_stretches(self, sets: Sequence[tuple[int, ValueSet]]) -> None:
        """Note, for each value at which something changes, what is taken from there on."""
        begins: defaultdict[int, list[int]] = defaultdict(list)
        ends: defaultdict[int, list[int]] = defaultdict(list)
        for number, values in sets:
            for first, last in values.ranges:
                begins[first].append(number)
                ends[last + 1].append(number)
        active: set[int] = set()
        # Up to the first other base, what lies apart from it is what is active.
        every = base = self._taken[0][0]
        apart = active
        for start in _in_order([*begins, *(end for end in ends if end not in begins)]):
            begun, ended = begins.get(start, ()), ends.get(start, ())
            if ended:
                active.difference_update(ended)
            if begun:
                active.update(begun)
            if apart is not active:
                apart.symmetric_difference_update(ended)
                apart.symmetric_difference_update(begun)
            if len(active) > _MOST_APART < len(apart):
                base, apart = self._region_bits(base.number ^ as_bits(apart)), set()
            few = len(active) <= _MOST_APART
            self._add(start, (every, tuple(active)) if few else (base, tuple(apart)), begun)

    def _add(
        self, start: int, taken: tuple[RegionBits, tuple[int, ...]], begun: Iterable[int]
    ) -> None:
        if start == 0:
            self._taken[0] = taken
        else:
            self._starts.append(start)
            self._taken.append(taken)
            self._begun_by.append(len(self._begun))
        self._begun += begun

    def parts(self) -> list[object]:
        """Return the thousands of things that it is made of."""
        return [*self._taken, *self._starts, *self._masked.values()]

    def stretches(self) -> int:
        """Return how many stretches there are: with more of them a value tells more."""
        return len(self._starts)

    def told_by(self) -> int:
        """Return the bits of a value that the regions depend on: the lowest may mean nothing."""
        changes = 0
        for start in self._starts:
            changes |= start
        told = self.ones & ~((changes & -changes) - 1) if changes else 0
        for mask in self._masked:
            told |= mask
        return told

    def candidates(self, value: int) -> tuple[int, ...] | None:
        """Return the regions that take a value if they are few; None if they may be many."""
        regions, few = self._taken[bisect_right(self._starts, value) - 1]
        return few if not regions[0] and not self._masked else None

    def takes(self, value: int, number: int) -> bool:
        """Tell whether a region takes a value."""
        if self._masked:
            return bool(self.of(value) >> number & 1)
        (_, octets), apart = self._taken[bisect_right(self._starts, value) - 1]
        return (octets[number >> 3] >> (number & 7) & 1) != (number in apart)

    def of(self, value: int) -> int:
        """Return the regions that take a value."""
        (regions, _), apart = self._taken[bisect_right(self._starts, value) - 1]
        for number in apart:
            regions ^= 1 << number
        for mask, of_mask in self._masked.items():
            regions |= of_mask.get(value & mask, 0)
        return regions

    def overlapping(self, value: int, mask: int) -> int:
        """Return regions that may take a value under a mask: all that do, and perhaps more."""
        if mask == self.ones:
            return self.of(value)
        span = span_of(value, mask, self.bits)
        regions = self._between(*(span or (value, value | self.ones & ~mask)))
        for own, of_mask in self._masked.items():
            for wanted, bits in of_mask.items():
                if not (wanted ^ value) & own & mask:
                    regions |= bits
        return regions

    def _between(self, first: int, last: int) -> int:
        """Return the regions with a range that has a value from ``first`` to ``last``."""
        at, end = bisect_right(self._starts, first), bisect_right(self._starts, last)
        (regions, _), apart = self._taken[at - 1]
        for number in apart:
            regions ^= 1 << number
        if at < end:
            stop = self._begun_by[end] if end < len(self._begun_by) else len(self._begun)
            regions |= as_bits(self._begun[self._begun_by[at] : stop])
        return regions

    def meeting(self, values: ValueSet) -> int:
        """Return regions that may take one of the values: all that do, and perhaps more."""
        regions = 0
        for first, last in values.ranges:
            regions |= self._between(first, last)
        for value, mask in values.masked:
            regions |= self.overlapping(value, mask)
        for of_mask in self._masked.values():
            for bits in of_mask.values():
                regions |= bits
        return regions


class RegionIndex:
    """Regions of one version, by the bits that they were given."""

    def __init__(self, regions: Sequence[Region]) -> None:
        """Region ``n`` is the bit ``1 << n``."""
        self.regions = tuple(regions)
        self.all = (1 << len(self.regions)) - 1
        by_field: defaultdict[HeaderField, list[tuple[int, ValueSet]]] = defaultdict(list)
        for number, region in enumerate(self.regions):
            for field, values in region.sets:
                by_field[field].append((number, values))
        self._by_field = {
            field: _FieldIndex(
                field,
                sets,
                self.all & ~as_bits(number for number, _ in sets),
                self.region_bits,
            )
            for field, sets in by_field.items()
        }
        self._fields = tuple(
            sorted(self._by_field.values(), key=_FieldIndex.stretches, reverse=True)
        )
        self.named = sum(field.told_by() << field.shift for field in self._fields)
        """The bits that regions differ by: whatever a header has in the others, it is the same."""

    def region_bits(self, number: int) -> RegionBits:
        """Return the regions that are the ones of a number."""
        return RegionBits(number, number.to_bytes((len(self.regions) >> 3) + 1, "little"))

    def parts(self) -> list[object]:
        """Return the thousands of things that it is made of."""
        return [*self.regions, *chain.from_iterable(field.parts() for field in self._fields)]

    def taking(self, header: int, among: int) -> int:
        """Return those of the regions in ``among`` that take a header."""
        for field in self._fields:
            among &= field.of(header >> field.shift & field.ones)
            if not among:
                return 0
        return among

    def first(self, header: int, among: RegionBits) -> int:
        """Return the number of the first region in ``among`` that takes a header; -1 if none."""
        for field in self._fields:
            few = field.candidates(header >> field.shift & field.ones)
            if few is not None:
                return self._first_of_few(few, field, header, among.octets) if few else -1
        found = self.taking(header, among.number)
        return (found & -found).bit_length() - 1

    def _first_of_few(
        self, few: Iterable[int], told_by: _FieldIndex, header: int, among: bytes
    ) -> int:
        """Return the lowest of a few regions that is in ``among`` and takes a header; -1 if none.

        They are those that one field lets through. The numbers of thousands of regions are long: it
        is quicker to ask for each of a few.
        """
        found = -1
        for number in few:
            if among[number >> 3] >> (number & 7) & 1 and (number < found or found < 0):
                for field in self._fields:
                    value = header >> field.shift & field.ones
                    if field is not told_by and not field.takes(value, number):
                        break
                else:
                    found = number
        return found

    def overlapping(self, match: TernaryMatch, among: int) -> list[int]:
        """Return the numbers of the regions in ``among`` that overlap a match, in their order."""
        found = self._narrowed(match, among)
        if not found or self._is_exact(match):
            return list(bits_of(found))
        return [number for number in bits_of(found) if self.regions[number].overlaps(match)]

    def any_overlaps(self, match: TernaryMatch, among: int) -> bool:
        """Tell whether one of the regions in ``among`` overlaps a match."""
        found = self._narrowed(match, among)
        if not found or self._is_exact(match):
            return bool(found)
        return any(self.regions[number].overlaps(match) for number in bits_of(found))

    def only(self, match: TernaryMatch, among: int) -> int:
        """Return the number of the only region in ``among`` that overlaps a match; -1 if not one.

        It is certain where the masks leave no doubt; elsewhere -1 may be said of one.
        """
        found = self._narrowed(match, among)
        if not found or found & found - 1 or not self._is_exact(match):
            return -1
        return found.bit_length() - 1

    def _narrowed(self, match: TernaryMatch, among: int) -> int:
        """Return those in ``among`` that overlap a match, and perhaps more."""
        value, mask = match
        for field in self._fields:
            bits = mask >> field.shift & field.ones
            if bits:
                among &= field.overlapping(value >> field.shift & field.ones, bits)
                if not among:
                    return 0
        return among

    def _is_exact(self, match: TernaryMatch) -> bool:
        """Tell whether each mask is of leading ones: then the fields tell without a doubt."""
        for field in self._fields:
            free = ~(match.mask >> field.shift) & field.ones
            if free & free + 1:
                return False
        return True

    def meeting(self, region: Region, among: int) -> list[int]:
        """Return the numbers of the regions in ``among`` that have a header in common with one."""
        bits = bits_of(self.may_meet(region, among))
        return [number for number in bits if self.regions[number].meets(region)]

    def may_meet(self, region: Region, among: int) -> int:
        """Return those of the regions in ``among`` that meet one, and perhaps more."""
        for field, values in region.sets:
            if field in self._by_field:
                among &= self._by_field[field].meeting(values)
                if not among:
                    break
        return among


_STEP = 1024


def _in_order(values: list[int]) -> list[int]:
    """Return values in their order.

    They are put in order in steps: while thousands are, at a stretch, no other thread runs.
    """
    steps = [sorted(values[at : at + _STEP]) for at in range(0, len(values), _STEP)]
    return sorted(chain.from_iterable(steps))


def bits_of(number: int) -> Iterator[int]:
    """Yield the places of the ones in a number, from the lowest."""
    at = 0
    while number:
        zeros = (number & -number).bit_length() - 1
        number >>= zeros
        at += zeros
        # The whole number is only touched once for many of its ones: it may be a long one.
        word = number & _WORD
        while word:
            low = word & -word
            yield at + low.bit_length() - 1
            word ^= low
        number >>= _WORD_BITS
        at += _WORD_BITS


def as_bits(numbers: Iterable[int]) -> int:
    """Return the number that has ones in these places."""
    places = tuple(numbers)
    octets = bytearray((max(places, default=-1) >> 3) + 1)
    for number in places:
        octets[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(octets, "little")
