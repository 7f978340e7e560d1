"""Classification: the entries of a switch's first table, which tell whose frame each one is.

One for each part of a region, higher where a region must come before one of another slice. Where
an entry cannot be had, because a region has too many parts or the switch refuses one, nobody else
gets those frames: entries below it that would take some are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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


Address = tuple[TernaryMatch, int]
TreatmentsOf = Callable[[int], Sequence[Treatment]]
"""Returns, of a region by its number, the treatments: the first of all frames, then special ones.

None at all where the slice cannot be told apart.
"""


class Classification(NamedTuple):
    """The entries by their addresses, and the slices that are not whole in them."""

    entries: Mapping[Address, ClassEntry]
    lacking: frozenset[str] = frozenset()


def classify(
    flowspace: SwitchFlowspace,
    treatments: TreatmentsOf,
    refused: Iterable[ClassEntry] = (),
    most: int = DEFAULT_MOST_PARTS,
) -> Classification:
    """Return the entries for a flowspace, without what a switch has ``refused``.

    ``most``: entries that one region may become.
    """
    found: dict[Address, ClassEntry] = {}
    missing: list[tuple[int, int]] = []
    levels = flowspace.levels()
    for number in sorted(levels):
        priority = LEAST_PRIORITY + 2 * min(levels[number], _MOST_LEVELS)
        own = treatments(number)
        try:
            matches = flowspace.region(number).common(EVERY_HEADER, most)
        except TooManyEntries:
            matches = []
        if not matches or not own or levels[number] > _MOST_LEVELS:
            missing.append((number, priority))
            continue
        name = flowspace.whole.rule_of[number].slice_name
        for entry in _entries(matches, priority, name, own):
            found.setdefault(entry.address, entry)
    return _without(flowspace, found, missing, list(refused))


def _entries(
    matches: Iterable[TernaryMatch], priority: int, name: str, own: Sequence[Treatment]
) -> Iterable[ClassEntry]:
    for match in matches:
        for at, treatment in enumerate(own):
            both = match.intersection(treatment.match)
            if both is not None:
                yield ClassEntry(both, priority + min(at, 1), name, treatment.program)


def _without(
    flowspace: SwitchFlowspace,
    found: dict[Address, ClassEntry],
    missing: Sequence[tuple[int, int]],
    refused: Sequence[ClassEntry],
) -> Classification:
    """Leave out what would take frames of regions and entries that cannot be had."""
    rule_of = flowspace.whole.rule_of
    gone = {one.address for one in refused if found.get(one.address) == one}
    refused = [one for one in refused if one.address in gone]
    kept = {
        address: entry
        for address, entry in found.items()
        if address not in gone
        and not any(
            one.slice_name != entry.slice_name
            and one.priority > entry.priority
            and one.match.overlaps(entry.match)
            for one in refused
        )
        and not any(
            rule_of[number].slice_name != entry.slice_name
            and priority > entry.priority
            and flowspace.region(number).overlaps(entry.match)
            for number, priority in missing
        )
    }
    lacking = {one.slice_name for one in found.values() if one.address not in kept}
    lacking |= {rule_of[number].slice_name for number, _ in missing}
    return Classification(kept, frozenset(lacking))


def steps(
    before: Mapping[Address, ClassEntry], after: Mapping[Address, ClassEntry]
) -> tuple[list[ClassEntry], list[ClassEntry]]:
    """Return what is to be added, then what is to be deleted, each in its order.

    From the highest down, then from the lowest up: at each moment a frame is handled as before
    or as after, never by a slice that it belongs to neither before nor after.
    """
    added = [entry for address, entry in after.items() if before.get(address) != entry]
    deleted = [entry for address, entry in before.items() if address not in after]
    added.sort(key=lambda entry: -entry.priority)
    deleted.sort(key=lambda entry: entry.priority)
    return added, deleted
