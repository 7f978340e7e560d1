"""Rules of matches: which fields need which others, and what values they take.

Sources: 1.0.0 section 5.2.3, 1.3.5 section 7.2.3.6. Open vSwitch on 1.0 ignores a field without
what it needs, and lets the entry match every frame: so such a match is never sent.
"""

from __future__ import annotations

from horizon_ryu.wire.messages import ONLY_13, VLAN_NONE, VLAN_TAGGED, Match
from horizon_ryu.wire.protocols import (
    ETHERTYPE,
    ICMPV6,
    IPPROTO,
    IPV4_BITS,
    IPV6_BITS,
    MAX_BYTE,
    MAX_PCP,
    MAX_VLAN,
    TOS_ECN_BITS,
    WITH_PORTS,
    WITH_PORTS_IPV6,
)
from horizon_ryu.wire.versions import OPENFLOW_10

# Plain numbers: every flow entry that is read or written is compared with them.
IPV4, ARP, IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
ICMP, ICMP6 = int(IPPROTO.ICMP), int(IPPROTO.ICMPV6)
SOLICITATION = int(ICMPV6.NEIGHBOUR_SOLICITATION)
ADVERTISEMENT = int(ICMPV6.NEIGHBOUR_ADVERTISEMENT)
_WITH_NETWORKS = (IPV4, ARP)
_WITH_PROTOCOL_10, _WITH_PROTOCOL_13 = (IPV4, ARP), (IPV4, ARP, IPV6)
_TRANSPORT_10 = {IPV4: WITH_PORTS}
_TRANSPORT_13 = {IPV4: WITH_PORTS, IPV6: WITH_PORTS_IPV6}
_FIRST_ONLY_13 = Match._fields.index(ONLY_13[0])
_NONE_ONLY_13 = (None,) * len(ONLY_13)


def check_match(version: int, match: Match) -> None:
    """Raise ValueError for fields of ``match`` that lack what they need, or exceed their range."""
    if match.dl_vlan is not None:
        check_vlan(match.dl_vlan)
    if version == OPENFLOW_10:
        check_only_10(match)
    else:
        check_macs(match)
    check_inner(version, match)


def check_vlan(vlan: int) -> None:
    """Raise ValueError unless ``vlan`` is an identifier, VLAN_NONE or VLAN_TAGGED."""
    if not 0 <= vlan <= MAX_VLAN and vlan not in (VLAN_NONE, VLAN_TAGGED):
        raise ValueError(f"dl_vlan {vlan} is none of 0 to {MAX_VLAN}, and not VLAN_NONE")


def check_only_10(match: Match) -> None:
    """Raise ValueError for what OpenFlow 1.0 has no place for."""
    if match.dl_vlan == VLAN_TAGGED:
        raise ValueError("OpenFlow 1.0 cannot match any tag there may be")
    if match[_FIRST_ONLY_13:] != _NONE_ONLY_13:
        name = next(name for name in ONLY_13 if getattr(match, name) is not None)
        raise ValueError(f"OpenFlow 1.0 has no {name}")


def check_macs(match: Match) -> None:
    """Raise ValueError for a mask without its MAC address."""
    for name in ("dl_src", "dl_dst"):
        if getattr(match, f"{name}_mask") is not None and getattr(match, name) is None:
            raise ValueError(f"{name}_mask needs {name}")


def check_inner(version: int, match: Match) -> None:
    """Check the fields beyond Ethernet and the VLAN identifier."""
    if match.nw_src is not None or match.nw_dst is not None:
        _check_networks(match)
    if match.nw_proto is not None:
        _check_protocol(version, match.dl_type, match.nw_proto)
    if match.nw_tos is not None:
        _check_tos(version, match.dl_type, match.nw_tos)
    if match.dl_vlan_pcp is not None:
        _check_pcp(match.dl_vlan, match.dl_vlan_pcp)
    if match.tp_src is not None or match.tp_dst is not None:
        _check_transport(version, match)
    if match[_FIRST_ONLY_13:] != _NONE_ONLY_13:
        _check_ipv6(match)


def _check_ipv6(match: Match) -> None:
    for network in (match.ipv6_src, match.ipv6_dst):
        if network is not None and (match.dl_type != IPV6 or not 0 <= network[1] <= IPV6_BITS):
            raise ValueError("ipv6_src and ipv6_dst need dl_type 0x86dd, and at most 128 bits")
    neighbour = match.tp_src if (match.dl_type, match.nw_proto) == (IPV6, ICMP6) else None
    needed = (
        (match.ipv6_nd_target, (SOLICITATION, ADVERTISEMENT)),
        (match.ipv6_nd_sll, (SOLICITATION,)),
        (match.ipv6_nd_tll, (ADVERTISEMENT,)),
    )
    if any(value is not None and neighbour not in types for value, types in needed):
        raise ValueError("fields of neighbour discovery need ICMPv6 of its type (135, 136)")


def _check_networks(match: Match) -> None:
    if match.dl_type not in _WITH_NETWORKS:
        raise ValueError("networks are matched in IPv4 and ARP only: dl_type must say which")
    for network in (match.nw_src, match.nw_dst):
        if network is not None and not 0 <= network[1] <= IPV4_BITS:
            raise ValueError(f"a prefix of {network[1]} bits")


def _check_protocol(version: int, dl_type: int | None, nw_proto: int) -> None:
    if dl_type not in (_WITH_PROTOCOL_10 if version == OPENFLOW_10 else _WITH_PROTOCOL_13):
        raise ValueError("nw_proto is matched in IP and ARP only: dl_type must say which")
    # 1.0 sees the lower byte of an ARP opcode alone (5.2.3).
    if nw_proto > MAX_BYTE and (dl_type != ARP or version == OPENFLOW_10):
        raise ValueError(f"nw_proto {nw_proto} is more than a byte")


def _check_tos(version: int, dl_type: int | None, nw_tos: int) -> None:
    if dl_type not in ((IPV4,) if version == OPENFLOW_10 else (IPV4, IPV6)):
        raise ValueError("nw_tos is matched in IP only, by OpenFlow 1.0 in IPv4")
    if not 0 <= nw_tos <= MAX_BYTE or nw_tos & TOS_ECN_BITS:
        raise ValueError(f"nw_tos {nw_tos} is no byte whose two lowest bits are zero")


def _check_pcp(dl_vlan: int | None, pcp: int) -> None:
    if dl_vlan is None or dl_vlan == VLAN_NONE:
        raise ValueError("dl_vlan_pcp needs dl_vlan: frames without a tag have no priority")
    if not 0 <= pcp <= MAX_PCP:
        raise ValueError(f"dl_vlan_pcp {pcp} is none of 0 to {MAX_PCP}")


def _check_transport(version: int, match: Match) -> None:
    known = _TRANSPORT_10 if version == OPENFLOW_10 else _TRANSPORT_13
    if match.nw_proto not in known.get(match.dl_type or 0, ()):
        raise ValueError("tp_src and tp_dst need dl_type 0x0800 and nw_proto 1, 6, 17 or 132")
    if match.nw_proto in (ICMP, ICMP6) and max(match.tp_src or 0, match.tp_dst or 0) > MAX_BYTE:
        raise ValueError("an ICMP type or code is 0 to 255")
