"""Marked switch: the tables of all tenants on a switch that tells their frames apart by a mark.

For switches with several tables (OpenFlow 1.3, report 4): the first gives each frame the mark of
the slice that owns it, in the highest bits of the metadata, and each entry of a tenant asks for
the mark of its slice. So one entry of a tenant is one of the switch, and none takes a frame of
another slice, whatever its match and its priority are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.switch_objects import (
    ObjectKey,
    ObjectKind,
    SwitchObject,
    SwitchObjects,
)
from horizon_ryu.core.slicing.tenant_table import (
    RULES_13,
    FlowChange,
    OutsideFlowspace,
    QuotaExceeded,
    TableChange,
    TenantEntry,
    TenantTables,
)
from horizon_ryu.wire.ternary import HEADER_13, TernaryMatch

MARK_SHIFT = 54
TENANT_METADATA = (1 << MARK_SHIFT) - 1
"""The bits of the metadata that tenants may use."""
MARK_MASK = (1 << 64) - 1 - TENANT_METADATA
MOST_MARKS = (1 << 64 - MARK_SHIFT) - 1
"""Slices on one switch; no frame has the mark 0 in a tenant's table."""
_METADATA = HEADER_13["metadata"]


class MetadataTooWide(ValueError):
    """A tenant's match on bits of the metadata that are not its own."""


def tenant_match(match: TernaryMatch) -> TernaryMatch:
    """Return a match as its tenant sees it: no frame of it has ones in the bits of the mark.

    So a match on all bits of its own is one on all bits; MetadataTooWide if it asks for others.
    """
    if _METADATA.of(match.value) & MARK_MASK:
        raise MetadataTooWide("bits of the metadata that are not the tenant's")
    bits = _METADATA.of(match.mask) & TENANT_METADATA
    if bits == TENANT_METADATA:
        bits |= MARK_MASK
    return TernaryMatch(match.value, match.mask & ~_METADATA.mask | bits << _METADATA.shift)


def marked_match(match: TernaryMatch, mark: int) -> TernaryMatch:
    """Return a tenant's match as the switch has it."""
    shift = _METADATA.shift
    return TernaryMatch(match.value | mark << MARK_SHIFT + shift, match.mask | MARK_MASK << shift)


class MarkNumbers:
    """The marks of slices on one switch; one that is given back is used again as late as can be."""

    def __init__(self, objects: SwitchObjects) -> None:
        """``objects`` is where marks are noted."""
        self._objects = objects
        self._marks: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._last = 0

    def of(self, slice_name: str) -> int | None:
        """Return the mark of a slice, a new one if need be; None if there is none left."""
        mark = self._marks.get(slice_name)
        if mark is None and len(self._marks) < MOST_MARKS:
            mark = self._last % MOST_MARKS + 1
            while mark in self._names:
                mark = mark % MOST_MARKS + 1
            self._last = self._marks[slice_name] = mark
            self._names[mark] = slice_name
            self._objects.put(SwitchObject(ObjectKey(ObjectKind.MARK, slice_name), mark))
        return mark

    def restore(self) -> None:
        """Have the marks that are noted, of whatever slice; no other has been given yet."""
        for key, mark, _ in self._objects.of_kind(ObjectKind.MARK):
            if 0 < mark <= MOST_MARKS and mark not in self._names:
                self._marks[key.slice_name] = mark
                self._names[mark] = key.slice_name
                self._last = max(self._last, mark)

    def slice_of(self, mark: int) -> str | None:
        """Return whose mark it is; None if it is nobody's."""
        return self._names.get(mark)

    def keep(self, names: Iterable[str]) -> None:
        """Give back the marks of all other slices."""
        for name in self._marks.keys() - set(names):
            del self._names[self._marks.pop(name)]
            self._objects.remove(ObjectKind.MARK, name)


class MarkedEntry(NamedTuple):
    """A tenant's entry and what the switch does for it."""

    entry: TenantEntry
    program: Any


class MarkedChanges(NamedTuple):
    """What is to be sent to a switch, in this order."""

    added: tuple[MarkedEntry, ...] = ()
    modified: tuple[MarkedEntry, ...] = ()
    deleted: tuple[TenantEntry, ...] = ()


MarkedSteps: TypeAlias = Iterator[MarkedChanges]
"""What changes, an entry in each step; what is deleted has no place any more."""
Translate = Callable[[TenantEntry], Any]
"""Returns what a tenant's program becomes on the switch; a ValueError to refuse it."""
UsesOf = Callable[[TenantEntry], Iterable[Hashable]]
"""Returns what a tenant's entry needs besides itself: its groups, its meter."""


class MarkedSwitch(TenantTables):
    """What the tenants of one switch have, and what the switch has for them."""

    def __init__(self, flowspace: SwitchFlowspace, translate: Translate, uses_of: UsesOf) -> None:
        super().__init__(flowspace, RULES_13)
        self.marks = MarkNumbers(self.objects)
        self._translate = translate
        self._uses_of = uses_of
        self._installed: dict[int, MarkedEntry] = {}
        self._users: defaultdict[tuple[str, Hashable], set[int]] = defaultdict(set)

    def find(self, entry_id: int) -> TenantEntry | None:
        """Return an entry by its id; None if there is none."""
        found = self._installed.get(entry_id)
        return None if found is None else found.entry

    def installed(self, entry_id: int) -> MarkedEntry | None:
        """Return an entry with what the switch does for it; None if there is none."""
        return self._installed.get(entry_id)

    def users(self, slice_name: str, use: Hashable) -> list[TenantEntry]:
        """Return the entries of a slice that need a thing, in the order in which they came."""
        found = self._users.get((slice_name, use), ())
        return [self._installed[entry_id].entry for entry_id in sorted(found)]

    # ---- flow-mods

    def flow_mod(
        self, slice_name: str, change: FlowChange, quota: int | None = None
    ) -> tuple[TableChange, MarkedChanges]:
        """Carry out a tenant's flow-mod wholly, or not at all; return what changes.

        OutsideFlowspace, QuotaExceeded, OverlappingEntry, and what translating raises.
        ``quota``: the entries that the slice may have on the switch.
        """
        table = self.table(slice_name)
        asked = table.work_out(change)
        if asked.come and quota is not None:
            count = len(table) + len(asked.come) - len(asked.gone)
            if count > quota:
                raise QuotaExceeded(f"{count} entries, at most {quota} are allowed")
        added = tuple(self._marked(entry) for entry in asked.come)
        modified = tuple(self._marked(entry) for _, entry in asked.modified)
        table.apply(asked)
        replaced = {entry.key for entry in asked.come}
        for entry in (*asked.gone, *(old for old, _ in asked.modified)):
            self._forget(entry)
        for one in (*added, *modified):
            self._install(one)
        deleted = tuple(entry for entry in asked.gone if entry.key not in replaced)
        return asked, MarkedChanges(added, modified, deleted)

    def add_plain(self, entry: TenantEntry, program: Any) -> TableChange:
        """Add an entry whose program is known, and which needs no group and no meter.

        Some of its frames must be its slice's.
        """
        table, key = self.table(entry.slice_name), entry.key
        before = table.at(key)
        table.put(key, entry, before)
        if before is not None:
            self._forget(before)
        self._installed[entry.entry_id] = MarkedEntry(entry, program)
        return TableChange(() if before is None else (before,), (entry,))

    def _marked(self, entry: TenantEntry) -> MarkedEntry:
        if not self.flowspace.regions(entry.slice_name, entry.match):
            raise OutsideFlowspace("the match takes no frame of the slice")
        return MarkedEntry(entry, self._translate(entry))

    def _install(self, one: MarkedEntry) -> None:
        self._installed[one.entry.entry_id] = one
        for use in self._uses_of(one.entry):
            self._users[one.entry.slice_name, use].add(one.entry.entry_id)

    def _forget(self, entry: TenantEntry) -> None:
        found = self._installed.pop(entry.entry_id, None)
        if found is None:
            return
        for use in self._uses_of(found.entry):
            users = self._users[entry.slice_name, use]
            users.discard(entry.entry_id)
            if not users:
                del self._users[entry.slice_name, use]

    def modifying(self, pairs: list[tuple[TenantEntry, TenantEntry]]) -> Iterator[MarkedEntry]:
        """Work out what entries become, all or none of them: it raises as :meth:`flow_mod` does."""
        for _, new in pairs:
            yield self._marked(new)

    def modify(self, old: TenantEntry, now: MarkedEntry) -> TableChange | None:
        """Have an entry as another of the same match; None if it has ended meanwhile."""
        table, change = self.table(old.slice_name), TableChange(modified=((old, now.entry),))
        if table.at(old.key) is not old:
            return None
        table.apply(change)
        self._forget(old)
        self._install(now)
        return change

    def end(self, entry: TenantEntry) -> None:
        """Take an entry out that has ended, or that the switch has refused."""
        self._forget(entry)
        self.table(entry.slice_name).remove(entry)

    def restore(self, entry: TenantEntry) -> None:
        """Have an entry again as it was before a change that the switch has refused."""
        self._forget(entry)
        self.table(entry.slice_name).replace(entry)
        self._install(MarkedEntry(entry, self._translate(entry)))

    # ---- the flowspace

    def moving(self, flowspace: SwitchFlowspace) -> MarkedSteps:
        """Take another flowspace, which the entries of all slices follow."""
        self.flowspace = flowspace
        return self.following(list(self._tenants))

    def following(self, names: Iterable[str]) -> MarkedSteps:
        """Work out again what the entries of slices are, one in each step.

        An entry is lost if its slice has lost all of its frames, or may not do any more what it
        does with them: the reason is not asked for. Tenants need not be held for it: each entry
        stands for itself.
        """
        for name in names:
            for entry in self.table(name):
                found = self._installed.get(entry.entry_id)
                if found is not None and found.entry is entry:
                    yield self._followed(entry, found.program)

    def _followed(self, entry: TenantEntry, before: Any) -> MarkedChanges:
        try:
            now = self._marked(entry)
        except ValueError:
            self.end(entry)
            return MarkedChanges(deleted=(entry,))
        if now.program == before:
            return MarkedChanges()
        self._installed[entry.entry_id] = now
        return MarkedChanges(modified=(now,))
