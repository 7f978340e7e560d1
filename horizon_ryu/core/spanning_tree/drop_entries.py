"""Drop entries: what switches drop whatever the plans of the tree are.

All that comes in by a closed port of a segment, unicast too: another port of the segment is open,
and the controller must not be asked about each copy. And the groups that no bridge relays (IEEE
802.1Q-2018, table 8-1: BPDU, pause, LACP, 802.1X, LLDP and others), tagged or not: they are for
whoever is at the other end of the cable. LLDP comes to the controller all the same, by the entry
of Discovery above these. On OpenFlow 1.0 the groups need no entries: there are no masks, and what
is for a group other than the broadcast misses the table and is dropped by the controller.

None of these can make a loop, so they wait for nobody and nobody waits for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from horizon_ryu.core.base_entries import is_there
from horizon_ryu.core.flows.reconcile import AsReported
from horizon_ryu.core.frames import LINK_LOCAL, LINK_LOCAL_MASK
from horizon_ryu.core.ownership import Owner, Priority, cookie, owner_of
from horizon_ryu.core.topology import PortRef, Switch, is_port
from horizon_ryu.wire.messages import FlowCommand, FlowEntry, FlowMod, Match, Outgoing

_GROUPS = Match(dl_dst=LINK_LOCAL, dl_dst_mask=LINK_LOCAL_MASK)
_NOBODY: frozenset[int] = frozenset()


def is_apart(entry: FlowEntry) -> bool:
    """Tell whether an entry is of these, of whatever run: no plan of the tree is about it."""
    if owner_of(entry.cookie) is not Owner.SPANNING_TREE or entry.priority != Priority.BLOCKED:
        return False
    return _is_place(entry.match)


def _is_place(match: Match) -> bool:
    return match == _GROUPS or (match.in_port is not None and match == Match(match.in_port))


class DropEntries:
    """What each switch has of them, and what makes it have those that it should have."""

    def __init__(self, generation: int) -> None:
        self._cookie = cookie(Owner.SPANNING_TREE, generation)
        self._switches: dict[int, Switch] = {}
        self._has: dict[int, set[Match]] = {}
        self._sealed: Mapping[int, frozenset[int]] = {}
        self._wanted: dict[int, tuple[Switch, frozenset[int], tuple[FlowMod, ...]]] = {}
        self._due: set[int] = set()

    def read(self, switch: Switch, entries: Iterable[FlowEntry] | None) -> None:
        """Take what a switch has when it is new; None if it never tells.

        Entries of earlier runs are written anew: they have another cookie.
        """
        dpid = switch.dpid
        self._switches[dpid] = switch
        if entries is None:
            self._has[dpid] = {Match(number) for number in switch.ports if is_port(number)}
        else:
            self._has[dpid] = {entry.match for entry in entries if is_apart(entry)}
        self._due.add(dpid)

    def left(self, dpid: int) -> None:
        """Forget a switch."""
        for known in (self._switches, self._has, self._wanted):
            known.pop(dpid, None)
        self._due.discard(dpid)

    def follow(self, sealed: Mapping[int, frozenset[int]]) -> list[Outgoing]:
        """Take the closed ports of segments, by switch; return what has switches follow."""
        before, self._sealed = self._sealed, sealed
        if sealed != before:
            touched = (dpid for dpid in before.keys() | sealed if dpid in self._switches)
            changed = {dpid for dpid in touched if sealed.get(dpid) != before.get(dpid)}
        else:
            changed = set()
        messages: list[Outgoing] = []
        for dpid in sorted(self._due | changed):
            messages += self._follow(dpid, is_new=dpid in self._due)
        self._due.clear()
        return messages

    def _follow(self, dpid: int, is_new: bool) -> Iterator[Outgoing]:
        wanted = {mod.match: mod for mod in self.wanted(dpid)}
        has = self._has[dpid]
        for match in sorted(has - wanted.keys(), key=str):
            yield Outgoing(dpid, self._removed(match))
        for match, mod in wanted.items():
            if is_new or match not in has:
                yield Outgoing(dpid, mod)
        self._has[dpid] = set(wanted)

    def wanted(self, dpid: int) -> tuple[FlowMod, ...]:
        """Return the entries that a switch should have; none if it was not read.

        The same object while they are the same.
        """
        switch = self._switches.get(dpid)
        if switch is None:
            return ()
        sealed = self._sealed.get(dpid, _NOBODY)
        known = self._wanted.get(dpid)
        if known is None or known[0] is not switch or known[1] != sealed:
            known = self._wanted[dpid] = switch, sealed, self._made(switch, sealed)
        return known[2]

    def _made(self, switch: Switch, sealed: frozenset[int]) -> tuple[FlowMod, ...]:
        places = [Match(number) for number in sorted(sealed)]
        if switch.capabilities.mac_masks:
            places.append(_GROUPS)
        return tuple(
            FlowMod(FlowCommand.ADD, match, Priority.BLOCKED, self._cookie) for match in places
        )

    def repairs(
        self, dpid: int, entries: Iterable[FlowEntry], as_reported: AsReported
    ) -> list[Outgoing]:
        """Return what puts a switch right that has these ``entries`` of ours, or others'."""
        wanted, entries = self.wanted(dpid), tuple(entries)
        lacking = [mod for mod in wanted if not is_there(mod, entries, as_reported)]
        places = {mod.match for mod in wanted}
        extra = {one.match for one in entries if is_apart(one)} - places
        mods = [*map(self._removed, sorted(extra, key=str)), *lacking]
        return [Outgoing(dpid, mod) for mod in mods]

    def _removed(self, match: Match) -> FlowMod:
        return FlowMod(FlowCommand.DELETE_STRICT, match, Priority.BLOCKED, self._cookie)


def sealed_ports(
    segments: Iterable[PortRef], is_open: Callable[[PortRef], bool]
) -> dict[int, frozenset[int]]:
    """Return the closed ones among the ports of segments, by switch."""
    found: dict[int, set[int]] = {}
    for ref in segments:
        if not is_open(ref):
            found.setdefault(ref.dpid, set()).add(ref.port_no)
    return {dpid: frozenset(numbers) for dpid, numbers in found.items()}
