from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executed_lines import executed_lines
from fuzz.corpus import HELLOS, VALID
from fuzz.wire import (
    OF10,
    OF13,
    PORT13,
    ask,
    features10,
    features13,
    features_request,
    flow13,
    hello,
    message,
    packet_in10,
    packet_in13,
    stats13,
)
from horizon_ryu.wire.guard import AnswerLimits, MessageGuard, Reason, Violation
from horizon_ryu.wire.guard.hello import normalize_hello, read_hello


def started(version: int = OF13, limits: AnswerLimits | None = None) -> MessageGuard:
    conversation = MessageGuard(limits or AnswerLimits())
    conversation.accept(hello(version))
    conversation.negotiated(version)
    return conversation


def refusal(conversation: MessageGuard, data: bytes) -> Reason:
    with pytest.raises(Violation) as caught:
        conversation.accept(data)
    return caught.value.reason


@pytest.mark.parametrize("greeting", HELLOS)
def test_any_well_formed_hello_opens(greeting: bytes) -> None:
    MessageGuard().accept(greeting)


@pytest.mark.parametrize("data", [packet_in13(), message(OF13, 2), features13(), packet_in10()])
def test_nothing_but_hello_comes_first(data: bytes) -> None:
    assert refusal(MessageGuard(), data) == Reason.ORDER


def test_nothing_comes_between_hello_and_the_choice_of_version() -> None:
    conversation = MessageGuard()
    conversation.accept(hello(OF13))
    assert refusal(conversation, message(OF13, 2)) == Reason.ORDER
    assert refusal(conversation, hello(OF13)) == Reason.ORDER


def test_hello_comes_once() -> None:
    assert refusal(started(), hello(OF13)) == Reason.ORDER


def test_hello_of_version_0() -> None:
    assert refusal(MessageGuard(), hello(0)) == Reason.VERSION


@pytest.mark.parametrize("version", [0, 2, 3, 5, 6])
def test_only_two_versions_are_spoken(version: int) -> None:
    with pytest.raises(Violation) as caught:
        MessageGuard().negotiated(version)
    assert caught.value.reason == Reason.VERSION


@pytest.mark.parametrize(("spoken", "other"), [(OF10, OF13), (OF13, OF10), (OF13, 5)])
def test_each_message_must_be_of_the_version_negotiated(spoken: int, other: int) -> None:
    assert refusal(started(spoken), message(other, 2)) == Reason.VERSION


TO_CONTROLLER = {
    OF10: {1, 2, 3, 4, 6, 8, 10, 11, 12, 17, 19, 21},
    OF13: {1, 2, 3, 4, 6, 8, 10, 11, 12, 19, 21, 23, 25, 27},
}


@pytest.mark.parametrize("version", [OF10, OF13])
def test_types_that_only_a_controller_sends_are_refused(version: int) -> None:
    """The same number means different things: 19 is a barrier reply in 1.0, statistics in 1.3."""
    for kind in set(range(1, 256)) - TO_CONTROLLER[version]:
        assert refusal(started(version), message(version, kind, bytes(48))) == Reason.TYPE


@pytest.mark.parametrize("version", [OF10, OF13])
def test_every_type_a_switch_sends_has_a_valid_example(version: int) -> None:
    assert {data[1] for data in VALID[version]} == TO_CONTROLLER[version]


@pytest.mark.parametrize("version", [OF10, OF13])
def test_truncated_fixed_messages_are_refused(version: int) -> None:
    variable = {1, 2, 3, 4, 10, 17 if version == OF10 else 19}
    for data in VALID[version]:
        if data[1] in variable or data[1] == 6:
            continue
        for size in range(8, len(data)):
            cut = data[:2] + struct.pack("!H", size) + data[4:size]
            if not _ends_an_element(data, size):
                refusal(started(version), cut)


def _ends_an_element(data: bytes, size: int) -> bool:
    """Queue configurations are lists: cut behind a queue, they are valid."""
    return data[1] in (21, 23) and len(data) > 16 and size in (16, 40, 32, 64)


def test_features_reply_must_have_been_requested() -> None:
    conversation = started()
    assert refusal(conversation, features13()) == Reason.UNREQUESTED
    conversation.sent(features_request(OF13))
    conversation.accept(features13())
    assert conversation.dpid == 0xD1
    assert refusal(conversation, features13()) == Reason.UNREQUESTED


def test_the_dpid_stays() -> None:
    conversation = started(OF10)
    conversation.sent(features_request(OF10) * 2)
    conversation.accept(features10(1))
    assert refusal(conversation, features10(2)) == Reason.IDENTITY


def test_answers_must_have_been_requested_by_xid_and_type() -> None:
    conversation = started()
    answer = stats13(13, PORT13)
    assert refusal(conversation, answer) == Reason.UNREQUESTED
    conversation.sent(ask(OF13, 4))
    assert refusal(conversation, answer) == Reason.UNREQUESTED
    conversation.sent(message(OF13, 20) + ask(OF13, 13) + message(OF13, 20))
    conversation.accept(answer)
    assert refusal(conversation, answer) == Reason.UNREQUESTED


def test_an_answer_has_parts_until_it_says_that_no_more_follow() -> None:
    conversation = started()
    conversation.sent(ask(OF13, 13))
    for _ in range(5):
        conversation.accept(stats13(13, PORT13, flags=1))
    conversation.accept(stats13(13, PORT13))
    assert refusal(conversation, stats13(13, PORT13)) == Reason.UNREQUESTED


@pytest.mark.parametrize("limits", [AnswerLimits(parts=3), AnswerLimits(size=3 * 80)])
def test_an_answer_without_end_is_ended(limits: AnswerLimits) -> None:
    conversation = started(limits=limits)
    conversation.sent(ask(OF13, 13))
    for _ in range(3):
        conversation.accept(stats13(13, PORT13, flags=1))
    assert refusal(conversation, stats13(13, PORT13, flags=1)) == Reason.EXCESS


def test_questions_never_answered_are_forgotten_oldest_first() -> None:
    conversation = started(limits=AnswerLimits(requests=2))
    for xid in (7, 8, 9):
        conversation.sent(ask(OF13, 13, xid))
    assert refusal(conversation, stats13(13, PORT13)) == Reason.UNREQUESTED


def test_what_is_sent_may_be_anything() -> None:
    conversation = started()
    for data in (b"", b"\x04", bytes(8), bytes(100), ask(OF13, 1)[:9], b"\x04\x12\0\0\0\0\0\0"):
        conversation.sent(data)
    assert refusal(conversation, stats13(1, b"")) == Reason.UNREQUESTED


def test_padding_after_the_frame_is_forgiven_but_not_more() -> None:
    frame = bytes(60)
    for start, valid in ((started(OF13), packet_in13(frame)), (started(OF10), packet_in10(frame))):
        padded = valid[:2] + struct.pack("!H", len(valid) + 4) + valid[4:] + bytes(4)
        start.accept(padded)
        longer = valid[:2] + struct.pack("!H", len(valid) + 8) + valid[4:] + bytes(8)
        assert refusal(start, longer) == Reason.LENGTH


@given(st.binary(max_size=64))
def test_hello_of_any_bytes_is_read_or_refused(body: bytes) -> None:
    data = hello(OF13, body)
    try:
        bitmap = read_hello(data)
    except Violation:
        return
    assert read_hello(normalize_hello(data)) == bitmap


@pytest.mark.parametrize(("version", "packet_in"), [(OF10, packet_in10), (OF13, packet_in13)])
@pytest.mark.parametrize("size", [60, 1500, 60_000])
def test_judging_a_packet_in_is_cheap(
    version: int, packet_in: Callable[[bytes], bytes], size: int
) -> None:
    """It is done for each of them: some lines, however large the frame is."""
    accept, data = started(version).accept, packet_in(bytes(size))
    assert executed_lines(lambda: accept(data)) <= 15


def test_flow_entries_that_were_sound_are_so_while_only_counters_change_and_are_walked_else() -> (
    None
):
    """What has one more byte, or one other, is walked as any."""
    conversation = started()
    entry = bytearray(flow13())
    for at, outcome in (
        (None, None),
        (40, None),
        (8, None),
        (1, Reason.LENGTH),
        (55, Reason.LENGTH),
    ):
        changed = bytearray(entry)
        if at is not None:
            changed[at] ^= 0x0F
        conversation.sent(ask(OF13, 1))
        answer = stats13(1, bytes(changed))
        if outcome is None:
            conversation.accept(answer)
        else:
            assert refusal(conversation, answer) == outcome
