"""Rules of matches: which fields need which others, and what values they take.

Sources: 1.0.0 section 5.2.3, 1.3.5 section 7.2.3.6. Open vSwitch on 1.0 ignores a field without
what it needs, and lets the entry match every frame: so such a match is never sent.
"""

from __future__ import annotations

from horizon_ryu.wire.messages import VLAN_NONE, Match
from horizon_ryu.wire.protocols import (
    ETHERTYPE,
    IPPROTO,
    IPV4_BITS,
    MAX_BYTE,
    MAX_PCP,
    MAX_VLAN,
    TOS_ECN_BITS,
    WITH_PORTS,
)
from horizon_ryu.wire.versions import OPENFLOW_10

# Plain numbers: every flow entry that is read or written is compared with them.
IPV4, ARP, IPV6 = int(ETHERTYPE.IPV4), int(ETHERTYPE.ARP), int(ETHERTYPE.IPV6)
ICMP = int(IPPROTO.ICMP)
_WITH_NETWORKS = (IPV4, ARP)
_WITH_PROTOCOL_10, _WITH_PROTOCOL_13 = (IPV4, ARP), (IPV4, ARP, IPV6)


def check_match(version: int, match: Match) -> None:
    """Raise ValueError for fields of ``match`` that lack what they need, or exceed their range."""
    if match.dl_vlan is not None:
        check_vlan(match.dl_vlan)
    check_inner(version, match)


def check_vlan(vlan: int) -> None:
    """Raise ValueError unless ``vlan`` is an identifier, or VLAN_NONE."""
    if not 0 <= vlan <= MAX_VLAN and vlan != VLAN_NONE:
        raise ValueError(f"dl_vlan {vlan} is none of 0 to {MAX_VLAN}, and not VLAN_NONE")


def check_inner(version: int, match: Match) -> None:
    """Check the fields beyond Ethernet and the VLAN identifier."""
    if match.nw_src is not None or match.nw_dst is not None:
        _check_networks(match)
    if match.nw_proto is not None:
        _check_protocol(version, match.dl_type, match.nw_proto)
    if match.nw_tos is not None:
        _check_tos(match.dl_type, match.nw_tos)
    if match.dl_vlan_pcp is not None:
        _check_pcp(match.dl_vlan, match.dl_vlan_pcp)
    if match.tp_src is not None or match.tp_dst is not None:
        _check_transport(match)


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


def _check_tos(dl_type: int | None, nw_tos: int) -> None:
    if dl_type != IPV4:
        raise ValueError("nw_tos is matched in IPv4 only: dl_type must be 0x0800")
    if not 0 <= nw_tos <= MAX_BYTE or nw_tos & TOS_ECN_BITS:
        raise ValueError(f"nw_tos {nw_tos} is no byte whose two lowest bits are zero")


def _check_pcp(dl_vlan: int | None, pcp: int) -> None:
    if dl_vlan is None or dl_vlan == VLAN_NONE:
        raise ValueError("dl_vlan_pcp needs dl_vlan: frames without a tag have no priority")
    if not 0 <= pcp <= MAX_PCP:
        raise ValueError(f"dl_vlan_pcp {pcp} is none of 0 to {MAX_PCP}")


def _check_transport(match: Match) -> None:
    if match.dl_type != IPV4 or match.nw_proto not in WITH_PORTS:
        raise ValueError("tp_src and tp_dst need dl_type 0x0800 and nw_proto 1, 6, 17 or 132")
    if match.nw_proto == ICMP and max(match.tp_src or 0, match.tp_dst or 0) > MAX_BYTE:
        raise ValueError("an ICMP type or code is 0 to 255")
