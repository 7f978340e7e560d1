"""The table of what OpenFlow 1.0 and 1.3 make statistics of.

=============== ============================ ===============================================
report (3.3.3)  1.0.0                        1.3.5
=============== ============================ ===============================================
n_tables, caps  features reply               features reply
actions         features reply, bitmap       APPLY_ACTIONS of the first table's features
port list       features reply               port description
speed           fastest bit of curr          curr_speed, else the fastest bit of curr
enabled         not PORT_DOWN                not PORT_DOWN
flood           not NO_FLOOD                 not NO_FWD (1.3 has no NO_FLOOD)
link            not LINK_DOWN                not LINK_DOWN
table name,     table statistics             table features
max_entries
dl_*, nw_*,     fields of ofp_match          OXM fields, by the labels of wire.fields
tp_*
no VLAN         dl_vlan 65535                vlan_vid 0, written as 65535
actions         types of ofp_action_type     the same, and what instructions apply; the rows
                                             are in wire.action_table
=============== ============================ ===============================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from horizon_ryu.wire import ofp10, ofp13
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13

UNSUPPORTED = 0xFFFF_FFFF_FFFF_FFFF
"""All ones: the switch does not count this (1.0.0 section 5.3.5, 1.3.5 section 7.3.5.6)."""

PORT_DOWN = int(ofp13.OFPPC.PORT_DOWN)
"""Bit of a port's config, the same on both versions."""
LINK_DOWN = int(ofp13.OFPPS.LINK_DOWN)
"""Bit of a port's state, the same on both versions."""
NOT_FLOODED: Mapping[int, int] = MappingProxyType(
    {OPENFLOW_10: int(ofp10.OFPPC.NO_FLOOD), OPENFLOW_13: int(ofp13.OFPPC.NO_FWD)}
)
"""Bit of a port's config."""

_F10, _F13 = ofp10.OFPPF, ofp13.OFPPF
_SPEEDS_10 = (
    (int(_F10.SPEED_10MB_HD | _F10.SPEED_10MB_FD), 10_000),
    (int(_F10.SPEED_100MB_HD | _F10.SPEED_100MB_FD), 100_000),
    (int(_F10.SPEED_1GB_HD | _F10.SPEED_1GB_FD), 1_000_000),
    (int(_F10.SPEED_10GB_FD), 10_000_000),
)
_SPEEDS_13 = (
    *_SPEEDS_10,
    (int(_F13.SPEED_40GB_FD), 40_000_000),
    (int(_F13.SPEED_100GB_FD), 100_000_000),
    (int(_F13.SPEED_1TB_FD), 1_000_000_000),
)
SPEEDS: Mapping[int, tuple[tuple[int, int], ...]] = MappingProxyType(
    {OPENFLOW_10: _SPEEDS_10, OPENFLOW_13: _SPEEDS_13}
)
"""Feature bits of a port and the speed in kbit/s that they stand for."""

MATCH_ORDER: tuple[str, ...] = (
    "in_port",
    "dl_type",
    "dl_src",
    "dl_dst",
    "dl_vlan",
    "dl_vlan_pcp",
    "nw_tos",
    "nw_proto",
    "nw_src",
    "nw_dst",
    "tp_src",
    "tp_dst",
    "in_phy_port",
    "metadata",
    "ip_ecn",
    "arp_sha",
    "arp_tha",
    "ipv6_src",
    "ipv6_dst",
    "ipv6_flabel",
    "ipv6_nd_target",
    "ipv6_nd_sll",
    "ipv6_nd_tll",
    "ipv6_exthdr",
    "mpls_label",
    "mpls_tc",
    "mpls_bos",
    "pbb_isid",
    "tunnel_id",
)
"""The report's fields in its order, then what 1.0 has besides, then what only 1.3 has."""
