"""Flow-mods of OpenFlow 1.3: the tenant's as a change of its tables, and the switch's."""

from __future__ import annotations

import struct
from typing import NamedTuple

from horizon_ryu.core.slicing.marked_switch import (
    MarkedEntry,
    MetadataTooWide,
    marked_match,
    tenant_match,
)
from horizon_ryu.core.slicing.tenant_table import FlowChange, TableCommand, TenantEntry
from horizon_ryu.slicer.instructions13 import RESERVED, read_instructions, uses_of
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import framed
from horizon_ryu.wire.error_codes13 import OFPBMC, OFPET, OFPFMFC
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPFF, OFPG, OFPP, OFPT, OFPTT
from horizon_ryu.wire.ternary import EVERY_HEADER, TernaryMatch
from horizon_ryu.wire.ternary13 import MatchError, read_match13, write_match13
from horizon_ryu.wire.versions import OPENFLOW_13

_BODY = struct.Struct("!QQBBHHHIIIH2x")
_MATCH_AT = HEADER_SIZE + _BODY.size
_FLOW_MOD = int(OFPT.FLOW_MOD)
_ANY_PORT, _ANY_GROUP, _ALL_TABLES = int(OFPP.ANY), int(OFPG.ANY), int(OFPTT.ALL)
_COMMANDS = {int(command): command for command in TableCommand}
_STRICT = {
    TableCommand.ADD: TableCommand.ADD,
    TableCommand.MODIFY: TableCommand.MODIFY_STRICT,
    TableCommand.MODIFY_STRICT: TableCommand.MODIFY_STRICT,
    TableCommand.DELETE: TableCommand.DELETE_STRICT,
    TableCommand.DELETE_STRICT: TableCommand.DELETE_STRICT,
}
"""What the switch is told where a tenant says a command: it has each entry by itself."""
_SEND_FLOW_REM, _CHECK_OVERLAP = int(OFPFF.SEND_FLOW_REM), int(OFPFF.CHECK_OVERLAP)
_RESET_COUNTS = int(OFPFF.RESET_COUNTS)
_UNCOUNTED = int(OFPFF.NO_PKT_COUNTS | OFPFF.NO_BYT_COUNTS)
_KNOWN_FLAGS = _SEND_FLOW_REM | _CHECK_OVERLAP | _RESET_COUNTS | _UNCOUNTED
_EVERY_BIT = (1 << 64) - 1
_FOR_ALL = (TableCommand.MODIFY, TableCommand.DELETE)


class TenantFlowMod13(NamedTuple):
    """A tenant's flow-mod; ``buffer_id`` None if it names no frame."""

    change: FlowChange
    buffer_id: int | None
    resets_counts: bool

    @property
    def may_be_many(self) -> bool:
        """Whether it is for as many entries as there are, and names no frame."""
        return self.change.command in _FOR_ALL and self.buffer_id is None

    @property
    def is_plain(self) -> bool:
        """Whether it adds an entry, and asks for nothing besides."""
        change = self.change
        is_add = change.command is TableCommand.ADD
        return is_add and self.buffer_id is None and not change.check_overlap


def read_match(message: bytes, start: int) -> tuple[TernaryMatch, int]:
    """Return a tenant's match, and where it ends; TenantRefusal."""
    try:
        match, end = read_match13(message, start)
        return tenant_match(match), end
    except MatchError as error:
        raise TenantRefusal(OFPET.BAD_MATCH, error.code, "malformed match") from error
    except MetadataTooWide as error:
        reason = "bits of the metadata that are not the tenant's"
        raise TenantRefusal(OFPET.BAD_MATCH, OFPBMC.BAD_MASK, reason) from error


def _known(command: int, flags: int) -> TableCommand:
    """Return what a command does; TenantRefusal for one, or for flags, that no switch knows."""
    known = _COMMANDS.get(command)
    if known is None:
        raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_COMMAND, "unknown command")
    if flags & ~_KNOWN_FLAGS:
        raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_FLAGS, "flags")
    return known


def read_flow_mod13(
    message: bytes, slice_name: str, entry_id: int, now: float, tables: int
) -> TenantFlowMod13:
    """Return what a tenant's flow-mod says; TenantRefusal for what no switch would do.

    ``tables``: how many the tenant has.
    """
    cookie, cookie_mask, table_id, command, *rest = _BODY.unpack_from(message, HEADER_SIZE)
    idle, hard, priority, buffer_id, out_port, out_group, flags = rest
    known = _known(command, flags)
    deletes = known in (TableCommand.DELETE, TableCommand.DELETE_STRICT)
    every_table = deletes and table_id == _ALL_TABLES
    if not every_table and table_id >= tables:
        raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_TABLE_ID, "no table of the tenant's")
    match, end = read_match(message, _MATCH_AT)
    entry = TenantEntry(
        entry_id=entry_id,
        slice_name=slice_name,
        match=match,
        priority=priority,
        cookie=cookie,
        program=b"" if deletes else bytes(message[end:]),
        idle_timeout=idle,
        hard_timeout=hard,
        flags=flags,
        wants_removal=bool(flags & _SEND_FLOW_REM),
        since=now,
        table_id=table_id,
    )
    if not deletes:
        read_instructions(entry.program)
    change = FlowChange(
        known,
        entry,
        every_table=every_table,
        cookie_mask=0 if known is TableCommand.ADD else cookie_mask,
        check_overlap=bool(flags & _CHECK_OVERLAP),
        selects=_filter(out_port, out_group) if deletes else None,
    )
    buffered = None if deletes or buffer_id == OFP_NO_BUFFER else buffer_id
    return TenantFlowMod13(change, buffered, bool(flags & _RESET_COUNTS))


class OutputFilter13:
    """Lets the entries through that send to a port, and to a group; None is any."""

    def __init__(self, port: int | None, group: int | None) -> None:
        self._port = port
        self._group = group

    def __call__(self, entry: TenantEntry) -> bool:
        uses = uses_of(entry.program)
        return (self._port is None or self._port in uses.ports) and (
            self._group is None or self._group in uses.groups
        )


def _filter(port: int, group: int) -> OutputFilter13 | None:
    if port == _ANY_PORT and group == _ANY_GROUP:
        return None
    return output_filter(port, group)


def output_filter(port: int, group: int) -> OutputFilter13:
    """Return the filter that a port and a group on the wire ask for."""
    return OutputFilter13(
        None if port == _ANY_PORT else port, None if group == _ANY_GROUP else group
    )


def write_flow_mod13(
    one: MarkedEntry,
    mark: int,
    command: TableCommand,
    xid: int,
    buffer_id: int | None = None,
    resets_counts: bool = False,
) -> bytes:
    """Return a flow-mod of the slicer's for a tenant's entry; its cookie is the entry's id."""
    entry = one.entry
    command = _STRICT[command]
    ends = entry.idle_timeout or entry.hard_timeout or entry.wants_removal
    flags = (entry.flags & _UNCOUNTED) | (_SEND_FLOW_REM if ends else 0)
    if resets_counts:
        flags |= _RESET_COUNTS
    return raw_flow_mod13(
        xid,
        entry.table_id + RESERVED,
        marked_match(entry.match, mark),
        command,
        entry.priority,
        one.program,
        cookie=entry.entry_id,
        cookie_mask=0 if command is TableCommand.ADD else _EVERY_BIT,
        idle=entry.idle_timeout,
        hard=entry.hard_timeout,
        flags=flags,
        buffer_id=OFP_NO_BUFFER if buffer_id is None else buffer_id,
    )


def raw_flow_mod13(
    xid: int,
    table_id: int,
    match: TernaryMatch,
    command: TableCommand,
    priority: int,
    instructions: bytes = b"",
    *,
    cookie: int = 0,
    cookie_mask: int = 0,
    idle: int = 0,
    hard: int = 0,
    flags: int = 0,
    buffer_id: int = OFP_NO_BUFFER,
) -> bytes:
    """Return the bytes of a flow-mod."""
    body = _BODY.pack(
        *(cookie, cookie_mask, table_id, command, idle, hard, priority, buffer_id),
        *(_ANY_PORT, _ANY_GROUP, flags),
    )
    return framed(OPENFLOW_13, _FLOW_MOD, xid, body + write_match13(match) + instructions)


def delete_all13(xid: int) -> bytes:
    """Return the flow-mod that empties all tables of a switch."""
    return raw_flow_mod13(xid, _ALL_TABLES, EVERY_HEADER, TableCommand.DELETE, 0)
