"""Flow entries as switches report them, written by Ryu's codec and read by ours."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.ofproto import ofproto_v1_0 as of10
from ryu.ofproto import ofproto_v1_3 as of13
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from horizon_ryu.wire import codec10, codec13, flow_stats, oxm
from horizon_ryu.wire.known_answer import KnownAnswer
from horizon_ryu.wire.messages import (
    FLOOD_GROUP,
    Flood,
    GotoTable,
    Match,
    Output,
    SetField,
    ToController,
)


def reply_13(match: Match, instructions) -> bytes:
    tail = bytearray()
    for instruction in instructions:
        part = bytearray()
        instruction.serialize(part, 0)
        tail += part
    body = oxm.encode_match(match) + bytes(tail)
    entry = struct.pack("!HBxIIHHHH4xQQQ", 48 + len(body), 3, 1, 2, 150, 0, 0, 0, 77, 5, 6) + body
    return struct.pack("!BBHIHH4x", 4, 19, 16 + len(entry), 9, 1, 0) + entry


def reply_10(match: Match, actions: bytes) -> bytes:
    head = struct.pack("!HBx", 88 + len(actions), 3)
    rest = struct.pack("!IIHHHxxxxxxQQQ", 1, 2, 150, 0, 0, 77, 5, 6)
    entry = head + codec10.encode_match(match) + rest + actions
    return struct.pack("!BBHIHH", 1, 17, 12 + len(entry), 9, 1, 0) + entry


def test_entry_13_is_read_whole() -> None:
    match = Match(in_port=1, dl_dst_multicast=True)
    actions = [ryu13.OFPActionOutput(7), ryu13.OFPActionGroup(FLOOD_GROUP)]
    apply = ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, actions)
    (entry,) = flow_stats.read_entries(4, reply_13(match, [apply]))
    assert (entry.match, entry.priority, entry.cookie, entry.table_id) == (match, 150, 77, 3)
    assert entry.actions == (Output(7), Flood())
    assert entry.forwards
    assert entry.exact


def test_entry_13_that_tags_and_jumps() -> None:
    actions = [ryu13.OFPActionPushVlan(), ryu13.OFPActionSetField(vlan_vid=0x100A)]
    apply = ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, actions)
    jump = ryu13.OFPInstructionGotoTable(1)
    (entry,) = flow_stats.read_entries(4, reply_13(Match(dl_vlan=5), [apply, jump]))
    assert entry.sets_vlans == {10}
    assert entry.forwards
    assert entry.actions[-1] == GotoTable(1)
    assert entry.exact
    (early,) = flow_stats.read_entries(4, reply_13(Match(dl_vlan=5), [jump, apply]))
    assert not early.exact


def test_entries_that_send_nothing_on() -> None:
    to_controller = struct.pack("!HHHH", 0, 8, of10.OFPP_CONTROLLER, 0xFFFF)
    (entry,) = flow_stats.read_entries(1, reply_10(Match(dl_type=0x88CC), to_controller))
    assert entry.actions == (ToController(),)
    assert not entry.forwards
    (dropped,) = flow_stats.read_entries(4, reply_13(Match(in_port=1), []))
    assert dropped.actions == ()
    assert not dropped.forwards


def test_entry_10_with_networks_and_a_vlan() -> None:
    match = Match(1, b"\1" * 6, b"\2" * 6, False, 0x800, 10, (0x0A000000, 8), (0x0A000001, 32))
    tag = struct.pack("!HHHxx", 1, 8, 20)
    out = struct.pack("!HHHH", 0, 8, 4, 0)
    (entry,) = flow_stats.read_entries(1, reply_10(match, tag + out))
    assert entry.match == match
    assert entry.actions == (SetField("dl_vlan", 20), Output(4))
    assert entry.sets_vlans == {20}
    assert entry.exact


def test_the_flood_group_is_found() -> None:
    group = codec13.encode_group(1, 0, {3, 5})[16:]
    desc = struct.pack("!HBxI", 8 + len(group), 0, FLOOD_GROUP) + group
    other = struct.pack("!HBxI", 8, 0, 4)
    head = struct.pack("!BBHIHH4x", 4, 19, 16 + len(other + desc), 9, 7, 0)
    assert flow_stats.read_flood_group(head + other + desc) == {3, 5}
    assert flow_stats.read_flood_group(head + other) is None
    select = struct.pack("!HBxI", 8 + len(group), 1, FLOOD_GROUP) + group
    assert flow_stats.read_flood_group(head + select) is None, "it sends to one port, not to all"


@given(st.sampled_from((1, 4)), st.binary(max_size=400))
def test_hostile_replies_never_raise(version: int, data: bytes) -> None:
    message = bytes(16) + data
    for entry in flow_stats.read_entries(version, message):
        assert entry.priority >= 0
    flow_stats.read_flood_group(message)


@given(st.data())
def test_changed_bytes_never_raise(data) -> None:
    apply = ryu13.OFPInstructionActions(of13.OFPIT_APPLY_ACTIONS, [ryu13.OFPActionOutput(7)])
    for version, whole in (
        (4, reply_13(Match(in_port=1, dl_type=0x800, nw_src=(1 << 24, 8)), [apply])),
        (1, reply_10(Match(in_port=1), struct.pack("!HHHH", 0, 8, 4, 0))),
    ):
        message = bytearray(whole)
        for _ in range(3):
            message[data.draw(st.integers(12, len(message) - 1))] = data.draw(st.integers(0, 255))
        list(flow_stats.read_entries(version, bytes(message)))


@pytest.mark.parametrize("version", [1, 4])
def test_ages_and_counters_change_nothing_of_what_is_told(version: int) -> None:
    """Each byte of an answer, changed alone, is told, unless it is of the xid, an age or a count.

    A length that is wrong ends the entries: what follows it is told as it stands.
    """
    if version == 1:
        whole, start = reply_10(Match(dl_type=0x800, nw_proto=6, tp_dst=80), b""), 12
        counted = {*range(44, 52), *range(72, 88)}
    else:
        whole, start = reply_13(Match(in_port=3), []), 16
        counted = {*range(4, 12), *range(32, 48)}
    told = flow_stats.without_counters(whole)
    untold = {4, 5, 6, 7} | {start + at for at in counted}
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 0x01
        assert (flow_stats.without_counters(bytes(changed)) == told) == (at in untold), at
        assert KnownAnswer(whole).is_said_by(bytes(changed)) == (at in untold), at
    assert not KnownAnswer(whole).is_said_by(whole + b"\0")
    assert not KnownAnswer(whole).is_said_by(whole[:-1])


@given(st.binary(min_size=12, max_size=200))
def test_what_hostile_answers_say_never_raises(data: bytes) -> None:
    for version, kind in ((1, 17), (4, 19)):
        message = bytes((version, kind)) + data[2:8] + b"\0\1" + data[10:]
        flow_stats.without_counters(message)
        assert KnownAnswer(message).is_said_by(message)
