"""Probes: what is built is read, what was not built by us is not believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.core.discovery import lldp

KEY = b"k" * 32
MAC = b"\x02\0\0\0\0\x07"
DPIDS = st.integers(0, 2**64 - 1)
PORTS = st.integers(1, 2**32 - 1)
NUMBERS = st.integers(0, 2**64 - 1)


@given(DPIDS, PORTS, NUMBERS)
def test_round_trip(dpid: int, port_no: int, number: int) -> None:
    frame = lldp.build(KEY, dpid, port_no, MAC, number)
    probe = lldp.parse(frame)
    assert probe is not None
    assert probe[:3] == (dpid, port_no, number)
    assert lldp.is_genuine(KEY, probe)
    assert lldp.is_lldp(frame)
    assert frame[:6] == bytes.fromhex("0180c200000e")


def test_a_switch_may_pad_the_frame() -> None:
    frame = lldp.build(KEY, 1, 2, MAC, 3) + b"\0" * 30
    assert lldp.parse(frame) == lldp.parse(frame[: lldp.LENGTH])


@given(st.binary(max_size=200))
def test_strangers_never_raise_and_are_never_believed(data: bytes) -> None:
    for frame in (data, lldp.NEAREST_BRIDGE + MAC + lldp.ETHERTYPE + data):
        probe = lldp.parse(frame)
        assert probe is None or not lldp.is_genuine(KEY, probe)


@given(st.data())
def test_one_changed_bit_is_noticed(data) -> None:
    frame = bytearray(lldp.build(KEY, 1, 2, MAC, 3))
    at = data.draw(st.integers(14, len(frame) - 1))
    frame[at] ^= 1 << data.draw(st.integers(0, 7))
    probe = lldp.parse(bytes(frame))
    assert probe is None or not lldp.is_genuine(KEY, probe)


def test_another_controller_is_a_stranger() -> None:
    probe = lldp.parse(lldp.build(b"other", 1, 2, MAC, 3))
    assert probe is not None
    assert not lldp.is_genuine(KEY, probe)


def test_runts_are_no_lldp() -> None:
    for size in range(lldp.LENGTH):
        assert lldp.parse(lldp.build(KEY, 1, 2, MAC, 3)[:size]) is None
        lldp.is_lldp(lldp.build(KEY, 1, 2, MAC, 3)[:size])
