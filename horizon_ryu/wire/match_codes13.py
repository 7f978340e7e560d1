"""Enumerations of the match fields of OpenFlow 1.3, by the specification's names.

They are named as those of ``ofp13.py`` are.
"""

from __future__ import annotations

from enum import IntEnum


class OFPMT(IntEnum):
    """Kinds of matches (section 7.2.3.1)."""

    STANDARD = 0
    OXM = 1


class OFPXMC(IntEnum):
    """Classes of match fields (section 7.2.3.3)."""

    NXM_0 = 0x0000
    NXM_1 = 0x0001
    OPENFLOW_BASIC = 0x8000
    EXPERIMENTER = 0xFFFF


class OFPXMT_OFB(IntEnum):
    """Match fields of the class OPENFLOW_BASIC (section 7.2.3.7)."""

    IN_PORT = 0
    IN_PHY_PORT = 1
    METADATA = 2
    ETH_DST = 3
    ETH_SRC = 4
    ETH_TYPE = 5
    VLAN_VID = 6
    VLAN_PCP = 7
    IP_DSCP = 8
    IP_ECN = 9
    IP_PROTO = 10
    IPV4_SRC = 11
    IPV4_DST = 12
    TCP_SRC = 13
    TCP_DST = 14
    UDP_SRC = 15
    UDP_DST = 16
    SCTP_SRC = 17
    SCTP_DST = 18
    ICMPV4_TYPE = 19
    ICMPV4_CODE = 20
    ARP_OP = 21
    ARP_SPA = 22
    ARP_TPA = 23
    ARP_SHA = 24
    ARP_THA = 25
    IPV6_SRC = 26
    IPV6_DST = 27
    IPV6_FLABEL = 28
    ICMPV6_TYPE = 29
    ICMPV6_CODE = 30
    IPV6_ND_TARGET = 31
    IPV6_ND_SLL = 32
    IPV6_ND_TLL = 33
    MPLS_LABEL = 34
    MPLS_TC = 35
    MPLS_BOS = 36
    PBB_ISID = 37
    TUNNEL_ID = 38
    IPV6_EXTHDR = 39


class OFPVID(IntEnum):
    """Bits of VLAN_VID beside the identifier (section 7.2.3.7)."""

    NONE = 0x0000
    PRESENT = 0x1000
