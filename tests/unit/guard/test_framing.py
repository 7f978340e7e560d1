from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.corpus import VALID
from fuzz.wire import OF10, OF13, hello, message
from horizon_ryu.wire.guard import Framer, Reason, Violation
from horizon_ryu.wire.guard.openflow13 import OPENFLOW13

STREAM = b"".join(VALID[OF13])


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_messages_are_the_same_however_the_stream_is_cut(cuts: list[int]) -> None:
    framer = Framer(OPENFLOW13.max_sizes)
    edges = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in itertools.pairwise(edges)]
    assert [whole for chunk in chunks for whole in framer.feed(chunk)] == list(VALID[OF13])


@pytest.mark.parametrize("size", range(8))
def test_header_that_says_less_than_itself(size: int) -> None:
    with pytest.raises(Violation) as caught:
        list(Framer().feed(bytes([OF13, 0, 0, size, 0, 0, 0, 0])))
    assert caught.value.reason == Reason.HEADER


def test_body_of_a_type_that_must_not_come_is_not_awaited() -> None:
    with pytest.raises(Violation) as caught:
        list(Framer().feed(message(OF13, 10, bytes(60_000))[:8]))
    assert caught.value.reason == Reason.TYPE


def test_too_long_for_its_type() -> None:
    with pytest.raises(Violation) as caught:
        list(Framer().feed(hello(OF13, bytes(2000))))
    assert caught.value.reason == Reason.SIZE


def test_messages_before_a_bad_header_are_delivered() -> None:
    messages = Framer().feed(hello(OF10) + b"\x04\x00\x00\x07\0\0\0\0")
    assert next(messages) == hello(OF10)
    with pytest.raises(Violation):
        next(messages)


def test_caps_may_change_between_two_messages_of_a_chunk() -> None:
    framer = Framer()
    seen = []
    for whole in framer.feed(hello(OF13) + message(OF13, 2, b"ping")):
        seen.append(whole)
        framer.max_sizes = OPENFLOW13.max_sizes
    assert len(seen) == 2
