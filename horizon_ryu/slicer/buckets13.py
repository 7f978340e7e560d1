"""Buckets of tenants' groups on a switch of OpenFlow 1.3: judged, and what they become there.

A bucket's actions are checked as a flow entry's are, and the groups and ports that it watches are
its slice's own. A group that floods to the ports of a slice holds 2,047 of them, which is what one
message has room for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from horizon_ryu.core.slicing.group_table import (
    GroupLoop,
    GroupTable,
    GroupTooDeep,
    GroupTooLarge,
    TenantGroup,
)
from horizon_ryu.slicer.multipart13 import MOST_ITEM
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPET, OFPGMFC
from horizon_ryu.wire.layout import WireError, write_whole
from horizon_ryu.wire.of13.controller import GroupMod
from horizon_ryu.wire.of13.structures import (
    BUCKETS,
    Action13,
    ActionGroup,
    ActionOutput13,
    Bucket,
)
from horizon_ryu.wire.ofp13 import OFPG, OFPGC, OFPGT, OFPP
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_ANY_PORT, _ANY_GROUP = int(OFPP.ANY), int(OFPG.ANY)
_LOCAL, _FF = int(OFPP.LOCAL), int(OFPGT.FF)
_TYPES = frozenset(map(int, OFPGT))
_DESC_HEAD = 8
MOST_FLOODED = 2_047
"""Ports of a flood group: as many buckets of 32 bytes as a message has room for."""

SliceActions = Callable[[str, tuple[Action13, ...]], tuple[Action13, ...]]
"""Returns what the actions of a slice's bucket become, for any of its frames; TenantRefusal."""


class PortsOfSlices(Protocol):
    """Who knows the ports of each slice."""

    def of_slice(self, slice_name: str) -> frozenset[int]:
        """Return the numbers of a slice's ports."""


class SliceBuckets13:
    """What the buckets of slices' groups become on one switch."""

    def __init__(
        self,
        ports: PortsOfSlices,
        slice_actions: SliceActions,
        real: Callable[[str, int], int | None],
    ) -> None:
        """``real`` returns the number that the switch has for a slice's group, if it has one."""
        self._ports = ports
        self._slice_actions = slice_actions
        self._real = real

    def of_group(self, name: str, group: TenantGroup, strict: bool) -> tuple[Bucket, ...]:
        """Return what the buckets of a group become; TenantRefusal if ``strict``."""
        found = []
        for bucket in group.buckets:
            try:
                found.append(self._bucket(name, group.kind, bucket))
            except TenantRefusal:
                if strict:
                    raise
                if group.kind != _FF:
                    found.append(Bucket(bucket.weight, _ANY_PORT, _ANY_GROUP))
        return tuple(found)

    def _bucket(self, name: str, kind: int, bucket: Bucket) -> Bucket:
        watch_group = bucket.watch_group
        if watch_group != _ANY_GROUP:
            real = self._real(name, watch_group)
            if real is None:
                raise group_failed(OFPGMFC.BAD_WATCH, "unknown group")
            watch_group = real
        if bucket.watch_port != _ANY_PORT and bucket.watch_port not in self._ports.of_slice(name):
            raise group_failed(OFPGMFC.BAD_WATCH, "port of another slice")
        if kind == _FF and bucket.watch_port == _ANY_PORT and watch_group == _ANY_GROUP:
            raise group_failed(OFPGMFC.INVALID_GROUP, "nothing is watched")
        actions = self._slice_actions(name, bucket.actions)
        return Bucket(bucket.weight, bucket.watch_port, watch_group, actions)

    def flood_group(self, name: str) -> GroupMod:
        """Return the group-mod that floods to the ports of a slice, as they are now."""
        buckets = []
        for port in sorted(self._ports.of_slice(name) - {_LOCAL})[:MOST_FLOODED]:
            try:
                actions = self._slice_actions(name, (ActionOutput13(port),))
            except TenantRefusal:
                continue
            buckets.append(Bucket(0, _ANY_PORT, _ANY_GROUP, actions))
        return GroupMod(int(OFPGC.ADD), int(OFPGT.ALL), 0, tuple(buckets))


def checked_group(table: GroupTable, mod: GroupMod) -> TenantGroup:
    """Return what a group-mod describes; TenantRefusal if by itself or with others it cannot be."""
    if mod.type not in _TYPES:
        raise group_failed(OFPGMFC.BAD_TYPE, "unknown type")
    chained = tuple(
        action.group_id
        for bucket in mod.buckets
        for action in bucket.actions
        if isinstance(action, ActionGroup)
    )
    watched = frozenset(bucket.watch_group for bucket in mod.buckets) - {_ANY_GROUP}
    size = _DESC_HEAD + len(write_whole(BUCKETS, mod.buckets))
    group = TenantGroup(mod.group_id, mod.type, mod.buckets, size, chained, watched)
    try:
        table.check(group)
    except GroupLoop as error:
        raise group_failed(OFPGMFC.LOOP, "group loop") from error
    except GroupTooDeep as error:
        raise group_failed(OFPGMFC.CHAINING_UNSUPPORTED, "groups too deep") from error
    except GroupTooLarge as error:
        raise group_failed(OFPGMFC.OUT_OF_BUCKETS, "groups too large") from error
    return group


def check_fits(group: TenantGroup, whole: GroupMod) -> None:
    """Refuse what the switch could not be told, or the tenant not be told again."""
    try:
        _MESSAGES.encode(0, whole)
    except WireError as error:
        raise group_failed(OFPGMFC.OUT_OF_BUCKETS, "groups too large") from error
    if group.size > MOST_ITEM:
        raise group_failed(OFPGMFC.OUT_OF_BUCKETS, "groups too large")


def group_failed(code: OFPGMFC, reason: str) -> TenantRefusal:
    """Return the refusal of a group-mod, as the switch itself would say it."""
    return TenantRefusal(OFPET.GROUP_MOD_FAILED, code, reason)
