"""Roles of two slices' controllers on one switch of 1.3, and what each of them hears of."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.wire.error_codes13 import OFPBRC, OFPET, OFPRRFC
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13, PacketIn13, PortStatus13
from horizon_ryu.wire.of13.controller import PortMod13, TableMod
from horizon_ryu.wire.of13.handshake import (
    GetAsyncReply,
    GetAsyncRequest,
    RoleReply,
    RoleRequest,
    SetAsync,
)
from horizon_ryu.wire.of13.multipart import MultipartRequest
from horizon_ryu.wire.of13.statistics import TableFeaturesEntry
from horizon_ryu.wire.ofp13 import OFPCR_ROLE, OFPMP
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest
from unit.slicing.objects13 import JudgedTenant, ObjectLab, group_mod, meter_mod
from unit.slicing.sliced10 import MACS_0, frame, mac
from unit.slicing.sliced13 import flow_mod13, match13, output13, packet_out13, port13

EQUAL, MASTER, SLAVE = (
    int(role) for role in (OFPCR_ROLE.EQUAL, OFPCR_ROLE.MASTER, OFPCR_ROLE.SLAVE)
)
FAILED = OFPET.ROLE_REQUEST_FAILED
NO_GENERATION = (1 << 64) - 1
DEFAULT = GetAsyncReply(0b011, 0, 0b111, 0b111, 0b1111, 0)


def own() -> Any:
    return match13(in_port=4, eth_src=mac(MACS_0[0]))


class RoleLab(ObjectLab):
    """The switch of the suite; the first slice has a second controller."""

    def __init__(self) -> None:
        super().__init__()
        self.second = JudgedTenant(self, "c0")

    def role(self, tenant: JudgedTenant, role: int, generation: int = 1) -> RoleReply:
        assert not tenant.say_all(RoleRequest(role, generation)), "the switch hears nothing of it"
        (told,) = tenant.news()
        assert isinstance(told, RoleReply)
        return told


def test_a_slice_has_a_master_of_its_own_and_the_switch_hears_nothing() -> None:
    lab = RoleLab()
    assert lab.role(lab.a, 0) == RoleReply(EQUAL, NO_GENERATION)
    assert lab.role(lab.a, MASTER, 5) == RoleReply(MASTER, 5)
    assert lab.role(lab.second, MASTER, 6) == RoleReply(MASTER, 6)
    assert lab.role(lab.a, 0) == RoleReply(SLAVE, 6)
    assert lab.role(lab.b, MASTER, 1) == RoleReply(MASTER, 1), "generations are the slice's own"
    lab.a.refused(RoleRequest(MASTER, 5), FAILED, OFPRRFC.STALE)
    lab.a.refused(RoleRequest(9, 7), FAILED, OFPRRFC.BAD_ROLE)


FEATURES = TableFeaturesEntry(0, bytes(32), 0, 0, 0, 9)


@pytest.mark.parametrize(
    "message",
    [
        flow_mod13(own(), output13(2)),
        packet_out13(frame(MACS_0[0]), output13(2)),
        group_mod(1),
        meter_mod(1),
        PortMod13(2, port13(2).hw_addr, 0, 0, 0),
        TableMod(0, 0),
        MultipartRequest(int(OFPMP.TABLE_FEATURES), 0, (FEATURES,)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_slave_and_a_monitor_change_nothing(message: Any) -> None:
    lab = RoleLab()
    lab.role(lab.second, SLAVE)
    lab.second.refused(message, OFPET.BAD_REQUEST, OFPBRC.IS_SLAVE)
    monitor = JudgedTenant(lab, "c0", is_monitor=True)
    monitor.refused(message, OFPET.BAD_REQUEST, OFPBRC.EPERM)


def test_a_slave_may_ask() -> None:
    lab = RoleLab()
    lab.role(lab.second, SLAVE)
    lab.second.say_all(BarrierRequest())
    lab.answer(BarrierReply(), lab.last_xid())
    assert lab.second.news() == [BarrierReply()]


def test_a_monitor_is_never_master_and_hears_as_an_equal_does() -> None:
    lab = RoleLab()
    monitor = JudgedTenant(lab, "c0", is_monitor=True)
    monitor.refused(RoleRequest(MASTER, 9), FAILED, OFPRRFC.UNSUP)
    lab.role(lab.a, MASTER, 1)
    lab.frame_in(frame(MACS_0[0]), 4, name="c0")
    assert [type(one) for one in monitor.news()] == [PacketIn13]


def test_frames_go_to_those_whose_role_and_masks_want_them() -> None:
    lab = RoleLab()
    lab.role(lab.a, MASTER)
    lab.role(lab.second, SLAVE)
    lab.frame_in(frame(MACS_0[0]), 4, name="c0")
    assert [type(one) for one in lab.a.news()] == [PacketIn13]
    assert not lab.second.news()
    lab.second.say_all(SetAsync(0, 0b001, 0b111, 0b111, 0b1111, 0))
    lab.a.say_all(SetAsync(0b010, 0, 0b111, 0b111, 0b1111, 0))
    lab.frame_in(frame(MACS_0[0]), 4, name="c0")
    assert not lab.a.news()
    assert [type(one) for one in lab.second.news()] == [PacketIn13]


def test_removals_and_ports_are_told_by_role_and_reason() -> None:
    lab = RoleLab()
    (entry,) = lab.a.say_all(flow_mod13(own(), output13(2), flags=1))
    lab.role(lab.second, SLAVE)
    lab.removed(entry, 1)
    assert [type(one) for one in lab.a.news()] == [FlowRemoved13]
    assert not lab.second.news()
    lab.answer(PortStatus13(2, port13(2)))
    assert [type(one) for one in lab.a.news()] == [PortStatus13]
    assert [type(one) for one in lab.second.news()] == [PortStatus13]
    lab.second.say_all(SetAsync(0, 0, 0b111, 0b011, 0, 0))
    lab.answer(PortStatus13(2, port13(2)))
    assert not lab.second.news()


def test_what_is_wanted_is_each_connections_own_and_told_again() -> None:
    lab = RoleLab()
    lab.a.say_all(GetAsyncRequest())
    assert lab.a.news() == [DEFAULT]
    lab.a.say_all(SetAsync(1, 2, 3, 4, 5, 6), GetAsyncRequest())
    lab.second.say_all(GetAsyncRequest())
    assert lab.a.news() == [GetAsyncReply(1, 2, 3, 4, 5, 6)]
    assert lab.second.news() == [DEFAULT]


def test_the_switch_is_asked_for_what_anybody_wants_and_for_no_more() -> None:
    lab = RoleLab()
    wanted = SetAsync(0b111, 0, 0b111, 0b111, 0b1111, 0)
    (told,) = lab.b.say_all(SetAsync(0xFFFFFFFF, 0, 0, 0, 0, 0))
    assert (told.packet_in_mask, told.port_status_mask, told.flow_removed_mask) == (7, 7, 15)
    assert not lab.a.say_all(wanted)
    assert not lab.b.say_all(SetAsync(0, 0, 0, 0, 0, 0)), "another wants it still"
    lab.datapath.disconnect(lab.a)
    (told,) = [one for one in lab.news() if isinstance(one, SetAsync)]
    assert told.packet_in_mask == 0b011, "the slicer itself needs these"


def test_a_controller_that_comes_back_is_an_equal_and_the_generation_stays() -> None:
    lab = RoleLab()
    lab.role(lab.a, MASTER, 9)
    lab.datapath.disconnect(lab.a)
    again = JudgedTenant(lab, "c0")
    assert lab.role(again, 0) == RoleReply(EQUAL, 9)
    again.refused(RoleRequest(MASTER, 8), FAILED, OFPRRFC.STALE)
