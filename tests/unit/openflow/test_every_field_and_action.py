"""All fields, actions and meters, byte for byte as Ryu writes them, and read back as sent."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.lib.mac import haddr_to_str
from ryu.ofproto import ofproto_v1_0 as of10
from ryu.ofproto import ofproto_v1_0_parser as ryu10
from ryu.ofproto import ofproto_v1_3 as of13
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from horizon_ryu.wire import flow_stats
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.description import Description, read_description
from horizon_ryu.wire.flow_removed import read_flow_removed
from horizon_ryu.wire.messages import (
    VLAN_NONE,
    Action,
    DecrementTtl,
    Enqueue,
    FlowCommand,
    FlowMod,
    FlowRemoved,
    GotoTable,
    Match,
    MeterCommand,
    MeterMod,
    Output,
    OutputGroup,
    OutputInPort,
    OutputReserved,
    OverwriteTtl,
    PacketOut,
    PushVlan,
    RemovalReason,
    ReservedPort,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.normalize import normalize
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.statistics import GroupDesc, MeterConfig
from horizon_ryu.wire.of13.structures import Bucket, MeterBandDrop
from unit.openflow.test_codecs_against_ryu import SWITCH_10, SWITCH_13, bytes_of

MACS = st.binary(min_size=6, max_size=6)
BYTES, SHORTS = st.integers(0, 255), st.integers(0, 0xFFFF)
NETWORKS = st.builds(
    lambda address, prefix: (address >> 32 - prefix << 32 - prefix, prefix),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)
ICMP = 1


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Matches whose fields make sense together."""
    values: dict[str, Any] = {
        "in_port": draw(maybe(st.integers(1, 0xFEFF))),
        "dl_src": draw(maybe(MACS)),
        "dl_dst": draw(maybe(MACS)),
        "dl_vlan": draw(maybe(st.just(VLAN_NONE) | st.integers(0, 4095))),
    }
    if values["dl_vlan"] not in (None, VLAN_NONE):
        values["dl_vlan_pcp"] = draw(maybe(st.integers(0, 7)))
    kind = draw(st.sampled_from(("other", "none", "arp", "ip", "tcp", "icmp")))
    if kind == "other":
        values["dl_type"] = draw(st.sampled_from((0x88CC, 0x86DD, 0x8847)))
    elif kind != "none":
        values |= {"nw_src": draw(maybe(NETWORKS)), "nw_dst": draw(maybe(NETWORKS))}
        values["dl_type"] = 0x0806 if kind == "arp" else 0x0800
    if kind == "arp":
        values["nw_proto"] = draw(maybe(BYTES))
    elif kind in ("ip", "tcp", "icmp"):
        values["nw_tos"] = draw(maybe(st.integers(0, 63).map(lambda dscp: dscp << 2)))
        proto = {"ip": maybe(BYTES), "tcp": st.sampled_from((6, 17, 132)), "icmp": st.just(ICMP)}
        values["nw_proto"] = draw(proto[kind])
    if kind in ("tcp", "icmp"):
        ports = BYTES if kind == "icmp" else SHORTS
        values |= {"tp_src": draw(maybe(ports)), "tp_dst": draw(maybe(ports))}
    return Match(**values)


def ryu_match_10(match: Match) -> Any:
    fields = {name: value for name, value in match._asdict().items() if value not in (None, False)}
    fields |= {name: value for name, value in match._asdict().items() if value == 0}
    fields.pop("dl_dst_multicast", None)
    for name in ("nw_src", "nw_dst"):
        if fields.get(name):
            fields[name], fields[f"{name}_mask"] = fields[name]
    return ryu10.OFPMatch(**fields)


PORT_NAMES = {6: "tcp", 17: "udp", 132: "sctp"}


def ryu_match_13(match: Match) -> Any:
    fields: dict[str, Any] = {"in_port": match.in_port, "eth_type": match.dl_type}
    for name, mac in (("eth_src", match.dl_src), ("eth_dst", match.dl_dst)):
        fields[name] = None if mac is None else haddr_to_str(mac)
    fields["vlan_pcp"] = match.dl_vlan_pcp
    if match.dl_vlan is not None:
        none = match.dl_vlan == VLAN_NONE
        fields["vlan_vid"] = of13.OFPVID_NONE if none else match.dl_vlan | of13.OFPVID_PRESENT
    arp = match.dl_type == 0x0806
    fields["arp_op" if arp else "ip_proto"] = match.nw_proto
    fields["ip_dscp"] = None if match.nw_tos is None else match.nw_tos >> 2
    names = ("arp_spa", "arp_tpa") if arp else ("ipv4_src", "ipv4_dst")
    for name, network in zip(names, (match.nw_src, match.nw_dst), strict=True):
        if network is not None:
            mask = 0xFFFFFFFF << 32 - network[1] & 0xFFFFFFFF
            fields[name] = network[0] if network[1] == 32 else (network[0], mask)
    if match.nw_proto == ICMP and not arp:
        fields |= {"icmpv4_type": match.tp_src, "icmpv4_code": match.tp_dst}
    elif match.tp_src is not None or match.tp_dst is not None:
        kind = PORT_NAMES[match.nw_proto or 0]
        fields |= {f"{kind}_src": match.tp_src, f"{kind}_dst": match.tp_dst}
    return ryu13.OFPMatch(**{name: value for name, value in fields.items() if value is not None})


def ryu_flow_mod(version: int, mod: FlowMod, actions: list[Any]) -> Any:
    if version == 1:
        return ryu10.OFPFlowMod(
            SWITCH_10, ryu_match_10(mod.match), mod.cookie, of10.OFPFC_ADD, mod.idle_timeout,
            mod.hard_timeout, mod.priority, flags=of10.OFPFF_SEND_FLOW_REM, actions=actions,
        )  # fmt: skip
    instructions: list[Any] = [ryu13.OFPInstructionMeter(mod.meter)] if mod.meter else []
    if actions:
        instructions.append(ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, actions))
    return ryu13.OFPFlowMod(
        SWITCH_13, mod.cookie, idle_timeout=mod.idle_timeout, hard_timeout=mod.hard_timeout,
        priority=mod.priority, buffer_id=of13.OFP_NO_BUFFER, out_port=of13.OFPP_ANY,
        out_group=of13.OFPG_ANY, flags=of13.OFPFF_SEND_FLOW_REM, match=ryu_match_13(mod.match),
        instructions=instructions,
    )  # fmt: skip


def add(match: Match, actions: tuple[Action, ...] = (), meter: int | None = None) -> FlowMod:
    return FlowMod(FlowCommand.ADD, match, 400, 0x485A_0400_0000_0001, actions, 3, 9, True, meter)


@given(matches(), st.sampled_from((1, 4)), st.integers(0, 2**32 - 1))
def test_every_match_is_written_as_ryu_writes_it(match: Match, version: int, xid: int) -> None:
    mod = add(match)
    assert codec_of(version).encode(mod, xid) == bytes_of(ryu_flow_mod(version, mod, []), xid)


@given(matches(), st.sampled_from((1, 4)))
def test_a_switch_reports_what_it_was_sent(match: Match, version: int) -> None:
    mod = add(match, (Output(3),))
    (entry,) = reported(version, mod)
    assert (entry.match, entry.actions) == normalize(version, mod.match, mod.actions)
    assert (entry.priority, entry.cookie) == (mod.priority, mod.cookie)
    assert (entry.idle_timeout, entry.hard_timeout, entry.exact) == (3, 9, True)
    assert (entry.packet_count, entry.byte_count) == (5, 320)


@given(matches(), st.sampled_from((1, 4)), st.sampled_from(RemovalReason))
def test_a_removal_names_the_entry_that_was_sent(
    match: Match, version: int, why: RemovalReason
) -> None:
    data = codec_of(version).encode(add(match), 0)
    reason = tuple(RemovalReason).index(why)
    if version == 1:
        head = struct.pack("!BBHI", 1, 11, 88, 0) + data[8:48]
        message = head + struct.pack("!QHBxIIHxxQQ", 7, 400, reason, 5, 0, 60, 1, 64)
    else:
        rest = struct.pack("!QHBBIIHHQQ", 7, 400, reason, 0, 5, 0, 60, 0, 1, 64)
        message = struct.pack("!BBHI", 4, 11, 8 + len(rest) + len(data) - 48, 0) + rest + data[48:]
    assert read_flow_removed(version, message) == FlowRemoved(7, match, 400, why, 0, 5.0)


def reported(version: int, mod: FlowMod) -> Any:
    """Return what our reader makes of a flow stats reply with the match and actions sent."""
    data = codec_of(version).encode(mod, 0)
    if version == 1:
        body = struct.pack("!HBx", 88 + len(data) - 72, 0) + data[8:48]
        body += struct.pack("!IIHHHxxxxxxQQQ", 1, 2, mod.priority, 3, 9, mod.cookie, 5, 320)
        return flow_stats.read_entries(
            1, struct.pack("!BBHIHH", 1, 17, 0, 0, 1, 0) + body + data[72:]
        )
    body = struct.pack(
        "!HBxIIHHHH4xQQQ", len(data), 0, 1, 2, mod.priority, 3, 9, 1, mod.cookie, 5, 320
    )
    return flow_stats.read_entries(
        4, struct.pack("!BBHIHH4x", 4, 19, 0, 0, 1, 0) + body + data[48:]
    )


IP = Match(dl_type=0x0800)
TCP, UDP, SCTP = (Match(dl_type=0x0800, nw_proto=proto) for proto in (6, 17, 132))
PING, ARP = Match(dl_type=0x0800, nw_proto=ICMP), Match(dl_type=0x0806)
TAGGED, UNTAGGED = Match(dl_vlan=7), Match(dl_vlan=VLAN_NONE)
MAC = bytes.fromhex("020000000009")


def field(name: str, value: int | str) -> Any:
    return ryu13.OFPActionSetField(**{name: value})


CASES: list[tuple[Match, tuple[Action, ...], list[Any] | None, list[Any] | None]] = [
    # What the entry matches, our actions, what they are on 1.0 and on 1.3; None: refused.
    (IP, (Output(2),), [ryu10.OFPActionOutput(2, 0)], [ryu13.OFPActionOutput(2, 0)]),
    (IP, (), [], []),
    (IP, (OutputInPort(),), [ryu10.OFPActionOutput(of10.OFPP_IN_PORT, 0)],
     [ryu13.OFPActionOutput(of13.OFPP_IN_PORT, 0)]),
    (IP, (ToController(),), [ryu10.OFPActionOutput(of10.OFPP_CONTROLLER, 0xFFFF)],
     [ryu13.OFPActionOutput(of13.OFPP_CONTROLLER, 0xFFFF)]),
    (IP, (OutputReserved(ReservedPort.ALL),), [ryu10.OFPActionOutput(of10.OFPP_ALL, 0)],
     [ryu13.OFPActionOutput(of13.OFPP_ALL, 0)]),
    (IP, (OutputReserved(ReservedPort.NORMAL),), [ryu10.OFPActionOutput(of10.OFPP_NORMAL, 0)],
     [ryu13.OFPActionOutput(of13.OFPP_NORMAL, 0)]),
    (IP, (OutputReserved(ReservedPort.LOCAL),), [ryu10.OFPActionOutput(of10.OFPP_LOCAL, 0)],
     [ryu13.OFPActionOutput(of13.OFPP_LOCAL, 0)]),
    (IP, (Enqueue(2, 5),), [ryu10.OFPActionEnqueue(2, 5)],
     [ryu13.OFPActionSetQueue(5), ryu13.OFPActionOutput(2, 0)]),
    (IP, (SetField("dl_src", MAC),), [ryu10.OFPActionSetDlSrc(MAC)],
     [field("eth_src", haddr_to_str(MAC))]),
    (IP, (SetField("dl_dst", MAC),), [ryu10.OFPActionSetDlDst(MAC)],
     [field("eth_dst", haddr_to_str(MAC))]),
    (IP, (SetField("nw_src", 0x0A000001),), [ryu10.OFPActionSetNwSrc(0x0A000001)],
     [field("ipv4_src", "10.0.0.1")]),
    (IP, (SetField("nw_dst", 0x0A000001),), [ryu10.OFPActionSetNwDst(0x0A000001)],
     [field("ipv4_dst", "10.0.0.1")]),
    (ARP, (SetField("nw_dst", 0x0A000001),), None, [field("arp_tpa", "10.0.0.1")]),
    (IP, (SetField("nw_tos", 0xB8),), [ryu10.OFPActionSetNwTos(0xB8)], [field("ip_dscp", 46)]),
    (TCP, (SetField("tp_src", 80),), [ryu10.OFPActionSetTpSrc(80)], [field("tcp_src", 80)]),
    (UDP, (SetField("tp_dst", 53),), [ryu10.OFPActionSetTpDst(53)], [field("udp_dst", 53)]),
    (SCTP, (SetField("tp_dst", 9),), [ryu10.OFPActionSetTpDst(9)], [field("sctp_dst", 9)]),
    (PING, (SetField("tp_src", 8),), [ryu10.OFPActionSetTpSrc(8)], [field("icmpv4_type", 8)]),
    (TAGGED, (SetField("dl_vlan", 9),), [ryu10.OFPActionVlanVid(9)],
     [field("vlan_vid", 9 | of13.OFPVID_PRESENT)]),
    (TAGGED, (SetField("dl_vlan_pcp", 3),), [ryu10.OFPActionVlanPcp(3)], [field("vlan_pcp", 3)]),
    (TAGGED, (StripVlan(),), [ryu10.OFPActionStripVlan()], [ryu13.OFPActionPopVlan()]),
    (UNTAGGED, (PushVlan(), SetField("dl_vlan", 9)), [ryu10.OFPActionVlanVid(9)],
     [ryu13.OFPActionPushVlan(0x8100), field("vlan_vid", 9 | of13.OFPVID_PRESENT)]),
    (UNTAGGED, (SetField("dl_vlan", 9),), [ryu10.OFPActionVlanVid(9)],
     [ryu13.OFPActionPushVlan(0x8100), field("vlan_vid", 9 | of13.OFPVID_PRESENT)]),
    (TAGGED, (PushVlan(0x88A8), SetField("dl_vlan", 9)), None,
     [ryu13.OFPActionPushVlan(0x88A8), field("vlan_vid", 9 | of13.OFPVID_PRESENT)]),
    (IP, (PushVlan(), Output(1)), None,
     [ryu13.OFPActionPushVlan(0x8100), ryu13.OFPActionOutput(1, 0)]),
    (IP, (StripVlan(),), [ryu10.OFPActionStripVlan()], None),
    (IP, (SetField("dl_vlan", 9),), [ryu10.OFPActionVlanVid(9)], None),
    (Match(), (SetField("nw_dst", 1),), [ryu10.OFPActionSetNwDst(1)], None),
    (IP, (SetField("tp_dst", 1),), [ryu10.OFPActionSetTpDst(1)], None),
    (IP, (OverwriteTtl(64), Output(1)), None,
     [ryu13.OFPActionSetNwTtl(64), ryu13.OFPActionOutput(1, 0)]),
    (Match(dl_type=0x86DD), (DecrementTtl(), Output(1)), None,
     [ryu13.OFPActionDecNwTtl(), ryu13.OFPActionOutput(1, 0)]),
    (Match(dl_type=0x8847), (OverwriteTtl(7, mpls=True), Output(1)), None,
     [ryu13.OFPActionSetMplsTtl(7), ryu13.OFPActionOutput(1, 0)]),
    (Match(dl_type=0x8848), (DecrementTtl(mpls=True), Output(1)), None,
     [ryu13.OFPActionDecMplsTtl(), ryu13.OFPActionOutput(1, 0)]),
    (Match(), (OutputGroup(7),), None, [ryu13.OFPActionGroup(7)]),
    (ARP, (DecrementTtl(),), None, None),
    (IP, (DecrementTtl(mpls=True),), None, None),
    (IP, (OverwriteTtl(256),), None, None),
    (IP, (GotoTable(1), Output(1)), None, None),
    (IP, (SetField("nw_tos", 1),), None, None),
    (IP, (SetField("dl_vlan", 4096),), None, None),
    (IP, (SetField("dl_src", b"short"),), None, None),
    (IP, (SetField("dl_type", 1),), None, None),
]  # fmt: skip


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(map(repr, case[1]))[:60])
def test_every_action_is_written_as_ryu_writes_it(case: Any, version: int) -> None:
    match, actions, old, new = case
    wanted = old if version == 1 else new
    mod = add(match, actions)
    if wanted is None:
        with pytest.raises(ValueError, match=r"\w"):
            codec_of(version).encode(mod, 9)
        return
    assert codec_of(version).encode(mod, 9) == bytes_of(ryu_flow_mod(version, mod, wanted), 9)
    (entry,) = reported(version, mod)
    assert (entry.match, entry.actions) == normalize(version, match, actions)
    assert entry.exact


@pytest.mark.parametrize(
    ("match", "versions", "words"),
    [
        (Match(nw_dst=(1, 32)), (1, 4), "networks"),
        (Match(dl_type=0x0800, tp_dst=1), (1, 4), "tp_dst"),
        (Match(dl_vlan_pcp=1), (1, 4), "dl_vlan_pcp"),
        (Match(dl_dst_multicast=True), (1,), "mask"),
        (Match(dl_vlan=5000), (1, 4), "dl_vlan"),
        (Match(dl_type=0x0800, nw_tos=1), (1, 4), "nw_tos"),
    ],
)
def test_a_match_that_means_nothing_is_refused(match: Match, versions: Any, words: str) -> None:
    for version in versions:
        with pytest.raises(ValueError, match=words):
            codec_of(version).encode(add(match), 1)


def test_a_meter_is_made_and_used_as_ryu_writes_it() -> None:
    mod = add(IP, (Output(1),), meter=7)
    wanted = ryu_flow_mod(4, mod, [ryu13.OFPActionOutput(1, 0)])
    assert codec_of(4).encode(mod, 1) == bytes_of(wanted, 1)
    (entry,) = reported(4, mod)
    assert entry.meter == 7
    band = ryu13.OFPMeterBandDrop(500, 0)
    for command, number, bands in (
        (MeterCommand.ADD, of13.OFPMC_ADD, [band]),
        (MeterCommand.MODIFY, of13.OFPMC_MODIFY, [band]),
        (MeterCommand.DELETE, of13.OFPMC_DELETE, []),
    ):
        theirs = ryu13.OFPMeterMod(SWITCH_13, number, of13.OFPMF_KBPS, 7, bands)
        assert codec_of(4).encode(MeterMod(command, 7, 500), 1) == bytes_of(theirs, 1)
    for message in (mod, MeterMod(MeterCommand.ADD, 7, 500)):
        with pytest.raises(ValueError, match=r"meter|MeterMod"):
            codec_of(1).encode(message, 1)


@pytest.mark.parametrize("actions", [(), (Output(2), DecrementTtl())])
def test_a_later_table_is_written_to_and_gone_to_as_ryu_does(actions: tuple[Action, ...]) -> None:
    mod = add(IP, (*actions, GotoTable(9)))._replace(table_id=3)
    theirs = [ryu13.OFPActionOutput(2, 0), ryu13.OFPActionDecNwTtl()] if actions else []
    wanted = ryu_flow_mod(4, mod, theirs)
    wanted.table_id = 3
    wanted.instructions = [
        *([ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, theirs)] if actions else []),
        ryu13.OFPInstructionGotoTable(9),
    ]
    assert codec_of(4).encode(mod, 9) == bytes_of(wanted, 9)
    (entry,) = reported(4, mod)
    assert entry.actions == mod.actions
    assert entry.exact
    assert entry.forwards
    with pytest.raises(ValueError, match="table"):
        codec_of(1).encode(add(IP, (Output(1),))._replace(table_id=3), 9)
    with pytest.raises(ValueError, match="goto_table"):
        codec_of(4).encode(PacketOut((GotoTable(1),), b"frame"), 9)


def test_groups_and_meters_are_asked_for_as_ryu_does_and_read() -> None:
    asked = ryu13.OFPMeterConfigStatsRequest(SWITCH_13, 0, of13.OFPM_ALL)
    assert codec_of(4).encode_meter_config_request(5) == bytes_of(asked, 5)
    with pytest.raises(ValueError, match="meters"):
        codec_of(1).encode_meter_config_request(5)
    bucket = Bucket(0, of13.OFPP_ANY, of13.OFPG_ANY, ())
    groups = GroupDesc(of13.OFPGT_ALL, 7, (bucket,)), GroupDesc(of13.OFPGT_SELECT, 8, ())
    meters = MeterConfig(1, 3, (MeterBandDrop(5, 0),)), MeterConfig(1, 4, ())
    told = MESSAGES13.encode(1, MultipartReply(of13.OFPMP_GROUP_DESC, 0, groups))
    assert flow_stats.read_groups(told) == {7: True, 8: False}
    told = MESSAGES13.encode(1, MultipartReply(of13.OFPMP_METER_CONFIG, 0, meters))
    assert flow_stats.read_meters(told) == {3, 4}


def test_a_description_is_read_whatever_it_holds() -> None:
    texts = [b"Nicira", b"Open vSwitch", b"3.1.0", b"None", b"\xff" * 256]
    sizes = (256, 256, 256, 32, 256)
    body = b"".join(text.ljust(size, b"\0") for text, size in zip(texts, sizes, strict=True))
    for version, head in ((1, 12), (4, 16)):
        found = read_description(version, bytes(head) + body)
        assert found[:4] == ("Nicira", "Open vSwitch", "3.1.0", "None")
        assert found.dp_desc == "\ufffd" * 256
        assert read_description(version, b"") == Description("", "", "", "", "")


@given(st.sampled_from((1, 4)), st.binary(max_size=400))
def test_no_bytes_make_a_reader_raise(version: int, data: bytes) -> None:
    for entry in flow_stats.read_entries(version, data):
        assert isinstance(entry.match, Match)
    assert all(isinstance(number, int) for number in flow_stats.read_groups(data))
    assert all(isinstance(number, int) for number in flow_stats.read_meters(data))
    assert len(read_description(version, data)) == 5
    read_flow_removed(version, data)
