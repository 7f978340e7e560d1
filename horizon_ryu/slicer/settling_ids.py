"""Settling of ids: the switch is asked whether it is through with objects that have gone."""

from __future__ import annotations

from horizon_ryu.core.slicing.id_map import IdMap
from horizon_ryu.slicer.sliced_link import SlicedLink, framed
from horizon_ryu.slicer.xid_map import Asked
from horizon_ryu.wire.ofp13 import OFPT

_BARRIER = int(OFPT.BARRIER_REQUEST)


class SettlingIds:
    """Gives the resting numbers of a map free when the switch has answered a barrier.

    One barrier is under way at most; what goes meanwhile waits for the next. One that is known no
    more, since too much was asked after it, is asked again.
    """

    def __init__(self, link: SlicedLink, ids: IdMap) -> None:
        self._link = link
        self._ids = ids
        self._asked: frozenset[int] = frozenset()
        self._xid = 0

    def ask(self) -> None:
        """Have what rests settled, now or after the barrier that is under way."""
        is_under_way = self._asked and self._link.xids.find(self._xid) is not None
        if not is_under_way and self._ids.resting:
            self._asked = self._ids.resting
            self._xid = self._link.xids.translate(Asked(self, 0, b""))
            self._link.say(framed(self._link.version, _BARRIER, self._xid, b""))

    def answered(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Take the switch's answer to the barrier: what has rested since it was asked is free."""
        done, self._asked = self._asked, frozenset()
        self._ids.settle(done)
        self.ask()

    def refused(self, _asked: Asked, _message: bytes, _now: float) -> None:
        """Take an error instead: nothing is known, so the numbers rest on."""
        self._asked = frozenset()
