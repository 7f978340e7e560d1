"""Audit of the spanning tree: what each switch does with broadcasts is what it was told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.ownership import EXACT_COOKIE
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.drop_entries import DropEntries
from horizon_ryu.core.spanning_tree.flood_state import BROADCAST_MAC
from horizon_ryu.openflow.context import EntryReader
from horizon_ryu.wire.messages import FlowEntry, Match, Outgoing

LOG = logging.getLogger("horizon.audit")


class FloodSwitches(EntryReader, Protocol):
    """The part of the switch registry that is used."""

    def flooding_ports(self, dpid: int) -> frozenset[int] | None:
        """Read the ports by which a switch floods."""

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

    def audit(self, dpid: int) -> int:
        """Have differences repaired, and return how many there were; SwitchError."""
        asked = self._control.snapshot(dpid)
        if asked is None:
            return 0
        entries, flooding = self._entries(dpid), self._switches.flooding_ports(dpid)
        restored = self._restore_drops(dpid, entries)
        if not self._control.compare(asked, entries, flooding):
            return restored
        LOG.warning("audit: switch %016x lost entries of the spanning tree; restoring them", dpid)
        self._wake()
        return restored + 1

    def _restore_drops(self, dpid: int, entries: tuple[FlowEntry, ...]) -> int:
        repairs = self._drops.repairs(dpid, entries, self._switches.codec(dpid).as_reported)
        if repairs:
            LOG.warning("audit: switch %016x lost %d drop entries; restoring", dpid, len(repairs))
            for error in self._switches.confirm(repairs):
                raise error
        return len(repairs)

    def _entries(self, dpid: int) -> tuple[FlowEntry, ...]:
        """Return the tree's entries of this run, at a cost that does not grow with the table."""
        read, cookie = self._switches.flow_entries, self._control.cookie
        if self._switches.codec(dpid).capabilities.cookie_filter:
            return read(dpid, cookie=cookie, mask=EXACT_COOKIE)
        # Without that: first what matches broadcasts, then the table miss, and what else is wanted.
        broadcasts = read(dpid, match=Match(dl_dst=BROADCAST_MAC), cookie=cookie, mask=EXACT_COOKIE)
        others = read(dpid, cookie=cookie, mask=EXACT_COOKIE, to_controller=True)
        drops = [
            entry
            for mod in self._drops.wanted(dpid)
            for entry in read(dpid, match=mod.match, cookie=cookie, mask=EXACT_COOKIE)
        ]
        return tuple(dict.fromkeys((*broadcasts, *others, *drops)))
