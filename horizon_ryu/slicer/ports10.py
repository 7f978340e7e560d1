"""Ports of a switch of OpenFlow 1.0 as its tenants see them: their own, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.slicer.actions10 import SlicePorts
from horizon_ryu.slicer.presence import SlicePresence, TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
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
from horizon_ryu.wire.ofp10 import OFPP, OFPPC, OFPPR, OFPST
from horizon_ryu.wire.versions import OPENFLOW_10

_MESSAGES = codec_of(OPENFLOW_10).messages
_LOCAL = int(OFPP.LOCAL)
_NO_FLOOD = int(OFPPC.NO_FLOOD)


class TenantPorts10:
    """The ports of one switch; those of a slice are where frames of it may come in."""

    def __init__(self, link: SlicedLink, features: FeaturesReply10) -> None:
        self._link = link
        self._features = features
        self._ports: dict[int, Port10] = {port.port_no: port for port in features.ports}
        self._own: dict[str, frozenset[int]] = {}
        self._for_actions: dict[str, tuple[SliceSettings, SlicePorts]] = {}

    def of_slice(self, slice_name: str) -> frozenset[int]:
        """Return the numbers of a slice's ports; worked out once for each flowspace."""
        found = self._own.get(slice_name)
        if found is None:
            flowspace = self._link.sliced.flowspace
            found = self._own[slice_name] = frozenset(
                port for port in self._ports if flowspace.has_port(slice_name, port)
            )
        return found

    def forget(self) -> None:
        """Work out again which ports are whose: the flowspace or the ports have changed."""
        self._own.clear()
        self._for_actions.clear()

    def for_actions(self, slice_name: str) -> SlicePorts:
        """Return what a slice may send to: FLOOD leaves out ports that it closed for it.

        The same object until it is something else.
        """
        presence = self._link.presences[slice_name]
        settings, found = self._for_actions.get(slice_name, (None, None))
        if found is None or settings is not presence.settings:
            found = self._worked_out(slice_name, presence)
            self._for_actions[slice_name] = presence.settings, found
        return found

    def _worked_out(self, slice_name: str, presence: SlicePresence) -> SlicePorts:
        ports = self.of_slice(slice_name)
        flooded = ports - presence.no_flood - {_LOCAL}
        settings = presence.settings
        return SlicePorts(ports, flooded, settings.native_flood, settings.allows_vendor)

    def features(self, slice_name: str) -> FeaturesReply10:
        """Return the features of the switch as a slice sees it."""
        own = self.of_slice(slice_name)
        ports = tuple(
            self._seen(slice_name, port) for port in self._ports.values() if port.port_no in own
        )
        return replace(self._features, ports=ports)

    def _seen(self, slice_name: str, port: Port10) -> Port10:
        """Return a port with the bit NO_FLOOD that the slice has given it."""
        closed = port.port_no in self._link.presences[slice_name].no_flood
        config = port.config & ~_NO_FLOOD | (_NO_FLOOD if closed else 0)
        return replace(port, config=config)

    # ---- from the switch

    def port_status(self, message: bytes) -> frozenset[str]:
        """Take note of a port that came, changed or went, and tell those whose it is.

        Returns the slices that have other ports now.
        """
        status = _MESSAGES.decode(message).message
        number = status.desc.port_no
        there = number in self._ports
        owners = set()
        self.forget()
        if status.reason == OFPPR.DELETE:
            self._ports.pop(number, None)
        else:
            self._ports[number] = status.desc
        for name, presence in self._link.presences.items():
            if self._link.sliced.flowspace.has_port(name, number):
                owners.add(name)
                seen = replace(status, desc=self._seen(name, status.desc))
                for tenant in presence.connections:
                    tenant.say(_MESSAGES.encode(0, seen))
            if status.reason == OFPPR.DELETE:
                presence.no_flood.discard(number)
        return frozenset(owners if there != (number in self._ports) else ())

    def tell_changes(self, slice_name: str, before: frozenset[int]) -> None:
        """Tell a slice of the ports that its flowspace gained and lost."""
        now = self.of_slice(slice_name)
        presence = self._link.presences[slice_name]
        for number in sorted(before ^ now):
            port = self._ports.get(number)
            if port is None:
                continue
            reason = OFPPR.ADD if number in now else OFPPR.DELETE
            status = PortStatus10(int(reason), self._seen(slice_name, port))
            for tenant in presence.connections:
                tenant.say(_MESSAGES.encode(0, status))
        # A port that comes back is a new one to the slice.
        presence.no_flood.intersection_update(now)

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
        tenant.say(_MESSAGES.encode(xid, replace(reply, body=kept)))

    def queue_config(self, tenant: TenantConnection, xid: int, message: bytes) -> None:
        """Pass on which queues a port has, as far as they are the slice's."""
        reply: QueueGetConfigReply10 = _MESSAGES.decode(message).message
        own = self._link.sliced.flowspace.queues(tenant.slice_name, reply.port)
        queues = tuple(queue for queue in reply.queues if queue.queue_id in own)
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
