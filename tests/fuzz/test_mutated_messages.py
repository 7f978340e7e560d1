"""Tens of thousands of damaged messages of each version: nothing hangs, nothing gets through.

What the guard lets through is read by our decoders, and by Ryu's as far as they are asked to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ryu.exception import OFPTruncatedMessage
from ryu.ofproto import ofproto_protocol, ofproto_v1_0_parser, ofproto_v1_3_parser

from examples import examples
from fuzz.alarm import each_within
from fuzz.corpus import HELLOS, VALID
from fuzz.judged import expect_read, judge
from fuzz.mutations import mutations
from fuzz.wire import OF10, OF13
from horizon_ryu.wire.guard import Framer, MessageGuard, Violation, normalize_hello

MESSAGES = examples(20_000, 100_000)
SECONDS_EACH = 1.0
"""For the guard and Ryu together; a message of this size takes both about 0.1 ms."""

PARSERS: dict[int, Callable[..., Any]] = {
    OF10: ofproto_v1_0_parser.msg_parser,
    OF13: ofproto_v1_3_parser.msg_parser,
}
DATAPATHS = {version: ofproto_protocol.ProtocolDesc(version) for version in PARSERS}


@pytest.mark.fuzz
@pytest.mark.parametrize("version", [OF10, OF13])
def test_what_passes_the_guard_never_hangs_or_outruns_ryu(version: int) -> None:
    """Our decoders read all of it.

    What Ryu has no class for it may reject in its way; too short for Ryu must be for us.
    """
    tally: Counter[str] = Counter()
    for data in each_within(SECONDS_EACH, mutations(VALID[version], MESSAGES, seed=version)):
        try:
            guard, passed = judge(version, data)
        except Violation as violation:
            tally[violation.reason.value] += 1
            continue
        for message in passed:
            expect_read(version, message)
            tally["read"] += 1
            if guard.readable(message):
                tally[_parse_with_ryu(version, message)] += 1
    print(f"version {version}: {dict(tally)}")
    assert tally["read"] > MESSAGES / 20
    assert tally["parsed"] > MESSAGES / 10
    assert tally["element_length"] > MESSAGES / 10


def _parse_with_ryu(version: int, message: bytes) -> str:
    """Return what became of it."""
    size, xid = len(message), int.from_bytes(message[4:8], "big")
    try:
        PARSERS[version](DATAPATHS[version], version, message[1], size, xid, message)
    except OFPTruncatedMessage as error:
        pytest.fail(f"too short for Ryu: {message.hex()} ({error})")
    except Exception as error:
        return type(error).__name__
    return "parsed"


@pytest.mark.fuzz
def test_no_hello_hangs_ryu_once_it_is_written_anew() -> None:
    parsed = 0
    for data in each_within(SECONDS_EACH, mutations(HELLOS, MESSAGES // 10, seed=0)):
        try:
            for message in Framer().feed(data):
                MessageGuard().accept(message)
                anew = normalize_hello(message)
                ofproto_v1_3_parser.OFPHello.parser(DATAPATHS[OF13], 4, 0, len(anew), 7, anew)
                parsed += 1
        except Violation:
            continue
    assert parsed > 100


@pytest.mark.parametrize("version", [OF10, OF13])
def test_every_valid_message_passes_and_is_understood(version: int) -> None:
    for message in VALID[version]:
        guard, passed = judge(version, message)
        assert passed == [message]
        assert guard.readable(message)
        parsed = PARSERS[version](DATAPATHS[version], version, message[1], len(message), 7, message)
        assert parsed.msg_len == len(message)
