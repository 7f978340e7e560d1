"""LLDP as it looks to others: to switches that tag, to agents on hosts, to a fast test."""

from __future__ import annotations

import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ryu.lib.packet import lldp as ryu_lldp
from ryu.lib.packet.packet import Packet

from horizon_ryu.core.discovery import lldp

KEY = b"k" * 32
MAC = bytes.fromhex("020000000001")
FRAME = lldp.build(KEY, 7, 3, MAC, 99)


@pytest.mark.parametrize("tag", ["81000064", "88a80064", "91000064"])
def test_lldp_below_a_vlan_tag_is_lldp_but_no_probe(tag: str) -> None:
    tagged = FRAME[:12] + bytes.fromhex(tag) + FRAME[12:]
    assert lldp.is_lldp(tagged)
    assert lldp.parse(tagged) is None


@pytest.mark.parametrize("ethertype", ["0800", "0806", "86dd", "8100", "88cd"])
def test_other_frames_are_not_lldp(ethertype: str) -> None:
    assert not lldp.is_lldp(bytes(12) + bytes.fromhex(ethertype) + bytes(46))


@given(st.integers(0, 11), st.integers(1, 255))
def test_addresses_may_be_rewritten_on_the_way(at: int, value: int) -> None:
    frame = bytearray(FRAME)
    frame[at] ^= value
    assert lldp.parse(bytes(frame)) == lldp.parse(FRAME)


def test_the_signature_covers_who_where_and_which() -> None:
    tags = {lldp.sign(KEY, *of) for of in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4))}
    assert len(tags) == 4
    assert {len(tag) for tag in tags} == {lldp.TAG_LENGTH}


def test_others_can_read_it() -> None:
    """Ryu's own parser agrees on every TLV (IEEE 802.1AB-2005, clause 9)."""
    found = Packet(FRAME).get_protocol(ryu_lldp.lldp)
    kinds = [type(tlv).__name__ for tlv in found.tlvs]
    assert kinds == ["ChassisID", "PortID", "TTL", "OrganizationallySpecific", "End"]
    assert found.tlvs[0].chassis_id == (7).to_bytes(8, "big")
    assert found.tlvs[1].port_id == (3).to_bytes(4, "big")


@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**64 - 1))
def test_the_signature_is_hmac_sha256_for_keys_of_every_length(key: bytes, number: int) -> None:
    signed = struct.pack("!QIQ", 5, 7, number)
    assert lldp.sign(key, 5, 7, number) == hmac.digest(key, signed, "sha256")[: lldp.TAG_LENGTH]
