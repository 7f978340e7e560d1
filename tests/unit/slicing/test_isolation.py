"""Peers that are hostile or broken, over real sockets: each is dealt with, and no other notices."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from horizon_ryu.slicer.configuration import parse_configuration
from horizon_ryu.slicer.tenant_link import TenantLink
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from horizon_ryu.wire.of10.controller import FlowMod10
from horizon_ryu.wire.symmetric import Error
from unit.slicing.sliced10 import MESSAGES, flow_mod, frame, match, output
from unit.slicing.test_engine import SECONDS, Lab, in_lab, packet_in

FLOOD = 10_000
ROUNDS = 50


async def sets_up(found: Lab, switch: Any, b: Any) -> int:
    """Have b set up flows; return how many there were, each answered before the next."""
    switch.got.clear()
    for number in range(ROUNDS):
        switch.say(packet_in(3))
        await b.message(PacketIn10)
        b.say(flow_mod(match(in_port=3, dl_dst=number), output(4), cookie=number))
        await switch.until(
            lambda number=number: any(
                isinstance(one, FlowMod10) and one.priority == 1000 and one.command == 0
                for one in switch.got
            )
        )
        switch.got.clear()
    return ROUNDS


def test_a_tenant_that_sends_thousands_of_messages_is_limited_and_others_are_served() -> None:
    async def test(found: Lab) -> None:
        slices = [
            {"name": "a", "controllers": [{"url": found.urls["a"]}], "flowspace": [{"ports": [1]}],
             "limits": {"messages_per_s": 100}},
            {"name": "b", "controllers": [{"url": found.urls["b"]}],
             "flowspace": [{"ports": [3, 4]}]},
        ]  # fmt: skip
        found.engine.configure(parse_configuration({"version": 2, "slices": slices}))
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        foreign = MESSAGES.encode(1, flow_mod(match(in_port=1, dl_dst=1), output(1), priority=9))
        a.transport.write(foreign * FLOOD)
        assert await sets_up(found, switch, b) == ROUNDS
        await found.until(lambda: sum(isinstance(one, Error) for one in a.got) > FLOOD // 2)
        link = found.engine.switches[1]
        assert link.datapath is not None
        presence = link.datapath.presence("a")
        assert presence is not None
        assert presence.refused["messages_per_s"] > FLOOD // 2
        assert not b.is_lost.is_set()

    in_lab(test)


def test_a_tenant_that_does_not_read_is_given_up_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TenantLink, "MOST_UNSENT", 1 << 16)

    async def test(found: Lab) -> None:
        switch = await found.switch()
        a, b = await found.tenant("a"), await found.tenant("b")
        a.transport.pause_reading()

        data = frame("00:00:00:00:00:01", body=bytes(1400))
        large = PacketIn10(0xFFFFFFFF, len(data), 1, 0, data)

        def is_slow() -> bool:
            for _ in range(200):
                switch.say(large)
            return any(name == "tenant_slow" for name, _ in found.events)

        await found.until(is_slow)
        assert await sets_up(found, switch, b) == ROUNDS
        await found.tenant("a", 1)
        assert not b.is_lost.is_set()
        assert not found.engine.faults

    in_lab(test)


def test_a_switch_that_never_answers_holds_nobody_up() -> None:
    async def test(found: Lab) -> None:
        _, silent = await asyncio.open_connection("127.0.0.1", found.port)
        _, greeted = await asyncio.open_connection("127.0.0.1", found.port)
        greeted.write(b"\x01\x00\x00\x08\x00\x00\x00\x01")
        switch = await found.switch()
        b = await found.tenant("b")
        assert await sets_up(found, switch, b) == ROUNDS
        assert list(found.engine.switches) == [1], "the two are no switches yet"
        for writer in (silent, greeted):
            writer.close()

    in_lab(test)


@pytest.mark.parametrize("garbage", [bytes(64), b"\x01\x0a\x00\x09" + bytes(5), b"\xff" * 4096])
def test_a_switch_that_sends_garbage_ends_alone(garbage: bytes) -> None:
    async def test(found: Lab) -> None:
        bad, good = await found.switch(1), await found.switch(2)
        await found.until(lambda: len(found.engine.switches) == 2)
        bad.transport.write(garbage)
        async with asyncio.timeout(SECONDS):
            await bad.is_lost.wait()
        await found.until(lambda: list(found.engine.switches) == [2])
        await found.until(lambda: any(peer.session.dpid == 2 for peer in found.controllers["b"]))
        b = next(peer for peer in found.controllers["b"] if peer.session.dpid == 2)
        assert await sets_up(found, good, b) == ROUNDS

    in_lab(test)


def test_the_slicer_answers_each_echo_itself_with_what_it_carried() -> None:
    """basic.Echo, and R17: FlowVisor answered the switch without the payload."""

    async def test(found: Lab) -> None:
        switch = await found.switch()
        tenants = [await found.tenant(name) for name in ("a", "b")]
        for number, peer in enumerate([switch, *tenants]):
            heard: list[bytes] = []
            receive = peer.session.receive

            def noted(data: bytes, receive: Any = receive, heard: list[bytes] = heard) -> Any:
                for event, message in receive(data):
                    heard.append(message)
                    yield event, message

            peer.session.receive = noted
            echo = b"\x01\x02\x00\x0c" + number.to_bytes(4, "big") + b"1234"
            peer.transport.write(echo)
            await peer.until(lambda heard=heard, echo=echo: b"\x01\x03" + echo[2:] in heard)

    in_lab(test)
