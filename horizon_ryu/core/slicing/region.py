"""Region of a flowspace: the headers that have, in every field named, one of a set of values."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.core.slicing.value_set import Bits, ValueSet
from horizon_ryu.wire.ternary import EVERY_HEADER, HeaderField, HeaderLayout, TernaryMatch


class TooManyEntries(ValueError):
    """A match that would become more flow entries than are allowed."""


class _Wanted(NamedTuple):
    """What fields with a single value, or with those of one prefix, ask for, and the others."""

    spans: TernaryMatch
    others: tuple[tuple[HeaderField, ValueSet], ...]


def _wanted(sets: Iterable[tuple[HeaderField, ValueSet]]) -> _Wanted:
    spans, others = EVERY_HEADER, []
    for place, values in sets:
        only = values.only
        if only is None or not (place.maskable or only[1] == place.ones):
            others.append((place, values))
        else:
            spans = _joined(spans, (place.equal_to(*only),))
    return _Wanted(spans, tuple(others))


@dataclass(frozen=True, slots=True)
class Region:
    """Headers of one version; fields that are not named may have any value."""

    layout: HeaderLayout
    sets: tuple[tuple[HeaderField, ValueSet], ...]
    _wanted: _Wanted | None = field(default=None, init=False, repr=False, compare=False)
    """Worked out when it is first asked for: of thousands of regions few have entries."""

    @property
    def wanted(self) -> _Wanted:
        """What a match must ask for to be within the region."""
        found = self._wanted
        if found is None:
            found = _wanted(self.sets)
            object.__setattr__(self, "_wanted", found)
        return found

    @staticmethod
    def of(layout: HeaderLayout, sets: Mapping[str, ValueSet]) -> Region:
        """Return the region in which each field, by its name, is in its set."""
        fields = layout.fields
        return Region(
            layout,
            tuple([(fields[name], sets[name]) for name in sorted(sets)
                   if not sets[name].is_everything]),
        )  # fmt: skip

    def takes(self, header: int) -> bool:
        """Tell whether a header is in the region."""
        return all(field.of(header) in values for field, values in self.sets)

    def covers(self, match: TernaryMatch) -> bool:
        """Tell whether every header that ``match`` takes is known to be in the region."""
        value, mask = match
        (wanted, own), others = self.wanted
        if mask & own != own or value & own != wanted:
            return False
        return all(values.covers(field.of(value), field.of(mask)) for field, values in others)

    def overlaps(self, match: TernaryMatch) -> bool:
        """Tell whether some header that ``match`` takes is in the region."""
        return all(
            values.overlaps(field.of(match.value), field.of(match.mask))
            for field, values in self.sets
        )

    def meets(self, other: Region) -> bool:
        """Tell whether both regions have a header in common."""
        theirs = dict(other.sets)
        return all(
            field not in theirs or values.meets(theirs[field]) for field, values in self.sets
        )

    def common(self, match: TernaryMatch, most: int) -> list[TernaryMatch]:
        """Return matches that flow entries can have, which together take what both take.

        TooManyEntries if they are more than ``most``. Sets in fields without masks become a match
        for each value.
        """
        return list(dict.fromkeys(self.parts(match, most)))

    def parts(self, match: TernaryMatch, most: int) -> Iterator[TernaryMatch]:
        """Yield those of :meth:`common`, some of them perhaps again; they are counted before."""
        if self.covers(match):
            return iter((match,))
        sets = self.sets
        if not match.mask:
            match, sets = self.wanted
        choices = [
            list(_choices(field, values, field.of(match.value), field.of(match.mask), most))
            for field, values in sets
        ]
        count = 1
        for choice in choices:
            count *= len(choice)
        if count > most:
            raise TooManyEntries(f"{count} flow entries, at most {most} are allowed")
        return (_joined(match, parts) for parts in itertools.product(*choices))


def _choices(
    field: HeaderField, values: ValueSet, value: int, mask: int, most: int
) -> Iterator[TernaryMatch]:
    bits = values.common(value, mask)
    for wanted, own in bits if field.maskable else _single_values(field, bits, most):
        yield field.equal_to(wanted, own)


def _single_values(field: HeaderField, parts: Iterator[Bits], most: int) -> Iterator[Bits]:
    """Yield each value that the parts take, once; TooManyEntries."""
    ones = field.ones
    seen: set[int] = set()
    for value, mask in parts:
        free = ones & ~mask
        if len(seen) + (1 << free.bit_count()) > 2 * most:
            raise TooManyEntries(f"more than {most} values of {field.name}")
        for number in _values(value, free):
            if number not in seen:
                seen.add(number)
                yield number, ones


def _values(value: int, free: int) -> Iterator[int]:
    """Yield every number that has ``value`` outside of the bits that are free."""
    part = 0
    while True:
        yield value | part
        part = part - free & free
        if not part:
            return


def _joined(match: TernaryMatch, parts: tuple[TernaryMatch, ...]) -> TernaryMatch:
    value, mask = match
    for part in parts:
        value |= part.value
        mask |= part.mask
    return TernaryMatch(value, mask)
