"""Ports of a switch of OpenFlow 1.0 as its tenants see them: their own, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.tenant_ports import TenantPorts
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes10 import OFPBRC, OFPET, OFPPMFC
from horizon_ryu.wire.of10.asynchronous import PortStatus10
from horizon_ryu.wire.of10.controller import PortMod10
from horizon_ryu.wire.of10.handshake import (
    FeaturesReply10,
    QueueGetConfigReply10,
    QueueGetConfigRequest10,
)
from horizon_ryu.wire.of10.statistics import PortStats10, QueueStats10, StatsReply
from horizon_ryu.wire.of10.structures import Port10
from horizon_ryu.wire.ofp10 import OFPP, OFPPC, OFPST
from horizon_ryu.wire.versions import OPENFLOW_10

_MESSAGES = codec_of(OPENFLOW_10).messages
_LOCAL = int(OFPP.LOCAL)
_NO_FLOOD = int(OFPPC.NO_FLOOD)


class TenantPorts10(TenantPorts[Port10]):
    """The ports of one switch, which its features tell."""

    def __init__(self, link: SlicedLink, features: FeaturesReply10) -> None:
        super().__init__(link, features.ports)
        self._features = features

    def features(self, slice_name: str) -> FeaturesReply10:
        """Return the features of the switch as a slice sees it."""
        return replace(self._features, ports=self.described(slice_name))

    def _seen(self, slice_name: str, port: Port10) -> Port10:
        """Return a port with the bit NO_FLOOD that the slice has given it."""
        closed = port.port_no in self._link.presences[slice_name].no_flood
        config = port.config & ~_NO_FLOOD | (_NO_FLOOD if closed else 0)
        return replace(port, config=config)

    def _flooded(self, slice_name: str, ports: frozenset[int]) -> frozenset[int]:
        return ports - self._link.presences[slice_name].no_flood - {_LOCAL}

    def _status(self, reason: int, port: Port10) -> PortStatus10:
        return PortStatus10(reason, port)

    # ---- from the switch

    def port_status(self, message: bytes) -> frozenset[str]:
        """Take note of a port; one that comes back is a new one to its slices."""
        concerned = super().port_status(message)
        for presence in self._link.presences.values():
            presence.no_flood.intersection_update(self._ports)
        return concerned

    def tell_changes(self, slice_name: str, before: frozenset[int]) -> None:
        """Tell a slice of ports gained and lost; one that comes back is a new one to it."""
        super().tell_changes(slice_name, before)
        closed = self._link.presences[slice_name].no_flood
        closed.intersection_update(self.of_slice(slice_name))

    def stats_reply(self, tenant: TenantConnection, xid: int, reply: StatsReply) -> None:
        """Pass on the counters of a slice's own ports or queues; none are an empty answer."""
        own = self.of_slice(tenant.slice_name)
        flowspace = self._link.sliced.flowspace
        kept: Any = tuple(
            one
            for one in cast("tuple[PortStats10 | QueueStats10, ...]", reply.body)
            if one.port_no in own
            and (
                isinstance(one, PortStats10)
                or one.queue_id in flowspace.queues(tenant.slice_name, one.port_no)
            )
        )
        if kept or self._link.answers_empty:
            tenant.say(_MESSAGES.encode(xid, replace(reply, body=kept)))

    def queue_config(self, tenant: TenantConnection, xid: int, message: bytes) -> None:
        """Pass on which queues a port has, as far as they are the slice's."""
        reply: QueueGetConfigReply10 = _MESSAGES.decode(message).message
        own = self._link.sliced.flowspace.queues(tenant.slice_name, reply.port)
        queues = tuple(queue for queue in reply.queues if queue.queue_id in own)
        if queues or self._link.answers_empty:
            tenant.say(_MESSAGES.encode(xid, replace(reply, queues=queues)))

    # ---- from tenants

    def port_mod(self, tenant: TenantConnection, message: bytes) -> None:
        """Note whether FLOOD goes to a port; TenantRefusal for all else, and for others' ports.

        Nothing goes to the switch: other slices have the port, too.
        """
        mod: PortMod10 = _MESSAGES.decode(message).message
        if mod.port_no not in self.of_slice(tenant.slice_name):
            raise TenantRefusal(OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_PORT, "port of another slice")
        port = self._ports[mod.port_no]
        if mod.hw_addr != port.hw_addr:
            raise TenantRefusal(OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_HW_ADDR, "address of no port")
        if (mod.config ^ port.config) & mod.mask & ~_NO_FLOOD:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "port configuration")
        if mod.mask & _NO_FLOOD:
            closed = self._link.presence(tenant).no_flood
            (closed.add if mod.config & _NO_FLOOD else closed.discard)(mod.port_no)
            self._for_actions.pop(tenant.slice_name, None)

    def ask_for_queues(self, tenant: TenantConnection, message: bytes) -> None:
        """Ask the switch for the queues of a slice's port; TenantRefusal for others' ports."""
        request: QueueGetConfigRequest10 = _MESSAGES.decode(message).message
        if request.port not in self.of_slice(tenant.slice_name):
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.EPERM, "port of another slice")
        self._link.forward(tenant, message)


STATS_OF_PORTS = frozenset({int(OFPST.PORT), int(OFPST.QUEUE)})
"""The statistics that :meth:`TenantPorts10.stats_reply` passes on."""
