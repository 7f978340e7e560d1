"""Group probes: those that bridges of others pass on, when they leave, and what hearing one says.

Ordinary bridges flood them, so what hears one shares a segment with the port that sent it, over
one cable or many. Switches of ours give them to the controller and to nobody else, as LLDP. They
leave by ports where no cable is proven only, and in the place of LLDP, so that they cost nothing:
in one round of ten by default, in every other one at most, and less often on segments with many
ports of ours, where each is heard by all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.discovery.segments import SegmentTable
from horizon_ryu.core.topology import PortRef

GROUP_INTERVAL = 1.0
"""Seconds between two group probes of a port, at least: how long a new loop may go unseen."""
_EAGER = 2
"""Group probes of a new port that wait for no interval: nobody may hear the very first."""
_PER_MATE = 0.1
"""Seconds of interval per port of a segment."""
LOST_ROUNDS = 3
"""Probes in a row that must go unheard before silence counts."""
_FIRST_NUMBER = 1 << 62
"""No group probe can be passed off as LLDP: their numbers have nothing in common."""
GAP_ROUNDS = 2.5
"""Rounds that two ports may miss one another in, until it is believed that they share a segment."""
HASTE = 0.2
"""Seconds between two group probes of a port, at least, however much speaks for a loop."""
LOOK_SECONDS = 0.3
"""Since its first probe, until it counts that nothing was heard of a port: one may be late."""
NEW_SECONDS = 3.0
"""For which a port counts as new: it is closed still, and what it hears is believed at once."""


class _Turns(NamedTuple):
    """Since when a port is probed, how many group probes have left by it, and when the last did.

    ``is_lldp_out`` tells whether LLDP has left since.
    """

    since: float
    groups: int = 0
    at: float = 0.0
    is_lldp_out: bool = False


class GroupProbes:
    """Sends, hears, and keeps the segments; ``key`` signs as it does for LLDP."""

    def __init__(
        self, key: bytes, validity: float, is_cable: Callable[[PortRef, PortRef], bool]
    ) -> None:
        self._key = key
        self._book = OutstandingProbes(validity, first_number=_FIRST_NUMBER)
        self._void_before = 0
        self._turns: dict[PortRef, _Turns] = {}
        self.table = SegmentTable(is_cable)

    def void(self) -> None:
        """Believe no probe that has left until now."""
        self._void_before = self._book.next_number

    def takes_turn(self, ref: PortRef, now: float) -> bool:
        """Tell whether a group probe is to leave by ``ref`` now, in the place of LLDP.

        LLDP goes first: where there is a cable it is known before a group probe is heard.
        """
        turns = self._turns.get(ref) or _Turns(now)
        late = turns.groups < _EAGER or now - turns.at >= self._interval(ref)
        if late and turns.is_lldp_out:
            self._turns[ref] = _Turns(turns.since, turns.groups + 1, now)
            return True
        if not turns.is_lldp_out:
            self._turns[ref] = turns._replace(is_lldp_out=True)
        return False

    def hasten(self, ref: PortRef, now: float) -> bool:
        """Have a group probe leave by ``ref`` next; False if one has left a moment ago."""
        turns = self._turns.get(ref)
        if turns is None or not turns.is_lldp_out or now - turns.at < HASTE:
            return False
        self._turns[ref] = turns._replace(groups=_EAGER - 1)
        return True

    def have_looked(self, ref: PortRef, now: float) -> bool:
        """Tell whether LLDP and a group probe have left by a port, long enough ago to be heard."""
        turns = self._turns.get(ref)
        return turns is not None and turns.groups > 0 and now - turns.since >= LOOK_SECONDS

    def _interval(self, ref: PortRef) -> float:
        segment = self.table.segments.get(ref)
        return max(GROUP_INTERVAL, _PER_MATE * len(segment.ports) if segment else 0.0)

    def build(self, ref: PortRef, hw_addr: bytes, now: float) -> bytes:
        """Return the next probe of a port as an Ethernet frame."""
        number = self._book.issue(ref, now)
        return lldp.build(self._key, ref.dpid, ref.port_no, hw_addr, number, lldp.ANY_BRIDGE)

    def hear(self, probe: lldp.Probe, here: PortRef, now: float, settled: bool) -> str:
        """Judge a genuine probe heard at ``here``; return what became of it.

        ``settled`` tells whether every switch of ours has its forced drop: any other relays. Ports
        that are "beside" each other share a segment, or a cable.
        """
        src = PortRef(probe.dpid, probe.port_no)
        verdict, _ = self._book.hear(src, probe.number, here, now)
        if verdict not in (ProbeVerdict.FRESH, ProbeVerdict.SHARED):
            return str(verdict.value)
        if not settled or probe.number < self._void_before:
            self._turns.pop(src, None)
            return "unsettled"
        return "beside"

    def note(
        self, one: PortRef, other: PortRef, now: float, period: Callable[[int], float]
    ) -> None:
        """Take note that one of two ports has heard the other; ``period`` as for :meth:`idle`."""
        longest = max(self._round(ref, period) for ref in (one, other))
        is_new = self.is_new(one, now) or self.is_new(other, now)
        self.table.note(one, other, now, GAP_ROUNDS * longest, is_new)

    def is_new(self, ref: PortRef, now: float) -> bool:
        """Tell whether a port is probed since a moment ago only."""
        turns = self._turns.get(ref)
        return turns is not None and now - turns.since < NEW_SECONDS

    def forget(self, ref: PortRef) -> None:
        """Void every probe of ``ref``, and what was heard there."""
        self._book.forget(ref)
        self._turns.pop(ref, None)
        self.table.remove_at(ref)

    def idle(self, now: float, max_idle: float, period: Callable[[int], float]) -> None:
        """Part the ports that have not heard each other for ``max_idle`` s and some probes.

        ``period`` returns about how many seconds pass between two rounds of a switch.
        """
        self.table.idle(now, lambda ref: max(max_idle, LOST_ROUNDS * self._round(ref, period)))

    def _round(self, ref: PortRef, period: Callable[[int], float]) -> float:
        """Return about how many seconds pass between two group probes of a port."""
        return max(self._interval(ref), period(ref.dpid))
