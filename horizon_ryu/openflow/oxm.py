"""Match fields of OpenFlow 1.3 as OXM bytes and back (specification 1.3.5, section 7.2.3)."""

from __future__ import annotations

import struct
from functools import lru_cache

from horizon_ryu.core.messages import Match

IN_PORT, ETH_DST, ETH_SRC, ETH_TYPE, VLAN_VID = 0, 3, 4, 5, 6
IPV4_SRC, IPV4_DST, ARP_SPA, ARP_TPA = 11, 12, 22, 23
BASIC = 0x8000
VLAN_PRESENT = 0x1000
IPV4_TYPE, ARP_TYPE = 0x0800, 0x0806
GROUP_BIT = b"\x01\x00\x00\x00\x00\x00"

_NETWORK = struct.Struct("!II")
_HEAD = struct.Struct("!HH")


def _head(field: int, size: int, masked: bool = False) -> bytes:
    """Return an OXM header; ``size`` is of the value alone, the mask is as long."""
    return (BASIC << 16 | field << 9 | masked << 8 | size << masked).to_bytes(4, "big")


_IN_PORT, _DST, _SRC = _head(IN_PORT, 4), _head(ETH_DST, 6), _head(ETH_SRC, 6)
_TYPE, _VLAN = _head(ETH_TYPE, 2), _head(VLAN_VID, 2)
_MULTICAST = _head(ETH_DST, 6, masked=True) + GROUP_BIT * 2

_MACS = {ETH_SRC: "dl_src", ETH_DST: "dl_dst"}
_NUMBERS = {IN_PORT: ("in_port", 4), ETH_TYPE: ("dl_type", 2)}
_NETWORKS = {IPV4_SRC: "nw_src", IPV4_DST: "nw_dst", ARP_SPA: "nw_src", ARP_TPA: "nw_dst"}


@lru_cache(maxsize=8192)
def encode_match(match: Match) -> bytes:
    """Return the OXM match, padded to 8 bytes; fields in the order of their numbers, as Ryu's.

    ValueError for networks without the dl_type that they need (7.2.3).
    """
    fields = b"".join(_fields(match))
    length = 4 + len(fields)
    return _HEAD.pack(1, length) + fields + b"\0" * (-length % 8)


def _fields(match: Match) -> list[bytes]:
    parts = []
    if match.in_port is not None:
        parts.append(_IN_PORT + match.in_port.to_bytes(4, "big"))
    if match.dl_dst_multicast:
        parts.append(_MULTICAST)
    elif match.dl_dst is not None:
        parts.append(_DST + match.dl_dst)
    if match.dl_src is not None:
        parts.append(_SRC + match.dl_src)
    if match.dl_type is not None:
        parts.append(_TYPE + match.dl_type.to_bytes(2, "big"))
    if match.dl_vlan is not None:
        parts.append(_VLAN + (match.dl_vlan | VLAN_PRESENT).to_bytes(2, "big"))
    if match.nw_src is None and match.nw_dst is None:
        return parts
    arp = match.dl_type == ARP_TYPE
    if not arp and match.dl_type != IPV4_TYPE:
        raise ValueError("networks are matched in IPv4 and ARP only: dl_type must say which")
    for field, network in (
        (ARP_SPA if arp else IPV4_SRC, match.nw_src),
        (ARP_TPA if arp else IPV4_DST, match.nw_dst),
    ):
        if network is not None:
            parts.append(_network(field, *network))
    return parts


def _network(field: int, address: int, prefix: int) -> bytes:
    value = address.to_bytes(4, "big")
    if prefix == 32:
        return _head(field, 4) + value
    mask = 0xFFFF_FFFF << 32 - prefix & 0xFFFF_FFFF
    return _head(field, 4, masked=True) + value + mask.to_bytes(4, "big")


def decode_match(data: bytes) -> tuple[Match, bool]:
    """Return the match in ``data`` (OXM fields without header and padding) and if it is whole.

    Fields that Match has no place for are left out, and the second value is then False. Never
    raises: what is malformed ends the walk.
    """
    found: dict[str, object] = {}
    whole, at = True, 0
    while at + 4 <= len(data):
        header = int.from_bytes(data[at : at + 4], "big")
        size = header & 0xFF
        body = data[at + 4 : at + 4 + size]
        known = len(body) == size and header >> 16 == BASIC
        whole &= known and _take(found, header >> 9 & 0x7F, bool(header >> 8 & 1), body)
        at += 4 + size
    return Match(**found), whole  # type: ignore[arg-type]


def _take(found: dict[str, object], field: int, masked: bool, body: bytes) -> bool:
    """Put one field into ``found``; False if there is no place for it."""
    if field in _NETWORKS and len(body) == 4 * (1 + masked):
        return _take_network(found, _NETWORKS[field], body, masked)
    if field == ETH_DST and masked and body == GROUP_BIT * 2:
        found["dl_dst_multicast"] = True
        return True
    if masked:
        return False
    if field in _MACS and len(body) == 6:
        found[_MACS[field]] = body
    elif field in _NUMBERS and len(body) == _NUMBERS[field][1]:
        found[_NUMBERS[field][0]] = int.from_bytes(body, "big")
    elif field == VLAN_VID and len(body) == 2 and body[0] >> 4 == 1:
        found["dl_vlan"] = int.from_bytes(body, "big") & 0xFFF
    else:
        return False
    return True


def _take_network(found: dict[str, object], name: str, body: bytes, masked: bool) -> bool:
    address, mask = _NETWORK.unpack(body) if masked else (int.from_bytes(body, "big"), 0xFFFFFFFF)
    prefix = mask.bit_count()
    # Only masks of leading ones are networks.
    if mask != 0xFFFF_FFFF << 32 - prefix & 0xFFFF_FFFF:
        return False
    found[name] = (address, prefix)
    return True
