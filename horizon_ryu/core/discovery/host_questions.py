"""Host questions: frames that a station answers if it is where it was, whatever is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import pack, unpack

from horizon_ryu.core import frames
from horizon_ryu.core.topology import Host
from horizon_ryu.wire.messages import Outgoing, Output, PacketOut
from horizon_ryu.wire.protocols import IPPROTO

PROBER = b"\x02\x48\x5a\x00\x00\x01"
"""Sender of our questions: locally administered, on no network."""
_ALL_NODES = b"\xff\x02" + bytes(13) + b"\x01"
_ECHO_REQUEST = 128
_VLAN_TAG = b"\x81\x00"


def is_provable(host: Host) -> bool:
    """Tell whether the silence of a station proves that it is gone: it must answer ARP."""
    return any(len(packed) == 4 for packed in _packed(host.ips))


def questions(host: Host, addresses: Iterable[str]) -> tuple[Outgoing, ...]:
    """Ask a station where it was for its IPv4 ``addresses``; without any, as IPv6 can.

    ARP is asked as RFC 5227 probes do. An ICMPv6 echo to all nodes (RFC 4443, 4.1), sent to this
    one alone, makes a station that speaks IPv6 look for us: that is answer enough.
    """
    asked = [
        frames.build_arp_probe(host.mac, PROBER, packed, host.vlan)
        for packed in _packed(addresses)
        if len(packed) == 4
    ]
    out = (Output(host.location.port_no),)
    found = asked or [_echo_request(host.mac, host.vlan)]
    return tuple(Outgoing(host.location.dpid, PacketOut(out, data)) for data in found)


def _packed(addresses: Iterable[str]) -> Iterator[bytes]:
    return (packed for packed in map(frames.address_from_text, addresses) if packed is not None)


def _echo_request(mac: bytes, vlan: int | None) -> bytes:
    source = b"\xfe\x80" + bytes(6) + _interface_id(PROBER)
    blank = pack("!BBHHH", _ECHO_REQUEST, 0, 0, 0, 0)
    pseudo = source + _ALL_NODES + pack("!II", len(blank), int(IPPROTO.ICMPV6))
    echo = pack("!BBHHH", _ECHO_REQUEST, 0, _checksum(pseudo + blank), 0, 0)
    header = pack("!IHBB", 6 << 28, len(echo), int(IPPROTO.ICMPV6), 255) + source + _ALL_NODES
    tag = b"" if vlan is None else _VLAN_TAG + vlan.to_bytes(2, "big")
    ethertype = frames.ETH_IPV6.to_bytes(2, "big")
    frame = mac + PROBER + tag + ethertype + header + echo
    return frame.ljust(frames.MIN_FRAME, b"\0")


def _interface_id(mac: bytes) -> bytes:
    """Return the modified EUI-64 of a MAC address (RFC 4291, appendix A)."""
    return bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]


def _checksum(data: bytes) -> int:
    """Return the Internet checksum of an even number of bytes (RFC 1071)."""
    total: int = sum(unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
