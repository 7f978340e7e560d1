"""Host questions: frames that a station answers if it is where it was, whatever is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import pack

from horizon_ryu.core import frames
from horizon_ryu.core.neighbour_discovery import build_icmp6, build_solicitation
from horizon_ryu.core.port_frames import sent_by
from horizon_ryu.core.topology import Host
from horizon_ryu.wire.messages import Outgoing

PROBER = b"\x02\x48\x5a\x00\x00\x01"
"""Sender of our questions: locally administered, on no network."""
PROBER_GROUP = b"\x33\x33\xff" + PROBER[3:]
"""Where a station that speaks IPv6 asks for our address (RFC 4291, 2.7.1; RFC 2464, 7)."""
_ALL_NODES = b"\xff\x02" + bytes(13) + b"\x01"
_ECHO_REQUEST = 128


def is_provable(host: Host) -> bool:
    """Tell whether the silence of a station proves that it is gone: it must answer ARP."""
    return any(len(packed) == 4 for packed in _packed(host.ips))


def questions(host: Host, addresses: Iterable[str]) -> tuple[Outgoing, ...]:
    """Ask a station where it was for its ``addresses``; without any, as IPv6 can.

    ARP is asked as RFC 5227 probes do, IPv6 by a neighbour solicitation. An ICMPv6 echo to all
    nodes (RFC 4443, 4.1), sent to this one alone, makes a station that speaks IPv6 look for us:
    that is answer enough.
    """
    asked = [
        frames.build_arp_probe(host.mac, PROBER, packed, host.vlan)
        if len(packed) == 4
        else build_solicitation(host.mac, PROBER, packed, host.vlan)
        for packed in _packed(addresses)
    ]
    found = asked or [_echo_request(host.mac, host.vlan)]
    return tuple(sent_by(host.location, data) for data in found)


def _packed(addresses: Iterable[str]) -> Iterator[bytes]:
    return (packed for packed in map(frames.address_from_text, addresses) if packed is not None)


def _echo_request(mac: bytes, vlan: int | None) -> bytes:
    return build_icmp6(mac, PROBER, _ALL_NODES, pack("!BBHHH", _ECHO_REQUEST, 0, 0, 0, 0), vlan)
