"""Flowspace: the rules of all slices, and whose frames are whose, in the fields of one version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from horizon_ryu.core.slicing.region import Region, TooManyEntries
from horizon_ryu.core.slicing.region_index import RegionIndex, as_bits, bits_of
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_regions import regions_of
from horizon_ryu.wire.ternary import EVERY_HEADER, HEADER_10, HeaderLayout, TernaryMatch

MOST_PARTS = 4096
"""Matches that one region above others may be."""
MOST_REMEMBERED = 4096
"""Answers that a switch's flowspace remembers, of each kind; beyond it begins anew."""


class Flowspace:
    """Rules in their order, and the regions that they are.

    A region is told by its number; the first that takes a frame counts. Rules that the version
    has no fields for are in :attr:`without_regions`.
    """

    def __init__(self, layout: HeaderLayout, rules: Iterable[FlowspaceRule]) -> None:
        self.layout = layout
        self.rules = tuple(sorted(rules, key=lambda rule: rule.order))
        self.rule_of: list[FlowspaceRule] = []
        regions: list[Region] = []
        without = []
        for rule in self.rules:
            found = regions_of(rule.match, layout)
            regions += found
            self.rule_of += [rule] * len(found)
            if not found:
                without.append(rule)
        self.without_regions = tuple(without)
        self.index = RegionIndex(regions)
        self._owning, self._seeing, self._everywhere, self._only_on = self._groups()
        self._levels: dict[int, Mapping[int, int]] = {}
        self._on: dict[int, SwitchFlowspace] = {}

    def _groups(self) -> tuple[dict[str, int], dict[str, int], int, dict[int, int]]:
        """Return the regions by slice, those it owns and those it sees, and by switch."""
        owning: defaultdict[str, list[int]] = defaultdict(list)
        seeing: defaultdict[str, list[int]] = defaultdict(list)
        only_on: defaultdict[int, list[int]] = defaultdict(list)
        everywhere = []
        for number, rule in enumerate(self.rule_of):
            (owning if rule.owns else seeing)[rule.slice_name].append(number)
            if rule.dpids is None:
                everywhere.append(number)
            for dpid in rule.dpids or ():
                only_on[dpid].append(number)
        return (
            {name: as_bits(numbers) for name, numbers in owning.items()},
            {name: as_bits(numbers) for name, numbers in seeing.items()},
            as_bits(everywhere),
            {dpid: as_bits(numbers) for dpid, numbers in only_on.items()},
        )

    def on(self, dpid: int) -> SwitchFlowspace:
        """Return what of it concerns one switch; switches with the same rules share one."""
        concerned = self._everywhere | self._only_on.get(dpid, 0)
        found = self._on.get(concerned)
        if found is None:
            found = SwitchFlowspace(self, concerned, self._owning, self._seeing)
            self._on[concerned] = found
        return found

    def let_go(self) -> list[Any]:
        """Let go what is for single switches: each knows the whole, and both would stay for ever.

        Whoever has the flowspace of a switch may go on with it. Returns the thousands of things
        that it is made of, for whoever wants to free them one by one, and not at a stretch.
        """
        self._on.clear()
        return [*self.index.parts(), *self.rules]

    def levels(self, owning: int) -> Mapping[int, int]:
        """Return the level of each of the regions ``owning``; those of other levels are not 0.

        A region is above every region of another slice that comes after it and has frames in
        common with it; regions that meet none of another slice are at level 0.
        """
        found = self._levels.get(owning)
        if found is None:
            found = self._levels[owning] = self._levels_of(owning)
        return found

    def _levels_of(self, owning: int) -> Mapping[int, int]:
        """Return them; where all regions are one slice's, none is above another."""
        if any(not owning & ~own for own in self._owning.values()):
            return dict.fromkeys(bits_of(owning), 0)
        return dict(self._level_of_each(owning))

    def _level_of_each(self, owning: int) -> Iterator[tuple[int, int]]:
        levels: dict[int, int] = {}
        later = 0
        for number in reversed(list(bits_of(owning))):
            name = self.rule_of[number].slice_name
            others = later & ~self._owning[name]
            met = self.index.meeting(self.index.regions[number], others) if others else []
            levels[number] = 1 + max((levels[other] for other in met), default=-1)
            later |= 1 << number
            yield number, levels[number]


class SwitchFlowspace:
    """The flowspace of one switch."""

    def __init__(
        self,
        whole: Flowspace,
        concerned: int,
        owning: Mapping[str, int],
        seeing: Mapping[str, int],
    ) -> None:
        self.whole = whole
        self._all = concerned
        self._owning = {name: bits & concerned for name, bits in owning.items() if bits & concerned}
        self._seeing = {name: bits & concerned for name, bits in seeing.items() if bits & concerned}
        self._levels: Mapping[int, int] | None = None
        self.has_observers = bool(self._seeing)
        """Whether there are slices that only see frames."""
        self.owned = 0
        for bits in self._owning.values():
            self.owned |= bits
        self._owned = whole.index.region_bits(self.owned)
        self._rules: tuple[FlowspaceRule, ...] | None = None
        self._of_slices: Mapping[str, tuple[FlowspaceRule, ...]] | None = None
        self._highest: int | None = None
        self._above: Mapping[int, tuple[TernaryMatch, ...]] | None = None
        # What is found depends on the bits that rules name alone: most frames, and most matches,
        # are in these the same as one before.
        self._first_of: dict[int, int] = {}
        self._whole_in: dict[tuple[str, int, int], int] = {}

    @property
    def slices(self) -> frozenset[str]:
        """The slices that have to do with the switch."""
        return frozenset(self._owning) | frozenset(self._seeing)

    @property
    def remembered(self) -> tuple[int, int]:
        """How many answers are remembered: owners of frames, regions of matches."""
        return len(self._first_of), len(self._whole_in)

    @property
    def rules(self) -> tuple[FlowspaceRule, ...]:
        """The rules that concern the switch, in their order."""
        if self._rules is None:
            self._rules = tuple(self._rules_in_order())
        return self._rules

    def rules_of(self, slice_name: str) -> tuple[FlowspaceRule, ...]:
        """Return the rules of a slice that concern the switch, in their order."""
        return self._by_slice().get(slice_name, ())

    def _by_slice(self) -> Mapping[str, tuple[FlowspaceRule, ...]]:
        if self._of_slices is None:
            found: defaultdict[str, list[FlowspaceRule]] = defaultdict(list)
            for rule in self.rules:
                found[rule.slice_name].append(rule)
            self._of_slices = {name: tuple(rules) for name, rules in found.items()}
        return self._of_slices

    def _rules_in_order(self) -> list[FlowspaceRule]:
        found: list[FlowspaceRule] = []
        for number in bits_of(self._all):
            rule = self.whole.rule_of[number]
            if not found or found[-1] is not rule:
                found.append(rule)
        return found

    def owner(self, header: int) -> FlowspaceRule | None:
        """Return the rule by which a frame belongs to a slice; None if it belongs to none."""
        whole = self.whole
        number = self._first_of.get(header & whole.index.named)
        if number is None:
            number = self.owning_region(header)
        return None if number < 0 else whole.rule_of[number]

    def owning_region(self, header: int) -> int:
        """Return the number of the region by which a frame belongs to a slice; -1 if to none."""
        index = self.whole.index
        told = header & index.named
        found = self._first_of.get(told)
        if found is None:
            found = index.first(header, self._owned)
            _remember(self._first_of, told, found)
        return found

    def observers(self, header: int) -> list[str]:
        """Return the slices that see a frame and do not own it."""
        if not self._seeing:
            return []
        index = self.whole.index
        return [name for name, bits in self._seeing.items() if index.taking(header, bits)]

    def owns(self, slice_name: str, header: int) -> bool:
        """Tell whether a frame belongs to a slice."""
        rule = self.owner(header)
        return rule is not None and rule.slice_name == slice_name

    def regions(self, slice_name: str, match: TernaryMatch) -> list[int]:
        """Return the numbers of a slice's own regions that a match overlaps, in their order."""
        return self.whole.index.overlapping(match, self._owning.get(slice_name, 0))

    def whole_region(self, slice_name: str, match: TernaryMatch) -> int:
        """Return the number of the region that a match is within, and overlaps no other of a slice.

        -1 if there is none, or it is not certain, or another slice takes all of the match.
        """
        value, mask = match
        named = self.whole.index.named
        told = slice_name, value & named, mask & named
        found = self._whole_in.get(told)
        if found is None:
            found = self._find_whole(slice_name, match)
            _remember(self._whole_in, told, found)
        return found

    def _find_whole(self, slice_name: str, match: TernaryMatch) -> int:
        number = self.whole.index.only(match, self._owning.get(slice_name, 0))
        is_whole = number >= 0 and self.region(number).covers(match)
        return number if is_whole and not self.is_others(number, match) else -1

    def own_regions(self, slice_name: str) -> Iterator[int]:
        """Yield the numbers of all of a slice's own regions."""
        return bits_of(self._owning.get(slice_name, 0))

    def region(self, number: int) -> Region:
        """Return a region by its number."""
        return self.whole.index.regions[number]

    def covers(self, slice_name: str, match: TernaryMatch) -> bool:
        """Tell whether all that a match takes is known to be a slice's own.

        One of its regions takes it all, and none of another slice that comes before takes any.
        """
        own = self._owning.get(slice_name, 0)
        for number in self.whole.index.overlapping(match, own):
            if self.region(number).covers(match):
                earlier = self.owned & ~own & (1 << number) - 1
                return not self.whole.index.any_overlaps(match, earlier)
        return False

    def is_others(self, number: int, part: TernaryMatch) -> bool:
        """Tell whether an earlier region of another slice takes all of a part of a region."""
        return any(self.region(other).covers(part) for other in self.others_before(number, part))

    def others_before(self, number: int, match: TernaryMatch) -> Iterator[int]:
        """Yield those regions before one, of other slices, that a match overlaps."""
        name = self.whole.rule_of[number].slice_name
        earlier = self.owned & (1 << number) - 1 & ~self._owning.get(name, 0)
        yield from self.whole.index.overlapping(match, earlier)

    def parts(self, slice_name: str, match: TernaryMatch, most: int) -> Iterator[TernaryMatch]:
        """Yield the parts of a match that a slice owns frames of; TooManyEntries."""
        for number in self.regions(slice_name, match):
            for part in self.region(number).common(match, most):
                if not self.is_others(number, part):
                    yield part

    @property
    def is_prepared(self) -> bool:
        """Whether :meth:`prepare` has been called."""
        return self._highest is not None and self._of_slices is not None

    def prepare(self) -> None:
        """Work out what a switch asks for first, which takes long of thousands of rules."""
        self.highest_level()
        self._by_slice()
        if self.whole.layout is HEADER_10:
            self.parts_above()

    def parts_above(self) -> Mapping[int, tuple[TernaryMatch, ...]]:
        """Return the matches of each region that is above others.

        Of one that would be too many, a single match that takes more than the region does.
        """
        if self._above is None:
            self._above = {
                number: self._parts_of(number) for number, level in self.levels().items() if level
            }
        return self._above

    def _parts_of(self, number: int) -> tuple[TernaryMatch, ...]:
        region = self.region(number)
        try:
            return tuple(region.common(EVERY_HEADER, MOST_PARTS))
        except TooManyEntries:
            return (region.wanted.spans,)

    def levels(self) -> Mapping[int, int]:
        """Return the level of each region that a slice owns here; see :meth:`Flowspace.levels`."""
        if self._levels is None:
            self._levels = self.whole.levels(self.owned)
        return self._levels

    def highest_level(self) -> int:
        """Return the highest of the levels; 0 where no two slices have frames in common."""
        if self._highest is None:
            self._highest = max(self.levels().values(), default=0)
        return self._highest

    def has_port(self, slice_name: str, port: int) -> bool:
        """Tell whether a slice has a port: frames that come in there may be seen by it."""
        in_port = self.whole.layout["in_port"]
        bits = self._owning.get(slice_name, 0) | self._seeing.get(slice_name, 0)
        return self.whole.index.any_overlaps(in_port.equal_to(port), bits)

    def queues(self, slice_name: str, port: int) -> frozenset[int]:
        """Return the queues that a slice may use on a port."""
        in_port = self.whole.layout["in_port"].equal_to(port)
        found: set[int] = set()
        for number in self.whole.index.overlapping(in_port, self._owning.get(slice_name, 0)):
            found |= self.whole.rule_of[number].queues
        return frozenset(found)


def _remember(answers: dict[Any, int], about: Any, answer: int) -> None:
    if len(answers) >= MOST_REMEMBERED:
        answers.clear()
    answers[about] = answer
