"""Takeover of a switch of OpenFlow 1.3 that has entries already: nothing that is wanted is cut.

The marks, groups, meters and entries of its tenants are known from before, by the numbers that the
switch has. It is asked what it has of each; then comes what it lacks, what is another is changed in
place, and what nobody owns goes last, each thing after those that name it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from horizon_ryu.core.slicing.marked_switch import MarkedChanges, MarkedEntry, marked_match
from horizon_ryu.core.slicing.tenant_table import TableCommand, TenantEntry
from horizon_ryu.slicer.classifier13 import Classifier13, FoundEntry
from horizon_ryu.slicer.flow_mods13 import delete_all13, raw_flow_mod13
from horizon_ryu.slicer.flow_tables13 import FlowTables13, SlicedLink13
from horizon_ryu.slicer.groups13 import TenantGroups13
from horizon_ryu.slicer.instructions13 import RESERVED, read_instructions
from horizon_ryu.slicer.meters13 import TenantMeters13
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.sliced_datapath import MORE
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import WireError, write_whole
from horizon_ryu.wire.of13.controller import GroupMod, MeterMod13
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    FlowStats13,
    FlowStatsRequest13,
    GroupDesc,
    MeterConfig,
    MeterStatsRequest,
)
from horizon_ryu.wire.of13.structures import (
    INSTRUCTIONS,
    Instruction,
    InstructionApplyActions,
    InstructionClearActions,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteActions,
    InstructionWriteMetadata,
)
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPM, OFPMC, OFPMP, OFPP, OFPTT
from horizon_ryu.wire.ternary import TernaryMatch
from horizon_ryu.wire.ternary13 import MatchError, read_match13
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
MOST_TOLD = 1 << 18
"""Entries, groups and meters that a switch may tell of; one that tells more is emptied instead."""
_EVERY_BIT = (1 << 64) - 1
_ORDER: tuple[type[Instruction], ...] = (
    InstructionMeter,
    InstructionApplyActions,
    InstructionClearActions,
    InstructionWriteActions,
    InstructionWriteMetadata,
    InstructionGotoTable,
)
"""In which instructions are carried out, whatever the order is in which they are told (5.9)."""
_QUESTIONS = (
    MultipartRequest(int(OFPMP.METER_CONFIG), 0, MeterStatsRequest(int(OFPM.ALL))),
    MultipartRequest(int(OFPMP.GROUP_DESC)),
    MultipartRequest(
        int(OFPMP.FLOW),
        0,
        FlowStatsRequest13(
            int(OFPTT.ALL), int(OFPP.ANY), int(OFPG.ANY), 0, 0, OxmMatch()
        ),
    ),
)  # fmt: skip


class TakenOverParts(NamedTuple):
    """What knows the things of a switch, kind by kind."""

    tables: FlowTables13
    groups: TenantGroups13
    meters: TenantMeters13
    classifier: Classifier13


class _ToldEntry(NamedTuple):
    """What a switch says of an entry."""

    table_id: int
    match: TernaryMatch
    priority: int
    cookie: int
    program: bytes


@dataclass(slots=True)
class _ToldSwitch:
    """What a switch says that it has."""

    entries: list[_ToldEntry] = field(default_factory=list)
    groups: dict[int, GroupMod] = field(default_factory=dict)
    meters: dict[int, MeterMod13] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries) + len(self.groups) + len(self.meters)

    def take(self, one: object) -> None:
        """Take one thing that the switch tells of; one that no switch could have been given goes.

        MatchError for an entry that cannot be named again.
        """
        if isinstance(one, FlowStats13):
            match, _ = read_match13(MATCH13.write(one.match), 0)
            program = _in_order(one.instructions)
            told = _ToldEntry(one.table_id, match, one.priority, one.cookie, program)
            self.entries.append(told)
        elif isinstance(one, GroupDesc) and one.group_id <= OFPG.MAX:
            mod = GroupMod(int(OFPGC.ADD), one.type, one.group_id, one.buckets)
            self.groups[one.group_id] = mod
        elif isinstance(one, MeterConfig) and 0 < one.meter_id <= OFPM.MAX:
            self.meters[one.meter_id] = MeterMod13(
                int(OFPMC.ADD), one.flags, one.meter_id, one.bands
            )


class Takeover13:
    """Takes a switch over, once: :meth:`begin`, then the switch's answers; or makes it anew."""

    def __init__(
        self,
        link: SlicedLink13,
        parts: TakenOverParts,
        install: Callable[[Callable[[], None]], None],
        done: Callable[[float], None],
        move: Callable[[Work], None],
    ) -> None:
        """``install`` has the first table as it is to be, and then calls what it is given.

        ``done`` is called behind all. ``move`` has work done by which entries move.
        """
        self._link = link
        self._parts = parts
        self._install = install
        self._done = done
        self._move = move
        self._told = _ToldSwitch()
        self._kept: set[int] = set()
        self._awaited: set[int] = set()

    @property
    def is_asking(self) -> bool:
        """Whether the switch has still to tell what it has."""
        return bool(self._awaited)

    def begin(self, kept: Iterable[TenantEntry]) -> list[TenantEntry]:
        """Have tables as they were, and ask the switch what it has; return what has no place.

        An entry has none if its slice has lost its frames meanwhile, or may not do any more what it
        does with them. Nothing of this is sent: it may all be there.
        """
        self._link.sliced.marks.restore()
        self._parts.meters.restore()
        self._parts.groups.restore()
        self._kept, lost = self._parts.tables.restore(kept)
        for question in _QUESTIONS:
            self._awaited.add(question.type)
            self._link.forward(self, _MESSAGES.encode(0, question), question.type)
        return lost

    # ---- what the switch has

    def answered(self, asked: Asked, message: bytes, now: float) -> None:
        """Take a part of an answer; with the last of all, have the switch as it is to be."""
        if asked.context not in self._awaited:
            return
        try:
            reply: MultipartReply = _MESSAGES.decode(message).message
            for one in reply.body if isinstance(reply.body, tuple) else ():
                self._told.take(one)
        except (MatchError, WireError):
            self.make_anew(now)
            return
        if len(self._told) > MOST_TOLD:
            self.make_anew(now)
        elif not reply.flags & MORE:
            self._awaited.discard(asked.context)
            if not self._awaited:
                self._settle(now)

    def refused(self, asked: Asked, _message: bytes, now: float) -> None:
        """Go on without the meters or groups of a switch that has none; without more, make anew."""
        if asked.context not in self._awaited:
            return
        kinds = {one.key.kind.name for one in self._link.sliced.objects}
        is_none = {
            OFPMP.METER_CONFIG: not kinds & {"METER", "SHARE"},
            OFPMP.GROUP_DESC: not kinds & {"GROUP", "FLOOD"},
        }
        if not is_none.get(asked.context, False):
            self.make_anew(now)
            return
        self._awaited.discard(asked.context)
        if not self._awaited:
            self._settle(now)

    def make_anew(self, now: float) -> None:
        """Empty the switch, and have everything on it that there is to be."""
        is_taken_over = bool(self._awaited)
        self._awaited.clear()
        self._told = _ToldSwitch()
        self._link.say(delete_all13(0))
        self._parts.groups.begin()
        self._parts.meters.begin()
        self._parts.meters.settle({})
        self._parts.groups.settle({})
        entries = [self._link.sliced.installed(one.entry_id) for one in
                   self._link.sliced.every_entry()]  # fmt: skip
        added = tuple(_with_time_left(one, now) for one in entries if one is not None)
        self._parts.tables.carry_out(MarkedChanges(added=added))
        self._parts.classifier.found({})
        self._install(partial(self._made_anew, is_taken_over, now))

    def _made_anew(self, is_taken_over: bool, now: float) -> None:
        self._parts.groups.remove_others({})
        self._parts.meters.remove_others({})
        self._done(now)
        if is_taken_over:
            self._link.tell("switch_made_anew", dpid=self._link.dpid)

    def _settle(self, now: float) -> None:
        told, self._told = self._told, _ToldSwitch()
        self._move(self._settling(told, now))

    def _settling(self, told: _ToldSwitch, now: float) -> Work:
        """Have what the switch has told as it is to be, an entry in each step."""
        self._parts.meters.settle(told.meters)
        self._parts.groups.settle(told.groups)
        yield None
        first = [one for one in told.entries if one.table_id < RESERVED]
        others = [one for one in told.entries if one.table_id >= RESERVED]
        there: dict[int, _ToldEntry] = {}
        for one in others:
            if self._is_in_place(one):
                there[one.cookie] = one
            yield None
        strays = [one for one in others if there.get(one.cookie) is not one]
        # What stands at another place than it is to comes before it has that one.
        misplaced = [one for one in strays if self._link.sliced.find(one.cookie) is not None]
        self._link.say_many(map(_removal, misplaced))
        added = yield from self._settling_entries(there)
        self._parts.classifier.found(
            {(one.match, one.priority): FoundEntry(one.program, one.cookie) for one in first}
        )

        before = set(misplaced)
        foreign = [one for one in strays if one not in before]

        def settled() -> None:
            self._link.say_many(map(_removal, foreign))
            removed = len(strays)
            removed += self._parts.groups.remove_others(told.groups)
            removed += self._parts.meters.remove_others(told.meters)
            self._done(now)
            self._link.tell(
                "switch_taken_over",
                dpid=self._link.dpid,
                kept=len(there),
                added=added,
                removed=removed,
            )

        self._install(settled)

    def _is_in_place(self, told: _ToldEntry) -> bool:
        """Tell whether an entry stands where the tenant's of its id is to."""
        entry = self._link.sliced.find(told.cookie)
        if entry is None:
            return False
        mark = self._link.sliced.marks.of(entry.slice_name)
        return (
            mark is not None
            and (told.table_id, told.priority) == (entry.table_id + RESERVED, entry.priority)
            and told.match == marked_match(entry.match, mark)
        )

    def _settling_entries(self, there: Mapping[int, _ToldEntry]) -> Generator[None, None, int]:
        """Add the entries that the switch lacks, change those that are others; return how many."""
        added, carry_out = 0, self._parts.tables.carry_out
        for entry_id in sorted(self._kept):
            yield None
            one = self._link.sliced.installed(entry_id)
            has = there.get(entry_id)
            if one is None:
                continue
            if has is not None:
                if has.program != _in_order(read_instructions(one.program)):
                    carry_out(MarkedChanges(modified=(one,)))
            elif one.entry.idle_timeout or one.entry.hard_timeout:
                self._parts.tables.end_quietly(one.entry)
            else:
                added += 1
                carry_out(MarkedChanges(added=(one,)))
        return added


def _removal(told: _ToldEntry) -> bytes:
    """Return the flow-mod that takes away an entry of the switch, and no other."""
    return raw_flow_mod13(
        0, told.table_id, told.match, TableCommand.DELETE_STRICT, told.priority,
        cookie=told.cookie, cookie_mask=_EVERY_BIT,
    )  # fmt: skip


def _in_order(instructions: Iterable[Instruction]) -> bytes:
    """Return instructions in the one order in which they can be compared."""
    place = {kind: at for at, kind in enumerate(_ORDER)}
    found = sorted(instructions, key=lambda one: place.get(type(one), len(place)))
    return write_whole(INSTRUCTIONS, tuple(found))


def _with_time_left(one: MarkedEntry, now: float) -> MarkedEntry:
    """Return an entry with what is left of its life, a second at least."""
    entry = one.entry
    if not entry.hard_timeout:
        return one
    left = max(1, entry.hard_timeout - max(0, int(now - entry.since)))
    return one._replace(entry=entry._replace(hard_timeout=left))
