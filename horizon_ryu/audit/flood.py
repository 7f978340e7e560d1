"""Audit of the spanning tree: what each switch does with broadcasts is what it was told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from horizon_ryu.audit.examination import Examination
from horizon_ryu.core.errors import SwitchAway, SwitchError
from horizon_ryu.core.ownership import EXACT_COOKIE
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries
from horizon_ryu.core.spanning_tree.flood_audit import FloodSnapshot
from horizon_ryu.core.spanning_tree.flood_state import BROADCAST_MAC
from horizon_ryu.openflow.queries import EntryQuery, FloodQuery, Query, SwitchAnswer
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import FlowEntry, FlowMod, Match, Outgoing

LOG = logging.getLogger("horizon.audit")


class FloodSwitches(Protocol):
    """The part of the switch registry that is used."""

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that a switch speaks; SwitchAway."""

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        """Send and wait for barriers."""


class FloodAudit:
    """Compares what switches do with broadcasts; ``wake`` has the tree's plans made anew."""

    def __init__(
        self,
        control: TreeControl,
        drops: DropEntries,
        switches: FloodSwitches,
        wake: Callable[[], None],
    ) -> None:
        self._control = control
        self._drops = drops
        self._switches = switches
        self._wake = wake
        cookie = control.cookie
        broadcasts = EntryQuery(Match(dl_dst=BROADCAST_MAC), cookie, EXACT_COOKIE)
        others = EntryQuery(cookie=cookie, mask=EXACT_COOKIE, to_controller=True)
        # The tree's entries of this run, at a cost that does not grow with the table. Where no
        # cookies can be asked for: what matches broadcasts, and the table miss.
        self._flooding = FloodQuery()
        self._by_cookie = EntryQuery(cookie=cookie, mask=EXACT_COOKIE), self._flooding
        self._by_match = broadcasts, others

    def begin(self, dpid: int) -> Examination | int:
        """Return what is to be asked of a switch; 0 while nothing is certain of it."""
        asked = self._control.snapshot(dpid)
        if asked is None:
            return 0
        drops = self._drops.wanted(dpid)
        try:
            vlans = [one.vlan for one in asked.state.vlans]
            queries = self._queries(dpid, drops, vlans)
        except SwitchAway:
            return 0
        return Examination(queries, (*asked.basis, drops), partial(self._judge, asked))

    def _queries(
        self, dpid: int, drops: Sequence[FlowMod], vlans: Sequence[int]
    ) -> Sequence[Query]:
        if self._switches.codec(dpid).capabilities.cookie_filter:
            return self._by_cookie
        # Without that: first what matches broadcasts, then the table miss, and what else is wanted.
        cookie = self._control.cookie
        matches = (*(mod.match for mod in drops), *(Match(dl_vlan=vlan) for vlan in vlans))
        others = (EntryQuery(match, cookie, EXACT_COOKIE) for match in matches)
        return (*self._by_match, *others, self._flooding)

    def _judge(self, asked: FloodSnapshot, answers: Sequence[SwitchAnswer]) -> int:
        """Have differences repaired, and return how many there were; SwitchError."""
        *tables, ports = answers
        flooding = ports.flooding()
        entries = tuple(dict.fromkeys(entry for table in tables for entry in table.entries()))
        restored = self._restore_drops(asked.dpid, entries)
        if not self._control.compare(asked, entries, flooding):
            return restored
        LOG.warning(
            "audit: switch %016x lost entries of the spanning tree; restoring them", asked.dpid
        )
        self._wake()
        return restored + 1

    def _restore_drops(self, dpid: int, entries: tuple[FlowEntry, ...]) -> int:
        repairs = self._drops.repairs(dpid, entries, self._switches.codec(dpid).as_reported)
        if repairs:
            LOG.warning("audit: switch %016x lost %d drop entries; restoring", dpid, len(repairs))
            for error in self._switches.confirm(repairs):
                raise error
        return len(repairs)
