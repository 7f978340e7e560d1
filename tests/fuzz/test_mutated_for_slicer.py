"""Damaged messages of tenants and of switches that pass the guard, given to the sliced datapath."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from horizon_ryu.wire.guard import MessageGuard, Role, Violation
from horizon_ryu.wire.of10.asynchronous import FlowRemoved10, PacketIn10, PortStatus10
from horizon_ryu.wire.of10.controller import PortMod10
from horizon_ryu.wire.of10.handshake import QueueGetConfigReply10, QueueGetConfigRequest10
from horizon_ryu.wire.of10.statistics import (
    FlowStats10,
    FlowStatsRequest10,
    PortStats10,
    PortStatsRequest10,
    QueueStatsRequest10,
    StatsReply,
    StatsRequest,
    TableStats10,
)
from horizon_ryu.wire.of10.structures import (
    ActionEnqueue,
    ActionSetDlSrc,
    ActionSetNwTos,
    ActionSetVlanVid,
    ActionStripVlan,
)
from horizon_ryu.wire.symmetric import BarrierRequest, Error, GetConfigRequest, SetConfig
from unit.slicing.sliced10 import (
    MACS_0,
    MESSAGES,
    Sliced,
    flow_mod,
    frame,
    mac,
    match,
    output,
    packet_out,
    port,
)

ROUNDS = 4000


def of_tenants() -> list[Any]:
    own = match(in_port=0, dl_src=mac(MACS_0[0]), dl_type=0x0800, nw_proto=6, tp_dst=80)
    actions = (ActionSetVlanVid(5), ActionStripVlan(), ActionSetNwTos(4), ActionEnqueue(2, 1))
    return [
        flow_mod(own, output(2), ActionSetDlSrc(bytes(6)), *actions, idle=3),
        flow_mod(match(), output(0xFFFB), command=0, flags=1),
        flow_mod(match(), command=3),
        flow_mod(own, output(3), command=2),
        packet_out(frame(MACS_0[0]), output(0xFFFB), *actions),
        packet_out(frame(MACS_0[0], 0x88CC), output(3)),
        PortMod10(2, port(2).hw_addr, 16, 16, 0),
        StatsRequest(1, 0, FlowStatsRequest10(own, 0xFF, 0xFFFF)),
        StatsRequest(2, 0, FlowStatsRequest10(match(), 0xFF, 3)),
        StatsRequest(4, 0, PortStatsRequest10(2)),
        StatsRequest(5, 0, QueueStatsRequest10(2, 1)),
        StatsRequest(0),
        StatsRequest(3),
        SetConfig(0, 300),
        GetConfigRequest(),
        BarrierRequest(),
        QueueGetConfigRequest10(2),
    ]


def of_switches() -> list[Any]:
    own = match(in_port=0, dl_src=mac(MACS_0[0]))
    table = TableStats10(0, b"t".ljust(32, b"\0"), 0, 100, 5, 1, 1)
    return [
        PacketIn10(7, 60, 0, 0, frame(MACS_0[0])),
        PacketIn10(0xFFFFFFFF, 60, 3, 1, frame("00:00:00:00:00:01", 0x88CC)),
        FlowRemoved10(own, 1, 1000, 0, 1, 0, 3, 5, 500),
        PortStatus10(2, port(2)),
        PortStatus10(1, port(3)),
        StatsReply(1, 0, (FlowStats10(0, own, 1, 0, 1000, 0, 0, 1, 5, 500, (output(2),)),)),
        StatsReply(4, 1, (PortStats10(2, *range(12)),)),
        StatsReply(3, 0, (table,)),
        QueueGetConfigReply10(2, ()),
        Error(3, 0, bytes(64)),
    ]


def damaged(rng: random.Random, message: bytes) -> bytes:
    """Return a message with bytes changed, cut or doubled, and its length told right."""
    data = bytearray(message)
    for _ in range(rng.randrange(4)):
        data[rng.randrange(4, len(data))] = rng.choice((0, 1, 0xFF, rng.randrange(256)))
    if rng.random() < 0.2:
        del data[rng.randrange(8, len(data) + 1) :]
    elif rng.random() < 0.2:
        data += data[8 : 8 + 8 * rng.randrange(1, 5)]
    return bytes(data[:2]) + len(data).to_bytes(2, "big") + bytes(data[4:])


def passes(guard: MessageGuard, message: bytes) -> bool:
    try:
        guard.accept(message)
    except Violation:
        return False
    return True


def fuzz(seed: int, role: Role, samples: list[Any], give: Callable[[Sliced, bytes], None]) -> int:
    rng = random.Random(seed)
    sliced = Sliced()
    for sample in of_tenants()[:4]:
        sliced.ask("c0", sample)
    guard = MessageGuard(role=role)
    guard.negotiated(1)
    given = 0
    for _ in range(ROUNDS):
        message = damaged(rng, MESSAGES.encode(rng.randrange(250, 270), rng.choice(samples)))
        if role is Role.SWITCH and message[1] == 17:
            guard.sent(bytes((1, 16, 0, 12)) + message[4:8] + message[8:10] + bytes(2))
        if passes(guard, message):
            give(sliced, message)
            given += 1
        if not rng.randrange(50):
            sliced.ask("c0", StatsRequest(1, 0, FlowStatsRequest10(match(), 0xFF, 0xFFFF)))
            sliced.now += 0.3
    sliced.packet_in(frame(MACS_0[0]), 0)
    assert sliced["c0"].news(), "it still serves"
    return given


@pytest.mark.parametrize("seed", range(3))
def test_no_message_of_a_tenant_does_more_than_be_refused(seed: int) -> None:
    given = fuzz(
        seed,
        Role.CONTROLLER,
        of_tenants(),
        lambda sliced, message: sliced.datapath.from_tenant(sliced["c0"], message, sliced.now),
    )
    assert given > ROUNDS / 4


@pytest.mark.parametrize("seed", range(3))
def test_no_message_of_a_switch_breaks_the_datapath(seed: int) -> None:
    given = fuzz(
        seed,
        Role.SWITCH,
        of_switches(),
        lambda sliced, message: sliced.datapath.from_switch(message, sliced.now),
    )
    assert given > ROUNDS / 4
