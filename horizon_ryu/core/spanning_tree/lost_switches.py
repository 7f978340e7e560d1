"""Switches that were lost, and the links that led to them.

A switch without a control connection goes on forwarding as it was last told. Discovery forgets
it at once, and rightly so, since nothing about it can be verified; but its open ports still
carry broadcasts, and a tree computed as if it were gone would close a loop through it.

A link is remembered until one of its ends has a new link, or both have been under control again
for the hold time, or all ports that led to the lost switches have gone down: these were
switched off. Links at closed ports are remembered too: they carry nothing, but to take their
other ends for ports of hosts would open one side of a link whose other side may follow.

What was switched off may have been unplugged only, and come back as it was: Discovery looks for
that (:mod:`~horizon_ryu.core.discovery.return_checks`), and a later run is told where ports led.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from horizon_ryu.core.spanning_tree.disjoint_sets import DisjointSets
from horizon_ryu.core.spanning_tree.lost_segments import LostSegments
from horizon_ryu.core.topology import PortRef, Segment

Cable = tuple[PortRef, PortRef]
_NO_SEGMENTS: Mapping[PortRef, Collection[PortRef]] = MappingProxyType({})


def cable(one: PortRef, other: PortRef) -> Cable:
    """Name a cable by its ends, the lower one first."""
    return (one, other) if one <= other else (other, one)


MAX_LOST_SWITCHES = 4096
"""More lost switches than this are not remembered; the oldest are forgotten first."""

MAX_GIVEN_UP = 4096
"""Of more links to such switches that came to nothing the oldest are forgotten, too."""


@dataclass(frozen=True, slots=True)
class LastKnownState:
    """What a lost switch goes on doing: its open ports, and which of them led to no switch."""

    open_ports: frozenset[int]
    edges: frozenset[int]


@dataclass(frozen=True, slots=True)
class TreeMemory:
    """What a later run of the controller should know about this one's switches and links."""

    frozen: Mapping[int, LastKnownState] = field(default_factory=dict)
    cables: frozenset[Cable] = frozenset()
    segments: frozenset[frozenset[PortRef]] = frozenset()
    given_up: frozenset[Cable] = frozenset()
    """Where switches were plugged in that are forgotten: they may come back as they were."""


class LostSwitches:
    """The lost switches, what they go on doing, and the links to them."""

    def __init__(self) -> None:
        self.segments = LostSegments()
        self._peers: dict[PortRef, PortRef] = {}
        self._given_up: dict[Cable, None] = {}
        self._away: dict[int, LastKnownState] = {}
        self._until: dict[int, float] = {}
        self._recalled: set[int] = set()
        self._recalled_until = 0.0
        self._is_unsettled: bool | None = None
        """Whether somebody is coming back; None if that is to be looked at again."""
        self.has_changed = False
        """Whether anything here is another since somebody took this back."""

    def __bool__(self) -> bool:
        return bool(self._peers or self._away or self._until)

    def cables(self) -> frozenset[Cable]:
        """Return every remembered link, once."""
        return frozenset(cable(one, other) for one, other in self._peers.items())

    def is_away(self, dpid: int) -> bool:
        """Tell whether ``dpid`` was lost and is not under control again."""
        return dpid in self._away

    def is_open(self, end: PortRef) -> bool:
        """Tell whether ``end``, a port of a switch that is away, passes broadcasts."""
        frozen = self._away.get(end.dpid)
        return frozen is not None and end.port_no in frozen.open_ports

    def is_unsettled(self) -> bool:
        """Tell whether switches are still coming back, or their links still being found again."""
        if self._is_unsettled is None:
            self._is_unsettled = (
                bool(self._recalled)
                or any(
                    end.dpid not in self._away and peer.dpid not in self._away
                    for end, peer in self._peers.items()
                )
                or any(end.dpid not in self._away for end in self.segments.ends)
            )
        return self._is_unsettled

    def _change(self) -> None:
        self._is_unsettled, self.has_changed = None, True

    def ends(self) -> Collection[PortRef]:
        """Return both ends of every remembered link."""
        return self._peers.keys()

    def peer(self, end: PortRef) -> PortRef | None:
        """Return where the remembered link at ``end`` leads."""
        return self._peers.get(end)

    def knows(self, end: PortRef) -> bool:
        """Tell whether it is remembered where ``end`` leads: to a switch, or into a segment."""
        return end in self._peers or self.segments.is_at(end)

    def lost(
        self,
        dpid: int,
        frozen: LastKnownState,
        links: Mapping[PortRef, PortRef],
        segments: Mapping[PortRef, Collection[PortRef]] = _NO_SEGMENTS,
    ) -> None:
        """Note that ``dpid`` is away and goes on as ``frozen``.

        ``links`` are by its own ends, and so are the ports of ``segments``.
        """
        self._change()
        for end, ports in segments.items():
            self.segments.add(end, ports)
        self._away[dpid] = frozen
        self._until.pop(dpid, None)
        for end, peer in links.items():
            self.forget(end)
            self.forget(peer)
            self._peers[end] = peer
            self._peers[peer] = end
        while len(self._away) > MAX_LOST_SWITCHES:
            del self._away[next(iter(self._away))]

    def returned(self, dpid: int, open_ports: frozenset[int], until: float) -> frozenset[int]:
        """Note that ``dpid`` is back with ``open_ports``; return those that lead to no switch.

        Its links are remembered until ``until``, unless they are found again before.
        """
        frozen = self._away.pop(dpid, None)
        if frozen is None:
            return frozenset()
        self._change()
        self._until[dpid] = until
        self._recalled.discard(dpid)
        return frozen.edges & open_ports

    def recall(self, memory: TreeMemory, until: float) -> None:
        """Take the switches of an earlier run for lost; forget those still lost at ``until``."""
        for dpid, frozen in memory.frozen.items():
            self.lost(dpid, frozen, {})
        for one, other in memory.cables:
            if one.dpid in self._away or other.dpid in self._away:
                self._peers[one] = other
                self._peers[other] = one
        for ports in memory.segments:
            for end in ports:
                if end.dpid in self._away:
                    self.segments.add(end, ports)
        self._given_up.update(dict.fromkeys(sorted(memory.given_up)))
        self._recalled = set(self._away)
        self._recalled_until = until
        self._change()

    def memory(self) -> TreeMemory:
        """Return what is known of the lost switches, and where those given up were plugged in."""
        given_up = frozenset(self._given_up)
        return TreeMemory(dict(self._away), self.cables(), self.segments.sets(), given_up)

    def superseded(self, ends: Collection[PortRef], segments: Mapping[PortRef, Segment]) -> None:
        """Forget the links at ports where a link is known now, and the segments found again."""
        for end in [end for end in self._peers if end in ends]:
            self.forget(end)
        for both in [both for both in self._given_up if both[0] in ends or both[1] in ends]:
            del self._given_up[both]
        is_known = self.segments.linked(ends)
        is_known |= self.segments.forget_where(
            lambda end: end.dpid not in self._away and self.segments.is_found(end, segments)
        )
        if is_known:
            self._change()

    def open_segment_ends(self) -> Collection[PortRef]:
        """Return the ports by which switches that are away go on passing into segments."""
        return [end for end in self.segments.ends if self.is_open(end)]

    def expire(self, now: float) -> frozenset[Cable] | None:
        """Forget the links both of whose ends are under control for long enough; return them.

        And the switches of an earlier run that did not come back. None: nothing was due.
        """
        over = [dpid for dpid, until in self._until.items() if until <= now]
        for dpid in over:
            del self._until[dpid]
        if self._recalled and self._recalled_until <= now:
            for dpid in self._recalled:
                self._away.pop(dpid, None)
            over += self._recalled
            self._recalled.clear()
        if over:
            self._change()
            self._forget_segments()
        return self._give_up() if over else None

    def switched_off(self, is_up: Callable[[PortRef], bool | None]) -> None:
        """Forget each group of lost switches all the ports to which have gone down.

        ``is_up`` answers None for a port that is not under control: nothing follows from it.
        """
        groups = self.groups()
        ports = {
            (groups.find(end.dpid), is_up(peer))
            for end, peer in self._peers.items()
            if end.dpid in self._away
        }
        down = {group for group, up in ports if up is False and (group, True) not in ports}
        if down:
            self._change()
        for dpid in [dpid for dpid in self._away if groups.find(dpid) in down]:
            del self._away[dpid]
            self._recalled.discard(dpid)
        self._forget_segments()
        self._give_up()

    def _give_up(self) -> frozenset[Cable]:
        """Forget the links at which no switch is away or just back; return them."""
        chosen = self._forget_where(lambda end: not self._is_doubtful(end))
        self._given_up.update(dict.fromkeys(sorted(chosen)))
        while len(self._given_up) > MAX_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        return chosen

    def groups(self) -> DisjointSets:
        """Return which lost switches still exchange broadcasts with each other."""
        groups = DisjointSets()
        for end, peer in self._peers.items():
            if self.is_open(end) and self.is_open(peer):
                groups.join(end.dpid, peer.dpid)
        return groups

    def forget(self, end: PortRef) -> None:
        """Forget the link at ``end``, if any."""
        peer = self._peers.pop(end, None)
        if peer is not None:
            self._peers.pop(peer, None)
            self._change()

    def next_due(self) -> float | None:
        """Return when links are next forgotten by time; None if none will be."""
        recalled = (self._recalled_until,) if self._recalled else ()
        return min((*self._until.values(), *recalled), default=None)

    def _is_doubtful(self, end: PortRef) -> bool:
        """Tell whether a switch at either end of the link at ``end`` is away or just back."""
        return any(
            dpid in self._away or dpid in self._until for dpid in (end.dpid, self._peers[end].dpid)
        )

    def _forget_segments(self) -> None:
        self.segments.forget_where(
            lambda end: end.dpid not in self._away and end.dpid not in self._until
        )

    def _forget_where(self, condition: Callable[[PortRef], bool]) -> frozenset[Cable]:
        chosen = frozenset(cable(end, self._peers[end]) for end in self._peers if condition(end))
        for end, _ in chosen:
            self.forget(end)
        return chosen
