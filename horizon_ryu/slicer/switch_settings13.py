"""Settings of a switch of OpenFlow 1.3 that all slices share: each tenant has what it may of them.

What would change the switch for others is refused: ports, tables, fragments, experimenters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.refusal import TenantRefusal
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPPMFC, OFPQOFC, OFPTMFC
from horizon_ryu.wire.of13.controller import PortMod13
from horizon_ryu.wire.of13.handshake import (
    QueueGetConfigReply13,
    QueueGetConfigRequest13,
)
from horizon_ryu.wire.of13.structures import Port13
from horizon_ryu.wire.ofp13 import OFPP
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_ANY_PORT = int(OFPP.ANY)


class DescribedPorts(Protocol):
    """Who knows the ports of each slice, and what the slice sees of them."""

    def of_slice(self, slice_name: str) -> frozenset[int]:
        """Return the numbers of a slice's ports."""

    def described(self, slice_name: str) -> tuple[Port13, ...]:
        """Return a slice's ports."""


class SwitchSettings13:
    """What tenants of one switch ask and set that is not of their slice alone."""

    def __init__(self, link: SlicedLink, ports: DescribedPorts) -> None:
        self._link = link
        self._ports = ports

    # ---- what is not to be changed

    def port_mod(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Let a port-mod pass that changes nothing; TenantRefusal: other slices have the port."""
        mod: PortMod13 = _MESSAGES.decode(message).message
        own = self._ports.described(tenant.slice_name)
        port = next((one for one in own if one.port_no == mod.port_no), None)
        if port is None:
            raise TenantRefusal(OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_PORT, "port of another slice")
        if mod.hw_addr != port.hw_addr:
            raise TenantRefusal(OFPET.PORT_MOD_FAILED, OFPPMFC.BAD_HW_ADDR, "address of no port")
        if (mod.config ^ port.config) & mod.mask or mod.advertise:
            raise TenantRefusal(OFPET.PORT_MOD_FAILED, OFPPMFC.EPERM, "port configuration")

    def table_mod(self, _tenant: TenantConnection, _message: bytes, _: float) -> None:
        """Refuse to configure tables."""
        raise TenantRefusal(OFPET.TABLE_MOD_FAILED, OFPTMFC.EPERM, "table configuration")

    def experimenter(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Pass on messages of experimenters that the slice may use; TenantRefusal for others."""
        number = int.from_bytes(message[8:12], "big")
        if number not in self._link.presence(tenant).settings.allows_vendor:
            raise TenantRefusal(OFPET.BAD_REQUEST, OFPBRC.BAD_EXPERIMENTER, "experimenter message")
        self._link.forward(tenant, message)

    # ---- queues

    def ask_for_queues(self, tenant: TenantConnection, message: bytes, _: float) -> None:
        """Ask the switch for the queues of a slice's port, or of all; TenantRefusal for others'."""
        asked: QueueGetConfigRequest13 = _MESSAGES.decode(message).message
        if asked.port != _ANY_PORT and asked.port not in self._ports.of_slice(tenant.slice_name):
            raise TenantRefusal(OFPET.QUEUE_OP_FAILED, OFPQOFC.BAD_PORT, "port of another slice")
        self._link.forward(tenant, message)

    def queue_config(self, tenant: TenantConnection, xid: int, message: bytes) -> None:
        """Pass on which queues there are, as far as they are the slice's."""
        reply: QueueGetConfigReply13 = _MESSAGES.decode(message).message
        own, flowspace = self._ports.of_slice(tenant.slice_name), self._link.sliced.flowspace
        queues = tuple(
            queue
            for queue in reply.queues
            if queue.port in own
            and queue.queue_id in flowspace.queues(tenant.slice_name, queue.port)
        )
        tenant.say(_MESSAGES.encode(xid, replace(reply, queues=queues)))
