"""Audit of the spanning tree: what each switch does with broadcasts is what it was told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from horizon_ryu.audit.examination import Examination
from horizon_ryu.core.errors import SwitchAway
from horizon_ryu.core.ownership import EXACT_COOKIE
from horizon_ryu.core.spanning_tree.control import TreeControl
from horizon_ryu.core.spanning_tree.flood_audit import FloodSnapshot
from horizon_ryu.core.spanning_tree.flood_state import BROADCAST_MAC
from horizon_ryu.openflow.queries import EntryQuery, FloodQuery, SwitchAnswer
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import Match

LOG = logging.getLogger("horizon.audit")


class FloodSwitches(Protocol):
    """The part of the switch registry that is used."""

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that a switch speaks; SwitchAway."""


class FloodAudit:
    """Compares what switches do with broadcasts; ``wake`` has the tree's plans made anew."""

    def __init__(
        self, control: TreeControl, switches: FloodSwitches, wake: Callable[[], None]
    ) -> None:
        self._control = control
        self._switches = switches
        self._wake = wake
        cookie = control.cookie
        broadcasts = EntryQuery(Match(dl_dst=BROADCAST_MAC), cookie, EXACT_COOKIE)
        others = EntryQuery(cookie=cookie, mask=EXACT_COOKIE, to_controller=True)
        # The tree's entries of this run, at a cost that does not grow with the table. Where no
        # cookies can be asked for: what matches broadcasts, and the table miss.
        self._by_cookie = EntryQuery(cookie=cookie, mask=EXACT_COOKIE), FloodQuery()
        self._by_match = broadcasts, others, FloodQuery()

    def begin(self, dpid: int) -> Examination | int:
        """Return what is to be asked of a switch; 0 while nothing is certain of it."""
        asked = self._control.snapshot(dpid)
        if asked is None:
            return 0
        try:
            filters = self._switches.codec(dpid).capabilities.cookie_filter
        except SwitchAway:
            return 0
        queries = self._by_cookie if filters else self._by_match
        return Examination(queries, asked.basis, partial(self._judge, asked))

    def _judge(self, asked: FloodSnapshot, answers: Sequence[SwitchAnswer]) -> int:
        """Have a difference repaired, and return 1 if there was one."""
        *entries, flooding = answers
        found = tuple(dict.fromkeys(entry for answer in entries for entry in answer.entries()))
        if not self._control.compare(asked, found, flooding.flooding()):
            return 0
        LOG.warning(
            "audit: switch %016x lost entries of the spanning tree; restoring them", asked.dpid
        )
        self._wake()
        return 1
