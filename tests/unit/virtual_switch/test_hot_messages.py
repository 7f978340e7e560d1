"""Hot messages: what is read by its known head is what the layouts read, or is refused as there."""

from __future__ import annotations

import pytest

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.messages import Output, PacketOut
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from virtual_switch.hot_messages import PacketOutHeads
from virtual_switch.switch import DIALECTS

VERSIONS = (OPENFLOW_10, OPENFLOW_13)


def packet_outs(version: int) -> list[bytes]:
    codec = codec_of(version)
    ports = [(), (Output(1),), (Output(2),), (Output(1), Output(2))]
    frames = [bytes(60), b"\x01" * 61, b""]
    return [
        codec.encode(PacketOut(actions, frame, in_port), xid)
        for xid, actions in enumerate(ports)
        for frame in frames
        for in_port in (None, 3)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_known_head_is_read_as_the_first_was(version: int) -> None:
    heads, table = PacketOutHeads(DIALECTS[version]), DIALECTS[version].messages
    for data in 2 * packet_outs(version):
        assert heads.decode(data) == table.decode(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_cut_or_lies_is_refused_though_its_head_is_known(version: int) -> None:
    heads, table = PacketOutHeads(DIALECTS[version]), DIALECTS[version].messages
    valid = packet_outs(version)
    for data in valid:
        heads.decode(data)
    longest = max(valid, key=len)
    bent = [longest[:size] for size in range(len(longest))]
    bent += [longest[:at] + b"\xff" + longest[at + 1 :] for at in range(len(longest))]
    for data in bent:
        try:
            wanted = table.decode(data)
        except WireError:
            with pytest.raises(WireError):
                heads.decode(data)
        else:
            assert heads.decode(data) == wanted
