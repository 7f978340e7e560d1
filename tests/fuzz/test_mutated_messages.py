"""A hundred thousand damaged messages of each version: nothing hangs, nothing gets through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ryu.exception import OFPTruncatedMessage
from ryu.ofproto import ofproto_protocol, ofproto_v1_0_parser, ofproto_v1_3_parser

from fuzz.alarm import alarm
from fuzz.corpus import HELLOS, VALID
from fuzz.mutations import mutations
from fuzz.wire import OF10, OF13, ask, features_request, hello
from horizon_ryu.wire.guard import Framer, MessageGuard, Violation, normalize_hello

MESSAGES = 100_000
SECONDS_EACH = 1.0
"""For the guard and Ryu together; a message of this size takes both about 0.1 ms."""

PARSERS: dict[int, Callable[..., Any]] = {
    OF10: ofproto_v1_0_parser.msg_parser,
    OF13: ofproto_v1_3_parser.msg_parser,
}


def _judge(version: int, data: bytes) -> list[bytes]:
    """Return what the guard lets through when every answer is an expected one."""
    conversation = MessageGuard()
    conversation.accept(hello(version))
    framer = Framer(conversation.negotiated(version))
    conversation.sent(features_request(version))
    conversation.sent(ask(version, *_question(data)))
    passed = []
    for message in framer.feed(data):
        conversation.accept(message)
        if conversation.readable(message):
            passed.append(message)
    return passed


def _question(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[8:10], "big"), int.from_bytes(data[4:8], "big")


@pytest.mark.fuzz
@pytest.mark.parametrize("version", [OF10, OF13])
def test_what_passes_the_guard_never_hangs_or_outruns_ryu(version: int) -> None:
    """What Ryu has no class for it may reject in its way; too short for Ryu must be for us."""
    datapath = ofproto_protocol.ProtocolDesc(version)
    tally: Counter[str] = Counter()
    for data in mutations(VALID[version], MESSAGES, seed=version):
        with alarm(SECONDS_EACH):
            try:
                passed = _judge(version, data)
            except Violation as violation:
                tally[violation.reason.value] += 1
                continue
            for message in passed:
                size, xid = len(message), int.from_bytes(message[4:8], "big")
                try:
                    PARSERS[version](datapath, version, message[1], size, xid, message)
                    tally["parsed"] += 1
                except OFPTruncatedMessage as error:
                    pytest.fail(f"too short for Ryu: {message.hex()} ({error})")
                except Exception as error:
                    tally[type(error).__name__] += 1
    print(f"version {version}: {dict(tally)}")
    assert tally["parsed"] > MESSAGES / 10
    assert tally["element_length"] > MESSAGES / 10


@pytest.mark.fuzz
def test_no_hello_hangs_ryu_once_it_is_written_anew() -> None:
    datapath = ofproto_protocol.ProtocolDesc(OF13)
    parsed = 0
    for data in mutations(HELLOS, MESSAGES // 10, seed=0):
        with alarm(SECONDS_EACH):
            try:
                for message in Framer().feed(data):
                    MessageGuard().accept(message)
                    anew = normalize_hello(message)
                    ofproto_v1_3_parser.OFPHello.parser(datapath, 4, 0, len(anew), 7, anew)
                    parsed += 1
            except Violation:
                continue
    assert parsed > 100


@pytest.mark.parametrize("version", [OF10, OF13])
def test_every_valid_message_passes_and_is_understood(version: int) -> None:
    datapath = ofproto_protocol.ProtocolDesc(version)
    for message in VALID[version]:
        assert _judge(version, message) == [message]
        parsed = PARSERS[version](datapath, version, message[1], len(message), 7, message)
        assert parsed.msg_len == len(message)
