"""Crossing checks: whether what bridges flood passes between two ports, beside what probes say.

Who relays probes alone joins nothing: to close a port for that would cut off who is behind it. Who
floods makes loops. So a frame like any station's leaves by each of the two ports and is looked for
at the other: a question by ARP to one station (RFC 5227, 2.1.1) that nobody has heard of, which
bridges flood as they do broadcasts (IEEE 802.1D-2004, 7.7), and which a switch of ours, unlike
these, hands to us whatever applications run. Both stations are made up anew for each pair of
ports, so that nobody can let our frames pass and hold those of others back: who lets pass what
looks like these makes loops of those of others that look so too.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from horizon_ryu.core import frames
from horizon_ryu.core.port_frames import sent_by
from horizon_ryu.core.topology import Link, PortRef
from horizon_ryu.wire.messages import Outgoing

PortPair: TypeAlias = tuple[PortRef, PortRef]
"""Two ports in order."""
_LINK_LOCAL = bytes((169, 254))


def pair_of(link: Link) -> PortPair:
    """Return the two ends of a link, the same for both directions."""
    return (link.src, link.dst) if link.src < link.dst else (link.dst, link.src)


class _Sender(NamedTuple):
    """A made-up station: the port that its frames leave by, the one where they may arrive, and the
    MAC and IP address that they are for."""

    src: PortRef
    dst: PortRef
    asked: bytes
    address: bytes


class CrossingChecks:
    """The made-up stations, two for each pair of ports; ``key`` makes them up."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._serial = 0
        self._senders: dict[bytes, _Sender] = {}
        self._macs: dict[PortPair, tuple[bytes, bytes]] = {}

    def begin(self, pair: PortPair) -> None:
        """Make up the stations of two ports."""
        self.end(pair)
        one, other = pair
        self._macs[pair] = self._make_up(one, other), self._make_up(other, one)

    def _make_up(self, src: PortRef, dst: PortRef) -> bytes:
        self._serial += 1
        secret = hmac.digest(self._key, b"crossing %d" % self._serial, "sha256")
        mac, asked = local_mac(secret[:6]), local_mac(secret[6:12])
        # The first and the last 256 addresses are for nobody (RFC 3927, 2.1).
        address = _LINK_LOCAL + bytes((1 + secret[12] % 254, secret[13]))
        self._senders[mac] = _Sender(src, dst, asked, address)
        return mac

    def end(self, pair: PortPair) -> None:
        """Forget the stations of two ports."""
        for mac in self._macs.pop(pair, ()):
            self._senders.pop(mac, None)

    def frames(self, pair: PortPair, vlans: Iterable[int | None]) -> list[Outgoing]:
        """Return what leaves by both ports now, once for each of ``vlans``."""
        sent: list[Outgoing] = []
        for mac in self._macs.get(pair, ()):
            sender = self._senders[mac]
            for vlan in vlans:
                data = frames.build_arp_probe(sender.asked, mac, sender.address, vlan)
                sent.append(sent_by(sender.src, data))
        return sent

    def is_ours(self, mac: bytes) -> bool:
        """Tell whether a station is made up."""
        return mac in self._senders

    def crossed(self, mac: bytes, here: PortRef) -> PortPair | None:
        """Return the two ports between which a frame has passed that was heard ``here``."""
        sender = self._senders.get(mac)
        if sender is None or sender.dst != here:
            return None
        return (sender.src, here) if sender.src < here else (here, sender.src)


def local_mac(secret: bytes) -> bytes:
    """Return a MAC of local administration, of one station: as virtual machines have."""
    return bytes((secret[0] & 0xFC | 2,)) + secret[1:]
