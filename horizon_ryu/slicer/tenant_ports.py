"""Ports of a switch as its tenants see them: their own, and no others, whatever the version."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from horizon_ryu.core.slicing.slice_settings import SliceSettings
from horizon_ryu.slicer.actions10 import SlicePorts
from horizon_ryu.slicer.presence import TenantConnection
from horizon_ryu.slicer.sliced_link import SlicedLink
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.of10.structures import Port10
from horizon_ryu.wire.of13.structures import Port13
from horizon_ryu.wire.ofp13 import OFPPR

P = TypeVar("P", Port10, Port13)


class TenantPorts(ABC, Generic[P]):
    """The ports of one switch; those of a slice are where frames of it may come in."""

    def __init__(self, link: SlicedLink, ports: Iterable[P] = ()) -> None:
        self._link = link
        self._messages = codec_of(link.version).messages
        self._ports: dict[int, P] = {port.port_no: port for port in ports}
        self._own: dict[str, frozenset[int]] = {}
        self._for_actions: dict[str, tuple[SliceSettings, SlicePorts]] = {}

    @abstractmethod
    def _seen(self, slice_name: str, port: P) -> P:
        """Return a port as a slice sees it."""

    @abstractmethod
    def _flooded(self, slice_name: str, ports: frozenset[int]) -> frozenset[int]:
        """Return those of a slice's ports that FLOOD goes to."""

    @abstractmethod
    def _status(self, reason: int, port: P) -> Any:
        """Return the message that a port has come, changed or gone."""

    def _wants(self, _tenant: TenantConnection, _reason: int) -> bool:
        """Tell whether a controller wants to hear of ports for a reason."""
        return True

    # ---- whose they are

    def of_slice(self, slice_name: str) -> frozenset[int]:
        """Return the numbers of a slice's ports; worked out once for each flowspace."""
        found = self._own.get(slice_name)
        if found is None:
            flowspace = self._link.sliced.flowspace
            found = self._own[slice_name] = frozenset(
                port for port in self._ports if flowspace.has_port(slice_name, port)
            )
        return found

    def described(self, slice_name: str) -> tuple[P, ...]:
        """Return a slice's ports, as it sees them."""
        own = self.of_slice(slice_name)
        return tuple(
            self._seen(slice_name, port) for number, port in self._ports.items() if number in own
        )

    def forget(self) -> None:
        """Work out again which ports are whose: the flowspace or the ports have changed."""
        self._own.clear()
        self._for_actions.clear()

    def for_actions(self, slice_name: str) -> SlicePorts:
        """Return what a slice may send to: FLOOD leaves out ports that it closed for it.

        The same object until it is something else.
        """
        settings, found = self._for_actions.get(slice_name, (None, None))
        own = self._link.presences[slice_name].settings
        if found is None or settings is not own:
            ports = self.of_slice(slice_name)
            flooded = self._flooded(slice_name, ports)
            found = SlicePorts(ports, flooded, own.native_flood, own.allows_vendor)
            self._for_actions[slice_name] = own, found
        return found

    # ---- from the switch

    def port_status(self, message: bytes) -> frozenset[str]:
        """Take note of a port that came, changed or went, and tell those whose it is.

        Returns the slices that have other ports now.
        """
        status: Any = self._messages.decode(message).message
        number = status.desc.port_no
        there = number in self._ports
        self.forget()
        if status.reason == OFPPR.DELETE:
            self._ports.pop(number, None)
        else:
            self._ports[number] = status.desc
        flowspace = self._link.sliced.flowspace
        owners = [name for name in self._link.presences if flowspace.has_port(name, number)]
        for name in owners:
            self._tell(name, status.reason, status.desc)
        return frozenset(owners if there != (number in self._ports) else ())

    def tell_changes(self, slice_name: str, before: frozenset[int]) -> None:
        """Tell a slice of the ports that its flowspace gained and lost."""
        now = self.of_slice(slice_name)
        for number in sorted(before ^ now):
            port = self._ports.get(number)
            if port is not None:
                reason = OFPPR.ADD if number in now else OFPPR.DELETE
                self._tell(slice_name, int(reason), port)

    def _tell(self, slice_name: str, reason: int, port: P) -> None:
        seen = self._status(reason, self._seen(slice_name, port))
        for tenant in self._link.connected(slice_name):
            if self._wants(tenant, reason):
                tenant.say(self._messages.encode(0, seen))
