"""Spelling of match fields: names that other tools have for them, and what to say of the rest.

Ryu, Floodlight and ovs-ofctl call the same things by different names; where one can mean only one
thing it is taken for that, and of others it is told how they are written here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType

OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "vlan": "dl_vlan",
        "vlan_id": "dl_vlan",
        "ip_src": "ipv4_src",
        "ip_dst": "ipv4_dst",
        "ip_tos": "nw_tos",
        "nd_target": "ipv6_nd_target",
        "nd_sll": "ipv6_nd_sll",
        "nd_tll": "ipv6_nd_tll",
        "ip6": "ipv6",
        "icmpv6": "icmp6",
        "tcpv6": "tcp6",
        "udpv6": "udp6",
        "sctpv6": "sctp6",
    }
)
"""Names of others -> the names that are read here."""
ICMP_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "icmp_type": ("icmpv4_type", "icmpv6_type"),
        "icmp_code": ("icmpv4_code", "icmpv6_code"),
    }
)
"""Names that ovs-ofctl has for both versions of IP -> those of IPv4 and of IPv6."""
_OF_THE_FLOW = "no match field: give it to the flow itself, beside match"
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "priority": _OF_THE_FLOW,
        "idle_timeout": _OF_THE_FLOW,
        "hard_timeout": _OF_THE_FLOW,
        "actions": _OF_THE_FLOW,
        "meter": _OF_THE_FLOW,
        "table": f"{_OF_THE_FLOW}, as table_id",
        "table_id": _OF_THE_FLOW,
        "cookie": "no match field: cookies are given by Horizon, and say which flow an entry is of",
        "vlan_tci": "no match field here: write dl_vlan and dl_vlan_pcp; dl_vlan tagged is any tag",
        "dl_vlan_vid": "no such match field; write dl_vlan",
    }
)


def canonical(written: str, is_ipv6: bool) -> str:
    """Return the name that ``written`` stands for: lower case, and ours where others' is known.

    ``is_ipv6``: the match is of IPv6 alone.
    """
    name = written.lower().replace("-", "_")
    if name in ICMP_NAMES:
        return ICMP_NAMES[name][is_ipv6]
    return OTHER_NAMES.get(name, name)


def unknown_field(written: str, names: Collection[str]) -> str:
    """Return what to say of a name that is none of ``names``."""
    name = written.lower().replace("-", "_")
    if name in _HINTS:
        return _HINTS[name]
    alike = difflib.get_close_matches(name, names, 2, 0.75)
    if alike:
        return f"no such match field; there is {' and '.join(alike)}"
    return f"no such match field; there are {', '.join(sorted(names))}"
