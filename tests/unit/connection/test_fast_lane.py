from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.openflow.counters import ConnectionCounters
from horizon_ryu.openflow.packet_in_pipeline import PASSED, PacketInPipeline, PacketInVerdict
from horizon_ryu.wire.messages import DropBuffered, Outgoing, PacketIn

PACKET_IN = PacketIn(dpid=1, in_port=2, data=b"frame")
DROP = Outgoing(1, DropBuffered(9, 2))


class Recorder:
    """A lane, what it sent and whom it called."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.called: list[str] = []
        self.counters = ConnectionCounters()
        self.lane = PacketInPipeline(self._send, self.counters)

    def _send(self, messages: Iterable[Outgoing]) -> None:
        self.sent += messages

    def add(self, order: int, name: str, answer: PacketInVerdict = PASSED) -> None:
        def handle(packet_in: PacketIn, now: float) -> PacketInVerdict:
            self.called.append(name)
            return answer

        self.lane.register(order, handle)


def test_handlers_are_called_in_order_until_one_consumes() -> None:
    recorder = Recorder()
    recorder.add(40, "forwarding", PacketInVerdict(True, [DROP]))
    recorder.add(50, "flooding")
    recorder.add(10, "lldp")
    recorder.add(20, "first host learner")
    recorder.add(20, "second host learner")
    assert recorder.lane.dispatch(PACKET_IN, 0.0)
    assert recorder.called == ["lldp", "first host learner", "second host learner", "forwarding"]
    assert recorder.sent == [DROP]


def test_nobody_consumes() -> None:
    recorder = Recorder()
    assert not recorder.lane.dispatch(PACKET_IN, 0.0)
    recorder.add(10, "observer", PacketInVerdict(False, [DROP]))
    assert not recorder.lane.dispatch(PACKET_IN, 0.0)
    assert recorder.sent == [DROP]


def test_a_handler_that_raises_passes_and_is_counted() -> None:
    recorder = Recorder()

    def broken(packet_in: PacketIn, now: float) -> PacketInVerdict:
        raise ValueError(packet_in.data)

    recorder.lane.register(10, broken)
    recorder.add(20, "next", PacketInVerdict(True))
    for _ in range(3):
        assert recorder.lane.dispatch(PACKET_IN, 0.0)
    assert recorder.called == ["next"] * 3
    assert list(recorder.counters.handler_failures.values()) == [3]


def test_unregistered_handlers_are_not_called() -> None:
    recorder = Recorder()

    def handler(packet_in: PacketIn, now: float) -> PacketInVerdict:
        recorder.called.append("handler")
        return PASSED

    recorder.lane.register(10, handler)
    recorder.lane.unregister(handler)
    recorder.lane.unregister(handler)
    assert not recorder.lane.dispatch(PACKET_IN, 0.0)
    assert recorder.called == []


def test_a_handler_may_leave_while_it_is_called() -> None:
    recorder = Recorder()

    def once(packet_in: PacketIn, now: float) -> PacketInVerdict:
        recorder.lane.unregister(once)
        return PASSED

    recorder.lane.register(10, once)
    recorder.add(20, "next")
    recorder.lane.dispatch(PACKET_IN, 0.0)
    assert recorder.called == ["next"]


def test_what_is_expected_is_asked_of_one_and_if_that_fails_of_nobody() -> None:
    recorder = Recorder()
    assert not recorder.lane.is_expected(1, 2, b"frame", 0.0)
    recorder.lane.expect(lambda *frame: frame == (1, 2, b"frame", 5.0))
    assert recorder.lane.is_expected(1, 2, b"frame", 5.0)
    assert not recorder.lane.is_expected(1, 3, b"frame", 5.0)

    def broken(*frame: object) -> bool:
        raise ValueError(frame)

    recorder.lane.expect(broken)
    for _ in range(3):
        assert not recorder.lane.is_expected(1, 2, b"frame", 0.0)
    assert sum(recorder.counters.handler_failures.values()) == 1
