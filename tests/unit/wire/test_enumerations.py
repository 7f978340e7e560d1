"""Every number that has a name here has the same name and number in Ryu's tables."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from types import ModuleType
from typing import Any

import pytest
from ryu.lib.packet import ether_types, icmpv6, in_proto
from ryu.ofproto import nicira_ext as ryu_nicira
from ryu.ofproto import ofproto_common, ofproto_v1_0, ofproto_v1_3

from horizon_ryu.wire import (
    error_codes10,
    error_codes13,
    match_codes13,
    nicira_ext,
    ofp10,
    ofp13,
)
from horizon_ryu.wire.error_names import error_name
from horizon_ryu.wire.protocols import ETHERTYPE, ICMPV6, IPPROTO

NOT_IN_RYU = {
    # Ryu lacks these names; the numbers are those of 1.3.5 section 7.3.4.1.
    (ofp13, "OFPFC_MODIFY_STRICT"): 2,
    (ofp13, "OFPFC_DELETE_STRICT"): 4,
    (ofp10, "OFPFW_NW_BITS"): 6,
    (ofp13, "ONF_EXPERIMENTER_ID"): ofproto_common.ONF_EXPERIMENTER_ID,
    # ofproto_v1_0.h has no name for it; the text of section 5.3.5 says 0xff.
    (ofp10, "OFPTT_ALL"): 0xFF,
}
MODULES = (
    (ofp10, ofproto_v1_0),
    (ofp13, ofproto_v1_3),
    (error_codes10, ofproto_v1_0),
    (error_codes13, ofproto_v1_3),
    (match_codes13, ofproto_v1_3),
)


def named(module: ModuleType) -> dict[str, int]:
    """Return every number of ``module`` by the specification's name of it."""
    found: dict[str, int] = {}
    for name, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, IntEnum | IntFlag):
            for member, number in value.__members__.items():
                found[f"{name}_{member.removeprefix('SPEED_')}"] = int(number)
        elif name.startswith(("OFP", "ONF")) and isinstance(value, int):
            found[name] = value
    return found


@pytest.mark.parametrize(("ours", "theirs"), MODULES, ids=lambda module: module.__name__)
def test_every_name_has_the_number_that_ryu_gives_it(ours: Any, theirs: Any) -> None:
    names = named(ours)
    wanted = {
        name: getattr(theirs, name) if hasattr(theirs, name) else NOT_IN_RYU[ours, name]
        for name in names
    }
    assert names == wanted


@pytest.mark.parametrize(
    ("ours", "theirs", "prefixes"),
    [
        (ofp10, ofproto_v1_0, "OFPT OFPPC OFPPS OFPPF OFPAT OFPFC OFPFF OFPST OFPRR OFPR OFPP"),
        (ofp13, ofproto_v1_3,
         "OFPT OFPPC OFPPS OFPPF OFPAT OFPIT OFPFC OFPFF OFPMP OFPTFPT OFPGC OFPGT OFPMC OFPMF "
         "OFPMBT OFPRR OFPR OFPP OFPQT OFPG OFPCR_ROLE"),
        (match_codes13, ofproto_v1_3, "OFPXMC OFPXMT_OFB"),
        (error_codes10, ofproto_v1_0, "OFPET OFPHFC OFPBRC OFPBAC OFPFMFC OFPPMFC OFPQOFC"),
        (error_codes13, ofproto_v1_3,
         "OFPET OFPHFC OFPBRC OFPBAC OFPBIC OFPBMC OFPFMFC OFPGMFC OFPPMFC OFPTMFC OFPQOFC "
         "OFPSCFC OFPRRFC OFPMMFC OFPTFFC"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_no_name_of_ryus_is_missing(ours: Any, theirs: Any, prefixes: str) -> None:
    for prefix in prefixes.split():
        wanted = {
            name.removeprefix(f"{prefix}_"): value
            for name, value in vars(theirs).items()
            if name.startswith(f"{prefix}_") and isinstance(value, int)
        }
        members = {
            name.removeprefix("SPEED_"): int(member)
            for name, member in getattr(ours, prefix).__members__.items()
        }
        assert wanted.items() <= members.items(), prefix


def test_nicira_s_numbers_are_ryu_s() -> None:
    for prefix in ("NXAST", "NXT", "NXST", "NXAC2PT", "NX_NAT_RANGE", "NX_LEARN"):
        for name, member in getattr(nicira_ext, prefix).__members__.items():
            assert member == getattr(ryu_nicira, f"{prefix}_{name}"), name


def test_protocols_have_the_numbers_that_ryu_gives_them() -> None:
    assert (ETHERTYPE.IPV4, ETHERTYPE.ARP) == (ether_types.ETH_TYPE_IP, ether_types.ETH_TYPE_ARP)
    assert ETHERTYPE.IPV6 == ether_types.ETH_TYPE_IPV6
    assert ETHERTYPE.VLAN == ether_types.ETH_TYPE_8021Q
    assert ETHERTYPE.QINQ == ether_types.ETH_TYPE_8021AD
    assert (ETHERTYPE.MPLS, ETHERTYPE.PBB) == (
        ether_types.ETH_TYPE_MPLS,
        ether_types.ETH_TYPE_8021AH,
    )
    for member in IPPROTO:
        assert member == getattr(in_proto, f"IPPROTO_{member.name}")
    assert ICMPV6.NEIGHBOUR_SOLICITATION == icmpv6.ND_NEIGHBOR_SOLICIT
    assert ICMPV6.NEIGHBOUR_ADVERTISEMENT == icmpv6.ND_NEIGHBOR_ADVERT


@pytest.mark.parametrize(
    ("version", "kind", "code", "text"),
    [
        (1, 3, 0, "FLOW_MOD_FAILED: ALL_TABLES_FULL"),
        (1, 1, 4, "BAD_REQUEST: BAD_SUBTYPE"),
        (1, 6, 1, "error type 6: code 1"),
        (4, 5, 1, "FLOW_MOD_FAILED: TABLE_FULL"),
        (4, 10, 2, "SWITCH_CONFIG_FAILED: EPERM"),
        (4, 13, 9, "TABLE_FEATURES_FAILED: code 9"),
        (4, 0xFFFF, 2300, "EXPERIMENTER: code 2300"),
    ],
)
def test_an_error_is_told_by_its_names(version: int, kind: int, code: int, text: str) -> None:
    message = bytes(8) + kind.to_bytes(2, "big") + code.to_bytes(2, "big")
    assert error_name(version, message) == f"refused with {text}"
