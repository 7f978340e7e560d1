"""The slicer's engine between switches and controllers of OpenFlow 1.0 and 1.3."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Any

import pytest

from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.datapath13 import SlicedDatapath13
from horizon_ryu.wire.guard.hello import read_hello
from horizon_ryu.wire.of13.asynchronous import PacketIn13
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.ofp13 import OFPMP
from horizon_ryu.wire.session.controller import ControllerSession
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import SessionLimits
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error, Hello, version_bitmap
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from unit.slicing.sliced10 import flow_mod, frame, match, output
from unit.slicing.sliced13 import (
    CONTROLLER_PORT,
    MESSAGES13,
    flow_mod13,
    match13,
    output13,
)
from unit.slicing.test_engine import SECONDS, Lab, Peer, in_lab
from virtual_switch.switch import VirtualSwitch

BOTH = frozenset({OPENFLOW_10, OPENFLOW_13})


class ConnectedSwitch(asyncio.Protocol):
    """A virtual switch of one version that has connected to the slicer."""

    def __init__(self, version: int, dpid: int = 1) -> None:
        self.switch = VirtualSwitch(dpid, version, range(1, 5), tables=10)
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self.switch.connect().data)

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.switch.receive(data, self.now()).data)

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def frame_in(self, port: int) -> list[tuple[int, bytes]]:
        """Have a frame come in; return what is sent."""
        data = frame(f"00:00:00:00:00:{port:02x}")
        effects = self.switch.frame_in(port, data, self.now())
        self.transport.write(effects.data)
        return effects.frames


async def switch_of(found: Lab, version: int, dpid: int = 1) -> ConnectedSwitch:
    loop = asyncio.get_running_loop()
    made = ConnectedSwitch(version, dpid)
    _, peer = await loop.create_connection(lambda: made, "127.0.0.1", found.port)
    found._peers.append(peer)  # type: ignore[arg-type]
    return made


async def tenant_of(found: Lab, name: str, versions: frozenset[int]) -> list[Peer]:
    """Have a controller of these versions listen in the place of a slice's."""
    limits = SessionLimits(offer=VersionOffer(versions), handshake_seconds=SECONDS)
    peers: list[Peer] = []

    def make() -> Peer:
        peer = Peer(lambda now: ControllerSession(now, limits, random.getrandbits(32)))
        peers.append(peer)
        found._peers.append(peer)
        return peer

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    found._servers.append(server)
    found.urls[name] = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    return peers


async def ready(found: Lab, peers: list[Peer]) -> Peer:
    await found.until(lambda: bool(peers) and peers[0].is_ready.is_set())
    return peers[0]


async def tenant_on(found: Lab, version: int) -> tuple[Peer, list[Peer], ConnectedSwitch]:
    """Return the one tenant of a switch of a version, all of its connections, and the switch."""
    peers = await tenant_of(found, "a", BOTH)
    found.configure(2, a=[1, 2])
    switch = await switch_of(found, version)
    return await ready(found, peers), peers, switch


def test_a_switch_of_1_3_is_one_to_its_tenants_and_their_entries_forward() -> None:
    async def test(found: Lab) -> None:
        a, _, switch = await tenant_on(found, OPENFLOW_13)
        assert a.session.version == OPENFLOW_13
        assert isinstance(found.engine.switches[1].datapath, SlicedDatapath13)
        a.say(MultipartRequest(int(OFPMP.PORT_DESC)))
        reply = await a.message(MultipartReply)
        while reply.type != OFPMP.PORT_DESC:
            reply = await a.message(MultipartReply)
        assert [one.port_no for one in reply.body] == [1, 2]
        a.say(flow_mod13(match13(), output13(CONTROLLER_PORT, 0xFFFF), priority=0))
        a.say(flow_mod13(match13(in_port=1), output13(2)))
        a.say(BarrierRequest())
        await a.message(BarrierReply)
        assert [port for port, _ in switch.frame_in(1)] == [2]
        assert not switch.frame_in(3)
        assert not switch.frame_in(2)
        came = await a.message(PacketIn13)
        assert (came.table_id, came.match) == (0, match13(in_port=2))

    in_lab(test)


def test_switches_of_both_versions_are_sliced_side_by_side() -> None:
    async def test(found: Lab) -> None:
        peers = await tenant_of(found, "a", BOTH)
        found.configure(2, a=[1, 2])
        switches = [
            await switch_of(found, version, dpid)
            for dpid, version in ((1, OPENFLOW_10), (2, OPENFLOW_13))
        ]
        await found.until(lambda: sum(one.is_ready.is_set() for one in peers) == 2)
        by_version = {one.session.version: one for one in peers}
        assert set(by_version) == BOTH
        kinds = [type(found.engine.switches[dpid].datapath) for dpid in (1, 2)]
        assert kinds == [SlicedDatapath10, SlicedDatapath13]
        by_version[OPENFLOW_10].say(flow_mod(match(in_port=1), output(2)))
        by_version[OPENFLOW_13].say(flow_mod13(match13(in_port=1), output13(2)))
        for one in by_version.values():
            one.say(BarrierRequest())
            await one.message(BarrierReply)
        for switch in switches:
            assert [port for port, _ in switch.frame_in(1)] == [2]
            assert not switch.frame_in(3), "nobody's"

    in_lab(test)


XID = 0x1267
NO_BUFFER = 0xFFFFFFFF
NO_ACTION = struct.pack("!HH4x", 99, 8)
NO_INSTRUCTION = struct.pack("!HH4x", 99, 8)
ANY_MATCH = struct.pack("!HH4x", 1, 4)


def raw(version: int, kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack("!BBHI", version, kind, 8 + len(body), XID) + body


def raw_flow_mod10(actions: bytes) -> bytes:
    head = struct.pack("!I36xQ4H", 0x3FFFFF, 0, 0, 0, 0, 5)
    return raw(1, 14, head, struct.pack("!IHH", NO_BUFFER, 0xFFFF, 0), actions)


def raw_flow_mod13(instructions: bytes, match: bytes = ANY_MATCH) -> bytes:
    head = struct.pack("!QQBBHHHIIIH2x", 0, 0, 0, 0, 0, 0, 5, NO_BUFFER, NO_BUFFER, NO_BUFFER, 0)
    return raw(4, 14, head, match, instructions)


def applying(actions: bytes) -> bytes:
    return struct.pack("!HH4x", 4, 8 + len(actions)) + actions


UNKNOWN_KINDS = {
    "1.0 type": (raw(1, 99, b"what"), 1, 1),
    "1.0 frame of a switch": (raw(1, 10, struct.pack("!IHHBx", NO_BUFFER, 4, 1, 0), b"what"), 1, 1),
    "1.0 features of a switch": (raw(1, 6, bytes(24)), 1, 1),
    "1.0 answer": (raw(1, 17, struct.pack("!HH", 3, 0)), 1, 1),
    "1.0 statistics": (raw(1, 16, struct.pack("!HH", 99, 0)), 1, 2),
    "1.0 statistics of a vendor": (raw(1, 16, struct.pack("!HHII", 0xFFFF, 0, 0x123456, 0)), 1, 3),
    "1.0 vendor": (raw(1, 4, struct.pack("!II", 0x123456, 0)), 1, 3),
    "1.0 action": (raw_flow_mod10(NO_ACTION), 2, 0),
    "1.0 action of a vendor": (raw_flow_mod10(struct.pack("!HHI", 0xFFFF, 8, 0x123456)), 2, 2),
    "1.0 action on a frame": (
        raw(1, 13, struct.pack("!IHH", NO_BUFFER, 0xFFFF, 8), NO_ACTION, bytes(60)),
        *(2, 0),
    ),
    "1.3 type": (raw(4, 99, b"what"), 1, 1),
    "1.3 type of 1.4": (raw(4, 33, bytes(8)), 1, 1),
    "1.3 frame of a switch": (
        raw(4, 10, struct.pack("!IHBBQ", NO_BUFFER, 4, 0, 0, 0), ANY_MATCH, bytes(6)),
        *(1, 1),
    ),
    "1.3 answer": (raw(4, 21), 1, 1),
    "1.3 statistics": (raw(4, 18, struct.pack("!HH4x", 14, 0), bytes(16)), 1, 2),
    "1.3 part of statistics": (raw(4, 18, struct.pack("!HH4x", 99, 1)), 1, 2),
    "1.3 statistics of an experimenter": (
        raw(4, 18, struct.pack("!HH4xII", 0xFFFF, 0, 0x123456, 1)),
        *(1, 3),
    ),
    "1.3 experimenter": (raw(4, 4, struct.pack("!II", 0x123456, 1)), 1, 3),
    "1.3 instruction": (raw_flow_mod13(NO_INSTRUCTION), 3, 0),
    "1.3 action": (raw_flow_mod13(applying(NO_ACTION)), 2, 0),
    "1.3 action on a frame": (
        raw(4, 13, struct.pack("!IIH6x", NO_BUFFER, 0xFFFFFFFD, 8), NO_ACTION, bytes(60)),
        *(2, 0),
    ),
    "1.3 match": (raw_flow_mod13(b"", struct.pack("!HH4x", 9, 4)), 4, 0),
    "1.3 field": (raw_flow_mod13(b"", struct.pack("!HHHBBI4x", 1, 12, 0x8000, 180, 4, 1)), 4, 6),
    "1.3 bucket": (
        raw(4, 15, struct.pack("!HBxIHH12x", 0, 0, 1, 24, 0), NO_ACTION),
        *(2, 0),
    ),
    "1.3 group command": (raw(4, 15, struct.pack("!HBxI", 9, 0, 1)), 6, 11),
    "1.3 group type": (raw(4, 15, struct.pack("!HBxI", 0, 9, 1)), 6, 10),
    "1.3 meter band": (raw(4, 29, struct.pack("!HHIHHII4x", 0, 1, 1, 9, 16, 100, 10)), 12, 8),
    "1.3 meter command": (raw(4, 29, struct.pack("!HHI", 9, 1, 1)), 12, 4),
    "1.3 role": (raw(4, 24, struct.pack("!I4xQ", 9, 1)), 11, 2),
}
"""Messages and the error, type and code, that Open vSwitch answers each with."""


@pytest.mark.parametrize("what", UNKNOWN_KINDS)
def test_a_message_that_nobody_knows_is_answered_with_an_error_and_closes_nothing(
    what: str,
) -> None:
    """FlowVisor closed the tenant's connection."""
    unknown, *wanted = UNKNOWN_KINDS[what]

    async def test(found: Lab) -> None:
        a, peers, _ = await tenant_on(found, unknown[0])
        a.transport.write(unknown)
        error = await a.message(Error)
        assert [error.type, error.code] == wanted
        assert error.data == unknown
        # Amid others, which are taken before and behind it.
        barrier = a.session.codec.messages.encode(5, BarrierRequest())
        a.transport.write(barrier + unknown + barrier)
        await found.until(lambda: len(a.got) == 3)
        assert sorted(type(one).__name__ for one in a.got) == ["BarrierReply"] * 2 + ["Error"]
        assert not a.is_lost.is_set()
        assert len(peers) == 1
        assert not found.engine.faults

    in_lab(test)


@pytest.mark.parametrize(
    "lying",
    [
        raw_flow_mod10(struct.pack("!HH4x", 99, 16)),
        raw(1, 16, struct.pack("!HH", 1, 0), bytes(43)),
        raw_flow_mod13(struct.pack("!HH4x", 99, 16)),
        raw_flow_mod13(b"", struct.pack("!HH4x", 9, 24)),
        raw(4, 29, struct.pack("!HHIHHII4x", 0, 1, 1, 9, 32, 100, 10)),
        raw(4, 0),
    ],
)
def test_a_message_whose_lengths_lie_closes_the_connection(lying: bytes) -> None:
    async def test(found: Lab) -> None:
        a, _, _ = await tenant_on(found, lying[0])
        a.transport.write(lying)
        await found.until(a.is_lost.is_set)
        assert not found.engine.faults

    in_lab(test)


@pytest.mark.parametrize("version", sorted(BOTH))
def test_echoes_are_answered_with_what_they_carry(version: int) -> None:
    async def test(found: Lab) -> None:
        a, _, switch = await tenant_on(found, version)
        heard = {"tenant": bytearray(), "switch": bytearray()}
        for name, one in (("tenant", a), ("switch", switch)):
            received = one.data_received

            def noted(data: bytes, received: Any = received, name: str = name) -> None:
                heard[name] += data
                received(data)

            one.data_received = noted  # type: ignore[method-assign]
            one.transport.set_protocol(one)
            one.transport.write(bytes((version, 2, 0, 12, 0, 0, 0, 9)) + b"1234")
        wanted = bytes((version, 3, 0, 12, 0, 0, 0, 9)) + b"1234"
        await found.until(lambda: all(wanted in one for one in heard.values()))

    in_lab(test)


def test_a_controller_that_lacks_the_version_of_its_switch_is_told_so_and_so_are_we() -> None:
    async def test(found: Lab) -> None:
        peers = await tenant_of(found, "a", frozenset({OPENFLOW_10}))
        found.configure(2, a=[1, 2])
        await switch_of(found, OPENFLOW_13)
        await found.until(lambda: any(peer.is_lost.is_set() for peer in peers))
        await found.until(
            lambda: any(
                name == "tenant_unreachable" and "hello" in about["reason"]
                for name, about in found.events
            )
        )
        assert not peers[0].is_ready.is_set()

    in_lab(test)


@pytest.mark.parametrize(
    ("theirs", "spoken"), [((1,), OPENFLOW_10), ((1, 4), OPENFLOW_13), ((1, 4, 6), OPENFLOW_13)]
)
def test_the_versions_of_a_switch_are_taken_from_its_list(
    theirs: tuple[int, ...], spoken: int
) -> None:
    async def test(found: Lab) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        hello = MESSAGES13.encode(1, Hello((version_bitmap(*theirs),)))
        writer.write(bytes((max(theirs),)) + hello[1:])
        head = await asyncio.wait_for(reader.readexactly(8), SECONDS)
        rest = await reader.readexactly(int.from_bytes(head[2:4], "big") - 8)
        assert read_hello(head + rest) == 1 << OPENFLOW_10 | 1 << OPENFLOW_13
        asked = await asyncio.wait_for(reader.readexactly(8), SECONDS)
        assert (asked[0], asked[1]) == (spoken, 5), "features, in that version"
        writer.close()

    in_lab(test)
