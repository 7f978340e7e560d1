"""The control connection: handshake, order, roles, errors, and faults on demand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from horizon_ryu.wire.codecs import codec_of
from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPHFC, OFPPMFC, OFPRRFC
from horizon_ryu.wire.guard import openflow10, openflow13
from horizon_ryu.wire.messages import FlowCommand, FlowMod, FlowModFlags, Match, Output
from horizon_ryu.wire.of10.controller import PortMod10
from horizon_ryu.wire.of13.controller import FlowMod13
from horizon_ryu.wire.of13.handshake import (
    GetAsyncReply,
    GetAsyncRequest,
    RoleReply,
    RoleRequest,
    SetAsync,
)
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.ofp13 import OFPCR_ROLE, OFPMP, OFPPR, OFPT
from horizon_ryu.wire.symmetric import (
    BarrierReply,
    BarrierRequest,
    EchoReply,
    EchoRequest,
    Error,
    FeaturesRequest,
    GetConfigReply,
    GetConfigRequest,
    Hello,
    SetConfig,
    version_bitmap,
)
from unit.virtual_switch.asked import XID, Asked, refusal
from virtual_switch.refusal import SwitchRefusal
from virtual_switch.switch import VirtualSwitch

FRAME = b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0" + bytes(46)
ENTRY = FlowMod(FlowCommand.ADD, Match(), 5, 1, (Output(2),))


@pytest.mark.parametrize("version", [1, 4])
def test_a_handshake(version: int) -> None:
    switch = VirtualSwitch(5, version, (1, 2))
    table = codec_of(version).messages
    assert table.decode(switch.connect().data) == (0, Hello())
    stream = table.encode(1, Hello()) + table.encode(2, FeaturesRequest())
    answers = [message for byte in stream for message in switch.receive(bytes([byte]), 0).messages]
    ((xid, features),) = map(table.decode, answers)
    assert (xid, features.datapath_id) == (2, 5)
    assert switch.connected


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        (codec_of(1).messages.encode(1, Hello()), False),
        (codec_of(4).messages.encode(1, Hello((version_bitmap(1),))), False),
        (codec_of(4).messages.encode(1, Hello((version_bitmap(1, 4),))), True),
        (b"\x06" + codec_of(4).messages.encode(1, Hello())[1:], True),
    ],
)
def test_a_controller_of_another_version_is_told_so_and_left(offer: bytes, agreed: bool) -> None:
    asked = Asked(4)
    effects = asked.switch.receive(offer, 0.0)
    assert effects.closes != agreed
    wanted = None if agreed else (OFPET.HELLO_FAILED, OFPHFC.INCOMPATIBLE)
    assert refusal(asked.read(effects)) == wanted


@pytest.mark.parametrize("version", [1, 4])
def test_what_is_asked_is_answered_in_order(version: int) -> None:
    asked = Asked(version)
    requests = [
        EchoRequest(b"data"),
        SetConfig(1, 77),
        GetConfigRequest(),
        BarrierRequest(),
    ]
    data = b"".join(asked.codec.messages.encode(n, one) for n, one in enumerate(requests))
    effects = asked.switch.receive(data, 0.0)
    assert [asked.codec.messages.decode(one) for one in effects.messages] == [
        (0, EchoReply(b"data")),
        (2, GetConfigReply(1, 77)),
        (3, BarrierReply()),
    ]


def test_what_cannot_be_read_is_an_error_that_quotes_it() -> None:
    asked = Asked(4)
    for data, code in (
        (b"\4\x63\0\x08\0\0\0\x09", OFPBRC.BAD_TYPE),
        (b"\1\2\0\x08\0\0\0\x09", OFPBRC.BAD_VERSION),
        (b"\4\x0e\0\x0c\0\0\0\x09wxyz", OFPBRC.BAD_LEN),
        (asked.codec.messages.encode(9, BarrierReply()), OFPBRC.BAD_TYPE),
        (asked.codec.messages.encode(9, MultipartRequest(99)), OFPBRC.BAD_MULTIPART),
    ):
        (answer,) = asked.switch.handle(data, 0.0).messages
        error = Error(OFPET.BAD_REQUEST, code, data)
        assert asked.codec.messages.decode(answer) == (9, error)
    assert asked.switch.receive(b"\4\0\0\7", 0.0).closes is False
    assert asked.switch.receive(b"\0\0\0\0", 0.0).closes, "no message has 7 bytes"


def test_a_slave_changes_nothing_and_hears_of_ports_alone() -> None:
    asked = Asked(4)
    assert asked.tell(RoleRequest(OFPCR_ROLE.SLAVE, 5)) == [RoleReply(OFPCR_ROLE.SLAVE, 5)]
    answers = asked.read(asked.switch.handle(asked.codec.encode(ENTRY, 1), 0.0))
    assert refusal(answers) == (OFPET.BAD_REQUEST, OFPBRC.IS_SLAVE)
    assert len(asked.read(asked.switch.set_carrier(1, False))) == 1
    stale = asked.tell(RoleRequest(OFPCR_ROLE.MASTER, 4))
    assert refusal(stale) == (OFPET.ROLE_REQUEST_FAILED, OFPRRFC.STALE)
    assert asked.tell(RoleRequest(OFPCR_ROLE.MASTER, 6)) == [RoleReply(OFPCR_ROLE.MASTER, 6)]
    assert asked.tell(RoleRequest(OFPCR_ROLE.NOCHANGE, 0)) == [RoleReply(OFPCR_ROLE.MASTER, 6)]


def test_the_controller_hears_what_it_wants_to_hear() -> None:
    asked = Asked(4)
    masks = (0, 0, 0, 0, 0, 0)
    assert asked.tell(SetAsync(*masks)) == []
    assert asked.tell(GetAsyncRequest()) == [GetAsyncReply(*masks)]
    asked.watched(Match(), idle_timeout=1)
    assert asked.switch.set_carrier(1, False).messages == []
    assert asked.switch.tick(1000.0).messages == []


def test_ports_come_change_and_go() -> None:
    asked = Asked(1)
    told = [
        *asked.read(asked.switch.add_port(9)),
        *asked.read(asked.switch.set_carrier(9, False)),
        *asked.read(asked.switch.remove_port(9)),
    ]
    assert [(one.reason, one.desc.port_no, one.desc.state & 1) for one in told] == [
        (OFPPR.ADD, 9, 0),
        (OFPPR.MODIFY, 9, 1),
        (OFPPR.DELETE, 9, 1),
    ]
    bad = asked.tell(PortMod10(2, bytes(6), 0, 0, 0))
    assert bad[0].code == OFPPMFC.BAD_HW_ADDR
    (changed,) = asked.tell(PortMod10(2, asked.switch.datapath.ports[2].hw_addr, 16, 16, 0))
    assert changed.desc.config == 16


# ---- faults


def is_flow_mod(message: Any) -> bool:
    return isinstance(message, FlowMod13)


def told(asked: Asked, message: FlowMod = ENTRY) -> list[Any]:
    return asked.read(asked.switch.handle(asked.codec.encode(message, XID), asked.now))


def test_it_refuses_ignores_or_hangs_up() -> None:
    asked = Asked(4)
    faults = asked.switch.faults
    no = SwitchRefusal("FLOW_MOD_FAILED", "EPERM")
    faults.refuse = lambda message: no if is_flow_mod(message) else None
    assert refusal(told(asked)) == (OFPET.FLOW_MOD_FAILED, 4)
    faults.refuse, faults.ignore = lambda _message: None, is_flow_mod
    assert told(asked) == []
    assert asked.entries() == []
    faults.close = is_flow_mod
    assert asked.switch.handle(asked.codec.encode(ENTRY, 1), 0.0).closes


def test_it_lies_at_barriers() -> None:
    asked = Asked(4)
    asked.switch.faults.delay, asked.switch.faults.lies = 2.0, True
    assert told(asked) == []
    assert asked.tell(BarrierRequest()) == [BarrierReply()]
    assert asked.outs(FRAME) == []
    assert asked.switch.next_due() == 102.0
    asked.switch.tick(102.0)
    assert asked.outs(FRAME) == [(2, FRAME)]


def test_a_late_switch_keeps_the_order_of_barriers() -> None:
    asked = Asked(4)
    asked.switch.faults.delay = 2.0
    assert told(asked) == asked.tell(BarrierRequest()) == []
    assert asked.read(asked.switch.tick(102.0)) == [BarrierReply()]
    assert asked.outs(FRAME) == [(2, FRAME)]


def test_it_is_silent_or_loses_bytes() -> None:
    asked = Asked(4)
    asked.switch.faults.mangle = lambda data: data[:-1]
    assert asked.switch.set_carrier(1, False).data[-1:] != b""
    assert len(asked.switch.set_carrier(1, True).data) == 79
    asked.switch.faults.silent = True
    assert asked.tell(BarrierRequest()) == []


def test_a_restart_loses_everything_but_the_ports() -> None:
    asked = Asked(4)
    told(asked)
    asked.switch.restart()
    assert not asked.switch.connected
    assert asked.frame(FRAME).frames == []
    asked.switch.connect()
    assert asked.entries() == []
    assert len(asked.switch.datapath.ports) == 3


# ---- whatever it says, our guard lets it pass

GUARDS = {1: openflow10.OPENFLOW10, 4: openflow13.OPENFLOW13}
STATISTICS = {1: (0, 3), 4: (OFPMP.DESC, OFPMP.TABLE, OFPMP.GROUP_DESC, OFPMP.PORT_DESC)}
MACS = st.sampled_from([None, b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"])
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(FlowCommand),
        st.tuples(st.none() | st.integers(1, 3), st.none(), MACS).map(lambda some: Match(*some)),
        st.integers(0, 3),
        st.integers(0, 9),
        st.lists(st.integers(1, 9).map(Output), max_size=3).map(tuple),
        st.integers(0, 9),
        st.just(0),
        st.sampled_from(list(FlowModFlags)),
    ).map(lambda some: FlowMod(*some)),
    max_size=20,
)


@given(st.sampled_from([1, 4]), ENTRIES)
def test_what_it_says_is_valid(version: int, mods: list[FlowMod]) -> None:
    asked, guard = Asked(version), GUARDS[version]
    codec, said = asked.codec, []
    for mod in mods:
        said += asked.switch.handle(codec.encode(mod, 1), asked.now).messages
        said += asked.frame(FRAME).messages
    said += asked.switch.handle(codec.encode_features_request(2), asked.now).messages
    flows = codec.encode_flow_stats_request(3)
    pieces = asked.switch.handle(flows, asked.now).messages
    assert len(codec.read_entries(pieces[0])) == len(asked.switch.datapath.tables[0])
    said += asked.switch.tick(1000.0).messages
    for message in said:
        check = guard.features if message[1] == OFPT.FEATURES_REPLY else guard.checks[message[1]]
        assert check is not None
        check(message)
    for piece in pieces:
        kind = int.from_bytes(piece[8:10], "big")
        guard.bodies[kind](piece, guard.body_at, len(piece))
