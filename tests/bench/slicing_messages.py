"""Messages through a sliced datapath alone: no sockets, no sessions, processor time of each.

A minimal slicer in plain Python, measured before there was this one, took 1 us for a packet-in and
4 us for a flow-mod of OpenFlow 1.0.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.table import Figure
from horizon_ryu.core.slicing.marked_switch import MARK_SHIFT
from horizon_ryu.wire.of10.asynchronous import PacketIn10
from horizon_ryu.wire.of10.structures import ActionOutput10
from horizon_ryu.wire.of13.asynchronous import PacketIn13
from horizon_ryu.wire.of13.structures import ActionOutput13, InstructionApplyActions
from horizon_ryu.wire.ofp10 import OFP_NO_BUFFER
from unit.slicing import sliced10, sliced13
from unit.slicing.sliced10 import MACS_0, Sliced, mac
from unit.slicing.sliced13 import Sliced13

COUNT, ROUNDS = 3_000, 7
PACKET_IN_US, FLOW_MOD_US = 1.0, 4.0
_SOURCE = mac(MACS_0[0])
_IN_PORT, _OUT_PORT, _MOST = 2, 3, 0xFFFF
_NO_COOKIE = (1 << 64) - 1


def figures() -> Iterator[Figure]:
    """Measure both versions, with forms of flow-mods and without."""
    yield from _of("OpenFlow 1.0", Sliced(), _pair10)
    yield from _of("OpenFlow 1.3", Sliced13(), _pair13)


def _of(name: str, lab: Any, write: Callable[[Any, int], tuple[bytes, bytes]]) -> Iterator[Figure]:
    packet_ins, flow_mods = zip(*(write(lab, number) for number in range(COUNT)), strict=True)
    datapath, tenant = lab.datapath, lab["c0"]
    datapath._link.say = tenant.say = lambda _message: None
    took = _least(lambda one: datapath.from_switch(one, 1.0), packet_ins)
    yield Figure(f"{name}: a packet-in, to its tenant", "us", took, PACKET_IN_US)

    def changed(message: bytes) -> None:
        datapath.from_tenant(tenant, message, 1.0)

    known = _least(changed, flow_mods)
    yield Figure(f"{name}: a flow-mod, to the switch", "us", known, FLOW_MOD_US)
    datapath._tables._add_known = lambda *_: False
    unknown = _least(changed, flow_mods)
    yield Figure(f"{name}: beside one whose form is not known", "us", known, unknown)


def _least(take: Callable[[bytes], None], messages: tuple[bytes, ...]) -> float:
    """Return the least processor time of one message, in microseconds."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for message in messages:
            take(message)
        found.append((time.process_time() - start) / len(messages) * 1e6)
    return min(found)


def _frame(number: int) -> tuple[int, bytes]:
    """Return a station that nobody has heard of, and a frame to it."""
    target = 0x0202_0000_0000 + number
    ends = target.to_bytes(6, "big") + _SOURCE.to_bytes(6, "big")
    return target, ends + b"\x08\x00" + bytes(46)


def _pair10(lab: Sliced, number: int) -> tuple[bytes, bytes]:
    target, frame = _frame(number)
    came = PacketIn10(OFP_NO_BUFFER, len(frame), _IN_PORT, 0, frame)
    match = sliced10.match(in_port=_IN_PORT, dl_src=_SOURCE, dl_dst=target)
    mod = sliced10.flow_mod(match, ActionOutput10(_OUT_PORT, _MOST))
    return lab.MESSAGES.encode(0, came), lab.MESSAGES.encode(number, mod)


def _pair13(lab: Sliced13, number: int) -> tuple[bytes, bytes]:
    target, frame = _frame(number)
    at = sliced13.match13(in_port=_IN_PORT, metadata=lab.mark("c0") << MARK_SHIFT)
    came = PacketIn13(OFP_NO_BUFFER, len(frame), 0, 1, _NO_COOKIE, at, frame)
    match = sliced13.match13(in_port=_IN_PORT, eth_src=_SOURCE, eth_dst=target)
    output = InstructionApplyActions((ActionOutput13(_OUT_PORT, _MOST),))
    mod = sliced13.flow_mod13(match, output)
    return lab.MESSAGES.encode(0, came), lab.MESSAGES.encode(number, mod)
