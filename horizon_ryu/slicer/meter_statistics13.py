"""Statistics of meters, told to each tenant of a switch of OpenFlow 1.3 by its own numbers.

What a meter is, is told as its tenant wrote it; what it has counted the switch is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from horizon_ryu.slicer.groups13 import ObjectUsers
from horizon_ryu.slicer.meters13 import TenantMeters13
from horizon_ryu.slicer.multipart13 import say_parts
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPET, OFPMMFC
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    METER_CONFIGS,
    MeterConfig,
    MeterFeatures,
    MeterStats,
    MeterStatsRequest,
)
from horizon_ryu.wire.ofp13 import OFPM, OFPMP
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_ALL = int(OFPM.ALL)


class MeterStatistics13:
    """Answers what tenants ask about their meters on one switch."""

    def __init__(self, link: SlicedLink, meters: TenantMeters13, users: ObjectUsers) -> None:
        self._link = link
        self._meters = meters
        self._users = users

    def ask(self, tenant: TenantConnection, message: bytes, request: MultipartRequest) -> None:
        """Ask the switch what meters have counted; TenantRefusal for one that is not there."""
        body: Any = request.body
        wanted = body.meter_id
        if wanted != _ALL:
            wanted = self._number(tenant, wanted)
        xid = self._link.xids.translate(Asked(tenant, xid_of(message), message))
        asked = MultipartRequest(request.type, 0, MeterStatsRequest(wanted))
        self._link.say(_MESSAGES.encode(xid, asked))

    def _number(self, tenant: TenantConnection, meter_id: int) -> int:
        real = self._meters.real(tenant.slice_name, meter_id)
        if real is None:
            raise TenantRefusal(OFPET.METER_MOD_FAILED, OFPMMFC.UNKNOWN_METER, "unknown meter")
        return real

    def counted(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        """Return the counters of a slice's own meters."""
        found = []
        for one in reply.body if isinstance(reply.body, tuple) else ():
            if isinstance(one, MeterStats):
                own = self._meters.tenant_id(tenant.slice_name, one.meter_id)
                if own is not None:
                    count = self._users.entries_using(tenant.slice_name, meter=own)
                    found.append(replace(one, meter_id=own, flow_count=count))
        return replace(reply, body=tuple(found))

    def describe(self, tenant: TenantConnection, message: bytes, request: MultipartRequest) -> None:
        """Tell a tenant its meters, or one of them; TenantRefusal for one that is not there."""
        body: Any = request.body
        if body.meter_id != _ALL:
            self._number(tenant, body.meter_id)
        found = [
            MeterConfig(meter.mod.flags, meter.meter_id, meter.mod.bands)
            for meter in self._meters.owned(tenant.slice_name)
            if body.meter_id in (_ALL, meter.meter_id)
        ]
        say_parts(tenant, xid_of(message), int(OFPMP.METER_CONFIG), METER_CONFIGS, found)

    def features(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        """Return what the switch can do with meters, with as many as the slice may have."""
        most, body = self._meters.quota(tenant.slice_name), reply.body
        if not isinstance(body, MeterFeatures):
            return reply
        return replace(reply, body=replace(body, max_meter=min(body.max_meter, most)))
