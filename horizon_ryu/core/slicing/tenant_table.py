"""Table of a tenant: the flow entries that a slice believes a switch has, as it wrote them.

It follows OpenFlow 1.0.0 section 4.6 and 1.3.5 section 6.4, as a switch of the slice's own would.
What a flow-mod would change is worked out first and carried out by :meth:`TenantTable.apply`, so
that a flow-mod that is refused on the way changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, TypeAlias

from horizon_ryu.core.slicing.flowspace import SwitchFlowspace
from horizon_ryu.core.slicing.overlap_index import OverlapIndex
from horizon_ryu.core.slicing.switch_objects import ObjectListener, SwitchObjects
from horizon_ryu.wire.ternary import TernaryMatch


class TableCommand(IntEnum):
    """Commands of a flow-mod, the same numbers in both versions."""

    ADD = 0
    MODIFY = 1
    MODIFY_STRICT = 2
    DELETE = 3
    DELETE_STRICT = 4


class OutsideFlowspace(ValueError):
    """A tenant's entry takes no frame of its slice."""


class QuotaExceeded(ValueError):
    """A slice would have more entries on a switch than it may."""


class OverlappingEntry(ValueError):
    """An entry that was to be added only if it overlaps none of its priority does overlap one."""


EntryKey: TypeAlias = tuple[int, TernaryMatch, int]
"""Table, match and priority of an entry."""


class TenantEntry(NamedTuple):
    """A flow entry as its tenant wrote it.

    ``entry_id`` tells it from all others of the switch. ``program`` is what is done with frames:
    whatever the version has, compared by value. Timeouts in seconds, 0 for none. ``since`` is when
    it was made. ``wants_removal``: its tenant is to be told when it ends.
    """

    entry_id: int
    slice_name: str
    match: TernaryMatch
    priority: int
    cookie: int
    program: Any
    idle_timeout: int = 0
    hard_timeout: int = 0
    flags: int = 0
    wants_removal: bool = False
    since: float = 0.0
    table_id: int = 0

    @property
    def key(self) -> EntryKey:
        """What no two entries of a tenant share."""
        return self.table_id, self.match, self.priority


class FlowChange(NamedTuple):
    """A flow-mod: a command and the entry that it describes.

    ``table_id`` None is every table. ``cookie_mask`` bits of the cookie must be the same in what is
    changed. ``selects`` tells, of an entry, whether the filters on ports and groups let it through.
    """

    command: TableCommand
    entry: TenantEntry
    every_table: bool = False
    cookie_mask: int = 0
    check_overlap: bool = False
    selects: Callable[[TenantEntry], bool] | None = None

    def lets_through(self, one: TenantEntry) -> bool:
        """Tell whether a command is for an entry, if that is within its match."""
        return (
            (self.every_table or one.table_id == self.entry.table_id)
            and (one.cookie ^ self.entry.cookie) & self.cookie_mask == 0
            and (self.selects is None or self.selects(one))
        )


class TableChange(NamedTuple):
    """What a flow-mod does to a table: entries that go, that come, and that get another program."""

    gone: tuple[TenantEntry, ...] = ()
    come: tuple[TenantEntry, ...] = ()
    modified: tuple[tuple[TenantEntry, TenantEntry], ...] = ()


class TableRules(NamedTuple):
    """What the versions see differently: a MODIFY that finds nothing adds; one sets the cookie."""

    modify_adds: bool
    modify_sets_cookie: bool


RULES_10 = TableRules(modify_adds=True, modify_sets_cookie=True)
RULES_13 = TableRules(modify_adds=False, modify_sets_cookie=False)


class TableListener(ObjectListener, Protocol):
    """Who is told what becomes of the tables of tenants."""

    def put(self, entry: TenantEntry) -> None:
        """Tell that there is an entry, or that the one of its id is so now."""

    def gone(self, entry: TenantEntry) -> None:
        """Tell that an entry is there no more."""


class TenantTable:
    """The entries of one slice on one switch, all tables of it."""

    def __init__(self, rules: TableRules) -> None:
        self._rules = rules
        self.listener: TableListener | None = None
        self._entries: dict[EntryKey, TenantEntry] = {}
        self._overlaps: OverlapIndex | None = None
        """There is one from the first entry on that was added only if it overlaps no other."""

    def __iter__(self) -> Iterator[TenantEntry]:
        return iter(tuple(self._entries.values()))

    def at(self, key: EntryKey) -> TenantEntry | None:
        """Return the entry with a key; None if there is none."""
        return self._entries.get(key)

    def __len__(self) -> int:
        return len(self._entries)

    def work_out(self, change: FlowChange) -> TableChange:
        """Return what a flow-mod would do; OverlappingEntry."""
        command = change.command
        if command is TableCommand.ADD:
            return self._added(change)
        found = self.selected(change)
        if command in (TableCommand.DELETE, TableCommand.DELETE_STRICT):
            return TableChange(gone=tuple(found))
        if not found and self._rules.modify_adds:
            return self._added(change)
        return TableChange(modified=tuple((one, self._modified(one, change)) for one in found))

    def _added(self, change: FlowChange) -> TableChange:
        entry = change.entry
        before = self._entries.get(entry.key)
        if change.check_overlap and before is None and self._overlapped(entry):
            raise OverlappingEntry(f"an entry of priority {entry.priority} overlaps it")
        return TableChange(gone=() if before is None else (before,), come=(entry,))

    def _overlapped(self, entry: TenantEntry) -> bool:
        if self._overlaps is None:
            self._overlaps = OverlapIndex(self._entries)
        return self._overlaps.overlaps(entry.key)

    def _modified(self, entry: TenantEntry, change: FlowChange) -> TenantEntry:
        cookie = change.entry.cookie if self._rules.modify_sets_cookie else entry.cookie
        return entry._replace(program=change.entry.program, cookie=cookie)

    def selected(self, change: FlowChange) -> list[TenantEntry]:
        """Return the entries that a command is for: one if strict, else all within its match."""
        asked = change.entry
        if change.command in (TableCommand.MODIFY_STRICT, TableCommand.DELETE_STRICT):
            found = self._named(asked, change.every_table)
        else:
            found = [one for one in self._entries.values() if asked.match.covers(one.match)]
        return [one for one in found if change.lets_through(one)]

    def selecting(
        self, change: FlowChange
    ) -> Generator[None, None, list[tuple[TenantEntry, TenantEntry]]]:
        """Return the entries that a command which is not strict is for, the last one first.

        Each is with what a MODIFY makes of it. One is looked at in each step.
        """
        found: list[tuple[TenantEntry, TenantEntry]] = []
        is_modify = change.command is TableCommand.MODIFY
        covers = change.entry.match.covers
        for one in self:
            if covers(one.match) and change.lets_through(one):
                found.append((one, self._modified(one, change) if is_modify else one))
            yield None
        found.reverse()
        return found

    def _named(self, asked: TenantEntry, every_table: bool) -> list[TenantEntry]:
        """Return the entries with this very match and priority, in one table or in all."""
        if every_table:
            wanted = asked.key[1:]
            return [one for key, one in self._entries.items() if key[1:] == wanted]
        one = self._entries.get(asked.key)
        return [] if one is None else [one]

    def apply(self, change: TableChange) -> None:
        """Carry out what :meth:`work_out` returned."""
        for entry in change.gone:
            self._drop(entry.key)
        for _, entry in change.modified:
            self._entries[entry.key] = entry
        for entry in change.come:
            self._have(entry.key, entry)
        if self.listener is not None:
            self._tell(self.listener, change)

    def _have(self, key: EntryKey, entry: TenantEntry) -> None:
        self._entries[key] = entry
        if self._overlaps is not None:
            self._overlaps.add(key)

    def _drop(self, key: EntryKey) -> None:
        del self._entries[key]
        if self._overlaps is not None:
            self._overlaps.remove(key)

    def _tell(self, listener: TableListener, change: TableChange) -> None:
        for entry in change.gone:
            listener.gone(entry)
        for _, entry in change.modified:
            listener.put(entry)
        for entry in change.come:
            listener.put(entry)

    def put(self, key: EntryKey, entry: TenantEntry, before: TenantEntry | None) -> None:
        """Put an entry in, which is the newest; ``before`` is the one with its key, if any."""
        listener = self.listener
        if before is not None:
            # The newest is the last one: that it is replaced is not enough.
            del self._entries[key]
            if listener is not None:
                listener.gone(before)
        self._have(key, entry)
        if listener is not None:
            listener.put(entry)

    def remove(self, entry: TenantEntry) -> None:
        """Take out an entry that has ended by itself, if it is still there."""
        if self._entries.get(entry.key) is entry:
            self._drop(entry.key)
            if self.listener is not None:
                self.listener.gone(entry)

    def replace(self, entry: TenantEntry) -> None:
        """Put an entry in the place of the one with its key."""
        before = self._entries.get(entry.key)
        self._have(entry.key, entry)
        if self.listener is not None:
            if before is not None and before.entry_id != entry.entry_id:
                self.listener.gone(before)
            self.listener.put(entry)


class TenantTables:
    """The tables of all tenants of one switch, and whose frames are whose there."""

    def __init__(self, flowspace: SwitchFlowspace, rules: TableRules) -> None:
        self.flowspace = flowspace
        """Whose frames are whose here."""
        self._rules = rules
        self._tenants: dict[str, TenantTable] = {}
        self._listener: TableListener | None = None
        self.objects = SwitchObjects()
        """What entries name besides ports: there is some where frames are marked."""

    def listen(self, listener: TableListener | None) -> None:
        """Have one told what becomes of the tables from now on; None: nobody."""
        self._listener = listener
        self.objects.listen(listener)
        for table in self._tenants.values():
            table.listener = listener

    def every_entry(self) -> Iterator[TenantEntry]:
        """Yield what all slices have here, the oldest first."""
        found = [entry for table in self._tenants.values() for entry in table]
        return iter(sorted(found, key=lambda entry: entry.entry_id))

    def table(self, slice_name: str) -> TenantTable:
        """Return what a slice has here."""
        found = self._tenants.get(slice_name)
        if found is None:
            found = self._tenants[slice_name] = TenantTable(self._rules)
            found.listener = self._listener
        return found

    def forget(self, slice_name: str) -> None:
        """Keep nothing of a slice that has nothing here any more: others may come, without end."""
        if not self._tenants.get(slice_name):
            self._tenants.pop(slice_name, None)
