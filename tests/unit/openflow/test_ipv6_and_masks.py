"""IPv6, neighbour discovery, masks of MACs, any tag: as Ryu and users write them, and back."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.lib.mac import haddr_to_str
from ryu.ofproto import ofproto_v1_3 as of13
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.core.flows.effect import beyond_10
from horizon_ryu.core.flows.match_fields import match_fields, parse_match
from horizon_ryu.core.flows.overlap import overlaps
from horizon_ryu.core.flows.planner import reverse_match
from horizon_ryu.wire import oxm
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import VLAN_NONE, VLAN_TAGGED, Match, Output
from horizon_ryu.wire.normalize import normalize
from unit.openflow.test_codecs_against_ryu import SWITCH_13, bytes_of
from unit.openflow.test_every_field_and_action import add, reported

MACS = st.binary(min_size=6, max_size=6)
ALL_48 = b"\xff" * 6
GROUP = b"\1\0\0\0\0\0"
MASKS = st.sampled_from((GROUP, b"\xff\xff\xff\0\0\0", b"\0\0\0\0\0\1")) | MACS.filter(
    lambda mask: any(mask) and mask != ALL_48
)
BYTES, SHORTS, ADDRESSES = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 2**128 - 1)
NETWORKS = st.builds(
    lambda address, prefix: (address >> 128 - prefix << 128 - prefix, prefix),
    ADDRESSES,
    st.integers(1, 128),
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def macs(draw: st.DrawFn, name: str) -> dict[str, Any]:
    mac, mask = draw(maybe(MACS)), draw(maybe(MASKS))
    if mac is None or mask is None:
        return {name: mac}
    mac = bytes(bits & kept for bits, kept in zip(mac, mask, strict=True))
    if name == "dl_dst" and mac == mask == GROUP:
        return {"dl_dst_multicast": True}
    return {name: mac, f"{name}_mask": mask}


@st.composite
def matches(draw: st.DrawFn) -> Match:
    values: dict[str, Any] = {"in_port": draw(maybe(st.integers(1, 0xFEFF)))}
    values |= draw(macs("dl_src")) | draw(macs("dl_dst"))
    vlans = st.sampled_from((VLAN_NONE, VLAN_TAGGED)) | st.integers(0, 4095)
    values["dl_vlan"] = draw(maybe(vlans))
    if values["dl_vlan"] not in (None, VLAN_NONE):
        values["dl_vlan_pcp"] = draw(maybe(st.integers(0, 7)))
    if draw(st.integers(0, 4)) == 0:
        return Match(**values)
    values |= {"dl_type": 0x86DD, "ipv6_src": draw(maybe(NETWORKS))}
    values |= {"ipv6_dst": draw(maybe(NETWORKS))}
    values["nw_tos"] = draw(maybe(st.integers(0, 63).map(lambda dscp: dscp << 2)))
    values["nw_proto"] = proto = draw(maybe(st.sampled_from((6, 17, 132, 58)) | BYTES))
    if proto in (6, 17, 132):
        values |= {"tp_src": draw(maybe(SHORTS)), "tp_dst": draw(maybe(SHORTS))}
    elif proto == 58:
        kind = draw(maybe(st.sampled_from((128, 135, 136))))
        values |= {"tp_src": kind, "tp_dst": draw(maybe(BYTES))}
        if kind in (135, 136):
            values["ipv6_nd_target"] = draw(maybe(ADDRESSES))
            values["ipv6_nd_sll" if kind == 135 else "ipv6_nd_tll"] = draw(maybe(MACS))
    return Match(**values)


def ryu_match(match: Match) -> Any:
    """Return the match by Ryu's names."""
    fields: dict[str, Any] = {"in_port": match.in_port, "eth_type": match.dl_type}
    for name, mac, mask in (
        ("eth_src", match.dl_src, match.dl_src_mask),
        ("eth_dst", match.dl_dst, match.dl_dst_mask),
    ):
        text = None if mac is None else haddr_to_str(mac)
        fields[name] = text if mask is None else (text, haddr_to_str(mask))
    if match.dl_dst_multicast:
        fields["eth_dst"] = (haddr_to_str(GROUP), haddr_to_str(GROUP))
    if match.dl_vlan is not None:
        fields["vlan_vid"] = match.dl_vlan | of13.OFPVID_PRESENT
    if match.dl_vlan == VLAN_NONE:
        fields["vlan_vid"] = of13.OFPVID_NONE
    if match.dl_vlan == VLAN_TAGGED:
        fields["vlan_vid"] = (of13.OFPVID_PRESENT, of13.OFPVID_PRESENT)
    fields |= {"vlan_pcp": match.dl_vlan_pcp, "ip_proto": match.nw_proto}
    fields["ip_dscp"] = None if match.nw_tos is None else match.nw_tos >> 2
    for name, network in (("ipv6_src", match.ipv6_src), ("ipv6_dst", match.ipv6_dst)):
        if network is not None:
            mask = str(ipaddress.IPv6Address(2**128 - 2 ** (128 - network[1])))
            address = str(ipaddress.IPv6Address(network[0]))
            fields[name] = address if network[1] == 128 else (address, mask)
    kinds = {6: ("tcp_src", "tcp_dst"), 17: ("udp_src", "udp_dst"), 132: ("sctp_src", "sctp_dst")}
    names = (kinds | {58: ("icmpv6_type", "icmpv6_code")}).get(match.nw_proto or 0, ("", ""))
    fields |= dict(zip(names, (match.tp_src, match.tp_dst), strict=True))
    if match.ipv6_nd_target is not None:
        fields["ipv6_nd_target"] = str(ipaddress.IPv6Address(match.ipv6_nd_target))
    for name in ("ipv6_nd_sll", "ipv6_nd_tll"):
        mac = getattr(match, name)
        fields[name] = None if mac is None else haddr_to_str(mac)
    return ryu13.OFPMatch(**{name: value for name, value in fields.items() if value is not None})


@given(matches())
def test_every_match_is_written_as_ryu_writes_it(match: Match) -> None:
    mod = add(match)
    theirs = ryu13.OFPFlowMod(
        SWITCH_13, mod.cookie, idle_timeout=3, hard_timeout=9, priority=mod.priority,
        buffer_id=of13.OFP_NO_BUFFER, out_port=of13.OFPP_ANY, out_group=of13.OFPG_ANY,
        flags=of13.OFPFF_SEND_FLOW_REM, match=ryu_match(match), instructions=[],
    )  # fmt: skip
    assert codec_of(4).encode(mod, 7) == bytes_of(theirs, 7)


@given(matches())
def test_a_switch_reports_what_it_was_sent_and_users_read_what_they_wrote(match: Match) -> None:
    (entry,) = reported(4, add(match, (Output(3),)))
    assert entry.exact
    assert entry.match == match
    assert normalize(4, match, ())[0] == match
    assert parse_match(match_fields(match)) == match


@given(matches())
def test_1_0_refuses_it_and_the_field_can_be_named(match: Match) -> None:
    name = beyond_10(match)
    if name is None:
        codec_of(1).encode(add(match), 0)
        return
    assert name in match_fields(match)
    with pytest.raises(ValueError, match=r"."):
        codec_of(1).encode(add(match), 0)
    assert codec_of(1).as_reported(match, ())[0] == match


@given(matches(), matches())
def test_overlap_is_symmetric_and_holds_for_a_match_and_itself(one: Match, other: Match) -> None:
    assert overlaps(one, one)
    assert overlaps(one, other) is overlaps(other, one)
    wider = one._replace(dl_src=None, dl_src_mask=None, ipv6_dst=None)
    assert overlaps(one, wider)
    if overlaps(one, other):
        assert overlaps(wider, other)


@given(matches())
def test_answers_can_be_sent_to_a_switch_as_well(match: Match) -> None:
    back = reverse_match(match)
    oxm.encode_match(back)
    assert (back.ipv6_src, back.ipv6_dst) == (match.ipv6_dst, match.ipv6_src)
    assert (back.dl_src, back.dl_src_mask) == (match.dl_dst, match.dl_dst_mask)


UNICAST, MULTICAST = Match(dl_dst=bytes(6), dl_dst_mask=GROUP), Match(dl_dst_multicast=True)
SITE, OTHER = (Match(dl_type=0x86DD, ipv6_dst=(half << 96, 33)) for half in (1 << 31, 0))


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (UNICAST, MULTICAST, False),
        (UNICAST, Match(dl_dst=b"\2" * 6), True),
        (MULTICAST, Match(dl_dst=b"\2" * 6), False),
        (MULTICAST, Match(dl_dst=b"\3" * 6), True),
        (SITE, OTHER, False),
        (SITE, Match(dl_type=0x86DD, ipv6_dst=(1 << 127, 128)), True),
        (SITE, Match(dl_type=0x0800), False),
        (Match(dl_vlan=VLAN_TAGGED), Match(dl_vlan=5), True),
        (Match(dl_vlan=VLAN_TAGGED), Match(dl_vlan=0), True),
        (Match(dl_vlan=VLAN_TAGGED), Match(dl_vlan=VLAN_NONE), False),
        (Match(dl_vlan=VLAN_TAGGED), Match(), True),
    ],
)
def test_matches_overlap_when_a_frame_can_have_both(one: Match, other: Match, common: bool) -> None:
    assert overlaps(one, other) is common
    assert overlaps(other, one) is common


@pytest.mark.parametrize(
    ("match", "form"),
    [
        (Match(dl_src=b"\2\1\0\0\0\7", dl_src_mask=ALL_48), Match(dl_src=b"\2\1\0\0\0\7")),
        (Match(dl_src=b"\2\1\0\0\0\7", dl_src_mask=bytes(6)), Match()),
        (Match(dl_dst=b"\3\0\0\0\0\0", dl_dst_mask=GROUP), MULTICAST),
        (Match(dl_type=0x86DD, ipv6_src=(7, 0)), Match(dl_type=0x86DD)),
        (Match(dl_type=0x86DD, ipv6_src=(7, 64)), Match(dl_type=0x86DD, ipv6_src=(0, 64))),
    ],
)
def test_what_is_said_in_several_ways_has_one_form(match: Match, form: Match) -> None:
    assert normalize(4, match, ())[0] == form
    (entry,) = reported(4, add(match, (Output(3),)))
    assert entry.match == form


IPV6 = {"ipv6": True}


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ({"tcp6": True, "tcp_dst": 80}, {"dl_type": 0x86DD, "nw_proto": 6, "tp_dst": 80}),
        ({"eth_type": "ipv6", "ip_proto": "icmpv6", "icmpv6_type": 128},
         {"dl_type": 0x86DD, "nw_proto": 58, "tp_src": 128}),
        ({**IPV6, "ipv6_dst": "2001:DB8:0::/ffff:ffff::"},
         {"dl_type": 0x86DD, "ipv6_dst": "2001:db8::/32"}),
        ({**IPV6, "ipv6_src": "::1/128", "ip_dscp": 46},
         {"dl_type": 0x86DD, "ipv6_src": "::1", "nw_tos": 184}),
        ({"icmp6": True, "icmpv6_type": 135, "ipv6_nd_target": "fe80::0:1",
          "ipv6_nd_sll": "02:00:00:00:00:0A"},
         {"dl_type": 0x86DD, "nw_proto": 58, "tp_src": 135, "ipv6_nd_target": "fe80::1",
          "ipv6_nd_sll": "02:00:00:00:00:0a"}),
        ({"dl_vlan": "tagged"}, {"dl_vlan": "0x1000/0x1000"}),
        ({"vlan_vid": "0x1000/0x1000"}, {"dl_vlan": "0x1000/0x1000"}),
        ({"eth_dst": "01:00:00:00:00:00/01:00:00:00:00:00"},
         {"dl_dst": "01:00:00:00:00:00/01:00:00:00:00:00"}),
        ({"eth_src": "02:00:00:00:00:01/ff:ff:ff:ff:ff:ff"}, {"dl_src": "02:00:00:00:00:01"}),
        ({"dl_src": "02:11:22:00:00:00/ff:ff:ff:00:00:00"},
         {"dl_src": "02:11:22:00:00:00/ff:ff:ff:00:00:00"}),
    ],
)  # fmt: skip
def test_fields_are_written_as_they_are_meant(given_: Any, written: Any) -> None:
    assert match_fields(parse_match(given_)) == written


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"ip": True, "ipv6_src": "::1"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": "10.0.0.1"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": "fe80::1%eth0"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": "2001:db8::1/32"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": "::/0"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": "2001:db8::/ffff:0:ffff::"}, "ipv6_src"),
        ({**IPV6, "ipv6_src": 1}, "ipv6_src"),
        ({**IPV6, "nw_src": "::1"}, "nw_src"),
        ({"icmp": True, "icmpv6_type": 128}, "icmpv6_type"),
        ({"icmp6": True, "icmpv4_type": 8}, "icmpv4_type"),
        ({"icmp6": True, "icmpv6_type": 256}, "icmpv6_type"),
        ({"icmp6": True, "ipv6_nd_target": "::1"}, "ipv6_nd_target"),
        ({"icmp6": True, "icmpv6_type": 136, "ipv6_nd_sll": "02:00:00:00:00:01"}, "ipv6_nd_sll"),
        ({"icmp6": True, "icmpv6_type": 135, "ipv6_nd_target": "fe80::/64"}, "ipv6_nd_target"),
        ({"dl_src": "02:00:00:00:00:01/00:00:00:00:00:00"}, "dl_src"),
        ({"dl_src": "02:00:00:00:00:01/ff:ff:ff:00:00:00"}, "dl_src"),
        ({"dl_src": "02:00:00:00:00:01/24"}, "dl_src"),
        ({"dl_vlan": "0x1001/0x1001"}, "dl_vlan"),
        ({"dl_vlan": "tagged", "dl_type": "tcp6"}, "dl_type"),
    ],
)
def test_what_means_nothing_is_named(fields: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_match(fields)
    assert refused.value.loc == ("match", name)
