"""Flow-removed notices of both versions, written by hand from the specifications."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.wire.flow_removed import read_flow_removed
from horizon_ryu.wire.messages import FlowRemoved, Match, RemovalReason

SRC = bytes.fromhex("0200000000a1")
DST = bytes.fromhex("0200000000b2")
COOKIE = 0x485A_0300_0000_0007
WILD_ALL_BUT_ADDRESSES = 0x3FFFFF & ~(1 | 1 << 2 | 1 << 3)


def removed_10(reason: int) -> bytes:
    match = struct.pack("!IH6s6sHBxHBBxxIIHH", WILD_ALL_BUT_ADDRESSES, 9, SRC, DST, *[0] * 9)
    rest = struct.pack("!QHBxIIHxxQQ", COOKIE, 150, reason, 5, 0, 60, 1, 64)
    return struct.pack("!BBHI", 1, 11, 88, 0) + match + rest


def removed_13(reason: int) -> bytes:
    fields = struct.pack("!II", 0x80000004, 9)
    fields += struct.pack("!I6s", 0x80000606, DST) + struct.pack("!I6s", 0x80000806, SRC)
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    match += bytes(-len(match) % 8)
    rest = struct.pack("!QHBBIIHHQQ", COOKIE, 150, reason, 0, 5, 0, 60, 0, 1, 64)
    return struct.pack("!BBHI", 4, 11, 8 + len(rest) + len(match), 0) + rest + match


@pytest.mark.parametrize(("reason", "timed_out"), [(0, True), (1, True), (2, False)])
def test_both_versions_say_the_same(reason: int, timed_out: bool) -> None:
    expected = FlowRemoved(COOKIE, Match(9, SRC, DST), 150, tuple(RemovalReason)[reason], 0, 5.0)
    assert expected.timed_out == timed_out
    assert read_flow_removed(1, removed_10(reason)) == expected
    assert read_flow_removed(4, removed_13(reason)) == expected


def test_other_versions_are_not_read() -> None:
    assert read_flow_removed(5, removed_13(0)) is None


@given(st.sampled_from([1, 4]), st.binary(max_size=120))
def test_no_bytes_make_it_raise(version: int, message: bytes) -> None:
    removed = read_flow_removed(version, message)
    assert removed is None or len(message) >= 52
