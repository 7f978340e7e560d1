"""Rates with a burst: a bucket that fills steadily and is emptied in tokens."""

from __future__ import annotations

from itertools import islice

_LOOKED_AT = 8
"""Buckets at one time, where a new one finds no room: it costs each packet-in the same."""


class TokenBucket:
    """``rate`` tokens a second, at most ``burst`` at once; full at first."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token; False if there is none."""
        self._fill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def available(self, now: float) -> int:
        """Return how many tokens there are, to be spent at once."""
        self._fill(now)
        return int(self._tokens)

    def is_full(self, now: float) -> bool:
        """Tell whether it is as a new one would be."""
        self._fill(now)
        return self._tokens >= self.burst

    def spend(self, count: int) -> None:
        """Take tokens that are available."""
        self._tokens -= count

    def wait(self, now: float) -> float:
        """Return the seconds until a token is there; 0 if one is."""
        self._fill(now)
        return 0.0 if self._tokens >= 1.0 else (1.0 - self._tokens) / self.rate

    def _fill(self, now: float) -> None:
        # A clock handed in may stand still, and must not empty the bucket by going back.
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now


class PacketInLimits:
    """A bucket per port and one per switch; says whether a packet-in may cost us any work.

    Of a switch ``max_ports`` ports have a bucket at one time. One that is full gives way to a port
    that has none: a switch may have more ports, and in its life far more than at any time.
    """

    def __init__(self, per_port: float, per_switch: float, max_ports: int = 4096) -> None:
        self._per_port = per_port
        self._per_switch = per_switch
        self._max_ports = max_ports
        self._switches: dict[int, tuple[TokenBucket, dict[int, TokenBucket]]] = {}

    def admit(self, dpid: int, port_no: int, now: float) -> bool:
        """Take a token for one packet-in; one second's worth may come as a burst."""
        found = self._switches.get(dpid)
        if found is None:
            own = TokenBucket(self._per_switch, self._per_switch, now)
            found = self._switches[dpid] = (own, {})
        whole, ports = found
        bucket = ports.get(port_no)
        if bucket is None:
            if len(ports) >= self._max_ports and not _gives_way(ports, now):
                return False
            bucket = ports[port_no] = TokenBucket(self._per_port, self._per_port, now)
        return bucket.take(now) and whole.take(now)

    def forget(self, dpid: int) -> None:
        """Drop the buckets of a switch that left."""
        self._switches.pop(dpid, None)


def _gives_way(ports: dict[int, TokenBucket], now: float) -> bool:
    """Drop a bucket that is full, if one is among the first; the others are looked at later."""
    for port_no in tuple(islice(ports, _LOOKED_AT)):
        bucket = ports.pop(port_no)
        if bucket.is_full(now):
            return True
        ports[port_no] = bucket
    return False
