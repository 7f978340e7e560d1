"""Flow tables of a switch of OpenFlow 1.3: tenants' flow-mods, and how their entries end."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from horizon_ryu.core.slicing.limits import Limited
from horizon_ryu.core.slicing.marked_switch import (
    MarkedChanges,
    MarkedEntry,
    MarkedSteps,
    MarkedSwitch,
)
from horizon_ryu.core.slicing.tenant_table import (
    FlowChange,
    OutsideFlowspace,
    OverlappingEntry,
    QuotaExceeded,
    TableChange,
    TableCommand,
    TenantEntry,
)
from horizon_ryu.slicer.flow_mod_forms13 import FlowModForms13
from horizon_ryu.slicer.flow_mods13 import TenantFlowMod13, read_flow_mod13, write_flow_mod13
from horizon_ryu.slicer.instructions13 import ObjectUse, is_plain, only_asks
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import MANY_ENTRIES, SlicedLink, framed
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPFMFC
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.ofp13 import OFPRR, OFPT
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary import new_tuple
from horizon_ryu.wire.ternary13 import write_match13
from horizon_ryu.wire.versions import OPENFLOW_13

_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (OutsideFlowspace, OFPFMFC.EPERM, "outside flowspace"),
    (QuotaExceeded, OFPFMFC.EPERM, "flow_entries"),
    (OverlappingEntry, OFPFMFC.OVERLAP, "overlap"),
)
"""What a flow-mod fails with -> the code that its tenant is told."""
_REFUSED_FOR = tuple(kind for kind, _, _ in _REFUSALS)
_FLOW_MODS = Limited.FLOW_MODS
_REMOVED = struct.Struct("!QHBBIIHHQQ")
_FLOW_REMOVED = int(OFPT.FLOW_REMOVED)
_MOST_NEVER_WERE = 1024
"""Changes that were refused while later ones were under way, each with what was before."""

WantsRemoval = Callable[[TenantConnection, int], bool]
"""Tells whether a controller wants to hear of entries removed for a reason."""


@dataclass(slots=True)
class SlicedLink13(SlicedLink):
    """The link of a switch whose tenants' frames are told apart by a mark."""

    sliced: MarkedSwitch


class _Removed(NamedTuple):
    """What a switch says of an entry that has ended."""

    cookie: int = 0
    priority: int = 0
    reason: int = 0
    table_id: int = 0
    seconds: int = 0
    nanoseconds: int = 0
    idle: int = 0
    hard: int = 0
    packets: int = 0
    octets: int = 0


class FlowTables13:
    """The tables of all tenants of one switch, and the switch's."""

    def __init__(self, link: SlicedLink13, tables: int, wants: WantsRemoval, first_id: int) -> None:
        """``tables``: how many each tenant has. Entries have the ids after ``first_id``."""
        self._link = link
        self._count = tables
        self._wants = wants
        self._last_id = first_id
        self._leaving: dict[int, tuple[TenantEntry, int]] = {}
        self._muted: dict[int, TenantEntry] = {}
        self._never_were: dict[TenantEntry, TenantEntry] = {}
        self._forms: dict[str, FlowModForms13] = {}

    # ---- from tenants

    def flow_mod(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Carry out a tenant's flow-mod; TenantRefusal, and then nothing has changed."""
        name = tenant.slice_name
        presence = self._link.presences[name]
        if not presence.admit(_FLOW_MODS, now):
            raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM, _FLOW_MODS.value)
        settings, quota = presence.settings, None
        if settings.per_switch or settings.limits.flow_entries is not None:
            quota = self._link.entry_quota(name)
        if quota is None and self._add_known(tenant, message, now):
            return
        self._last_id += 1
        mod = read_flow_mod13(message, name, self._last_id, now, self._count)
        if mod.buffer_id is not None and tenant.header_of(mod.buffer_id) is None:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN, "foreign buffer")
        if mod.may_be_many and len(self._link.sliced.table(name)) > MANY_ENTRIES:
            self._link.at_length(tenant, self._many(tenant, message, mod))
            return
        try:
            change, sent = self._link.sliced.flow_mod(name, mod.change, quota)
        except _REFUSED_FOR as error:
            raise _refused(error) from error
        if mod.buffer_id is not None:
            tenant.consume(mod.buffer_id)
        undo = partial(self._undo, change)
        asked = Asked(tenant, xid_of(message), message, undo)
        written = self._send(sent, asked, mod.buffer_id, mod.resets_counts)
        for entry in sent.deleted:
            self._leave(entry, int(OFPRR.DELETE))
        # What instructions become must be the same for any match.
        if mod.is_plain and written and is_plain(sent.added[0].entry.program):
            entry, program = sent.added[0]
            self._forms_of(name).learn(message, entry, program, written[0])

    def _many(self, tenant: TenantConnection, message: bytes, mod: TenantFlowMod13) -> Work:
        """Carry out a flow-mod for all entries that it is for, one in each step."""
        sliced, change, xid = self._link.sliced, mod.change, xid_of(message)
        table = sliced.table(tenant.slice_name)
        found = yield from table.selecting(change)
        if change.command is TableCommand.DELETE:
            asked = Asked(tenant, xid, message, partial(self._undo, TableChange()))
            while found:
                entry, _ = found.pop()
                if table.at(entry.key) is entry:
                    self._end(entry, int(OFPRR.DELETE), asked)
                yield None
            return
        became: list[MarkedEntry] = []
        try:
            for one in sliced.modifying(found):
                became.append(one)
                yield None
        except TenantRefusal as refusal:
            self._link.refuse(tenant, message, refusal)
            return
        except _REFUSED_FOR as error:
            self._link.refuse(tenant, message, _refused(error))
            return
        while found:
            (entry, _), now = found.pop(), became.pop()
            done = sliced.modify(entry, now)
            if done is not None:
                asked = Asked(tenant, xid, message, partial(self._undo, done))
                changes = MarkedChanges(modified=(now,))
                self._send(changes, asked, resets_counts=mod.resets_counts)
            yield None

    def _add_known(self, tenant: TenantConnection, message: bytes, now: float) -> bool:
        """Add an entry as one before that differs from it in addresses; False if none is known."""
        name, link = tenant.slice_name, self._link
        found = self._forms_of(name).find(message)
        if found is None:
            return False
        form, value, fields = found
        entry_id = self._last_id = self._last_id + 1
        entry = form.entry(entry_id, name, value, now)
        undo = partial(self._undo, link.sliced.add_plain(entry, form.program))
        asked = new_tuple(Asked, (tenant, xid_of(message), message, undo))
        link.say(form.written(link.xids.translate(asked), entry_id, fields))
        return True

    def _forms_of(self, name: str) -> FlowModForms13:
        """Return what flow-mods of a slice become, as its flowspace is now."""
        found, flowspace = self._forms.get(name), self._link.sliced.flowspace
        if found is None or found.flowspace is not flowspace:
            found = self._forms[name] = FlowModForms13(flowspace)
        return found

    def forget_forms(self) -> None:
        """Work out anew what flow-mods become: what slices may do has changed."""
        self._forms.clear()

    def _send(
        self,
        changes: MarkedChanges,
        asked: Asked | None,
        buffer_id: int | None = None,
        resets_counts: bool = False,
    ) -> list[bytes]:
        """Send what changes, and return it; a buffered frame goes with the first that comes."""
        says: list[tuple[MarkedEntry, TableCommand]] = [
            *((one, TableCommand.ADD) for one in changes.added),
            *((one, TableCommand.MODIFY) for one in changes.modified),
            *((MarkedEntry(entry, b""), TableCommand.DELETE) for entry in changes.deleted),
        ]
        sent: list[bytes] = []
        for at, (one, command) in enumerate(says):
            if one.program:
                self._muted.pop(one.entry.entry_id, None)
            mark = self._link.sliced.marks.of(one.entry.slice_name)
            if mark is None:
                continue
            xid = 0 if asked is None else self._link.xids.translate(asked)
            buffered = None if at else buffer_id
            sent.append(write_flow_mod13(one, mark, command, xid, buffered, resets_counts))
            self._link.say(sent[-1])
        return sent

    def _leave(self, entry: TenantEntry, reason: int) -> None:
        """Wait for what the switch says of an entry that goes, if its tenant wants to hear."""
        if entry.wants_removal:
            self._leaving[entry.entry_id] = entry, reason

    def _undo(self, change: TableChange, now: float) -> None:
        """Have the tables as they were before a flow-mod that the switch has refused.

        Later flow-mods of the same entries may be under way by then.
        """
        sliced = self._link.sliced
        for entry in change.come:
            found = sliced.find(entry.entry_id)
            if found is not None:
                sliced.end(found)
                self._send(MarkedChanges(deleted=(found,)), None)
            self._leaving.pop(entry.entry_id, None)
        for old, new in change.modified:
            before = self._never_were.get(old, old)
            if sliced.find(new.entry_id) is not new:
                if len(self._never_were) >= _MOST_NEVER_WERE:
                    self._never_were.clear()
                self._never_were[new] = before
                continue
            try:
                sliced.restore(before)
            except ValueError:
                self._end(before, int(OFPRR.DELETE))

    def _end(self, entry: TenantEntry, reason: int, asked: Asked | None = None) -> None:
        """Take an entry from the switch, and tell its tenants why when that says it has gone."""
        self._link.sliced.end(entry)
        self._leave(entry, reason)
        self._send(MarkedChanges(deleted=(entry,)), asked)

    # ---- a switch that is taken over

    def restore(self, kept: Iterable[TenantEntry]) -> tuple[set[int], list[TenantEntry]]:
        """Have entries as they were, as if the switch had them; it is told nothing.

        Return the ids of those that are, and the others, which have no place any more.
        """
        there: set[int] = set()
        lost: list[TenantEntry] = []
        for entry in kept:
            try:
                if entry.slice_name not in self._link.presences:
                    raise OutsideFlowspace("no such slice")
                self._link.sliced.flow_mod(entry.slice_name, FlowChange(TableCommand.ADD, entry))
            except ValueError:
                lost.append(entry)
            else:
                there.add(entry.entry_id)
        return there, lost

    def carry_out(self, changes: MarkedChanges) -> None:
        """Send what a switch lacks, and what it has that is another."""
        self._send(changes, None)

    def end_quietly(self, entry: TenantEntry) -> None:
        """End an entry that has ended while nobody was connected."""
        self._link.sliced.end(entry)

    # ---- entries that nobody listens to

    def mute(self, entry: TenantEntry) -> bool:
        """Have the switch drop the frames of an entry that does nothing but send them to nobody.

        Tell whether it is such an entry.
        """
        if not only_asks(entry.program):
            return False
        if entry.entry_id not in self._muted:
            self._muted[entry.entry_id] = entry
            self._send(MarkedChanges(modified=(MarkedEntry(entry, b""),)), None)
        return True

    def unmute(self, slice_name: str) -> None:
        """Have the entries of a slice ask again: somebody is there."""
        muted = [one for one in self._muted.values() if one.slice_name == slice_name]
        for entry in muted:
            del self._muted[entry.entry_id]
            found = self._link.sliced.installed(entry.entry_id)
            if found is not None:
                self._send(MarkedChanges(modified=(found,)), None)

    # ---- what entries need

    def entries_using(
        self, slice_name: str, group: int | None = None, meter: int | None = None
    ) -> int:
        """Return how many entries of a slice use its group or meter."""
        use = ObjectUse("meter", meter or 0) if group is None else ObjectUse("group", group)
        return len(self._link.sliced.users(slice_name, use))

    def end_using(
        self,
        slice_name: str,
        groups: frozenset[int],
        meters: frozenset[int],
        reason: int,
        now: float,
    ) -> None:
        """End the entries of a slice that use any of these, and tell its tenants why."""
        uses = [ObjectUse("group", one) for one in sorted(groups)]
        uses += [ObjectUse("meter", one) for one in sorted(meters)]
        for use in uses:
            for entry in self._link.sliced.users(slice_name, use):
                self._end(entry, reason)

    # ---- from the switch

    def flow_removed(self, message: bytes, now: float) -> None:
        """Take note of an entry that has ended, and tell its tenant, once."""
        removed = _Removed(*_REMOVED.unpack_from(message, HEADER_SIZE))
        self._muted.pop(removed.cookie, None)
        leaving = self._leaving.pop(removed.cookie, None)
        if leaving is not None:
            entry, reason = leaving
            self._tell(entry, removed._replace(reason=reason))
            return
        found = self._link.sliced.find(removed.cookie)
        if found is not None:
            self._link.sliced.end(found)
            if found.wants_removal:
                self._tell(found, removed)

    def _tell(self, entry: TenantEntry, removed: _Removed) -> None:
        told = removed._replace(
            cookie=entry.cookie,
            priority=entry.priority,
            table_id=entry.table_id,
            idle=entry.idle_timeout,
            hard=entry.hard_timeout,
        )
        body = _REMOVED.pack(*told) + write_match13(entry.match)
        message = framed(OPENFLOW_13, _FLOW_REMOVED, 0, body)
        for tenant in self._link.connected(entry.slice_name):
            if self._wants(tenant, removed.reason):
                tenant.say(message)

    # ---- the flowspace

    def following(self, steps: MarkedSteps) -> Work:
        """Send what changes of entries, step by step, and wait for what is said of those lost."""
        for changes in steps:
            self._send(changes, None)
            for entry in changes.deleted:
                self._leave(entry, int(OFPRR.DELETE))
            yield None


def _refused(error: Exception) -> TenantRefusal:
    for kind, code, reason in _REFUSALS:
        if isinstance(error, kind):
            return TenantRefusal(OFPET.FLOW_MOD_FAILED, code, reason)
    raise error
