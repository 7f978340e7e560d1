"""Audit of flow entries that never change while a switch is connected."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from horizon_ryu.audit.examination import Examination
from horizon_ryu.core.base_entries import is_there
from horizon_ryu.core.errors import SwitchError
from horizon_ryu.core.ownership import EXACT_COOKIE
from horizon_ryu.openflow.queries import EntryQuery, SwitchAnswer
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.messages import FlowMod, Outgoing

LOG = logging.getLogger("horizon.audit")


class EntrySwitches(Protocol):
    """The part of the switch registry that is used."""

    def codec(self, dpid: int) -> Codec:
        """Return the codec of the version that a switch speaks; SwitchAway."""

    def confirm(self, messages: Sequence[Outgoing]) -> tuple[SwitchError, ...]:
        """Send and wait for barriers."""


class EntryAudit:
    """Compares and restores the entries that one application wants on a switch."""

    def __init__(
        self,
        switches: EntrySwitches,
        wanted: Callable[[int], Sequence[FlowMod]],
        restore: Callable[[int, Sequence[FlowMod]], None] | None = None,
    ) -> None:
        """``wanted`` tells what a switch should have now; ``restore``, by default sending it,
        what to do about entries that it lacks. Several have one cookie and go to the controller.
        """
        self._switches = switches
        self._wanted = wanted
        self._restore = restore or self._send
        self._asked: tuple[tuple[FlowMod, ...], tuple[EntryQuery, ...]] = (), ()
        """What was wanted of the last switch, mostly of the next as well, and how it is asked."""

    def begin(self, dpid: int) -> Examination | int:
        """Return what is to be asked of a switch; 0 if it should have nothing."""
        wanted = tuple(self._wanted(dpid))
        if not wanted:
            return 0
        return Examination(self._queries(wanted), wanted, partial(self._judge, dpid, wanted))

    def _queries(self, wanted: tuple[FlowMod, ...]) -> tuple[EntryQuery, ...]:
        if self._asked[0] is not wanted:
            self._asked = wanted, (_query(wanted),)
        return self._asked[1]

    def _judge(self, dpid: int, wanted: Sequence[FlowMod], answers: Sequence[SwitchAnswer]) -> int:
        """Restore what ``dpid`` lacks and return how many entries that were; SwitchError."""
        entries, as_reported = answers[0].entries(), self._switches.codec(dpid).as_reported
        lacking = [mod for mod in wanted if not is_there(mod, entries, as_reported)]
        if lacking:
            self._restore(dpid, lacking)
        return len(lacking)

    def _send(self, dpid: int, lacking: Sequence[FlowMod]) -> None:
        LOG.warning("audit: switch %016x lost %d entries; restoring them", dpid, len(lacking))
        for error in self._switches.confirm([Outgoing(dpid, mod) for mod in lacking]):
            raise error


def _query(wanted: Sequence[FlowMod]) -> EntryQuery:
    """Return what asks for ``wanted``, which all go to the controller, in one answer."""
    first = wanted[0]
    if len(wanted) == 1:
        # By its match: a table of 100,000 entries must not be read for the sake of one.
        return EntryQuery(first.match, first.cookie, EXACT_COOKIE)
    return EntryQuery(cookie=first.cookie, mask=EXACT_COOKIE, to_controller=True)
