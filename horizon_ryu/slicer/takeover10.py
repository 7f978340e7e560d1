"""Takeover of a switch of OpenFlow 1.0 that has entries already: nothing that is wanted is cut.

Its tenants' tables are known from before. The switch is asked what it has; then entries are added
that it lacks, those that are others at a place of ours are changed in place, and what nobody owns
goes last, strictly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from horizon_ryu.core.slicing.entry_pieces import PieceKey
from horizon_ryu.core.slicing.switch_entries import Address, InstalledEntry, SwitchChanges
from horizon_ryu.core.slicing.tenant_table import FlowChange, TableCommand, TenantEntry
from horizon_ryu.slicer.flow_mods10 import delete_all10, raw_flow_mod10
from horizon_ryu.slicer.flow_tables10 import FlowTables10, SlicedLink10
from horizon_ryu.slicer.portions import Work
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import read_whole, write_whole
from horizon_ryu.wire.of10.statistics import (
    FlowStats10,
    FlowStatsRequest10,
    StatsReply,
    StatsRequest,
)
from horizon_ryu.wire.of10.structures import ACTIONS10, MATCH10
from horizon_ryu.wire.ofp10 import OFPP, OFPST, OFPTT_ALL
from horizon_ryu.wire.ternary10 import EVERY_FRAME_10, effective10, read_match10
from horizon_ryu.wire.versions import OPENFLOW_10

_MESSAGES = codec_of(OPENFLOW_10).messages
_MORE = 1
MOST_TOLD = 1 << 18
"""Entries that a switch may tell of; one that tells more is emptied instead."""


class _Told(NamedTuple):
    """What a switch says of an entry."""

    cookie: int
    program: bytes


class Takeover10:
    """Takes a switch over, once: :meth:`begin`, then the switch's answer."""

    def __init__(
        self,
        link: SlicedLink10,
        tables: FlowTables10,
        guards: Callable[[], Collection[Address]],
        move: Callable[[Work], None],
    ) -> None:
        """``guards`` returns where entries of the slicer's own stand.

        ``move`` has work done by which entries move: what tenants say meanwhile waits for it.
        """
        self._link = link
        self._tables = tables
        self._guards = guards
        self._move = move
        self._told: dict[Address, _Told] = {}
        self._kept: set[int] = set()

    def begin(self, kept: Iterable[TenantEntry]) -> list[TenantEntry]:
        """Have tables as they were, and ask the switch what it has; return what has no place.

        An entry has none if its slice has lost its frames meanwhile, or may not do any more what it
        does with them. Nothing of this is sent: it may all be there.
        """
        lost = [entry for entry in kept if not self._restore(entry)]
        body = FlowStatsRequest10(read_whole(MATCH10, EVERY_FRAME_10, 0), OFPTT_ALL, int(OFPP.NONE))
        self._link.forward(self, _MESSAGES.encode(0, StatsRequest(int(OFPST.FLOW), 0, body)))
        return lost

    def _restore(self, entry: TenantEntry) -> bool:
        if entry.slice_name not in self._link.presences:
            return False
        try:
            self._link.sliced.flow_mod(entry.slice_name, FlowChange(TableCommand.ADD, entry))
        except ValueError:
            return False
        self._kept.add(entry.entry_id)
        return True

    # ---- what the switch has

    def answered(self, _asked: Asked, message: bytes, now: float) -> None:
        """Take a part of the switch's answer; with the last, have it as it is to be."""
        reply: StatsReply = _MESSAGES.decode(message).message
        for one in reply.body if isinstance(reply.body, tuple) else ():
            if isinstance(one, FlowStats10) and len(self._told) < MOST_TOLD:
                address = read_match10(MATCH10.write(one.match), 0), one.priority
                self._told[address] = _Told(one.cookie, write_whole(ACTIONS10, one.actions))
        if not reply.flags & _MORE:
            if len(self._told) < MOST_TOLD:
                self._settle(now)
            else:
                self._make_anew(now)

    def refused(self, _asked: Asked, _message: bytes, now: float) -> None:
        """Make everything anew: the switch does not tell what it has."""
        self._make_anew(now)

    def _make_anew(self, now: float) -> None:
        self._told.clear()
        self._kept.clear()
        self._move(self._making_anew(now))

    def _making_anew(self, now: float) -> Work:
        self._link.say(delete_all10(0))
        self._tables.say_guards(set())
        for _, one in self._installed():
            self._tables.carry_out(SwitchChanges(added=(one,)), now)
            yield None
        self._link.tell("switch_made_anew", dpid=self._link.dpid)

    def _settle(self, now: float) -> None:
        told, self._told = self._told, {}
        self._move(self._settling(told, now))

    def _settling(self, told: Mapping[Address, _Told], now: float) -> Work:
        """Have what the switch has told as it is to be, an entry in each step."""
        addresses: dict[PieceKey, Address] = {}
        for key, one in self._installed():
            addresses[key] = _address(one)
            yield None
        yield from self._ending_those_over(told, addresses, now)
        kept = added = 0
        for key, one in self._installed():
            address = addresses.get(key) or addresses.setdefault(key, _address(one))
            if one.owner.entry_id in self._kept:
                kept += 1
                added += address not in told
                self._correct(one, told.get(address), now)
            yield None
        foreign = self._foreign(told, addresses)
        for match, priority in foreign:
            self._link.say(raw_flow_mod10(0, match, TableCommand.DELETE_STRICT, priority))
            yield None
        self._kept.clear()
        self._link.tell(
            "switch_taken_over",
            dpid=self._link.dpid,
            kept=kept - added,
            added=added,
            removed=len(foreign),
        )

    def _installed(self) -> Iterator[tuple[PieceKey, InstalledEntry]]:
        """Yield what is there to be; some of it may end while others have their turn."""
        installed = self._link.sliced.installed
        keys = installed.keys()
        for key in keys:
            one = installed.at(key)
            if one is not None:
                yield key, one

    def _correct(self, one: InstalledEntry, told: _Told | None, now: float) -> None:
        """Add an entry that the switch lacks, or change what it has in its place."""
        if told is None:
            self._tables.carry_out(SwitchChanges(added=(one,)), now)
        elif told != _Told(one.owner.entry_id, one.program):
            self._tables.carry_out(SwitchChanges(modified=(one,)), now)

    def _foreign(
        self, told: Iterable[Address], addresses: Mapping[PieceKey, Address]
    ) -> list[Address]:
        """Return where entries of nobody stand."""
        there = self._link.sliced.installed.keys()
        wanted = {addresses[key] for key in there if key in addresses}
        wanted.update((effective10(*match), priority) for match, priority in self._guards())
        return [address for address in told if address not in wanted]

    def _ending_those_over(
        self, told: Container[Address], addresses: Mapping[PieceKey, Address], now: float
    ) -> Work:
        """End entries that could end by themselves, and of which the switch has nothing left."""
        there: set[int] = set()
        could_end: dict[int, TenantEntry] = {}
        for key, one in self._installed():
            owner = one.owner
            if addresses.get(key) in told:
                there.add(owner.entry_id)
            elif owner.entry_id in self._kept and (owner.idle_timeout or owner.hard_timeout):
                could_end[owner.entry_id] = owner
            yield None
        for entry_id, entry in could_end.items():
            if entry_id not in there:
                self._tables.end_quietly(entry, now)
                yield None


def _address(entry: InstalledEntry) -> Address:
    return effective10(*entry.match), entry.priority
