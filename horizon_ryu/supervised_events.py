"""Supervised events: the handlers of one Ryu application, and the loop that calls them.

Ryu logs what a handler raises and goes on, with whatever the handler had done by then. Here it is
counted and told as well, and a switch that the event was about is disconnected: what is known of
it is forgotten with the connection, and built anew with the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from horizon_ryu.core.loop_record import LoopRecord
from horizon_ryu.supervision import Supervisor, name_of

Handler = Callable[[Any], object]


class SupervisedEvents:
    """Those of one application; its loop is idle while there is no event."""

    def __init__(
        self, supervisor: Supervisor, name: str, disconnect: Callable[[int, str], object]
    ) -> None:
        """``disconnect`` closes the connection of a dpid, if there is one, for a reason."""
        self._supervisor = supervisor
        self._disconnect = disconnect
        self._record = LoopRecord(name, supervisor.now())
        self._record.is_idle = True

    def run(self, loop: Callable[[], object], is_over: Callable[[], bool]) -> None:
        """Run ``loop``, which hands events over; whatever ends it, until ``is_over``."""
        self._supervisor.loop(self._record, loop, is_over=is_over).run()

    def supervised(self, handler: Handler) -> Handler:
        """Return ``handler``, which then raises nothing but what ends a task."""

        @wraps(handler)
        def handle(event: Any) -> None:
            self._record.begins(self._supervisor.now())
            try:
                handler(event)
                self._record.turned(self._supervisor.now())
            except self._supervisor.faults as error:
                self._failed(handler, event, error)
            finally:
                self._record.is_idle = True

        return handle

    def _failed(self, handler: Handler, event: Any, error: BaseException) -> None:
        self._record.begins(self._supervisor.now())
        self._supervisor.failed(name_of(handler), error)
        dpid = _dpid_of(event)
        if dpid is not None:
            self._disconnect(dpid, "what it told could not be taken in wholly")


def _dpid_of(event: Any) -> int | None:
    """Return the switch that an event is about: ours, or a message in Ryu's; None for none."""
    datapath = getattr(getattr(event, "msg", None), "datapath", None)
    switch = getattr(event, "switch", event)
    dpid = getattr(switch, "dpid", None) if datapath is None else datapath.id
    return dpid if isinstance(dpid, int) else None
