"""Frames: matching, rewriting with checksums, ports, buffers, groups, meters, hybrid switches."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from horizon_ryu.wire.error_codes13 import OFPBAC, OFPBRC, OFPET, OFPGMFC, OFPMMFC
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    VLAN_NONE,
    Action,
    Flood,
    Match,
    MeterCommand,
    MeterMod,
    Output,
    OutputInPort,
    PushVlan,
    SetField,
    StripVlan,
    ToController,
)
from horizon_ryu.wire.of10.controller import PacketOut10
from horizon_ryu.wire.of10.structures import ActionOutput10
from horizon_ryu.wire.of13.controller import GroupMod, PacketOut13
from horizon_ryu.wire.of13.structures import ActionOutput13, Bucket
from horizon_ryu.wire.ofp10 import OFPPC
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPGC, OFPGT, OFPP
from horizon_ryu.wire.symmetric import SetConfig
from unit.virtual_switch.asked import Asked, refusal
from virtual_switch import fields as f
from virtual_switch.fields import read_fields

A, B = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2"
ARP = b"\xff" * 6 + A + b"\x08\6\0\1\x08\0\6\4\0\1" + A + b"\x0a\0\0\1" + bytes(6) + b"\x0a\0\0\2"
LLDP = b"\x01\x80\xc2\0\0\x0e" + A + b"\x88\xcc" + bytes(46)


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source: bytes = b"\x0a\0\0\1", port: int = 53, tag: bytes = b"") -> bytes:
    """Return a UDP datagram with right checksums."""
    head = b"\x45\x20\0\x20\0\0\0\0\x40\x11\0\0" + source + b"\x0a\0\0\2"
    head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
    body = struct.pack("!HHHH", 4096, port, 12, 0) + b"data"
    pseudo = head[12:20] + struct.pack("!BBH", 0, 17, 12)
    body = body[:6] + checksum(pseudo + body).to_bytes(2, "big") + body[8:]
    return B + A + tag + b"\x08\0" + head + body


def is_sound(frame: bytes, at: int = 14) -> bool:
    """Tell whether the checksums of a UDP datagram are right."""
    head, body = frame[at : at + 20], frame[at + 20 :]
    pseudo = head[12:20] + struct.pack("!BBH", 0, 17, len(body))
    return checksum(head) == 0 and checksum(pseudo + body) == 0


TAG = b"\x81\0\x60\x05"
CASES: list[tuple[Match, bytes, bool]] = [
    (Match(in_port=1), udp(), True),
    (Match(in_port=2), udp(), False),
    (Match(dl_src=A, dl_dst=B), udp(), True),
    (Match(dl_src=B), udp(), False),
    (Match(dl_type=0x0800), udp(tag=TAG), True),
    (Match(dl_vlan=5), udp(tag=TAG), True),
    (Match(dl_vlan=5, dl_vlan_pcp=3), udp(tag=TAG), True),
    (Match(dl_vlan=5, dl_vlan_pcp=2), udp(tag=TAG), False),
    (Match(dl_vlan=5), udp(), False),
    (Match(dl_vlan=VLAN_NONE), udp(), True),
    (Match(dl_vlan=VLAN_NONE), udp(tag=TAG), False),
    (Match(dl_type=0x0800, nw_src=(0x0A000000, 24)), udp(), True),
    (Match(dl_type=0x0800, nw_src=(0x0A000100, 24)), udp(), False),
    (Match(dl_type=0x0800, nw_dst=(0x0A000002, 32)), udp(), True),
    (Match(dl_type=0x0800, nw_tos=0x20), udp(), True),
    (Match(dl_type=0x0800, nw_proto=17, tp_dst=53), udp(), True),
    (Match(dl_type=0x0800, nw_proto=17, tp_dst=54), udp(), False),
    (Match(dl_type=0x0800, nw_proto=6, tp_dst=53), udp(), False),
    (Match(dl_type=0x0806, nw_proto=1, nw_src=(0x0A000001, 32)), ARP, True),
    (Match(dl_type=0x0806, nw_proto=2), ARP, False),
    (Match(dl_type=0x0806, nw_dst=(0x0A000001, 32)), ARP, False),
    (Match(dl_type=0x0800), udp()[:20], True),
    (Match(dl_type=0x0800, nw_proto=17), udp()[:20], False),
]


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(("match", "frame", "fits"), CASES)
def test_what_a_match_takes_in(version: int, match: Match, frame: bytes, fits: bool) -> None:
    asked = Asked(version)
    assert asked.add(match, 1, Output(3)) == []
    assert asked.outs(frame) == [(3, frame)] * fits


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(
    ("actions", "field", "value"),
    [
        ((SetField("dl_dst", A),), f.ETH_DST, 0x020000000001),
        ((SetField("dl_src", B),), f.ETH_SRC, 0x020000000002),
        ((SetField("nw_src", 0x0B000001),), f.IPV4_SRC, 0x0B000001),
        ((SetField("nw_dst", 0x0B000001),), f.IPV4_DST, 0x0B000001),
        ((SetField("nw_tos", 0x80),), f.IP_DSCP, 0x20),
        ((SetField("tp_src", 7),), f.UDP_SRC, 7),
        ((SetField("tp_dst", 8),), f.UDP_DST, 8),
    ],
)
def test_rewriting_keeps_checksums_right(
    version: int, actions: tuple[Action, ...], field: int, value: int
) -> None:
    asked = Asked(version)
    match = Match(dl_type=0x0800, nw_proto=17)
    assert asked.add(match, 1, *actions, Output(3)) == []
    ((_, frame),) = asked.outs(udp())
    assert read_fields(frame, 1) == {**read_fields(udp(), 1), field: value}
    assert is_sound(frame)


@pytest.mark.parametrize("version", [1, 4])
def test_tags_are_pushed_written_and_taken_off(version: int) -> None:
    asked = Asked(version)
    push = (PushVlan(), SetField("dl_vlan", 9), SetField("dl_vlan_pcp", 4))
    assert asked.add(Match(dl_vlan=VLAN_NONE), 1, *push, Output(3)) == []
    assert asked.add(Match(dl_vlan=5), 1, StripVlan(), Output(2)) == []
    assert asked.outs(udp()) == [(3, udp(tag=b"\x81\0\x80\x09"))]
    assert asked.outs(udp(tag=TAG)) == [(2, udp())]


@pytest.mark.parametrize("version", [1, 4])
def test_frames_go_back_only_by_the_name_of_the_port(version: int) -> None:
    asked = Asked(version)
    asked.add(Match(dl_vlan=VLAN_NONE), 1, Output(1), Output(2))
    asked.add(Match(dl_vlan=5), 1, OutputInPort())
    assert asked.outs(udp()) == [(2, udp())]
    assert asked.outs(udp(tag=TAG)) == [(1, udp(tag=TAG))]


def test_flooding_leaves_out_the_port_of_entry_ports_without_carrier_and_no_flood() -> None:
    asked = Asked(1)
    asked.add(Match(), 1, Flood())
    assert [port for port, _ in asked.outs(udp())] == [2, 3]
    asked.switch.datapath.ports[2].config |= OFPPC.NO_FLOOD
    assert [port for port, _ in asked.outs(udp())] == [3]
    asked.switch.set_carrier(3, False)
    assert asked.outs(udp()) == []
    assert asked.outs(udp(), port_no=3) == [], "a port without carrier hears nothing"


def test_what_no_entry_fits_goes_to_the_controller_on_1_0_and_nowhere_on_1_3() -> None:
    (told,) = Asked(1).read(Asked(1).frame(udp()))
    assert (told.reason, told.in_port, told.data) == (0, 1, udp())
    assert Asked(4).frame(udp()).messages == []


def test_a_table_miss_entry_says_so_and_others_give_their_cookie() -> None:
    asked = Asked(4)
    asked.add(Match(), 0, ToController(), cookie=4)
    asked.add(Match(dl_type=0x0806), 9, ToController(), cookie=6)
    (miss,) = asked.read(asked.frame(udp()))
    (hit,) = asked.read(asked.frame(ARP))
    assert [(one.reason, one.cookie, one.data) for one in (miss, hit)] == [
        (0, 4, udp()),
        (1, 6, ARP),
    ]


@pytest.mark.parametrize("version", [1, 4])
def test_buffered_frames_are_sent_in_part_and_used_once(version: int) -> None:
    asked = Asked(version, buffers=2, hybrid=True)
    asked.tell(SetConfig(0, 20))
    (told,) = asked.read(asked.frame(udp()))
    assert (told.data, told.total_len) == (udp()[:20], len(udp()))
    use = _packet_out(version, told.buffer_id, 2)
    message = asked.codec.messages.encode(1, use)
    assert asked.switch.handle(message, 0.0).frames == [(2, udp())]
    assert refusal(asked.tell(use)) == (OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


def _packet_out(version: int, buffer_id: int, port: int, frame: bytes = b"") -> Any:
    if version == 1:
        return PacketOut10(buffer_id, 1, (ActionOutput10(port),), frame)
    return PacketOut13(buffer_id, 1, (ActionOutput13(port),), frame)


def test_a_packet_out_to_the_table_takes_its_entries() -> None:
    asked = Asked()
    asked.add(Match(in_port=1), 1, Output(3))
    out = _packet_out(4, OFP_NO_BUFFER, OFPP.TABLE, udp())
    data = asked.codec.messages.encode(1, out)
    assert asked.switch.handle(data, 0.0).frames == [(3, udp())]


def test_a_hybrid_switch_forwards_as_a_bridge_and_asks_too() -> None:
    asked = Asked(4, buffers=4, hybrid=True)
    effects = asked.frame(ARP)
    assert [port for port, _ in effects.frames] == [2, 3]
    assert len(effects.messages) == 1
    back = A + B + b"\x08\0" + bytes(46)
    assert asked.outs(back, port_no=2) == [(1, back)], "it has learned"
    assert len(asked.outs(LLDP)) == 2
    asked.switch.disconnect()
    assert asked.outs(LLDP) == [], "bridges filter it"


def group(command: int, kind: int = OFPGT.ALL, ports: tuple[int, ...] = (1, 2, 3)) -> GroupMod:
    buckets = tuple(Bucket(1, port, OFPP.ANY, (ActionOutput13(port),)) for port in ports)
    return GroupMod(command, kind, FLOOD_GROUP, buckets)


def test_groups_must_be_there_send_by_their_buckets_and_take_entries_along() -> None:
    asked = Asked()
    failed, codes = OFPET.GROUP_MOD_FAILED, OFPGMFC
    assert refusal(asked.tell(group(OFPGC.MODIFY))) == (failed, codes.UNKNOWN_GROUP)
    assert refusal(asked.add(Match(), 1, Flood())) == (OFPET.BAD_ACTION, OFPBAC.BAD_OUT_GROUP)
    assert asked.tell(group(OFPGC.ADD)) == []
    assert refusal(asked.tell(group(OFPGC.ADD))) == (failed, codes.GROUP_EXISTS)
    assert asked.add(Match(), 1, Flood()) == []
    assert [port for port, _ in asked.outs(udp())] == [2, 3]
    asked.tell(GroupMod(OFPGC.DELETE, OFPGT.ALL, FLOOD_GROUP))
    assert asked.entries() == []


def test_a_failover_group_takes_the_first_live_bucket() -> None:
    asked = Asked()
    asked.tell(group(OFPGC.ADD, OFPGT.FF, (2, 3)))
    asked.add(Match(), 1, Flood())
    assert asked.outs(udp()) == [(2, udp())]
    asked.switch.set_carrier(2, False)
    assert asked.outs(udp()) == [(3, udp())]


def test_a_meter_drops_what_exceeds_its_rate_and_takes_entries_along() -> None:
    asked = Asked()

    def meter(command: MeterCommand) -> list[Any]:
        data = asked.codec.encode(MeterMod(command, 4, 1), 9)
        return asked.read(asked.switch.handle(data, asked.now))

    unknown = OFPET.METER_MOD_FAILED, OFPMMFC.UNKNOWN_METER
    assert refusal(meter(MeterCommand.MODIFY)) == unknown
    assert refusal(asked.add(Match(), 1, Output(2), meter=4)) == unknown
    assert meter(MeterCommand.ADD) == []
    assert asked.add(Match(), 1, Output(2), meter=4) == []
    passed = [len(asked.outs(udp())) for _ in range(4)]
    assert passed == [1, 1, 0, 0], "1 kbit holds two frames of 46 bytes"
    asked.now += 1
    assert len(asked.outs(udp())) == 1
    meter(MeterCommand.DELETE)
    assert asked.entries() == []
