"""Pacing of probes: in rounds, new ports first, never faster than the budgets.

A round of a switch probes each of its ports once. Rounds start ``interval`` apart (report 3.4,
first timer), all switches' together, so that the controller wakes once per interval. Where the
budget does not allow that, a switch's rounds follow each other and stretch, and no port is left
out. New ports have a budget of their own, so that a large network is found at once and not at
the pace of its upkeep.

Switches take turns of a few ports each. A switch whose own budget is spent gives up its turns
until it has tokens again, so neither a large one nor one whose ports flap delays another.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container, Iterable
from heapq import heapify, heappop, heappush

from horizon_ryu.core.token_bucket import TokenBucket
from horizon_ryu.core.topology import PortRef

EAGER_DELAYS = (0.0, 0.05, 0.1, 0.2)
"""A new port is probed at once, and again soon: a first probe may meet a neighbour unready.

Each is the pause in seconds since the probe before. When the budget is short, repetitions are
left to the rounds.
"""

SLICE = 0.05
"""Seconds' worth of budget that may leave in one burst."""

_TURN = 16
"""Ports that a switch may probe before the next one has its turn."""

_RINGS = 2000
"""Urgent probes that fall due in one call: more wait, as they would for the budget."""

_HURRY = len(EAGER_DELAYS)
"""Stands for a single urgent probe, which is not repeated."""

_NEVER = (math.inf, _HURRY)


class _Rota:
    """The ports of one switch: those of the present round, and those that cannot wait for it."""

    __slots__ = ("bucket", "dpid", "next_round", "pending", "ports", "queued", "turn", "urgent")

    def __init__(self, dpid: int, rate: float, now: float) -> None:
        self.dpid = dpid
        self.bucket = TokenBucket(rate, max(1.0, rate * SLICE * 4), now)
        self.ports: dict[int, None] = {}
        self.pending: deque[int] = deque()
        self.next_round = now
        self.turn = 0
        """Probes sent in the present turn."""
        self.urgent: dict[int, tuple[float, int]] = {}
        """Per port when its next urgent probe is due, and at which of EAGER_DELAYS it is."""
        self.queued: deque[int] = deque()
        """Ports whose urgent probe is due."""


class _Line:
    """The switches that have something to send on one budget, in the order of their turns."""

    def __init__(self, rate: float) -> None:
        self.budget = TokenBucket(rate, max(1.0, rate * SLICE), 0.0)
        self.waiting: deque[int] = deque()

    def affordable(self, rota: _Rota, now: float) -> int:
        """Return how many probes the switch may send in its turn."""
        return min(_TURN - rota.turn, self.budget.available(now), rota.bucket.available(now))

    def spend(self, rota: _Rota, count: int) -> None:
        """Take the tokens of probes that were affordable."""
        rota.turn += count
        rota.bucket.spend(count)
        self.budget.spend(count)

    def afford(self, rota: _Rota, now: float) -> bool:
        """Take a token of the switch and one of the line; False, taking none, without both."""
        if self.budget.wait(now) > 0 or not rota.bucket.take(now):
            return False
        rota.turn += 1
        return self.budget.take(now)


class Pacing:
    """Says which ports are due; holds no other knowledge of them."""

    def __init__(
        self, interval: float, total_rate: float, switch_rate: float, new_port_rate: float
    ) -> None:
        self._interval = interval
        self._switch_rate = switch_rate
        self._rotas: dict[int, _Rota] = {}
        self._rounds = _Line(total_rate)
        self._hurries = _Line(new_port_rate)
        self._alarms: list[tuple[float, PortRef]] = []
        """When urgent probes fall due; one that no longer agrees with its rota is void."""
        self._resting: list[tuple[float, int]] = []
        """Switches whose round is over, and when the next one starts."""
        self._broke: list[tuple[float, int, bool]] = []
        """Switches without budget, until when, and whether it was for urgent probes."""

    @property
    def interval(self) -> float:
        """Seconds between the starts of two rounds."""
        return self._interval

    def set_interval(self, interval: float, now: float) -> None:
        """Start rounds ``interval`` seconds apart, the next one within that time."""
        self._interval = interval
        for rota in self._rotas.values():
            rota.next_round = min(rota.next_round, now + interval)
        self._resting = [(min(at, now + interval), dpid) for at, dpid in self._resting]
        heapify(self._resting)

    def period(self, dpid: int) -> float:
        """Return about how many seconds pass between two probes of one port of ``dpid``."""
        rota = self._rotas.get(dpid)
        own = len(rota.ports) / self._switch_rate if rota is not None else 0.0
        ports = sum(len(one.ports) for one in self._rotas.values())
        return max(self._interval, own, ports / self._rounds.budget.rate)

    def add(self, refs: Iterable[PortRef], now: float) -> None:
        """Probe ``refs`` from now on, eagerly at first."""
        for ref in refs:
            rota = self._rotas.get(ref.dpid)
            if rota is None:
                rota = self._rotas[ref.dpid] = _Rota(ref.dpid, self._switch_rate, now)
                heappush(self._resting, (self._next_round(now), ref.dpid))
            rota.ports[ref.port_no] = None
            self._schedule(rota, ref, now, 0)

    def hurry(self, refs: Iterable[PortRef], now: float) -> None:
        """Probe known ``refs`` once more at once."""
        for ref in refs:
            rota = self._rotas.get(ref.dpid)
            if rota is not None and ref.port_no in rota.ports:
                self._schedule(rota, ref, now, _HURRY)

    def remove(self, ref: PortRef) -> None:
        """Probe ``ref`` no more."""
        rota = self._rotas.get(ref.dpid)
        if rota is not None:
            rota.ports.pop(ref.port_no, None)

    def forget_switch(self, dpid: int) -> None:
        """Forget a switch that left, its budget too."""
        self._rotas.pop(dpid, None)
        self._resting = [one for one in self._resting if one[1] != dpid]
        self._broke = [one for one in self._broke if one[1] != dpid]
        for line in (self._hurries, self._rounds):
            if dpid in line.waiting:
                line.waiting.remove(dpid)
        heapify(self._resting)
        heapify(self._broke)

    def due(self, now: float, proven: Container[PortRef], settled: bool) -> list[PortRef]:
        """Return the ports to probe now, within the budgets.

        New ports that are ``proven`` by now need no hurry, and while the network is not
        ``settled`` hurry is in vain: no new link would be believed.
        """
        chosen: list[PortRef] = []
        self._wake(now, settled)
        while settled and self._hurries.waiting and self._hurries.budget.wait(now) == 0:
            rota = self._rotas[self._hurries.waiting.popleft()]
            self._take_urgent(rota, now, proven, chosen)
        while self._rounds.waiting and self._rounds.budget.wait(now) == 0:
            self._take_routine(self._rotas[self._rounds.waiting.popleft()], now, chosen)
        return chosen

    def next_due(self, now: float, settled: bool) -> float:
        """Return when :meth:`due` is to be called again."""
        if self._rounds.waiting or (settled and self._hurries.waiting):
            # A budget is spent: one burst later costs fewer wakings than token by token.
            return now + SLICE * 0.8
        times = [entry[0] for entry in (*self._resting[:1], *self._broke[:1])]
        if settled and self._alarms:
            times.append(self._alarms[0][0])
        return max(now + 0.001, min(times, default=now + self._interval))

    def _wake(self, now: float, settled: bool) -> None:
        """Queue every switch that has something to do."""
        short = bool(self._hurries.waiting)
        rung = 0
        while settled and self._alarms and self._alarms[0][0] <= now and rung < _RINGS:
            self._ring(*heappop(self._alarms), short)
            rung += 1
        while self._broke and self._broke[0][0] <= now:
            _, dpid, urgent = heappop(self._broke)
            (self._hurries if urgent else self._rounds).waiting.append(dpid)
        while self._resting and self._resting[0][0] <= now:
            rota = self._rotas[heappop(self._resting)[1]]
            rota.pending.extend(rota.ports)
            rota.next_round = self._next_round(now)
            self._rounds.waiting.append(rota.dpid)

    def _ring(self, at: float, ref: PortRef, short: bool) -> None:
        """Queue an urgent probe, unless it is a repetition and the budget is short."""
        rota = self._rotas.get(ref.dpid)
        due, stage = rota.urgent.get(ref.port_no, _NEVER) if rota is not None else _NEVER
        if rota is None or due != at:
            return
        if short and 0 < stage < _HURRY:
            del rota.urgent[ref.port_no]
            return
        if not rota.queued:
            self._hurries.waiting.append(ref.dpid)
        rota.queued.append(ref.port_no)

    def _schedule(self, rota: _Rota, ref: PortRef, at: float, stage: int) -> None:
        """Have an urgent probe at ``at``, unless one comes before: who flaps gains nothing."""
        known_at, known_stage = rota.urgent.get(ref.port_no, _NEVER)
        if known_at <= at:
            rota.urgent[ref.port_no] = known_at, min(known_stage, stage)
            return
        rota.urgent[ref.port_no] = at, min(known_stage, stage)
        heappush(self._alarms, (at, ref))

    def _take_urgent(
        self, rota: _Rota, now: float, proven: Container[PortRef], chosen: list[PortRef]
    ) -> None:
        while rota.queued and rota.turn < _TURN:
            ref = PortRef(rota.dpid, rota.queued[0])
            wanted = ref.port_no in rota.ports and ref not in proven
            if wanted and not self._hurries.afford(rota, now):
                break
            rota.queued.popleft()
            stage = rota.urgent.pop(ref.port_no, _NEVER)[1]
            if wanted:
                chosen.append(ref)
                if stage + 1 < _HURRY:
                    self._schedule(rota, ref, now + EAGER_DELAYS[stage + 1], stage + 1)
        if rota.queued:
            self._again(rota, now, urgent=True)
        else:
            rota.turn = 0

    def _take_routine(self, rota: _Rota, now: float, chosen: list[PortRef]) -> None:
        pending, dpid, before = rota.pending, rota.dpid, len(chosen)
        left = self._rounds.affordable(rota, now)
        while pending and (left or pending[0] not in rota.ports):
            port_no = pending.popleft()
            if port_no in rota.ports:
                chosen.append(PortRef(dpid, port_no))
                left -= 1
        self._rounds.spend(rota, len(chosen) - before)
        if rota.pending:
            self._again(rota, now, urgent=False)
        else:
            rota.turn = 0
            heappush(self._resting, (rota.next_round, rota.dpid))

    def _again(self, rota: _Rota, now: float, urgent: bool) -> None:
        """Let a switch that is not done go on with its turn, have another one, or wait."""
        line = self._hurries if urgent else self._rounds
        if rota.bucket.wait(now) > 0:
            heappush(self._broke, (now + SLICE, rota.dpid, urgent))
        elif rota.turn < _TURN:
            line.waiting.appendleft(rota.dpid)
            return
        else:
            line.waiting.append(rota.dpid)
        rota.turn = 0

    def _next_round(self, now: float) -> float:
        """Return the start of the round after this one: a multiple of the interval."""
        start = (now // self._interval + 1) * self._interval
        # After a late start the next multiple may be too close for a round.
        return start if start - now >= self._interval / 2 else start + self._interval
