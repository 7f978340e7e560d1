"""Dpid claims: who may be which switch by its certificate, and who says so in vain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.identifiers import dpid_given

_FINGERPRINT = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DpidClaim:
    """A claim of ``dpid`` by the peer at ``claimant``.

    ``holder`` is the address of the connection that had the dpid, None if there was none.
    ``outcome`` is ``refused`` by the reason, or ``replaced`` if the holder did not answer.
    """

    dpid: int
    claimant: str
    holder: str | None
    outcome: str


class DpidPins:
    """Pins of dpids to certificates, by the certificates' SHA-256 fingerprints (lower-case hex).

    A dpid that is pinned takes these certificates alone, and a certificate that is pinned speaks
    for its dpids alone. Who is in no pin is bound by none.
    """

    def __init__(self, pins: Mapping[int, frozenset[str]] = MappingProxyType({})) -> None:
        self._pins = dict(pins)
        self._bound = frozenset().union(*self._pins.values())

    def permits(self, dpid: int, fingerprint: str | None) -> bool:
        """Tell whether a peer with this certificate, None without one, may be ``dpid``."""
        pinned = self._pins.get(dpid)
        return fingerprint not in self._bound if pinned is None else fingerprint in pinned

    def __contains__(self, dpid: int) -> bool:
        """Tell whether ``dpid`` is pinned."""
        return dpid in self._pins

    def __bool__(self) -> bool:
        """Whether there is any pin."""
        return bool(self._pins)


def read_pins(texts: Iterable[str], loc: tuple[str | int, ...]) -> DpidPins:
    """Return the pins written ``DPID=FINGERPRINT``, one or more per dpid; InvalidInput.

    A fingerprint is 64 hex digits, with or without colons, as ``openssl x509 -fingerprint
    -sha256`` prints it.
    """
    pins: dict[int, frozenset[str]] = {}
    for place, text in enumerate(texts):
        dpid_text, _, fingerprint = (part.strip() for part in text.partition("="))
        plain = fingerprint.replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(plain):
            raise InvalidInput((*loc, place), "DPID=FINGERPRINT with a SHA-256 of 64 hex digits")
        dpid = dpid_given(dpid_text, (*loc, place))
        pins[dpid] = pins.get(dpid, frozenset()) | {plain}
    return DpidPins(pins)
