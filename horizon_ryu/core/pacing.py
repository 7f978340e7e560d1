"""When each port is probed: in rounds, new ports first, never faster than the budget.

A round probes every port once. Rounds start ``interval`` apart (report 3.4, first timer); when
the budget does not allow that, they stretch, and no port is left out. A switch whose own budget
is spent is passed over until it has tokens again, so it delays nobody. New ports have a budget
of their own, so that a large network is found at once and not at the pace of its upkeep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable
from heapq import heappop, heappush

from horizon_ryu.core.token_bucket import TokenBucket
from horizon_ryu.core.topology import PortRef

EAGER_DELAYS = (0.0, 0.05, 0.15, 0.35)
"""A new port is probed at once, and again soon: a first probe may meet a neighbour unready."""

SLICE = 0.05
"""Seconds' worth of budget that may leave in one burst."""


class Pacing:
    """Says which ports are due; holds no other knowledge of them."""

    def __init__(
        self, interval: float, total_rate: float, switch_rate: float, new_port_rate: float
    ) -> None:
        self.interval = interval
        self._total = TokenBucket(total_rate, max(1.0, total_rate * SLICE), 0.0)
        self._new = TokenBucket(new_port_rate, max(1.0, new_port_rate * SLICE), 0.0)
        self._switch_rate = switch_rate
        self._switches: dict[int, TokenBucket] = {}
        self._ports: dict[PortRef, None] = {}
        self._eager: list[tuple[float, PortRef]] = []
        self._round: deque[PortRef] = deque()
        self._next_round = 0.0

    def add(self, refs: Iterable[PortRef], now: float) -> None:
        """Probe ``refs`` from now on, eagerly at first."""
        for ref in refs:
            self._ports[ref] = None
            for delay in EAGER_DELAYS:
                heappush(self._eager, (now + delay, ref))

    def hurry(self, refs: Iterable[PortRef], now: float) -> None:
        """Probe known ``refs`` once more at once."""
        for ref in refs:
            if ref in self._ports:
                heappush(self._eager, (now, ref))

    def remove(self, ref: PortRef) -> None:
        """Probe ``ref`` no more."""
        self._ports.pop(ref, None)

    def forget_switch(self, dpid: int) -> None:
        """Drop the budget of a switch that left."""
        self._switches.pop(dpid, None)

    def due(self, now: float, proven: Container[PortRef], settled: bool) -> list[PortRef]:
        """Return the ports to probe now, within the budget.

        New ports that are ``proven`` by now need no hurry, and while the network is not
        ``settled`` hurry is in vain: no new link would be believed.
        """
        chosen = self._take_eager(now, proven) if settled else []
        if not self._round and now >= self._next_round:
            self._round.extend(self._ports)
            self._next_round = now + self.interval
        chosen += self._take_round(now)
        return chosen

    def next_due(self, now: float, settled: bool) -> float:
        """Return when :meth:`due` is to be called again."""
        times = [self._next_round] if not self._round else [now + SLICE / 2]
        if self._eager and settled:
            times.append(max(self._eager[0][0], now + self._new.wait(now)))
        return max(now + 0.001, min(times))

    def _take_eager(self, now: float, proven: Container[PortRef]) -> list[PortRef]:
        chosen: dict[PortRef, None] = {}
        while self._eager and self._eager[0][0] <= now and self._new.wait(now) == 0:
            _, ref = heappop(self._eager)
            # What piled up while the network was unsettled need not be sent twice.
            if ref not in self._ports or ref in proven or ref in chosen:
                continue
            if self._bucket(ref.dpid, now).take(now):
                self._new.take(now)
                chosen[ref] = None
            else:
                heappush(self._eager, (now + SLICE, ref))
        return list(chosen)

    def _take_round(self, now: float) -> list[PortRef]:
        chosen: list[PortRef] = []
        for _ in range(len(self._round)):
            if self._total.wait(now) > 0:
                break
            ref = self._round.popleft()
            if ref not in self._ports:
                continue
            if self._bucket(ref.dpid, now).take(now):
                self._total.take(now)
                chosen.append(ref)
            else:
                self._round.append(ref)
        return chosen

    def _bucket(self, dpid: int, now: float) -> TokenBucket:
        bucket = self._switches.get(dpid)
        if bucket is None:
            burst = max(1.0, self._switch_rate * SLICE * 4)
            bucket = self._switches[dpid] = TokenBucket(self._switch_rate, burst, now)
        return bucket
