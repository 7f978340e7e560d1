"""Flow-mods of OpenFlow 1.0: the tenant's as a change of its table, and the switch's."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from horizon_ryu.core.slicing.priority_bands import BandFull
from horizon_ryu.core.slicing.region import TooManyEntries
from horizon_ryu.core.slicing.switch_entries import Address, InstalledEntry, SwitchChanges
from horizon_ryu.core.slicing.table_transition import TableTransition
from horizon_ryu.core.slicing.tenant_table import (
    FlowChange,
    OutsideFlowspace,
    OverlappingEntry,
    QuotaExceeded,
    TableCommand,
    TenantEntry,
)
from horizon_ryu.slicer.actions10 import outputs_of, read_actions10
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.wire.error_codes10 import OFPET, OFPFMFC
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.layout import write_whole
from horizon_ryu.wire.of10.structures import ACTIONS10, ActionOutput10
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER, OFPFF, OFPP, OFPT
from horizon_ryu.wire.ternary import EVERY_HEADER, FIELDS_SIZE_10, TernaryMatch
from horizon_ryu.wire.ternary10 import match10, wildcards10
from horizon_ryu.wire.versions import OPENFLOW_10

_READ = struct.Struct("!I36sQHHHHIHH")
_WHOLE = struct.Struct("!BBHI" + _READ.format[1:])
ACTIONS_AT = _WHOLE.size
_FLOW_MOD = int(OFPT.FLOW_MOD)
_NONE = int(OFPP.NONE)
_COMMANDS = {int(command): command for command in TableCommand}
_ADD, _DELETE_STRICT = TableCommand.ADD, TableCommand.DELETE_STRICT
_FOR_ALL = (TableCommand.MODIFY, TableCommand.DELETE)
_DELETES = (TableCommand.DELETE, TableCommand.DELETE_STRICT)
_SEND_FLOW_REM, _CHECK_OVERLAP = int(OFPFF.SEND_FLOW_REM), int(OFPFF.CHECK_OVERLAP)
_TO_CONTROLLER = write_whole(ACTIONS10, (ActionOutput10(int(OFPP.CONTROLLER), 0xFFFF),))
_KNOWN_FLAGS = _SEND_FLOW_REM | _CHECK_OVERLAP

_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (OutsideFlowspace, OFPFMFC.EPERM, "outside flowspace"),
    (TooManyEntries, OFPFMFC.EPERM, "too many entries"),
    (QuotaExceeded, OFPFMFC.EPERM, "flow_entries"),
    (OverlappingEntry, OFPFMFC.OVERLAP, "overlap"),
    (BandFull, OFPFMFC.ALL_TABLES_FULL, "priorities in use"),
)
"""What a flow-mod fails with -> the code that its tenant is told."""
REFUSED_FOR = tuple(kind for kind, _, _ in _REFUSALS)


class TenantFlowMod(NamedTuple):
    """A tenant's flow-mod: what it does with an entry; ``buffer_id`` None if it names no frame.

    ``out_port``: of those that are deleted, the port that they must send to; None for any.
    """

    command: TableCommand
    entry: TenantEntry
    flags: int
    buffer_id: int | None
    out_port: int | None

    @property
    def is_plain(self) -> bool:
        """Whether it adds an entry, and asks for nothing besides."""
        return self.command is _ADD and self.buffer_id is None and not self.flags & _CHECK_OVERLAP

    @property
    def may_be_many(self) -> bool:
        """Whether it is for as many entries as there are, and names no frame."""
        return self.command in _FOR_ALL and self.buffer_id is None

    @property
    def change(self) -> FlowChange:
        """What it is for the tenant's table."""
        return FlowChange(
            self.command,
            self.entry,
            check_overlap=bool(self.flags & _CHECK_OVERLAP),
            selects=None if self.out_port is None else _OutputFilter(self.out_port),
        )


def read_flow_mod10(message: bytes, slice_name: str, entry_id: int, now: float) -> TenantFlowMod:
    """Return what a tenant's flow-mod says; TenantRefusal for what no switch would do."""
    (wildcards, fields, cookie, command, idle, hard, priority, buffer_id, out_port, flags) = (
        _READ.unpack_from(message, HEADER_SIZE)
    )
    known = _COMMANDS.get(command)
    if known is None:
        # FlowVisor answers so, and its suite asks for it: BAD_COMMAND would say more.
        raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM, "unknown command")
    if flags & ~_KNOWN_FLAGS:
        raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.UNSUPPORTED, "flags")
    entry = TenantEntry(
        entry_id,
        slice_name,
        match10(wildcards, fields),
        priority,
        cookie,
        message[ACTIONS_AT:],
        idle,
        hard,
        flags,
        bool(flags & _SEND_FLOW_REM),
        now,
    )
    if known not in _DELETES:
        return TenantFlowMod(
            known, entry, flags, None if buffer_id == OFP_NO_BUFFER else buffer_id, None
        )
    return TenantFlowMod(known, entry, flags, None, None if out_port == _NONE else out_port)


class _OutputFilter:
    """Lets the entries through that send to a port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __call__(self, entry: TenantEntry) -> bool:
        return self._port in outputs_of(read_actions10(entry.program))


class SwitchFlowMod(NamedTuple):
    """A flow-mod for the switch, but for its xid; ``entry`` is what it is about."""

    entry: InstalledEntry
    command: TableCommand


def switch_flow_mods(changes: SwitchChanges) -> Iterator[SwitchFlowMod]:
    """Yield the flow-mods that carry changes out, in their order."""
    for entry in changes.added:
        yield SwitchFlowMod(entry, TableCommand.ADD)
    for entry in changes.modified:
        yield SwitchFlowMod(entry, TableCommand.MODIFY_STRICT)
    for entry in changes.deleted:
        yield SwitchFlowMod(entry, TableCommand.DELETE_STRICT)


def transition_mods10(transition: TableTransition, now: float) -> Iterator[bytes]:
    """Yield what leads from the entries of one flowspace to those of another."""
    for command, address, entry in transition.steps():
        if entry is None:
            yield guard_mod10(address, command)
        else:
            yield write_flow_mod10(SwitchFlowMod(entry, command), 0, now)


def guard_mod10(address: Address, command: TableCommand) -> bytes:
    """Return what has a guard stand at an address, or no more."""
    match, priority = address
    actions = _TO_CONTROLLER if command is TableCommand.ADD else b""
    return raw_flow_mod10(0, match, command, priority, actions)


def write_flow_mod10(
    mod: SwitchFlowMod, xid: int, now: float, buffer_id: int | None = None
) -> bytes:
    """Return a flow-mod of the slicer's; an entry that is made later has less time left."""
    entry, command = mod
    owner = entry.owner
    hard = owner.hard_timeout
    if hard:
        hard = max(1, hard - int(now - owner.since))
    ends = owner.idle_timeout or hard or owner.wants_removal
    return raw_flow_mod10(
        xid,
        entry.match,
        command,
        entry.priority,
        b"" if command is _DELETE_STRICT else entry.program,
        owner.entry_id,
        owner.idle_timeout,
        hard,
        _SEND_FLOW_REM if ends else 0,
        OFP_NO_BUFFER if buffer_id is None else buffer_id,
    )


def raw_flow_mod10(
    xid: int,
    match: TernaryMatch,
    command: TableCommand,
    priority: int,
    actions: bytes = b"",
    cookie: int = 0,
    idle: int = 0,
    hard: int = 0,
    flags: int = 0,
    buffer_id: int = OFP_NO_BUFFER,
) -> bytes:
    """Return the bytes of a flow-mod."""
    wildcards = wildcards10(match.mask)
    fields = match.value.to_bytes(FIELDS_SIZE_10, "big")
    head = _WHOLE.pack(
        OPENFLOW_10, _FLOW_MOD, ACTIONS_AT + len(actions), xid, wildcards, fields,
        cookie, command, idle, hard, priority, buffer_id, _NONE, flags,
    )  # fmt: skip
    return head + actions


def delete_all10(xid: int) -> bytes:
    """Return the flow-mod that empties a switch."""
    return raw_flow_mod10(xid, EVERY_HEADER, TableCommand.DELETE, 0)


def refusal_of(error: Exception) -> TenantRefusal:
    """Return what a tenant is told of an error that one of :data:`REFUSED_FOR` is."""
    for kind, code, reason in _REFUSALS:
        if isinstance(error, kind):
            return TenantRefusal(OFPET.FLOW_MOD_FAILED, code, reason)
    raise error
