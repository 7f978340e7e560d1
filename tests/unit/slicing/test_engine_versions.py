"""The slicer's engine between switches and controllers of OpenFlow 1.0 and 1.3."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.datapath13 import SlicedDatapath13
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET
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


def test_a_switch_of_1_3_is_one_to_its_tenants_and_their_entries_forward() -> None:
    async def test(found: Lab) -> None:
        peers = await tenant_of(found, "a", BOTH)
        found.configure(2, a=[1, 2])
        switch = await switch_of(found, OPENFLOW_13)
        a = await ready(found, peers)
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


@pytest.mark.parametrize("version", sorted(BOTH))
def test_a_message_that_nobody_knows_is_answered_with_an_error_and_closes_nothing(
    version: int,
) -> None:
    """FlowVisor closed the tenant's connection."""

    async def test(found: Lab) -> None:
        peers = await tenant_of(found, "a", BOTH)
        found.configure(2, a=[1, 2])
        await switch_of(found, version)
        a = await ready(found, peers)
        unknown = bytes((version, 99, 0, 12, 0, 0, 0x12, 0x67)) + b"what"
        a.transport.write(unknown)
        error = await a.message(Error)
        assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.BAD_TYPE)
        assert error.data == unknown
        a.say(BarrierRequest())
        await a.message(BarrierReply)
        assert not a.is_lost.is_set()
        assert len(peers) == 1
        assert not found.engine.faults

    in_lab(test)


@pytest.mark.parametrize("version", sorted(BOTH))
def test_echoes_are_answered_with_what_they_carry(version: int) -> None:
    async def test(found: Lab) -> None:
        peers = await tenant_of(found, "a", BOTH)
        found.configure(2, a=[1, 2])
        switch = await switch_of(found, version)
        a = await ready(found, peers)
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
