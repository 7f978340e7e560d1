"""Link latency: how long probes take over known links, and which new link is too slow to be one.

A probe's time holds the way to the first switch, the cable, the way back from the second, and the
controller's own delays. Known links at the same two switches go through the same, so what these
took of late is what a new one is compared with: a controller or a control channel that gets slow
makes all of them slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from statistics import median

from horizon_ryu.core.topology import Link

KEPT = 16
"""Measurements kept per switch, the newest."""
ENOUGH = 4
"""Of these, so many at least make a typical time."""
SAMPLES = 3
"""Probes of one link that must all be slow: one or two may have waited for something."""
ALLOWANCE = 0.005
"""Seconds beyond the typical times that nobody is suspected for."""


class LinkLatency:
    """The newest probe times in seconds of the known links at each switch."""

    def __init__(self, factor: float) -> None:
        """A link is too slow beyond ``factor`` typical times and a little; 0: none ever is."""
        self._factor = factor
        self._times: dict[int, deque[float]] = {}

    def note(self, link: Link, seconds: float) -> None:
        """Take note of a probe that a known link has carried."""
        self._note(link.src.dpid, seconds)
        self._note(link.dst.dpid, seconds)

    def _note(self, dpid: int, seconds: float) -> None:
        times = self._times.get(dpid)
        if times is None:
            times = self._times[dpid] = deque(maxlen=KEPT)
        times.append(seconds)

    def forget(self, dpid: int) -> None:
        """Forget a switch that left."""
        self._times.pop(dpid, None)

    def bound(self, link: Link) -> float | None:
        """Return beyond how many seconds ``link`` is too slow; None while that is not known."""
        known = [self._times.get(end.dpid, ()) for end in link]
        typical = [median(times) for times in known if len(times) >= ENOUGH]
        if not typical or not self._factor:
            return None
        return self._factor * max(typical) + ALLOWANCE

    def is_slow(self, link: Link, samples: Collection[float]) -> bool:
        """Tell whether even the fastest of enough probes over ``link`` was too slow."""
        bound = self.bound(link)
        return bound is not None and len(samples) >= SAMPLES and min(samples) > bound
