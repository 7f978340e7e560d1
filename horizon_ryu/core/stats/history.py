"""History of rates: those of each port over the last minutes, so many points and no more.

The points of a switch are taken together: one array of single precision holds three values for
each of its ports. What is not known is NaN there and None outside.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isnan, nan
from typing import NamedTuple

from horizon_ryu.core.stats.rates import NO_RATES, Rates

SPAN = 900.0
"""Seconds that are remembered."""
STEP = 5.0
"""Seconds between two points of a switch, at least."""
POINTS = int(SPAN / STEP)
PORT_BYTES = 112
"""Of a port's counters in a message of OpenFlow 1.3, which has the longest (7.3.5.6)."""
_MOST_REFUSED = 4096
"""Switches of which it is known when they were refused the last time."""
_VALUES = 3
_EARLY = 0.9
"""Of a step: polls come not quite as regularly as they are asked for."""


class PortPoints(NamedTuple):
    """The rates of one port: ``times`` in seconds of our clock, oldest first."""

    port_no: int
    times: tuple[float, ...]
    rates: tuple[Rates, ...]


class _Point(NamedTuple):
    at: float
    ports: tuple[int, ...]
    values: array[float]


@dataclass(slots=True)
class _SwitchHistory:
    points: deque[_Point] = field(default_factory=lambda: deque(maxlen=POINTS))
    room: int = 0
    """Ports that are counted for it: the most that any of its points has."""


class RateHistory:
    """The histories of all switches, of at most ``most_ports`` ports together."""

    def __init__(self, most_ports: int) -> None:
        self._most_ports = most_ports
        self._switches: OrderedDict[int, _SwitchHistory] = OrderedDict()
        self.ports = 0
        """Ports that there is a history of."""
        self.refused = 0
        """Points so far that found no room."""
        self.version = 0
        """Grows with every point."""
        self._refused_at: dict[int, float] = {}
        self._oversized_at: dict[int, float] = {}

    def is_due(self, dpid: int, at: float, size: int = 0) -> bool:
        """Tell whether a reading of this time is one more point.

        ``size``: its bytes, if they are known. One of more ports than there is room for at all is
        never due: to read tens of thousands of them only to refuse them would hold everybody up.
        """
        if size > self._most_ports * PORT_BYTES:
            if _is_step(self._oversized_at.get(dpid, -inf), at):
                self.refused += 1
                _note_refused(self._oversized_at, dpid, at)
            return False
        known = self._switches.get(dpid)
        taken = -inf if known is None else known.points[-1].at
        return _is_step(max(taken, self._refused_at.get(dpid, -inf)), at)

    def record(self, dpid: int, at: float, rates: Mapping[int, Rates]) -> bool:
        """Take the rates of a switch's ports at a time; False if there is no room for them.

        Histories that nothing was added to for two steps, of switches that are gone, give way.
        """
        known = self._switches.get(dpid)
        # A switch without ports takes the room of one: any number of them may come and go.
        needed = max(1, len(rates)) - (0 if known is None else known.room)
        if needed > 0 and not self._make_room(needed, dpid, at):
            self.refused += 1
            _note_refused(self._refused_at, dpid, at)
            return False
        self._refused_at.pop(dpid, None)
        history = self._switches.setdefault(dpid, _SwitchHistory())
        self._switches.move_to_end(dpid)
        history.room += max(0, needed)
        self.ports += max(0, needed)
        ports = tuple(sorted(rates))
        if history.points and history.points[-1].ports == ports:
            # One tuple for all of them.
            ports = history.points[-1].ports
        history.points.append(_Point(at, ports, _packed(ports, rates)))
        self.version += 1
        return True

    def latest(self, dpid: int) -> tuple[float, dict[int, Rates]] | None:
        """Return when the newest point of a switch was taken, and its rates; None without one."""
        known = self._switches.get(dpid)
        if known is None:
            return None
        point = known.points[-1]
        rates = {
            port_no: _unpacked(point.values, place) for place, port_no in enumerate(point.ports)
        }
        return point.at, rates

    def of(self, dpid: int, since: float, port_no: int | None = None) -> tuple[PortPoints, ...]:
        """Return the points from a time on, of all ports of a switch or of one."""
        known = self._switches.get(dpid)
        points = [] if known is None else [point for point in known.points if point.at >= since]
        ports = sorted({number for point in points for number in point.ports})
        times = tuple(point.at for point in points)
        return tuple(
            PortPoints(number, times, tuple(_rates_of(point, number) for point in points))
            for number in ports
            if port_no in (None, number)
        )

    def _make_room(self, needed: int, dpid: int, now: float) -> bool:
        while self.ports + needed > self._most_ports:
            oldest = next(iter(self._switches), dpid)
            if oldest == dpid or self._switches[oldest].points[-1].at > now - 2 * STEP:
                return False
            self.ports -= self._switches.pop(oldest).room
        return True


def _is_step(since: float, at: float) -> bool:
    return at - since >= _EARLY * STEP


def _note_refused(book: dict[int, float], dpid: int, at: float) -> None:
    book.pop(dpid, None)
    book[dpid] = at
    if len(book) > _MOST_REFUSED:
        del book[next(iter(book))]


def _packed(ports: tuple[int, ...], rates: Mapping[int, Rates]) -> array[float]:
    values = (value for number in ports for value in rates[number])
    return array("f", (nan if value is None else value for value in values))


def _unpacked(values: array[float], place: int) -> Rates:
    start = _VALUES * place
    return Rates(*(None if isnan(one) else one for one in values[start : start + _VALUES]))


def _rates_of(point: _Point, port_no: int) -> Rates:
    if port_no not in point.ports:
        return NO_RATES
    return _unpacked(point.values, point.ports.index(port_no))
