"""Return checks: how often they leave, and that nothing passes unheard meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest

from horizon_ryu.core.discovery.return_checks import LONGEST, Crossed, ReturnChecks
from horizon_ryu.core.topology import PortRef
from horizon_ryu.wire.messages import FlowMod, Outgoing, PacketOut

KEY = b"k" * 32
HERE, BESIDE, LOST = PortRef(8, 1), PortRef(9, 1), (PortRef(1, 1), PortRef(1, 2))


class Watch:
    """Two ports that led to a switch which is lost, plugged in again; and the time."""

    def __init__(self) -> None:
        self.checks = ReturnChecks(KEY, 5.0)
        self.now = 100.0
        self.entry_until = dict.fromkeys((8, 9), 0.0)
        for dpid in (1, 8, 9):
            self.checks.ready(dpid)
        for here, there in zip((HERE, BESIDE), LOST, strict=True):
            self.checks.cable(here, there)
        self.checks.left(1, ())
        self.checks.came_up((HERE, BESIDE), self.now)

    def run(self, seconds: float, passes: bool = False) -> list[float]:
        """Let time pass; return when checks left. ``passes``: what leaves by one port is heard."""
        end, left = self.now + seconds, []
        while (due := self.checks.next_due()) is not None and due <= end:
            self.now = due
            sent = self.checks.due(due)
            left += [due] if self._take(sent, passes) else []
        self.now = end
        return left

    def _take(self, sent: list[Outgoing], passes: bool) -> list[Outgoing]:
        checks = [one for one in sent if isinstance(one.message, PacketOut)]
        for one in sent:
            if isinstance(one.message, FlowMod):
                assert not checks or self.entry_until[one.dpid] > self.now
                self.entry_until[one.dpid] = self.now + one.message.hard_timeout
        for one in checks:
            other = BESIDE if one.dpid == HERE.dpid else HERE
            assert self.entry_until[other.dpid] > self.now, "nobody would hear it"
            heard = passes and self.checks.heard(one.message.data, other, self.now)
            assert not passes or isinstance(heard, Crossed)
        return checks


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def test_checks_of_what_stays_quiet_become_rarer_up_to_a_bound() -> None:
    watch = Watch()
    first = watch.run(20.0)
    assert first[0] - 100.0 < 0.3
    assert max(gaps(first)) <= 1.0, "until long after the ports are open"
    watch.run(60.0)
    hour = watch.run(3600.0)
    assert len(hour) <= 3600 / LONGEST + 2
    assert max(gaps(hour)) <= LONGEST + 0.3


def test_what_passes_is_looked_for_often_as_long_as_it_passes() -> None:
    watch = Watch()
    watch.run(600.0)
    watch.run(LONGEST + 1, passes=True)
    assert max(gaps(watch.run(60.0, passes=True))) <= 1.0
    assert max(gaps(watch.run(20.0))) <= 1.0
    watch.run(60.0)
    assert max(gaps(watch.run(60.0))) == pytest.approx(LONGEST, abs=0.3)


def test_a_port_that_is_plugged_in_begins_anew() -> None:
    watch = Watch()
    watch.run(600.0)
    watch.checks.went_down(HERE)
    assert watch.checks.next_due() is None
    watch.checks.came_up((HERE,), watch.now)
    again = watch.run(10.0)
    assert len(again) >= 10
    assert max(gaps(again)) <= 1.0
