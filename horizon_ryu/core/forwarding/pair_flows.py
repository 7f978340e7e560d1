"""The flow entries of pairs of hosts: which were asked for, and how one set becomes another.

A pair is one direction of a conversation. Its entries match (input port, source, destination,
VLAN or none), one entry per switch on the way. The memory is bounded; what it lets go is deleted
from the switches too, since an entry nobody remembers could not follow a change of the topology.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import TypeVar

from horizon_ryu.core.forwarding.ways import WayFinder
from horizon_ryu.core.ownership import Priority
from horizon_ryu.core.paths import Hop, Way
from horizon_ryu.core.topology import PortRef, station_key
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    FlowCommand,
    FlowMod,
    FlowModFlags,
    Match,
    Outgoing,
    output,
)

DEFAULT_IDLE_TIMEOUT = 60
"""Seconds without a frame after which a switch drops a pair's entry."""
DEFAULT_MAX_PAIRS = 16_384
"""Pairs with entries at one time; the switches hold no more of ours than this allows."""

Place = TypeVar("Place", bytes, PortRef)

_UNTAGGED = 12
"""Bytes of the key of a pair whose frames have no tag."""


class Pair:
    """Frames from one host to another: where both are, and the way between.

    ``key`` is the destination's and the source's MAC as they stand at the head of the frame
    (12 bytes), and, if it has a tag, the VLAN identifier after them (2 bytes). ``installed_at`` is
    when its entries were last sent, on the caller's clock.
    """

    __slots__ = ("here", "hops", "installed_at", "key", "there", "way")

    def __init__(self, key: bytes, here: PortRef, there: PortRef, way: Way) -> None:
        self.key = key
        self.here = here
        self.there = there
        self.way = way
        self.hops = way.hops
        self.installed_at = float("-inf")

    def passes(self, ref: PortRef) -> bool:
        """Tell whether there is an entry for frames that come in at ``ref``."""
        return any((hop.dpid, hop.in_port) == ref for hop in self.hops)


class PairFlows:
    """Remembers up to ``max_pairs`` pairs and makes the messages that install and remove them."""

    def __init__(self, cookie: int, idle_timeout: int, max_pairs: int) -> None:
        self._cookie = cookie
        self._idle_timeout = idle_timeout
        self._max_pairs = max_pairs
        self._pairs: OrderedDict[bytes, Pair] = OrderedDict()
        self._of_host: dict[bytes, set[bytes]] = {}
        self._at_port: dict[PortRef, set[bytes]] = {}
        self.get = self._pairs.get

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        """Iterate over the pairs, the longest untouched first."""
        return iter(self._pairs.values())

    def of_host(self, host: bytes) -> Iterable[bytes]:
        """Return the keys of the pairs that a host, by its key, is at an end of."""
        return tuple(self._of_host.get(host, ()))

    def at_port(self, ref: PortRef) -> Iterable[bytes]:
        """Return the keys of the pairs with an end at a port."""
        return tuple(self._at_port.get(ref, ()))

    def install(self, pair: Pair, now: float) -> list[Outgoing]:
        """Return the entries of ``pair``, egress first so that no switch sends into nowhere.

        A pair of the same key that took another way is replaced: only what differs is sent,
        and what is left over of the old way is deleted last.
        """
        old = self._pairs.get(pair.key)
        if old is None or old is pair:
            messages = self._entries(pair.hops, pair)
        else:
            messages = self._difference(old, pair)
        self._remember(pair, now)
        if len(self._pairs) > self._max_pairs:
            messages += self.remove(next(iter(self._pairs)))
        return messages

    def remove(self, key: bytes) -> list[Outgoing]:
        """Forget a pair and return the deletion of its entries, ingress first."""
        pair = self.forget(key)
        if pair is None:
            return []
        return [self._deletion(pair.key, hop) for hop in pair.hops]

    def forget(self, key: bytes) -> Pair | None:
        """Forget a pair whose entries are gone, and return it."""
        pair = self._pairs.pop(key, None)
        if pair is not None:
            self._unindex(pair)
        return pair

    def _index(self, pair: Pair) -> None:
        for host in (destination_of(pair.key), source_of(pair.key)):
            self._of_host.setdefault(host, set()).add(pair.key)
        for ref in (pair.here, pair.there):
            self._at_port.setdefault(ref, set()).add(pair.key)

    def _unindex(self, pair: Pair) -> None:
        for host in (destination_of(pair.key), source_of(pair.key)):
            _drop(self._of_host, host, pair.key)
        for ref in (pair.here, pair.there):
            _drop(self._at_port, ref, pair.key)

    def of_match(self, match: Match) -> Pair | None:
        """Return the pair between the two addresses of ``match``, in its VLAN, if any."""
        if match.dl_dst is None or match.dl_src is None or match.dl_vlan is None:
            return None
        return self._pairs.get(match.dl_dst + match.dl_src + _tag(match.dl_vlan))

    def wanted(self, dpid: int, match: Match) -> FlowMod | None:
        """Return the entry that ``dpid`` should have for exactly this match, if any."""
        pair = self.of_match(match)
        if pair is None:
            return None
        for hop in pair.hops:
            entry = self._entry(hop, pair)
            if hop.dpid == dpid and entry.match == match:
                return entry
        return None

    def _remember(self, pair: Pair, now: float) -> None:
        key = pair.key
        pair.installed_at = now
        before = self._pairs.get(key)
        if before is not pair:
            if before is not None:
                self._unindex(before)
            self._index(pair)
        self._pairs[key] = pair
        self._pairs.move_to_end(key)

    def _difference(self, old: Pair, new: Pair) -> list[Outgoing]:
        had = {(hop.dpid, hop.in_port): hop for hop in old.hops}
        kept = {(hop.dpid, hop.in_port) for hop in new.hops}
        changed = [hop for hop in new.hops if had.get((hop.dpid, hop.in_port)) != hop]
        gone = [hop for place, hop in had.items() if place not in kept]
        return self._entries(changed, new) + [self._deletion(old.key, hop) for hop in gone]

    def _entries(self, hops: Iterable[Hop], pair: Pair) -> list[Outgoing]:
        return [Outgoing(hop.dpid, self._entry(hop, pair)) for hop in reversed(tuple(hops))]

    def _entry(self, hop: Hop, pair: Pair) -> FlowMod:
        # A frame never leaves by the port it came in by: both stations sit behind that port.
        actions = () if hop.out_port == hop.in_port else (output(hop.out_port),)
        return FlowMod(
            FlowCommand.ADD,
            _match(pair.key, hop),
            Priority.UNICAST,
            self._cookie,
            actions,
            self._idle_timeout,
            0,
            FlowModFlags.SEND_FLOW_REM if hop is pair.hops[0] else FlowModFlags.NONE,
        )

    def _deletion(self, key: bytes, hop: Hop) -> Outgoing:
        command = FlowCommand.DELETE_STRICT
        return Outgoing(
            hop.dpid, FlowMod(command, _match(key, hop), Priority.UNICAST, self._cookie)
        )


def _drop(index: dict[Place, set[bytes]], place: Place, key: bytes) -> None:
    keys = index.get(place)
    if keys is not None:
        keys.discard(key)
        if not keys:
            del index[place]


def pair_key(data: bytes, vlan: int | None) -> bytes:
    """Return the key of the pair that a frame with this outermost tag, or none, is of."""
    return data[:12] if vlan is None else data[:12] + _tag(vlan)


def destination_of(key: bytes) -> bytes:
    """Return the key of the station that a pair's frames are for."""
    return key[:6] if len(key) == _UNTAGGED else station_key(key[:6], _vlan(key))


def source_of(key: bytes) -> bytes:
    """Return the key of the station that sends a pair's frames."""
    return key[6:] if len(key) == _UNTAGGED else station_key(key[6:12], _vlan(key))


def _tag(vlan: int) -> bytes:
    return b"" if vlan == VLAN_NONE else vlan.to_bytes(2, "big")


def _vlan(key: bytes) -> int:
    return VLAN_NONE if len(key) == _UNTAGGED else int.from_bytes(key[12:], "big")


def _match(key: bytes, hop: Hop) -> Match:
    return Match(hop.in_port, key[6:12], key[:6], dl_vlan=_vlan(key))


def broken_first(pairs: Iterable[Pair], finder: WayFinder) -> list[bytes]:
    """Return the keys of pairs, those first whose ways are not what ``finder`` would find."""
    # Pairs between the same switches share one transit object: judge each once.
    current: dict[int, bool] = {}
    broken: list[bytes] = []
    others: list[bytes] = []
    for pair in pairs:
        fine = current.get(id(pair.way.transit))
        if fine is None:
            fine = current[id(pair.way.transit)] = finder.is_current(pair.way)
        (others if fine else broken).append(pair.key)
    return broken + others
