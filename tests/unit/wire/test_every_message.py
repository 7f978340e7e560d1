"""Every message of both versions and directions: what is written is read again, and back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from fuzz.corpus import VALID
from horizon_ryu.wire.layout import WireError
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of10.structures import ActionOutput10
from horizon_ryu.wire.of13.handshake import GetAsyncReply, SetAsync
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.ofp10 import OFPT as OFPT10
from horizon_ryu.wire.ofp13 import OFPT as OFPT13
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.symmetric import EchoReply, EchoRequest, Hello, version_bitmap
from unit.stats.captures import pieces
from unit.wire.values import CASES, EVERY

TABLES = {1: MESSAGES10, 4: MESSAGES13}
MANY = settings(max_examples=examples(8, 40))


def test_no_type_of_either_version_is_missing() -> None:
    assert set(MESSAGES10.classes()) == set(OFPT10)
    assert set(MESSAGES13.classes()) == set(OFPT13)
    assert [len(OFPT10), len(OFPT13)] == [22, 30]


@pytest.mark.parametrize(("version", "name"), CASES)
@MANY
@given(data=st.data())
def test_it_is_read_as_it_was_written(version: int, name: str, data: Any) -> None:
    value = data.draw(EVERY[version][name])
    table = TABLES[version]
    written = table.encode(77, value)
    assert table.decode(written) == (77, value)
    assert table.encode(*table.decode(written)) == written


@pytest.mark.parametrize("version", TABLES)
def test_messages_built_by_hand_are_written_as_they_were_read(version: int) -> None:
    table = TABLES[version]
    # One of the corpus says in a pad what no specification knows.
    plain = [message for message in VALID[version] if _says_nothing_in_pads(table, message)]
    assert len(plain) >= len(VALID[version]) - 1
    for message in plain:
        assert table.encode(*table.decode(message)) == message


def _says_nothing_in_pads(table: Any, message: bytes) -> bool:
    anew = table.encode(*table.decode(message))
    assert len(anew) == len(message)
    assert table.decode(anew) == table.decode(message)
    return bool(sum(one != other for one, other in zip(anew, message, strict=True)) == 0)


@pytest.mark.parametrize("version", TABLES)
@pytest.mark.parametrize("kind", StatsType)
def test_answers_of_open_vswitch_are_written_as_they_were_read(
    version: int, kind: StatsType
) -> None:
    for piece in pieces(version, kind):
        assert TABLES[version].encode(*TABLES[version].decode(piece)) == piece


@pytest.mark.parametrize(("version", "name"), CASES)
@MANY
@given(data=st.data())
def test_whatever_is_cut_off_is_refused_or_read_as_less(version: int, name: str, data: Any) -> None:
    table = TABLES[version]
    message = table.encode(1, data.draw(EVERY[version][name]))
    size = data.draw(st.integers(0, len(message) - 1))
    cut = message[:2] + size.to_bytes(2, "big") + message[4:size]
    try:
        again = table.encode(*table.decode(cut))
    except WireError:
        return
    assert table.decode(again) == table.decode(cut)


@pytest.mark.parametrize(("version", "name"), CASES)
@MANY
@given(data=st.data())
def test_random_bytes_are_refused_or_read(version: int, name: str, data: Any) -> None:
    table = TABLES[version]
    message = bytearray(table.encode(1, data.draw(EVERY[version][name])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(8, max(8, len(message) - 1)))
        if at < len(message):
            message[at] = data.draw(st.integers(0, 255))
    try:
        xid, value = table.decode(bytes(message))
    except WireError:
        return
    assert table.decode(table.encode(xid, value)) == (xid, value)


def test_values_of_the_same_numbers_are_not_the_same() -> None:
    assert EchoRequest(b"a") != EchoReply(b"a")
    masks = dict.fromkeys((field.name for field in dataclasses.fields(SetAsync)), 1)
    assert SetAsync(**masks) != GetAsyncReply(**masks)


def test_what_a_version_does_not_have_is_refused() -> None:
    with pytest.raises(WireError, match="version 1 has no SetAsync"):
        MESSAGES10.encode(1, SetAsync(1, 2, 3, 4, 5, 6))
    with pytest.raises(WireError, match="no message of type 77"):
        MESSAGES13.decode(bytes((4, 77, 0, 8, 0, 0, 0, 1)))
    with pytest.raises(WireError, match="ActionOutput10"):
        MESSAGES13.encode(1, ActionOutput10(1))


def test_numbers_and_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(WireError):
        MESSAGES13.encode(1, EchoRequest(bytes(65528)))
    with pytest.raises(WireError):
        MESSAGES13.encode(2**32, EchoRequest())
    with pytest.raises(WireError):
        MESSAGES13.encode(1, SetAsync(2**32, 0, 0, 0, 0, 0))


def test_a_hello_of_any_version_is_read_and_offers_what_its_bitmap_says() -> None:
    greeting = MESSAGES13.encode(3, Hello((version_bitmap(1, 4, 40),)))
    newer = bytes((6,)) + greeting[1:]
    (bitmap,) = MESSAGES10.decode(newer).message.elements
    assert [version for version in range(100) if bitmap.offers(version)] == [1, 4, 40]
