"""Ports of a switch of OpenFlow 1.3 as its tenants see them: their own, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from horizon_ryu.slicer.actions10 import SlicePorts
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.of13.asynchronous import PortStatus13
from horizon_ryu.wire.of13.structures import Port13
from horizon_ryu.wire.ofp13 import OFPP, OFPPR
from horizon_ryu.wire.versions import OPENFLOW_13

_MESSAGES = codec_of(OPENFLOW_13).messages
_LOCAL = int(OFPP.LOCAL)

WantsPortStatus = Callable[[TenantConnection, int], bool]
"""Tells whether a controller wants to hear of ports for a reason."""


class TenantPorts13:
    """The ports of one switch; those of a slice are where frames of it may come in."""

    def __init__(self, link: SlicedLink, wants: WantsPortStatus) -> None:
        self._link = link
        self._wants = wants
        self._ports: dict[int, Port13] = {}
        self._own: dict[str, frozenset[int]] = {}

    def of_slice(self, slice_name: str) -> frozenset[int]:
        """Return the numbers of a slice's ports; worked out once for each flowspace."""
        found = self._own.get(slice_name)
        if found is None:
            flowspace = self._link.sliced.flowspace
            found = self._own[slice_name] = frozenset(
                port for port in self._ports if flowspace.has_port(slice_name, port)
            )
        return found

    def described(self, slice_name: str) -> tuple[Port13, ...]:
        """Return a slice's ports."""
        own = self.of_slice(slice_name)
        return tuple(port for number, port in self._ports.items() if number in own)

    def forget(self) -> None:
        """Work out again which ports are whose: the flowspace or the ports have changed."""
        self._own.clear()

    def for_actions(self, slice_name: str) -> SlicePorts:
        """Return what a slice may send to."""
        settings = self._link.presences[slice_name].settings
        ports = self.of_slice(slice_name)
        return SlicePorts(ports, ports - {_LOCAL}, settings.native_flood, settings.allows_vendor)

    # ---- from the switch

    def learn(self, ports: tuple[Port13, ...]) -> None:
        """Take note of ports that the switch describes."""
        self.forget()
        self._ports |= {port.port_no: port for port in ports}

    def port_status(self, message: bytes) -> bool:
        """Take note of a port that came, changed or went, and tell those whose it is.

        Tell whether the ports are others now.
        """
        status: PortStatus13 = _MESSAGES.decode(message).message
        number = status.desc.port_no
        was_there = number in self._ports
        self.forget()
        if status.reason == OFPPR.DELETE:
            self._ports.pop(number, None)
        else:
            self._ports[number] = status.desc
        for name in self._link.presences:
            if self._link.sliced.flowspace.has_port(name, number):
                self._tell(name, status)
        return was_there != (number in self._ports)

    def tell_changes(self, slice_name: str, before: frozenset[int]) -> None:
        """Tell a slice of the ports that its flowspace gained and lost."""
        now = self.of_slice(slice_name)
        for number in sorted(before ^ now):
            port = self._ports.get(number)
            if port is not None:
                reason = OFPPR.ADD if number in now else OFPPR.DELETE
                self._tell(slice_name, PortStatus13(int(reason), replace(port)))

    def _tell(self, slice_name: str, status: PortStatus13) -> None:
        for tenant in self._link.connected(slice_name):
            if self._wants(tenant, status.reason):
                tenant.say(_MESSAGES.encode(0, status))
