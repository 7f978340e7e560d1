"""Address claims: a station uses an IP address that another one is known to have.

It may have taken the address over (VRRP, a machine replaced), or be lying. The owner is asked by
ARP: if it still uses the address within the window nothing changes, silence moves the address.
Meanwhile the address is contested, and nobody may answer for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = tuple[bytes, str]
"""An IP address in text form, after what a station's key has after the MAC: its VLAN."""


@dataclass(slots=True)
class _Claim:
    """What ``station``, by its key, claims; decided at ``deadline`` unless ``refuted`` before."""

    station: bytes
    deadline: float
    refuted: bool = False


class AddressClaims:
    """The undecided claims, one per address; ``window`` is in seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._claims: dict[Address, _Claim] = {}

    def __bool__(self) -> bool:
        return bool(self._claims)

    def open(self, address: Address, station: bytes, now: float) -> bool:
        """Take note of a claim; tell whether the owner is to be asked: once a window."""
        if address in self._claims:
            return False
        self._claims[address] = _Claim(station, now + self._window)
        return True

    def refute(self, address: Address) -> bytes | None:
        """Take note that the owner of ``address`` uses it; return who claimed it until now."""
        claim = self._claims.get(address)
        if claim is None or claim.refuted:
            return None
        claim.refuted = True
        return claim.station

    def is_contested(self, address: Address) -> bool:
        """Tell whether it is undecided whose ``address`` is."""
        claim = self._claims.get(address)
        return claim is not None and not claim.refuted

    def expire(self, now: float) -> list[tuple[Address, bytes]]:
        """End the claims whose time is over; return addresses and who has them from now on."""
        won: list[tuple[Address, bytes]] = []
        # The window is the same for all, so the first that began is the first to end.
        while self._claims:
            address, claim = next(iter(self._claims.items()))
            if claim.deadline > now:
                break
            del self._claims[address]
            if not claim.refuted:
                won.append((address, claim.station))
        return won

    def next_due(self) -> float | None:
        """Return when :meth:`expire` has work; None while nothing is claimed."""
        return next(iter(self._claims.values())).deadline if self._claims else None
