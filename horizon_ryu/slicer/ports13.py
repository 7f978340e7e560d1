"""Ports of a switch of OpenFlow 1.3 as its tenants see them: their own, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.slicer.tenant_ports import TenantPorts
from horizon_ryu.wire.of13.asynchronous import PortStatus13
from horizon_ryu.wire.of13.structures import Port13
from horizon_ryu.wire.ofp13 import OFPP

_LOCAL = int(OFPP.LOCAL)

WantsPortStatus = Callable[[TenantConnection, int], bool]
"""Tells whether a controller wants to hear of ports for a reason."""


class TenantPorts13(TenantPorts[Port13]):
    """The ports of one switch; it describes them when it is asked to."""

    def __init__(self, link: SlicedLink, wants: WantsPortStatus) -> None:
        super().__init__(link)
        self._asks_for = wants

    def learn(self, ports: Iterable[Port13]) -> None:
        """Take note of ports that the switch describes."""
        self.forget()
        self._ports |= {port.port_no: port for port in ports}

    def _seen(self, slice_name: str, port: Port13) -> Port13:
        return port

    def _flooded(self, slice_name: str, ports: frozenset[int]) -> frozenset[int]:
        return ports - {_LOCAL}

    def _status(self, reason: int, port: Port13) -> PortStatus13:
        return PortStatus13(reason, port)

    def _wants(self, tenant: TenantConnection, reason: int) -> bool:
        return self._asks_for(tenant, reason)
