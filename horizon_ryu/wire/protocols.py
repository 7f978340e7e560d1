"""Numbers that frames carry and matches name: EtherTypes, IP protocols, ranges of VLAN and ToS."""

from __future__ import annotations

from enum import IntEnum


class ETHERTYPE(IntEnum):
    """Values of ``dl_type`` (the IEEE's registry)."""

    IPV4 = 0x0800
    ARP = 0x0806
    RARP = 0x8035
    VLAN = 0x8100
    IPV6 = 0x86DD
    MPLS = 0x8847
    MPLS_MULTICAST = 0x8848
    QINQ = 0x88A8
    """Service tags of IEEE 802.1ad."""
    LLDP = 0x88CC
    PBB = 0x88E7
    OLD_QINQ = 0x9100
    """Service tags from before IEEE 802.1ad."""


class IPPROTO(IntEnum):
    """Values of ``nw_proto`` (IANA's registry)."""

    ICMP = 1
    IGMP = 2
    TCP = 6
    UDP = 17
    ICMPV6 = 58
    SCTP = 132


WITH_PORTS = (int(IPPROTO.ICMP), int(IPPROTO.TCP), int(IPPROTO.UDP), int(IPPROTO.SCTP))
"""The protocols that have ``tp_src`` and ``tp_dst``; in ICMP they are type and code."""
WITH_PORTS_IPV6 = (int(IPPROTO.ICMPV6), int(IPPROTO.TCP), int(IPPROTO.UDP), int(IPPROTO.SCTP))
"""Those of IPv6, where ICMPv6 is in the place of ICMP."""


class ICMPV6(IntEnum):
    """Types of ICMPv6 messages that match fields depend on (RFC 4861)."""

    NEIGHBOUR_SOLICITATION = 135
    NEIGHBOUR_ADVERTISEMENT = 136


MAC_SIZE = 6
IPV4_BITS, IPV6_BITS = 32, 128
MAX_BYTE, MAX_SHORT, MAX_LONG = 0xFF, 0xFFFF, 0xFFFF_FFFF

MAX_VLAN = 0xFFF
"""The largest VLAN identifier (IEEE 802.1Q)."""
MAX_PCP = 7
"""The largest priority of a VLAN tag (IEEE 802.1Q)."""
TOS_ECN_BITS = 0b11
"""The bits of the ToS byte that are no part of the field (RFC 2474)."""
DSCP_SHIFT = 2
"""Where in the ToS byte the DSCP begins (RFC 2474)."""
