"""Crossing checks: whether ordinary broadcasts pass between two ports, beside what probes say.

Who relays probes alone joins nothing: to close a port for that would cut off who is behind it. Who
relays broadcasts makes loops. So a frame like any station's leaves by each of the two ports and is
looked for at the other: the ARP probe (RFC 5227, 2.1.1) of a station that wants an address of its
own for this link (RFC 3927, 2.2.1). Its MAC is made up anew for each pair of ports, so that nobody
can let our frames pass and hold those of others back; who lets pass what looks like these makes
loops of those of others that look so too.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from horizon_ryu.core import frames
from horizon_ryu.core.topology import Link, PortRef
from horizon_ryu.wire.messages import Outgoing, Output, PacketOut

PortPair: TypeAlias = tuple[PortRef, PortRef]
"""Two ports in order."""
_LINK_LOCAL = bytes((169, 254))


def pair_of(link: Link) -> PortPair:
    """Return the two ends of a link, the same for both directions."""
    return (link.src, link.dst) if link.src < link.dst else (link.dst, link.src)


class _Sender(NamedTuple):
    """A made-up station: the port that its frames leave by, and the one where they may arrive."""

    src: PortRef
    dst: PortRef
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
        # Locally administered, of one station: as virtual machines have.
        mac = bytes((secret[0] & 0xFC | 2,)) + secret[1:6]
        # The first and the last 256 addresses are for nobody (RFC 3927, 2.1).
        self._senders[mac] = _Sender(
            src, dst, _LINK_LOCAL + bytes((1 + secret[6] % 254, secret[7]))
        )
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
            out = (Output(sender.src.port_no),)
            for vlan in vlans:
                data = frames.build_arp_probe(frames.BROADCAST, mac, sender.address, vlan)
                sent.append(Outgoing(sender.src.dpid, PacketOut(out, data)))
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
