"""Frames: what is read back is what was built, and no bytes make a reader raise."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core import frames

A = bytes.fromhex("020000000001")
B = bytes.fromhex("020000000002")
IP_A = bytes([10, 0, 0, 1])
IP_B = bytes([10, 0, 0, 2])

macs = st.binary(min_size=6, max_size=6)
ipv4 = st.binary(min_size=4, max_size=4)
vlans = st.none() | st.integers(0, 4095)


@given(macs, ipv4, macs, ipv4, vlans)
def test_arp_reply_reads_back(sha: bytes, spa: bytes, tha: bytes, tpa: bytes, vlan: int) -> None:
    data = frames.build_arp_reply(sha, spa, tha, tpa, vlan)
    frame = frames.decode(data)
    assert frame is not None
    assert (frame.dst, frame.src, frame.ethertype, frame.vlan) == (tha, sha, 0x0806, vlan)
    assert frames.decode_arp(data, frame) == (frames.ARP_REPLY, sha, spa, tha, tpa)
    assert len(data) >= frames.MIN_FRAME


def test_arp_request_is_broadcast() -> None:
    data = frames.build_arp_request(A, IP_A, IP_B)
    assert data[:12] == b"\xff" * 6 + A
    frame = frames.decode(data)
    assert frame is not None
    assert frames.decode_arp(data, frame) == (1, A, IP_A, bytes(6), IP_B)


def test_probe_claims_no_address() -> None:
    data = frames.build_arp_probe(B, A, IP_B)
    frame = frames.decode(data)
    assert frame is not None
    assert frame.dst == B
    assert frames.sender_address(data, frame) is None


@given(st.binary(max_size=80))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    frame = frames.decode(data)
    if frame is None:
        assert len(data) < 14 or data[12:14] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00")
        return
    assert frame.payload <= len(data)
    frames.decode_arp(data, frame)
    frames.ip_addresses(data, frame)
    sender = frames.sender_address(data, frame)
    assert sender is None or frames.address_text(sender) is not None


@given(
    st.sampled_from([b"\x08\x06", b"\x08\x00", b"\x86\xdd", b"\x81\x00", b"\x88\xa8"]),
    st.binary(max_size=64),
)
def test_no_truncated_packet_makes_a_reader_raise(ethertype: bytes, rest: bytes) -> None:
    data = B + A + ethertype + rest
    frame = frames.decode(data)
    if frame is not None:
        assert frames.decode_arp(data, frame) is None or len(data) >= frame.payload + 28
        pair = frames.ip_addresses(data, frame)
        assert pair is None or {len(pair[0]), len(pair[1])} in ({4}, {16})


def test_stacked_tags_give_the_outer_identifier_and_the_inner_type() -> None:
    data = B + A + bytes.fromhex("88a8 2064 8100 000a 0800") + bytes(20)
    assert frames.decode(data) == (B, A, 0x0800, 100, 22)


def test_a_tag_cut_short_is_no_frame() -> None:
    assert frames.decode(B + A + bytes.fromhex("8100 0064 08")) is None


def test_a_length_field_is_no_ethertype() -> None:
    frame = frames.decode(B + A + bytes.fromhex("0026") + bytes(40))
    assert frame is not None
    assert frame.ethertype == frames.ETH_NONE


@pytest.mark.parametrize("text", ["10.1.2.3", "fe80::1", "2001:db8::5:0:1"])
def test_ip_addresses_are_read(text: str) -> None:
    address = ipaddress.ip_address(text)
    if address.version == 4:
        packet = b"\x45" + bytes(11) + address.packed + IP_B
        data = B + A + b"\x08\x00" + packet
    else:
        packet = b"\x60" + bytes(7) + address.packed + bytes(16)
        data = B + A + b"\x86\xdd" + packet
    frame = frames.decode(data)
    assert frame is not None
    sender = frames.sender_address(data, frame)
    assert sender is not None
    assert frames.address_text(sender) == text
    assert frames.address_from_text(text) == sender


@pytest.mark.parametrize("text", ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"])
def test_addresses_no_station_has_are_no_claims(text: str) -> None:
    data = frames.build_arp_request(A, ipaddress.ip_address(text).packed, IP_B)
    frame = frames.decode(data)
    assert frame is not None
    assert frames.sender_address(data, frame) is None


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "::g", "host"])
def test_text_that_is_no_address(text: str) -> None:
    assert frames.address_from_text(text) is None


def test_an_address_of_another_length_has_no_text() -> None:
    assert frames.address_text(bytes(5)) is None
