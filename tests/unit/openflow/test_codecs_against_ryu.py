"""Our struct codecs write exactly the bytes that Ryu's codecs write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.lib.mac import haddr_to_str
from ryu.ofproto import ofproto_v1_0 as of10
from ryu.ofproto import ofproto_v1_0_parser as ryu10
from ryu.ofproto import ofproto_v1_3 as of13
from ryu.ofproto import ofproto_v1_3_parser as ryu13
from ryu.ofproto.ofproto_protocol import ProtocolDesc

from horizon_ryu.wire import codec10, codec13, oxm
from horizon_ryu.wire.codec10 import CODEC10
from horizon_ryu.wire.codec13 import CODEC13
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    Action,
    Flood,
    FlowCommand,
    FlowDeleteByCookie,
    FlowMod,
    FlowModFlags,
    Match,
    Output,
    OutputInPort,
    PacketOut,
    SetNoFlood,
    ToController,
)

TABLE_0 = st.just(0)
XIDS = st.integers(0, 2**32 - 1)
PORTS = st.integers(1, 0xFEFF)
MACS = st.binary(min_size=6, max_size=6)
NETWORKS = st.builds(
    lambda address, prefix: (address >> 32 - prefix << 32 - prefix, prefix),
    st.integers(0, 2**32 - 1),
    st.integers(1, 32),
)
ACTIONS = st.lists(
    st.one_of(
        st.builds(Output, PORTS),
        st.just(Flood()),
        st.just(ToController()),
        st.just(OutputInPort()),
    ),
    max_size=4,
).map(tuple)
FRAMES = st.binary(min_size=14, max_size=200)


# What Ryu's message classes want to know of a datapath.
SWITCH_10, SWITCH_13 = ProtocolDesc(1), ProtocolDesc(4)


@st.composite
def matches(draw, multicast: bool) -> Match:
    ip = draw(st.booleans())
    group = multicast and draw(st.booleans())
    return Match(
        in_port=draw(st.none() | PORTS),
        dl_src=draw(st.none() | MACS),
        dl_dst=None if group else draw(st.none() | MACS),
        dl_dst_multicast=group,
        dl_type=draw(st.sampled_from((0x0800, 0x0806)) if ip else st.sampled_from((None, 0x88CC))),
        dl_vlan=draw(st.none() | st.integers(0, 4095)),
        nw_src=draw(st.none() | NETWORKS) if ip else None,
        nw_dst=draw(st.none() | NETWORKS) if ip else None,
    )


def flow_mods(multicast: bool, tables=TABLE_0):
    return st.builds(
        FlowMod,
        command=st.sampled_from(FlowCommand),
        match=matches(multicast),
        priority=st.integers(0, 65535),
        cookie=st.integers(0, 2**64 - 1),
        actions=ACTIONS,
        idle_timeout=st.integers(0, 65535),
        hard_timeout=st.integers(0, 65535),
        flags=st.sampled_from(FlowModFlags).map(FlowModFlags),
        meter=st.none(),
        table_id=tables,
    )


def bytes_of(message, xid: int) -> bytes:
    message.xid = xid
    message.serialize()
    return bytes(message.buf)


def ryu_match_10(match: Match):
    fields = {
        "in_port": match.in_port,
        "dl_src": match.dl_src,
        "dl_dst": match.dl_dst,
        "dl_vlan": match.dl_vlan,
        "dl_type": match.dl_type,
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    for name in ("nw_src", "nw_dst"):
        network = getattr(match, name)
        if network is not None:
            fields[name], fields[f"{name}_mask"] = network
    return ryu10.OFPMatch(**fields)


def ryu_match_13(match: Match):
    fields = {"in_port": match.in_port, "eth_type": match.dl_type}
    if match.dl_src is not None:
        fields["eth_src"] = haddr_to_str(match.dl_src)
    if match.dl_dst is not None:
        fields["eth_dst"] = haddr_to_str(match.dl_dst)
    if match.dl_dst_multicast:
        fields["eth_dst"] = ("01:00:00:00:00:00", "01:00:00:00:00:00")
    if match.dl_vlan is not None:
        fields["vlan_vid"] = match.dl_vlan | of13.OFPVID_PRESENT
    names = ("arp_spa", "arp_tpa") if match.dl_type == 0x0806 else ("ipv4_src", "ipv4_dst")
    for name, network in zip(names, (match.nw_src, match.nw_dst), strict=True):
        if network is not None:
            address, prefix = network
            mask = 0xFFFFFFFF << 32 - prefix & 0xFFFFFFFF
            fields[name] = address if prefix == 32 else (address, mask)
    return ryu13.OFPMatch(**{name: value for name, value in fields.items() if value is not None})


def ryu_actions(actions: tuple[Action, ...], ofproto, parser):
    made = []
    for action in actions:
        if isinstance(action, Output):
            made.append(parser.OFPActionOutput(action.port_no, 0))
        elif isinstance(action, ToController):
            made.append(parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, 0xFFFF))
        elif isinstance(action, OutputInPort):
            made.append(parser.OFPActionOutput(ofproto.OFPP_IN_PORT, 0))
        elif ofproto is of10:
            made.append(parser.OFPActionOutput(of10.OFPP_FLOOD, 0))
        else:
            made.append(parser.OFPActionGroup(FLOOD_GROUP))
    return made


COMMANDS = {FlowCommand.ADD: of13.OFPFC_ADD, FlowCommand.DELETE_STRICT: of13.OFPFC_DELETE_STRICT}


@given(flow_mods(multicast=False), XIDS)
def test_flow_mod_10(mod: FlowMod, xid: int) -> None:
    message = ryu10.OFPFlowMod(
        SWITCH_10,
        ryu_match_10(mod.match),
        mod.cookie,
        COMMANDS[mod.command],
        mod.idle_timeout,
        mod.hard_timeout,
        mod.priority,
        flags=int(mod.flags),
        actions=ryu_actions(mod.actions, of10, ryu10),
    )
    assert codec_of(1).encode(mod, xid) == bytes_of(message, xid)


@given(flow_mods(multicast=True, tables=st.integers(0, 254)), XIDS)
def test_flow_mod_13(mod: FlowMod, xid: int) -> None:
    actions = ryu_actions(mod.actions, of13, ryu13)
    instructions = (
        [ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, actions)] if actions else []
    )
    message = ryu13.OFPFlowMod(
        SWITCH_13,
        mod.cookie,
        table_id=mod.table_id,
        command=COMMANDS[mod.command],
        idle_timeout=mod.idle_timeout,
        hard_timeout=mod.hard_timeout,
        priority=mod.priority,
        buffer_id=of13.OFP_NO_BUFFER,
        out_port=of13.OFPP_ANY,
        out_group=of13.OFPG_ANY,
        flags=int(mod.flags),
        match=ryu_match_13(mod.match),
        instructions=instructions,
    )
    assert codec_of(4).encode(mod, xid) == bytes_of(message, xid)


# Ryu puts the frame where the actions belong when there are none, so it is no judge of that.
@given(ACTIONS.filter(bool), FRAMES, st.none() | PORTS, XIDS)
def test_packet_out(actions, data: bytes, in_port: int | None, xid: int) -> None:
    out = PacketOut(actions, data, in_port)
    old = ryu10.OFPPacketOut(
        SWITCH_10,
        of10.OFP_NO_BUFFER & 0xFFFFFFFF,
        of10.OFPP_NONE if in_port is None else in_port,
        ryu_actions(actions, of10, ryu10),
        data,
    )
    new = ryu13.OFPPacketOut(
        SWITCH_13,
        of13.OFP_NO_BUFFER,
        of13.OFPP_CONTROLLER if in_port is None else in_port,
        ryu_actions(actions, of13, ryu13),
        data,
    )
    assert codec_of(1).encode(out, xid) == bytes_of(old, xid)
    assert codec_of(4).encode(out, xid) == bytes_of(new, xid)


@given(PORTS, MACS, st.booleans(), XIDS)
def test_no_flood(port_no: int, mac: bytes, no_flood: bool, xid: int) -> None:
    config = of10.OFPPC_NO_FLOOD if no_flood else 0
    message = ryu10.OFPPortMod(
        SWITCH_10, port_no, haddr_to_str(mac), config, of10.OFPPC_NO_FLOOD, 0
    )
    assert codec_of(1).encode(SetNoFlood(port_no, mac, no_flood), xid) == bytes_of(message, xid)


@given(st.frozensets(PORTS, max_size=20), st.sampled_from((0, 1)), XIDS)
def test_group(ports: frozenset[int], command: int, xid: int) -> None:
    buckets = [
        ryu13.OFPBucket(0, of13.OFPP_ANY, of13.OFPG_ANY, [ryu13.OFPActionOutput(port, 0)])
        for port in sorted(ports)
    ]
    message = ryu13.OFPGroupMod(SWITCH_13, command, of13.OFPGT_ALL, FLOOD_GROUP, buckets)
    assert codec13.encode_group(xid, command, ports) == bytes_of(message, xid)


def test_delete_by_cookie_reaches_every_table() -> None:
    message = ryu13.OFPFlowMod(
        SWITCH_13,
        7,
        0xFF,
        of13.OFPTT_ALL,
        of13.OFPFC_DELETE,
        priority=0,
        buffer_id=of13.OFP_NO_BUFFER,
        out_port=of13.OFPP_ANY,
        out_group=of13.OFPG_ANY,
        match=ryu13.OFPMatch(),
    )
    assert codec_of(4).encode(FlowDeleteByCookie(7, 0xFF), 3) == bytes_of(message, 3)


def test_what_a_version_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no FlowDeleteByCookie"):
        codec_of(1).encode(FlowDeleteByCookie(1, 1), 1)
    with pytest.raises(ValueError, match="no masks"):
        codec10.encode_match(Match(dl_dst_multicast=True))


@pytest.mark.parametrize("dl_type", [None, 0x86DD])
@pytest.mark.parametrize("field", ["nw_src", "nw_dst"])
@pytest.mark.parametrize("encode", [codec10.encode_match, oxm.encode_match])
def test_a_network_needs_its_ethertype(encode, field: str, dl_type: int | None) -> None:
    # Open vSwitch takes such an entry on 1.0, and lets it match every frame.
    with pytest.raises(ValueError, match="dl_type must say which"):
        encode(Match(dl_type=dl_type, **{field: (1, 32)}))


@given(matches(multicast=True))
def test_match_13_reads_back(match: Match) -> None:
    data = oxm.encode_match(match)
    length = int.from_bytes(data[2:4], "big")
    assert oxm.decode_match(data[4:length]) == (match, True)


@given(st.binary(max_size=80))
def test_hostile_match_never_raises(data: bytes) -> None:
    match, _ = oxm.decode_match(data)
    assert isinstance(match, Match)


@given(PORTS, st.none() | st.integers(0, 2**32 - 2), FRAMES)
def test_packet_in_reads_what_ryu_reads(port_no: int, buffer_id: int | None, data: bytes) -> None:
    held = 0xFFFFFFFF if buffer_id is None else buffer_id
    body10 = held.to_bytes(4, "big") + len(data).to_bytes(2, "big") + port_no.to_bytes(2, "big")
    old = b"\x01\x0a" + (18 + len(data)).to_bytes(2, "big") + b"\0\0\0\1" + body10 + b"\0\0" + data
    assert codec10.decode_packet_in(old) == (port_no, buffer_id, data)
    parsed = ryu10.OFPPacketIn.parser(SWITCH_10, 1, 10, len(old), 1, old)
    assert (parsed.in_port, bytes(parsed.data)) == (port_no, data)
    match = oxm.encode_match(Match(in_port=port_no))
    body13 = held.to_bytes(4, "big") + len(data).to_bytes(2, "big") + b"\0\0" + b"\0" * 8
    size = 8 + len(body13) + len(match) + 2 + len(data)
    new = b"\x04\x0a" + size.to_bytes(2, "big") + b"\0\0\0\1" + body13 + match + b"\0\0" + data
    assert codec13.decode_packet_in(new) == (port_no, buffer_id, data)
    again = ryu13.OFPPacketIn.parser(SWITCH_13, 4, 10, len(new), 1, new)
    assert (again.match["in_port"], bytes(again.data)) == (port_no, data)


@given(st.binary(max_size=120))
def test_hostile_packet_in_never_raises(data: bytes) -> None:
    for decode in (codec10.decode_packet_in, codec13.decode_packet_in):
        found = decode(data)
        assert found is None or len(found) == 3


@given(XIDS, st.booleans())
def test_requests_for_entries_that_send_to_the_controller(xid: int, to_controller: bool) -> None:
    port10 = of10.OFPP_CONTROLLER if to_controller else of10.OFPP_NONE
    every = ryu10.OFPMatch()
    old = ryu10.OFPFlowStatsRequest(SWITCH_10, 0, every, 0xFF, port10)
    asked = CODEC10.encode_flow_stats_request(xid, to_controller=to_controller)
    assert asked == bytes_of(old, xid)
    port13 = of13.OFPP_CONTROLLER if to_controller else of13.OFPP_ANY
    new = ryu13.OFPFlowStatsRequest(
        SWITCH_13, 0, of13.OFPTT_ALL, port13, of13.OFPG_ANY, 7, 0xFF, ryu13.OFPMatch()
    )
    asked = CODEC13.encode_flow_stats_request(xid, Match(), 7, 0xFF, to_controller)
    assert asked == bytes_of(new, xid)


@given(XIDS)
def test_requests_for_features(xid: int) -> None:
    assert CODEC10.encode_features_request(xid) == bytes_of(
        ryu10.OFPFeaturesRequest(SWITCH_10), xid
    )
