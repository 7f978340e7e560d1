"""Reconciler: brings switches back to what was asked, after they connect and regularly."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable

import eventlet
from ryu.lib import hub

from horizon_ryu.core.errors import SwitchAway, SwitchError
from horizon_ryu.core.flows.book import FlowBook
from horizon_ryu.core.flows.plan import meter_of
from horizon_ryu.core.flows.reconcile import Repair, repair
from horizon_ryu.core.ownership import FLOW_COOKIE_MASK, FLOW_COOKIES
from horizon_ryu.flows.announce import Announcer
from horizon_ryu.flows.confirmation import Sending, Switches
from horizon_ryu.supervision import Supervisor
from horizon_ryu.wire.messages import FlowMod, Outgoing

LOG = logging.getLogger("horizon.flows")

_AT_ONCE = 16
"""Switches that are asked for their entries at one time."""
_TOGETHER = 0.02
"""Seconds in which removals reported by one switch are answered together."""
_REST = 0.5
"""Seconds from a hurried look at a switch to the next, at least: it may report without end."""


class Reconciler:
    """Compares what switches have with what the book says, and repairs the difference."""

    def __init__(
        self,
        book: FlowBook,
        switches: Switches,
        announcer: Announcer,
        connected: Callable[[], Collection[int]],
        interval: float,
        supervisor: Supervisor,
        sending: Sending = lambda _messages: None,
    ) -> None:
        """``interval`` in seconds; ``connected`` tells the dpids of the connected switches.

        ``sending`` is told of messages right before they are sent.
        """
        self._supervisor = supervisor
        self._sending = sending
        self._pool = eventlet.GreenPool(_AT_ONCE)
        self._book = book
        self._switches = switches
        self._announcer = announcer
        self._connected = connected
        self._interval = interval
        self._hurried: set[int] = set()
        self._resting: set[int] = set()
        self._suspects: set[int] = set()
        self._wake = hub.Event()

    def hurry(self, dpid: int) -> None:
        """Have a switch looked at soon; never waits."""
        self._hurried.add(dpid)
        self._wake.set()

    def suspect(self, dpid: int) -> None:
        """Have a switch looked at regularly until it is found in order, flows on it or not."""
        self._suspects.add(dpid)

    def look_hurriedly(self) -> None:
        """Look at the switches that are in a hurry, when there are some: one turn of a loop.

        However often one is, it is looked at once at a time and rests in between, and it holds
        up no other.
        """
        self._wake.wait()
        hub.sleep(_TOGETHER)
        self._wake.clear()
        dpids = self._hurried - self._resting
        self._hurried -= dpids
        self._resting |= dpids
        for dpid in dpids:
            self._pool.spawn_n(self._look_and_rest, dpid)

    def _look_and_rest(self, dpid: int) -> None:
        try:
            self._supervisor.once(self.reconcile, dpid)
        finally:
            hub.spawn_after(_REST, self._rested, dpid)

    def _rested(self, dpid: int) -> None:
        self._resting.discard(dpid)
        if dpid in self._hurried:
            self._wake.set()

    def look_regularly(self) -> None:
        """Look at every switch that should have entries: one turn of a loop."""
        hub.sleep(self._interval)
        wanted = self._book.switches() | self._suspects
        self._look_at(dpid for dpid in self._connected() if dpid in wanted)

    def _look_at(self, dpids: Iterable[int]) -> None:
        pool = eventlet.GreenPool(_AT_ONCE)
        for dpid in dpids:
            pool.spawn_n(self._supervisor.once, self.reconcile, dpid)
        pool.waitall()

    def reconcile(self, dpid: int) -> Repair | None:
        """Repair a switch and return what was wrong; None if it cannot be reached now."""
        try:
            entries = self._switches.flow_entries(dpid, cookie=FLOW_COOKIES, mask=FLOW_COOKIE_MASK)
            # From here to the sending nothing waits: the book is what it is.
            form = self._switches.codec(dpid).as_reported
            found = repair(self._book.wanted(dpid), self._book.held, dpid, entries, form)
            self._send(dpid, found)
            if not found.messages:
                self._suspects.discard(dpid)
        except SwitchError as error:
            if not isinstance(error, SwitchAway):
                LOG.warning("flows: %s; it will be asked again", error)
            return None
        return found

    def _send(self, dpid: int, found: Repair) -> None:
        if found.unknown:
            LOG.warning(
                "flows: switch %016x has %d entries with our cookie that we cannot have written",
                dpid,
                found.unknown,
            )
        if not found.messages:
            return
        self._restore_meters(dpid, found)
        messages = [Outgoing(dpid, message) for message in found.messages]
        self._sending(messages)
        errors = self._switches.confirm(messages)
        for error in errors[:3]:
            LOG.warning("flows: not repaired: %s", error)
        if not errors:
            self._announcer.repaired(dpid, found)
            LOG.info(
                "flows: switch %016x repaired: %d missing, %d wrong, %d orphans",
                dpid,
                found.missing,
                found.wrong,
                found.orphans,
            )

    def _restore_meters(self, dpid: int, found: Repair) -> None:
        """Make the meters that missing entries refer to; those still there refuse, harmlessly."""
        meters = {
            message.meter
            for message in found.messages
            if isinstance(message, FlowMod) and message.meter is not None
        }
        made = [
            meter
            for flow in self._book.with_switch(dpid)
            if flow.meter in meters and (meter := meter_of(flow)) is not None
        ]
        if made:
            self._switches.confirm(made)
