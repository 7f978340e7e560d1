"""A network with the flow-table semantics of the specification, and every fate of a packet in it.

It knows messages and tables only, nothing of hops or plans: what it judges is what is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, pairwise
from typing import NamedTuple

from horizon_ryu.wire.messages import (
    VLAN_NONE,
    Action,
    Enqueue,
    FlowCommand,
    FlowMod,
    Match,
    Outgoing,
    Output,
    OutputInPort,
    PushVlan,
    SetField,
    StripVlan,
)

Key = tuple[Match, int]
Table = Mapping[Key, FlowMod]
Tables = dict[int, dict[Key, FlowMod]]
End = tuple[int, int]
_Out = tuple[End, int | None]
"""Out of which port of which switch, and with which tag."""


class Wave(NamedTuple):
    """Messages that arrive in any order; with ``drains`` all older packets have left by then."""

    messages: tuple[Outgoing, ...]
    drains: bool = False


class Packet(NamedTuple):
    """A packet about to be looked up at a port, at a time, with waypoints already passed."""

    dpid: int
    in_port: int
    vlan: int | None
    time: int
    passed: int


def applied(table: Table, messages: Iterable[Outgoing]) -> dict[Key, FlowMod]:
    """Return ``table`` after ``messages``: ADD replaces the same match and priority atomically."""
    after = dict(table)
    for sent in messages:
        mod = sent.message
        if not isinstance(mod, FlowMod):
            continue
        if mod.command is FlowCommand.ADD:
            after[mod.match, mod.priority] = mod
        else:
            after.pop((mod.match, mod.priority), None)
    return after


def fits(match: Match, in_port: int, vlan: int | None) -> bool:
    """Tell whether an entry matches: a VLAN that is not named may be any, or none."""
    if match.in_port is not None and match.in_port != in_port:
        return False
    if match.dl_vlan is None:
        return True
    return vlan is None if match.dl_vlan == VLAN_NONE else vlan == match.dl_vlan


def lookup(table: Table, in_port: int, vlan: int | None) -> FlowMod | str | None:
    """Return the entry of the highest priority, None for a miss, a text if two could be it."""
    found = [mod for mod in table.values() if fits(mod.match, in_port, vlan)]
    if not found:
        return None
    highest = max(mod.priority for mod in found)
    best = [mod for mod in found if mod.priority == highest]
    return best[0] if len(best) == 1 else "two entries of one priority match"


def forwarded(
    actions: Sequence[Action], in_port: int, vlan: int | None
) -> list[tuple[int, int | None]]:
    """Return where copies of a packet go out and with which tag.

    Out of the port that it came in by only by that port's special name (1.0, 5.3.3).
    """
    out = []
    for action in actions:
        if isinstance(action, PushVlan):
            vlan = 0
        elif isinstance(action, SetField) and action.field == "dl_vlan":
            vlan = int(action.value)
        elif isinstance(action, StripVlan):
            vlan = None
        elif isinstance(action, OutputInPort):
            out.append((in_port, vlan))
        elif isinstance(action, (Output, Enqueue)) and action.port_no != in_port:
            out.append((action.port_no, vlan))
    return out


@dataclass
class Journey:
    """Where packets come in and must go out, with which tag, and what they must pass."""

    src: End
    dst: End
    vlan: int | None = None
    waypoints: tuple[int, ...] = ()


class Model:
    """Follows every packet through every interleaving with a sequence of waves."""

    def __init__(self, links: Mapping[End, End], tables: Tables, waves: Sequence[Wave]) -> None:
        self._links = links
        self._at: list[Tables] = [tables]
        self._waves = list(waves)
        for wave in waves:
            self._at.append(after(self._at[-1], wave.messages))
        self._variants: dict[tuple[int, int], list[Table]] = {}
        self.end = 2 * len(waves)
        self._fates: dict[tuple[int, int, int, int | None], list[_Out | str]] = {}

    @property
    def final(self) -> Tables:
        """The tables when everything has arrived."""
        return self._at[-1]

    def violation(self, journey: Journey) -> str | None:
        """Return what can go wrong for some packet, None if nothing can.

        Time 2w is before wave w, time 2w + 1 while it arrives. Packets that came in earlier are
        gone when a wave that drains begins.
        """
        drains = [2 * place for place, wave in enumerate(self._waves) if wave.drains]
        bounds = [0, *drains, self.end + 1]
        for first, last in pairwise(bounds):
            found = self._follow(journey, first, min(last, self.end))
            if found is not None:
                return found
        return None

    def _follow(self, journey: Journey, first: int, last: int) -> str | None:
        """Follow packets that come in at any time from ``first`` on and are out by ``last``."""
        start = Packet(*journey.src, journey.vlan, first, _passed(journey, journey.src[0], 0))
        on_way = {start}
        done: set[Packet] = set()
        trail = [(start, self._next(journey, start, last))]
        while trail:
            packet, onward = trail[-1]
            step = next(onward, None)
            if step is None:
                trail.pop()
                on_way.discard(packet)
                done.add(packet)
            elif isinstance(step, str):
                way = " > ".join(f"{p.dpid}:{p.in_port}@{p.time}" for p, _ in trail)
                return f"{step}: {way}"
            elif step in on_way:
                return f"a loop at switch {step.dpid}"
            elif step not in done:
                on_way.add(step)
                trail.append((step, self._next(journey, step, last)))
        return None

    def _next(self, journey: Journey, packet: Packet, last: int) -> Iterator[Packet | str]:
        dpid, in_port, vlan, time, passed = packet
        if time < last:
            yield Packet(dpid, in_port, vlan, time + 1, passed)
        for fate in self._fates_of(packet):
            if isinstance(fate, str):
                yield fate
            else:
                yield from self._sent(journey, packet, *fate)

    def _sent(
        self, journey: Journey, packet: Packet, out: End, vlan: int | None
    ) -> Iterator[Packet | str]:
        peer = self._links.get(out)
        if peer is not None:
            passed = _passed(journey, peer[0], packet.passed)
            yield Packet(*peer, vlan, packet.time, passed)
        elif out != journey.dst:
            yield f"out at {out}"
        elif vlan != journey.vlan:
            yield f"delivered with tag {vlan}"
        elif packet.passed != len(journey.waypoints):
            yield "a waypoint passed by"

    def _fates_of(self, packet: Packet) -> list[_Out | str]:
        """Return where the packet may go out, and with which tag; or what goes wrong."""
        key = (packet.time, *packet[:3])
        found = self._fates.get(key)
        if found is None:
            entries = (
                lookup(table, packet.in_port, packet.vlan)
                for table in self._tables(packet.time, packet.dpid)
            )
            found = self._fates[key] = [_fate(entry, packet) for entry in entries]
        return found

    def _tables(self, time: int, dpid: int) -> list[Table]:
        """Return what the switch may have: one table between waves, any subset during one."""
        place, arriving = divmod(time, 2)
        table = self._at[place].get(dpid, {})
        if not arriving:
            return [table]
        known = self._variants.get((place, dpid))
        if known is None:
            own = [sent for sent in self._waves[place].messages if sent.dpid == dpid]
            known = [applied(table, some) for some in subsets(own)]
            self._variants[place, dpid] = known
        return known


def after(tables: Tables, messages: Iterable[Outgoing]) -> Tables:
    """Return the tables when all ``messages`` have arrived."""
    changed = dict(tables)
    for sent in messages:
        changed[sent.dpid] = applied(changed.get(sent.dpid, {}), [sent])
    return changed


def subsets(items: Sequence[Outgoing]) -> Iterator[tuple[Outgoing, ...]]:
    """Yield every subset."""
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


def _fate(entry: FlowMod | str | None, packet: Packet) -> _Out | str:
    """Return what an entry, a miss or a doubt makes of a packet."""
    if entry is None or isinstance(entry, str):
        return entry or "a drop"
    copies = forwarded(entry.actions, packet.in_port, packet.vlan)
    if len(copies) != 1:
        return f"{len(copies)} copies"
    ((port, vlan),) = copies
    return (packet.dpid, port), vlan


def _passed(journey: Journey, dpid: int, passed: int) -> int:
    """Return how many waypoints are passed once a packet has come to a switch."""
    points = journey.waypoints
    return passed + (passed < len(points) and points[passed] == dpid)
