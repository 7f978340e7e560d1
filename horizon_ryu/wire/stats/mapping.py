"""The one table that says how OpenFlow 1.0 and 1.3 spell what a statistic is made of.

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
dl_*, nw_*,     fields of ofp_match          OXM fields, see OXM below
tp_*
no VLAN         dl_vlan 65535                vlan_vid 0, written as 65535
actions         types of ofp_action_type     the same, and what instructions apply
=============== ============================ ===============================================
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

OPENFLOW_10, OPENFLOW_13 = 1, 4

BODY_AT: Mapping[int, int] = {OPENFLOW_10: 12, OPENFLOW_13: 16}
"""Where the body of a statistics (multipart) reply begins."""

UNSUPPORTED = 0xFFFF_FFFF_FFFF_FFFF
"""All ones: the switch does not count this (1.0.0 section 5.3.5, 1.3.5 section 7.3.5.6)."""

PORT_DOWN = 1
"""Bit of a port's config, the same on both versions."""
LINK_DOWN = 1
"""Bit of a port's state, the same on both versions."""
NOT_FLOODED: Mapping[int, int] = {OPENFLOW_10: 1 << 4, OPENFLOW_13: 1 << 5}
"""Bit of a port's config: OFPPC_NO_FLOOD and OFPPC_NO_FWD."""

_SPEEDS_10 = ((0b11, 10_000), (0b1100, 100_000), (0b11_0000, 1_000_000), (1 << 6, 10_000_000))
_SPEEDS_13 = (*_SPEEDS_10, (1 << 7, 40_000_000), (1 << 8, 100_000_000), (1 << 9, 1_000_000_000))
SPEEDS = {OPENFLOW_10: _SPEEDS_10, OPENFLOW_13: _SPEEDS_13}
"""Feature bits of a port and the speed in kbit/s that they stand for."""

UNTAGGED = 0xFFFF
"""dl_vlan of frames without a tag (1.0.0 section 5.2.3)."""
VLAN_PRESENT = 0x1000
"""Bit of vlan_vid (1.3.5 section 7.2.3.7)."""


class MatchField(NamedTuple):
    """How a field is written; ``kind`` is one of int, mac, ipv4, ipv6, vlan, dscp."""

    name: str
    kind: str
    size: int


OXM: Mapping[int, MatchField] = MappingProxyType(
    {
        0: MatchField("in_port", "int", 4),
        1: MatchField("in_phy_port", "int", 4),
        2: MatchField("metadata", "int", 8),
        3: MatchField("dl_dst", "mac", 6),
        4: MatchField("dl_src", "mac", 6),
        5: MatchField("dl_type", "int", 2),
        6: MatchField("dl_vlan", "vlan", 2),
        7: MatchField("dl_vlan_pcp", "int", 1),
        8: MatchField("nw_tos", "dscp", 1),
        9: MatchField("ip_ecn", "int", 1),
        10: MatchField("nw_proto", "int", 1),
        11: MatchField("nw_src", "ipv4", 4),
        12: MatchField("nw_dst", "ipv4", 4),
        13: MatchField("tp_src", "int", 2),
        14: MatchField("tp_dst", "int", 2),
        15: MatchField("tp_src", "int", 2),
        16: MatchField("tp_dst", "int", 2),
        17: MatchField("tp_src", "int", 2),
        18: MatchField("tp_dst", "int", 2),
        # What 1.0 puts into the fields of other protocols it also puts there (section 5.2.3).
        19: MatchField("tp_src", "int", 1),
        20: MatchField("tp_dst", "int", 1),
        21: MatchField("nw_proto", "int", 2),
        22: MatchField("nw_src", "ipv4", 4),
        23: MatchField("nw_dst", "ipv4", 4),
        24: MatchField("arp_sha", "mac", 6),
        25: MatchField("arp_tha", "mac", 6),
        26: MatchField("ipv6_src", "ipv6", 16),
        27: MatchField("ipv6_dst", "ipv6", 16),
        28: MatchField("ipv6_flabel", "int", 4),
        29: MatchField("tp_src", "int", 1),
        30: MatchField("tp_dst", "int", 1),
        31: MatchField("ipv6_nd_target", "ipv6", 16),
        32: MatchField("ipv6_nd_sll", "mac", 6),
        33: MatchField("ipv6_nd_tll", "mac", 6),
        34: MatchField("mpls_label", "int", 4),
        35: MatchField("mpls_tc", "int", 1),
        36: MatchField("mpls_bos", "int", 1),
        37: MatchField("pbb_isid", "int", 3),
        38: MatchField("tunnel_id", "int", 8),
        39: MatchField("ipv6_exthdr", "int", 2),
    }
)
"""The fields of class OFPXMC_OPENFLOW_BASIC by number (1.3.5 section 7.2.3.7, table 11)."""

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


class ActionShape(NamedTuple):
    """The version-neutral name of an action, and its parameters.

    Each parameter: name, offset in the action, size in bytes, kind as of a match field.
    """

    name: str
    parameters: tuple[tuple[str, int, int, str], ...] = ()


_OUTPUT_10 = ActionShape("output", (("port", 4, 2, "int"), ("max_len", 6, 2, "int")))
_OUTPUT_13 = ActionShape("output", (("port", 4, 4, "int"), ("max_len", 8, 2, "int")))


def _value(name: str, size: int, kind: str = "int") -> ActionShape:
    return ActionShape(name, (("value", 4, size, kind),))


_ACTIONS_10 = {
    0: _OUTPUT_10,
    1: _value("set_dl_vlan", 2),
    2: _value("set_dl_vlan_pcp", 1),
    3: ActionShape("strip_vlan"),
    4: _value("set_dl_src", 6, "mac"),
    5: _value("set_dl_dst", 6, "mac"),
    6: _value("set_nw_src", 4, "ipv4"),
    7: _value("set_nw_dst", 4, "ipv4"),
    8: _value("set_nw_tos", 1),
    9: _value("set_tp_src", 2),
    10: _value("set_tp_dst", 2),
    11: ActionShape("enqueue", (("port", 4, 2, "int"), ("queue_id", 12, 4, "int"))),
}
_ACTIONS_13 = {
    0: _OUTPUT_13,
    11: ActionShape("copy_ttl_out"),
    12: ActionShape("copy_ttl_in"),
    15: _value("set_mpls_ttl", 1),
    16: ActionShape("dec_mpls_ttl"),
    17: _value("push_vlan", 2),
    18: ActionShape("pop_vlan"),
    19: _value("push_mpls", 2),
    20: _value("pop_mpls", 2),
    21: ActionShape("set_queue", (("queue_id", 4, 4, "int"),)),
    22: ActionShape("group", (("group_id", 4, 4, "int"),)),
    23: _value("set_nw_ttl", 1),
    24: ActionShape("dec_nw_ttl"),
    26: _value("push_pbb", 2),
    27: ActionShape("pop_pbb"),
}
ACTIONS: Mapping[int, Mapping[int, ActionShape]] = {
    OPENFLOW_10: _ACTIONS_10,
    OPENFLOW_13: _ACTIONS_13,
}
"""By version and type; set-field (25) and experimenter (65535) are read by their contents."""

SET_FIELD = 25
EXPERIMENTER = 0xFFFF
