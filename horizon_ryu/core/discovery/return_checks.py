"""Return checks: whether broadcasts pass between ports that led to switches that were lost.

A switch without a controller goes on flooding as it was last told, and gives every probe to a
controller that it does not have. If its cables are pulled out and plugged in again, it cannot be
told by probes from hosts that stand there now. So a signed broadcast leaves by each of these ports,
and is looked for at the others. What it looks like to switches is its source, a station made up
anew whenever a switch is lost: those of ours that are there hand it to us, by an entry that ends by
itself, and one that is away has no such entry and treats it as it treats any broadcast.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.crossing_checks import local_mac
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import (
    FlowCommand,
    FlowMod,
    Match,
    Outgoing,
    Output,
    PacketOut,
    ToController,
)

ETHERTYPE = b"\x88\xb6"
"""For experiments within one's own network (IEEE 802, 9.2.4): no station listens to it."""
MAX_FAR_ENDS = 65_536
"""Ports of which it is remembered where they led; the oldest are forgotten first."""
_PAUSES = (0.2, 0.3, 0.5)
"""Seconds before the first rounds of ports that have just come up, which are closed still."""
_INTERVAL = 1.0
_RATE = 500.0
"""Checks per second, at most: of many ports the rounds stretch."""
_LASTING = 10
"""Seconds that an entry lasts."""
_RENEWED = 4.0
"""Seconds after which it is written again."""
_FIRST_NUMBER = 1 << 61
"""Nobody makes probes of another kind of these: their numbers have nothing in common."""
_BROADCAST = b"\xff" * 6
_HEADER = 14
_MAC = 6
_NOBODY: frozenset[int] = frozenset()
_COOKIE = cookie(Owner.DISCOVERY, 0)
"""Of no run of the controller: the entry ends by itself."""


class Crossed(NamedTuple):
    """A check has left by ``src``, and passed to ``dst``."""

    src: PortRef
    dst: PortRef


class ReturnChecks:
    """Where ports led, which of those are up again though nobody returned, and what is sent there.

    ``key`` signs and makes up the stations; a check is accepted for ``validity`` seconds.
    """

    def __init__(self, key: bytes, validity: float) -> None:
        self._key = key
        self._far: dict[PortRef, set[int]] = {}
        self._there: set[int] = set()
        self._ports: set[PortRef] = set()
        self._book = OutstandingProbes(validity, first_number=_FIRST_NUMBER)
        self._lost = 0
        self._station = b""
        self._round = 0
        self._next = 0.0
        self._renewed: dict[int, float] = {}
        self._make_up()

    # ---- where ports led

    def cable(self, one: PortRef, other: PortRef) -> None:
        """Take note that a cable joins two ports."""
        for here, there in ((one, other), (other, one)):
            self._ports.discard(here)
            self._far.pop(here, None)
            self._add(here, there)

    def recall(self, cables: Iterable[Iterable[PortRef]]) -> None:
        """Take note of what was joined in an earlier run: two ports, or those of a segment."""
        for ends in cables:
            self._join(tuple(ends))

    def _join(self, ends: tuple[PortRef, ...]) -> None:
        for here in ends:
            for there in ends:
                if here.dpid != there.dpid:
                    self._add(here, there)

    def _add(self, here: PortRef, there: PortRef) -> None:
        self._far.setdefault(here, set()).add(there.dpid)
        while len(self._far) > MAX_FAR_ENDS:
            del self._far[next(iter(self._far))]

    def ready(self, dpid: int) -> None:
        """Take note that a switch is under control: its own probes tell where its ports lead."""
        self._there.add(dpid)
        self._ports = set(filter(self._leads_away, self._ports))

    def left(self, dpid: int, segments: Iterable[Iterable[PortRef]]) -> None:
        """Take note that a switch is lost that was at these ``segments``."""
        self._there.discard(dpid)
        for ports in segments:
            self._join(tuple(ports))
        self._ports = {ref for ref in self._ports if ref.dpid != dpid}
        self._make_up()

    def _leads_away(self, ref: PortRef) -> bool:
        return not self._far.get(ref, _NOBODY) <= self._there

    def _make_up(self) -> None:
        """Have a station that no switch has heard of that is away."""
        self._lost += 1
        secret = hmac.digest(self._key, b"return %d" % self._lost, "sha256")
        self._station = local_mac(secret[:_MAC])
        self._renewed.clear()

    # ---- ports

    def came_up(self, refs: Iterable[PortRef], now: float) -> None:
        """Look at those of ``refs`` that led to a switch which is away."""
        found = list(filter(self._leads_away, refs))
        if found:
            self._ports.update(found)
            self._round, self._next = 0, now

    def went_down(self, ref: PortRef) -> None:
        """Look at a port no more."""
        self._ports.discard(ref)
        self._book.forget(ref)

    # ---- what is sent and heard

    def is_ours(self, src: bytes) -> bool:
        """Tell whether a frame from ``src`` is a check."""
        return src == self._station

    def heard(self, data: bytes, here: PortRef, now: float) -> Crossed | None:
        """Judge a frame that says that it is a check; None if it proves nothing."""
        probe = lldp.parse(data[: _HEADER - 2] + lldp.ETHERTYPE + data[_HEADER:])
        if here not in self._ports or probe is None or not lldp.is_genuine(self._key, probe):
            return None
        src = PortRef(probe.dpid, probe.port_no)
        verdict, _ = self._book.hear(src, probe.number, here, now)
        if src == here or verdict not in (ProbeVerdict.FRESH, ProbeVerdict.SHARED):
            return None
        return Crossed(src, here)

    def due(self, now: float) -> list[Outgoing]:
        """Return the entries and the checks that are to be sent now."""
        if len(self._ports) < 2 or now < self._next:
            return []
        sent = list(self._entries(now))
        if self._round:
            sent += map(self._check, sorted(self._ports), [now] * len(self._ports))
        self._round += 1
        self._next = now + self._pause()
        return sent

    def next_due(self) -> float | None:
        """Return when :meth:`due` has something to send; None while nothing is looked at."""
        return self._next if len(self._ports) > 1 else None

    def _pause(self) -> float:
        if self._round <= len(_PAUSES):
            return _PAUSES[self._round - 1]
        return max(_INTERVAL, len(self._ports) / _RATE)

    def _entries(self, now: float) -> Iterable[Outgoing]:
        for dpid in sorted({ref.dpid for ref in self._ports}):
            if self._renewed.get(dpid, now - _RENEWED) <= now - _RENEWED:
                self._renewed[dpid] = now
                yield Outgoing(dpid, self._entry())

    def _entry(self) -> FlowMod:
        match = Match(dl_src=self._station)
        actions = (ToController(),)
        return FlowMod(
            FlowCommand.ADD, match, Priority.LLDP, _COOKIE, actions, hard_timeout=_LASTING
        )

    def _check(self, ref: PortRef, now: float) -> Outgoing:
        number = self._book.issue(ref, now)
        probe = lldp.build(self._key, ref.dpid, ref.port_no, self._station, number, _BROADCAST)
        frame = probe[: _HEADER - 2] + ETHERTYPE + probe[_HEADER:]
        return Outgoing(ref.dpid, PacketOut((Output(ref.port_no),), frame))
