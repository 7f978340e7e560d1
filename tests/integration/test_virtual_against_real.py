"""The virtual switch against a real Open vSwitch: the same bytes in, the same tables out.

A series of flow-mods, many of which overlap, replace, modify or delete each other, then frames of
which each takes an entry; errors, entries and their counters must be the same after every step.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.guard.framing import HEADER_SIZE
from horizon_ryu.wire.match_codes13 import OFPXMC, OFPXMT_OFB
from horizon_ryu.wire.messages import Match
from horizon_ryu.wire.of10.controller import FlowMod10, PacketOut10
from horizon_ryu.wire.of10.structures import ActionOutput10, ActionSetDlDst
from horizon_ryu.wire.of13.controller import FlowMod13, PacketOut13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.of13.structures import (
    ActionOutput13,
    ActionSetField,
    InstructionApplyActions,
    InstructionWriteActions,
)
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPG, OFPP
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error, Hello
from horizon_ryu.wire.versions import OPENFLOW_10, OPENFLOW_13
from topologies import openvswitch
from virtual_switch.fields import read_fields
from virtual_switch.matching import covers, from_match10, from_oxm
from virtual_switch.port_numbers import narrowed
from virtual_switch.switch import VirtualSwitch

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

BRIDGE = "hzvirtual"
NAMES = {OPENFLOW_10: "OpenFlow10", OPENFLOW_13: "OpenFlow13"}
STEPS = 250
FRAMES_EACH = 2
MACS = [bytes.fromhex(text) for text in ("020000000001", "020000000002", "010000000003")]
ADDRESSES = [b"\x0a\0\0\1", b"\x0a\0\1\1", b"\x0b\0\0\1"]
GROUP_BIT = b"\1\0\0\0\0\0"


class RealSwitch:
    """A bridge, asked by the socket that its own tools use."""

    def __init__(self, version: int) -> None:
        self._table = codec_of(version).messages
        self._link = socket.socket(socket.AF_UNIX)
        self._link.settimeout(10)
        self._link.connect(f"/var/run/openvswitch/{BRIDGE}.mgmt")
        self._link.sendall(self._table.encode(0, Hello()))
        self._receive()

    def ask(self, *messages: bytes) -> list[bytes]:
        """Send messages and a barrier; return what came before its reply."""
        self._link.sendall(b"".join(messages) + self._table.encode(99, BarrierRequest()))
        answers = []
        while not isinstance(self._table.decode(answer := self._receive()).message, BarrierReply):
            answers.append(answer)
        return answers

    def _receive(self) -> bytes:
        head = self._exactly(HEADER_SIZE)
        return head + self._exactly(int.from_bytes(head[2:4], "big") - HEADER_SIZE)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            got = self._link.recv(size - len(data))
            if not got:
                raise ConnectionError("the switch hung up")
            data += got
        return data

    def close(self) -> None:
        """Hang up."""
        self._link.close()


@contextmanager
def real_switch(version: int) -> Iterator[RealSwitch]:
    """Give an empty bridge with the ports 1 and 2."""
    openvswitch.ensure_running()
    bridge = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev"]
    bridge += [f"protocols={NAMES[version]}", "fail_mode=secure"]
    for number in (1, 2):
        port = f"hzv{number}"
        bridge += ["--", "add-port", BRIDGE, port, "--", "set", "interface", port]
        bridge += ["type=internal", f"ofport_request={number}"]
    openvswitch.vsctl(*bridge)
    try:
        real = RealSwitch(version)
        yield real
        real.close()
    finally:
        openvswitch.vsctl("--if-exists", "del-br", BRIDGE)


class Generator:
    """Draws messages from a small world, so that they meet each other."""

    def __init__(self, version: int, chance: random.Random) -> None:
        self.version = version
        self._chance = chance

    def flow_mod(self) -> Any:
        """Return a flow-mod of any command."""
        chance = self._chance
        common = {
            "command": chance.choices(range(5), (8, 2, 2, 1, 2))[0],
            "cookie": chance.randrange(4),
            "idle_timeout": chance.choice((0, 0, 3600)),
            "hard_timeout": chance.choice((0, 0, 7200)),
            "priority": chance.randrange(1, 9),
            "buffer_id": OFP_NO_BUFFER,
            "out_port": narrowed(self.version, chance.choice((OFPP.ANY, OFPP.ANY, 1))),
            "flags": chance.choice((0, 0, 1, 2, 3)),
        }
        if self.version == OPENFLOW_10:
            return FlowMod10(match=self.match10(), actions=self.actions10(), **common)
        common["flags"] |= chance.choice((0, 4))
        return FlowMod13(
            cookie_mask=chance.choice((0, 0, 1, 3)),
            table_id=0,
            out_group=OFPG.ANY,
            match=self.match13(),
            instructions=self.instructions(),
            **common,
        )

    def match10(self) -> Any:
        """Return a match whose fields have their prerequisites, by our own codec."""
        chance = self._chance
        kind = chance.choice((None, None, 0x0800, 0x0806))
        address = int.from_bytes(chance.choice(ADDRESSES), "big")
        prefix = chance.choice((8, 24, 32))
        network = (address >> 32 - prefix << 32 - prefix, prefix)
        protocol = chance.choice((None, 17)) if kind == 0x0800 else None
        match = Match(
            in_port=chance.choice((None, None, 1, 2)),
            dl_src=chance.choice((None, None, *MACS[:2])),
            dl_dst=chance.choice((None, None, *MACS)),
            dl_type=kind,
            dl_vlan=chance.choice((None, None, 0xFFFF, 5)),
            nw_src=network if kind and chance.random() < 0.5 else None,
            nw_proto=protocol,
            tp_dst=53 if protocol and chance.random() < 0.5 else None,
        )
        request = codec_of(OPENFLOW_10).encode_flow_stats_request(0, match)
        return codec_of(OPENFLOW_10).messages.decode(request).message.body.match

    def match13(self) -> OxmMatch:
        """Return a match whose fields have their prerequisites, with masks."""
        chance, fields = self._chance, []

        def add(number: OFPXMT_OFB, value: bytes, mask: bytes = b"") -> None:
            fields.append(OxmField(OFPXMC.OPENFLOW_BASIC, number, bool(mask), value + mask))

        if chance.random() < 0.4:
            add(OFPXMT_OFB.IN_PORT, chance.choice((1, 2)).to_bytes(4, "big"))
        if chance.random() < 0.4:
            add(OFPXMT_OFB.ETH_DST, chance.choice(MACS))
        elif chance.random() < 0.3:
            add(OFPXMT_OFB.ETH_DST, GROUP_BIT, GROUP_BIT)
        if chance.random() < 0.4:
            tag = chance.choice(((0, b""), (0x1000, b"\x10\0"), (0x1005, b"")))
            add(OFPXMT_OFB.VLAN_VID, tag[0].to_bytes(2, "big"), tag[1])
        if chance.random() < 0.5:
            add(OFPXMT_OFB.ETH_TYPE, b"\x08\0")
            if chance.random() < 0.5:
                mask = chance.choice((b"\xff\0\0\0", b"\xff\xff\xff\0", b"\xff\0\0\xff"))
                pairs = zip(chance.choice(ADDRESSES), mask, strict=True)
                add(OFPXMT_OFB.IPV4_SRC, bytes(one & bits for one, bits in pairs), mask)
            if chance.random() < 0.5:
                add(OFPXMT_OFB.IP_PROTO, b"\x11")
                add(OFPXMT_OFB.UDP_DST, b"\0\x35")
        return OxmMatch(tuple(fields))

    def actions10(self) -> Any:
        """Return what an entry does."""
        send = ActionOutput10(self._chance.choice((1, 2, 7)))
        return self._chance.choice(((), (send,), (ActionSetDlDst(MACS[1] + bytes(6)), send)))

    def instructions(self) -> Any:
        """Return what an entry does, at once or at the end."""
        send = ActionOutput13(self._chance.choice((1, 2, 7)))
        field = OxmField(OFPXMC.OPENFLOW_BASIC, OFPXMT_OFB.ETH_DST, False, MACS[1])
        actions = self._chance.choice(((send,), (ActionSetField(field), send)))
        kinds: Any = (InstructionApplyActions, InstructionWriteActions)
        return self._chance.choice(((), (self._chance.choice(kinds)(actions),)))

    def frame_to_table(self) -> Any:
        """Return a packet-out of a frame that goes through the table."""
        chance = self._chance
        tag = chance.choice((b"", b"\x81\0\0\x05", b"\x81\0\0\x06"))
        frame = chance.choice(MACS) + chance.choice(MACS[:2]) + tag + self._payload()
        port = chance.choice((1, 2))
        to_table = narrowed(self.version, OFPP.TABLE)
        if self.version == OPENFLOW_10:
            return PacketOut10(OFP_NO_BUFFER, port, (ActionOutput10(to_table),), frame)
        return PacketOut13(OFP_NO_BUFFER, port, (ActionOutput13(to_table),), frame)

    def _payload(self) -> bytes:
        chance = self._chance
        address, port = chance.choice(ADDRESSES), chance.choice((b"\0\x35", b"\0\x50"))
        if chance.random() < 0.3:
            arp = b"\0\1\x08\0\6\4\0\1" + MACS[0] + address + bytes(6) + ADDRESSES[0]
            return b"\x08\6" + arp + bytes(18)
        udp = b"\x10\0" + port + b"\0\x12\0\0" + bytes(10)
        head = b"\x45\0\0\x26\0\0\0\0\x40\x11\0\0" + address + ADDRESSES[0]
        return b"\x08\0" + head + udp


def told(version: int, pieces: list[bytes]) -> dict[Any, Any]:
    """Return the entries of a flow statistics reply by match and priority."""
    table = codec_of(version).messages
    found = {}
    for piece in pieces:
        for one in table.decode(piece).message.body:
            old = version == OPENFLOW_10
            match = from_match10(one.match) if old else from_oxm(one.match)
            found[match, one.priority] = (
                one.cookie,
                one.idle_timeout,
                one.hard_timeout,
                one.packet_count,
                one.byte_count,
                one.actions if old else one.instructions,
            )
    return found


def is_ambiguous(switch: VirtualSwitch, frame: bytes, in_port: int) -> bool:
    """Tell whether several entries of the highest priority fit: the specification lets any win."""
    fields = read_fields(frame, in_port)
    found = [one.priority for one in switch.datapath.tables[0] if covers(one.match, fields)]
    return found.count(max(found, default=0)) > 1


def errors_in(version: int, answers: list[bytes]) -> list[tuple[int, int, int]]:
    """Return xid, type and code of the errors."""
    read = [codec_of(version).messages.decode(answer) for answer in answers]
    return [(xid, one.type, one.code) for xid, one in read if isinstance(one, Error)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("version", NAMES.keys(), ids=NAMES.values())
def test_tables_errors_and_counters_are_the_same_after_every_step(version: int, seed: int) -> None:
    codec, chance = codec_of(version), random.Random(seed)
    draw, virtual = Generator(version, chance), VirtualSwitch(1, version, (1, 2))
    virtual.connect()
    dump = codec.encode_flow_stats_request(7)
    refused = removed = hit = 0
    with real_switch(version) as real:
        for step in range(STEPS):
            mod = draw.flow_mod()
            message = codec.messages.encode(1, mod)
            answers, own = real.ask(message), virtual.handle(message, float(step)).messages
            assert errors_in(version, own) == errors_in(version, answers), mod
            for out in (draw.frame_to_table() for _ in range(FRAMES_EACH)):
                if not is_ambiguous(virtual, out.data, out.in_port):
                    message = codec.messages.encode(2, out)
                    assert errors_in(version, real.ask(message)) == []
                    virtual.handle(message, float(step))
            before = hit
            theirs = told(version, real.ask(dump))
            ours = told(version, virtual.handle(dump, float(step)).messages)
            assert ours == theirs, mod
            refused += len(errors_in(version, own))
            hit = sum(entry[3] for entry in ours.values())
            removed += hit < before
    assert refused
    assert hit
    assert removed
