"""The slicer's engine over real sockets: switches, controllers, and what is hostile of them."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from horizon_ryu.slicer import engine
from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.slicer.datapath10 import SlicedDatapath10
from horizon_ryu.slicer.engine import SlicerEngine, SwitchPlaces
from horizon_ryu.slicer.flow_stats import StatisticsSettings
from horizon_ryu.slicer.slice_reports import stats_report
from horizon_ryu.slicer.switch_link import SwitchLink
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from horizon_ryu.wire.of10.controller import FlowMod10, PortMod10
from horizon_ryu.wire.of10.handshake import FeaturesReply10
from horizon_ryu.wire.of10.statistics import StatsRequest
from horizon_ryu.wire.ofp10 import OFPP
from horizon_ryu.wire.session.controller import ControllerSession
from horizon_ryu.wire.session.events import SessionEvent
from horizon_ryu.wire.session.negotiation import VersionOffer
from horizon_ryu.wire.session.protocol_session import ProtocolSession, SessionLimits
from horizon_ryu.wire.session.switch import SwitchSession
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error, FeaturesRequest
from horizon_ryu.wire.versions import OPENFLOW_10
from unit.slicing.sliced10 import MESSAGES, flow_mod, frame, match, output, port

SECONDS = 20.0
"""After which a test gives up: nothing here takes a tenth of it, but on a busy machine."""
LIMITS = SessionLimits(offer=VersionOffer(frozenset({OPENFLOW_10})), handshake_seconds=SECONDS)


class Peer(asyncio.Protocol):
    """One side of a session, whose messages are kept."""

    def __init__(self, make: Callable[[float], ProtocolSession]) -> None:
        loop = asyncio.get_running_loop()
        self.session = make(loop.time())
        self.got: list[Any] = []
        self.all: list[Any] = []
        """All that ever came."""
        self.is_ready = asyncio.Event()
        self.is_lost = asyncio.Event()
        self.news = asyncio.Event()
        self.transport: Any = None
        self.answers_barriers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event, message in self.session.receive(data):
            if event is SessionEvent.READY:
                self.is_ready.set()
            elif self.answers_barriers and message[1] == 18:
                self.session.say(message[:1] + bytes((19,)) + message[2:])
            elif message[1] not in (0, 2, 3, 5):
                self.got.append(self.session.codec.messages.decode(message).message)
                self.all.append(self.got[-1])
        self.flush()
        self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost.set()
        self.news.set()

    def flush(self) -> None:
        self.transport.write(self.session.take_output())

    def say(self, message: Any, xid: int = 7) -> None:
        self.session.say(self.session.codec.messages.encode(xid, message))
        self.flush()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():
                self.news.clear()
                await self.news.wait()

    async def message(self, kind: type) -> Any:
        """Return the next message of a kind, and forget those before it."""
        await self.until(lambda: any(isinstance(one, kind) for one in self.got))
        while not isinstance(self.got[0], kind):
            del self.got[0]
        return self.got.pop(0)


def switch_peer(dpid: int) -> Peer:
    features = FeaturesReply10(dpid, 0, 1, 0, 0xFFF, tuple(port(number) for number in range(1, 5)))
    return Peer(lambda now: SwitchSession(lambda _: features, now, LIMITS))


class Lab:
    """A slicer, a controller for each slice, and switches."""

    def __init__(self, **options: Any) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.engine = SlicerEngine(
            "lab", lambda name, about: self.events.append((name, {**about})), **options
        )
        self.controllers: dict[str, list[Peer]] = {}
        self.urls: dict[str, str] = {}
        self.port = 0
        self._servers: list[asyncio.Server] = []
        self._peers: list[Peer] = []

    async def controller(self, name: str, tls: Any = None, host: str = "127.0.0.1") -> None:
        """Have a controller listen for the switches of a slice; ``host`` is what it is called."""
        found = self.controllers.setdefault(name, [])

        def make() -> Peer:
            peer = Peer(lambda now: ControllerSession(now, LIMITS, random.getrandbits(32)))
            found.append(peer)
            self._peers.append(peer)
            return peer

        loop = asyncio.get_running_loop()
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls)
        self._servers.append(server)
        scheme, at = "tcp" if tls is None else "tls", server.sockets[0].getsockname()[1]
        self.urls[name] = f"{scheme}:{host}:{at}"

    def configure(self, version: int, **ports: Any) -> None:
        """Give each slice its ports."""
        slices = [
            {"name": name, "controllers": [{"url": self.urls[name]}],
             "flowspace": [{"ports": found}]}
            for name, found in ports.items()
        ]  # fmt: skip
        document = {"version": version, "slices": slices}
        serves_tls = self.engine.tls.tenants is not None
        self.engine.configure(parse_configuration(document, serves_tls))

    async def switch(self, dpid: int = 1, tls: Any = None) -> Peer:
        """Have a switch connect."""
        loop = asyncio.get_running_loop()
        _, peer = await loop.create_connection(
            lambda: switch_peer(dpid), "127.0.0.1", self.port, ssl=tls
        )
        self._peers.append(peer)
        return peer

    async def tenant(self, name: str, at: int = 0) -> Peer:
        """Return the connection of a slice's controller, once it knows its switch."""
        await self.until(lambda: len(self.controllers[name]) > at)
        peer = self.controllers[name][at]
        async with asyncio.timeout(SECONDS):
            await peer.is_ready.wait()
        return peer

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        for link in list(self.engine.switches.values()):
            link.abort()
        for server in self._servers:
            server.close()
        for peer in self._peers:
            if peer.transport is not None:
                peer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def lab(**options: Any) -> AsyncIterator[Lab]:
    found = Lab(**options)
    server = await found.engine.listen("127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    found._servers.append(server)
    try:
        for name in ("a", "b"):
            await found.controller(name)
        found.configure(1, a=[1, 2], b=[3, 4])
        yield found
    finally:
        await found.close()


def in_lab(test: Callable[[Lab], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with lab(**options) as found:
            await test(found)

    asyncio.run(run())


def limited(lab: Lab, version: int, limits: dict[str, Any]) -> None:
    """Have the slice ``a`` on every switch, with these limits."""
    one = {"name": "a", "controllers": [{"url": lab.urls["a"]}], "flowspace": [{"ports": [1, 2]}]}
    document = {"version": version, "slices": [{**one, "limits": limits}]}
    lab.engine.configure(parse_configuration(document))


async def added(tenant: Peer, kinds: range) -> list[bool]:
    """Return of each of several flow-mods whether it was taken."""
    taken = []
    for kind in kinds:
        tenant.say(flow_mod(match(in_port=1, dl_type=0x0900 + kind), output(2)), xid=kind)
        tenant.say(BarrierRequest(), xid=1000 + kind)
        await tenant.message(BarrierReply)
        taken.append(not [one for one in tenant.all if isinstance(one, Error)])
        tenant.all.clear()
    return taken


def test_flowlimit_holds_for_each_switch_and_for_all_of_them_together() -> None:
    async def test(lab: Lab) -> None:
        limited(lab, 2, {"flow_entries": 5, "per_switch": {"1": {"flow_entries": 3}}})
        first, second = await lab.switch(1), await lab.switch(2)
        for switch in (first, second):
            switch.answers_barriers = True
        tenants = [await lab.tenant("a", at) for at in (0, 1)]
        by_dpid = {tenant.session.dpid: tenant for tenant in tenants}
        assert await added(by_dpid[1], range(1, 5)) == [True, True, True, False]
        assert await added(by_dpid[2], range(1, 4)) == [True, True, False], "five in all"
        told = stats_report(lab.engine, "a")
        assert told["flow_entries"] == {"used": 5, "most": 5}
        assert [one["flow_entries"] for one in told["switches"]] == [
            {"used": 3, "most": 3},
            {"used": 2, "most": 2},
        ]
        limited(lab, 3, {"flow_entries": 6, "per_switch": {"1": {"flow_entries": 3}}})
        assert await added(by_dpid[2], range(5, 7)) == [True, False], "raised: one more passes"
        assert await added(by_dpid[1], range(5, 6)) == [False]

    in_lab(test)


def packet_in(number: int) -> PacketIn10:
    data = frame(f"00:00:00:00:00:{number:02x}")
    return PacketIn10(0xFFFFFFFF, len(data), number, 0, data)


def test_each_tenant_sees_its_ports_its_frames_and_its_entries() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        assert (a.session.dpid, b.session.dpid) == (1, 1)
        switch.say(packet_in(1))
        switch.say(packet_in(3))
        assert (await a.message(PacketIn10)).in_port == 1
        assert (await b.message(PacketIn10)).in_port == 3
        a.say(flow_mod(match(in_port=1), output(2), cookie=5))
        sent = await switch.message(FlowMod10)
        while sent.command == 3:
            sent = await switch.message(FlowMod10)
        assert sent.actions == (output(2),)
        a.say(flow_mod(match(in_port=3), output(2)), xid=99)
        error = await a.message(Error)
        assert (error.type, error.code) == (3, 2)

    in_lab(test)


def test_features_that_are_asked_for_again_are_told_once() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a = await found.tenant("a")
        a.say(FeaturesRequest(), xid=9)
        a.say(BarrierRequest(), xid=10)
        await switch.message(BarrierRequest)
        switch.say(packet_in(1))
        await a.message(PacketIn10)
        assert a.session.end is None, "an answer that nobody has asked for ends a session"

    in_lab(test)


def test_bandwidth_that_a_switch_cannot_hold_is_told_and_the_slice_is_served() -> None:
    async def test(found: Lab) -> None:
        slices = [
            {"name": "a", "controllers": [{"url": found.urls["a"]}], "flowspace": [{"ports": [1]}],
             "bandwidth": {"mode": "meter", "rate_kbps": 6000}}
        ]  # fmt: skip
        found.engine.configure(parse_configuration({"version": 2, "slices": slices}))
        switch = await found.switch()
        a = await found.tenant("a")
        switch.say(packet_in(1))
        assert (await a.message(PacketIn10)).in_port == 1
        told = [about for name, about in found.events if name == "bandwidth_not_held"]
        reason = "OpenFlow 1.0 has no meters"
        assert told == [{"dpid": "0" * 15 + "1", "slice": "a", "reason": reason}]
        (report,) = stats_report(found.engine, "a")["switches"]
        assert report["bandwidth_not_held"] == reason

    in_lab(test)


def test_another_configuration_takes_effect_without_dropping_a_connection() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        found.configure(2, a=[1], b=[2, 3, 4])
        switch.say(packet_in(2))
        assert (await b.message(PacketIn10)).in_port == 2
        assert not a.is_lost.is_set()
        assert not b.is_lost.is_set()
        assert len(found.controllers["a"]) == 1

    in_lab(test)


def test_a_flowspace_that_is_worked_by_no_more_is_freed_without_a_collection() -> None:
    """What is made to stay is never looked at by the garbage collector again."""

    async def test(found: Lab) -> None:
        switch = await found.switch()
        a = await found.tenant("a")
        switch.say(packet_in(1))
        a.say(flow_mod(match(in_port=1), output(1)))
        await switch.message(FlowMod10)
        before = weakref.ref(found.engine.flowspace_on(1, OPENFLOW_10).whole)
        gc.disable()
        try:
            found.configure(2, a=[1], b=[2, 3, 4])
            async with asyncio.timeout(SECONDS):
                while before() is not None:
                    await asyncio.sleep(0)
        finally:
            gc.enable()

    in_lab(test)


def test_a_flowspace_that_cannot_be_made_ahead_is_told_of_and_made_by_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(found: Lab) -> None:
        monkeypatch.setattr(engine, "FEW_RULES", 0)
        monkeypatch.setattr(engine, "_prepared", broken)
        await found.switch()
        await found.tenant("a")
        assert found.engine.faults == 1

    in_lab(test)


def test_a_switch_that_cannot_begin_ends_alone_though_it_had_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(found: Lab) -> None:
        monkeypatch.setattr(engine, "FEW_RULES", 0)
        with monkeypatch.context() as patch:
            patch.setattr(SwitchLink, "_made", broken)
            await (await found.switch()).is_lost.wait()
        assert found.engine.faults == 1
        await found.switch()
        await found.tenant("a")

    in_lab(test)


def broken(*_args: object) -> None:
    raise RuntimeError("broken")


def test_a_slice_without_anything_on_a_switch_is_disconnected_there() -> None:
    async def test(found: Lab) -> None:
        await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        found.configure(2, b=[3])
        async with asyncio.timeout(SECONDS):
            await a.is_lost.wait()
        assert not b.is_lost.is_set()

    in_lab(test)


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(64),
        b"\x01\x0e\x00\x08" + bytes(4),
        b"\x01\x63\x00\x08" + bytes(4),
        b"\x01\x0d\xff\xff" + bytes(4),
        b"\x01\x10\x00\x0c" + bytes(8),
        b"\x04\x0e\x00\x50" + bytes(76),
    ],
    ids=["zeros", "short", "unknown", "huge", "stats", "version"],
)
def test_what_a_tenant_breaks_it_breaks_for_itself_alone(garbage: bytes) -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        a.transport.write(garbage)
        switch.say(packet_in(3))
        assert (await b.message(PacketIn10)).in_port == 3

        def served() -> bool:
            """Tell whether a has got a frame, on the connection it has now."""
            switch.say(packet_in(1))
            last = found.controllers["a"][-1]
            return not last.is_lost.is_set() and any(
                isinstance(one, PacketIn10) and one.in_port == 1 for one in last.got
            )

        await found.until(served)
        assert not b.is_lost.is_set()

    in_lab(test)


def test_a_broken_switch_ends_alone() -> None:
    async def test(found: Lab) -> None:
        one, other = await found.switch(1), await found.switch(2)
        await found.until(lambda: len(found.engine.switches) == 2)
        one.transport.write(b"\x01\x0a\x00\x09" + bytes(5))
        async with asyncio.timeout(SECONDS):
            await one.is_lost.wait()
        assert not other.is_lost.is_set()
        await found.until(lambda: list(found.engine.switches) == [2])
        assert any(name == "switch_violation" for name, _ in found.events)

    in_lab(test)


def test_a_switch_that_comes_again_takes_the_place_of_its_older_connection() -> None:
    async def test(found: Lab) -> None:
        older = await found.switch(1)
        await found.tenant("a")
        newer = await found.switch(1)
        async with asyncio.timeout(SECONDS):
            await older.is_lost.wait()
        a = await found.tenant("a", 1)
        newer.say(packet_in(1))
        assert (await a.message(PacketIn10)).in_port == 1
        assert list(found.engine.switches) == [1]

    in_lab(test)


def test_a_switch_whose_connection_breaks_is_asked_what_it_has_and_nothing_is_cut() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch(1)
        a = await found.tenant("a")
        a.say(flow_mod(match(in_port=1), output(2), cookie=5))
        await found.until(lambda: installed(found) == [5])
        had = next(iter(found.engine.switches.values())).datapath
        switch.transport.abort()
        await found.until(lambda: not found.engine.switches)
        again = await found.switch(1)
        await again.message(StatsRequest)
        await found.tenant("a", 1)
        assert installed(found) == [5]
        assert found.engine.switches[1].datapath is not had
        third = await found.switch(1)
        await third.message(StatsRequest)
        assert installed(found) == [5], "a connection takes the place of one that still is there"
        told = [one for peer in (again, third) for one in peer.all]
        assert not [one for one in told if isinstance(one, FlowMod10) and one.command == 3]

    in_lab(test)


def installed(found: Lab) -> list[int]:
    """Return the cookies of what tenants have on the first switch."""
    datapath = found.engine.switches[1].datapath
    return [] if datapath is None else [entry.cookie for entry in datapath.tables.every_entry()]


def test_of_two_that_claim_one_dpid_in_turn_the_one_that_is_there_stays() -> None:
    async def test(found: Lab) -> None:
        first = await found.switch(1)
        await found.until(lambda: 1 in found.engine.switches)
        second = await found.switch(1)
        async with asyncio.timeout(SECONDS):
            await first.is_lost.wait()
        third = await found.switch(1)
        async with asyncio.timeout(SECONDS):
            await third.is_lost.wait()
        assert not second.is_lost.is_set()
        names = [name for name, _ in found.events]
        assert names.count("switch_replaced") == 1
        assert names.count("switch_refused") == 1
        assert found.engine.switches[1].datapath is not None

    in_lab(test)


def test_connections_that_say_nothing_give_way_and_switches_that_are_there_stay() -> None:
    async def test(found: Lab) -> None:
        there = await found.switch(1)
        await found.until(lambda: 1 in found.engine.switches)
        silent = [await asyncio.open_connection("127.0.0.1", found.port) for _ in range(6)]
        try:
            other = await found.switch(2)
            await found.until(lambda: 2 in found.engine.switches)
            assert not there.is_lost.is_set()
            assert not other.is_lost.is_set()
            third = await found.switch(3)
            await found.until(lambda: 3 in found.engine.switches)
            refused = [await found.switch(4), await found.switch(5)]
            for one in refused:
                async with asyncio.timeout(SECONDS):
                    await one.is_lost.wait()
            told = [about for name, about in found.events if name == "switches_refused"]
            assert told == [{"address": "127.0.0.1", "connections": 3}], "once for an address"
            third.transport.abort()
            await found.until(lambda: 3 not in found.engine.switches)
            await found.switch(6)
            await found.until(lambda: 6 in found.engine.switches)
        finally:
            for _, writer in silent:
                writer.transport.abort()

    in_lab(test, places=SwitchPlaces(connections=8, per_address=3))


def test_a_connection_that_never_says_which_switch_it_is_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("horizon_ryu.slicer.switch_link.HANDSHAKE_SECONDS", 0.05)

    async def test(found: Lab) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        try:
            async with asyncio.timeout(SECONDS):
                await reader.read()
        finally:
            writer.transport.abort()
        await found.until(lambda: any(name == "switch_given_up" for name, _ in found.events))

    in_lab(test)


def test_a_tenant_that_floods_leaves_others_their_turns() -> None:
    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        flood = MESSAGES.encode(1, flow_mod(match(in_port=3), output(1))) * 20_000
        a.transport.write(flood)
        answered = 0
        for _ in range(20):
            switch.say(packet_in(3))
            await b.message(PacketIn10)
            answered += 1
        assert answered == 20
        assert len(a.got) < 20_000, "b was served before a's flood was through"

    in_lab(test)


def test_a_hello_of_no_common_version_is_answered_before_the_end() -> None:
    async def test(found: Lab) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.port)
        writer.write(b"\x06\x00\x00\x10\x00\x00\x00\x01" + b"\x00\x01\x00\x08\x00\x00\x00\x40")
        data = await asyncio.wait_for(reader.read(-1), SECONDS)
        kinds = [data[1], data[9]]
        assert kinds == [0, 1], "Hello, then the error HELLO_FAILED"
        writer.close()

    in_lab(test)


def test_each_request_for_features_is_answered_once() -> None:
    """A guard such as ours closes on an answer that nobody has asked for."""

    async def test(found: Lab) -> None:
        await found.switch()
        a = await found.tenant("a")
        kinds: list[int] = []
        receive = a.session.receive

        def noted(data: bytes) -> Any:
            for event, message in receive(data):
                kinds.append(message[1])
                yield event, message

        a.session.receive = noted  # type: ignore[method-assign]
        a.say(FeaturesRequest(), xid=21)
        a.say(FeaturesRequest(), xid=22)
        a.say(PortMod10(9, bytes(6), 0, 0, 0), xid=23)
        await a.until(lambda: 1 in kinds)
        assert kinds == [6, 6, 1], "nothing comes twice before the error of the last"
        assert not a.session.is_closed, a.session.end

    in_lab(test)


def test_slices_that_are_changed_again_while_entries_move_are_as_they_were_asked_for_last() -> None:
    async def test(found: Lab) -> None:
        await found.switch()
        a = await found.tenant("a")
        await found.tenant("b")
        found.configure(2, a=[1], b=[2, 3])
        for number in range(300):
            a.say(flow_mod(match(dl_dst=number), output(int(OFPP.FLOOD)), priority=number))
        datapath = next(iter(found.engine.switches.values())).datapath
        assert datapath is not None
        await found.until(lambda: len(list(datapath.entries("a"))) == 300)
        version = 3
        for number in range(300, 330):
            # Each comes while the entries of the one before are still on their way.
            for ports in ({"a": [1, 4], "b": [2, 3]}, {"b": [2]}, {"a": [1], "b": [1, 2, 3]}):
                found.configure(version, **ports)
                await asyncio.sleep(0)
                version += 1
            if not a.is_lost.is_set():
                a.say(flow_mod(match(dl_dst=number), output(1), priority=number))
        found.configure(version, a=[1], b=[2, 3, 4])
        link = next(iter(found.engine.switches.values()))
        await found.until(lambda: not datapath.is_moving)
        assert datapath.flowspace is found.engine.flowspace_on(1, datapath.VERSION)
        assert sorted(datapath.slices()) == ["a", "b"]
        assert sorted(name for name, _ in link.links) == ["a", "b"]
        assert not found.engine.faults

    in_lab(test)


def test_how_statistics_are_told_is_the_engines_setting() -> None:
    async def test(found: Lab) -> None:
        found.engine.statistics = StatisticsSettings(7.0, answers_empty=False)
        await found.switch()
        await found.tenant("a")
        datapath = next(iter(found.engine.switches.values())).datapath
        assert isinstance(datapath, SlicedDatapath10)
        assert datapath._stats._window == 7.0
        assert not datapath._link.answers_empty

    in_lab(test)
