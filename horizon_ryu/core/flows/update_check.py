"""Update check: whether packets survive a change of path, whenever each one passes.

A change is a sequence of waves; the entries of one wave change in any order. Followed are all
packets that enter before, during or after any wave, and each may be overtaken by any number of
waves between two hops. What is found for hops holds for the entries that they stand for: one
entry per frame and port, replaced atomically (research on updates: PAM 2015, HotNets 2013).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from horizon_ryu.core.flows.entries import HopKey
from horizon_ryu.core.flows.flow import TaggedHop

Hops: TypeAlias = tuple[TaggedHop, ...]
Wave: TypeAlias = Mapping[HopKey, TaggedHop]
"""What hops become, by the frames they take."""
Waypoints: TypeAlias = tuple[int, ...]

_EXIT = None


class _Place(NamedTuple):
    """A packet about to be looked up, the time, and how many of each list it has passed."""

    key: HopKey
    time: int
    passed: tuple[int, ...]


class UpdateCheck:
    """Follows packets from an old path to a new one; the lists of waypoints hold throughout."""

    def __init__(
        self,
        old: Hops,
        new: Hops,
        before: Wave,
        after: Wave,
        waypoints: Sequence[Waypoints] = (),
    ) -> None:
        """``before`` and ``after`` have the hops of both paths, in order, by their frames."""
        self._before = before
        self._ways = dict(_ways(old)) | dict(_ways(new))
        self._starts = {key for path in (before, after) for key in (*path,)[:1]}
        self._waypoints = tuple(waypoints)

    def violation(self, waves: Sequence[Wave]) -> str | None:
        """Return what can happen to a packet during ``waves``, None if nothing can.

        One of: a drop, a loop, a waypoint that is not passed.
        """
        history = _History(self._before, waves)
        done: set[_Place] = set()
        for key in self._starts:
            # A start of the new path alone has no packets before its entry is there.
            if key in self._before:
                found = self._follow(_Place(key, 0, self._arrive(key, None)), history, done)
                if found is not None:
                    return found
        return None

    def _follow(self, start: _Place, history: _History, done: set[_Place]) -> str | None:
        """Walk depth first; a place met again on the way to itself is a loop."""
        on_way: set[_Place] = {start}
        trail = [(start, self._onward(start, history))]
        while trail:
            place, onward = trail[-1]
            step = next(onward, _EXIT)
            if step is _EXIT:
                trail.pop()
                on_way.discard(place)
                done.add(place)
            elif isinstance(step, str):
                return step
            elif step in on_way:
                return f"a loop through switch {step.key.dpid:016x}"
            elif step not in done:
                on_way.add(step)
                trail.append((step, self._onward(step, history)))
        return None

    def _onward(self, place: _Place, history: _History) -> Iterator[_Place | str]:
        """Yield where a packet may be next, or what goes wrong; nothing for one that is out."""
        here, time, passed = place
        if time < history.end:
            yield _Place(here, time + 1, passed)
        for hop in history.choices(here, time):
            if hop is None:
                yield f"a drop at switch {here.dpid:016x}"
                continue
            target = self._ways[hop.dpid, hop.out_port]
            if target is not None:
                key = HopKey(*target, hop.out_tag)
                yield _Place(key, time, self._arrive(key, passed))
            elif not self._is_complete(passed):
                yield "a waypoint passed by"

    def _arrive(self, key: HopKey, passed: tuple[int, ...] | None) -> tuple[int, ...]:
        if not self._waypoints:
            return ()
        counts = passed if passed is not None else (0,) * len(self._waypoints)
        return tuple(
            count + (count < len(points) and points[count] == key.dpid)
            for count, points in zip(counts, self._waypoints, strict=True)
        )

    def _is_complete(self, passed: tuple[int, ...]) -> bool:
        pairs = zip(passed, self._waypoints, strict=True)
        return all(count == len(points) for count, points in pairs)


class _History:
    """What each key may lead to at each time: 0 before all, 2w+1 during wave w, 2w+2 after it."""

    def __init__(self, before: Mapping[HopKey, TaggedHop], waves: Sequence[Wave]) -> None:
        self._before = before
        self._changes: dict[HopKey, list[tuple[int, TaggedHop]]] = {}
        for number, wave in enumerate(waves):
            for key, hop in wave.items():
                self._changes.setdefault(key, []).append((2 * number + 1, hop))
        self.end = 2 * len(waves)

    def choices(self, key: HopKey, time: int) -> list[TaggedHop | None]:
        """Return the hops that may be in force, more than one while a wave is under way."""
        current = self._before.get(key)
        for at, hop in self._changes.get(key, ()):
            if time < at:
                break
            if time == at:
                return [current, hop]
            current = hop
        return [current]


def _ways(hops: Hops) -> Iterator[tuple[tuple[int, int], tuple[int, int] | None]]:
    """Yield where each way out leads: into a port of the next switch, or out of the network."""
    for hop, after in pairwise(hops):
        yield (hop.dpid, hop.out_port), (after.dpid, after.in_port)
    if hops:
        yield (hops[-1].dpid, hops[-1].out_port), None


def common_waypoints(waypoints: Iterable[int], old: Hops, new: Hops) -> Waypoints:
    """Return those of ``waypoints`` that both paths pass, in this order, one after the other."""
    common = []
    at = [0, 0]
    paths = [[hop.dpid for hop in path] for path in (old, new)]
    for dpid in waypoints:
        if all(dpid in path[place:] for path, place in zip(paths, at, strict=True)):
            # One passage counts for one waypoint.
            at = [path.index(dpid, place) + 1 for path, place in zip(paths, at, strict=True)]
            common.append(dpid)
    return tuple(common)
