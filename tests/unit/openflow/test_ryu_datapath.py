"""The adapter to Ryu: what its applications see of a connection, without Ryu's controller."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from ryu.controller import ofp_event
from ryu.controller.handler import (
    CONFIG_DISPATCHER,
    DEAD_DISPATCHER,
    HANDSHAKE_DISPATCHER,
    MAIN_DISPATCHER,
)
from ryu.ofproto import ofproto_v1_0, ofproto_v1_3

from fuzz.malformed import LONG_HELLO
from fuzz.wire import OF10, OF13, PORT13, features10, features13, hello, message, packet_in13
from horizon_ryu.openflow import ryu_datapath
from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.ryu_datapath import RyuDatapath
from horizon_ryu.wire.codecs import codec_of

DPID = 0xD1


class FakeBrick:
    """Stands for Ryu's OpenFlow application: who observes what, and its handlers."""

    def __init__(self) -> None:
        self.observers: dict[type, Any] = {}
        self.handlers: list[Any] = []
        self.sent: list[tuple[str, str]] = []
        self.events: list[Any] = []

    def observe(self, *events: type) -> None:
        self.observers |= {event: {"app": set()} for event in events}

    def send_event_to_observers(self, event: Any, state: str) -> None:
        self.sent.append((type(event).__name__, state))
        self.events.append(event)

    def get_handlers(self, event: Any) -> list[Any]:
        return self.handlers


class AdapterConnection:
    """Stands for the connection: a version, and what was sent."""

    def __init__(self, version: int) -> None:
        self.id: int | None = DPID
        self.address = ("192.0.2.1", 1)
        self.version = version
        self.codec = codec_of(version)
        self.sent: list[bytes] = []
        self.closed = 0
        self.unreadable = False
        self._xid = 100

    def next_xid(self) -> int:
        self._xid += 1
        return self._xid

    def send(self, buf: bytes, close_socket: bool = False) -> bool:
        self.sent.append(bytes(buf))
        return True

    def close(self) -> None:
        self.closed += 1

    def readable(self, message: bytes) -> bool:
        return not self.unreadable


class AdaptedConnection:
    """A datapath and what stands on both sides of it."""

    def __init__(self, brick: FakeBrick, version: int = OF13) -> None:
        self.brick = brick
        self.counters = ConnectionCounters()
        self.connection = AdapterConnection(version)
        self.datapath = RyuDatapath(self.counters, self.connection)  # type: ignore[arg-type]

    def ready(self) -> None:
        version = self.connection.version
        self.datapath.negotiated(hello(version))
        reply = features10(DPID) if version == OF10 else features13(DPID)
        self.datapath.identified(reply)
        self.datapath.ready()
        self.brick.sent.clear()


@pytest.fixture
def brick(monkeypatch: pytest.MonkeyPatch) -> FakeBrick:
    made = FakeBrick()
    monkeypatch.setattr(ryu_datapath, "lookup_service_brick", lambda name: made)
    return made


def test_ryu_sees_each_stage_once(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    datapath = stage.datapath
    assert datapath.ofproto is ofproto_v1_3
    datapath.negotiated(hello(OF13))
    datapath.identified(features13(DPID))
    datapath.ready()
    assert (datapath.id, bool(datapath.send_q)) == (DPID, True)
    datapath.gone()
    datapath.gone()
    datapath.ready()
    assert datapath.state == DEAD_DISPATCHER
    assert (datapath.send_q, datapath.is_active) == (None, False)
    assert brick.sent == [
        ("EventOFPStateChange", HANDSHAKE_DISPATCHER),
        ("EventOFPStateChange", CONFIG_DISPATCHER),
        ("EventOFPSwitchFeatures", CONFIG_DISPATCHER),
        ("EventOFPStateChange", MAIN_DISPATCHER),
        ("EventOFPStateChange", DEAD_DISPATCHER),
    ]


def test_a_1_0_datapath_speaks_1_0_and_has_its_ports(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick, OF10)
    stage.ready()
    assert stage.datapath.ofproto is ofproto_v1_0
    assert list(stage.datapath.ports) == [3]


def test_the_ports_of_1_3_are_those_described_then_those_told(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    datapath = stage.datapath
    datapath.negotiated(hello(OF13))
    datapath.identified(features13(DPID))
    assert datapath.ports == {}
    datapath.received(message(OF13, 19, struct.pack("!HH4x", 13, 0) + PORT13))
    datapath.ready()
    assert list(datapath.ports) == [3]
    kept: list[Any] = []
    brick.handlers = [kept.append]
    datapath.received(message(OF13, 12, struct.pack("!B7x", 1) + PORT13))
    assert [event.msg.desc.port_no for event in kept] == [3]


def test_what_nobody_observes_is_not_parsed(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    stage.ready()
    unknown = message(OF13, 21), message(OF13, 2, b"echo"), packet_in13()
    for one in unknown:
        stage.datapath.received(one)
    assert brick.sent == []
    assert not stage.datapath.wants_packet_ins()
    brick.observe(ofp_event.EventOFPBarrierReply, ofp_event.EventOFPPacketIn)
    assert stage.datapath.wants_packet_ins()
    for one in unknown:
        stage.datapath.received(one)
    assert brick.sent == [
        ("EventOFPBarrierReply", MAIN_DISPATCHER),
        ("EventOFPPacketIn", MAIN_DISPATCHER),
    ]


def test_any_kind_of_statistics_that_is_observed_is_found(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    stage.ready()
    brick.observe(ofp_event.EventOFPDescStatsReply)
    stage.datapath.received(message(OF13, 19, struct.pack("!HH4x", 0, 0) + bytes(1056)))
    assert brick.sent == [("EventOFPDescStatsReply", MAIN_DISPATCHER)]


@pytest.mark.parametrize("greeting", [LONG_HELLO, hello(OF10), hello(77)])
def test_a_hello_that_is_observed_comes_before_the_stage_it_begins(
    brick: FakeBrick, greeting: bytes
) -> None:
    stage = AdaptedConnection(brick)
    brick.sent.clear()
    brick.observe(ofp_event.EventOFPHello)
    stage.datapath.negotiated(greeting)
    assert brick.sent == [
        ("EventOFPHello", HANDSHAKE_DISPATCHER),
        ("EventOFPStateChange", CONFIG_DISPATCHER),
    ]


def test_what_ryu_cannot_read_costs_the_message_alone(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    stage.ready()
    brick.observe(ofp_event.EventOFPExperimenter, ofp_event.EventOFPDescStatsReply)
    stage.datapath.received(message(OF13, 19, struct.pack("!HH4x", 0xFFFF, 0)))
    stage.connection.unreadable = True
    stage.datapath.received(message(OF13, 19, struct.pack("!HH4x", 0, 0) + bytes(1056)))
    assert brick.sent == []
    assert stage.counters.unparsed_messages["endless"] == 1
    assert stage.counters.unparsed_messages.total() == 2
    assert stage.connection.closed == 0


def test_messages_of_ryu_leave_by_the_connection(brick: FakeBrick) -> None:
    stage = AdaptedConnection(brick)
    stage.ready()
    assert stage.datapath.send_barrier()
    assert stage.datapath.send_q is not None
    stage.datapath.send_q.put((message(OF13, 20), False))
    assert stage.connection.sent == [message(OF13, 20, b"", 101), message(OF13, 20)]
    stage.datapath.close()
    assert stage.connection.closed == 1
