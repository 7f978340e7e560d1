"""Classification: the entries of a switch's first table, which tell whose frame each one is.

One for each part of a region, higher where a region must come before one of another slice. Where
an entry cannot be had, because a region has too many parts or the switch refuses one, nobody else
gets those frames: entries below it that would take some are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.wire.ternary import EVERY_HEADER, TernaryMatch

LEAST_PRIORITY = 16
"""Of an entry that tells a slice; two for each level of the flowspace."""
_MOST_LEVELS = 32_000
DEFAULT_MOST_PARTS = 65_536


class Treatment(NamedTuple):
    """What is done with those frames of a slice that a match takes, before its tenant has them."""

    match: TernaryMatch
    program: Any


class ClassEntry(NamedTuple):
    """An entry of the first table; what it does with a frame is a matter of the version."""

    match: TernaryMatch
    priority: int
    slice_name: str
    program: Any

    @property
    def address(self) -> Address:
        """What no two entries of a table share."""
        return self.match, self.priority

    @property
    def is_above_others(self) -> bool:
        """Whether it may take frames that would be another slice's without it."""
        return self.priority > LEAST_PRIORITY + 1

    def stands_above(self, other: ClassEntry) -> bool:
        """Tell whether it takes frames, for another slice, that would be the other's without it."""
        return (
            self.priority > other.priority
            and self.slice_name != other.slice_name
            and self.match.overlaps(other.match)
        )


Address = tuple[TernaryMatch, int]
TreatmentsOf = Callable[[int], Sequence[Treatment]]
"""Returns, of a region by its number, the treatments: the first of all frames, then special ones.

None at all where the slice cannot be told apart.
"""


class Classification(NamedTuple):
    """The entries by their addresses, and the slices that are not whole in them."""

    entries: Mapping[Address, ClassEntry]
    lacking: frozenset[str] = frozenset()


class Classifying:
    """Classification in the making: :meth:`steps`, each of them short, then :attr:`result`."""

    def __init__(
        self,
        flowspace: SwitchFlowspace,
        treatments: TreatmentsOf,
        refused: Iterable[ClassEntry] = (),
        most: int = DEFAULT_MOST_PARTS,
    ) -> None:
        """``refused`` is what the switch has; ``most``: entries that one region may become."""
        self._flowspace = flowspace
        self._treatments = treatments
        self._refused = list(refused)
        self._most = most
        self._found: dict[Address, ClassEntry] = {}
        self._missing: list[tuple[int, int]] = []
        self._lacking: set[str] = set()

    @property
    def result(self) -> Classification:
        """What has been worked out, when all steps are taken."""
        return Classification(self._found, frozenset(self._lacking))

    def steps(self) -> Iterator[None]:
        """Work it out; after each step others may have their turn."""
        levels = self._flowspace.levels()
        for number in sorted(levels):
            yield from self._region(number, levels[number])
        if self._missing or self._refused:
            yield from self._leave_out()

    def _region(self, number: int, level: int) -> Iterator[None]:
        priority = LEAST_PRIORITY + 2 * min(level, _MOST_LEVELS)
        own = self._treatments(number)
        try:
            matches = self._flowspace.region(number).parts(EVERY_HEADER, self._most)
        except TooManyEntries:
            own = ()
        if not own or level > _MOST_LEVELS:
            self._missing.append((number, priority))
            return
        name = self._flowspace.whole.rule_of[number].slice_name
        for entry in _entries(matches, priority, name, own):
            self._found.setdefault(entry.address, entry)
            yield

    def _leave_out(self) -> Iterator[None]:
        """Leave out what would take frames of regions and entries that cannot be had."""
        rule_of = self._flowspace.whole.rule_of
        found = self._found
        refused = [one for one in self._refused if found.get(one.address) == one]
        for one in refused:
            self._lacking.add(found.pop(one.address).slice_name)
        refused = [one for one in refused if one.is_above_others]
        self._lacking.update(rule_of[number].slice_name for number, _ in self._missing)
        for address in list(found):
            entry = found[address]
            if any(one.stands_above(entry) for one in refused) or self._is_missed(entry):
                self._lacking.add(entry.slice_name)
                del found[address]
            yield

    def _is_missed(self, entry: ClassEntry) -> bool:
        """Tell whether an entry may take frames of a region above it that has none."""
        whole = self._flowspace.whole
        return any(
            whole.rule_of[number].slice_name != entry.slice_name
            and priority > entry.priority
            and self._flowspace.region(number).overlaps(entry.match)
            for number, priority in self._missing
        )


def classify(
    flowspace: SwitchFlowspace,
    treatments: TreatmentsOf,
    refused: Iterable[ClassEntry] = (),
    most: int = DEFAULT_MOST_PARTS,
) -> Classification:
    """Return the entries for a flowspace at a stretch; see :class:`Classifying`."""
    work = Classifying(flowspace, treatments, refused, most)
    for _ in work.steps():
        pass
    return work.result


def _entries(
    matches: Iterable[TernaryMatch], priority: int, name: str, own: Sequence[Treatment]
) -> Iterable[ClassEntry]:
    for match in matches:
        for at, treatment in enumerate(own):
            both = match.intersection(treatment.match)
            if both is not None:
                yield ClassEntry(both, priority + min(at, 1), name, treatment.program)
