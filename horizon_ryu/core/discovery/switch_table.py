"""Switch table: the switches and their ports, which change one by one at the same cost each.

A :class:`Switch` is immutable, and one of a large chassis holds tens of thousands of ports. So
changes are kept apart, and switches made anew when somebody looks at them, once for many changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from horizon_ryu.core.topology import Port, PortRef, Switch


class SwitchTable:
    """The switches by dpid, each with ``most`` ports at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._switches: dict[int, Switch] = {}
        self._ports: dict[int, dict[int, Port]] = {}
        self._changed: set[int] = set()

    def __contains__(self, dpid: int) -> bool:
        return dpid in self._switches

    def add(self, switch: Switch) -> tuple[Switch, PortRef | None]:
        """Add a switch, in place of another one of its dpid.

        Returns it as it is kept, with the ports of the lowest numbers, and the first one left out.
        """
        left_out = None
        if len(switch.ports) > self._most:
            numbers = sorted(switch.ports)
            left_out = PortRef(switch.dpid, numbers[self._most])
            kept = {number: switch.ports[number] for number in numbers[: self._most]}
            switch = replace(switch, ports=MappingProxyType(kept))
        self._switches[switch.dpid] = switch
        self._ports[switch.dpid] = {**switch.ports}
        self._changed.discard(switch.dpid)
        return switch, left_out

    def pop(self, dpid: int) -> Switch | None:
        """Remove a switch and return it as it is now; None if there is none."""
        found = self.get(dpid)
        if found is not None:
            del self._switches[dpid], self._ports[dpid]
        return found

    def get(self, dpid: int) -> Switch | None:
        """Return a switch as it is now; None if there is none."""
        switch = self._switches.get(dpid)
        if switch is not None and dpid in self._changed:
            self._changed.discard(dpid)
            ports = MappingProxyType(self._ports[dpid].copy())
            switch = self._switches[dpid] = replace(switch, ports=ports)
        return switch

    def port(self, ref: PortRef) -> Port | None:
        """Return a port; None if there is none."""
        ports = self._ports.get(ref.dpid)
        return None if ports is None else ports.get(ref.port_no)

    def set_port(self, ref: PortRef, port: Port | None) -> bool:
        """Add or change a port, or remove it when ``port`` is None.

        False, and nothing is done, where the switch is not there or has no place for one more.
        """
        ports = self._ports.get(ref.dpid)
        if ports is None or (len(ports) >= self._most and ref.port_no not in ports):
            return False
        if port is None:
            ports.pop(ref.port_no, None)
        else:
            ports[ref.port_no] = port
        self._changed.add(ref.dpid)
        return True

    def frozen(self) -> Mapping[int, Switch]:
        """Return all switches as they are now, immutable."""
        for dpid in tuple(self._changed):
            self.get(dpid)
        return MappingProxyType(self._switches.copy())
