"""Takeover of a switch of OpenFlow 1.0 that has entries already: nothing that is wanted is cut.

Its tenants' tables are known from before. The switch is asked what it has; then entries are added
that it lacks, those that are others at a place of ours are changed in place, and what nobody owns
goes last, strictly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from horizon_ryu.core.slicing.switch_entries import Address, InstalledEntry, SwitchChanges
from horizon_ryu.core.slicing.tenant_table import FlowChange, TableCommand, TenantEntry
from horizon_ryu.slicer.flow_mods10 import delete_all10, raw_flow_mod10
from horizon_ryu.slicer.flow_tables10 import FlowTables10, SlicedLink10
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
    ) -> None:
        """``guards`` returns where entries of the slicer's own stand."""
        self._link = link
        self._tables = tables
        self._guards = guards
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
        self._link.say(delete_all10(0))
        self._tables.say_guards(set())
        self._tables.carry_out(SwitchChanges(added=tuple(self._link.sliced.installed)), now)
        self._link.tell("switch_made_anew", dpid=self._link.dpid)

    def _settle(self, now: float) -> None:
        told, self._told = self._told, {}
        installed = {_address(one): one for one in self._link.sliced.installed}
        self._end_those_over(told, installed, now)
        ours = [one for one in self._link.sliced.installed if one.owner.entry_id in self._kept]
        added = [one for one in ours if _address(one) not in told]
        modified = [
            one
            for one in ours
            if _address(one) in told
            and told[_address(one)] != _Told(one.owner.entry_id, one.program)
        ]
        self._tables.carry_out(SwitchChanges(tuple(added), tuple(modified)), now)
        wanted = {_address(one) for one in self._link.sliced.installed}
        wanted |= {(effective10(*match), priority) for match, priority in self._guards()}
        foreign = told.keys() - wanted
        for match, priority in sorted(foreign):
            self._link.say(raw_flow_mod10(0, match, TableCommand.DELETE_STRICT, priority))
        self._kept.clear()
        self._link.tell(
            "switch_taken_over",
            dpid=self._link.dpid,
            kept=len(ours) - len(added),
            added=len(added),
            removed=len(foreign),
        )

    def _end_those_over(
        self, told: Collection[Address], installed: dict[Address, InstalledEntry], now: float
    ) -> None:
        """End entries that could end by themselves, and of which the switch has nothing left."""
        there = {one.owner.entry_id for at, one in installed.items() if at in told}
        over = {
            one.owner.entry_id: one.owner
            for one in installed.values()
            if one.owner.entry_id in self._kept - there
            and (one.owner.idle_timeout or one.owner.hard_timeout)
        }
        for entry in over.values():
            self._tables.end_quietly(entry, now)


def _address(entry: InstalledEntry) -> Address:
    return effective10(*entry.match), entry.priority
