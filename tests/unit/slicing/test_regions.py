"""Sets of values, regions and their index, compared with what is counted one by one."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.slicing.region import Region, TooManyEntries
from horizon_ryu.core.slicing.region_index import RegionIndex, as_bits, bits_of
from horizon_ryu.core.slicing.value_set import ValueSet, merged, prefixes
from horizon_ryu.wire.ternary import EVERY_HEADER, HeaderField, HeaderLayout, TernaryMatch

BITS = 4
ONES = (1 << BITS) - 1
LAYOUT = HeaderLayout(
    1, [HeaderField("exact", 4, BITS, False), HeaderField("masked", 0, BITS, True)]
)
HEADERS = range(1 << 2 * BITS)

numbers = st.integers(0, ONES)
ranges = st.tuples(numbers, numbers).map(lambda pair: (min(pair), max(pair)))
bit_pairs = st.tuples(numbers, numbers).map(lambda pair: (pair[0] & pair[1], pair[1]))
value_sets = st.builds(
    lambda spans, masks: ValueSet.of(BITS, spans, masks),
    st.lists(ranges, min_size=1, max_size=3),
    st.lists(bit_pairs, max_size=2),
)
matches = st.tuples(st.integers(0, 255), st.integers(0, 255)).map(
    lambda pair: TernaryMatch(pair[0] & pair[1], pair[1])
)
exact_or_free = st.tuples(numbers, st.booleans(), bit_pairs).map(
    lambda drawn: TernaryMatch(
        drawn[0] * drawn[1] << 4 | drawn[2][0], ONES * drawn[1] << 4 | drawn[2][1]
    )
)
"""Matches that name the field without masks wholly or not at all, as all on the wire do."""
regions = st.builds(
    lambda exact, masked: Region.of(
        LAYOUT, {name: one for name, one in (("exact", exact), ("masked", masked)) if one}
    ),
    st.none() | value_sets,
    st.none() | value_sets,
)


def values_of(found: ValueSet) -> set[int]:
    return {value for value in range(1 << BITS) if value in found}


def let_through(value: int, mask: int) -> set[int]:
    return {number for number in range(1 << BITS) if number & mask == value}


def headers_of(region: Region) -> set[int]:
    return {header for header in HEADERS if region.takes(header)}


def taken(match: TernaryMatch) -> set[int]:
    return {header for header in HEADERS if match.takes(header)}


@given(ranges)
def test_a_range_is_the_prefixes_that_it_is_cut_into(span: tuple[int, int]) -> None:
    parts = [let_through(*bits) for bits in prefixes(*span, BITS)]
    assert set().union(*parts) == set(range(span[0], span[1] + 1))
    assert sum(map(len, parts)) == span[1] - span[0] + 1
    assert len(parts) <= 2 * BITS - 2 or span == (0, ONES)


def test_all_values_are_one_prefix() -> None:
    assert list(prefixes(0, ONES, BITS)) == [(0, 0)]


@given(st.lists(ranges, min_size=1, max_size=6))
def test_merged_ranges_have_the_same_values_and_stand_apart(spans: list[tuple[int, int]]) -> None:
    found = merged(ValueSet.of(BITS, spans).ranges)
    assert {value for first, last in found for value in range(first, last + 1)} == {
        value for first, last in spans for value in range(first, last + 1)
    }
    assert all(one.last + 1 < two.first for one, two in itertools.pairwise(found))


@given(value_sets, bit_pairs)
def test_what_a_set_has_in_common_with_a_mask_is_told_exactly(
    found: ValueSet, bits: tuple[int, int]
) -> None:
    wanted = values_of(found) & let_through(*bits)
    assert set().union(*(let_through(*part) for part in found.common(*bits))) == wanted
    assert found.overlaps(*bits) == bool(wanted)
    assert not found.covers(*bits) or let_through(*bits) <= values_of(found)


@given(st.lists(ranges, min_size=1, max_size=3), bit_pairs)
def test_a_set_of_ranges_covers_what_its_ranges_cover(
    spans: list[tuple[int, int]], bits: tuple[int, int]
) -> None:
    found = ValueSet.of(BITS, spans)
    prefix = bits[1] in {ONES >> free << free for free in range(BITS + 1)}
    if prefix:
        assert found.covers(*bits) == (let_through(*bits) <= values_of(found))


@given(value_sets, value_sets)
def test_two_sets_meet_if_they_have_a_value_in_common(one: ValueSet, other: ValueSet) -> None:
    assert one.meets(other) == bool(values_of(one) & values_of(other))
    assert one.count() >= len(values_of(one))


@given(regions, regions, matches)
def test_regions_meet_and_overlap_as_their_headers_do(
    one: Region, other: Region, match: TernaryMatch
) -> None:
    assert one.meets(other) == bool(headers_of(one) & headers_of(other))
    assert one.overlaps(match) == bool(headers_of(one) & taken(match))
    assert not one.covers(match) or taken(match) <= headers_of(one)


@given(regions, exact_or_free)
def test_what_a_region_and_a_match_have_in_common_are_matches_that_entries_can_have(
    region: Region, match: TernaryMatch
) -> None:
    found = region.common(match, 10_000)
    assert set().union(*(taken(one) for one in found)) == headers_of(region) & taken(match)
    exact = LAYOUT["exact"]
    assert all(exact.of(one.mask) in (0, ONES) for one in found)
    assert len(set(found)) == len(found)


def test_a_match_that_would_become_too_many_entries_is_refused_before_they_are_made() -> None:
    wide = HeaderLayout(1, [HeaderField("a", 32, 32, False), HeaderField("b", 0, 32, False)])
    region = Region.of(wide, {"a": ValueSet.of(32, [(1, 1 << 31)]), "b": ValueSet.of(32, [(1, 9)])})
    with pytest.raises(TooManyEntries):
        region.common(TernaryMatch(0, 0), 100)
    assert len(region.common(wide["a"].equal_to(7), 100)) == 9


@given(st.lists(regions, max_size=8), st.integers(0, 255), matches)
def test_the_index_finds_what_looking_at_every_region_finds(
    found: list[Region], header: int, match: TernaryMatch
) -> None:
    index = RegionIndex(found)
    taking = [number for number, region in enumerate(found) if region.takes(header)]
    assert list(bits_of(index.taking(header, index.all))) == taking
    assert index.first(header, index.region_bits(index.all)) == (taking[0] if taking else -1)
    overlapping = [number for number, region in enumerate(found) if region.overlaps(match)]
    assert index.overlapping(match, index.all) == overlapping
    one = Region.of(LAYOUT, {"masked": ValueSet.of(BITS, [(header & ONES, ONES)])})
    meeting = [number for number, region in enumerate(found) if region.meets(one)]
    assert index.meeting(one, index.all) == meeting
    odd = index.all & 0xAA
    assert index.overlapping(match, odd) == [number for number in overlapping if number & 1]


def test_a_set_without_values_is_no_set() -> None:
    with pytest.raises(ValueError, match="without values"):
        ValueSet.of(BITS, [])


@given(st.lists(regions, min_size=12, max_size=30), st.sets(st.sampled_from(HEADERS)), matches)
def test_many_regions_in_one_stretch_are_found_as_few_are(
    found: list[Region], headers: set[int], match: TernaryMatch
) -> None:
    index = RegionIndex(found)
    for header in headers:
        taking = [number for number, one in enumerate(found) if one.takes(header)]
        assert list(bits_of(index.taking(header, index.all))) == taking
    overlapping = [number for number, one in enumerate(found) if one.overlaps(match)]
    assert index.overlapping(match, index.all) == overlapping
    for region in found[:3]:
        meeting = [number for number, one in enumerate(found) if one.meets(region)]
        assert index.meeting(region, index.all) == meeting


@given(st.sets(st.integers(0, 700)))
def test_bits_of_a_number_are_the_places_of_its_ones(places: set[int]) -> None:
    number = as_bits(places)
    assert number == sum(1 << place for place in places)
    assert list(bits_of(number)) == sorted(places)


def test_a_stretch_of_values_does_not_keep_a_number_as_long_as_there_are_regions() -> None:
    field = HeaderField("address", 0, 32, True)
    layout = HeaderLayout(1, [field])
    apart = [Region.of(layout, {"address": ValueSet.of(32, [(2 * n, 2 * n)])}) for n in range(8000)]
    tracemalloc.start()
    try:
        index = RegionIndex(apart)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert index.first(14, index.region_bits(index.all)) == 7
    assert kept < 4_000_000, "8,000 numbers of up to 1,000 octets would be 5 MB alone"


@given(st.lists(regions, max_size=6), st.integers(0, 63))
def test_regions_depend_on_no_bits_but_those_that_are_named(
    found: list[Region], among: int
) -> None:
    index = RegionIndex(found)
    among &= index.all
    for header in HEADERS:
        taking = [at for at, one in enumerate(found) if among >> at & 1 and one.takes(header)]
        first = min(taking, default=-1)
        assert index.first(header, index.region_bits(among)) == first
        assert index.first(header & index.named, index.region_bits(among)) == first


@given(st.lists(regions, max_size=6), matches)
def test_what_a_match_is_within_depends_on_no_bits_but_those_that_are_named(
    found: list[Region], match: TernaryMatch
) -> None:
    index = RegionIndex(found)
    told = TernaryMatch(match.value & index.named, match.mask & index.named)
    for one in found:
        assert one.overlaps(match) == one.overlaps(told)
    only, by_told = index.only(match, index.all), index.only(told, index.all)
    if only >= 0:
        assert by_told == only, "and where it is not certain, it may be so without the other bits"


def test_the_lowest_bits_of_networks_tell_nothing() -> None:
    networks = [
        Region.of(LAYOUT, {"masked": ValueSet.of(BITS, [(0b0100, 0b0111)])}),
        Region.of(LAYOUT, {"masked": ValueSet.of(BITS, [(0b1000, 0b1111)])}),
    ]
    assert RegionIndex(networks).named == 0b1100
    assert RegionIndex([]).named == 0


@given(regions)
def test_parts_of_every_header_are_matches_that_entries_can_have(region: Region) -> None:
    found = region.common(EVERY_HEADER, 10_000)
    assert set().union(*map(taken, found)) == headers_of(region)
    assert all(LAYOUT["exact"].of(one.mask) in (0, ONES) for one in found)
