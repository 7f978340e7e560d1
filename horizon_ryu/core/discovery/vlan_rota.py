"""VLAN rota: which VLANs are in use, and in which of them a port is probed next.

A VLAN is in use at a port where a station of it was heard. What such a station sends to all leaves
by every port of the network, so each port is probed in the VLANs of others too, after its own. They
take turns, one probe per ``PAUSE`` and port at most, and never two in a row: they leave in the
place of LLDP, so that no budget is spent on them. In many VLANs each has its turn less often.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from horizon_ryu.core.topology import PortRef

PAUSE = 0.2
"""Seconds between two tagged probes of a port, at least."""
VLAN_INTERVAL = 1.0
"""Seconds between two probes of a port in one VLAN, at least."""
MAX_VLANS_AT_PORT = 64
"""VLANs in use at one port; who is heard in another one takes the place of the one heard last
longest ago."""
MAX_VLANS_ELSEWHERE = 256
"""VLANs in which ports are probed where nobody was heard in them; those known longest."""
MAX_VLAN = 4094
"""The highest identifier of a VLAN; 0 is none, and 4095 is reserved (IEEE 802.1Q, 9.6)."""
UNUSED_AFTER = 900.0
"""Seconds without a frame after which a VLAN is in use at a port no more.

Stations that are silent are asked every five minutes, and what they answer counts.
"""
NEVER = -math.inf


class _Turns:
    """The VLANs of one port by when they were probed last, the one whose turn it is first."""

    __slots__ = ("is_rested", "last", "sent", "version")

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.last = NEVER
        self.is_rested = True
        self.version = -1


class VlanRota:
    """Knows who was heard in which VLAN, and whose turn it is; ``now`` never goes back."""

    def __init__(self) -> None:
        self._heard: dict[PortRef, dict[int, float]] = {}
        """Per port and VLAN when somebody was heard last, the one heard longest ago first."""
        self._ports: Counter[int] = Counter()
        """At how many ports each VLAN is in use, those known longest first."""
        self._required: frozenset[int] = frozenset()
        self._turns: dict[PortRef, _Turns] = {}
        self._version = 0

    def __bool__(self) -> bool:
        return bool(self._ports or self._required)

    def hear(self, ref: PortRef, vlan: int, now: float) -> bool:
        """Take note of a frame of a station; tell whether the VLAN was not in use at the port."""
        if not 0 < vlan <= MAX_VLAN:
            return False
        heard = self._heard.setdefault(ref, {})
        is_new = heard.pop(vlan, None) is None
        heard[vlan] = now
        if is_new:
            self._come(ref, vlan)
            if len(heard) > MAX_VLANS_AT_PORT:
                self._go(ref, next(iter(heard)))
        return is_new

    def require(self, vlans: Iterable[int]) -> None:
        """Have all ports probed in these VLANs, and no more in those required before."""
        required = frozenset(vlans)
        if required != self._required:
            self._required = required
            self._version += 1

    def _come(self, ref: PortRef, vlan: int) -> None:
        self._ports[vlan] += 1
        self._version += 1
        turns = self._turns.get(ref)
        if turns is not None:
            turns.sent = {vlan: NEVER, **turns.sent}

    def _go(self, ref: PortRef, vlan: int) -> None:
        del self._heard[ref][vlan]
        self._ports[vlan] -= 1
        if not self._ports[vlan]:
            del self._ports[vlan]
        self._version += 1

    def hasten(self, ref: PortRef, vlan: int, now: float) -> bool:
        """Have a port probed in a VLAN next; False if it was a moment ago."""
        turns = self._turns.get(ref)
        at = NEVER if turns is None else turns.sent.get(vlan, NEVER)
        if now - at < PAUSE:
            return False
        turns = self._turns.setdefault(ref, _Turns())
        turns.sent = {vlan: NEVER, **{one: at for one, at in turns.sent.items() if one != vlan}}
        return True

    def forget(self, ref: PortRef) -> None:
        """Forget a port that is down or gone."""
        self._turns.pop(ref, None)
        for vlan in tuple(self._heard.get(ref, ())):
            self._go(ref, vlan)
        self._heard.pop(ref, None)

    def idle(self, now: float) -> None:
        """Forget the VLANs in which nobody was heard for long."""
        for ref, heard in tuple(self._heard.items()):
            for vlan in [vlan for vlan, at in heard.items() if now - at >= UNUSED_AFTER]:
                self._go(ref, vlan)
            if not heard:
                del self._heard[ref]

    def takes_turn(self, ref: PortRef, now: float) -> int | None:
        """Return in which VLAN a port is probed now, in the place of LLDP; None for LLDP."""
        if not self:
            return None
        turns = self._turns.setdefault(ref, _Turns())
        if turns.version != self._version:
            self._follow(ref, turns)
        vlan = next(iter(turns.sent), None)
        is_due = vlan is not None and now - turns.sent[vlan] >= VLAN_INTERVAL
        if vlan is None or not is_due or not turns.is_rested or now - turns.last < PAUSE:
            turns.is_rested = True
            return None
        del turns.sent[vlan]
        turns.sent[vlan] = turns.last = now
        turns.is_rested = False
        return vlan

    def interval(self, ref: PortRef, period: float) -> float:
        """Return about how many seconds pass between two probes of a port in one VLAN.

        It is probed, whatever by, every ``period`` seconds; one in three of these may be tagged.
        """
        turns = self._turns.get(ref)
        vlans = 0 if turns is None else len(turns.sent)
        return max(VLAN_INTERVAL, vlans * max(PAUSE, 3 * period))

    def _follow(self, ref: PortRef, turns: _Turns) -> None:
        """Take the VLANs in which a port is to be probed, its own ones before the others."""
        turns.version = self._version
        own, required = self._heard.get(ref, {}), self._required
        elsewhere = [vlan for vlan in self._ports if vlan not in own and vlan not in required]
        wanted = dict.fromkeys((*own, *sorted(required), *elsewhere[:MAX_VLANS_ELSEWHERE]))
        new = {vlan: NEVER for vlan in wanted if vlan not in turns.sent}
        turns.sent = {**new, **{vlan: at for vlan, at in turns.sent.items() if vlan in wanted}}
