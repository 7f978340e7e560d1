"""Pipeline: the way of a frame through tables, groups and meters (1.3.5 section 5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from horizon_ryu.wire.ofp13 import OFPR
from horizon_ryu.wire.protocols import ETHERTYPE
from virtual_switch import fields as f
from virtual_switch import port_numbers, rewriting
from virtual_switch.flow_table import FlowTable, TableEntry
from virtual_switch.groups import GroupTable
from virtual_switch.learning import LearningBridge
from virtual_switch.meters import MeterTable
from virtual_switch.steps import (
    PopTag,
    Program,
    PushTag,
    Rewrite,
    Send,
    SetTtl,
    Step,
    Tag,
    ToGroup,
    ToQueue,
)
from virtual_switch.switch_ports import PortTable

MAX_DEPTH = 8
"""Groups that point to groups, and packet-outs to the table, end here."""
WHOLE = 0xFFFF
_NO_MATCH, _ACTION, _INVALID_TTL = int(OFPR.NO_MATCH), int(OFPR.ACTION), int(OFPR.INVALID_TTL)


class ForController(NamedTuple):
    """A frame on its way to the controller; ``max_len`` of it, None if the switch decides."""

    frame: bytes
    in_port: int
    reason: int
    max_len: int | None = WHOLE
    table_id: int = 0
    cookie: int = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(slots=True)
class Passage:
    """What becomes of one frame. ``asked`` goes to the controller, ``sent`` leaves by ports."""

    frame: bytes
    in_port: int
    now: float
    metadata: int = 0
    sent: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[ForController] = field(default_factory=list)
    write: list[Step] = field(default_factory=list)
    entry: TableEntry | None = None
    missed: bool = False
    depth: int = 0
    _fields: f.Fields | None = None

    @property
    def fields(self) -> f.Fields:
        """The fields of the frame, which most packet-outs need not."""
        if self._fields is None:
            self._fields = f.read_fields(self.frame, self.in_port)
            self._fields[f.METADATA] = self.metadata
        return self._fields

    def replace(self, frame: bytes) -> None:
        """Go on with another frame."""
        self.frame, self._fields = frame, None

    def write_metadata(self, value: int, mask: int) -> None:
        """Overwrite bits of what tables hand on to each other."""
        self.metadata = self.metadata & ~mask | value & mask
        self._fields = None


class Pipeline:
    """Follows frames; it changes nothing but counters."""

    def __init__(
        self,
        tables: Sequence[FlowTable],
        groups: GroupTable,
        meters: MeterTable,
        ports: PortTable,
        bridge: LearningBridge,
        has_miss_entry: bool,
    ) -> None:
        """``has_miss_entry``: an entry of priority 0 for all frames is the miss (1.3.5 5.4)."""
        self._has_miss_entry = has_miss_entry
        self._tables = tables
        self._groups = groups
        self._meters = meters
        self._ports = ports
        self._bridge = bridge

    def enter(self, frame: bytes, in_port: int, now: float) -> Passage:
        """Follow a frame that came in by a port."""
        passage = Passage(frame, in_port, now)
        self._through_tables(passage)
        return passage

    def packet_out(self, frame: bytes, in_port: int, steps: Sequence[Step], now: float) -> Passage:
        """Do with a frame what a packet-out asks for."""
        passage = Passage(frame, in_port, now)
        self._apply(passage, steps)
        return passage

    def _through_tables(self, passage: Passage) -> None:
        table_id: int | None = 0
        while table_id is not None:
            table = self._tables[table_id]
            entry = table.lookup(passage.fields, len(passage.frame), passage.now)
            if entry is None:
                passage.missed = True
                return
            passage.entry = entry
            if not self._metered(passage, entry.program):
                return
            self._instruct(passage, entry.program)
            table_id = entry.program.goto
        if passage.write:
            self._apply(passage, _ordered(passage.write))

    def _metered(self, passage: Passage, program: Program) -> bool:
        meter = None if program.meter is None else self._meters.get(program.meter)
        return meter is None or meter.passes(len(passage.frame), passage.now)

    def _instruct(self, passage: Passage, program: Program) -> None:
        self._apply(passage, program.apply)
        if program.clears:
            passage.write.clear()
        for step in program.write:
            passage.write = [one for one in passage.write if _kind(one) != _kind(step)]
            passage.write.append(step)
        if program.metadata is not None:
            passage.write_metadata(*program.metadata)

    def _apply(self, passage: Passage, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                self._send(passage, step)
            elif isinstance(step, ToGroup):
                self._through_group(passage, step.group_id)
            elif isinstance(step, SetTtl):
                if not self._set_ttl(passage, step):
                    return
            else:
                changed = rewritten(passage.frame, passage.fields, step)
                if changed is not passage.frame:
                    passage.replace(changed)

    def _set_ttl(self, passage: Passage, step: SetTtl) -> bool:
        made = rewriting.set_ttl(
            passage.frame, lambda ttl: ttl - 1 if step.ttl is None else step.ttl
        )
        if made is None:
            passage.asked.append(self._for_controller(passage, _INVALID_TTL, WHOLE))
            return False
        passage.replace(made)
        return True

    def _send(self, passage: Passage, step: Send) -> None:
        port, here = step.port, passage.in_port
        if port == port_numbers.CONTROLLER:
            passage.asked.append(self._for_controller(passage, _ACTION, step.max_len))
        elif port == port_numbers.TABLE:
            passage.depth += 1
            if passage.depth < MAX_DEPTH:
                self._through_tables(passage)
        elif port == port_numbers.NORMAL:
            self._out(passage, self._bridge.outputs(passage.frame, here))
        elif port == port_numbers.ALL:
            self._out(passage, [one.number for one in self._ports if one.number != here])
        elif port == port_numbers.FLOOD:
            found = [one.number for one in self._ports if one.floods and one.number != here]
            self._out(passage, found)
        elif port == port_numbers.IN_PORT:
            self._out(passage, [here])
        elif port != here:
            self._out(passage, [port])

    def _out(self, passage: Passage, numbers: Sequence[int]) -> None:
        for number in numbers:
            port = self._ports.get(number)
            if port is not None and port.count_out(len(passage.frame)):
                passage.sent.append((number, passage.frame))

    def _for_controller(self, passage: Passage, reason: int, max_len: int) -> ForController:
        entry = passage.entry
        if entry is None:
            return ForController(passage.frame, passage.in_port, reason, max_len)
        is_miss = self._has_miss_entry and not entry.match and not entry.priority
        is_miss = is_miss and reason == _ACTION
        return ForController(
            passage.frame,
            passage.in_port,
            _NO_MATCH if is_miss else reason,
            max_len,
            entry.table_id,
            entry.cookie,
        )

    def _through_group(self, passage: Passage, group_id: int) -> None:
        group = self._groups.get(group_id)
        passage.depth += 1
        if group is None or passage.depth > MAX_DEPTH:
            return
        group.packets += 1
        group.octets += len(passage.frame)
        frame, key = passage.frame, passage.fields[f.ETH_SRC] ^ passage.fields[f.ETH_DST]
        for steps in group.taken(key, self._is_live):
            self._apply(passage, steps)
            if passage.frame is not frame:
                passage.replace(frame)
        passage.depth -= 1

    def _is_live(self, number: int) -> bool:
        port = self._ports.get(number)
        return port is not None and port.may_send


def rewritten(frame: bytes, fields: f.Fields, step: Step) -> bytes:
    """Return what a step makes of a frame; the same object if it changes nothing."""
    if isinstance(step, Rewrite):
        field = next((one for one in step.fields if one in fields), None)
        if field == f.VLAN_VID and not fields[f.VLAN_VID]:
            return frame
        return frame if field is None else rewriting.rewrite(frame, field, step.value)
    if isinstance(step, Tag):
        tagged = frame
        if not fields[f.VLAN_VID]:
            tagged = rewriting.push_tag(frame, ETHERTYPE.VLAN)
        return rewriting.rewrite(tagged, step.field, step.value)
    if isinstance(step, PushTag):
        return rewriting.push_tag(frame, step.ethertype)
    if isinstance(step, PopTag):
        return rewriting.pop_tag(frame)
    return frame


def _kind(step: Step) -> tuple[object, ...]:
    """Return of what an action set has one (1.3.5 section 5.10): one rewriting per field."""
    return (type(step), step.fields) if isinstance(step, Rewrite) else (type(step),)


_ORDER: tuple[type, ...] = (PopTag, PushTag, SetTtl, Rewrite, ToQueue)


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """Return an action set in the order of its execution; a group makes outputs idle (5.10)."""
    has_group = any(isinstance(one, ToGroup) for one in steps)
    kept = [one for one in steps if not (has_group and isinstance(one, Send))]
    return sorted(kept, key=lambda one: _ORDER.index(type(one)) if type(one) in _ORDER else 9)
