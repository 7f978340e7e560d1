"""The guard for a peer that is a controller: what it may say, and what it must not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ryu.ofproto import ofproto_protocol
from ryu.ofproto import ofproto_v1_0_parser as ryu10
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from executed_lines import executed_lines
from fuzz.controller_corpus import (
    FLOWS13,
    FROM_CONTROLLER,
    flow_mod10,
    flow_mod13,
    group_mod,
    meter_mod,
    packet_out10,
    packet_out13,
    request10,
    request13,
)
from fuzz.corpus import VALID
from fuzz.wire import (
    IN_PORT,
    OF10,
    OF13,
    OUTPUT10,
    OUTPUT13,
    SET_FIELD,
    band,
    bucket,
    hello,
    instruction,
    match13,
    message,
    table,
    tlv,
)
from horizon_ryu.wire.guard import AnswerLimits, MessageGuard, Reason, Role, Violation
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.ofp10 import OFPT as OFPT10
from horizon_ryu.wire.ofp13 import OFPT as OFPT13
from unit.wire import values

TABLES = {OF10: MESSAGES10, OF13: MESSAGES13}
ALLOWED = {
    version: {message[1] for message in messages} for version, messages in FROM_CONTROLLER.items()
}
EVERY = [(version, kind) for version, types in ((OF10, OFPT10), (OF13, OFPT13)) for kind in types]


def started(version: int = OF13, limits: AnswerLimits | None = None) -> MessageGuard:
    conversation = MessageGuard(limits or AnswerLimits(), Role.CONTROLLER)
    conversation.accept(hello(version))
    conversation.negotiated(version)
    return conversation


def refusal(version: int, data: bytes, talk: MessageGuard | None = None) -> Reason:
    with pytest.raises(Violation) as caught:
        (talk or started(version)).accept(data)
    return caught.value.reason


@pytest.mark.parametrize(("version", "kind"), EVERY)
def test_types_that_only_switches_send_are_refused(version: int, kind: int) -> None:
    conversation = MessageGuard(role=Role.CONTROLLER)
    conversation.accept(hello(version))
    sizes = conversation.negotiated(version)
    if kind in ALLOWED[version]:
        assert sizes[kind] >= 8
    elif kind != 0:
        assert sizes[kind] == 0
        assert refusal(version, message(version, kind, bytes(80))) == Reason.TYPE


def test_together_both_roles_may_send_every_type() -> None:
    for version, types in ((OF10, OFPT10), (OF13, OFPT13)):
        from_switch = {message[1] for message in VALID[version]}
        assert ALLOWED[version] | from_switch | {0} == set(types)


@pytest.mark.parametrize("version", [OF10, OF13])
def test_hello_comes_once_and_first(version: int) -> None:
    assert refusal(version, hello(version)) == Reason.ORDER
    early = MessageGuard(role=Role.CONTROLLER)
    assert refusal(version, message(version, 5), early) == Reason.ORDER


@pytest.mark.parametrize(
    ("version", "name"),
    [(1, name) for name in values.TO_SWITCH10] + [(4, name) for name in values.TO_SWITCH13],
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_every_message_that_we_can_write_passes(version: int, name: str, data) -> None:
    strategies = values.TO_SWITCH10 if version == 1 else values.TO_SWITCH13
    written = TABLES[version].encode(1, data.draw(strategies[name]))
    if written[1] in ALLOWED[version]:
        started(version).accept(written)


NO_FIELD = struct.pack("!HH", 25, 0) + SET_FIELD[4:]
ZERO = struct.pack("!I", 0x80000000) + bytes(4)
_LENGTH, _SIZE, _KIND = Reason.LENGTH, Reason.SIZE, Reason.KIND


@pytest.mark.parametrize(
    ("version", "data", "reason"),
    [
        (OF10, flow_mod10(tlv(0, bytes(4), 0)), _LENGTH),
        (OF10, flow_mod10(OUTPUT10 + b"\0\0\0\x08"), _LENGTH),
        (OF10, flow_mod10(tlv(0, bytes(12))), _LENGTH),
        (OF10, flow_mod10(tlv(12, bytes(4))), _KIND),
        (OF10, message(OF10, 14, bytes(60)), _LENGTH),
        (OF10, packet_out10(OUTPUT10, length=16), _LENGTH),
        (OF10, packet_out10(OUTPUT10, b"", 65535), _LENGTH),
        (OF10, packet_out10(tlv(0, bytes(4), 0)), _LENGTH),
        (OF10, message(OF10, 13, bytes(4)), _SIZE),
        (OF10, message(OF10, 15, bytes(16)), _SIZE),
        (OF10, request10(1, bytes(40)), _LENGTH),
        (OF10, request10(4), _LENGTH),
        (OF10, request10(7), _KIND),
        (OF10, message(OF10, 16, b"\0"), _SIZE),
        (OF10, message(OF10, 18, b"x"), _SIZE),
        (OF10, message(OF10, 20), _SIZE),
        (OF10, message(OF10, 4, b"abc"), _SIZE),
        (OF13, flow_mod13(instruction(4, OUTPUT13, 0)), _LENGTH),
        (OF13, flow_mod13(tlv(1, bytes(4), 0)), _LENGTH),
        (OF13, flow_mod13(instruction(4, NO_FIELD)), _LENGTH),
        (OF13, flow_mod13(instruction(3, tlv(0, bytes(12), 0))), _LENGTH),
        (OF13, flow_mod13(tlv(7, bytes(4))), _KIND),
        (OF13, flow_mod13(match=match13(ZERO)), _LENGTH),
        (OF13, flow_mod13(match=match13(IN_PORT, length=0)), _LENGTH),
        (OF13, flow_mod13(match=match13(IN_PORT, length=65535)), _LENGTH),
        (OF13, flow_mod13(match=match13(*[IN_PORT] * 300)), _LENGTH),
        (OF13, message(OF13, 14, bytes(32)), _SIZE),
        (OF13, packet_out13(OUTPUT13, b"", 24), _LENGTH),
        (OF13, packet_out13(NO_FIELD), _LENGTH),
        (OF13, message(OF13, 13, bytes(12)), _SIZE),
        (OF13, group_mod(bucket(length=0)), _LENGTH),
        (OF13, group_mod(bucket(NO_FIELD)), _LENGTH),
        (OF13, group_mod(bucket(OUTPUT13, 24)), _LENGTH),
        (OF13, message(OF13, 15, bytes(4)), _LENGTH),
        (OF13, meter_mod(band(1, 0)), _LENGTH),
        (OF13, meter_mod(band(1)[:12]), _LENGTH),
        (OF13, meter_mod(band(3)), _KIND),
        (OF13, request13(1, FLOWS13[:-4]), _LENGTH),
        (OF13, request13(1, FLOWS13 + bytes(8)), _LENGTH),
        (OF13, request13(0, bytes(8)), _LENGTH),
        (OF13, request13(12, table(b"", 0)), _LENGTH),
        (OF13, request13(12, table(tlv(0, tlv(1, length=0)))), _LENGTH),
        (OF13, request13(14), _KIND),
        (OF13, message(OF13, 24, bytes(8)), _SIZE),
        (OF13, message(OF13, 28, bytes(16)), _SIZE),
        (OF13, message(OF13, 16, bytes(24)), _SIZE),
        (OF13, message(OF13, 17), _SIZE),
        (OF13, message(OF13, 4, bytes(4)), _SIZE),
    ],
)
def test_lengths_that_lie_are_refused(version: int, data: bytes, reason: Reason) -> None:
    assert refusal(version, data) == reason


def test_a_request_in_parts_comes_to_an_end() -> None:
    limits = AnswerLimits(requests=2, parts=3, size=10_000)
    talk = started(OF13, limits)
    for _ in range(2):
        for _ in range(2):
            talk.accept(request13(12, table(b""), flags=1))
        talk.accept(request13(12, table(b"")))
    for _ in range(3):
        talk.accept(request13(12, table(b""), flags=1))
    assert refusal(OF13, request13(12, table(b""), flags=1), talk) == Reason.EXCESS


def test_requests_without_an_end_are_few_and_small() -> None:
    talk = started(OF13, AnswerLimits(requests=2, size=200))
    talk.accept(request13(12, table(b""), flags=1, xid=1))
    talk.accept(request13(12, table(b""), flags=1, xid=2))
    assert refusal(OF13, request13(12, table(b""), flags=1, xid=3), talk) == Reason.EXCESS
    talk.accept(request13(0, xid=3))
    large = request13(12, table(b"") * 3, flags=1, xid=1)
    assert refusal(OF13, large, talk) == Reason.EXCESS
    assert refusal(OF13, request13(0, xid=2), talk) == Reason.ORDER


def test_a_controller_never_gets_a_dpid_and_owes_no_answers() -> None:
    talk = started()
    talk.sent(message(OF13, 6, bytes(24)))
    talk.accept(message(OF13, 5))
    assert talk.dpid is None


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (OF10, flow_mod10(OUTPUT10 * 8000)),
        (OF10, packet_out10(OUTPUT10 * 8000)),
        (OF13, flow_mod13(instruction(4, OUTPUT13 * 4000))),
        (OF13, packet_out13(tlv(24, bytes(4)) * 8000)),
        (OF13, group_mod(bucket() * 4000)),
        (OF13, meter_mod(band(1) * 4000)),
        (OF13, request13(12, table(b"") * 1000)),
    ],
)
def test_the_work_is_in_proportion_to_the_size(version: int, data: bytes) -> None:
    """Of the guard and of the decoder together, per byte of the message."""
    talk = started(version)
    assert executed_lines(lambda: talk.accept(data)) < 4 * len(data)
    assert executed_lines(lambda: TABLES[version].decode(data)) < 10 * len(data)


@pytest.mark.parametrize(("version", "parser"), [(OF10, ryu10), (OF13, ryu13)])
def test_ryus_own_messages_pass(version: int, parser) -> None:
    datapath = ofproto_protocol.ProtocolDesc(version)
    ofproto = datapath.ofproto
    sent = [
        parser.OFPFeaturesRequest(datapath),
        parser.OFPBarrierRequest(datapath),
        parser.OFPGetConfigRequest(datapath),
        parser.OFPSetConfig(datapath, 0, 128),
        parser.OFPEchoRequest(datapath, b"ping"),
        parser.OFPDescStatsRequest(datapath, 0),
        parser.OFPFlowMod(datapath, match=parser.OFPMatch(in_port=1))
        if version == OF13
        else parser.OFPFlowMod(datapath, parser.OFPMatch(in_port=1), 0, ofproto.OFPFC_ADD),
        parser.OFPPacketOut(
            datapath,
            buffer_id=0xFFFFFFFF,
            in_port=1,
            actions=[parser.OFPActionOutput(2)],
            data=b"frame",
        ),
    ]
    talk = started(version)
    for one in sent:
        one.xid = 3
        one.serialize()
        talk.accept(bytes(one.buf))
