"""Every message that is known to hang or break Ryu dies at the guard, and really does hang Ryu."""

from __future__ import annotations

from typing import Any

import pytest
from ryu.ofproto import ofproto_parser, ofproto_protocol

from fuzz.alarm import Hung, alarm, lines_at_most
from fuzz.malformed import (
    HELLOS,
    LONG_HELLO,
    ROWS,
    UNALIGNED_CONTROLLER,
    UNLISTED_QUEUE_PROPERTY,
    Malformed,
)
from fuzz.wire import OF10, OF13, ask, hello
from horizon_ryu.wire.guard import Framer, MessageGuard, Violation, normalize_hello

GUARD_SECONDS = 2.0
RYU_SECONDS = 0.2
RYU_LINES = 50_000
"""Of Python; a message of this size takes Ryu some hundreds."""


def _names(row: Malformed) -> str:
    return f"{row.version}-{row.name}"


def _parse_with_ryu(message: bytes) -> Any:
    datapath = ofproto_protocol.ProtocolDesc(message[0])
    kind, size = message[1], len(message)
    return ofproto_parser.msg(datapath, message[0], kind, size, 7, message)


def _talk(row: Malformed) -> None:
    """Feed the row to a fresh guard, right after what makes the answer an expected one."""
    conversation, framer = MessageGuard(), Framer()
    if row not in HELLOS:
        conversation.accept(hello(row.version))
        framer.max_sizes = conversation.negotiated(row.version)
        conversation.sent(ask(row.version, int.from_bytes(row.message[8:10], "big")))
    for message in framer.feed(row.message):
        conversation.accept(message)


@pytest.mark.parametrize("row", [*HELLOS, *ROWS], ids=_names)
def test_guard_refuses(row: Malformed) -> None:
    with alarm(GUARD_SECONDS), pytest.raises(Violation) as caught:
        _talk(row)
    assert caught.value.reason == row.reason


@pytest.mark.parametrize("row", [row for row in (*HELLOS, *ROWS) if row.hangs], ids=_names)
def test_ryu_alone_would_hang(row: Malformed) -> None:
    with pytest.raises(Hung), lines_at_most(RYU_LINES, RYU_SECONDS):
        _parse_with_ryu(row.message)


def test_well_formed_hello_that_hangs_ryu_is_written_anew() -> None:
    with pytest.raises(Hung), alarm(RYU_SECONDS):
        _parse_with_ryu(LONG_HELLO)
    MessageGuard().accept(LONG_HELLO)
    with alarm(RYU_SECONDS):
        parsed = _parse_with_ryu(normalize_hello(LONG_HELLO))
    assert [element.versions for element in parsed.elements] == [[1, 4]]


def test_unlisted_queue_property_is_well_formed_and_does_not_hang() -> None:
    conversation = MessageGuard()
    conversation.accept(hello(OF13))
    conversation.negotiated(OF13)
    conversation.accept(UNLISTED_QUEUE_PROPERTY)
    with alarm(RYU_SECONDS):
        assert _parse_with_ryu(UNLISTED_QUEUE_PROPERTY) is None


def test_valid_flow_entry_that_hangs_ryu_is_kept_from_it() -> None:
    with pytest.raises(Hung), alarm(RYU_SECONDS):
        _parse_with_ryu(UNALIGNED_CONTROLLER)
    conversation = MessageGuard()
    conversation.accept(hello(OF10))
    conversation.negotiated(OF10)
    conversation.sent(ask(OF10, 1))
    conversation.accept(UNALIGNED_CONTROLLER)
    assert not conversation.readable(UNALIGNED_CONTROLLER)
