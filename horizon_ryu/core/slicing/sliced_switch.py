"""Sliced switch: the tables of all tenants on one switch, and the entries that they become.

For switches whose entries are told apart by their matches alone (OpenFlow 1.0, report 4.2): a
tenant's entry is installed as its parts within the slice's own flowspace, above all parts of
lower flowspaces. No frame is ever handled by the entry of a slice that does not own it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, NamedTuple

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.installed_table import InstalledTable
from horizon_ryu.core.slicing.priority_bands import PriorityBands
from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.switch_entries import (
    Address,
    EndedPiece,
    EntryRemoval,
    Piece,
    SwitchChanges,
)
from horizon_ryu.core.slicing.table_transition import MoveStep, Steps, TableTransition
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
        self._coming: InstalledTable | None = None

    @property
    def installed(self) -> InstalledTable:
        """What the switch has."""
        return self._installed

    @property
    def is_rebuilding(self) -> bool:
        """Whether it is not known yet what the switch is to have, by another flowspace."""
        return self._coming is not None

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

    def modifying(self, pairs: list[tuple[TenantEntry, TenantEntry]]) -> Iterator[SwitchChanges]:
        """Have entries as others of the same matches, all or none of them; what raises is first.

        Each step is one of them: first what it is to be, then that it is so, the last one first.
        ``pairs`` is emptied: to free all of it at once would take long.
        """
        pieces: list[list[Piece]] = []
        for _, new in pairs:
            pieces.append(self._pieces(new))
            yield SwitchChanges()
        while pairs:
            (old, new), its = pairs.pop(), pieces.pop()
            if self._has(old):
                change = TableChange(modified=((old, new),))
                sent = self._installed.change(change, {new.entry_id: its})
                self.table(new.slice_name).apply(change)
                yield sent

    def drop(self, entry: TenantEntry) -> SwitchChanges:
        """End an entry that the switch has refused a piece of; return what takes back the rest."""
        change = TableChange(gone=(entry,))
        self.table(entry.slice_name).apply(change)
        self._forget_coming(entry)
        return self._installed.change(change, {})

    # ---- what the switch does by itself

    def removed(self, removal: EntryRemoval, now: float) -> EndedPiece | None:
        """Take note of an entry that the switch removed; None if it is none of the tenants'."""
        ended = self._installed.removed(removal, now)
        if ended is not None and ended.is_last:
            self._forget_coming(ended.owner)
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

    def guarded(self) -> set[Address]:
        """Return where the guards stand."""
        return {(guard.match, guard.priority) for guard in self.guards()}

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

    def moving(self, flowspace: SwitchFlowspace, names: Iterable[str]) -> Steps:
        """Take another flowspace, in which the entries of all slices but ``names`` stay."""
        self.flowspace = flowspace
        return self.following(entry for name in names for entry in self.table(name))

    def following(self, entries: Iterable[TenantEntry]) -> Steps:
        """Work out entries that something else changes; meanwhile their tenants are held.

        An entry is lost if its slice has lost all of its frames, or may not do any more what it
        does with them: the reason is not asked for. All that comes is there before anything goes,
        so that a frame is always handled as before or as after.
        """
        going: list[tuple[TenantEntry, list[Piece]]] = []
        of_priority: defaultdict[int, list[TenantEntry]] = defaultdict(list)
        for entry in entries:
            of_priority[entry.priority].append(entry)
            yield MoveStep()
        for priority in sorted(of_priority, reverse=True):
            for entry in of_priority.pop(priority):
                if self._has(entry):
                    changes, stay = self._widened(entry)
                    going.append((entry, stay))
                    yield MoveStep(changes)
        while going:
            entry, stay = going.pop()
            if self._has(entry):
                yield self._narrowed(entry, stay)
        self._installed.all_have_moved()

    def _widened(self, entry: TenantEntry) -> tuple[SwitchChanges, list[Piece]]:
        """Let an entry have what it is to have; return what changes, and that, nothing if lost."""
        try:
            pieces = self._pieces(entry)
            return self._installed.widen(entry, pieces), pieces
        except ValueError:
            return SwitchChanges(), []

    def _narrowed(self, entry: TenantEntry, stay: list[Piece]) -> MoveStep:
        if stay:
            return MoveStep(self._installed.narrow(entry, stay))
        return MoveStep(self.drop(entry), entry)

    def rebuilding(
        self, flowspace: SwitchFlowspace, guards: AbstractSet[Address]
    ) -> Generator[None, None, TableTransition]:
        """Take another flowspace, by which any entry may stand elsewhere; return the way there.

        Meanwhile all tenants are held. ``guards``: where the switch has those of the flowspace
        before.
        """
        self.flowspace, self._bands = flowspace, _bands_of(flowspace)
        after = self._coming = InstalledTable(self._bands)
        return self._rebuilt(after, guards)

    def _rebuilt(
        self, after: InstalledTable, guards: AbstractSet[Address]
    ) -> Generator[None, None, TableTransition]:
        lost: list[TenantEntry] = []
        for entry in chain.from_iterable(list(self._tenants.values())):
            if self._has(entry) and not self._kept(entry, after):
                self.table(entry.slice_name).remove(entry)
                lost.append(entry)
            yield None
        before, self._installed, self._coming = self._installed, after, None
        found = TableTransition(before, after, guards, self.guarded(), lost)
        yield from found.work_out()
        return found

    def _has(self, entry: TenantEntry) -> bool:
        """Tell whether an entry is there, as it is."""
        return self.table(entry.slice_name).at(entry.key) is entry

    def _kept(self, entry: TenantEntry, table: InstalledTable) -> bool:
        """Tell whether an entry has a place in a table that is built, and give it that."""
        try:
            pieces = self._pieces(entry)
            table.change(TableChange(come=(entry,)), {entry.entry_id: pieces})
        except ValueError:
            return False
        return True

    def _forget_coming(self, entry: TenantEntry) -> None:
        """Have an entry that has ended no more in the table that is built meanwhile, either."""
        if self._coming is not None and self._coming.holds(entry.entry_id):
            self._coming.change(TableChange(gone=(entry,)), {})


def _bands_of(flowspace: SwitchFlowspace) -> PriorityBands:
    return PriorityBands(1 + flowspace.highest_level())
