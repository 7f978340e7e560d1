"""Switch table: the switches and their ports, which change one by one at the same cost each.

A :class:`Switch` is immutable, and one of a large chassis holds tens of thousands of ports. So
changes are kept apart, and switches made anew when somebody looks at them, once for many changes.

Ports beyond the cap are kept, too, since they must be closed to broadcasts, and take the place of
ports that go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from horizon_ryu.core.topology import Port, PortRef, Switch

MAX_SURPLUS = 65_536
"""Ports beyond the cap that are kept of one switch: nobody can close more than are known."""


@dataclass(slots=True)
class _Ports:
    """The ports of one switch as they are now; ``most`` is the cap."""

    most: int
    known: dict[int, Port]
    surplus: OrderedDict[int, Port] = field(default_factory=OrderedDict)
    """Those beyond the cap, in the order in which they take the place of others."""
    is_known_stale: bool = False
    is_surplus_stale: bool = False
    is_overfull: bool = False
    """Whether there were more than can be kept."""

    def keep(self, number: int, port: Port) -> None:
        """Keep a port beyond the cap, if there is room for it."""
        if number in self.surplus or len(self.surplus) < MAX_SURPLUS:
            self.surplus[number] = port
            self.is_surplus_stale = True
        else:
            self.is_overfull = True


class SwitchTable:
    """The switches by dpid, each with ``most`` ports at most, or as many as its version floods."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._switches: dict[int, Switch] = {}
        self._ports: dict[int, _Ports] = {}
        self._changed: set[int] = set()
        self._crowded: set[int] = set()

    def __contains__(self, dpid: int) -> bool:
        return dpid in self._switches

    def add(self, switch: Switch) -> tuple[Switch, PortRef | None]:
        """Add a switch, in place of another one of its dpid.

        Returns it as it is kept, with the ports of the lowest numbers, and the first one left out.
        """
        most = min(self._most, switch.capabilities.most_flooding or self._most)
        every = {**switch.ports, **switch.surplus}
        ports = _Ports(most, every)
        left_out = None
        if len(every) > most:
            numbers = sorted(every)
            left_out = PortRef(switch.dpid, numbers[most])
            ports.known = {number: every[number] for number in numbers[:most]}
            for number in numbers[most:]:
                ports.keep(number, every[number])
            ports.is_known_stale = True
        self._switches[switch.dpid] = switch
        self._ports[switch.dpid] = ports
        self._note(switch.dpid)
        return self._anew(switch.dpid), left_out

    def pop(self, dpid: int) -> Switch | None:
        """Remove a switch and return it as it is now; None if there is none."""
        found = self.get(dpid)
        if found is not None:
            del self._switches[dpid], self._ports[dpid]
            self._crowded.discard(dpid)
        return found

    def get(self, dpid: int) -> Switch | None:
        """Return a switch as it is now; None if there is none."""
        return self._anew(dpid) if dpid in self._changed else self._switches.get(dpid)

    def _anew(self, dpid: int) -> Switch:
        """Return a switch as it is now, with the parts that have not changed."""
        self._changed.discard(dpid)
        switch, now = self._switches[dpid], self._ports[dpid]
        if now.is_known_stale:
            switch = replace(switch, ports=MappingProxyType(now.known.copy()))
        if now.is_surplus_stale:
            switch = replace(switch, surplus=MappingProxyType(dict(now.surplus)))
        now.is_known_stale = now.is_surplus_stale = False
        self._switches[dpid] = switch
        return switch

    def port(self, ref: PortRef) -> Port | None:
        """Return a port; None if there is none, or it is beyond the cap."""
        ports = self._ports.get(ref.dpid)
        return None if ports is None else ports.known.get(ref.port_no)

    def set_port(self, ref: PortRef, port: Port | None) -> bool:
        """Add or change a port, or remove it when ``port`` is None.

        False where the switch is not there, and where the port is beyond the cap: then it is
        noted as such.
        """
        ports = self._ports.get(ref.dpid)
        if ports is None:
            return False
        number = ref.port_no
        is_known = number in ports.known
        if not is_known and (number in ports.surplus or len(ports.known) >= ports.most):
            if port is not None:
                ports.keep(number, port)
            elif ports.surplus.pop(number, None) is not None:
                ports.is_surplus_stale = True
            self._note(ref.dpid)
            return False
        if port is None:
            ports.known.pop(number, None)
        else:
            ports.known[number] = port
        ports.is_known_stale = True
        self._note(ref.dpid)
        return True

    def _note(self, dpid: int) -> None:
        self._changed.add(dpid)
        (self._crowded.add if self._ports[dpid].surplus else self._crowded.discard)(dpid)

    def frozen(self) -> Mapping[int, Switch]:
        """Return all switches as they are now, immutable."""
        for dpid in tuple(self._changed):
            self._anew(dpid)
        return MappingProxyType(self._switches.copy())

    # ---- beyond the cap

    def is_surplus(self, ref: PortRef) -> bool:
        """Tell whether there is such a port beyond the cap."""
        ports = self._ports.get(ref.dpid)
        return ports is not None and ref.port_no in ports.surplus

    def promote(self, dpid: int) -> PortRef | None:
        """Have the first port beyond the cap take a place that is free; None if there is none."""
        ports = self._ports.get(dpid)
        if ports is None or not ports.surplus or len(ports.known) >= ports.most:
            return None
        number, port = ports.surplus.popitem(last=False)
        ports.known[number] = port
        ports.is_known_stale = ports.is_surplus_stale = True
        self._note(dpid)
        return PortRef(dpid, number)

    def is_overfull(self, dpid: int) -> bool:
        """Tell whether a switch has had so many ports that not all could be noted."""
        return dpid in self._ports and self._ports[dpid].is_overfull

    def crowded(self) -> Mapping[int, int]:
        """Return how many ports are beyond the cap, of each switch that has any."""
        return {dpid: len(self._ports[dpid].surplus) for dpid in sorted(self._crowded)}
