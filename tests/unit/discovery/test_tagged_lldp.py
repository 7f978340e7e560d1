"""Tagged probes as bytes: what is read of them, and what their signature binds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery import lldp, tagged_lldp
from horizon_ryu.core.discovery.tagged_lldp import TaggedProbe
from unit.discovery.small_network import KEY

MAC = bytes.fromhex("020000000001")


def probe(vlan: int = 10) -> bytes:
    return tagged_lldp.build(KEY, 0xA, 7, MAC, 3, vlan)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**62),
    st.integers(1, 4094),
)
def test_what_was_built_is_read_and_genuine(dpid: int, port: int, number: int, vlan: int) -> None:
    frame = tagged_lldp.build(KEY, dpid, port, MAC, number, vlan)
    found = tagged_lldp.parse(frame)
    assert found is not None
    assert found == TaggedProbe(dpid, port, number, vlan, found.tag, vlan)
    assert tagged_lldp.is_genuine(KEY, found)
    assert not tagged_lldp.is_genuine(b"another key", found)
    assert lldp.is_lldp(frame)
    assert lldp.parse(frame) is None


@given(st.binary(max_size=100), st.integers(0, 90))
def test_any_bytes_are_read_without_error(data: bytes, kept: int) -> None:
    assert tagged_lldp.parse(data) is None
    tagged_lldp.parse(probe()[:kept] + data)


def test_a_changed_vlan_is_not_genuine_wherever_it_was_changed() -> None:
    frame = probe()
    retagged = frame[:14] + (11).to_bytes(2, "big") + frame[16:]
    found = tagged_lldp.parse(retagged)
    assert found is not None
    assert (found.vlan, found.carried) == (10, 11)
    at = frame.index(b"\x02\x48\x5a\x02") + 12
    signed = retagged[:at] + (11).to_bytes(2, "big") + retagged[at + 2 :]
    forged = tagged_lldp.parse(signed)
    assert forged is not None
    assert (forged.vlan, forged.carried) == (11, 11)
    assert not tagged_lldp.is_genuine(KEY, forged)


def test_a_priority_in_the_tag_changes_nothing_and_a_lost_tag_is_told() -> None:
    frame = probe()
    urgent = tagged_lldp.parse(frame[:14] + (7 << 13 | 10).to_bytes(2, "big") + frame[16:])
    assert urgent is not None
    assert urgent.carried == 10
    bare = tagged_lldp.parse(frame[:12] + frame[16:])
    assert bare is not None
    assert (bare.vlan, bare.carried) == (10, None)
    assert lldp.parse(frame[:12] + frame[16:]) is None


def test_a_probe_of_one_kind_is_none_of_the_other() -> None:
    untagged = lldp.build(KEY, 0xA, 7, MAC, 3, lldp.ANY_BRIDGE)
    assert tagged_lldp.parse(untagged) is None
    assert tagged_lldp.parse(untagged[:12] + b"\x81\x00\x00\x0a" + untagged[12:]) is None
