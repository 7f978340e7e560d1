"""Flow tables of a switch of OpenFlow 1.0: tenants' flow-mods, and how their entries end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from horizon_ryu.core.slicing.limits import Limited
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.slice_settings import BandwidthMode
from horizon_ryu.core.slicing.sliced_switch import SlicedSwitch
from horizon_ryu.core.slicing.switch_entries import (
    Address,
    EntryRemoval,
    InstalledEntry,
    SwitchChanges,
)
from horizon_ryu.core.slicing.table_transition import Steps, TableTransition
from horizon_ryu.core.slicing.tenant_table import (
    TableCommand,
    TenantEntry,
)
from horizon_ryu.slicer.actions10 import (
    ActionSlicer,
    SliceMarks,
    changes_headers,
    depends_on_ports,
    port_of,
    read_actions10,
)
from horizon_ryu.slicer.entry_tallies10 import (
    REMOVED,
    EntryTally,
    count_piece,
    flow_removed10,
)
from horizon_ryu.slicer.flow_mod_forms10 import FlowModForms10
from horizon_ryu.slicer.flow_mods10 import (
    REFUSED_FOR,
    SwitchFlowMod,
    TenantFlowMod,
    guard_mod10,
    read_flow_mod10,
    refusal_of,
    switch_flow_mods,
    transition_mods10,
    write_flow_mod10,
)
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.ports10 import TenantPorts10
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import MANY_ENTRIES, SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.error_codes10 import OFPBRC, OFPET, OFPFMFC
from horizon_ryu.wire.ofp10 import OFPRR
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.ternary import TernaryMatch, new_tuple
from horizon_ryu.wire.ternary10 import read_match10

_ADD, _FLOW_MODS = TableCommand.ADD, Limited.FLOW_MODS
_MATCH_AT, COOKIE_AT = 8, 48


@dataclass(slots=True)
class SlicedLink10(SlicedLink):
    """The link of a switch whose tenants' entries are told apart by their matches."""

    sliced: SlicedSwitch


class FlowTables10:
    """The tables of all tenants of one switch, and the switch's."""

    def __init__(self, link: SlicedLink10, ports: TenantPorts10, first_id: int) -> None:
        """Entries have the ids after ``first_id``."""
        self._link = link
        self._ports = ports
        self._last_id = first_id
        self._tallies: dict[int, EntryTally] = {}
        self._leaving: dict[tuple[TernaryMatch, int], TenantEntry] = {}
        self._slicers: dict[tuple[str, int | None], ActionSlicer] = {}
        self._forms: dict[str, FlowModForms10] = {}

    # ---- from tenants

    def flow_mod(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Carry out a tenant's flow-mod; TenantRefusal, and then nothing has changed."""
        presence = self._link.presences[tenant.slice_name]
        if not presence.admit(_FLOW_MODS, now):
            raise TenantRefusal(OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM, _FLOW_MODS.value)
        settings, quota = presence.settings, None
        if settings.per_switch or settings.limits.flow_entries is not None:
            quota = self._link.entry_quota(tenant.slice_name)
        if quota is None and self._add_known(tenant, message, now):
            return
        self._last_id += 1
        mod = read_flow_mod10(message, tenant.slice_name, self._last_id, now)
        header = None if mod.buffer_id is None else tenant.header_of(mod.buffer_id)
        if mod.buffer_id is not None and header is None:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN, "foreign buffer")
        if quota is None and mod.is_plain and self._add(mod.entry, tenant, message, now):
            return
        table = self._link.sliced.table(tenant.slice_name)
        if mod.may_be_many and len(table) > MANY_ENTRIES:
            self._link.at_length(tenant, self._many(tenant, message, mod, quota, now))
            return
        try:
            change, sent = self._link.sliced.flow_mod(tenant.slice_name, mod.change, quota)
        except REFUSED_FOR as error:
            raise refusal_of(error) from error
        if mod.buffer_id is not None:
            tenant.consume(mod.buffer_id)
        # The entries that end if the switch refuses them.
        come = tuple(entry.entry_id for entry in change.come)
        asked = Asked(tenant, xid_of(message), message, come)
        self._send(sent, now, asked, mod.buffer_id, header)
        self._end(change.gone if mod.command >= TableCommand.DELETE else (), sent)

    def _many(
        self,
        tenant: TenantConnection,
        message: bytes,
        mod: TenantFlowMod,
        quota: int | None,
        now: float,
    ) -> Work:
        """Carry out a flow-mod for all entries that it is for, one in each step."""
        sliced, change = self._link.sliced, mod.change
        table = sliced.table(tenant.slice_name)
        found = yield from table.selecting(change)
        asked = Asked(tenant, xid_of(message), message, ())
        if mod.command is TableCommand.DELETE:
            while found:
                entry, _ = found.pop()
                if table.at(entry.key) is entry:
                    sent = sliced.drop(entry)
                    self._send(sent, now, asked)
                    self._end((entry,), sent)
                yield None
            return
        try:
            if not found:
                added = change._replace(command=_ADD)
                made, sent = sliced.flow_mod(tenant.slice_name, added, quota)
                come = tuple(entry.entry_id for entry in made.come)
                self._send(sent, now, asked._replace(context=come))
            for sent in sliced.modifying(found):
                self._send(sent, now, asked)
                yield None
        except TenantRefusal as refusal:
            self._link.refuse(tenant, message, refusal)
        except REFUSED_FOR as error:
            self._link.refuse(tenant, message, refusal_of(error))

    def _add(
        self, entry: TenantEntry, tenant: TenantConnection, message: bytes, now: float
    ) -> bool:
        """Add an entry that becomes one of the switch's; False if it takes more than that."""
        sliced = self._link.sliced
        part = sliced.whole_part(entry)
        place = None if part is None else sliced.add_part(entry, part)
        if part is None or place is None:
            return False
        added = InstalledEntry(entry.match, place, part.program, entry)
        asked = Asked(tenant, xid_of(message), message, (entry.entry_id,))
        xid = self._link.xids.translate(asked)
        written = write_flow_mod10(SwitchFlowMod(added, _ADD), xid, now)
        self._link.say(written)
        if not changes_headers(read_actions10(entry.program)):
            self._forms_of(entry.slice_name).learn(message, entry, part, written)
        return True

    def _add_known(self, tenant: TenantConnection, message: bytes, now: float) -> bool:
        """Add an entry as one before that differs from it in addresses; False if none is known."""
        name, link = tenant.slice_name, self._link
        found = self._forms_of(name).find(message)
        if found is None:
            return False
        form, match = found
        entry_id = self._last_id + 1
        place = link.sliced.add_part(form.entry(entry_id, name, match, now), form.part)
        if place is None:
            return False
        self._last_id = entry_id
        asked = new_tuple(Asked, (tenant, xid_of(message), message, (entry_id,)))
        link.say(form.written(link.xids.translate(asked), match, entry_id, place))
        return True

    def _forms_of(self, name: str) -> FlowModForms10:
        """Return what flow-mods of a slice become, as its flowspace and ports are now."""
        found, flowspace = self._forms.get(name), self._link.sliced.flowspace
        ports = self._ports.for_actions(name)
        if found is None or found.ports is not ports or found.flowspace is not flowspace:
            found = self._forms[name] = FlowModForms10(flowspace, ports)
        return found

    def _send(
        self,
        changes: SwitchChanges,
        now: float,
        asked: Asked | None,
        buffer_id: int | None = None,
        header: int | None = None,
    ) -> None:
        """Send what changes; a buffered frame goes with the piece that takes it, else the first."""
        mods = list(switch_flow_mods(changes))
        taker = next(
            (
                at
                for at, mod in enumerate(mods)
                if header is not None and mod.entry.match.takes(header)
            ),
            0,
        )
        for at, mod in enumerate(mods):
            xid = 0 if asked is None else self._link.xids.translate(asked)
            buffered = buffer_id if at == taker else None
            self._link.say(write_flow_mod10(mod, xid, now, buffered))

    def _end(self, gone: Iterable[TenantEntry], sent: SwitchChanges) -> None:
        """Wait for what the switch says of entries that a tenant deletes and wants to hear of."""
        for entry in gone:
            if entry.wants_removal:
                tally = self._tallies.setdefault(entry.entry_id, EntryTally())
                tally.reason = int(OFPRR.DELETE)
                self._await(entry, tally, sent.deleted)
                self._tell_if_over(entry)
            else:
                self._tallies.pop(entry.entry_id, None)

    def _lose(self, entry: TenantEntry) -> None:
        """Tell tenants of an entry that has no place in their flowspace any more."""
        tally = self._tallies.setdefault(entry.entry_id, EntryTally())
        tally.reason = int(OFPRR.DELETE)
        self._tell_if_over(entry)

    def _await(
        self, entry: TenantEntry, tally: EntryTally, deleted: Iterable[InstalledEntry]
    ) -> None:
        for piece in deleted:
            if piece.owner.entry_id == entry.entry_id:
                tally.awaited.add(piece.address)
                self._leaving[piece.address] = entry

    # ---- from the switch

    def flow_removed(self, message: bytes, now: float) -> None:
        """Take note of a piece that has ended; tell its tenant when its entry has."""
        match = read_match10(message, _MATCH_AT)
        cookie, priority, reason, seconds, nanoseconds, _, packets, octets = REMOVED.unpack_from(
            message, COOKIE_AT
        )
        address = match, priority
        leaving = self._leaving.pop(address, None)
        if leaving is not None and leaving.entry_id == cookie:
            tally = self._tallies[leaving.entry_id]
            tally.awaited.discard(address)
            count_piece(tally, packets, octets, seconds, nanoseconds)
            self._tell_if_over(leaving)
            return
        found = self._link.sliced.installed.find(match, priority)
        if found is None or found.owner.entry_id != cookie:
            return
        removal = EntryRemoval(match, priority, reason == OFPRR.IDLE_TIMEOUT, packets)
        ended = self._link.sliced.removed(removal, now)
        if ended is None:
            return
        owner = ended.owner
        tally = self._tallies.setdefault(owner.entry_id, EntryTally())
        count_piece(tally, packets, octets, seconds, nanoseconds)
        self._send(ended.changes, now, None)
        if ended.is_last:
            tally.reason = reason
            if not removal.is_idle:
                self._await(owner, tally, ended.changes.deleted)
            self._tell_if_over(owner)

    def _tell_if_over(self, entry: TenantEntry) -> None:
        """Send the one flow-removed of an entry, once all of its pieces are accounted for."""
        tally = self._tallies.get(entry.entry_id)
        if tally is None or tally.reason is None or tally.awaited:
            return
        del self._tallies[entry.entry_id]
        if not entry.wants_removal:
            return
        message = flow_removed10(entry, tally)
        for tenant in self._link.connected(entry.slice_name):
            tenant.say(message)

    def refused_by_switch(self, entry_ids: tuple[int, ...], slice_name: str, now: float) -> bool:
        """End entries that the switch has refused a piece of; False if that was done before."""
        known = (self._link.sliced.installed.entry(entry_id) for entry_id in entry_ids)
        found = [one for one in known if one is not None and one.slice_name == slice_name]
        for entry in found:
            self._send(self._link.sliced.drop(entry), now, None)
        return bool(found)

    def end_quietly(self, entry: TenantEntry, now: float) -> None:
        """End an entry that has ended while nobody was connected; what is below comes back."""
        self._send(self._link.sliced.drop(entry), now, None)

    # ---- counters

    def counted(self, entry: TenantEntry) -> tuple[int, int]:
        """Return packets and bytes of those pieces of an entry that are gone."""
        tally = self._tallies.get(entry.entry_id)
        return (0, 0) if tally is None else (tally.packets, tally.octets)

    # ---- the flowspace

    def translate(self, entry: TenantEntry, match: TernaryMatch, rule: FlowspaceRule) -> bytes:
        """Return what a tenant's actions become in one part of its flowspace; TenantRefusal."""
        name, force_queue = entry.slice_name, rule.force_queue
        slicer = self._slicers.get((name, force_queue))
        if (
            slicer is None
            or slicer.ports is not self._ports.for_actions(name)
            or slicer.flowspace is not self._link.sliced.flowspace
        ):
            slicer = self.slicer(name, force_queue)
        return slicer.slice(entry.program, match, port_of(match))

    def slicer(self, slice_name: str, force_queue: int | None = None) -> ActionSlicer:
        """Return what slices the actions of a slice; ``force_queue`` is that of a rule."""
        ports = self._ports.for_actions(slice_name)
        flowspace = self._link.sliced.flowspace
        marks = self._link.presences[slice_name].marks(ports.ports)
        if force_queue is not None:
            queues = tuple((port, force_queue) for port in sorted(ports.ports))
            marks = SliceMarks(marks.vlan_pcp, marks.nw_tos, queues)
        found = ActionSlicer(flowspace, slice_name, ports, marks)
        self._slicers[slice_name, force_queue] = found
        return found

    def forget_slicers(self) -> None:
        """Work out anew what slices may do: they keep the flowspace that they were made for."""
        self._slicers.clear()
        self._forms.clear()

    def say_guards(self, before: AbstractSet[Address]) -> set[Address]:
        """Send the guards that are needed, of which the switch has some; return them."""
        wanted = self._link.sliced.guarded()
        self._link.say_many(guard_mod10(one, TableCommand.ADD) for one in wanted - before)
        return wanted

    def depending_on_ports(self, names: Iterable[str]) -> Iterator[TenantEntry]:
        """Yield the entries of slices that change with the ports that these have, or close."""
        for name in names:
            if name in self._link.presences:
                has_queues = self._has_queues(name)
                for entry in self._link.sliced.table(name):
                    if has_queues or depends_on_ports(entry.program):
                        yield entry

    def following(self, steps: Steps, now: float) -> Work:
        """Send what changes of entries, step by step, and tell tenants of those that are lost."""
        for changes, lost in steps:
            self._send(changes, now, None)
            if lost is not None:
                self._lose(lost)
            yield None

    def say_transition(self, transition: TableTransition, now: float) -> Work:
        """Send what leads to another flowspace before all that is said from now on."""
        self._link.say_many(transition_mods10(transition, now))
        for entry in transition.lost:
            self._lose(entry)
            yield None

    def _has_queues(self, name: str) -> bool:
        """Tell whether outputs of a slice are made to go through queues of its ports."""
        share = self._link.presences[name].settings.bandwidth
        return (share is not None and share.mode is BandwidthMode.QUEUE) or any(
            rule.force_queue is not None and rule.slice_name == name
            for rule in self._link.sliced.flowspace.rules
        )

    def carry_out(self, changes: SwitchChanges, now: float) -> None:
        """Send what a switch lacks, and what it has that is another."""
        self._send(changes, now, None)
