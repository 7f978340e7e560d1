"""The codecs: one interface, bound once; nobody outside the wire asks for the version."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

import horizon_ryu
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.codec import Codec
from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.messages import (
    DropBuffered,
    FloodPorts,
    FlowDeleteByCookie,
    Match,
    MeterCommand,
    MeterMod,
    PacketOut,
    SetNoFlood,
)
from horizon_ryu.wire.of10.controller import PacketOut10, PortMod10
from horizon_ryu.wire.of10.statistics import StatsRequest
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod, PacketOut13
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.symmetric import BarrierRequest, EchoRequest, Error

ROOT = Path(horizon_ryu.__file__).parent
CODECS = [codec_of(1), codec_of(4)]
OLD, NEW = CODECS


@pytest.mark.parametrize("version", [1, 4])
def test_a_codec_speaks_its_version_and_has_its_capabilities(version: int) -> None:
    codec = codec_of(version)
    assert codec.version == codec.messages.version == version
    assert codec.capabilities == capabilities_of(version)
    sent = (codec.encode_barrier(3), codec.encode_echo_request(3), codec.encode_desc_request(3))
    assert {(message[0], message[7]) for message in sent} == {(version, 3)}


@pytest.mark.parametrize("version", [0, 2, 3, 5])
def test_of_other_versions_there_is_none(version: int) -> None:
    with pytest.raises(KeyError):
        codec_of(version)


@pytest.mark.parametrize("codec", CODECS)
def test_what_the_core_sends_is_read_as_the_specification_has_it(codec: Codec) -> None:
    read = codec.messages.decode
    assert read(codec.encode_barrier(7)) == (7, BarrierRequest())
    assert read(codec.encode_echo_request(7)) == (7, EchoRequest())
    dropped = read(codec.encode(DropBuffered(5, 2), 7)).message
    make = PacketOut10 if codec is OLD else PacketOut13
    assert dropped == make(5, 2)
    request = read(codec.encode_flow_stats_request(7)).message
    assert isinstance(request, StatsRequest if codec is OLD else MultipartRequest)
    for kind in StatsType:
        assert read(codec.stats.encode_request(kind, 9)).xid == 9


def test_what_a_version_lacks_is_refused_by_name() -> None:
    for message in (FlowDeleteByCookie(1, 1), MeterMod(MeterCommand.DELETE, 1)):
        assert NEW.encode(message, 1)
        with pytest.raises(ValueError, match=f"version 1 has no {type(message).__name__}"):
            OLD.encode(message, 1)
    flood_bit = SetNoFlood(1, bytes(6), True)
    assert OLD.messages.decode(OLD.encode(flood_bit, 1)).message == PortMod10(
        1, bytes(6), 16, 16, 0
    )
    with pytest.raises(ValueError, match="version 4 has no SetNoFlood"):
        NEW.encode(flood_bit, 1)
    for codec in CODECS:
        with pytest.raises(ValueError, match="no FloodPorts"):
            codec.encode(FloodPorts(frozenset()), 1)
        with pytest.raises(ValueError, match="does not fit"):
            codec.encode(PacketOut((), bytes(65536)), 1)


def test_only_a_version_with_groups_floods_by_one() -> None:
    for modify in (False, True):
        group = NEW.messages.decode(NEW.encode_group(1, modify, {3, 2})).message
        assert isinstance(group, GroupMod)
        assert (group.command, len(group.buckets)) == (int(modify), 2)
        with pytest.raises(ValueError, match="no groups"):
            OLD.encode_group(1, modify, {3, 2})
    with pytest.raises(ValueError, match="no groups"):
        OLD.encode_group_desc_request(1)


def test_deleting_by_cookie_goes_to_every_table() -> None:
    found = NEW.messages.decode(NEW.encode(FlowDeleteByCookie(7, 0xFF), 1)).message
    assert isinstance(found, FlowMod13)
    assert (found.table_id, found.command, found.cookie, found.cookie_mask) == (255, 3, 7, 255)


@pytest.mark.parametrize(("codec", "barrier", "stats"), [(OLD, 19, 17), (NEW, 21, 19)])
def test_answers_are_told_from_what_comes_unasked(codec: Codec, barrier: int, stats: int) -> None:
    assert codec.replies == {3, 6, barrier, stats}
    for more in (0, 1):
        part = struct.pack("!BBHIHH4x", codec.version, stats, 16, 1, 0, more)
        assert codec.has_more(part) == bool(more)
    assert not codec.has_more(struct.pack("!BBHI", codec.version, barrier, 8, 1))


def test_connections_beside_the_main_one_came_with_1_3() -> None:
    features = bytes(21) + b"\1" + bytes(10)
    assert NEW.is_auxiliary(features)
    assert not OLD.is_auxiliary(features)
    assert not NEW.is_auxiliary(bytes(32))


@pytest.mark.parametrize("codec", CODECS)
def test_errors_and_reported_forms_are_those_of_the_version(codec: Codec) -> None:
    told = codec.messages.encode(1, Error(1, 2, b""))
    assert codec.error_name(told) == (
        "refused with BAD_REQUEST: BAD_STAT"
        if codec is OLD
        else "refused with BAD_REQUEST: BAD_MULTIPART"
    )
    match = Match(dl_type=0x0800, nw_src=(0x0A000001, 8))
    assert codec.as_reported(match, ())[0].nw_src == (0x0A000000, 8)


_ASKS = re.compile(
    r"OPENFLOW_1[03]\s*[=!]=|[=!]=\s*OPENFLOW_1[03]|(?<!address\.)version\s*[=!]=\s*[14]\b"
    r"|openflow\s*[=!]="
)
"""An IP address has a version too."""


def test_nobody_outside_the_wire_asks_for_the_version() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] != "wire"
        for line in path.read_text(encoding="utf-8").splitlines()
        if _ASKS.search(line)
    ]
    assert found == []
