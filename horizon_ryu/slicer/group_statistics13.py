"""Statistics of groups, told to each tenant of a switch of OpenFlow 1.3 by its own numbers.

What a group is, is told as its tenant wrote it; what it has counted the switch is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from horizon_ryu.slicer.groups13 import ObjectUsers, TenantGroups13
from horizon_ryu.slicer.multipart13 import say_parts
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    GROUP_DESCS,
    GROUPS,
    GroupDesc,
    GroupFeatures,
    GroupStats,
    GroupStatsRequest,
)
from horizon_ryu.wire.ofp13 import OFPG, OFPMP
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_ALL = int(OFPG.ALL)


class GroupStatistics13:
    """Answers what tenants ask about their groups on one switch."""

    def __init__(self, link: SlicedLink, groups: TenantGroups13, users: ObjectUsers) -> None:
        self._link = link
        self._groups = groups
        self._users = users

    def ask(self, tenant: TenantConnection, message: bytes, request: MultipartRequest) -> None:
        """Ask the switch what groups have counted; of one that is not there nothing is told."""
        body: Any = request.body
        wanted = body.group_id
        if wanted != _ALL:
            real = self._groups.real(tenant.slice_name, wanted)
            if real is None:
                say_parts(tenant, xid_of(message), int(OFPMP.GROUP), GROUPS, ())
                return
            wanted = real
        xid = self._link.xids.translate(Asked(tenant, xid_of(message), message))
        asked = MultipartRequest(request.type, 0, GroupStatsRequest(wanted))
        self._link.say(_MESSAGES.encode(xid, asked))

    def counted(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        """Return the counters of a slice's own groups."""
        found = []
        for one in reply.body if isinstance(reply.body, tuple) else ():
            if isinstance(one, GroupStats):
                own = self._groups.tenant_id(tenant.slice_name, one.group_id)
                if own is not None:
                    references = self._references(tenant.slice_name, own)
                    found.append(replace(one, group_id=own, ref_count=references))
        return replace(reply, body=tuple(found))

    def _references(self, slice_name: str, group_id: int) -> int:
        """Return how many flow entries and groups of the slice have to do with a group."""
        entries = self._users.entries_using(slice_name, group=group_id)
        return entries + len(self._groups.of_slice(slice_name).needing(group_id))

    def describe(self, tenant: TenantConnection, message: bytes, _: MultipartRequest) -> None:
        """Tell a tenant its groups."""
        found = [
            GroupDesc(group.kind, group.group_id, group.buckets)
            for group in self._groups.of_slice(tenant.slice_name)
        ]
        say_parts(tenant, xid_of(message), int(OFPMP.GROUP_DESC), GROUP_DESCS, found)

    def features(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        """Return what the switch can do with groups, with as many as the slice may have."""
        most, body = self._groups.quota(tenant.slice_name), reply.body
        if not isinstance(body, GroupFeatures):
            return reply
        reduced = replace(
            body,
            max_groups_all=min(body.max_groups_all, most),
            max_groups_select=min(body.max_groups_select, most),
            max_groups_indirect=min(body.max_groups_indirect, most),
            max_groups_ff=min(body.max_groups_ff, most),
        )
        return replace(reply, body=reduced)
