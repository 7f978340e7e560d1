"""A channel between two nodes, over TLS on loopback: one is killed and comes back."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import channel_node
from tools.controller_process import wait_until
from xen_bridge.channel.incarnation import FILE, next_incarnation
from xen_bridge.channel.incoming import IncomingChannel
from xen_bridge.channel.outgoing import OutgoingChannel
from xen_bridge.channel.receiver import Delivered, Event, SenderStarted
from xen_bridge.channel.sender import SenderLimits
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError, InvalidRequest, Overloaded, PeerAway, RequestUnsupported
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.channel import (
    Acknowledgement,
    ChannelMessages,
    NumberedMessage,
)
from xen_bridge.protocol.documents.domains import GetNode
from xen_bridge.protocol.documents.hello import NodeHello
from xen_bridge.trust.identity import Identity
from xen_bridge.trust.key_list import FILE as KEYS
from xen_bridge.trust.key_list import KeyList

QUICK = SenderLimits(window=8, first_retry=0.05, longest_retry=0.2)


class ChannelNode:
    """The receiving node, in a process of its own; a context manager."""

    def __init__(self, folder: Path, sender: Identity) -> None:
        self.identity = Identity.create(folder)
        KeyList(folder / KEYS).add(sender.node_pk)
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        """Start it, on the port it had, and return when it listens."""
        program = [sys.executable, channel_node.__file__, str(self._folder), str(self.port)]
        with (self._folder / "log").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                program,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on "), (self._folder / "log").read_text()
        self.port = int(line.split()[2].rpartition(":")[2])

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def events(self) -> list[tuple[int, str, int, int]]:
        """What each of its incarnations was told."""
        path = self._folder / channel_node.EVENTS
        lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        rows = (line.split() for line in lines)
        return [(int(row[0]), row[1], int(row[2]), int(row[3])) for row in rows]

    def delivered(self) -> list[int]:
        """The numbers in the bodies, in the order they were delivered in."""
        return [row[3] for row in self.events() if row[1] == "delivered"]


@pytest.fixture
def sender(tmp_path: Path) -> Identity:
    return Identity.create(tmp_path / "sender")


@pytest.fixture
def node(tmp_path: Path, sender: Identity) -> Iterator[ChannelNode]:
    made = ChannelNode(tmp_path / "receiver", sender)
    try:
        yield made
    finally:
        made.kill()


def channel_to(
    node: ChannelNode, sender: Identity, folder: Path, reset: Any = lambda _application: None
) -> OutgoingChannel:
    client = BridgeClient(f"https://127.0.0.1:{node.port}", node.identity.node_pk, sender)
    return OutgoingChannel("receiver", client, next_incarnation(folder / FILE), reset, QUICK)


def test_all_arrives_in_order_though_the_receiver_is_killed_in_between(
    node: ChannelNode, sender: Identity, tmp_path: Path
) -> None:
    node.start()
    resets: list[Application] = []
    channel = channel_to(node, sender, tmp_path / "sender", resets.append)
    channel.start()
    try:
        for number in range(1, 101):
            channel.send(NodeHello("virtual_router", "r1", number))
        wait_until(lambda: len(node.delivered()) > 20, 60.0, "some have arrived")
        node.kill()
        for number in range(101, 151):
            channel.send(NodeHello("virtual_router", "r1", number))
        wait_until(lambda: channel.status().trouble != "", 60.0, "the silence is noticed")
        node.start()
        wait_until(lambda: channel.status().pending == 0, 60.0, "all is acknowledged")
        assert channel.status().trouble == ""
    finally:
        left = channel.close()
    assert left == ()
    check_events(node.events(), resets)
    assert sorted(set(node.delivered())) == list(range(1, 151))


def check_events(events: list[tuple[int, str, int, int]], resets: list[Application]) -> None:
    """Each incarnation of the receiver was told every number once: delivered, or as a gap."""
    incarnations = sorted({row[0] for row in events})
    assert len(incarnations) == 2
    for incarnation in incarnations:
        following = 1
        told = [row[1:] for row in events if row[0] == incarnation]
        assert told[0][0] == "started"
        for kind, first, second in told[1:]:
            assert first == following
            if kind == "delivered":
                # Nothing was replaced, so the body's number is that of the message.
                assert second == first
                following += 1
            else:
                assert kind == "gap"
                following = second + 1
        assert following == 151 or incarnation == incarnations[0]
    assert resets == [Application.HELLO]


def say_hello(channel: OutgoingChannel, number: int) -> None:
    channel.send(NodeHello("domain_0", None, number))
    channel.start()
    try:
        wait_until(lambda: channel.status().pending == 0, 60.0, "it is acknowledged")
    finally:
        channel.close()


def test_a_sender_that_starts_anew_is_told_as_one(
    node: ChannelNode, sender: Identity, tmp_path: Path
) -> None:
    node.start()
    for number in (1, 2):
        say_hello(channel_to(node, sender, tmp_path / "sender"), number)
    kinds = [row[1] for row in node.events()]
    assert kinds == ["started", "delivered", "started", "delivered"]
    assert node.delivered() == [1, 2]


def test_a_node_that_is_not_known_delivers_nothing(
    node: ChannelNode, sender: Identity, tmp_path: Path
) -> None:
    stranger = Identity.create(tmp_path / "stranger")
    node.start()
    channel = channel_to(node, stranger, tmp_path / "stranger")
    channel.send(NodeHello("domain_0"))
    channel.start()
    try:
        wait_until(lambda: "authorize" in channel.status().trouble, 60.0, "the refusal is told")
        assert channel.status().pending == 1
    finally:
        left = channel.close()
    assert left == (NodeHello("domain_0"),)
    assert node.events() == []


# ---- the carriers, without a network


class Peer:
    """A connection whose answers come from an incoming channel in this process."""

    def __init__(self, incoming: IncomingChannel) -> None:
        self.incoming = incoming
        self.failing: Exception | None = None
        self.asked = 0
        self.closed = False

    def ask(
        self,
        body: Any,
        router: str | None = None,
        seconds: float | None = None,
        application: Application | None = None,
    ) -> Any:
        self.asked += 1
        if self.failing is not None:
            raise self.failing
        assert application is not None
        return self.incoming.accept("key", application, body)

    def close(self) -> None:
        self.closed = True


def taking(told: list[Event]) -> IncomingChannel:
    return IncomingChannel(7, {Application.HELLO: lambda _key, event: told.append(event)})


def test_a_fault_of_our_own_is_seen_and_does_not_end_the_channel() -> None:
    told: list[Event] = []
    peer = Peer(taking(told))
    peer.failing = ValueError("a fault")
    channel = OutgoingChannel("peer", peer, 1, lambda _application: None, QUICK)
    channel.send(NodeHello("domain_0"))
    channel.start()
    try:
        wait_until(lambda: "fault of this node" in channel.status().trouble, 60.0, "it is told")
        peer.failing = None
        wait_until(lambda: channel.status().pending == 0, 60.0, "it goes on")
    finally:
        channel.close()
    assert peer.closed
    assert [type(one) for one in told] == [SenderStarted, Delivered]


def test_what_is_no_message_of_a_channel_is_refused() -> None:
    channel = OutgoingChannel("peer", Peer(taking([])), 1, lambda _application: None)
    with pytest.raises(InvalidRequest):
        channel.send(GetNode())
    with pytest.raises(InvalidRequest):
        channel.send(NodeHello("domain_0", "-bad"))
    assert channel.status().pending == 0
    assert channel.close() == ()


def test_newer_state_replaces_what_waits_for_a_node_that_is_away() -> None:
    told: list[Event] = []
    peer = Peer(taking(told))
    peer.failing = PeerAway("away")
    channel = OutgoingChannel("peer", peer, 1, lambda _application: None, QUICK)
    channel.start()
    try:
        channel.send(NodeHello("domain_0", None, 1), "state")
        wait_until(lambda: peer.asked > 0, 60.0, "the first is in flight")
        for number in range(2, 100):
            channel.send(NodeHello("domain_0", None, number), "state")
        assert channel.status().pending == 2
        peer.failing = None
        channel.retry_now()
        wait_until(lambda: channel.status().pending == 0, 60.0, "all is acknowledged")
    finally:
        channel.close()
    assert [one.body.number for one in told if isinstance(one, Delivered)] == [1, 99]


def one(number: int) -> ChannelMessages:
    return ChannelMessages(5, 1, (NumberedMessage(number, NodeHello("domain_0", None, number)),))


def test_a_handler_that_fails_is_seen_and_holds_up_nothing() -> None:
    def failing(_key: str, _event: Event) -> None:
        raise ValueError("a fault")

    incoming = IncomingChannel(7, {Application.HELLO: failing})
    assert incoming.accept("key", Application.HELLO, one(1)) == Acknowledgement(7, 5, 1)
    assert incoming.failures == 2


def test_a_handler_that_is_busy_is_given_the_message_again() -> None:
    told: list[Event] = []
    is_busy = True

    def busy(_key: str, event: Event) -> None:
        if is_busy and isinstance(event, Delivered):
            raise Overloaded("later")
        told.append(event)

    incoming = IncomingChannel(7, {Application.HELLO: busy})
    assert incoming.accept("key", Application.HELLO, one(1)).acknowledged == 0
    is_busy = False
    assert incoming.accept("key", Application.HELLO, one(1)).acknowledged == 1
    assert [type(each) for each in told] == [SenderStarted, Delivered]


def test_streams_are_apart_by_key_and_those_of_strangers_are_forgotten() -> None:
    told: list[Event] = []
    incoming = taking(told)
    for key in ("a", "b", "a"):
        incoming.accept(key, Application.HELLO, one(1))
    assert len([each for each in told if isinstance(each, Delivered)]) == 2
    incoming.forget_others({"b"})
    incoming.accept("b", Application.HELLO, one(1))
    incoming.accept("a", Application.HELLO, one(1))
    assert len([each for each in told if isinstance(each, Delivered)]) == 3
    with pytest.raises(RequestUnsupported):
        incoming.accept("a", Application.TOPOLOGY, ChannelMessages(5, 1))


def test_documents_of_one_stream_are_taken_one_at_a_time() -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def slow(_key: str, _event: Event) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.01)
        with lock:
            inside -= 1

    incoming = IncomingChannel(7, {Application.HELLO: slow})
    threads = [
        threading.Thread(target=incoming.accept, args=("key", Application.HELLO, one(1)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert incoming.accept("key", Application.HELLO, one(2)).acknowledged == 2


def test_what_is_sent_unasked_is_for_the_node_itself(node: ChannelNode, sender: Identity) -> None:
    node.start()
    client = BridgeClient(f"https://127.0.0.1:{node.port}", node.identity.node_pk, sender)
    try:
        with pytest.raises(BridgeError, match="no virtual routers"):
            client.ask(one(1), "r1")
        assert client.ask(one(1)).acknowledged == 1
    finally:
        client.close()
