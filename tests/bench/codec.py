"""Our codec of hot messages against Ryu's, OpenFlow 1.3."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ryu.ofproto import ofproto_parser, ofproto_protocol

from bench.table import Figure
from horizon_ryu.wire import codec13, flow_stats
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, Output, PacketOut
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.statistics import FlowStats13
from horizon_ryu.wire.ofp13 import OFPMP
from horizon_ryu.wire.versions import OPENFLOW_13
from virtual_switch.load import LoadSwitch

SECONDS_EACH = 0.4
"""Of measuring each codec with each message."""
FLOWS = 500
"""Entries in one piece of a reply; a piece holds 64 KiB at most."""
FRAME = bytes.fromhex("020000000002 020000000001 0800 4500") + bytes(48)
DATAPATH = ofproto_protocol.ProtocolDesc(OPENFLOW_13)
PARSER, OFPROTO = DATAPATH.ofproto_parser, DATAPATH.ofproto


def each_us(call: Callable[[], object]) -> float:
    """Return the shortest mean time of a call over three tries, in microseconds."""
    call()
    means = []
    for _ in range(3):
        count, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < SECONDS_EACH / 3:
            for _ in range(10):
                call()
            count += 10
        means.append(passed / count)
    return min(means) * 1e6


def our_flow_mod() -> bytes:
    """Encode a pair's entry, made anew each time."""
    match = Match(in_port=7, dl_src=FRAME[6:12], dl_dst=FRAME[:6])
    entry = FlowMod(FlowCommand.ADD, match, 150, 1, (Output(9),), 60, 0, True)
    return codec13.encode_flow_mod(1, entry)


def ryu_flow_mod() -> bytes:
    """Encode the same with Ryu."""
    match = PARSER.OFPMatch(in_port=7, eth_dst="02:00:00:00:00:02", eth_src="02:00:00:00:00:01")
    actions = [PARSER.OFPActionOutput(9, 0)]
    apply = [PARSER.OFPInstructionActions(OFPROTO.OFPIT_APPLY_ACTIONS, actions)]
    message = PARSER.OFPFlowMod(
        DATAPATH,
        cookie=1,
        priority=150,
        idle_timeout=60,
        flags=OFPROTO.OFPFF_SEND_FLOW_REM,
        out_port=OFPROTO.OFPP_ANY,
        out_group=OFPROTO.OFPG_ANY,
        match=match,
        instructions=apply,
    )
    message.xid = 1
    message.serialize()
    return bytes(message.buf)


def our_packet_out() -> bytes:
    """Encode a frame to emit."""
    return codec13.encode_packet_out(1, PacketOut((Output(9),), FRAME))


def ryu_packet_out() -> bytes:
    """Encode the same with Ryu."""
    message = PARSER.OFPPacketOut(
        DATAPATH,
        buffer_id=OFPROTO.OFP_NO_BUFFER,
        in_port=OFPROTO.OFPP_CONTROLLER,
        actions=[PARSER.OFPActionOutput(9, 0)],
        data=FRAME,
    )
    message.xid = 1
    message.serialize()
    return bytes(message.buf)


def ryu_parse(message: bytes) -> Any:
    """Parse any message with Ryu."""
    version, kind, size, xid = struct.unpack_from("!BBHI", message)
    return ofproto_parser.msg(DATAPATH, version, kind, size, xid, message)


def flow_stats_reply(count: int) -> bytes:
    """Return a reply with the entries of ``count`` pairs."""
    mod = MESSAGES13.decode(our_flow_mod()).message
    entries = tuple(
        FlowStats13(0, 1, 2, 150, 60, 0, 1, number, 5, 320, mod.match, mod.instructions)
        for number in range(count)
    )
    return MESSAGES13.encode(1, MultipartReply(OFPMP.FLOW, 0, entries))


def figures() -> Iterator[Figure]:
    """Measure each message, after making sure that both say the same."""
    if our_flow_mod() != ryu_flow_mod() or our_packet_out() != ryu_packet_out():
        raise ValueError("the two codecs disagree")
    packet_in = LoadSwitch(1, (7,)).packet_in(7, FRAME)
    if codec13.decode_packet_in(packet_in) != (7, None, FRAME):
        raise ValueError("our codec misreads a packet-in")
    yield Figure("flow-mod, 3 fields: encode", "us", each_us(our_flow_mod), each_us(ryu_flow_mod))
    yield Figure("packet-out: encode", "us", each_us(our_packet_out), each_us(ryu_packet_out))
    ours = each_us(partial(codec13.decode_packet_in, packet_in))
    yield Figure("packet-in: decode", "us", ours, each_us(partial(ryu_parse, packet_in)))
    reply = flow_stats_reply(FLOWS)
    ours = each_us(partial(flow_stats.read_entries, OPENFLOW_13, reply))
    theirs = each_us(partial(ryu_parse, reply))
    yield Figure(f"flow stats, {FLOWS:,} entries: decode", "us", ours, theirs)
