"""Statistics of a switch of OpenFlow 1.3, told to each tenant as if the switch were its own.

Every multipart question but those about flow entries comes through here (1.3.5 section 7.3.5).
What is the slice's own record is told at once; what the switch is asked for comes back part by
part, with what is not the slice's taken out, so that nothing is gathered. Of tables, what others'
frames count in too is told as not available (section 5.8).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from horizon_ryu.slicer.group_statistics13 import GroupStatistics13
from horizon_ryu.slicer.instructions13 import RESERVED
from horizon_ryu.slicer.meter_statistics13 import MeterStatistics13
from horizon_ryu.slicer.multipart13 import MORE, QuestionParts, say_parts
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink, with_xid
from horizon_ryu.slicer.switch_settings13 import DescribedPorts
from horizon_ryu.slicer.table_features13 import tenant_table
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPTFFC
from horizon_ryu.wire.layout import many
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    PortStats13,
    QueueStats13,
    TableFeaturesEntry,
    TableStats13,
)
from horizon_ryu.wire.of13.structures import PORT13
from horizon_ryu.wire.ofp13 import OFPMP, OFPP
from horizon_ryu.wire.session.pending import xid_of
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_ANY_PORT = int(OFPP.ANY)
_EXPERIMENTER = int(OFPMP.EXPERIMENTER)
_BODY_AT = 16
_UNKNOWN = (1 << 64) - 1
"""Of a counter that is not available."""

Ask = Callable[[TenantConnection, bytes, MultipartRequest], None]
Told = Callable[[TenantConnection, MultipartReply], MultipartReply]
AskFlows = Callable[[TenantConnection, bytes, MultipartRequest, float], None]


class TenantStatistics13:
    """Answers all multipart questions of the tenants of one switch."""

    def __init__(
        self,
        link: SlicedLink,
        ports: DescribedPorts,
        groups: GroupStatistics13,
        meters: MeterStatistics13,
        ask_flows: AskFlows,
    ) -> None:
        """``ask_flows`` answers OFPMP_FLOW and OFPMP_AGGREGATE."""
        self._link = link
        self._ports = ports
        self._ask_flows = ask_flows
        self._parts: WeakKeyDictionary[TenantConnection, QuestionParts] = WeakKeyDictionary()
        self._passed_on: WeakKeyDictionary[TenantConnection, dict[int, int]] = WeakKeyDictionary()
        self._ask: Mapping[int, Ask] = {
            OFPMP.DESC: self._forward,
            OFPMP.TABLE: self._forward,
            OFPMP.PORT_STATS: self._ask_of_port,
            OFPMP.QUEUE: self._ask_of_port,
            OFPMP.PORT_DESC: self._describe_ports,
            OFPMP.GROUP: groups.ask,
            OFPMP.GROUP_DESC: groups.describe,
            OFPMP.GROUP_FEATURES: self._forward,
            OFPMP.METER: meters.ask,
            OFPMP.METER_CONFIG: meters.describe,
            OFPMP.METER_FEATURES: self._forward,
            OFPMP.TABLE_FEATURES: self._forward,
        }
        self._told: Mapping[int, Told] = {
            OFPMP.TABLE: self._tables,
            OFPMP.PORT_STATS: self._of_ports,
            OFPMP.QUEUE: self._of_queues,
            OFPMP.GROUP: groups.counted,
            OFPMP.GROUP_FEATURES: groups.features,
            OFPMP.METER: meters.counted,
            OFPMP.METER_FEATURES: meters.features,
            OFPMP.TABLE_FEATURES: self._table_features,
        }

    # ---- from tenants

    def request(self, tenant: TenantConnection, message: bytes, now: float) -> None:
        """Answer a tenant's question, or a part of one; TenantRefusal."""
        kind, flags = (int.from_bytes(message[at : at + 2], "big") for at in (8, 10))
        if kind == _EXPERIMENTER:
            self._experimenter(tenant, message)
            return
        parts = self._parts.setdefault(tenant, QuestionParts())
        has_body = parts.take(xid_of(message), kind, flags, len(message) > _BODY_AT)
        if has_body is None:
            return
        if kind == OFPMP.TABLE_FEATURES and has_body:
            raise TenantRefusal(OFPET.TABLE_FEATURES_FAILED, OFPTFFC.EPERM, "table features")
        request: MultipartRequest = _MESSAGES.decode(message).message
        ask = self._ask.get(kind)
        if ask is not None:
            ask(tenant, message, request)
        elif kind in (OFPMP.FLOW, OFPMP.AGGREGATE):
            self._ask_flows(tenant, message, request, now)
        else:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_MULTIPART, "unknown statistics")

    def _forward(self, tenant: TenantConnection, message: bytes, request: MultipartRequest) -> None:
        """Ask the switch the same, in one part."""
        xid = self._link.xids.translate(Asked(tenant, xid_of(message), message))
        self._link.say(_MESSAGES.encode(xid, replace(request, flags=0)))

    def _ask_of_port(
        self, tenant: TenantConnection, message: bytes, request: MultipartRequest
    ) -> None:
        """Ask for a slice's port, or for all ports, of which the slice is told its own."""
        body: Any = request.body
        if body.port_no != _ANY_PORT and body.port_no not in self._own_ports(tenant):
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_PORT, "port of another slice")
        self._forward(tenant, message, request)

    def _describe_ports(
        self, tenant: TenantConnection, message: bytes, _: MultipartRequest
    ) -> None:
        ports = self._ports.described(tenant.slice_name)
        say_parts(tenant, xid_of(message), int(OFPMP.PORT_DESC), many(PORT13), ports)

    def _experimenter(self, tenant: TenantConnection, message: bytes) -> None:
        """Pass on what an experimenter asks whom the slice may use, each part as it comes."""
        number = int.from_bytes(message[_BODY_AT : _BODY_AT + 4], "big")
        if number not in self._link.presence(tenant).settings.allows_vendor:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_EXPERIMENTER, "experimenter message")
        own, more = xid_of(message), message[11] & MORE
        begun = self._passed_on.setdefault(tenant, {})
        parts = self._parts.setdefault(tenant, QuestionParts())
        parts.take(own, _EXPERIMENTER, more, has_body=True)
        xid = begun.pop(own, None)
        if xid is None:
            xid = self._link.xids.translate(Asked(tenant, own, message))
        if more:
            begun[own] = xid
        self._link.say(with_xid(message, xid))

    # ---- from the switch

    def reply(self, asked: Asked, message: bytes, _: float) -> None:
        """Tell a tenant a part of what the switch answers, as far as it is the slice's."""
        tenant: TenantConnection = asked.tenant
        kind = int.from_bytes(message[8:10], "big")
        told = self._told.get(kind)
        if tenant.slice_name not in self._link.presences:
            return
        if told is None:
            tenant.say(with_xid(message, asked.xid))
            return
        reply: MultipartReply = _MESSAGES.decode(message).message
        tenant.say(_MESSAGES.encode(asked.xid, told(tenant, reply)))

    def _own_ports(self, tenant: TenantConnection) -> frozenset[int]:
        return self._ports.of_slice(tenant.slice_name)

    def _of_ports(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        own = self._own_ports(tenant)
        found = (one for one in _list(reply) if isinstance(one, PortStats13))
        return replace(reply, body=tuple(one for one in found if one.port_no in own))

    def _of_queues(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        own, flowspace = self._own_ports(tenant), self._link.sliced.flowspace
        kept = tuple(
            one
            for one in _list(reply)
            if isinstance(one, QueueStats13)
            and one.port_no in own
            and one.queue_id in flowspace.queues(tenant.slice_name, one.port_no)
        )
        return replace(reply, body=kept)

    def _tables(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        """Return the tables that a slice has, with the number of its own entries in each."""
        entries = Counter(entry.table_id for entry in self._link.sliced.table(tenant.slice_name))
        found = []
        for one in _list(reply):
            own = one.table_id - RESERVED
            if isinstance(one, TableStats13) and own >= 0:
                found.append(TableStats13(own, entries[own], _UNKNOWN, _UNKNOWN))
        return replace(reply, body=tuple(found))

    def _table_features(self, tenant: TenantConnection, reply: MultipartReply) -> MultipartReply:
        vendors = self._link.presence(tenant).settings.allows_vendor
        quota = self._link.entry_quota(tenant.slice_name)
        found = [
            tenant_table(one, quota, vendors)
            for one in _list(reply)
            if isinstance(one, TableFeaturesEntry) and one.table_id >= RESERVED
        ]
        return replace(reply, body=tuple(found))


def _list(reply: MultipartReply) -> tuple[Any, ...]:
    """Return the things that a reply tells of; none if it tells of one thing."""
    return reply.body if isinstance(reply.body, tuple) else ()
