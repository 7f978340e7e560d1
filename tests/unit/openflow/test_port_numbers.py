"""Port numbers: all 32 bits of them on 1.3, and the switch's own port by one on both versions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from horizon_ryu.openflow.ports import read_ports
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    LOCAL_PORT,
    DropBuffered,
    Match,
    Output,
    OutputReserved,
    PacketOut,
    ReservedPort,
    output,
)
from virtual_switch.direct import DirectSwitch

LOCAL = {1: 0xFFFE, 4: 0xFFFF_FFFE}
DOWN = 1


def described(number: int, state: int = 0) -> Any:
    return SimpleNamespace(
        port_no=number, name=b"br0", hw_addr="02:00:00:00:00:01", config=0, state=state, curr=0
    )


@pytest.mark.parametrize("version", LOCAL)
def test_the_switchs_own_port_is_one_while_it_is_up(version: int) -> None:
    ports = read_ports([described(1), described(LOCAL[version])], version)
    assert set(ports) == {1, LOCAL_PORT}
    assert set(read_ports([described(LOCAL[version], DOWN)], version)) == set()


def test_ports_have_the_numbers_of_their_version() -> None:
    many = [described(number) for number in (65279, 65280, 65537, 0xFFFF_FF00, 0xFFFF_FF01)]
    assert set(read_ports(many, 4)) == {65279, 65280, 65537, 0xFFFF_FF00}
    of_10 = [described(number) for number in (65279, 0xFF01, 0xFFFD, 0xFFFF)]
    assert set(read_ports(of_10, 1)) == {65279}


@pytest.mark.parametrize("version", LOCAL)
def test_what_comes_in_by_the_own_port_does_so_by_one_number(version: int) -> None:
    codec = codec_of(version)
    heard: list[Any] = []
    switch = DirectSwitch(1, version, (1, LOCAL_PORT))
    switch.connected, switch.ask = True, heard.append
    switch.receive(LOCAL_PORT, bytes(60))
    assert [packet.in_port for packet in heard] in ([LOCAL_PORT], [])
    out = codec.encode(PacketOut((Output(LOCAL_PORT),), b"frame", LOCAL_PORT), 1)
    assert out.count(LOCAL[version].to_bytes(2 if version == 1 else 4, "big")) == 2
    assert codec.encode(DropBuffered(7, LOCAL_PORT), 1)
    match = Match(LOCAL_PORT)
    assert codec.as_reported(match, (Output(LOCAL_PORT),)) == (match, (output(LOCAL_PORT),))
    assert output(LOCAL_PORT) == OutputReserved(ReservedPort.LOCAL)


def test_1_0_has_no_numbers_beyond_its_own() -> None:
    with pytest.raises(ValueError, match="no port 65537"):
        codec_of(1).encode(PacketOut((), b"", 65537), 1)
