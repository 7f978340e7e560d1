"""Damaged messages of tenants and of switches that pass the guard, given to the sliced datapath."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from horizon_ryu.slicer.actions13 import set_field
from horizon_ryu.wire.guard import MessageGuard, Role, Violation
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
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
from horizon_ryu.wire.of13.asynchronous import (
    Experimenter,
    FlowRemoved13,
    PacketIn13,
    PortStatus13,
)
from horizon_ryu.wire.of13.controller import GroupMod, MeterMod13, PortMod13, TableMod
from horizon_ryu.wire.of13.handshake import (
    GetAsyncRequest,
    QueueGetConfigReply13,
    QueueGetConfigRequest13,
    RoleRequest,
    SetAsync,
)
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    Counter,
    FlowStats13,
    FlowStatsRequest13,
    GroupStats,
    GroupStatsRequest,
    MeterStats,
    MeterStatsRequest,
    PortStats13,
    PortStatsRequest13,
    QueueStatsRequest13,
    TableStats13,
)
from horizon_ryu.wire.of13.structures import (
    ActionDecNwTtl,
    ActionExperimenter,
    ActionGroup,
    ActionPopMpls,
    ActionPopVlan,
    ActionPushMpls,
    ActionPushVlan,
    ActionSetQueue,
    Bucket,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteActions,
    InstructionWriteMetadata,
    MeterBandDrop,
    MeterBandDscpRemark,
)
from horizon_ryu.wire.symmetric import (
    BarrierReply,
    BarrierRequest,
    Error,
    GetConfigRequest,
    SetConfig,
)
from unit.slicing.sliced10 import (
    MACS_0,
    Sliced,
    flow_mod,
    frame,
    mac,
    match,
    output,
    packet_out,
    port,
)
from unit.slicing.sliced13 import (
    Sliced13,
    delete13,
    flow_mod13,
    match13,
    output13,
    packet_out13,
    port13,
)

ROUNDS = 4000
ANY = 0xFFFFFFFF


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


def of_tenants13() -> list[Any]:
    mine = match13(in_port=4, eth_src=mac(MACS_0[0]), eth_type=0x0800, ip_proto=6, tcp_dst=80)
    actions = (
        *(ActionPushVlan(0x8100), ActionPopVlan(), ActionPushMpls(0x8847), ActionPopMpls(0x800)),
        *(
            ActionSetQueue(1),
            ActionGroup(5),
            ActionDecNwTtl(),
            ActionExperimenter(0x2320, b"12345678"),
        ),
        set_field(OFPXMT_OFB.ETH_DST, 5),
    )
    write = InstructionWriteActions((set_field(OFPXMT_OFB.ETH_DST, 7), output13(2)))
    buckets = (Bucket(1, 2, ANY, (output13(2),)), Bucket(1, ANY, ANY, (ActionGroup(6),)))
    bands = (MeterBandDrop(100, 10), MeterBandDscpRemark(50, 5, 1))
    return [
        flow_mod13(mine, output13(2), set_field(OFPXMT_OFB.ETH_DST, 9), idle=3, flags=1),
        flow_mod13(match13(), output13(0xFFFFFFFB), write, InstructionGotoTable(3)),
        GroupMod(0, 0, 5, (Bucket(0, ANY, ANY, (output13(2),)),)),
        MeterMod13(0, 1, 4, bands[:1]),
        flow_mod13(mine, *actions, output13(3), InstructionMeter(4)),
        flow_mod13(match13(metadata=3), InstructionWriteMetadata(1, 3), command=1, table_id=2),
        delete13(match13(), cookie=77, cookie_mask=0xFF, out_port=2, out_group=5),
        packet_out13(frame(MACS_0[0]), output13(0xFFFFFFFB), *actions, in_port=4),
        packet_out13(frame(MACS_0[0]), output13(0xFFFFFFF9), in_port=4),
        packet_out13(frame(MACS_0[0], 0x88CC), output13(3)),
        GroupMod(1, 3, 5, buckets),
        GroupMod(2, 0, 0xFFFFFFFC),
        MeterMod13(1, 1, 4, bands),
        PortMod13(2, port13(2).hw_addr, 1, 1, 0),
        TableMod(0, 3),
        RoleRequest(2, 5),
        SetAsync(7, 0, 7, 0, 15, 0),
        GetAsyncRequest(),
        Experimenter(0x2320, 1, bytes(8)),
        MultipartRequest(1, 0, FlowStatsRequest13(0xFF, ANY, ANY, 77, 0xFF, mine)),
        MultipartRequest(2, 0, FlowStatsRequest13(0, 2, 5, 0, 0, match13())),
        *(MultipartRequest(kind) for kind in (0, 3, 7, 8, 11, 12, 13)),
        MultipartRequest(4, 0, PortStatsRequest13(2)),
        MultipartRequest(5, 0, QueueStatsRequest13(2, 1)),
        MultipartRequest(6, 0, GroupStatsRequest(5)),
        MultipartRequest(9, 0, MeterStatsRequest(4)),
        MultipartRequest(10, 0, MeterStatsRequest(0xFFFFFFFF)),
        SetConfig(0, 300),
        GetConfigRequest(),
        BarrierRequest(),
        QueueGetConfigRequest13(2),
    ]


def of_switches13() -> list[Any]:
    mine = match13(in_port=4, eth_src=mac(MACS_0[0]), metadata=1 << 54)
    at = match13(in_port=3, metadata=1 << 54)
    flow = FlowStats13(1, 1, 0, 1000, 0, 0, 0, 1, 5, 500, mine, (InstructionGotoTable(3),))
    return [
        PacketIn13(7, 60, 0, 1, 1, mine, frame(MACS_0[0])),
        PacketIn13(0xFFFFFFFF, 60, 1, 0, 1 << 63, at, frame("00:00:00:00:00:01", 0x88CC)),
        PacketIn13(0xFFFFFFFF, 60, 2, 0, 4711, match13(), frame(MACS_0[0])),
        FlowRemoved13(1, 1000, 0, 1, 1, 0, 3, 0, 5, 500, mine),
        PortStatus13(2, port13(2)),
        PortStatus13(1, port13(3)),
        MultipartReply(13, 0, (port13(1), port13(2))),
        MultipartReply(1, 0, (flow,)),
        MultipartReply(3, 0, (TableStats13(0, 1, 2, 3), TableStats13(1, 1, 2, 3))),
        MultipartReply(4, 1, (PortStats13(2, *range(14)),)),
        MultipartReply(6, 0, (GroupStats(1, 1, 5, 500, 1, 0, (Counter(5, 500),)),)),
        MultipartReply(9, 0, (MeterStats(1, 1, 5, 500, 1, 0, (Counter(5, 500),)),)),
        QueueGetConfigReply13(2, ()),
        BarrierReply(),
        Error(3, 0, bytes(64)),
        Error(5, 1, bytes(64)),
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


@dataclass(frozen=True)
class Version:
    """What is damaged of one version, and how the switch still serves."""

    number: int
    make: Callable[[], Sliced]
    of_tenants: Callable[[], list[Any]]
    of_switches: Callable[[], list[Any]]
    flows: Any
    multipart: tuple[int, int]
    frame_in: Callable[[Any], None]


VERSIONS = {
    "1.0": Version(
        1,
        Sliced,
        of_tenants,
        of_switches,
        StatsRequest(1, 0, FlowStatsRequest10(match(), 0xFF, 0xFFFF)),
        (16, 17),
        lambda sliced: sliced.packet_in(frame(MACS_0[0]), 0),
    ),
    "1.3": Version(
        4,
        Sliced13,
        of_tenants13,
        of_switches13,
        MultipartRequest(1, 0, FlowStatsRequest13(0xFF, ANY, ANY, 0, 0, match13())),
        (18, 19),
        lambda sliced: sliced.frame_in(frame(MACS_0[0]), 4, name="c0"),
    ),
}


def fuzz(
    seed: int, version: Version, role: Role, give: Callable[[Sliced, bytes], None]
) -> tuple[Sliced, int]:
    rng = random.Random(seed)
    sliced = version.make()
    samples = version.of_tenants() if role is Role.CONTROLLER else version.of_switches()
    for sample in version.of_tenants()[:4]:
        sliced.ask("c0", sample)
    guard = MessageGuard(role=role)
    guard.negotiated(version.number)
    asks, tells = version.multipart
    given = 0
    for _ in range(ROUNDS):
        whole = sliced.MESSAGES.encode(rng.randrange(250, 270), rng.choice(samples))
        message = damaged(rng, whole)
        if role is Role.SWITCH and message[1] == tells:
            guard.sent(
                bytes((version.number, asks, 0, 12)) + message[4:8] + message[8:10] + bytes(2)
            )
        if passes(guard, message):
            give(sliced, message)
            given += 1
        if not rng.randrange(50):
            sliced.ask("c0", version.flows)
            sliced.now += 0.3
    sliced["c0"].news()
    return sliced, given


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("version", VERSIONS)
def test_no_message_of_a_tenant_does_more_than_be_refused(version: str, seed: int) -> None:
    sliced, given = fuzz(
        seed,
        VERSIONS[version],
        Role.CONTROLLER,
        lambda sliced, message: sliced.datapath.from_tenant(sliced["c0"], message, sliced.now),
    )
    assert given > ROUNDS / 4
    other = sliced.join("c0")
    VERSIONS[version].frame_in(sliced)
    assert other.news(), "it still serves"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("version", VERSIONS)
def test_no_message_of_a_switch_breaks_the_datapath(version: str, seed: int) -> None:
    sliced, given = fuzz(
        seed,
        VERSIONS[version],
        Role.SWITCH,
        lambda sliced, message: sliced.datapath.from_switch(message, sliced.now),
    )
    assert given > ROUNDS / 4
    VERSIONS[version].frame_in(sliced)
    assert sliced["c0"].news(), "it still serves"
