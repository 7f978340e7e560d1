"""Groups of a switch of OpenFlow 1.3 as its tenants see them: each its own, by its own numbers.

What a group becomes follows the flowspace: a bucket that may not be any more is emptied (of a fast
failover group it goes), and comes back when it may be again. Beside them stands, for each slice
that needs one, a group of the slicer's that floods to the ports of the slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from horizon_ryu.core.slicing.group_table import (
    GroupTable,
    TenantGroup,
)
from horizon_ryu.core.slicing.id_map import IdMap, IdsExhausted, IdTaken
from horizon_ryu.core.slicing.limits import Limited
from horizon_ryu.core.slicing.switch_objects import ObjectKey, ObjectKind, SwitchObject
from horizon_ryu.core.slicing.version_trail import VersionTrail
from horizon_ryu.slicer.buckets13 import (
    PortsOfSlices,
    SliceActions,
    SliceBuckets13,
    check_fits,
    checked_group,
    group_failed,
)
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.settling_ids import SettlingIds
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPGMFC
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.of13.controller import GroupMod
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT, OFPRR
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_MAX_GROUP, _ALL_GROUPS = int(OFPG.MAX), int(OFPG.ALL)
DEFAULT_GROUPS = 4_096
"""Groups of a slice on a switch, where its limits do not say."""


class ObjectUsers(Protocol):
    """Who knows the flow entries that use groups and meters."""

    def entries_using(
        self, slice_name: str, group: int | None = None, meter: int | None = None
    ) -> int:
        """Return how many entries of a slice use its group or meter."""

    def end_using(
        self,
        slice_name: str,
        groups: frozenset[int],
        meters: frozenset[int],
        reason: int,
        now: float,
    ) -> None:
        """End the entries of a slice that use any of these, and tell its tenants why."""


class TenantGroups13:
    """The groups of all slices on one switch."""

    def __init__(
        self,
        link: SlicedLink,
        ports: PortsOfSlices,
        slice_actions: SliceActions,
        users: ObjectUsers,
    ) -> None:
        self._link = link
        self._users = users
        self._ids = IdMap(_MAX_GROUP)
        self._buckets = SliceBuckets13(ports, slice_actions, self.real)
        self._settling = SettlingIds(link, self._ids)
        self._tables: dict[str, GroupTable] = {}
        self._trail: VersionTrail[TenantGroup] = VersionTrail()
        self._sent: dict[int, GroupMod] = {}
        self._floods: dict[str, int] = {}
        self._kept: frozenset[int] = frozenset()
        self._is_open = False
        self.errors = 0
        """Group-mods of the slicer's own that the switch has refused."""

    def begin(self) -> None:
        """Have the switch without groups; what there is to be comes with :meth:`settle`."""
        self._send(GroupMod(int(OFPGC.DELETE), int(OFPGT.ALL), _ALL_GROUPS))
        self._kept = frozenset(self._sent)

    # ---- a switch that is taken over

    def restore(self) -> None:
        """Have the groups that are noted, as if the switch had them; it is told nothing."""
        noted = self._link.sliced.objects.of_kind(ObjectKind.GROUP, ObjectKind.FLOOD)
        live: dict[int, tuple[str, int] | None] = {}
        for one in noted:
            name = one.key.slice_name
            if name not in self._link.presences or one.real in live:
                continue
            if one.key.kind is ObjectKind.FLOOD:
                self._floods[name], live[one.real] = one.real, None
            elif self._reread(one):
                live[one.real] = name, one.key.number
        self._ids.restore(live, max((one.real for one in noted), default=0))
        for name, table in self._tables.items():
            for group in table:
                real = self._ids.find(name, group.group_id)
                if real is not None:
                    buckets = self._buckets.of_group(name, group, strict=False)
                    self._sent[real] = GroupMod(int(OFPGC.ADD), group.kind, real, buckets)
        for name, real in self._floods.items():
            self._sent[real] = replace(self._buckets.flood_group(name), group_id=real)
        self._kept = frozenset(live)

    def _reread(self, one: SwitchObject) -> bool:
        """Have a group as its tenant wrote it; False if that cannot be."""
        table = self._table(one.key.slice_name)
        try:
            table.put(checked_group(table, _MESSAGES.decode(one.body).message))
        except (WireError, TenantRefusal, AttributeError):
            return False
        return True

    def settle(self, told: Mapping[int, GroupMod]) -> None:
        """Have on the switch what there is to be, where it has ``told`` of something else."""
        for one in self._link.sliced.objects.of_kind(ObjectKind.GROUP, ObjectKind.FLOOD):
            is_flood = one.key.kind is ObjectKind.FLOOD
            name = one.key.slice_name
            real = self._floods.get(name) if is_flood else self.real(name, one.key.number)
            if real != one.real:
                self._link.sliced.objects.remove(*one.key)
        self._ids.rest(self._others(told))
        for real in list(self._sent):
            if real in told:
                self._sent[real] = told[real]
            elif real in self._kept:
                del self._sent[real]
        self._is_open = True
        # Those that others send to are there before them.
        self._follow_floods()
        for name, table in self._tables.items():
            self._follow(name, reversed(table.outermost_first()))

    def remove_others(self, told: Mapping[int, GroupMod]) -> int:
        """Take away the groups of the switch that are nobody's; return how many."""
        others = self._others(told)
        for real in others:
            # None of them needs another any more, so each can go.
            self._send(GroupMod(int(OFPGC.MODIFY), int(OFPGT.ALL), real))
        for real in others:
            self._send(GroupMod(int(OFPGC.DELETE), int(OFPGT.ALL), real))
        self._kept = frozenset()
        self._settling.ask()
        return len(others)

    def _others(self, told: Mapping[int, GroupMod]) -> list[int]:
        return sorted(told.keys() - self._kept - self._sent.keys())

    # ---- numbers

    def real(self, slice_name: str, group_id: int) -> int | None:
        """Return the number that the switch has for a slice's group; None if there is none."""
        return self._ids.find(slice_name, group_id)

    def tenant_id(self, slice_name: str, real: int) -> int | None:
        """Return a slice's own number for a group of the switch; None if it is not the slice's."""
        owner = self._ids.owner(real)
        return owner[1] if owner is not None and owner[0] == slice_name else None

    def quota(self, slice_name: str) -> int:
        """Return how many groups a slice may have here."""
        found = self._link.presences[slice_name].quota(self._link.dpid, "groups")
        return DEFAULT_GROUPS if found is None else found

    def of_slice(self, slice_name: str) -> GroupTable:
        """Return a slice's groups, as it wrote them."""
        return self._table(slice_name)

    def flood(self, slice_name: str) -> int:
        """Return the group of the switch that floods within a slice; it is made if need be.

        IdsExhausted if the switch has no number left.
        """
        real = self._floods.get(slice_name)
        if real is None:
            real = self._floods[slice_name] = self._ids.reserve()
            self._note(SwitchObject(ObjectKey(ObjectKind.FLOOD, slice_name), real))
            self._put(real, self._buckets.flood_group(slice_name))
        return real

    # ---- from tenants

    def group_mod(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Carry out a tenant's group-mod; TenantRefusal, and then nothing has changed.

        It counts as a flow-mod where those are limited: it costs the switch as much.
        """
        mod: GroupMod = _MESSAGES.decode(message).message
        if not self._link.presence(tenant).admit(Limited.FLOW_MODS, now):
            raise group_failed(OFPGMFC.EPERM, Limited.FLOW_MODS.value)
        asked = Asked(tenant, xid_of(message), message)
        if mod.command == OFPGC.DELETE:
            self._delete(asked, mod.group_id, now)
        elif mod.command in (OFPGC.ADD, OFPGC.MODIFY):
            self._set(asked, mod, now)
        else:
            raise group_failed(OFPGMFC.BAD_COMMAND, "unknown command")

    def _set(self, asked: Asked, mod: GroupMod, now: float) -> None:
        """Have a group, or another in its place."""
        name = asked.tenant.slice_name
        table = self._table(name)
        before = table.find(mod.group_id)
        if not 0 <= mod.group_id <= _MAX_GROUP:
            raise group_failed(OFPGMFC.INVALID_GROUP, "reserved group")
        if mod.command == OFPGC.MODIFY and before is None:
            raise group_failed(OFPGMFC.UNKNOWN_GROUP, "unknown group")
        if mod.command == OFPGC.ADD and before is not None:
            raise group_failed(OFPGMFC.GROUP_EXISTS, "group exists")
        group = checked_group(table, mod)
        # Buckets are judged before a number is taken: a group does not send to itself.
        buckets = self._buckets.of_group(name, group, strict=True)
        real = self._number(asked.tenant, mod)
        whole = GroupMod(mod.command, mod.type, real, buckets)
        try:
            check_fits(group, whole)
        except TenantRefusal:
            if before is None:
                self._ids.release(name, mod.group_id)
            raise
        table.put(group)
        self._note_group(name, group, real)
        self._trail.came((name, mod.group_id), before, group)
        undo = partial(self._undo, name, group)
        self._say(whole, asked._replace(context=undo))
        if before is None:
            self._follow(name, sorted(table.needing(mod.group_id)))

    def _note_group(self, name: str, group: TenantGroup, real: int) -> None:
        """Note a group as its tenant wrote it."""
        whole = GroupMod(int(OFPGC.ADD), group.kind, group.group_id, group.buckets)
        key = ObjectKey(ObjectKind.GROUP, name, group.group_id)
        self._note(SwitchObject(key, real, _MESSAGES.encode(0, whole)))

    def _note(self, one: SwitchObject) -> None:
        self._link.sliced.objects.put(one)

    def _number(self, tenant: TenantConnection, mod: GroupMod) -> int:
        """Return the switch's number of a group, a new one for a group that comes."""
        known = self._ids.find(tenant.slice_name, mod.group_id)
        if known is not None:
            return known
        try:
            quota = self.quota(tenant.slice_name)
            return self._ids.take(tenant.slice_name, mod.group_id, quota)
        except (IdTaken, IdsExhausted) as error:
            raise group_failed(OFPGMFC.OUT_OF_GROUPS, "groups") from error

    def _delete(self, asked: Asked, group_id: int, now: float) -> None:
        """Delete a group, or all of the slice's; that there is none is no error (7.3.4.3)."""
        name = asked.tenant.slice_name
        table = self._table(name)
        if group_id == _ALL_GROUPS:
            gone = table.outermost_first()
        elif group_id > _MAX_GROUP:
            raise group_failed(OFPGMFC.INVALID_GROUP, "reserved group")
        elif table.find(group_id) is None:
            return
        elif table.needing(group_id):
            raise group_failed(OFPGMFC.CHAINED_GROUP, "chained group")
        else:
            gone = [group_id]
        self._end(name, gone, now, asked)

    def _end(self, name: str, gone: Iterable[int], now: float, asked: Asked | None) -> None:
        """Take groups from the switch, after the flow entries that use them (section 6.5)."""
        groups = list(gone)
        if groups:
            reason = int(OFPRR.GROUP_DELETE)
            self._users.end_using(name, frozenset(groups), frozenset(), reason, now)
        for group_id in groups:
            self._table(name).remove(group_id)
            self._trail.forget((name, group_id))
            self._link.sliced.objects.remove(ObjectKind.GROUP, name, group_id)
            real = self._ids.release(name, group_id)
            self._remove(real, asked)
        self._settling.ask()

    def _undo(self, name: str, group: TenantGroup, now: float) -> None:
        """Have again what was there before a group-mod that the switch has refused."""
        instead = self._trail.refused((name, group.group_id), group)
        if instead is None:
            return
        table = self._table(name)
        if instead.version is not None:
            table.put(instead.version)
            real = self.real(name, group.group_id)
            if real is not None:
                self._note_group(name, instead.version, real)
            # Which of the older ones the switch has kept is not known: it is said again.
            self._follow(name, (group.group_id,), again=True)
            return
        needing = table.needing(group.group_id)
        self._end(name, (group.group_id,), now, None)
        self._follow(name, sorted(needing))

    # ---- what follows

    def follow(self) -> None:
        """Let all groups follow a flowspace, ports or settings that have changed.

        Nothing happens before :meth:`settle`: what the switch has is not known.
        """
        if not self._is_open:
            return
        for name, table in self._tables.items():
            self._follow(name, sorted(group.group_id for group in table))
        self._follow_floods()

    def _follow_floods(self) -> None:
        for name, real in self._floods.items():
            if name in self._link.presences:
                self._put(real, self._buckets.flood_group(name))

    def _follow(self, name: str, group_ids: Iterable[int], again: bool = False) -> None:
        """Send what of these groups has become another; ``again``: whether it has or not."""
        table = self._table(name)
        for group_id in group_ids:
            group, real = table.find(group_id), self.real(name, group_id)
            if group is not None and real is not None:
                buckets = self._buckets.of_group(name, group, strict=False)
                if again:
                    self._sent[real] = GroupMod(int(OFPGC.ADD), group.kind, real)
                self._put(real, GroupMod(int(OFPGC.ADD), group.kind, real, buckets))

    def remove_slice(self, name: str, now: float) -> None:
        """Take all groups of a slice from the switch; its flow entries have gone before."""
        table = self._tables.get(name)
        if table is not None:
            self._end(name, table.outermost_first(), now, None)
            del self._tables[name]
        real = self._floods.pop(name, None)
        if real is not None:
            self._link.sliced.objects.remove(ObjectKind.FLOOD, name)
            self._ids.give_back(real)
            self._remove(real, None)
            self._settling.ask()

    def _table(self, name: str) -> GroupTable:
        return self._tables.setdefault(name, GroupTable())

    # ---- to the switch

    def _put(self, real: int, group: GroupMod) -> None:
        """Have a group of the slicer's making on the switch, if it has not this very one."""
        known = self._sent.get(real)
        whole = replace(group, group_id=real, command=int(OFPGC.MODIFY if known else OFPGC.ADD))
        if known != replace(whole, command=int(OFPGC.ADD)):
            self._say(whole, Asked(self, 0, b""))

    def _say(self, mod: GroupMod, asked: Asked) -> None:
        self._sent[mod.group_id] = replace(mod, command=int(OFPGC.ADD))
        self._send(mod, self._link.xids.translate(asked))

    def _remove(self, real: int, asked: Asked | None) -> None:
        """Delete a group of the switch."""
        self._sent.pop(real, None)
        mod = GroupMod(int(OFPGC.DELETE), int(OFPGT.ALL), real)
        xid = self._link.xids.translate(Asked(self, 0, b"") if asked is None else asked)
        self._send(mod, xid)

    def _send(self, mod: GroupMod, xid: int = 0) -> None:
        self._link.say(_MESSAGES.encode(xid, mod))

    def answered(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Group-mods are answered with errors alone."""

    def refused(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Count a group-mod of the slicer's own that the switch has refused."""
        self.errors += 1
