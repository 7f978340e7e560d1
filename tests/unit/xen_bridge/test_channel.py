"""Streams of a channel over a network that loses, repeats and delays, between ends that restart."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from examples import examples
from xen_bridge.channel.incarnation import CHANCE_BITS, next_incarnation
from xen_bridge.channel.receiver import Delivered, Event, Gap, Receiver, SenderStarted
from xen_bridge.channel.sender import ChannelSender, PeerReset, SenderLimits
from xen_bridge.errors import InvalidRequest, Overloaded, TooLarge
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.channel import (
    Acknowledgement,
    ChannelMessages,
    NumberedMessage,
)
from xen_bridge.protocol.documents.hello import NodeHello

SMALL = SenderLimits(window=4, queue=6, batch_bytes=3, first_retry=1.0, longest_retry=8.0)


def following(incarnation: int) -> int:
    return incarnation + 1


def ends(limits: SenderLimits | None = None) -> tuple[ChannelSender, Receiver, list[Event]]:
    return ChannelSender(10, following, limits), Receiver(20), []


def exchange(
    sender: ChannelSender, receiver: Receiver, events: list[Event], now: float = 0.0
) -> Any:
    sent = sender.poll(now)
    assert sent is not None
    return sender.acknowledged(receiver.accept(sent, events.append), now)


def bodies(events: list[Event]) -> list[Any]:
    return [one.body for one in events if isinstance(one, Delivered)]


# ---- one step after the other


def test_messages_arrive_in_their_order() -> None:
    sender, receiver, events = ends()
    for word in "abc":
        sender.offer(word)
    assert exchange(sender, receiver, events) is None
    assert events == [SenderStarted(10), *(Delivered(n, w) for n, w in enumerate("abc", 1))]
    assert (sender.pending, sender.next_due()) == (0, None)


def test_what_is_lost_is_sent_again_each_time_later() -> None:
    sender, receiver, events = ends(SMALL)
    sender.offer("a")
    at, times = 0.0, []
    for _ in range(6):
        assert sender.poll(at) is not None
        times.append(at)
        assert sender.poll(at) is None
        due = sender.next_due()
        assert due is not None
        at = due
    assert times == [0, 1, 3, 7, 15, 23]
    assert sender.resent == 5
    exchange(sender, receiver, events, at)
    assert bodies(events) == ["a"]
    sender.offer("b")
    assert sender.next_due() == 0.0


def test_a_lost_acknowledgement_delivers_nothing_twice() -> None:
    sender, receiver, events = ends()
    sender.offer("a")
    sent = sender.poll(0)
    assert sent is not None
    receiver.accept(sent, events.append)
    sender.offer("b")
    for _ in range(2):
        exchange(sender, receiver, events, 1.0)
    assert bodies(events) == ["a", "b"]
    assert receiver.duplicates == 1


def test_the_window_and_the_bytes_of_a_document_bound_what_is_sent() -> None:
    sender, receiver, events = ends(SMALL)
    for number in range(6):
        sender.offer(number, size=2 if number == 1 else 1)
    first = sender.poll(0)
    assert first is not None
    assert [one.body for one in first.messages] == [0, 1]
    sender.acknowledged(receiver.accept(first, events.append), 0)
    for _ in range(2):
        exchange(sender, receiver, events)
    assert bodies(events) == [0, 1, 2, 3, 4, 5]


def test_a_full_queue_refuses_and_takes_nothing() -> None:
    sender = ChannelSender(1, following, SMALL)
    for number in range(6):
        sender.offer(number)
    with pytest.raises(Overloaded):
        sender.offer("one too many")
    with pytest.raises(Overloaded):
        sender.offer("one too many", key="new")
    assert sender.pending == 6


def test_newer_state_takes_the_place_of_older_in_the_queue_but_not_in_flight() -> None:
    sender, receiver, events = ends(SMALL)
    sender.offer("a1", key="a")
    sent = sender.poll(0)
    sender.offer("a2", key="a")
    sender.offer("b1", key="b")
    sender.offer("a3", key="a")
    assert sent is not None
    sender.acknowledged(receiver.accept(sent, events.append), 0)
    exchange(sender, receiver, events)
    assert bodies(events) == ["a1", "b1", "a3"]
    assert [one.number for one in events if isinstance(one, Delivered)] == [1, 2, 3]
    assert sender.replaced == 1


def test_state_is_replaced_in_a_full_queue() -> None:
    sender = ChannelSender(1, following, SMALL)
    for number in range(6):
        sender.offer(number, key=number)
    sender.offer("new", key=3)
    assert sender.abandon() == (0, 1, 2, 4, 5, "new")


def test_a_message_that_no_document_carries_is_refused() -> None:
    with pytest.raises(TooLarge):
        ChannelSender(1, following, SMALL).offer("x", size=4)


def test_a_receiver_that_began_anew_is_told_its_gap_and_the_sender_of_its_restart() -> None:
    sender, receiver, events = ends()
    for word in "abc":
        sender.offer(word)
    exchange(sender, receiver, events)
    receiver, events = Receiver(21), []
    sender.offer("d")
    assert exchange(sender, receiver, events) == PeerReset(21)
    assert events == [SenderStarted(10), Gap(1, 3), Delivered(4, "d")]


def test_a_sender_that_began_anew_is_told() -> None:
    sender, receiver, events = ends()
    sender.offer("a")
    exchange(sender, receiver, events)
    later = ChannelSender(11, following)
    later.offer("b")
    exchange(later, receiver, events)
    assert events[2:] == [SenderStarted(11), Delivered(1, "b")]


def test_what_an_earlier_start_sent_is_not_taken_after_a_later_one() -> None:
    sender, receiver, events = ends()
    sender.offer("old")
    late = sender.poll(0)
    later = ChannelSender(11, following)
    later.offer("new")
    exchange(later, receiver, events)
    assert late is not None
    told = receiver.accept(late, events.append)
    assert (told.of_incarnation, bodies(events)) == (11, ["new"])


def test_a_sender_whose_count_was_lost_begins_above_what_the_receiver_knows() -> None:
    _, receiver, events = ends()
    receiver.accept(ChannelMessages(500, 1), events.append)
    sender = ChannelSender(3, following)
    sender.offer("a")
    assert exchange(sender, receiver, events) == PeerReset(20)
    assert sender.incarnation == 501
    exchange(sender, receiver, events)
    assert events == [SenderStarted(500), SenderStarted(501), Delivered(1, "a")]


def test_a_receiver_that_is_busy_gets_the_rest_again() -> None:
    sender, receiver, events = ends()
    for word in "abcd":
        sender.offer(word)

    def busy(event: Event) -> None:
        if len(events) == 3:
            raise Overloaded("later")
        events.append(event)

    sent = sender.poll(0)
    assert sent is not None
    told = receiver.accept(sent, busy)
    assert told.acknowledged == 2
    sender.acknowledged(told, 0)
    assert sender.next_due() == 1.0
    exchange(sender, receiver, events, 1.0)
    assert bodies(events) == list("abcd")


def test_an_acknowledgement_of_what_was_never_sent_is_not_believed() -> None:
    sender, _, _ = ends()
    sender.offer("a")
    sender.poll(0)
    sender.offer("b")
    for number in (2, 3, 1 << 62):
        sender.acknowledged(Acknowledgement(20, 10, number), 0)
    assert sender.pending == 2
    sender.acknowledged(Acknowledgement(20, (1 << 63) - 1, 0), 0)
    assert sender.incarnation == 10


def test_an_idle_stream_asks_how_far_the_receiver_is() -> None:
    sender, receiver, events = ends(SenderLimits(idle=30.0))
    sender.offer("a")
    exchange(sender, receiver, events)
    assert sender.next_due() == 30.0
    assert sender.poll(29.9) is None
    assert exchange(sender, Receiver(21), events, 30.0) == PeerReset(21)


def test_who_hears_of_the_receiver_need_not_wait() -> None:
    sender = ChannelSender(1, following)
    sender.offer("a")
    sender.poll(0)
    sender.retry_now()
    assert sender.poll(0) is not None


def test_a_number_that_cannot_be_kept_follows_the_clock_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # As on the disk of a router that is only read.
    path = tmp_path / "no folder" / "incarnation"
    first = next_incarnation(path)
    assert "cannot be kept" in caplog.text
    # It follows the clock, whose milliseconds are above the bits of chance.
    assert next_incarnation(path) >> CHANCE_BITS >= first >> CHANCE_BITS


def test_incarnations_grow_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "incarnation"
    first = next_incarnation(path)
    assert next_incarnation(path) > first
    path.write_text(f"{10**18}\n", encoding="ascii")
    assert next_incarnation(path) > 10**18
    for damaged in (b"", b"x", b"\xff\xfe", b"-5", b"9" * 40, b"9" * 19):
        path.write_bytes(damaged)
        assert next_incarnation(path) >= first
    path.unlink()
    assert next_incarnation(path) >= first


# ---- as a document


def test_messages_travel_under_the_id_of_their_application() -> None:
    body = ChannelMessages(5, 1, (NumberedMessage(1, NodeHello("virtual_router", "r1", 7)),))
    request = messages.request("TUlJQg==", body)
    assert request.application == Application.HELLO
    assert messages.read(messages.write(request)) == request
    empty = messages.request("TUlJQg==", ChannelMessages(5, 1), application=Application.HELLO)
    assert messages.read(messages.write(empty)) == empty
    told = messages.Message("TUlJQg==", Application.HELLO, Acknowledgement(1, 5, 1))
    assert messages.answer_to(body, messages.read(messages.write(told))) == told.body


def test_a_body_that_may_not_travel_or_is_out_of_range_is_refused() -> None:
    for body in (Acknowledgement(1, 1, 1), "text", None):
        with pytest.raises((InvalidRequest, KeyError)):
            messages.request("TUlJQg==", ChannelMessages(5, 1, (NumberedMessage(1, body),)))
    with pytest.raises(InvalidRequest):
        messages.request("TUlJQg==", ChannelMessages(0, 1), application=Application.HELLO)
    sound = ChannelMessages(5, 1, (NumberedMessage(1, NodeHello("domain_0")),))
    data = messages.write(messages.request("TUlJQg==", sound))
    with pytest.raises(InvalidRequest):
        messages.read(data.replace(b"<Kind>domain_0</Kind>", b"<Kind>x</Kind>"))
    with pytest.raises(InvalidRequest):
        messages.read(data.replace(b"Hello>", b"GetNode>"))


# ---- any loss, repetition, delay and restart


class LossyNetwork(RuleBasedStateMachine):
    """A sender and a receiver, and between them a network that does as it likes.

    What was sent stays on the way: each copy may arrive now, later, often, or never.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.offered: list[int] = []
        self.used = {100}
        self.sender = ChannelSender(100, self.unused, SMALL)
        self.receiver = Receiver(1000)
        self.on_the_way: list[ChannelMessages] = []
        self.answers: list[Acknowledgement] = []
        self.numbers: dict[tuple[int, int], int] = {}
        """Which body has which number of which sender's incarnation."""
        self.events: dict[int, list[Event]] = defaultdict(list)
        """What each incarnation of the receiver was told."""

    @rule(key=st.none() | st.integers(0, 2), size=st.integers(1, 3))
    def offer(self, key: int | None, size: int) -> None:
        body = len(self.offered)
        try:
            self.sender.offer(body, key, size)
        except Overloaded:
            assert self.sender.pending >= SMALL.queue
        else:
            self.offered.append(body)

    @rule(seconds=st.sampled_from((0.0, 0.5, 1.0, 9.0)))
    def poll(self, seconds: float) -> None:
        self.now += seconds
        sent = self.sender.poll(self.now)
        if sent is None:
            return
        assert len(sent.messages) <= SMALL.window
        for item in sent.messages:
            known = self.numbers.setdefault((sent.incarnation, item.number), item.body)
            assert known == item.body, "a number always names the same message"
        self.on_the_way.append(sent)

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data(), busy=st.integers(0, 4))
    def arrive(self, data: st.DataObject, busy: int) -> None:
        sent = data.draw(st.sampled_from(self.on_the_way))
        told = self.events[self.receiver.incarnation]
        room = len(told) + busy

        def handle(event: Event) -> None:
            if busy and len(told) >= room:
                raise Overloaded("later")
            told.append(event)

        self.answers.append(self.receiver.accept(sent, handle))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.sender.acknowledged(data.draw(st.sampled_from(self.answers)), self.now)

    @rule(step=st.integers(-20, 5))
    def restart_sender(self, step: int) -> None:
        """With a count that was lost the new incarnation may be below the one before."""
        incarnation = self.unused(max(self.sender.incarnation + step, 1))
        self.sender = ChannelSender(incarnation, self.unused, SMALL)

    def unused(self, above: int) -> int:
        """The next incarnation that no sender had."""
        found = next(one for one in count(above + 1) if one not in self.used)
        self.used.add(found)
        return found

    @rule()
    def restart_receiver(self) -> None:
        self.receiver = Receiver(self.receiver.incarnation + 1)

    @invariant()
    def every_number_is_delivered_once_in_order_or_told_as_lost(self) -> None:
        for told in self.events.values():
            check_told(told, self.numbers)

    def teardown(self) -> None:
        """Once the network is kind, all that the sender keeps arrives."""
        waiting = self.sender.pending
        for _ in range(10 + 4 * waiting):
            self.now += SMALL.longest_retry
            sent = self.sender.poll(self.now)
            if sent is None:
                break
            for item in sent.messages:
                self.numbers.setdefault((sent.incarnation, item.number), item.body)
            told = self.receiver.accept(sent, self.events[self.receiver.incarnation].append)
            self.sender.acknowledged(told, self.now)
        assert self.sender.pending == 0
        self.every_number_is_delivered_once_in_order_or_told_as_lost()


def check_told(told: list[Event], numbers: dict[tuple[int, int], int]) -> None:
    """Check what one incarnation of the receiver was told."""
    sender, following, last_body = 0, 1, -1
    for event in told:
        if isinstance(event, SenderStarted):
            assert event.incarnation > sender
            sender, following, last_body = event.incarnation, 1, -1
        elif isinstance(event, Gap):
            assert event.first == following <= event.last
            following = event.last + 1
        else:
            assert event.number == following
            assert event.body == numbers[sender, event.number]
            assert event.body > last_body, "in the order of the offers"
            last_body = event.body
            following += 1


TestLossyNetwork = LossyNetwork.TestCase
TestLossyNetwork.settings = settings(
    max_examples=examples(40, 100), stateful_step_count=50, deadline=None
)


@given(st.data())
def test_without_restarts_everything_arrives_once_and_nothing_is_lost(data: st.DataObject) -> None:
    sender, receiver, events = ends(SMALL)
    on_the_way: list[ChannelMessages] = []
    answers: list[Acknowledgement] = []
    offered = 0
    now = 0.0
    for step in data.draw(st.lists(st.sampled_from("oopaar"), max_size=60)):
        if step == "o" and sender.pending < SMALL.queue:
            sender.offer(offered)
            offered += 1
        elif step == "p":
            now += data.draw(st.sampled_from((0.0, 1.0, 8.0)))
            sent = sender.poll(now)
            on_the_way += [sent] if sent else []
        elif step == "a" and on_the_way:
            sent = data.draw(st.sampled_from(on_the_way))
            answers.append(receiver.accept(sent, events.append))
        elif step == "r" and answers:
            sender.acknowledged(data.draw(st.sampled_from(answers)), now)
    while sender.pending:
        now += SMALL.longest_retry
        exchange(sender, receiver, events, now)
    assert bodies(events) == list(range(offered))
    assert not [one for one in events if isinstance(one, Gap)]
