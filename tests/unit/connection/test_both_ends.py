"""Both ends of one connection are ours: a session as a switch, on a transport of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fuzz.wire import OF10, OF13, packet_in10, packet_in13
from horizon_ryu.openflow.transport import Transport
from horizon_ryu.wire.session import PendingRequest, SessionLimits, SwitchSession, VersionOffer
from unit.connection.served_connection import RUNTIME, SECONDS, ServedConnection, close
from unit.session.sessions import DPID, answer, features, ports


class SwitchEnd:
    """A switch that tells who it is, and its ports; and answers barriers."""

    def __init__(self, near: Any, version: int) -> None:
        limits = SessionLimits(offer=VersionOffer(frozenset({version})))
        self.session = SwitchSession(features, RUNTIME.now(), limits)
        self.transport = Transport(RUNTIME, near, 1_000_000, self.close, self.close)
        self._flush()
        self.task = RUNTIME.spawn(self.transport.serve, self._take, self.session)

    def close(self) -> None:
        self.session.close()
        self.transport.close()

    def _flush(self) -> None:
        self.transport.write(self.session.take_output())

    def _take(self, chunk: bytes) -> None:
        for _, message in self.session.receive(chunk):
            if message[:2] == bytes([OF13, 18]):
                self.session.say(answer(message, ports()))
            elif message[:2] in (bytes([OF13, 20]), bytes([OF10, 18])):
                self.session.say(message[:1] + bytes([message[1] + 1]) + message[2:])
        self._flush()


Ends = tuple[ServedConnection, SwitchEnd]


@pytest.fixture(params=[OF10, OF13], ids=["1.0", "1.3"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    line = ServedConnection()
    far = RUNTIME.adopt(line.far)
    switch = SwitchEnd(far, request.param)
    line.until(lambda: "ready" in line.witness.told, "ready")
    yield line, switch
    switch.close()
    assert switch.task.join(SECONDS)
    close(line)


def test_they_agree_on_version_and_dpid(ends: Ends) -> None:
    line, switch = ends
    assert line.connection.version == switch.session.version
    assert line.connection.id == switch.session.dpid == DPID


def test_frames_and_barriers_pass(ends: Ends) -> None:
    line, switch = ends
    frame = packet_in10() if switch.session.version == OF10 else packet_in13()
    for _ in range(10):
        switch.transport.write(frame)
    line.until(lambda: len(line.witness.frames) == 10, "the frames")
    answered = RUNTIME.event()
    barrier = PendingRequest(line.connection.next_xid(), answered.set)
    line.connection.request(barrier)
    line.connection.write(line.connection.codec.encode_barrier(barrier.last))
    assert answered.wait(SECONDS)
    assert barrier.failures == []


def test_when_one_end_closes_the_other_does(ends: Ends) -> None:
    line, switch = ends
    switch.close()
    line.wait_closed()
    assert line.witness.told[-1] == "gone"
    assert switch.task.join(SECONDS)
