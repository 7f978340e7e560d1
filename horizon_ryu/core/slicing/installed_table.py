"""Installed table: the flow entries that a switch has for its tenants, and whose each is.

A tenant's entry is installed as pieces, one for each part of the slice's flowspace that it
overlaps. Two entries of a slice may have the same piece: then the newest is installed, as a switch
would have it, and the one below comes back when it is gone. A change returns what is to be sent, in
an order in which no frame is lost: what comes before what goes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from horizon_ryu.core.slicing.entry_pieces import PieceKey, SeveralPieces, SinglePiece
from horizon_ryu.core.slicing.priority_bands import BandFull, PriorityBand, PriorityBands
from horizon_ryu.core.slicing.switch_entries import (
    Address,
    EndedPiece,
    EntryRemoval,
    InstalledEntry,
    Piece,
    SwitchChanges,
)
from horizon_ryu.core.slicing.tenant_table import TableChange, TenantEntry
from horizon_ryu.wire.ternary import TernaryMatch, new_tuple


class InstalledTable:
    """All pieces of all tenants on one switch."""

    def __init__(self, bands: PriorityBands) -> None:
        self._bands = bands.bands
        self._is_identical = bands[0].is_identical
        self._holders: dict[int, SinglePiece | SeveralPieces] = {}
        self._tops: dict[PieceKey, int] = {}
        """The entry that is installed, by its id."""
        self._below: dict[PieceKey, list[int]] = {}
        """Those that come back when it is gone, the last one first."""
        self._by_address: dict[Address, PieceKey] = {}
        """Of bands in which places may move: else the address tells the key."""
        self._of_priority: defaultdict[tuple[int, int], set[PieceKey]] = defaultdict(set)
        """By level and priority, of bands in which places may move."""
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._programs: defaultdict[str, Counter[Any]] = defaultdict(Counter)
        self._surplus: Counter[str] = Counter()
        """Of slices whose entries are on their way: what is to go when all has come."""

    def __len__(self) -> int:
        return len(self._tops)

    def __iter__(self) -> Iterator[InstalledEntry]:
        return iter([self._installed(key) for key in self._tops])

    def keys(self) -> list[PieceKey]:
        """Return what tells those that are installed apart."""
        return list(self._tops)

    def at(self, key: PieceKey) -> InstalledEntry | None:
        """Return the entry with a key; None if there is none."""
        return self._installed(key) if key in self._tops else None

    def entry(self, entry_id: int) -> TenantEntry | None:
        """Return a tenant's entry by its id; None if there is none."""
        found = self._holders.get(entry_id)
        return None if found is None else found.entry

    def holds(self, entry_id: int) -> bool:
        """Tell whether there is a tenant's entry, installed or below another."""
        return entry_id in self._holders

    def count(self, slice_name: str) -> int:
        """Return how many entries of the switch are a slice's, but for those about to go."""
        return self._counts.get(slice_name, 0) - self._surplus[slice_name]

    def forget(self, slice_name: str) -> None:
        """Keep nothing of a slice that has nothing here any more."""
        for book in (self._counts, self._programs):
            if not book.get(slice_name):
                book.pop(slice_name, None)

    def programs(self, slice_name: str) -> Collection[Any]:
        """Return the programs that entries of a slice have, each once."""
        return self._programs.get(slice_name, {}).keys()

    def find(self, match: TernaryMatch, priority: int) -> InstalledEntry | None:
        """Return the entry with this match and priority on the switch; None if there is none."""
        key = self._key_at(match, priority)
        return None if key is None else self._installed(key)

    def _key_at(self, match: TernaryMatch, place: int) -> PieceKey | None:
        if not self._is_identical:
            return self._by_address.get((match, place))
        key = PieceKey(match, 0, place)
        return key if key in self._tops else None

    def pieces(self, entry: TenantEntry) -> list[InstalledEntry]:
        """Return those pieces of an entry that are installed."""
        holder = self._holders.get(entry.entry_id)
        keys = () if holder is None else holder.pieces
        return [self._installed(key) for key in keys if self._is_on_top(key, entry.entry_id)]

    def _is_on_top(self, key: PieceKey, entry_id: int) -> bool:
        return self._tops.get(key) == entry_id

    def _installed(self, key: PieceKey) -> InstalledEntry:
        holder = self._holders[self._tops[key]]
        place = self._bands[key.level].place(key.priority)
        return InstalledEntry(key.match, place, holder.pieces[key], holder.entry)

    # ---- changes

    def change(
        self, change: TableChange, pieces_of: Mapping[int, Sequence[Piece]]
    ) -> SwitchChanges:
        """Carry out a change of a tenant's table; ``pieces_of`` has, by id, those of what comes.

        What is modified counts as coming. BandFull, and then nothing has changed.
        """
        coming = [*change.come, *(new for _, new in change.modified)]
        leaving = [*change.gone, *(old for old, _ in change.modified)]
        keys = {entry.entry_id: _keyed(entry, pieces_of[entry.entry_id]) for entry in coming}
        touched = {key for pieces in keys.values() for key in pieces}
        for entry in leaving:
            # Not |=, which makes another set where the other is a view of keys: n times n entries.
            touched.update(self._holders[entry.entry_id].pieces)
        before = self._snapshot(touched)
        before |= self._take_places(touched)
        for entry in leaving:
            self._leave(entry)
        for entry in coming:
            self._come(entry, keys[entry.entry_id])
        for key in touched:
            self._release(key)
        return self._sent(before, {entry.entry_id for _, entry in change.modified})

    def widen(self, entry: TenantEntry, pieces: Iterable[Piece]) -> SwitchChanges:
        """Let an entry have more pieces than it has, or other programs in those; BandFull.

        Those that it has besides go by :meth:`narrow`, when those of other entries have come.
        """
        holder = self._holders[entry.entry_id]
        come = _keyed(entry, pieces)
        if come == holder.pieces:
            return SwitchChanges()
        more = [key for key in come if key not in holder.pieces]
        before = self._snapshot(come)
        before |= self._take_places(more)
        self._surplus[entry.slice_name] += len(holder.pieces.keys() - come.keys())
        self._holders[entry.entry_id] = SeveralPieces(entry, {**holder.pieces, **come})
        for key in more:
            self._push(key, entry)
            self._release(key)
        return self._sent(before, {entry.entry_id})

    def narrow(self, entry: TenantEntry, pieces: Iterable[Piece]) -> SwitchChanges:
        """Take all pieces of an entry away but these."""
        holder = self._holders[entry.entry_id]
        stay = _keyed(entry, pieces)
        gone = [key for key in holder.pieces if key not in stay]
        if not gone:
            return SwitchChanges()
        before = self._snapshot(gone)
        for key in gone:
            self._pop(key, entry.entry_id)
        kept = {key: program for key, program in holder.pieces.items() if key in stay}
        self._holders[entry.entry_id] = SeveralPieces(entry, kept)
        return self._sent(before, set())

    def letting_go(self) -> Iterator[None]:
        """Free what the table is made of, a little in each step: at once it would take long."""
        parts: tuple[dict[Any, Any], ...] = (
            *(self._holders, self._tops, self._by_address, self._of_priority),
        )
        for part in parts:
            while part:
                part.popitem()
                yield None

    def all_have_moved(self) -> None:
        """Count all entries again: none is on its way any more."""
        self._surplus.clear()

    def add_single(self, entry: TenantEntry, level: int, program: Any) -> int | None:
        """Add an entry of a single piece, its whole match, where nothing stands.

        Returns its place; None, and nothing has changed, if something has to move.
        """
        entry_id, match, priority = entry.entry_id, entry.match, entry.priority
        band = self._bands[level]
        key = new_tuple(PieceKey, (match, level, priority))
        # Looked up once: it takes long to hash a match.
        if not self._is_identical and not band.has_place(priority):
            return None
        if self._tops.setdefault(key, entry_id) != entry_id:
            return None
        self._hold(entry, new_tuple(SinglePiece, (entry, key, program)))
        self._counts[entry.slice_name] += 1
        return priority if self._is_identical else self._take_place(key, band)

    def replace_single(
        self, before: TenantEntry, entry: TenantEntry, level: int, program: Any
    ) -> int | None:
        """Put an entry of a single piece in the place of one that is the same piece.

        Returns its place; None, and nothing has changed, if the one before is another piece or
        more, or is not on top.
        """
        key = PieceKey(entry.match, level, entry.priority)
        holder = self._holders.get(before.entry_id)
        if (
            holder is None
            or holder.pieces.keys() != {key}
            or not self._is_on_top(key, before.entry_id)
        ):
            return None
        self._tops[key] = entry.entry_id
        self._uncount_program(holder.entry)
        del self._holders[before.entry_id]
        self._hold(entry, SinglePiece(entry, key, program))
        return self._bands[level].place(entry.priority)

    def _snapshot(self, keys: Iterable[PieceKey]) -> dict[PieceKey, InstalledEntry | None]:
        return {key: self._installed(key) if key in self._tops else None for key in keys}

    def _take_places(self, keys: Iterable[PieceKey]) -> dict[PieceKey, InstalledEntry | None]:
        """Hold a place for each key while it is changed; return what stood where others move.

        BandFull: those taken are given back.
        """
        moved: dict[PieceKey, InstalledEntry | None] = {}
        taken: list[PieceKey] = []
        try:
            for key in keys:
                was = self._bands[key.level].take(key.priority)
                taken.append(key)
                for priority, place in was.items():
                    for other in self._of_priority[key.level, priority]:
                        stood = self._installed(other)._replace(priority=place)
                        moved.setdefault(other, stood)
        except BandFull:
            for key in taken:
                self._bands[key.level].release(key.priority)
            raise
        return moved

    def _release(self, key: PieceKey) -> None:
        """Give back the place that was held while a key was changed."""
        self._bands[key.level].release(key.priority)

    def _leave(self, entry: TenantEntry) -> None:
        holder = self._holders[entry.entry_id]
        for key in holder.pieces:
            self._pop(key, entry.entry_id)
        del self._holders[entry.entry_id]
        self._uncount_program(holder.entry)

    def _uncount_program(self, entry: TenantEntry) -> None:
        programs = self._programs[entry.slice_name]
        programs[entry.program] -= 1
        if not programs[entry.program]:
            del programs[entry.program]

    def _pop(self, key: PieceKey, entry_id: int) -> None:
        """Take an entry out of the stack of a key, wherever in it it is."""
        below, top = self._below.get(key), self._tops.get(key)
        if top != entry_id:
            if below is not None and entry_id in below:
                self._take_out(key, entry_id)
            return
        self._counts[self._holders[entry_id].entry.slice_name] -= 1
        if below is not None:
            self._tops[key] = below[-1]
            self._counts[self._holders[below[-1]].entry.slice_name] += 1
            self._take_out(key, below[-1])
            return
        del self._tops[key]
        band = self._bands[key.level]
        if not band.is_identical:
            of_priority = self._of_priority[key.level, key.priority]
            of_priority.discard(key)
            if not of_priority:
                del self._of_priority[key.level, key.priority]
        band.release(key.priority)

    def _take_out(self, key: PieceKey, entry_id: int) -> None:
        """Have an entry no more below that which is installed."""
        self._below[key].remove(entry_id)
        if not self._below[key]:
            del self._below[key]

    def _hold(self, entry: TenantEntry, holder: SinglePiece | SeveralPieces) -> None:
        self._holders[entry.entry_id] = holder
        self._programs[entry.slice_name][entry.program] += 1

    def _come(self, entry: TenantEntry, pieces: dict[PieceKey, Any]) -> None:
        self._hold(entry, SeveralPieces(entry, pieces))
        for key in pieces:
            self._push(key, entry)

    def _push(self, key: PieceKey, entry: TenantEntry) -> None:
        top = self._tops.get(key)
        if top is None:
            self._bands[key.level].take(key.priority)
            if not self._is_identical:
                self._of_priority[key.level, key.priority].add(key)
        else:
            self._counts[self._holders[top].entry.slice_name] -= 1
            self._below.setdefault(key, []).append(top)
        self._tops[key] = entry.entry_id
        self._counts[entry.slice_name] += 1

    def _take_place(self, key: PieceKey, band: PriorityBand) -> int:
        """Note where an entry stands whose priority has a place; return that."""
        priority = key.priority
        band.take(priority)
        self._of_priority[key.level, priority].add(key)
        place = band.place(priority)
        self._by_address[key.match, place] = key
        return place

    def _sent(
        self, before: Mapping[PieceKey, InstalledEntry | None], modified: set[int]
    ) -> SwitchChanges:
        """Return what turns ``before`` into what is now, and take note of where it stands."""
        added, changed, gone = [], [], []
        for key, old in before.items():
            if old is not None:
                self._by_address.pop(old.address, None)  # nothing where addresses are keys
            now = self._installed(key) if key in self._tops else None
            if now == old:
                continue
            if now is None or (old is not None and old.priority != now.priority):
                gone.append(old)
            if (
                now is not None
                and old is not None
                and old.priority == now.priority
                and (now.owner.entry_id in modified and old.owner.entry_id == now.owner.entry_id)
            ):
                changed.append(now)
            elif now is not None:
                added.append(now)
        if not self._is_identical:
            for key in before:
                if key in self._tops:
                    self._by_address[self._installed(key).address] = key
        deleted = [old for old in gone if old is not None and self._key_at(*old.address) is None]
        return SwitchChanges(tuple(added), tuple(changed), tuple(deleted))

    # ---- what the switch removes by itself

    def removed(self, removal: EntryRemoval, now: float) -> EndedPiece | None:
        """Take note of an entry that the switch has removed; None if it is none of ours.

        A tenant's entry ends when it is over, or when all pieces have been idle for its timeout at
        the same time. Until then a piece that is removed as idle is installed again, since a frame
        for it would be taken by an entry below.
        """
        key = self._key_at(*removal.address)
        if key is None:
            return None
        owner = self._installed(key).owner
        holder = self._holders[owner.entry_id]
        self._by_address.pop(removal.address, None)
        is_last = not removal.is_idle or holder.is_idle(key, removal.packets > 0, now)
        before = self._snapshot(holder.pieces if is_last else (key,))
        before[key] = None
        if is_last:
            self._leave(owner)
        return EndedPiece(owner, is_last, self._sent(before, set()))


def _keyed(entry: TenantEntry, pieces: Iterable[Piece]) -> dict[PieceKey, Any]:
    """Return the programs of pieces of an entry by their keys."""
    priority = entry.priority
    return {PieceKey(match, level, priority): program for match, level, program in pieces}
