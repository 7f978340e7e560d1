"""Ternary matches: the algebra, and both versions' matches as numbers and back."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from horizon_ryu.wire.error_codes13 import OFPBMC
from horizon_ryu.wire.fields import FIELDS
from horizon_ryu.wire.frame_header import header10, header13
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.of10.structures import MATCH10
from horizon_ryu.wire.of13.match import MATCH13
from horizon_ryu.wire.ofp10 import OFPFW
from horizon_ryu.wire.ternary import (
    EVERY_HEADER,
    FIELDS_OF_13,
    HEADER_10,
    HEADER_13,
    HeaderLayout,
    TernaryMatch,
)
from horizon_ryu.wire.ternary10 import EVERY_FRAME_10, read_match10, write_match10
from horizon_ryu.wire.ternary13 import MatchError, read_match13, read_oxm, write_match13
from virtual_switch import fields as switch_fields
from virtual_switch.matching import covers, from_match10, from_oxm
from virtual_switch.refusal import SwitchRefusal

_BITS = 6
_small = st.integers(0, (1 << _BITS) - 1)
matches = st.tuples(_small, _small).map(lambda pair: TernaryMatch(pair[0] & pair[1], pair[1]))


def taken(match: TernaryMatch) -> set[int]:
    """Return all headers of six bits that a match takes, one by one."""
    return {header for header in range(1 << _BITS) if header & match.mask == match.value}


@given(matches, matches)
def test_the_algebra_is_that_of_the_sets_of_headers(one: TernaryMatch, other: TernaryMatch) -> None:
    both = taken(one) & taken(other)
    common = one.intersection(other)
    assert one.overlaps(other) == bool(both)
    assert both == (set() if common is None else taken(common))
    assert one.covers(other) == (taken(other) <= taken(one))


@pytest.mark.parametrize("layout", [HEADER_10, HEADER_13])
def test_no_two_fields_share_a_bit(layout: HeaderLayout) -> None:
    union = 0
    for field in layout.fields.values():
        assert not union & field.mask
        union |= field.mask


def frames() -> list[bytes]:
    """Return frames of many kinds: tags, ARP, IPv4 and IPv6 with each protocol, cut ones."""
    random_bytes = random.Random(7)
    ethernet = bytes.fromhex("020000000002020000000001")
    tag = bytes.fromhex("8100a064")
    arp = bytes.fromhex("080600010800060400010200000000010a0000010000000000000a000002")

    def ipv4(protocol: int, fragment: int = 0) -> bytes:
        head = bytes((0x45, 0xB9, 0, 48, 0, 1)) + fragment.to_bytes(2, "big")
        return b"\x08\x00" + head + bytes((64, protocol, 0, 0, 10, 0, 0, 1, 10, 9, 0, 2))

    def ipv6(protocol: int) -> bytes:
        head = bytes.fromhex("6ab123450008") + bytes((protocol, 64))
        return b"\x86\xdd" + head + bytes(range(16)) + bytes(range(16, 32))

    payload = random_bytes.randbytes(40)
    bodies = [arp, b"\x88\xcc" + payload, b"\x00\x20" + payload]
    bodies += [ipv4(protocol) + payload for protocol in (1, 6, 17, 132, 47)]
    bodies += [ipv4(6, 0x2000) + payload, ipv4(6, 0x0010) + payload]
    bodies += [ipv6(protocol) + payload for protocol in (6, 17, 132, 59)]
    whole = [ethernet + body for body in bodies] + [ethernet + tag + body for body in bodies]
    return whole + [frame[:size] for frame in whole for size in (14, 18, 30, 44)]


def match_fields13(header: int) -> dict[int, int]:
    return {number: field.of(header) for number, field in FIELDS_OF_13.items()}


@pytest.mark.parametrize("frame", frames(), ids=lambda frame: frame.hex()[24:64])
def test_the_header_of_a_frame_is_what_the_switch_of_the_tests_reads(frame: bytes) -> None:
    read = switch_fields.read_fields(frame, 7)
    if read[switch_fields.ETH_TYPE] < 0x600:
        read[switch_fields.ETH_TYPE] = 0x5FF
    mine = match_fields13(header13(frame, 7))
    del mine[OFPXMT_OFB.IPV6_FLABEL]
    assert {number: value for number, value in mine.items() if value} == {
        number: value for number, value in read.items() if value
    }


def test_ipv6_is_read_behind_its_extension_headers_and_fragments_have_no_ports() -> None:
    ethernet = bytes.fromhex("020000000002020000000001") + b"\x86\xdd"
    head = bytes.fromhex("600000000010") + bytes((0, 64)) + bytes(32)
    hop_by_hop = bytes((44, 0)) + bytes(6)
    ports = bytes.fromhex("1234abcd")
    for offset, expected in ((0, 0x1234), (8, 0)):
        fragment = bytes((6, 0)) + offset.to_bytes(2, "big") + bytes(4)
        header = header13(ethernet + head + hop_by_hop + fragment + ports, 1)
        assert HEADER_13["tcp_src"].of(header) == expected
    assert HEADER_13["ip_proto"].of(header) == 44, "a later fragment is that, as in Open vSwitch"


def test_extension_headers_without_end_are_given_up() -> None:
    ethernet = bytes.fromhex("020000000002020000000001") + b"\x86\xdd"
    head = bytes.fromhex("600000000010") + bytes((0, 64)) + bytes(32)
    assert HEADER_13["tcp_src"].of(header13(ethernet + head + bytes(4000), 1)) == 0


def test_a_neighbour_solicitation_has_its_target_and_the_senders_address() -> None:
    ethernet = bytes.fromhex("333300000002020000000001") + b"\x86\xdd"
    head = bytes.fromhex("600000000020") + bytes((58, 255)) + bytes(32)
    option = bytes((14, 1)) + bytes(6) + bytes((1, 1)) + bytes.fromhex("020000000001")
    body = bytes((135, 0, 0, 0, 0, 0, 0, 0)) + bytes(15) + b"\x05" + option
    header = header13(ethernet + head + body, 1)
    assert HEADER_13["ipv6_nd_target"].of(header) == 5
    assert HEADER_13["ipv6_nd_sll"].of(header) == 0x020000000001
    assert HEADER_13["ipv6_nd_tll"].of(header) == 0


def test_snap_frames_have_the_type_behind_the_snap_header() -> None:
    frame = bytes(12) + b"\x00\x20" + bytes.fromhex("aaaa03000000") + b"\x08\x06" + bytes(28)
    assert HEADER_10["dl_type"].of(header10(frame, 1)) == 0x0806
    assert HEADER_13["eth_type"].of(header13(frame, 1)) == 0x0806


def test_what_a_match_of_1_0_takes_is_what_the_switch_of_the_tests_takes() -> None:
    rng = random.Random(3)
    headers = frames()
    for _ in range(4000):
        frame = rng.choice(headers)
        own = header10(frame, 1).to_bytes(36, "big")
        wildcards = rng.getrandbits(22) | rng.choice((0, int(OFPFW.DL_VLAN)))
        data = wildcards.to_bytes(4, "big") + own
        if rng.random() < 0.3:
            at = rng.randrange(4, 40)
            data = data[:at] + bytes((rng.getrandbits(8),)) + data[at + 1 :]
        match = read_match10(data, 0)
        expected = from_match10(MATCH10.read(data, 0, 40)[0])
        for other in rng.sample(headers, 8):
            fields = switch_fields.read_fields(other, 1)
            if fields[switch_fields.ETH_TYPE] < 0x600:
                fields[switch_fields.ETH_TYPE] = 0x5FF
            if _reads_as_zero(fields, other):
                continue
            assert match.takes(header10(other, 1)) == covers(expected, fields), (data, other)


def _reads_as_zero(fields: dict[int, int], frame: bytes) -> bool:
    """Tell whether a frame lacks a header of its type, which 1.0 matches as zeros."""
    kind = fields[switch_fields.ETH_TYPE]
    lacks_ip = kind == 0x800 and (
        switch_fields.IPV4_SRC not in fields
        or (
            fields[switch_fields.IP_PROTO] in (1, 6, 17, 132)
            and not {switch_fields.TCP_SRC, switch_fields.UDP_SRC, switch_fields.SCTP_SRC}
            & fields.keys()
            and switch_fields.ICMPV4_TYPE not in fields
        )
    )
    return lacks_ip or (kind == 0x806 and switch_fields.ARP_OP not in fields)


@given(st.integers(0, (1 << 22) - 1), st.binary(min_size=36, max_size=36))
def test_a_match_of_1_0_is_the_same_after_writing_and_reading(wildcards: int, body: bytes) -> None:
    match = read_match10(wildcards.to_bytes(4, "big") + body, 0)
    assert read_match10(write_match10(match), 0) == match


def test_a_match_of_1_0_that_says_nothing_is_every_frame() -> None:
    assert read_match10(EVERY_FRAME_10, 0) == EVERY_HEADER
    assert write_match10(EVERY_HEADER)[4:] == bytes(36)


def test_masks_that_1_0_cannot_express_are_refused() -> None:
    with pytest.raises(WireError, match="dl_src"):
        write_match10(HEADER_10["dl_src"].equal_to(1, 1))
    with pytest.raises(WireError, match="nw_src"):
        write_match10(HEADER_10["nw_src"].equal_to(1, 1))
    with pytest.raises(WireError, match="bytes left"):
        read_match10(bytes(39), 0)


def oxm(number: int, value: int, mask: int | None = None) -> bytes:
    size = FIELDS[number].size
    payload = value.to_bytes(size, "big") + (b"" if mask is None else mask.to_bytes(size, "big"))
    head = 0x8000 << 16 | number << 9 | (mask is not None) << 8 | len(payload)
    return head.to_bytes(4, "big") + payload


@st.composite
def oxm_lists(draw: st.DrawFn) -> bytes:
    numbers = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=6))
    parts = []
    for number in numbers:
        field = FIELDS[number]
        value = draw(st.integers(0, (1 << field.bits) - 1))
        if field.needs is None and number == 5:
            value = draw(st.sampled_from((0x800, 0x806, 0x86DD, value)))
        masks = st.integers(0, (1 << field.bits) - 1)
        mask = draw(st.none() | masks) if field.maskable else None
        if mask is not None and draw(st.booleans()):
            value &= mask
        parts.append(oxm(number, value, mask))
    return b"".join(parts)


@given(oxm_lists())
@example(oxm(2, 0, 0) + oxm(2, 0))
def test_a_list_of_oxm_fields_is_taken_or_refused_as_the_switch_of_the_tests_does(
    fields: bytes,
) -> None:
    length = 4 + len(fields)
    whole = b"\x00\x01" + length.to_bytes(2, "big") + fields + bytes(-length % 8)
    try:
        expected = from_oxm(MATCH13.read(whole, 0, len(whole))[0])
    except SwitchRefusal:
        with pytest.raises(MatchError):
            read_oxm(fields)
        return
    match, end = read_match13(whole, 0)
    assert end == len(whole)
    described = {
        number: (place.of(match.value), place.of(match.mask))
        for number, place in FIELDS_OF_13.items()
        if place.of(match.mask)
    }
    assert described == {
        one.field: (one.value, one.mask & FIELDS_OF_13[one.field].ones) for one in expected
    }
    assert read_match13(write_match13(match), 0)[0] == match


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (oxm(0, 1) + oxm(0, 2), OFPBMC.DUP_FIELD),
        (oxm(11, 1), OFPBMC.BAD_PREREQ),
        (oxm(5, 0x806) + oxm(11, 1), OFPBMC.BAD_PREREQ),
        (oxm(7, 1), OFPBMC.BAD_PREREQ),
        (oxm(6, 0) + oxm(7, 1), OFPBMC.BAD_PREREQ),
        (oxm(3, 3, 1), OFPBMC.BAD_WILDCARDS),
        (oxm(6, 0xFFFF), OFPBMC.BAD_VALUE),
        (b"\x00\x01\x00\x04" + bytes(4), OFPBMC.BAD_FIELD),
    ],
)
def test_a_match_that_says_nothing_sound_is_refused_by_the_code_of_the_specification(
    fields: bytes, code: OFPBMC
) -> None:
    with pytest.raises(MatchError) as refused:
        read_oxm(fields)
    assert refused.value.code == code


def test_a_tag_of_any_identifier_is_enough_for_its_priority() -> None:
    match = read_oxm(oxm(6, 0x1000, 0x1000) + oxm(7, 5))
    assert HEADER_13.describe(match) == {"vlan_vid": (0x1000, 0x1000), "vlan_pcp": (5, 7)}
