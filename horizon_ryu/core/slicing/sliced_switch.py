"""Sliced switch: the tables of all tenants on one switch, and the entries that they become.

For switches whose entries are told apart by their matches alone (OpenFlow 1.0, report 4.2): a
tenant's entry is installed as its parts within the slice's own flowspace, above all parts of
lower flowspaces. No frame is ever handled by the entry of a slice that does not own it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.installed_table import (
    EndedPiece,
    EntryRemoval,
    InstalledTable,
    Piece,
    SwitchChanges,
    difference,
)
from horizon_ryu.core.slicing.priority_bands import PriorityBands
from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.tenant_table import (
    FlowChange,
    OutsideFlowspace,
    QuotaExceeded,
    TableChange,
    TableRules,
    TenantEntry,
    TenantTables,
)
from horizon_ryu.wire.ternary import TernaryMatch

Translate = Callable[[TenantEntry, TernaryMatch, FlowspaceRule], Any]
"""Returns what a tenant's program becomes in a part of its flowspace; raises to refuse it."""


class Guard(NamedTuple):
    """An entry that takes the frames of a slice to the controller, where it has none for them."""

    match: TernaryMatch
    priority: int
    slice_name: str


class WholePart(NamedTuple):
    """What an entry becomes that lies within one region: the level of that, what frames get."""

    level: int
    program: Any


class SlicedSwitch(TenantTables):
    """What the tenants of one switch have, and what the switch has for them."""

    def __init__(
        self,
        flowspace: SwitchFlowspace,
        rules: TableRules,
        translate: Translate,
        most_pieces: int = 4096,
    ) -> None:
        """``most_pieces``: entries of the switch that one of a tenant may become."""
        super().__init__(flowspace, rules)
        self._translate = translate
        self._most = most_pieces
        self._bands = _bands_of(flowspace)
        self._installed = InstalledTable(self._bands)

    @property
    def installed(self) -> InstalledTable:
        """What the switch has."""
        return self._installed

    @property
    def has_guards(self) -> bool:
        """Whether frames come to the controller by entries of the slicer's."""
        return len(self._bands) > 1

    def drop_place(self, number: int) -> int:
        """Return where frames of a region are dropped that its slice has no entry for."""
        return self._bands.drop(self._levels[number])

    # ---- flow-mods

    def flow_mod(
        self, slice_name: str, change: FlowChange, quota: int | None = None
    ) -> tuple[TableChange, SwitchChanges]:
        """Carry out a tenant's flow-mod wholly, or not at all; return what changes.

        OutsideFlowspace, TooManyEntries, QuotaExceeded, OverlappingEntry, BandFull, and what
        translating raises. ``quota``: the entries that the slice may have on the switch.
        """
        table = self.table(slice_name)
        asked = table.work_out(change)
        coming = [*asked.come, *(new for _, new in asked.modified)]
        pieces = {entry.entry_id: self._pieces(entry) for entry in coming}
        if quota is not None:
            self._check_quota(slice_name, asked, pieces, quota)
        sent = self._installed.change(asked, pieces)
        table.apply(asked)
        return asked, sent

    def whole_part(self, entry: TenantEntry) -> WholePart | None:
        """Return what an entry becomes that lies within one region, as most do, for add_part.

        None if it may be more: then :meth:`flow_mod` does it. Raises what translating raises.
        """
        flowspace, match = self.flowspace, entry.match
        number = flowspace.whole_region(entry.slice_name, match)
        if number < 0:
            return None
        program = self._translate(entry, match, flowspace.whole.rule_of[number])
        return WholePart(flowspace.levels()[number], program)

    def add_part(self, entry: TenantEntry, part: WholePart) -> int | None:
        """Add an entry that becomes one of the switch's; return its priority there.

        None, and nothing has changed, if others have to move.
        """
        level, program = part
        table, key = self.table(entry.slice_name), entry.key
        before = table.at(key)
        if before is None:
            place = self._installed.add_single(entry, level, program)
        else:
            place = self._installed.replace_single(before, entry, level, program)
        if place is not None:
            table.put(key, entry, before)
        return place

    def _check_quota(
        self,
        slice_name: str,
        asked: TableChange,
        pieces: Mapping[int, Sequence[Piece]],
        quota: int,
    ) -> None:
        leaving = [*asked.gone, *(old for old, _ in asked.modified)]
        count = self._installed.count(slice_name) + sum(map(len, pieces.values()))
        count -= sum(len(self._installed.pieces(entry)) for entry in leaving)
        if asked.come and count > quota:
            raise QuotaExceeded(f"{count} entries, at most {quota} are allowed")

    def _pieces(self, entry: TenantEntry) -> list[Piece]:
        """Return the parts of an entry; OutsideFlowspace if there are none, TooManyEntries."""
        found: dict[tuple[TernaryMatch, int], Piece] = {}
        numbers = self.flowspace.regions(entry.slice_name, entry.match)
        for number in numbers:
            rule, level = self.flowspace.whole.rule_of[number], self._levels[number]
            for match in self.flowspace.region(number).common(entry.match, self._most):
                if (match, level) not in found and not self._is_others(number, match):
                    program = self._translate(entry, match, rule)
                    found[match, level] = Piece(match, level, program)
            if len(found) > self._most:
                raise TooManyEntries(f"more than {self._most} flow entries")
        if not found:
            raise OutsideFlowspace("the match takes no frame of the slice")
        return list(found.values())

    @property
    def _levels(self) -> Mapping[int, int]:
        return self.flowspace.levels()

    def _is_others(self, number: int, match: TernaryMatch) -> bool:
        """Tell whether another slice takes all of a part; none can at the highest level."""
        is_highest = self._levels[number] == len(self._bands) - 1
        return not is_highest and self.flowspace.is_others(number, match)

    def drop(self, entry: TenantEntry) -> SwitchChanges:
        """End an entry that the switch has refused a piece of; return what takes back the rest."""
        change = TableChange(gone=(entry,))
        self.table(entry.slice_name).apply(change)
        return self._installed.change(change, {})

    # ---- what the switch does by itself

    def removed(self, removal: EntryRemoval, now: float) -> EndedPiece | None:
        """Take note of an entry that the switch removed; None if it is none of the tenants'."""
        ended = self._installed.removed(removal, now)
        if ended is not None and ended.is_last:
            self.table(ended.owner.slice_name).remove(ended.owner)
        return ended

    # ---- the flowspace

    def guards(self) -> Iterator[Guard]:
        """Yield the entries that keep a slice's frames from entries of lower flowspaces."""
        for number, matches in self.flowspace.parts_above().items():
            place = self._bands.guard(self._levels[number])
            name = self.flowspace.whole.rule_of[number].slice_name
            for match in matches:
                yield Guard(match, place, name)

    def set_flowspace(self, flowspace: SwitchFlowspace) -> tuple[SwitchChanges, list[TenantEntry]]:
        """Take another flowspace; return what changes, and entries that have no place in it.

        An entry has none if its slice has lost all of its frames, or may not do any more what it
        does with them: the reason is not asked for.
        """
        before, names = self._installed, list(self._tenants)
        self.flowspace = flowspace
        self._bands = _bands_of(flowspace)
        self._installed = InstalledTable(self._bands)
        lost: list[TenantEntry] = []
        for name in names:
            for entry in self._tenants[name]:
                if not self._keep(entry):
                    self._tenants[name].remove(entry)
                    lost.append(entry)
        return difference(before, self._installed), lost

    def others_than_staying(self, flowspace: SwitchFlowspace) -> list[str] | None:
        """Return the slices whose entries another flowspace may change; None if it may be all.

        Where no two slices have frames in common, neither before nor then, what the entries of a
        slice are depends on its own rules alone.
        """
        before = self.flowspace
        if before.highest_level() or flowspace.highest_level():
            return None
        return [name for name in self._tenants if before.rules_of(name) != flowspace.rules_of(name)]

    def forget(self, slice_name: str) -> None:
        """Keep nothing of a slice that has nothing here any more."""
        super().forget(slice_name)
        self._installed.forget(slice_name)

    def move(
        self, flowspace: SwitchFlowspace, names: Iterable[str]
    ) -> tuple[SwitchChanges, list[TenantEntry]]:
        """Take another flowspace, in which the entries of all slices but ``names`` stay.

        Returns what changes, and entries that have no place in it; see :meth:`set_flowspace`.
        """
        self.flowspace = flowspace
        lost: list[TenantEntry] = []
        pieces: dict[int, list[Piece]] = {}
        kept: list[tuple[TenantEntry, TenantEntry]] = []
        for entry in [entry for name in names for entry in self.table(name)]:
            try:
                pieces[entry.entry_id] = self._pieces(entry)
            except ValueError:
                lost.append(entry)
            else:
                kept.append((entry, entry))
        change = TableChange(gone=tuple(lost), modified=tuple(kept))
        sent = self._installed.change(change, pieces)
        for entry in lost:
            self.table(entry.slice_name).remove(entry)
        return sent, lost

    def follow(
        self, flowspace: SwitchFlowspace, entries: Iterable[TenantEntry]
    ) -> tuple[SwitchChanges, list[TenantEntry]]:
        """Take a flowspace of the same rules, and work out entries that something else changes.

        Returns what changes, and entries that may not do any more what they do.
        """
        self.flowspace = flowspace
        sent, lost = [], []
        for entry in entries:
            try:
                pieces = {entry.entry_id: self._pieces(entry)}
            except ValueError:
                sent.append(self.drop(entry))
                lost.append(entry)
            else:
                same = TableChange(modified=((entry, entry),))
                sent.append(self._installed.change(same, pieces))
        parts = zip(*sent, strict=True)
        return SwitchChanges(*(tuple(chain.from_iterable(part)) for part in parts)), lost

    def _keep(self, entry: TenantEntry) -> bool:
        try:
            pieces = self._pieces(entry)
            self._installed.change(TableChange(come=(entry,)), {entry.entry_id: pieces})
        except ValueError:
            return False
        return True


def _bands_of(flowspace: SwitchFlowspace) -> PriorityBands:
    return PriorityBands(1 + flowspace.highest_level())
