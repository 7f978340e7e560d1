"""Return checks: whether broadcasts pass between ports that led to switches that were lost.

A switch without a controller goes on flooding as it was last told, and gives every probe to a
controller that it does not have. If its cables are pulled out and plugged in again, it cannot be
told by probes from hosts that stand there now. So a signed broadcast leaves by each of these ports,
and is looked for at the others. As long as its cables are where they were, Spanning Tree knows what
it does, and nothing is sent: what passes through it would be taken for a segment.

While nothing passes, checks become rarer: what nobody of us sees, a cable between two lost switches
say, is found a quarter of a minute later at most.

To switches a check is its source, a station made up anew whenever a switch is lost: those of ours
that are there hand it to us, by an entry that ends by itself, and one that is away has none, and
treats it as it treats any broadcast.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from typing import NamedTuple

from horizon_ryu.core.discovery import lldp
from horizon_ryu.core.discovery.crossing_checks import local_mac
from horizon_ryu.core.discovery.probes import OutstandingProbes, ProbeVerdict
from horizon_ryu.core.ownership import Owner, Priority, cookie
from horizon_ryu.core.port_frames import sent_by
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Outgoing, ToController

ETHERTYPE = b"\x88\xb6"
"""For experiments within one's own network (IEEE 802, 9.2.4): no station listens to it."""
MAX_FAR_ENDS = 65_536
"""Ports of which it is remembered where they led; the oldest are forgotten first."""
_BEFORE = 0.2
"""Seconds between the entries by which checks are heard and the checks."""
_PAUSES = (0.3, 0.5)
"""Seconds after the first rounds of ports that have just come up, which are closed still."""
_INTERVAL = 1.0
_CALM = 30
"""Rounds in a row after which nothing has passed, before they become rarer: the ports are open."""
LONGEST = 16.0
"""Seconds between two rounds, unless there are so many ports; each is twice as long as the last."""
_RATE = 500.0
"""Checks per second, at most: of many ports the rounds stretch."""
_LASTING = 10
"""Seconds that an entry lasts."""
EARLY = 3.0
"""Seconds by which a switch is looked for before those of an earlier run are forgotten."""
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


class JoinedEarlier(NamedTuple):
    """What an earlier run knew: each has two ports, or those of a segment.

    Those ``unplugged`` were joined once, and were down at both ends.
    """

    joined: Iterable[Iterable[PortRef]] = ()
    unplugged: Iterable[Iterable[PortRef]] = ()


class ReturnChecks:
    """Where ports led, which of those are up again though nobody returned, and what is sent there.

    ``key`` signs and makes up the stations; a check is accepted for ``validity`` seconds.
    """

    def __init__(self, key: bytes, validity: float) -> None:
        self._key = key
        self._far: dict[PortRef, set[int]] = {}
        self._there: set[int] = set()
        self._unheard: set[int] = set()
        """Switches of an earlier run that have not been there in this one."""
        self._unplugged: set[PortRef] = set()
        """Ports that have been down since it was known where they lead."""
        self._plugged_before: set[PortRef] = set()
        """Ports that are up as they were, and led to such switches."""
        self._remembered_until = 0.0
        self._ports: set[PortRef] = set()
        """Ports that are looked at."""
        self._book = OutstandingProbes(validity, first_number=_FIRST_NUMBER)
        self._lost = 0
        self._station = b""
        self._round = 0
        self._calm = 0
        """Rounds since something passed, or a port was plugged in."""
        self._next = 0.0
        self._renewed: dict[int, float] = {}
        self._make_up()

    # ---- where ports led

    def cable(self, one: PortRef, other: PortRef) -> None:
        """Take note that a cable joins two ports."""
        for here, there in ((one, other), (other, one)):
            for ports in (self._ports, self._unplugged, self._plugged_before):
                ports.discard(here)
            self._far.pop(here, None)
            self._add(here, there)

    def recall(self, earlier: JoinedEarlier, until: float) -> None:
        """Start from an earlier run, whose switches Spanning Tree takes for lost ``until`` then."""
        self._remembered_until = until
        for ends in (*earlier.joined, *earlier.unplugged):
            self._join(tuple(ends))
            self._unheard.update(ref.dpid for ref in ends)
        for ends in earlier.unplugged:
            self._unplugged.update(ends)

    def _join(self, ends: tuple[PortRef, ...]) -> None:
        for here in ends:
            for there in ends:
                if here.dpid != there.dpid:
                    self._add(here, there)

    def _add(self, here: PortRef, there: PortRef) -> None:
        self._far.setdefault(here, set()).add(there.dpid)
        while len(self._far) > MAX_FAR_ENDS:
            forgotten = next(iter(self._far))
            del self._far[forgotten]
            self._unplugged.discard(forgotten)
            self._plugged_before.discard(forgotten)

    def ready(self, dpid: int) -> None:
        """Take note that a switch is under control: its own probes tell where its ports lead."""
        self._there.add(dpid)
        self._unheard.discard(dpid)
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
        """Look at those of ``refs``, which were down, that led to a switch which is away."""
        self._look_at(list(filter(self._leads_away, refs)), now)

    def joined(self, refs: Iterable[PortRef], now: float) -> None:
        """Look at those of ``refs``, which are up at a switch that has just come, likewise.

        But not at what is plugged in as it was, before Spanning Tree forgets what it led to.
        """
        unplugged = []
        for ref in filter(self._leads_away, refs):
            if ref in self._unplugged:
                unplugged.append(ref)
            elif self._far[ref] & self._unheard:
                self._plugged_before.add(ref)
        self._look_at(unplugged, now)

    def _look_at(self, refs: Collection[PortRef], now: float) -> None:
        if refs:
            self._ports.update(refs)
            self._round, self._calm, self._next = 0, 0, now

    def went_down(self, ref: PortRef) -> None:
        """Look at a port no more, which is down or of a switch that leaves."""
        self._ports.discard(ref)
        self._plugged_before.discard(ref)
        self._book.forget(ref)
        if ref.dpid in self._there and ref in self._far:
            self._unplugged.add(ref)

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
        # What is believed is believed as long as it is heard often.
        self._calm, self._next = 0, min(self._next, now + _INTERVAL)
        return Crossed(src, here)

    def due(self, now: float) -> list[Outgoing]:
        """Return the entries and the checks that are to be sent now."""
        if self._plugged_before and now >= self._remembered_until - EARLY:
            unheard = [ref for ref in self._plugged_before if self._far[ref] & self._unheard]
            self._plugged_before.clear()
            self._look_at(unheard, now)
        if len(self._ports) < 2 or now < self._next:
            return []
        is_heard = all(self._has_entry(ref.dpid, now) for ref in self._ports)
        sent = list(self._entries(now))
        if not is_heard:
            self._next = now + _BEFORE
            return sent
        sent += map(self._check, sorted(self._ports), [now] * len(self._ports))
        self._round += 1
        self._calm += 1
        self._next = now + self._pause()
        return sent

    def next_due(self) -> float | None:
        """Return when :meth:`due` has something to send; None while nothing is looked at."""
        due = [self._next] if len(self._ports) > 1 else []
        if self._plugged_before:
            due.append(self._remembered_until - EARLY)
        return min(due, default=None)

    def _pause(self) -> float:
        if self._round <= len(_PAUSES):
            return _PAUSES[self._round - 1]
        rarer = _INTERVAL * 2.0 ** min(max(0, self._calm - _CALM), 10)
        return max(min(rarer, LONGEST), len(self._ports) / _RATE)

    def _has_entry(self, dpid: int, now: float) -> bool:
        written = self._renewed.get(dpid)
        return written is not None and now < written + _LASTING - 1

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
        return sent_by(ref, frame)
