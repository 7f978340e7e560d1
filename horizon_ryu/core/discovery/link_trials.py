"""Link trials: pairs of ports whose probes meet though hosts are known there.

Three things look alike at first: a switch that was plugged in where a host has been, a bridge of
others with hosts on it, and hosts that relay probes (security literature: link relay), who would
draw traffic to themselves if that were believed, and cut off all that is behind these ports. What
tells them apart are the hosts known there, which are asked, and frames that look like any
station's and that bridges flood (:mod:`~horizon_ryu.core.discovery.crossing_checks`):

===========  ==========  =======================================================================
hosts        these       what it is
===========  ==========  =======================================================================
are silent   either      what probes say: a link, or a segment; unless every probe was slower than
                         the known links of these switches allow (``link_latency``), then as below
answer       pass        a segment with hosts: never a link, one of its ports is open
answer       do not      nothing: probes alone are relayed; neither a link nor a segment
===========  ==========  =======================================================================

The rule is that there is no loop at any time, and that nobody is cut off for what probes alone say.
So while it is not clear yet the ports stay as they are if no broadcast passes: what does not pass
makes no loop. If any passes, the two are a segment from that moment. A trial lasts one hold time,
so an honest link comes late by that much where hosts were known, and nowhere else.

Afterwards broadcasts are sent on, one a second, as long as probes are heard: whoever begins to
relay them is a segment a second later, and whoever stops is none any more. Silent hosts do not end
a segment: they may sleep. Refuted pairs are tried again from time to time.

An answer is a frame to our own address that came in at one of the two ports. A multicast of IPv6
(who asks for our address) counts unless the station was heard at a third port too: it may have
come through the new link. Hosts are asked through either port in turn, since one may be closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from horizon_ryu.core.discovery.crossing_checks import CrossingChecks, PortPair, pair_of
from horizon_ryu.core.discovery.host_questions import PROBER, PROBER_GROUP, questions
from horizon_ryu.core.discovery.pair_trial import HELD_STATES, PairStanding, PairTrial, TrialState
from horizon_ryu.core.topology import HeldLink, Host, Link, PortRef, TopologyChange
from horizon_ryu.wire.messages import Outgoing

ASKED = 16
"""Hosts asked at each end, those that are known longest first: a flood comes after them."""
STEP = 0.2
"""Seconds between two rounds of questions and checks of a pair on trial."""
WATCH = 1.0
"""Seconds between two checks of a pair that was refuted, or is a segment."""
RETRIAL = 10.0
"""Seconds until a refuted pair is tried again, and without a probe until a pair is forgotten."""
UNCROSSED = 30.0
"""Seconds without a broadcast that passed after which a pair is no segment.

Both of its ports may be closed for a while, when the tree is not sure of something else.
"""
MOST, MOST_AT_PORT = 1024, 8
"""Trials at one time, in all and at one port."""
MAX_VLANS = 4
"""VLANs of the hosts in which broadcasts are tried."""
MAX_SAMPLES = 64
ALARM_PAUSE = 60.0
"""Seconds between two alarms about the same two ports."""


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """Seconds for which a pair is held, 0 for never; and the factor of ``LinkLatency``."""

    hold: float = 1.0
    latency_factor: float = 3.0


class TrialNews(NamedTuple):
    """What trials led to: changes to publish, and ports whose probes are to be seen again."""

    changes: tuple[TopologyChange, ...] = ()
    again: tuple[PortRef, ...] = ()


class Judgement(NamedTuple):
    """What a probe leads to, and the changes to publish."""

    standing: PairStanding
    changes: tuple[TopologyChange, ...] = ()


_BELIEVED, _NOT_YET = Judgement(PairStanding.BELIEVED), Judgement(PairStanding.HELD)


class TrialWorld(NamedTuple):
    """What trials need to know and to do: the hosts at a port and who of them is pinned, whether
    probes over a link are slow, and how two ports become a segment, and are none any more.

    ``join(one, other, at_once, now)``; ``part`` tells whether it did.
    """

    hosts_at: Callable[[PortRef], Sequence[Host]]
    is_pinned: Callable[[bytes], bool]
    is_slow: Callable[[Link, Collection[float]], bool]
    join: Callable[[PortRef, PortRef, bool, float], None]
    part: Callable[[PortRef, PortRef], bool]


class LinkTrials:
    """The pairs of ports on trial, and what was found of them; ``now`` never goes back."""

    def __init__(self, key: bytes, limits: TrialLimits, world: TrialWorld) -> None:
        self._limits = limits
        self._world = world
        self._checks = CrossingChecks(key)
        self._trials: dict[PortPair, PairTrial] = {}
        self._at: dict[PortRef, set[PortPair]] = {}
        self._witnesses: dict[bytes, set[PortPair]] = {}
        """Whose answers count, and for which pairs."""
        self._messages: list[Outgoing] = []
        self._told: dict[PortPair, float] = {}
        self._due: float | None = None
        self.counts: Counter[str] = Counter()
        """Trials ``begun``, and what came of them: the values of :class:`TrialState`."""

    def __bool__(self) -> bool:
        return bool(self._trials)

    def __contains__(self, link: Link) -> bool:
        return pair_of(link) in self._trials

    @property
    def held(self) -> tuple[HeldLink, ...]:
        """The links, one direction each, that are not believed, and why."""
        return tuple(
            HeldLink(one.link, one.state.value)
            for one in self._trials.values()
            if one.state in HELD_STATES
        )

    # ---- what is heard

    def judge(self, link: Link, latency: float | None, now: float) -> Judgement:
        """Tell what a probe leads to that left by one end and came in at the other.

        ``latency`` are the seconds that an LLDP probe took, None for a group probe.
        """
        pair = pair_of(link)
        trial = self._trials.get(pair)
        if trial is None:
            return self._begin(pair, link, latency, now)
        trial.heard = now
        trial.is_lldp |= latency is not None
        if trial.closes is None and trial.state in HELD_STATES and trial.again <= now:
            hosts = self._known(link)
            if not hosts:
                return Judgement(PairStanding.BELIEVED, self._drop(pair))
            self._ask(pair, trial, hosts, now)
        if trial.closes is not None and latency is not None and len(trial.samples) < MAX_SAMPLES:
            trial.samples.append(latency)
        return Judgement(trial.standing())

    def _begin(self, pair: PortPair, link: Link, latency: float | None, now: float) -> Judgement:
        hosts = self._known(link) if self._limits.hold else []
        if not hosts:
            return _BELIEVED
        if any(len(self._at.get(end, ())) >= MOST_AT_PORT for end in pair):
            return _NOT_YET
        if len(self._trials) >= MOST:
            return _BELIEVED if latency is None else _NOT_YET
        trial = self._trials[pair] = PairTrial(link, now, now, is_lldp=latency is not None)
        for end in pair:
            self._at.setdefault(end, set()).add(pair)
        self.counts["begun"] += 1
        self._ask(pair, trial, hosts, now)
        if latency is not None:
            trial.samples.append(latency)
        return Judgement(PairStanding.HELD, (TopologyChange("link_held", link),))

    def _known(self, link: Link) -> list[Host]:
        return [host for end in link for host in self._world.hosts_at(end)[:ASKED]]

    def _ask(self, pair: PortPair, trial: PairTrial, hosts: Iterable[Host], now: float) -> None:
        """Begin to ask the hosts; those that an operator pinned there need not answer."""
        trial.asked = tuple(hosts)
        trial.vlans = tuple(dict.fromkeys(host.vlan for host in trial.asked))[:MAX_VLANS]
        trial.closes = now + self._limits.hold
        trial.next_round, trial.rounds = now, 0
        trial.samples.clear()
        trial.elsewhere.clear()
        trial.crossed = None
        trial.answered = {
            host.key: host.location for host in trial.asked if self._world.is_pinned(host.key)
        }
        for host in trial.asked:
            self._witnesses.setdefault(host.key, set()).add(pair)
        self._checks.begin(pair)
        self._due = now

    def host_heard(self, key: bytes, here: PortRef, dst: bytes) -> None:
        """Take note of a host's frame to ``dst``, which may be the answer to a question."""
        for pair in self._witnesses.get(key, ()):
            trial = self._trials[pair]
            if here not in pair:
                trial.elsewhere.add(key)
            elif dst in (PROBER, PROBER_GROUP):
                trial.answered[key] = here

    def is_ours(self, src: bytes) -> bool:
        """Tell whether a frame from ``src`` is one of our checks."""
        return self._checks.is_ours(src)

    def check_heard(self, src: bytes, here: PortRef, now: float) -> tuple[TopologyChange, ...]:
        """Take note of one of our checks that came in."""
        pair = self._checks.crossed(src, here)
        if pair is None:
            return ()
        trial = self._trials[pair]
        if trial.state is TrialState.CLEARED:
            return ()
        trial.crossed = now
        self._world.join(*trial.link, trial.is_lldp, now)
        return () if trial.closes is not None else self._become(trial, TrialState.BRIDGED)

    # ---- what time does

    def expire(self, now: float) -> TrialNews:
        """Decide the trials whose time is over, and go on with the others."""
        if self._due is None or now < self._due:
            return TrialNews()
        changes: list[TopologyChange] = []
        again: list[PortRef] = []
        for pair, trial in tuple(self._trials.items()):
            if trial.closes is None and trial.heard + RETRIAL <= now:
                changes += self._drop(pair)
                continue
            if trial.closes is not None and trial.closes <= now:
                changes += self._decide(pair, trial, now)
                again += pair
            if trial.next_round <= now:
                changes += self._watch(pair, trial, now)
                again += pair if trial.closes is not None else ()
        self._due = min(map(_due, self._trials.values()), default=None)
        return TrialNews(tuple(changes), tuple(again))

    def _watch(self, pair: PortPair, trial: PairTrial, now: float) -> tuple[TopologyChange, ...]:
        """Send the next round; a segment that passes nothing any more is none."""
        self._round(pair, trial, now)
        if trial.state is not TrialState.BRIDGED or now - (trial.crossed or 0.0) < UNCROSSED:
            return ()
        if not self._world.part(*pair):
            return ()
        trial.again = now + RETRIAL
        return (*self._become(trial, TrialState.RELAYED), *self._alarm(trial, None, now))

    def _round(self, pair: PortPair, trial: PairTrial, now: float) -> None:
        is_asking = trial.closes is not None
        trial.next_round = now + (STEP if is_asking else WATCH)
        if trial.state is TrialState.CLEARED:
            return
        self._messages += self._checks.frames(pair, trial.vlans)
        if is_asking:
            # Through the one end and through the other in turn: one of them may be closed.
            for host in trial.asked:
                home = host.location if host.location in pair else pair[0]
                far = pair[0] if home == pair[1] else pair[1]
                at = far if trial.rounds % 2 else home
                self._messages += questions(replace(host, location=at), host.ips)
        trial.rounds += 1

    def _decide(self, pair: PortPair, trial: PairTrial, now: float) -> tuple[TopologyChange, ...]:
        self._dismiss(pair, trial)
        trial.closes, trial.again = None, now + RETRIAL
        place = trial.witness()
        if place is None and not (trial.is_lldp and self._world.is_slow(trial.link, trial.samples)):
            return self._become(trial, TrialState.CLEARED)
        reason = TrialState.SLOW if place is None else TrialState.RELAYED
        if trial.crossed is None:
            return (*self._become(trial, reason), *self._alarm(trial, place, now, reason))
        # A bridge that swallows LLDP, as all should, has hosts like any other: no alarm.
        alarm = self._alarm(trial, place, now, reason) if trial.is_lldp else ()
        return (*self._become(trial, TrialState.BRIDGED), *alarm)

    def _become(self, trial: PairTrial, state: TrialState) -> tuple[TopologyChange, ...]:
        """Follow what was found; tell of it if it is something else."""
        was_held, is_same = trial.state in HELD_STATES, trial.state is state
        trial.state = state
        if is_same:
            return ()
        self.counts[state.value] += 1
        if state in HELD_STATES:
            return (TopologyChange("link_held", trial.link),)
        return (TopologyChange("link_released", trial.link),) if was_held else ()

    def _alarm(
        self,
        trial: PairTrial,
        place: PortRef | None,
        now: float,
        reason: TrialState = TrialState.RELAYED,
    ) -> tuple[TopologyChange, ...]:
        """Tell of a pair, unless that was told of late; ``place`` is where a host answered."""
        pair = pair_of(trial.link)
        if now - self._told.get(pair, now - ALARM_PAUSE) < ALARM_PAUSE:
            return ()
        self._told = {one: at for one, at in self._told.items() if now - at < ALARM_PAUSE}
        self._told[pair] = now
        kind = "alarm_slow_link" if reason is TrialState.SLOW else "alarm_relayed_link"
        return (TopologyChange(kind, trial.link, place),)

    # ---- what ends

    def forget(self, ref: PortRef) -> tuple[TopologyChange, ...]:
        """Forget the trials at a port that is down or gone, or where a link is believed."""
        gone = tuple(self._at.get(ref, ()))
        return tuple(change for pair in gone for change in self._drop(pair))

    def _drop(self, pair: PortPair) -> tuple[TopologyChange, ...]:
        trial = self._trials.pop(pair)
        self._dismiss(pair, trial)
        self._checks.end(pair)
        for end in pair:
            self._at[end].discard(pair)
            if not self._at[end]:
                del self._at[end]
        return (TopologyChange("link_released", trial.link),) if trial.state in HELD_STATES else ()

    def _dismiss(self, pair: PortPair, trial: PairTrial) -> None:
        """Take no more answers for a trial."""
        for host in trial.asked:
            pairs = self._witnesses.get(host.key, set())
            pairs.discard(pair)
            if not pairs:
                self._witnesses.pop(host.key, None)
        trial.asked = ()

    def take_messages(self) -> list[Outgoing]:
        """Return the questions and checks to be sent, once."""
        taken, self._messages = self._messages, []
        return taken

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing is on trial."""
        return self._due


def _due(trial: PairTrial) -> float:
    end = trial.closes if trial.closes is not None else trial.heard + RETRIAL
    return min(end, trial.next_round)
