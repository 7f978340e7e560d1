"""The table of match fields: what encoder, decoder, guard and text know of each.

All forty fields of the class OPENFLOW_BASIC of OpenFlow 1.3 (1.3.5 section 7.2.3.7, tables 11
and 12), and the twelve of OpenFlow 1.0 (1.0.0 section 5.2.3), which is where the names come from
that Horizon writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.wire.match_codes13 import OFPXMC, OFPXMT_OFB
from horizon_ryu.wire.ofp10 import OFPFW, OFPFW_NW_DST_SHIFT, OFPFW_NW_SRC_SHIFT
from horizon_ryu.wire.protocols import ETHERTYPE, ICMPV6, IPPROTO
from horizon_ryu.wire.struct_layout import format_of, number_code

_CLASS_SHIFT, _FIELD_SHIFT, _MASK_SHIFT = 16, 9, 8
FIELD_MASK = 0x7F
HAS_MASK = 1 << _MASK_SHIFT
MAX_LENGTH = 0xFF
"""Of the payload of a field: header, then value, then a mask as long as the value, if any."""


class ValueKind(StrEnum):
    """What the value of a field is, and so how it is written."""

    INT = "int"
    MAC = "mac"
    IPV4 = "ipv4"
    IPV6 = "ipv6"
    VLAN = "vlan"
    """An identifier and the bit OFPVID_PRESENT."""
    DSCP = "dscp"
    """The upper six bits of the ToS byte."""


class Prerequisite(NamedTuple):
    """A field that must be there too, with one of ``values``.

    No values: any that it can have; of VLAN_VID, any but OFPVID_NONE.
    """

    field: OFPXMT_OFB
    values: frozenset[int] = frozenset()


class MatchField(NamedTuple):
    """A field of the class OPENFLOW_BASIC.

    ``size`` is of the value, in bytes; ``bits`` how many of them count. ``label`` is its name
    in what Horizon reads and writes: that of OpenFlow 1.0 where 1.0 has such a field. The
    specification allows a mask where ``maskable``; Open vSwitch does so with other fields too,
    and may report such.
    """

    number: OFPXMT_OFB
    bits: int
    size: int
    kind: ValueKind
    maskable: bool
    label: str
    needs: Prerequisite | None = None

    @property
    def name(self) -> str:
        """The name in OpenFlow 1.3, in lower case."""
        return self.number.name.lower()


def oxm_header(oxm_class: int, field: int, length: int, masked: bool = False) -> int:
    """Return the header of a match field; ``length`` is of the payload, a mask included."""
    return oxm_class << _CLASS_SHIFT | field << _FIELD_SHIFT | masked << _MASK_SHIFT | length


def header(number: int, masked: bool = False) -> int:
    """Return the header of a field of the class OPENFLOW_BASIC; KeyError if there is none."""
    size = FIELDS[number].size
    return oxm_header(OFPXMC.OPENFLOW_BASIC, number, size << masked, masked)


def header_class(oxm: int) -> int:
    """Return the class of the field that a header is of."""
    return oxm >> _CLASS_SHIFT


def field_number(oxm: int) -> int:
    """Return the number that a header has for its field."""
    return oxm >> _FIELD_SHIFT & FIELD_MASK


def class_and_field(oxm_class: int, field: int) -> int:
    """Return what ``header >> 9`` is of this field: both numbers in one."""
    return oxm_class << _CLASS_SHIFT - _FIELD_SHIFT | field


_IPV4 = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.IPV4}))
_ARP = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.ARP}))
_IPV6 = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.IPV6}))
_IP = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.IPV4, ETHERTYPE.IPV6}))
_MPLS = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.MPLS, ETHERTYPE.MPLS_MULTICAST}))
_PBB = Prerequisite(OFPXMT_OFB.ETH_TYPE, frozenset({ETHERTYPE.PBB}))
_TCP = Prerequisite(OFPXMT_OFB.IP_PROTO, frozenset({IPPROTO.TCP}))
_UDP = Prerequisite(OFPXMT_OFB.IP_PROTO, frozenset({IPPROTO.UDP}))
_SCTP = Prerequisite(OFPXMT_OFB.IP_PROTO, frozenset({IPPROTO.SCTP}))
_ICMP = Prerequisite(OFPXMT_OFB.IP_PROTO, frozenset({IPPROTO.ICMP}))
_ICMPV6 = Prerequisite(OFPXMT_OFB.IP_PROTO, frozenset({IPPROTO.ICMPV6}))
_SOLICITATION = Prerequisite(OFPXMT_OFB.ICMPV6_TYPE, frozenset({ICMPV6.NEIGHBOUR_SOLICITATION}))
_ADVERTISEMENT = Prerequisite(OFPXMT_OFB.ICMPV6_TYPE, frozenset({ICMPV6.NEIGHBOUR_ADVERTISEMENT}))
_NEIGHBOUR = Prerequisite(OFPXMT_OFB.ICMPV6_TYPE, frozenset(ICMPV6))
_IN_PORT = Prerequisite(OFPXMT_OFB.IN_PORT)
_TAGGED = Prerequisite(OFPXMT_OFB.VLAN_VID)

_INT, _MAC, _VLAN, _DSCP = ValueKind.INT, ValueKind.MAC, ValueKind.VLAN, ValueKind.DSCP
_ADDRESS, _ADDRESS_6 = ValueKind.IPV4, ValueKind.IPV6
_F = OFPXMT_OFB
_TABLE = (
    # number, bits, bytes, kind, may have a mask, label, needs
    MatchField(_F.IN_PORT, 32, 4, _INT, False, "in_port"),
    MatchField(_F.IN_PHY_PORT, 32, 4, _INT, False, "in_phy_port", _IN_PORT),
    MatchField(_F.METADATA, 64, 8, _INT, True, "metadata"),
    MatchField(_F.ETH_DST, 48, 6, _MAC, True, "dl_dst"),
    MatchField(_F.ETH_SRC, 48, 6, _MAC, True, "dl_src"),
    MatchField(_F.ETH_TYPE, 16, 2, _INT, False, "dl_type"),
    MatchField(_F.VLAN_VID, 13, 2, _VLAN, True, "dl_vlan"),
    MatchField(_F.VLAN_PCP, 3, 1, _INT, False, "dl_vlan_pcp", _TAGGED),
    MatchField(_F.IP_DSCP, 6, 1, _DSCP, False, "nw_tos", _IP),
    MatchField(_F.IP_ECN, 2, 1, _INT, False, "ip_ecn", _IP),
    MatchField(_F.IP_PROTO, 8, 1, _INT, False, "nw_proto", _IP),
    MatchField(_F.IPV4_SRC, 32, 4, _ADDRESS, True, "nw_src", _IPV4),
    MatchField(_F.IPV4_DST, 32, 4, _ADDRESS, True, "nw_dst", _IPV4),
    MatchField(_F.TCP_SRC, 16, 2, _INT, False, "tp_src", _TCP),
    MatchField(_F.TCP_DST, 16, 2, _INT, False, "tp_dst", _TCP),
    MatchField(_F.UDP_SRC, 16, 2, _INT, False, "tp_src", _UDP),
    MatchField(_F.UDP_DST, 16, 2, _INT, False, "tp_dst", _UDP),
    MatchField(_F.SCTP_SRC, 16, 2, _INT, False, "tp_src", _SCTP),
    MatchField(_F.SCTP_DST, 16, 2, _INT, False, "tp_dst", _SCTP),
    # What 1.0 puts into the fields of other protocols it also puts there (section 5.2.3).
    MatchField(_F.ICMPV4_TYPE, 8, 1, _INT, False, "tp_src", _ICMP),
    MatchField(_F.ICMPV4_CODE, 8, 1, _INT, False, "tp_dst", _ICMP),
    MatchField(_F.ARP_OP, 16, 2, _INT, False, "nw_proto", _ARP),
    MatchField(_F.ARP_SPA, 32, 4, _ADDRESS, True, "nw_src", _ARP),
    MatchField(_F.ARP_TPA, 32, 4, _ADDRESS, True, "nw_dst", _ARP),
    MatchField(_F.ARP_SHA, 48, 6, _MAC, True, "arp_sha", _ARP),
    MatchField(_F.ARP_THA, 48, 6, _MAC, True, "arp_tha", _ARP),
    MatchField(_F.IPV6_SRC, 128, 16, _ADDRESS_6, True, "ipv6_src", _IPV6),
    MatchField(_F.IPV6_DST, 128, 16, _ADDRESS_6, True, "ipv6_dst", _IPV6),
    MatchField(_F.IPV6_FLABEL, 20, 4, _INT, True, "ipv6_flabel", _IPV6),
    MatchField(_F.ICMPV6_TYPE, 8, 1, _INT, False, "tp_src", _ICMPV6),
    MatchField(_F.ICMPV6_CODE, 8, 1, _INT, False, "tp_dst", _ICMPV6),
    MatchField(_F.IPV6_ND_TARGET, 128, 16, _ADDRESS_6, False, "ipv6_nd_target", _NEIGHBOUR),
    MatchField(_F.IPV6_ND_SLL, 48, 6, _MAC, False, "ipv6_nd_sll", _SOLICITATION),
    MatchField(_F.IPV6_ND_TLL, 48, 6, _MAC, False, "ipv6_nd_tll", _ADVERTISEMENT),
    MatchField(_F.MPLS_LABEL, 20, 4, _INT, False, "mpls_label", _MPLS),
    MatchField(_F.MPLS_TC, 3, 1, _INT, False, "mpls_tc", _MPLS),
    MatchField(_F.MPLS_BOS, 1, 1, _INT, False, "mpls_bos", _MPLS),
    MatchField(_F.PBB_ISID, 24, 3, _INT, True, "pbb_isid", _PBB),
    MatchField(_F.TUNNEL_ID, 64, 8, _INT, True, "tunnel_id"),
    MatchField(_F.IPV6_EXTHDR, 9, 2, _INT, True, "ipv6_exthdr", _IPV6),
)

FIELDS: Mapping[int, MatchField] = MappingProxyType({int(field.number): field for field in _TABLE})
"""Number of a field of the class OPENFLOW_BASIC -> its row."""


class MatchField10(NamedTuple):
    """A member of ``struct ofp_match`` of OpenFlow 1.0.

    ``offset`` and ``size`` are in bytes. ``wildcard`` is the bit that says that any value will
    do; of a network, the bit for 32 free bits in the number of them, which begins at ``shift``.
    """

    label: str
    offset: int
    size: int
    kind: ValueKind
    wildcard: OFPFW
    shift: int | None = None


MATCH_SIZE_10 = 40
"""Bytes of ``struct ofp_match``; it begins with 4 of wildcards."""

FIELDS_10 = (
    MatchField10("in_port", 4, 2, _INT, OFPFW.IN_PORT),
    MatchField10("dl_src", 6, 6, _MAC, OFPFW.DL_SRC),
    MatchField10("dl_dst", 12, 6, _MAC, OFPFW.DL_DST),
    MatchField10("dl_vlan", 18, 2, _INT, OFPFW.DL_VLAN),
    MatchField10("dl_vlan_pcp", 20, 1, _INT, OFPFW.DL_VLAN_PCP),
    MatchField10("dl_type", 22, 2, _INT, OFPFW.DL_TYPE),
    MatchField10("nw_tos", 24, 1, _INT, OFPFW.NW_TOS),
    MatchField10("nw_proto", 25, 1, _INT, OFPFW.NW_PROTO),
    MatchField10("nw_src", 28, 4, _ADDRESS, OFPFW.NW_SRC_ALL, OFPFW_NW_SRC_SHIFT),
    MatchField10("nw_dst", 32, 4, _ADDRESS, OFPFW.NW_DST_ALL, OFPFW_NW_DST_SHIFT),
    MatchField10("tp_src", 36, 2, _INT, OFPFW.TP_SRC),
    MatchField10("tp_dst", 38, 2, _INT, OFPFW.TP_DST),
)
"""The fields of OpenFlow 1.0, in their order on the wire."""

MATCH_FORMAT_10 = format_of(
    [(0, "I"), *((field.offset, number_code(field.size)) for field in FIELDS_10)], MATCH_SIZE_10
)
"""The struct format of ``struct ofp_match``: the wildcards, then the fields."""
