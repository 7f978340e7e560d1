"""Kept tables: what tenants have on switches that are away, and had when an engine was killed."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.core.slicing.table_record import (
    RecordedSwitch,
    all_records,
    entry_gone,
    entry_put,
    object_gone,
    object_put,
)
from horizon_ryu.core.slicing.tenant_table import TenantEntry, TenantTables
from horizon_ryu.slicer.table_journal import TableJournal

MOST_AWAY = 4096
"""Switches that are away and have entries: what an older one had is forgotten."""
_RANDOM_BITS = 30
_LEAP = 1 << 32


class KeptSwitch(NamedTuple):
    """What slices had on a switch: entries, the oldest first, and what those name."""

    entries: tuple[TenantEntry, ...] = ()
    objects: tuple[SwitchObject, ...] = ()

    def first_id(self) -> int:
        """Return the id before those of new entries: above all that were ever given there."""
        given = (one.real for one in self.objects if one.key.kind is ObjectKind.IDS)
        return first_id(self.entries, max(given, default=0))


class KeptTables:
    """The tables of all switches that were ever here; with a journal, of earlier engines, too."""

    def __init__(self) -> None:
        self._away: OrderedDict[RecordedSwitch, KeptSwitch] = OrderedDict()
        self._here: dict[RecordedSwitch, TenantTables] = {}
        self._journal: TableJournal | None = None

    def open(self, path: Path, failed: Callable[[str], None]) -> int:
        """Go on with the tables of an earlier engine; return how many switches have some."""
        self._journal = TableJournal(path, self._records, failed)
        found = self._journal.open()
        for switch in {**found.switches, **found.objects}:
            entries = found.switches.get(switch, {})
            self._away[switch] = KeptSwitch(
                tuple(entry for _, entry in sorted(entries.items())),
                tuple(found.objects.get(switch, {}).values()),
            )
        return len(self._away)

    def close(self) -> None:
        """Let go of the file."""
        if self._journal is not None:
            self._journal.close()

    def flush(self) -> None:
        """Have what was noted written, before switches are told of it."""
        if self._journal is not None:
            self._journal.flush()

    def had(self, switch: RecordedSwitch) -> KeptSwitch | None:
        """Return what tenants had on a switch; None if it was never here."""
        return self._away.pop(switch, None)

    @property
    def is_broken(self) -> bool:
        """Whether what is on disk is old, since it could not be written."""
        return self._journal is not None and self._journal.is_broken

    def follow(
        self, switch: RecordedSwitch, tables: TenantTables, lost: list[TenantEntry], first: int = 0
    ) -> None:
        """Note what becomes of the tables of a switch that is here; ``lost`` is there no more.

        ``first``: the id before those of its new entries.
        """
        listener = _SwitchListener(switch, self._journal)
        for entry in lost:
            listener.gone(entry)
        self._here[switch] = tables
        tables.objects.put(SwitchObject(ObjectKey(ObjectKind.IDS, ""), first))
        tables.listen(listener)

    def keep(self, switch: RecordedSwitch, tables: TenantTables) -> None:
        """Keep the tables of a switch that leaves."""
        if self._here.get(switch) is not tables:
            return
        del self._here[switch]
        tables.listen(None)
        self._away[switch] = _kept(tables)
        self._away.move_to_end(switch)
        while len(self._away) > MOST_AWAY:
            oldest, had = self._away.popitem(last=False)
            listener = _SwitchListener(oldest, self._journal)
            for entry in had.entries:
                listener.gone(entry)
            for one in had.objects:
                listener.object_gone(one.key)

    def _records(self) -> bytes:
        here = {switch: _kept(tables) for switch, tables in self._here.items()}
        switches = [*self._away.items(), *here.items()]
        objects = (object_put(switch, one) for switch, had in switches for one in had.objects)
        return all_records((switch, had.entries) for switch, had in switches) + b"".join(objects)


def _kept(tables: TenantTables) -> KeptSwitch:
    return KeptSwitch(tuple(tables.every_entry()), tuple(tables.objects))


class _SwitchListener:
    """Notes what becomes of the tables of one switch."""

    def __init__(self, switch: RecordedSwitch, journal: TableJournal | None) -> None:
        self._switch = switch
        self._journal = journal

    def put(self, entry: TenantEntry) -> None:
        """Note an entry as it is now."""
        if self._journal is not None:
            self._journal.add(entry_put(self._switch, entry))

    def gone(self, entry: TenantEntry) -> None:
        """Note that an entry is there no more."""
        if self._journal is not None:
            self._journal.add(entry_gone(self._switch, entry.entry_id))

    def object_put(self, one: SwitchObject) -> None:
        """Note an object as it is now."""
        if self._journal is not None:
            self._journal.add(object_put(self._switch, one))

    def object_gone(self, key: ObjectKey) -> None:
        """Note that an object is there no more."""
        if self._journal is not None:
            self._journal.add(object_gone(self._switch, key))


def first_id(had: Iterable[TenantEntry] | None = None, given: int = 0) -> int:
    """Return the id before those of new entries: drawn, and above all that were ever given.

    What a switch says of an entry of an earlier connection is not taken for one of this one; no
    connection gives as many ids as lie between. ``given``: one that was, 0 if that is not known.
    """
    highest = max((entry.entry_id for entry in had or ()), default=0)
    highest = max(highest, given)
    return highest + _LEAP if highest else secrets.randbits(_RANDOM_BITS) << 32
