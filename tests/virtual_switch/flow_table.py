"""Flow table: entries by priority, with timeouts, counters and the commands that change them.

OpenFlow 1.0.0 section 4.6, 1.3.5 section 6.4.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from horizon_ryu.wire.ofp13 import OFPFC, OFPFF
from virtual_switch import port_numbers
from virtual_switch.fields import Fields
from virtual_switch.matching import FieldMatch, covers, is_within, overlap
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.steps import Program

ANY_GROUP = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class FlowChange:
    """A flow-mod of either version. ``wire_match`` and ``wire_actions`` are as they came."""

    command: int
    match: FieldMatch
    priority: int
    cookie: int
    program: Program
    wire_match: Any
    wire_actions: Any
    cookie_mask: int = 0
    table_id: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    flags: int = 0
    buffer_id: int | None = None
    out_port: int = port_numbers.ANY
    out_group: int = ANY_GROUP


@dataclass(slots=True, eq=False)
class TableEntry:
    """An installed entry; ``since`` and ``hit`` are when it was made and last used."""

    match: FieldMatch
    priority: int
    cookie: int
    program: Program
    wire_match: Any
    wire_actions: Any
    table_id: int
    idle_timeout: int
    hard_timeout: int
    flags: int
    since: float
    hit: float
    packets: int = 0
    octets: int = 0

    def due(self) -> float:
        """Return when a timeout passes unless the entry is used; infinity if none does."""
        idle = self.hit + self.idle_timeout if self.idle_timeout else float("inf")
        hard = self.since + self.hard_timeout if self.hard_timeout else float("inf")
        return min(idle, hard)

    def idle_first(self) -> bool:
        """Tell whether its idle timeout is what passes first."""
        hard = self.since + self.hard_timeout if self.hard_timeout else float("inf")
        return bool(self.idle_timeout) and self.hit + self.idle_timeout < hard


class FlowRules(NamedTuple):
    """What the versions see differently of the commands of a flow-mod."""

    modify_adds: bool
    """A MODIFY that finds nothing adds (1.0.0 section 4.6)."""
    modify_sets_cookie: bool
    add_keeps_counts: bool
    """Unless OFPFF_RESET_COUNTS says otherwise (1.3.5 section 6.4)."""


RULES_10 = FlowRules(modify_adds=True, modify_sets_cookie=True, add_keeps_counts=False)
RULES_13 = FlowRules(modify_adds=False, modify_sets_cookie=False, add_keeps_counts=True)


class FlowTable:
    """The entries of one table; ``capacity`` is how many find room."""

    def __init__(self, table_id: int, rules: FlowRules, capacity: int = 1_000_000) -> None:
        self.table_id = table_id
        self.rules = rules
        self.capacity = capacity
        self.lookups = 0
        self.matched = 0
        self._entries: dict[tuple[FieldMatch, int], TableEntry] = {}
        self._ordered: list[TableEntry] = []
        self._due = float("inf")

    def __iter__(self) -> Iterator[TableEntry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, fields: Fields, size: int, now: float) -> TableEntry | None:
        """Return the entry for a frame of ``size`` bytes, counted; None if none fits."""
        self.lookups += 1
        for entry in self._ordered:
            if covers(entry.match, fields):
                self.matched += 1
                entry.hit = now
                entry.packets += 1
                entry.octets += size
                return entry
        return None

    # ---- changes

    def change(self, change: FlowChange, now: float) -> list[TableEntry]:
        """Carry out a flow-mod and return the entries that it removed; SwitchRefusal."""
        if change.command == OFPFC.ADD:
            self._add(change, now)
        elif change.command in (OFPFC.MODIFY, OFPFC.MODIFY_STRICT):
            self._modify(change, now)
        elif change.command in (OFPFC.DELETE, OFPFC.DELETE_STRICT):
            return self._delete(change)
        else:
            raise SwitchRefusal("FLOW_MOD_FAILED", "BAD_COMMAND")
        return []

    def _add(self, change: FlowChange, now: float) -> None:
        key = change.match, change.priority
        before = self._entries.get(key)
        if before is None:
            self._check_room(change)
        entry = TableEntry(
            change.match,
            change.priority,
            change.cookie,
            change.program,
            change.wire_match,
            change.wire_actions,
            self.table_id,
            change.idle_timeout,
            change.hard_timeout,
            change.flags,
            since=now,
            hit=now,
        )
        if before is not None:
            if self.rules.add_keeps_counts and not change.flags & OFPFF.RESET_COUNTS:
                entry.packets, entry.octets = before.packets, before.octets
            self._ordered.remove(before)
        self._entries[key] = entry
        insort(self._ordered, entry, key=lambda one: -one.priority)
        self._due = min(self._due, entry.due())

    def _check_room(self, change: FlowChange) -> None:
        """SwitchRefusal unless an entry fits in; one that is there already is replaced anyway."""
        if change.flags & OFPFF.CHECK_OVERLAP and any(
            entry.priority == change.priority and overlap(entry.match, change.match)
            for entry in self._ordered
        ):
            raise SwitchRefusal("FLOW_MOD_FAILED", "OVERLAP")
        if len(self._entries) >= self.capacity:
            raise SwitchRefusal("FLOW_MOD_FAILED", "TABLE_FULL")

    def _modify(self, change: FlowChange, now: float) -> None:
        """Give entries other actions; without any, add one where the version does so."""
        found = self.selected(change)
        for entry in found:
            entry.program, entry.wire_actions = change.program, change.wire_actions
            if self.rules.modify_sets_cookie:
                entry.cookie = change.cookie
            if self.rules.add_keeps_counts and change.flags & OFPFF.RESET_COUNTS:
                entry.packets = entry.octets = 0
        if not found and self.rules.modify_adds:
            self._add(change, now)

    def _delete(self, change: FlowChange) -> list[TableEntry]:
        found = [
            entry
            for entry in self.selected(change)
            if change.out_port in (port_numbers.ANY, *entry.program.ports())
            and change.out_group in (ANY_GROUP, *entry.program.groups())
        ]
        self.remove(found)
        return found

    def selected(self, change: FlowChange) -> list[TableEntry]:
        """Return the entries that a command is for: one if strict, else all within its match."""
        wanted, mask = change.cookie & change.cookie_mask, change.cookie_mask
        if change.command in (OFPFC.MODIFY_STRICT, OFPFC.DELETE_STRICT):
            one = self._entries.get((change.match, change.priority))
            found = [] if one is None else [one]
        else:
            found = self.within(change.match)
        return [entry for entry in found if entry.cookie & mask == wanted]

    def within(self, match: FieldMatch) -> list[TableEntry]:
        """Return the entries that ``match`` takes in, in the order of their making."""
        return [entry for entry in self._entries.values() if is_within(entry.match, match)]

    # ---- ends

    def remove(self, entries: list[TableEntry]) -> None:
        """Take entries out."""
        for entry in entries:
            del self._entries[entry.match, entry.priority]
            self._ordered.remove(entry)

    def remove_if(self, condition: Callable[[TableEntry], bool]) -> list[TableEntry]:
        """Take out and return the entries for which ``condition`` holds."""
        found = [entry for entry in self._entries.values() if condition(entry)]
        self.remove(found)
        return found

    def expire(self, now: float) -> list[TableEntry]:
        """Take out and return the entries whose time is over."""
        if now < self._due:
            return []
        gone = self.remove_if(lambda entry: entry.due() <= now)
        self._due = min((entry.due() for entry in self._ordered), default=float("inf"))
        return gone

    def next_due(self) -> float:
        """Return when the next entry may be over; infinity if none will be."""
        return self._due

    def clear(self) -> None:
        """Lose everything, as a switch that restarts does."""
        self._entries.clear()
        self._ordered.clear()
        self._due = float("inf")
