"""Instructions of OpenFlow 1.3 as a slice may use them, in tables that are shifted by one.

A tenant's table is the next one of the switch, its meters have the switch's numbers, and of the
metadata it has all bits but those of the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from horizon_ryu.core.slicing.marked_switch import MARK_MASK
from horizon_ryu.core.slicing.tenant_table import TenantEntry
from horizon_ryu.slicer.actions13 import ActionSlicer13
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.wire.error_codes13 import OFPBIC, OFPET, OFPMMFC
from horizon_ryu.wire.layout import WireError, read_whole, write_whole
from horizon_ryu.wire.of13.structures import (
    INSTRUCTIONS,
    Action13,
    ActionGroup,
    ActionOutput13,
    Instruction,
    InstructionApplyActions,
    InstructionClearActions,
    InstructionExperimenter,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteActions,
    InstructionWriteMetadata,
)
from horizon_ryu.wire.ofp13 import OFPP

_CONTROLLER, _MAX_PORT = int(OFPP.CONTROLLER), int(OFPP.MAX)
_PLAIN = (
    *(InstructionApplyActions, InstructionWriteActions, InstructionClearActions),
    *(InstructionGotoTable, InstructionWriteMetadata),
)
RESERVED = 1
"""Tables of the switch before those of tenants."""


class ProgramUses(NamedTuple):
    """What instructions send to, by the tenant's numbers."""

    ports: frozenset[int]
    groups: frozenset[int]
    meters: frozenset[int]


class ObjectUse(NamedTuple):
    """A group or a meter that an entry needs; ``kind`` is ``group`` or ``meter``."""

    kind: str
    number: int


def _refuse(code: OFPBIC, reason: str) -> TenantRefusal:
    return TenantRefusal(OFPET.BAD_INSTRUCTION, code, reason)


@lru_cache(maxsize=4096)
def read_instructions(data: bytes) -> tuple[Instruction, ...]:
    """Return the instructions in ``data``, which the guard has walked; TenantRefusal."""
    try:
        return read_whole(INSTRUCTIONS, data, 0)
    except WireError as error:
        raise _refuse(OFPBIC.BAD_LEN, "malformed instruction") from error


@lru_cache(maxsize=4096)
def uses_of(data: bytes) -> ProgramUses:
    """Return what instructions send to."""
    found = read_instructions(data)
    actions = list(_actions(found))
    return ProgramUses(
        frozenset(one.port for one in actions if isinstance(one, ActionOutput13)),
        frozenset(one.group_id for one in actions if isinstance(one, ActionGroup)),
        frozenset(one.meter_id for one in found if isinstance(one, InstructionMeter)),
    )


def _actions(instructions: tuple[Instruction, ...]) -> Iterator[Action13]:
    for one in instructions:
        if isinstance(one, InstructionApplyActions | InstructionWriteActions):
            yield from one.actions


def only_asks(data: bytes) -> bool:
    """Tell whether instructions do nothing with a frame but send it to the controller."""
    found = read_instructions(data)
    uses = uses_of(data)
    return (
        uses.ports == {_CONTROLLER}
        and not uses.groups
        and not any(
            isinstance(one, InstructionGotoTable | InstructionExperimenter) for one in found
        )
    )


@lru_cache(maxsize=4096)
def is_plain(data: bytes) -> bool:
    """Tell whether what instructions become depends on nothing but whose ports are whose.

    They change no header, need no group and no meter, and send to ports by their numbers.
    """
    found = read_instructions(data)
    return (
        all(isinstance(one, _PLAIN) for one in found)
        and all(isinstance(one, ActionOutput13) for one in _actions(found))
        and all(port <= _MAX_PORT or port == _CONTROLLER for port in uses_of(data).ports)
    )


def objects_of(entry: TenantEntry) -> Iterator[ObjectUse]:
    """Yield the groups and meters that a tenant's entry needs."""
    uses = uses_of(entry.program)
    yield from (ObjectUse("group", number) for number in uses.groups)
    yield from (ObjectUse("meter", number) for number in uses.meters)


class InstructionSlicer13:
    """Slices the instructions of one tenant's entries; ``tables`` is how many the tenant has."""

    def __init__(
        self, actions: ActionSlicer13, tables: int, meter: Callable[[int], int | None]
    ) -> None:
        """``meter`` returns what the switch has for the tenant's meter."""
        self._actions = actions
        self._tables = tables
        self._meter = meter

    def slice(self, entry: TenantEntry) -> bytes:
        """Return what an entry's instructions become on the switch; TenantRefusal."""
        given = read_instructions(entry.program)
        if len({type(one) for one in given}) < len(given):
            raise _refuse(OFPBIC.UNSUP_INST, "an instruction twice")
        return write_whole(INSTRUCTIONS, tuple(self._one(one, entry) for one in given))

    def _one(self, given: Instruction, entry: TenantEntry) -> Instruction:
        if isinstance(given, InstructionApplyActions):
            return InstructionApplyActions(self._actions.apply(given.actions, entry.match))
        if isinstance(given, InstructionWriteActions):
            return InstructionWriteActions(self._actions.action_set(given.actions))
        if isinstance(given, InstructionClearActions):
            return InstructionClearActions()
        if isinstance(given, InstructionGotoTable):
            return self._goto(given, entry.table_id)
        if isinstance(given, InstructionWriteMetadata):
            return self._write_metadata(given)
        if isinstance(given, InstructionMeter):
            real = self._meter(given.meter_id)
            if real is None:
                raise TenantRefusal(OFPET.METER_MOD_FAILED, OFPMMFC.INVALID_METER, "unknown meter")
            return InstructionMeter(real)
        if isinstance(given, InstructionExperimenter):
            if given.experimenter not in self._actions.ports.vendors:
                raise _refuse(OFPBIC.BAD_EXPERIMENTER, "experimenter instruction")
            return given
        raise _refuse(OFPBIC.UNKNOWN_INST, "unknown instruction")

    def _goto(self, given: InstructionGotoTable, table_id: int) -> Instruction:
        if not table_id < given.table_id < self._tables:
            raise _refuse(OFPBIC.BAD_TABLE_ID, "no later table of the tenant's")
        return InstructionGotoTable(given.table_id + RESERVED)

    def _write_metadata(self, given: InstructionWriteMetadata) -> Instruction:
        if given.metadata_mask & MARK_MASK:
            raise _refuse(
                OFPBIC.UNSUP_METADATA_MASK, "bits of the metadata that are not the tenant's"
            )
        return InstructionWriteMetadata(given.metadata & given.metadata_mask, given.metadata_mask)
