"""Classifier of a switch of OpenFlow 1.3: its first table, which is the slicer's.

Each frame gets the mark of the slice that owns it, and goes on to the tenants' tables; those of
nobody are dropped, and counted, by an entry of their own. LLDP comes to the slicer, whoever's it
is. Where tags tell slices apart, frames with two tags are nobody's: to take one off would make a
frame of another slice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from horizon_ryu.core.slicing.classification import (
    Address,
    ClassEntry,
    Classifying,
    Treatment,
)
from horizon_ryu.core.slicing.marked_switch import MARK_MASK, MARK_SHIFT, MarkedSwitch
from horizon_ryu.core.slicing.tenant_table import TableCommand
from horizon_ryu.slicer.actions13 import frame_marks
from horizon_ryu.slicer.flow_mods13 import raw_flow_mod13
from horizon_ryu.slicer.instructions13 import RESERVED, read_instructions
from horizon_ryu.slicer.known_header13 import PRESENT, TYPE, VLAN
from horizon_ryu.slicer.portions import NewestWork, Work
from horizon_ryu.slicer.sliced_link import SlicedLink, framed
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.layout import write_whole
from horizon_ryu.wire.of13.structures import (
    INSTRUCTIONS,
    ActionOutput13,
    ActionSetQueue,
    Instruction,
    InstructionApplyActions,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteMetadata,
)
from horizon_ryu.wire.ofp13 import OFPCML, OFPP, OFPT
from horizon_ryu.wire.protocols import ETHERTYPE
from horizon_ryu.wire.ternary import EVERY_HEADER, TernaryMatch

SLICER_COOKIE = 1 << 63
"""Of the slicer's own entries: tenants' entries have their ids, which are below."""
UNOWNED = 1
"""Of the cookie of the entry that drops the frames of nobody: the bit tells it from the others."""
_EVERY_BIT = (1 << 64) - 1
HIGHEST, LOWEST = 0xFFFF, 0
_TWICE_TAGGED = 0xFFFE
_BARRIER = int(OFPT.BARRIER_REQUEST)
A_QUESTION = 512
"""Entries, after which the switch is asked whether it has dealt with them."""
MOST_UNANSWERED = 4
"""Such questions: what is told under ids that are forgotten might be refused, and nobody knew."""
_TO_CONTROLLER = write_whole(
    INSTRUCTIONS,
    (InstructionApplyActions((ActionOutput13(int(OFPP.CONTROLLER), int(OFPCML.NO_BUFFER)),)),),
)


class FoundEntry(NamedTuple):
    """An entry that the first table of a switch has been found with."""

    program: bytes
    cookie: int


class Classifier13:
    """The first table of one switch."""

    def __init__(
        self,
        link: SlicedLink,
        switch: MarkedSwitch,
        meter_of: Callable[[str], int | None],
    ) -> None:
        """``meter_of`` returns the meter that holds a slice to its bandwidth."""
        self._link = link
        self._switch = switch
        self._meter_of = meter_of
        self._installed: dict[Address, ClassEntry] = {}
        self._fixed: dict[Address, bytes] = {}
        self._refused: dict[ClassEntry, None] = {}
        self._just_refused: list[ClassEntry] = []
        self._cookie = SLICER_COOKIE
        self._told: dict[Address, int] = {}
        self._unanswered = 0
        self.work = NewestWork(lambda: link.carry)
        """What is done in portions; see :meth:`install`."""
        self.lacking: frozenset[str] = frozenset()
        """Slices that do not get all of their frames: the switch has no room to tell them."""

    def forget_refusals(self) -> None:
        """Try again what the switch has refused: there may be room now."""
        self._refused.clear()

    def install(self) -> None:
        """Have in the first table what the flowspace, the marks and the meters ask for.

        Of thousands of rules that takes a while: :attr:`work` is under way until all is sent.
        """
        self._install_fixed()
        self.work.begin(self._installing())

    def _installing(self) -> Work:
        yield from self._take_back()
        wanted = Classifying(self._switch.flowspace, self._treatments, self._refused)
        yield from wanted.steps()
        entries, lacking = wanted.result
        for name in sorted(lacking - self.lacking):
            self._link.tell("frames_not_told_apart", dpid=self._link.dpid, slice=name)
        self.lacking = lacking
        yield from self._carry_out(dict(entries))

    def _take_back(self) -> Work:
        """Take away what would have the frames of entries that the switch has just refused."""
        refused = [one for one in self._just_refused if one.is_above_others]
        for entry in list(self._installed.values()) if refused else ():
            if any(one.stands_above(entry) for one in refused):
                self._delete(entry)
            yield None
        self._just_refused.clear()

    def _carry_out(self, wanted: dict[Address, ClassEntry]) -> Work:
        """Send what comes from the highest down, then what goes from the lowest up.

        At each moment a frame is handled as before or as after, never by a slice that it belongs
        to neither before nor after.
        """
        gone: defaultdict[int, list[ClassEntry]] = defaultdict(list)
        for address, entry in self._installed.items():
            if address not in wanted:
                gone[entry.priority].append(entry)
            yield None
        added: defaultdict[int, list[ClassEntry]] = defaultdict(list)
        for address in list(wanted):
            # One by one, also for them to be freed: thousands would hold the loop.
            entry = wanted.pop(address)
            if self._installed.get(address) != entry:
                added[entry.priority].append(entry)
            yield None
        places = sorted(added, reverse=True)
        yield from self._add(one for place in places for one in _one_by_one(added[place]))
        for place in sorted(gone):
            for entry in gone[place]:
                self._delete(entry)
                yield None

    def _add(self, entries: Iterable[ClassEntry]) -> Work:
        """Send entries, and ask now and then, and at the end, whether the switch has them."""
        xids: list[int] = []
        for entry in entries:
            xids.append(self._link.xids.translate(Asked(self, 0, b"", entry)))
            self._say(entry.match, TableCommand.ADD, entry.priority, entry.program, xids[-1])
            self._installed[entry.address] = entry
            if len(xids) == A_QUESTION:
                self._ask(xids)
                xids = []
                yield lambda: self._unanswered < MOST_UNANSWERED
            else:
                yield None
        if xids:
            # What comes is there before anything goes.
            self._ask(xids)

    def _ask(self, xids: list[int]) -> None:
        """Ask whether the switch has what it was told under these ids, which are then done with."""
        self._unanswered += 1
        xid = self._link.xids.translate(Asked(self, 0, b"", tuple(xids)))
        self._link.say(framed(self._link.version, _BARRIER, xid, b""))

    def _delete(self, entry: ClassEntry) -> None:
        self._say(entry.match, TableCommand.DELETE_STRICT, entry.priority)
        del self._installed[entry.address]

    def found(self, told: Mapping[Address, FoundEntry]) -> None:
        """Take the switch's first table as it is: what :meth:`install` finds in it, it leaves.

        What comes from now on has another cookie, and what goes is asked for by its own: an entry
        that the switch tells of by another match than it was given is not taken away for it.
        """
        wanted = self._fixed_entries()
        self._told = {address: entry.cookie for address, entry in told.items()}
        self._fixed = {
            address: program
            for address, program in wanted.items()
            if address in told and told[address].program == program
        }
        self._installed = {
            address: ClassEntry(*address, self._slice_of(entry.program), entry.program)
            for address, entry in told.items()
            if address not in wanted
        }
        taken = {entry.cookie for entry in told.values()}
        self._cookie = next(
            cookie
            for cookie in (SLICER_COOKIE | at << 1 for at in range(len(taken) + 1))
            if cookie not in taken
        )

    def _slice_of(self, program: bytes) -> str:
        """Return the slice whose mark instructions give; no name if it is nobody's."""
        for one in read_instructions(program):
            if isinstance(one, InstructionWriteMetadata) and one.metadata_mask == MARK_MASK:
                return self._switch.marks.slice_of(one.metadata >> MARK_SHIFT) or ""
        return ""

    # ---- what all slices have

    def _install_fixed(self) -> None:
        wanted = self._fixed_entries()
        for address in self._fixed.keys() - wanted.keys():
            self._say(address[0], TableCommand.DELETE_STRICT, address[1])
        for address, program in wanted.items():
            if self._fixed.get(address) != program:
                is_unowned = address[1] == LOWEST
                self._say(address[0], TableCommand.ADD, address[1], program, is_unowned=is_unowned)
        self._fixed = wanted

    def _fixed_entries(self) -> dict[Address, bytes]:
        found = {
            (EVERY_HEADER, LOWEST): b"",
            (TYPE.equal_to(ETHERTYPE.LLDP), HIGHEST): _TO_CONTROLLER,
        }
        if self._tells_by_tag():
            tagged = VLAN.equal_to(PRESENT, PRESENT)
            for kind in (ETHERTYPE.VLAN, ETHERTYPE.QINQ):
                both = tagged.intersection(TYPE.equal_to(kind))
                if both is not None:
                    found[both, _TWICE_TAGGED] = b""
        return found

    def _tells_by_tag(self) -> bool:
        flowspace = self._switch.flowspace
        return any(
            field == VLAN for number in flowspace.levels() for field, _ in
            flowspace.region(number).sets
        )  # fmt: skip

    # ---- what a slice has

    def _treatments(self, number: int) -> Sequence[Treatment]:
        """Return what is done with the frames of a region: marks, its meter, its tables."""
        rule = self._switch.flowspace.whole.rule_of[number]
        presence = self._link.presences.get(rule.slice_name)
        mark = self._switch.marks.of(rule.slice_name)
        if presence is None or mark is None:
            return ()
        forced = rule.force_queue
        marks = frame_marks(presence.marks(frozenset({0})))
        if forced is not None:
            marks = [one._replace(program=_in_queue(one.program, forced)) for one in marks]
        meter = self._meter_of(rule.slice_name)
        return [Treatment(one.match, _program(one.program, meter, mark)) for one in marks]

    # ---- the switch

    def _say(
        self,
        match: TernaryMatch,
        command: TableCommand,
        priority: int,
        program: bytes = b"",
        xid: int = 0,
        is_unowned: bool = False,
    ) -> None:
        told = self._told.pop((match, priority), None)
        cookie, mask = self._cookie | (UNOWNED if is_unowned else 0), 0
        if command is TableCommand.DELETE_STRICT and told is not None:
            cookie, mask = told, _EVERY_BIT
        self._link.say(
            raw_flow_mod13(
                xid, 0, match, command, priority, program, cookie=cookie, cookie_mask=mask
            )
        )

    def answered(self, asked: Asked, _message: bytes, _now: float) -> None:
        """Take the switch's answer to the barrier behind entries: none of them is refused now."""
        if not isinstance(asked.context, ClassEntry):
            self._unanswered -= 1
            for xid in asked.context:
                self._link.xids.take(xid)

    def refused(self, asked: Asked, message: bytes, now: float) -> None:
        """Leave out what the switch refuses, and what would take its frames instead."""
        entry = asked.context
        if not isinstance(entry, ClassEntry):
            self.answered(asked, message, now)
        elif entry not in self._refused:
            self._refused[entry] = None
            self._just_refused.append(entry)
            if self._installed.get(entry.address) == entry:
                del self._installed[entry.address]
            self.install()


def _one_by_one(entries: list[ClassEntry]) -> Iterator[ClassEntry]:
    """Yield entries, and let go of each."""
    entries.reverse()
    while entries:
        yield entries.pop()


def _in_queue(program: tuple[object, ...], queue: int) -> tuple[object, ...]:
    """Return marks with another queue."""
    kept = (action for action in program if not isinstance(action, ActionSetQueue))
    return (ActionSetQueue(queue), *kept)


def _program(actions: tuple[object, ...], meter: int | None, mark: int) -> bytes:
    found: list[Instruction] = []
    if meter is not None:
        found.append(InstructionMeter(meter))
    if actions:
        found.append(InstructionApplyActions(actions))  # type: ignore[arg-type]
    found.append(InstructionWriteMetadata(mark << MARK_SHIFT, MARK_MASK))
    found.append(InstructionGotoTable(RESERVED))
    return write_whole(INSTRUCTIONS, tuple(found))
