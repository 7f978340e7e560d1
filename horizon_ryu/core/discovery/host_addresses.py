"""Host addresses: whose each IP address is, when its owner used it last, and which gives way.

A station has so many addresses. One that has more changes them (temporary addresses of IPv6,
RFC 8981, come daily), so of those that were not used for a while the one unused for longest gives
way to a new one; while all are in use, a new one is not taken note of.
"""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.discovery.address_claims import Address

UNUSED = 300.0
"""Seconds without use by ARP or ND after which an address may give way to another."""
FOR_EVER = float("inf")
"""As the time of use of an address that was pinned."""


class HostAddresses:
    """The owners of addresses by their keys; ``most`` addresses are for one station."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._owners: dict[Address, bytes] = {}
        self._used: dict[Address, float] = {}

    def owner(self, claim: Address) -> bytes | None:
        """Return the key of the station that has an address; None if nobody has."""
        return self._owners.get(claim)

    def use(self, claim: Address, key: bytes, now: float) -> None:
        """Take note that a station has an address, and uses it."""
        self._owners[claim] = key
        self._used[claim] = now

    def with_room(self, key: bytes, ips: tuple[str, ...], now: float) -> tuple[str, ...] | None:
        """Return the addresses of a station that stay when one more comes; None if it may not."""
        if len(ips) < self._most:
            return ips
        oldest = min(ips, key=lambda text: self._used.get((key[6:], text), now))
        claim = key[6:], oldest
        if self._used.get(claim, now) + UNUSED >= now:
            return None
        self.lose(claim, key)
        return tuple(text for text in ips if text != oldest)

    def lose(self, claim: Address, key: bytes) -> None:
        """Take note that a station has an address no more, if it had it."""
        if self._owners.get(claim) == key:
            del self._owners[claim]
            self._used.pop(claim, None)

    def forget(self, key: bytes, ips: Iterable[str]) -> None:
        """Take note that a station is gone, which had these addresses."""
        for text in ips:
            self.lose((key[6:], text), key)
