"""Fields of a frame, by their numbers in OpenFlow 1.3, as whole numbers (1.3.5 section 7.2.3.7).

Both versions match and rewrite by them: what 1.0 calls ``nw_src`` is IPV4_SRC or ARP_SPA.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

from horizon_ryu.wire.match_codes13 import OFPVID, OFPXMT_OFB
from horizon_ryu.wire.protocols import ETHERTYPE, IPPROTO, MAX_VLAN

Fields: TypeAlias = dict[int, int]

# Plain ints: every frame of a simulation is read here.
IN_PORT, METADATA = int(OFPXMT_OFB.IN_PORT), int(OFPXMT_OFB.METADATA)
ETH_DST, ETH_SRC, ETH_TYPE = map(int, (OFPXMT_OFB.ETH_DST, OFPXMT_OFB.ETH_SRC, OFPXMT_OFB.ETH_TYPE))
VLAN_VID, VLAN_PCP = int(OFPXMT_OFB.VLAN_VID), int(OFPXMT_OFB.VLAN_PCP)
IP_DSCP, IP_ECN, IP_PROTO = map(int, (OFPXMT_OFB.IP_DSCP, OFPXMT_OFB.IP_ECN, OFPXMT_OFB.IP_PROTO))
IPV4_SRC, IPV4_DST = int(OFPXMT_OFB.IPV4_SRC), int(OFPXMT_OFB.IPV4_DST)
TCP_SRC, TCP_DST = int(OFPXMT_OFB.TCP_SRC), int(OFPXMT_OFB.TCP_DST)
UDP_SRC, UDP_DST = int(OFPXMT_OFB.UDP_SRC), int(OFPXMT_OFB.UDP_DST)
SCTP_SRC, SCTP_DST = int(OFPXMT_OFB.SCTP_SRC), int(OFPXMT_OFB.SCTP_DST)
ICMPV4_TYPE, ICMPV4_CODE = int(OFPXMT_OFB.ICMPV4_TYPE), int(OFPXMT_OFB.ICMPV4_CODE)
ARP_OP, ARP_SPA, ARP_TPA = int(OFPXMT_OFB.ARP_OP), int(OFPXMT_OFB.ARP_SPA), int(OFPXMT_OFB.ARP_TPA)
ARP_SHA, ARP_THA = int(OFPXMT_OFB.ARP_SHA), int(OFPXMT_OFB.ARP_THA)
IPV6_SRC, IPV6_DST = int(OFPXMT_OFB.IPV6_SRC), int(OFPXMT_OFB.IPV6_DST)

PORTS_OF = {
    int(IPPROTO.TCP): (TCP_SRC, TCP_DST),
    int(IPPROTO.UDP): (UDP_SRC, UDP_DST),
    int(IPPROTO.SCTP): (SCTP_SRC, SCTP_DST),
}
"""IP protocol -> the fields of its ports."""

TAGGED = (int(ETHERTYPE.VLAN), int(ETHERTYPE.QINQ))
PRESENT = int(OFPVID.PRESENT)
PCP_SHIFT = 13
ETHERNET_SIZE, TAG_SIZE = 14, 4
IPV4_SIZE, IPV6_SIZE, ARP_SIZE = 20, 40, 28
_IPV4, _ARP, _IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
_ICMP = int(IPPROTO.ICMP)
_FRAGMENT_OFFSET = 0x1FFF
_LEAST_TYPE, _NO_TYPE = 0x0600, 0x05FF
"""Less is the length of an IEEE 802.3 frame, which has no type (1.0 specification, 3.4)."""

_PORTS = struct.Struct("!HH")
_IPV4_HEAD = struct.Struct("!BBHHHBBHII")
_ARP_BODY = struct.Struct("!6xH6sI6sI")


def payload_at(frame: bytes) -> tuple[int, int]:
    """Return the EtherType behind the outermost tag, if any, and where the payload begins."""
    kind = frame[12] << 8 | frame[13]
    if kind in TAGGED and len(frame) >= ETHERNET_SIZE + TAG_SIZE:
        return frame[16] << 8 | frame[17], ETHERNET_SIZE + TAG_SIZE
    return kind, ETHERNET_SIZE


def read_fields(frame: bytes, in_port: int) -> Fields:
    """Return the fields of a frame of at least 14 bytes; a truncated header has none of its own."""
    kind, at = payload_at(frame)
    fields = {
        IN_PORT: in_port,
        ETH_DST: int.from_bytes(frame[:6], "big"),
        ETH_SRC: int.from_bytes(frame[6:12], "big"),
        ETH_TYPE: kind if kind >= _LEAST_TYPE else _NO_TYPE,
        VLAN_VID: 0,
    }
    if at > ETHERNET_SIZE:
        tag = frame[14] << 8 | frame[15]
        fields[VLAN_VID] = PRESENT | tag & MAX_VLAN
        fields[VLAN_PCP] = tag >> PCP_SHIFT
    if kind == _IPV4:
        _read_ipv4(fields, frame, at)
    elif kind == _ARP and len(frame) >= at + ARP_SIZE:
        operation, sha, spa, tha, tpa = _ARP_BODY.unpack_from(frame, at)
        fields.update({ARP_OP: operation, ARP_SPA: spa, ARP_TPA: tpa})
        fields[ARP_SHA], fields[ARP_THA] = int.from_bytes(sha, "big"), int.from_bytes(tha, "big")
    elif kind == _IPV6 and len(frame) >= at + IPV6_SIZE:
        _read_ipv6(fields, frame, at)
    return fields


def _read_ipv4(fields: Fields, frame: bytes, at: int) -> None:
    if len(frame) < at + IPV4_SIZE:
        return
    first, tos, _, _, fragment, _, protocol, _, src, dst = _IPV4_HEAD.unpack_from(frame, at)
    fields.update({IP_PROTO: protocol, IPV4_SRC: src, IPV4_DST: dst})
    fields[IP_DSCP], fields[IP_ECN] = tos >> 2, tos & 3
    if not fragment & _FRAGMENT_OFFSET:
        _read_ports(fields, frame, at + 4 * (first & 0xF), protocol)


def _read_ipv6(fields: Fields, frame: bytes, at: int) -> None:
    traffic = (frame[at] << 8 | frame[at + 1]) >> 4 & 0xFF
    protocol = frame[at + 6]
    fields.update({IP_PROTO: protocol, IP_DSCP: traffic >> 2, IP_ECN: traffic & 3})
    fields[IPV6_SRC] = int.from_bytes(frame[at + 8 : at + 24], "big")
    fields[IPV6_DST] = int.from_bytes(frame[at + 24 : at + 40], "big")
    _read_ports(fields, frame, at + IPV6_SIZE, protocol)


def _read_ports(fields: Fields, frame: bytes, at: int, protocol: int) -> None:
    if len(frame) < at + 4:
        return
    ports = PORTS_OF.get(protocol)
    if ports is not None:
        fields[ports[0]], fields[ports[1]] = _PORTS.unpack_from(frame, at)
    elif protocol == _ICMP and ETH_TYPE in fields and fields[ETH_TYPE] == _IPV4:
        fields[ICMPV4_TYPE], fields[ICMPV4_CODE] = frame[at], frame[at + 1]
