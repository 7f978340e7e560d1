"""FlowVisor's acceptance cases on OpenFlow 1.3, where they have a meaning there, and tables."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.core.slicing.marked_switch import MARK_MASK, MARK_SHIFT
from horizon_ryu.core.slicing.rule import FlowspaceRule, Permission
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.core.slicing.slice_settings import BandwidthMode, BandwidthShare, DropPolicy
from horizon_ryu.slicer.actions13 import set_field
from horizon_ryu.wire.error_codes13 import OFPBAC, OFPBIC, OFPBMC, OFPBRC, OFPET, OFPFMFC
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.of10.statistics import AggregateStats
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13, PacketIn13, PortStatus13
from horizon_ryu.wire.of13.controller import FlowMod13, GroupMod, MeterMod13, PacketOut13
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    FlowStats13,
    FlowStatsRequest13,
    GroupStatsRequest,
    MeterStatsRequest,
    PortStatsRequest13,
    QueueStatsRequest13,
)
from horizon_ryu.wire.of13.structures import (
    ActionExperimenter,
    ActionGroup,
    ActionPopVlan,
    ActionPushVlan,
    ActionSetQueue,
    Bucket,
    InstructionApplyActions,
    InstructionClearActions,
    InstructionGotoTable,
    InstructionMeter,
    InstructionWriteActions,
    InstructionWriteMetadata,
    MeterBandDrop,
)
from horizon_ryu.wire.ofp13 import OFPFF, OFPG, OFPMP, OFPP
from horizon_ryu.wire.symmetric import BarrierReply, BarrierRequest, Error, FeaturesRequest
from horizon_ryu.wire.ternary import HEADER_13
from unit.slicing.sliced10 import MACS_0, MACS_1, frame, mac
from unit.slicing.sliced13 import (
    CONTROLLER_PORT,
    MESSAGES13,
    Sliced13,
    delete13,
    flow_mod13,
    match13,
    output13,
    packet_out13,
    port13,
    rules13,
    ternary13,
    wire_match,
    with_mark,
)

FLOOD, ALL, TABLE = int(OFPP.FLOOD), int(OFPP.ALL), int(OFPP.TABLE)
BUFFER = 0x12345678
ANY = int(OFPG.ANY)
NO_COOKIE = (1 << 64) - 1


def refused(sliced: Sliced13, name: str, kind: int, code: int) -> None:
    """Check that a tenant was told of an error, and that nothing went to the switch."""
    found = sliced[name].news()
    assert [type(one) for one in found] == [Error]
    assert (found[0].type, found[0].code) == (kind, code)
    assert not sliced.news()


def own(**fields: int) -> Any:
    """Return a match in the flowspace of c0."""
    return match13(**{"in_port": 4, "eth_src": mac(MACS_0[0]), **fields})


def applied(mod: FlowMod13) -> tuple[Any, ...]:
    """Return the actions that an entry applies."""
    (found,) = [one for one in mod.instructions if isinstance(one, InstructionApplyActions)]
    return found.actions


# ---- the first table


def test_the_switch_is_emptied_and_its_first_table_tells_slices_apart() -> None:
    sliced = Sliced13()
    delete, *rest = (one for one in sliced.first if isinstance(one, FlowMod13))
    assert (delete.command, delete.table_id, ternary13(delete.match).mask) == (3, 255, 0)
    assert {one.table_id for one in rest} == {0}
    told = {
        (ternary13(one.match), one.instructions[-2].metadata >> MARK_SHIFT)
        for one in rest
        if any(isinstance(given, InstructionGotoTable) for given in one.instructions)
    }
    assert told == {
        (HEADER_13.match(in_port=number, eth_src=mac(address)), sliced.mark(name))
        for name, ports, macs in (("c0", (4, 2, 3), MACS_0), ("c1", (1, 3), MACS_1))
        for number in ports
        for address in macs
    }
    metadata = rest[-1].instructions[-2]
    assert metadata == InstructionWriteMetadata(sliced.mark("c1") << MARK_SHIFT, MARK_MASK) or (
        metadata == InstructionWriteMetadata(sliced.mark("c0") << MARK_SHIFT, MARK_MASK)
    )


def test_frames_of_nobody_are_dropped_and_counted_and_lldp_comes_to_the_slicer() -> None:
    fixed = {one.priority: one for one in Sliced13().first if isinstance(one, FlowMod13)}
    assert ternary13(fixed[0].match).mask == 0
    assert not fixed[0].instructions
    assert ternary13(fixed[65535].match) == HEADER_13.match(eth_type=0x88CC)
    assert [one.port for one in applied(fixed[65535])] == [CONTROLLER_PORT]


def test_r1_a_higher_flowspace_stands_above_a_lower_one_in_the_first_table() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}), priority=9000),
        FlowspaceRule(2, "c1", None, {}, priority=5),
    ]
    sliced = Sliced13(rules)
    found = {
        one.instructions[-2].metadata >> MARK_SHIFT: one.priority
        for one in sliced.first
        if isinstance(one, FlowMod13) and len(one.instructions) > 1
    }
    assert found[sliced.mark("c0")] > found[sliced.mark("c1")]
    (sent,) = sliced.ask("c1", flow_mod13(match13(), priority=65535))
    assert sent.priority == 65535
    assert ternary13(sent.match) == with_mark(match13(), sliced.mark("c1"))


def test_frames_with_two_tags_are_nobodys_where_tags_tell_slices_apart() -> None:
    rules = [FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}))]
    drops = [
        ternary13(one.match)
        for one in Sliced13(rules).first
        if isinstance(one, FlowMod13) and one.priority == 0xFFFE
    ]
    tagged = HEADER_13["vlan_vid"].equal_to(0x1000, 0x1000)
    assert drops == [
        tagged.intersection(HEADER_13.match(eth_type=kind)) for kind in (0x8100, 0x88A8)
    ]
    assert not any(one.priority == 0xFFFE for one in Sliced13().first if isinstance(one, FlowMod13))


def test_an_entry_that_the_switch_has_no_room_for_gives_its_frames_to_nobody_else() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}), priority=9000),
        FlowspaceRule(2, "c1", None, {}, priority=5),
    ]
    sliced = Sliced13(rules)
    events: list[tuple[str, Any]] = []
    sliced.datapath.listen(lambda event, **about: events.append((event, about["slice"])))
    xid = next(
        one.xid
        for raw in sliced.raw
        if isinstance((one := MESSAGES13.decode(raw)).message, FlowMod13)
        and ternary13(one.message.match) == HEADER_13.match(vlan_vid=0x1005)
    )
    sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), int(OFPFMFC.TABLE_FULL), b""), xid)
    gone = [(one.command, ternary13(one.match).mask) for one in sliced.news()]
    assert gone == [(4, 0)], "the lower slice's entry for every frame is taken away"
    assert sliced.datapath.lacking == {"c0", "c1"}
    assert events == [("frames_not_told_apart", "c0"), ("frames_not_told_apart", "c1")]


# ---- basic


def test_basic_pkt_in_goes_to_the_slice_whose_entry_sent_it() -> None:
    sliced = Sliced13()
    for name, number, address in (("c0", 4, MACS_0[0]), ("c1", 1, MACS_1[0])):
        (miss,) = sliced.ask(
            name, flow_mod13(match13(), output13(CONTROLLER_PORT), priority=0, cookie=9)
        )
        sliced.frame_in(frame(address), number, miss.cookie, name, metadata=6)
        (came,) = sliced[name].news()
        assert isinstance(came, PacketIn13)
        assert (came.cookie, came.table_id) == (9, 0)
        assert ternary13(came.match) == HEADER_13.match(in_port=number, metadata=6)
        assert came.data == frame(address)
        assert not any(tenant.news() for tenant in sliced.tenants.values())


def test_a_packet_in_of_an_entry_that_has_gone_finds_its_slice_by_the_mark() -> None:
    sliced = Sliced13()
    sliced.frame_in(frame(MACS_0[0]), 3, 4711, "c0", table_id=3)
    (came,) = sliced["c0"].news()
    assert (came.cookie, came.table_id) == (NO_COOKIE, 2)
    assert ternary13(came.match) == HEADER_13.match(in_port=3)
    assert not sliced["c1"].news()


def test_basic_port_status() -> None:
    sliced = Sliced13(ports=0)
    for number, name in ((4, "c0"), (1, "c1")):
        sliced.answer(PortStatus13(0, port13(number)))
        assert [one.desc.port_no for one in sliced[name].news()] == [number]
        assert not any(tenant.news() for tenant in sliced.tenants.values())


def test_basic_pkt_out_correct_and_error() -> None:
    sliced = Sliced13()
    (sent,) = sliced.ask("c0", packet_out13(frame(MACS_0[0]), output13(4)))
    assert isinstance(sent, PacketOut13)
    assert (sent.actions, sent.data) == ((output13(4),), frame(MACS_0[0]))
    foreign = packet_out13(frame("00:00:00:00:00:00"), output13(4))
    assert not sliced.ask("c0", foreign, xid=4711)
    (error,) = sliced["c0"].got
    assert (error.message.type, error.message.code) == (OFPET.BAD_ACTION, OFPBAC.EPERM)
    assert (error.xid, error.message.data) == (4711, MESSAGES13.encode(4711, foreign)), "R2"


def test_r3_errors_of_packet_outs_find_their_tenant() -> None:
    sliced = Sliced13()
    sent = packet_out13(frame(MACS_0[0]), output13(4))
    sliced.ask("c0", sent, xid=4712)
    sliced.answer(Error(int(OFPET.BAD_ACTION), 5, b"what the switch was told"), sliced.last_xid())
    (error,) = sliced["c0"].got
    assert (error.xid, error.message.data) == (4712, MESSAGES13.encode(4712, sent))
    assert not sliced["c1"].got


def test_basic_pkt_out_flood_is_the_ports_of_the_slice_but_the_one_it_came_in_at() -> None:
    sliced = Sliced13()
    for port in (FLOOD, ALL):
        for name, src, ports in (("c0", MACS_0[0], [2, 3, 4]), ("c1", MACS_1[0], [1, 3])):
            (sent,) = sliced.ask(name, packet_out13(frame(src), output13(port)))
            assert [action.port for action in sent.actions] == ports
            (sent,) = sliced.ask(name, packet_out13(frame(src), output13(port), in_port=3))
            assert [action.port for action in sent.actions] == [one for one in ports if one != 3]


def test_basic_pkt_out_buffer_id() -> None:
    sliced = Sliced13()
    sliced.frame_in(frame(MACS_0[0]), 4, name="c0", buffer_id=BUFFER)
    assert sliced["c0"].news()[0].buffer_id == BUFFER
    assert not sliced.ask("c1", packet_out13(b"", output13(1), buffer_id=BUFFER))
    refused(sliced, "c1", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)
    (sent,) = sliced.ask("c0", packet_out13(b"", output13(2), in_port=4, buffer_id=BUFFER))
    assert sent.buffer_id == BUFFER
    sliced.ask("c0", packet_out13(b"", output13(2), in_port=4, buffer_id=BUFFER))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


def test_a_buffer_goes_with_the_entry_that_is_made_for_it() -> None:
    sliced = Sliced13()
    sliced.frame_in(frame(MACS_0[0]), 4, name="c0", buffer_id=BUFFER)
    (sent,) = sliced.ask("c0", flow_mod13(own(), output13(2), buffer_id=BUFFER))
    assert sent.buffer_id == BUFFER
    sliced.ask("c0", flow_mod13(own(), output13(2), buffer_id=BUFFER))
    sliced["c0"].news()
    sliced.ask("c1", flow_mod13(match13(), buffer_id=BUFFER))
    refused(sliced, "c1", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


def test_a_frame_to_the_tables_comes_in_again_as_the_slices_own() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": [1, 2]})),
        FlowspaceRule(2, "c1", None, {}),
    ]
    sliced = Sliced13(rules)
    (sent,) = sliced.ask("c0", packet_out13(frame(MACS_0[0]), output13(TABLE), in_port=1))
    assert (sent.in_port, sent.actions) == (1, (output13(TABLE),))
    sliced.ask("c0", packet_out13(frame(MACS_0[0]), output13(TABLE)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.EPERM)


def test_features_have_one_table_less() -> None:
    sliced = Sliced13()
    sliced.ask("c0", FeaturesRequest(), xid=9)
    (reply,) = sliced["c0"].got
    assert (reply.xid, reply.message.n_tables) == (9, 9)


def test_a_barrier_goes_through_and_its_answer_comes_back() -> None:
    sliced = Sliced13()
    assert sliced.ask("c0", BarrierRequest(), xid=5) == [BarrierRequest()]
    sliced.answer(BarrierReply(), sliced.last_xid())
    assert [(one.xid, one.message) for one in sliced["c0"].got] == [(5, BarrierReply())]


# ---- tables, metadata, cookies


def test_one_entry_of_a_tenant_is_one_of_the_switch_in_the_next_table_with_the_mark() -> None:
    sliced = Sliced13()
    arp = own(eth_type=0x0806, arp_spa=0x0A000001)
    mod = flow_mod13(arp, output13(2), InstructionGotoTable(7), table_id=5)
    (sent,) = sliced.ask("c0", mod)
    assert (sent.table_id, sent.priority, sent.command) == (6, 1000, 0)
    assert ternary13(sent.match) == with_mark(arp, sliced.mark("c0"))
    assert sent.instructions == (
        InstructionApplyActions((output13(2),)),
        InstructionGotoTable(8),
    )
    (wide,) = sliced.ask("c0", flow_mod13(match13(), output13(2)))
    assert ternary13(wide.match) == with_mark(match13(), sliced.mark("c0"))


@pytest.mark.parametrize(
    ("mod", "kind", "code"),
    [
        (flow_mod13(match13(), table_id=9), OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_TABLE_ID),
        (flow_mod13(match13(), table_id=255), OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_TABLE_ID),
        (flow_mod13(match13(), command=9), OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_COMMAND),
        (flow_mod13(match13(), flags=0x4000), OFPET.FLOW_MOD_FAILED, OFPFMFC.BAD_FLAGS),
        (flow_mod13(match13(in_port=1)), OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM),
        (
            flow_mod13(match13(metadata=1 << 54)),
            OFPET.BAD_MATCH,
            OFPBMC.BAD_MASK,
        ),
        (
            flow_mod13(match13(), InstructionWriteMetadata(0, 1 << 54)),
            OFPET.BAD_INSTRUCTION,
            OFPBIC.UNSUP_METADATA_MASK,
        ),
        (
            flow_mod13(match13(), InstructionGotoTable(9)),
            OFPET.BAD_INSTRUCTION,
            OFPBIC.BAD_TABLE_ID,
        ),
        (
            flow_mod13(match13(), InstructionGotoTable(0)),
            OFPET.BAD_INSTRUCTION,
            OFPBIC.BAD_TABLE_ID,
        ),
        (
            flow_mod13(match13(), InstructionGotoTable(1), InstructionGotoTable(2)),
            OFPET.BAD_INSTRUCTION,
            OFPBIC.UNSUP_INST,
        ),
        (
            flow_mod13(match13(), set_field(OFPXMT_OFB.METADATA, 1 << 60)),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_SET_TYPE,
        ),
        (
            flow_mod13(match13(), set_field(OFPXMT_OFB.IN_PORT, 1)),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_SET_TYPE,
        ),
        (
            flow_mod13(match13(), ActionExperimenter(0x2320, bytes(8))),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_EXPERIMENTER,
        ),
        (flow_mod13(match13(), output13(TABLE)), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT),
        (flow_mod13(match13(), output13(1)), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT),
        (
            flow_mod13(match13(), output13(int(OFPP.NORMAL))),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_OUT_PORT,
        ),
        (flow_mod13(match13(), output13(int(OFPP.LOCAL))), OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT),
        (
            flow_mod13(match13(), InstructionWriteActions((output13(1),))),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_OUT_PORT,
        ),
        (
            flow_mod13(match13(), InstructionMeter(4)),
            OFPET.METER_MOD_FAILED,
            2,
        ),
        (
            flow_mod13(match13(), ActionSetQueue(1), output13(2)),
            OFPET.BAD_ACTION,
            OFPBAC.BAD_QUEUE,
        ),
    ],
)
def test_what_leaves_the_slice_is_refused(mod: FlowMod13, kind: int, code: int) -> None:
    sliced = Sliced13()
    assert not sliced.ask("c0", mod)
    refused(sliced, "c0", kind, code)
    assert not len(sliced.datapath.sliced.table("c0"))


def test_a_match_on_all_of_the_metadata_is_one_on_what_the_tenant_has_of_it() -> None:
    sliced = Sliced13()
    (sent,) = sliced.ask("c0", flow_mod13(match13(metadata=5), output13(2), flags=1))
    metadata = HEADER_13["metadata"]
    assert metadata.of(ternary13(sent.match).mask) == (1 << 64) - 1
    assert metadata.of(ternary13(sent.match).value) == 5 | sliced.mark("c0") << MARK_SHIFT
    narrow = metadata.equal_to(5, (1 << 54) - 1)
    strict = flow_mod13(wire_match(narrow), command=4)
    (gone,) = sliced.ask("c0", strict)
    assert gone.cookie == sent.cookie, "the same entry, however it is written"
    sliced.removed(sent, 2)
    (told,) = sliced["c0"].news()
    assert ternary13(told.match) == HEADER_13.match(metadata=5)


def test_metadata_of_the_tenants_own_bits_passes() -> None:
    sliced = Sliced13()
    given = InstructionWriteMetadata(0x1234, (1 << 54) - 1)
    (sent,) = sliced.ask("c0", flow_mod13(match13(), given, InstructionGotoTable(1)))
    assert sent.instructions[0] == given


def test_write_actions_and_clear_actions_pass_when_they_are_right_for_every_frame() -> None:
    sliced = Sliced13()
    given = (
        InstructionClearActions(),
        InstructionWriteActions((output13(2), set_field(OFPXMT_OFB.ETH_DST, 5))),
    )
    (sent,) = sliced.ask("c0", flow_mod13(match13(), *given))
    assert sent.instructions == given
    foreign = InstructionWriteActions((set_field(OFPXMT_OFB.ETH_SRC, mac(MACS_1[0])),))
    sliced.ask("c0", flow_mod13(match13(), foreign))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def test_cookie_filters_are_those_of_the_tenants_cookies() -> None:
    sliced = Sliced13()
    for cookie in (0x10, 0x11, 0x20):
        kind = 0x0900 + cookie
        sliced.ask("c0", flow_mod13(own(eth_type=kind), output13(2), cookie=cookie))
    changed = sliced.ask(
        "c0",
        flow_mod13(match13(), output13(3), command=1, cookie=0x10, cookie_mask=0xF0),
    )
    assert [one.command for one in changed] == [2, 2]
    gone = sliced.ask("c0", delete13(match13(), cookie=0x20, cookie_mask=0xFF))
    assert [one.command for one in gone] == [4]
    assert [one.cookie for one in sliced.datapath.sliced.table("c0")] == [0x10, 0x11]


def test_deletes_are_of_one_table_or_of_all_and_of_what_sends_to_a_port() -> None:
    sliced = Sliced13()
    for table_id in (0, 3, 4):
        sliced.ask("c0", flow_mod13(own(), output13(2 + table_id % 3), table_id=table_id))
    (gone,) = sliced.ask("c0", delete13(match13(), table_id=3))
    assert (gone.table_id, gone.command) == (4, 4)
    (gone,) = sliced.ask("c0", delete13(match13(), out_port=2))
    assert gone.table_id == 1
    (gone,) = sliced.ask("c0", delete13(own(), command=4))
    assert gone.table_id == 5
    assert not len(sliced.datapath.sliced.table("c0"))


def test_a_delete_of_everything_touches_nothing_of_others() -> None:
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(match13(), output13(2)))
    (kept,) = sliced.ask("c1", flow_mod13(match13(), output13(3)))
    gone = sliced.ask("c0", delete13(match13()))
    assert [(one.table_id, one.command) for one in gone] == [(1, 4)]
    assert all(one.cookie != kept.cookie for one in gone)


def test_a_modify_that_finds_nothing_adds_nothing() -> None:
    sliced = Sliced13()
    assert not sliced.ask("c0", flow_mod13(own(), output13(2), command=1))
    assert not sliced["c0"].news()


def test_counters_are_reset_where_the_tenant_says_so() -> None:
    sliced = Sliced13()
    (first,) = sliced.ask("c0", flow_mod13(own(), output13(2)))
    flags = int(OFPFF.RESET_COUNTS)
    (again,) = sliced.ask("c0", flow_mod13(own(), output13(3), flags=flags))
    assert (first.flags, again.flags) == (0, flags)
    (modified,) = sliced.ask("c0", flow_mod13(own(), output13(2), command=2, flags=flags))
    assert (modified.command, modified.flags, modified.cookie) == (2, flags, again.cookie)


# ---- how entries end


def test_r4_one_flow_removed_for_one_flow_as_its_tenant_wrote_it() -> None:
    sliced = Sliced13()
    mod = flow_mod13(own(), output13(2), cookie=9, idle=10, flags=1, table_id=2)
    (made,) = sliced.ask("c0", mod)
    assert made.flags == 1
    sliced.removed(made, 0)
    sliced.removed(made, 0)
    (removed,) = sliced["c0"].news()
    assert isinstance(removed, FlowRemoved13)
    assert (removed.cookie, removed.priority, removed.reason) == (9, 1000, 0)
    assert (removed.table_id, removed.idle_timeout, removed.packet_count) == (2, 10, 5)
    assert removed.match == own()
    assert not len(sliced.datapath.sliced.table("c0"))


def test_r4_a_deleted_flow_is_reported_once_and_none_that_did_not_ask() -> None:
    sliced = Sliced13()
    (quiet,) = sliced.ask("c0", flow_mod13(own(eth_type=0x0800), output13(2), idle=4))
    (made,) = sliced.ask("c0", flow_mod13(own(), output13(2), cookie=9, flags=1))
    sliced.ask("c0", delete13(match13()))
    assert not sliced["c0"].news()
    sliced.removed(quiet, 2)
    sliced.removed(made, 2)
    (removed,) = sliced["c0"].news()
    assert (removed.reason, removed.cookie) == (2, 9)


def test_what_is_said_of_entries_of_an_earlier_connection_ends_none_of_this_one() -> None:
    class Anew(Sliced13):
        FIRST_ID = None

    (before,) = Anew().ask("c0", flow_mod13(own(), output13(2), flags=1))
    sliced = Anew()
    (made,) = sliced.ask("c0", flow_mod13(own(), output13(2), flags=1))
    assert 0 < made.cookie < 1 << 63
    sliced.removed(before, 2)
    assert not sliced["c0"].news()
    assert len(sliced.datapath.sliced.table("c0")) == 1


def test_r8_check_overlap_is_kept_within_the_slice_and_the_table() -> None:
    sliced = Sliced13()
    flags = int(OFPFF.CHECK_OVERLAP)
    sliced.ask("c0", flow_mod13(match13(), output13(2), priority=7))
    sliced.ask("c0", flow_mod13(own(), output13(2), priority=7, flags=flags))
    refused(sliced, "c0", OFPET.FLOW_MOD_FAILED, OFPFMFC.OVERLAP)
    (sent,) = sliced.ask("c0", flow_mod13(own(), priority=7, flags=flags, table_id=1))
    assert not sent.flags, "the switch must not compare it with other slices' entries"
    assert sliced.ask("c1", flow_mod13(match13(), priority=7, flags=flags))


def test_flowlimit_and_what_the_switch_refuses_is_no_entry() -> None:
    sliced = Sliced13(limits={"c0": SliceLimits(flow_entries=1)})
    asked = flow_mod13(own(), output13(2))
    sliced.ask("c0", asked, xid=31)
    xid = sliced.last_xid()
    sliced.ask("c0", flow_mod13(match13(), output13(2)))
    refused(sliced, "c0", OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)
    sliced["c0"].got.clear()
    sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), 1, b""), xid)
    (error,) = sliced["c0"].got
    assert (error.xid, error.message.data) == (31, MESSAGES13.encode(31, asked))
    assert not len(sliced.datapath.sliced.table("c0"))
    assert [one.command for one in sliced.news()] == [4]


def test_what_the_switch_refuses_to_change_stays_as_it_was() -> None:
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(own(), output13(2)))
    before = list(sliced.datapath.sliced.table("c0"))
    sliced.ask("c0", flow_mod13(own(), output13(3), command=2))
    sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), 0, b""), sliced.last_xid())
    assert list(sliced.datapath.sliced.table("c0")) == before


def test_changes_that_are_refused_one_after_the_other_leave_what_the_switch_has() -> None:
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(own(), output13(2)))
    before = list(sliced.datapath.sliced.table("c0"))
    xids = []
    for number in (3, 4):
        sliced.ask("c0", flow_mod13(own(), output13(number), command=2))
        xids.append(sliced.last_xid())
    for xid in xids:
        sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), 0, b""), xid)
    assert list(sliced.datapath.sliced.table("c0")) == before


def test_an_entry_that_is_refused_while_it_is_changed_is_no_entry() -> None:
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(own(), output13(2)))
    added = sliced.last_xid()
    sliced.ask("c0", flow_mod13(own(), output13(3), command=2))
    sliced.answer(Error(int(OFPET.FLOW_MOD_FAILED), 1, b""), added)
    assert not len(sliced.datapath.sliced.table("c0"))


def test_ratelimit_rate_limit() -> None:
    sliced = Sliced13(limits={"c0": SliceLimits(messages_per_s=3)})
    for kind in (1, 2, 3):
        assert sliced.ask("c0", flow_mod13(own(eth_type=0x0900 + kind), output13(2)))
    sliced.ask("c0", flow_mod13(own(), output13(2)))
    refused(sliced, "c0", OFPET.BAD_REQUEST, OFPBRC.EPERM)
    assert sliced.ask("c1", flow_mod13(match13(), output13(3)))


def test_r11_packet_ins_are_limited() -> None:
    sliced = Sliced13(limits={"c0": SliceLimits(packet_ins_per_s=5)})
    for _ in range(20):
        sliced.frame_in(frame(MACS_0[0]), 4, name="c0")
    assert len(sliced["c0"].news()) == 5


# ---- LLDP


def test_lldp_comes_back_to_the_slice_that_sent_it_and_to_no_other() -> None:
    sliced = Sliced13()
    sent = frame("00:00:00:00:00:99", 0x88CC, bytes.fromhex("0207040000000000010000"))
    (out,) = sliced.ask("c0", packet_out13(sent, output13(3)))
    assert out.data.startswith(sent)
    assert b"here" in out.data
    sliced.frame_in(out.data, 3, cookie=1 << 63, table_id=0, reason=1)
    (came,) = sliced["c0"].news()
    assert (came.data, came.cookie, came.table_id) == (sent, NO_COOKIE, 0)
    assert not sliced["c1"].news()


def test_lldp_without_a_trailer_goes_to_all_that_have_the_port() -> None:
    sliced = Sliced13()
    sent = frame("00:00:00:00:00:09", 0x88CC)
    sliced.frame_in(sent, 4, cookie=1 << 63, table_id=0, reason=1)
    assert [one.data for one in sliced["c0"].news()] == [sent]
    assert not sliced["c1"].news()
    sliced.ask("c0", packet_out13(sent, output13(1)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_OUT_PORT)
    sliced.ask("c0", packet_out13(sent, output13(3), in_port=1))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.EPERM)


# ---- readers, controllers, nobody


def test_readonly_slices_see_and_may_not_write() -> None:
    rules = [
        *rules13("c0", [4], MACS_0, 1),
        FlowspaceRule(9, "c1", None, {}, permissions=Permission.READ),
    ]
    sliced = Sliced13(rules)
    (miss,) = sliced.ask("c0", flow_mod13(match13(), output13(CONTROLLER_PORT), cookie=3))
    sliced.frame_in(frame(MACS_0[0]), 4, miss.cookie, "c0", BUFFER)
    (seen,) = sliced["c1"].news()
    assert (seen.cookie, seen.table_id) == (NO_COOKIE, 0)
    assert len(sliced["c0"].news()) == 1
    sliced.ask("c1", flow_mod13(match13(), output13(4)))
    refused(sliced, "c1", OFPET.FLOW_MOD_FAILED, OFPFMFC.EPERM)
    sliced.ask("c1", packet_out13(b"", output13(4), buffer_id=BUFFER))
    refused(sliced, "c1", OFPET.BAD_REQUEST, OFPBRC.BUFFER_UNKNOWN)


def test_a_slice_that_owns_and_looks_on_hears_of_a_frame_once() -> None:
    rules = [FlowspaceRule(1, "c0", None, {}),
             FlowspaceRule(2, "c0", None, {}, permissions=Permission.READ)]  # fmt: skip
    sliced = Sliced13(rules)
    sliced.frame_in(frame(MACS_0[0]), 4, name="c0")
    assert len(sliced["c0"].news()) == 1


def test_frames_for_nobody_are_dropped_for_a_second_if_nothing_else_is_done_with_them() -> None:
    sliced = Sliced13()
    (miss,) = sliced.ask("c1", flow_mod13(match13(), output13(CONTROLLER_PORT), priority=0))
    (copy,) = sliced.ask("c1", flow_mod13(match13(), output13(CONTROLLER_PORT), output13(3)))
    sliced.datapath.disconnect(sliced["c1"])
    tcp = frame(MACS_1[0], 0x0800, bytes.fromhex("45000028000000004006") + bytes(40))
    sliced.frame_in(tcp, 1, miss.cookie, "c1")
    (drop,) = sliced.news()
    assert (drop.table_id, drop.hard_timeout, drop.instructions) == (0, 1, ())
    match = ternary13(drop.match)
    assert HEADER_13["eth_src"].of(match.value) == mac(MACS_1[0])
    assert HEADER_13["tcp_dst"].of(match.mask), "it is for just such frames"
    sliced.frame_in(tcp, 1, copy.cookie, "c1")
    assert not sliced.news(), "the switch forwards them as well"


def test_an_entry_that_asks_nobody_is_silent_until_somebody_is_there() -> None:
    sliced = Sliced13(drop_policy=DropPolicy.RULE)
    (miss,) = sliced.ask("c1", flow_mod13(match13(), output13(CONTROLLER_PORT), priority=0))
    sliced.datapath.disconnect(sliced["c1"])
    sliced.frame_in(frame(MACS_1[0]), 1, miss.cookie, "c1")
    sliced.frame_in(frame(MACS_1[0]), 1, miss.cookie, "c1")
    (silent,) = sliced.news()
    assert (silent.command, silent.instructions, silent.match) == (2, (), miss.match)
    sliced.join("c1")
    (again,) = sliced.news()
    assert (again.command, again.instructions) == (2, miss.instructions)


def test_r16_several_controllers_and_a_monitor_that_only_looks_on() -> None:
    sliced = Sliced13()
    second, monitor = sliced.join("c0"), sliced.join("c0", is_monitor=True)
    sliced.frame_in(frame(MACS_0[0]), 4, name="c0", buffer_id=BUFFER)
    assert [len(one.news()) for one in (sliced["c0"], second, monitor)] == [1, 1, 1]
    assert sliced.ask(second, flow_mod13(own(), output13(2)))
    assert not sliced.ask(monitor, flow_mod13(own(), output13(2)))
    (error,) = monitor.news()
    assert (error.type, error.code) == (OFPET.BAD_REQUEST, OFPBRC.EPERM)


# ---- headers that are changed


def _space(**fields: Any) -> list[FlowspaceRule]:
    return [FlowspaceRule(1, "c0", None, parse_rule_match(fields))]


_SETTERS = [
    ({"dl_src": list(MACS_0)}, {}, "ETH_SRC", mac(MACS_0[1]), 0x77),
    ({"dl_vlan": [4, 8]}, {"vlan_vid": 0x1004}, "VLAN_VID", 0x1008, 0x1005),
    ({"dl_vlan": 4, "dl_vlan_pcp": [4, 6]}, {"vlan_vid": 0x1004}, "VLAN_PCP", 6, 5),
    ({"nw_src": ["10.0.0.1", "10.0.0.2"], "dl_type": "ip"}, {}, "IPV4_SRC", 0x0A000002, 5),
    ({"nw_dst": ["10.0.0.1", "10.0.0.2"], "dl_type": "ip"}, {}, "IPV4_DST", 0x0A000002, 5),
    ({"nw_tos": [4, 8], "dl_type": "ip"}, {}, "IP_DSCP", 2, 3),
    ({"tp_src": [4, 8], "nw_proto": 6, "dl_type": "ip"}, {}, "TCP_SRC", 8, 5),
    ({"tp_dst": [4, 8], "nw_proto": 17, "dl_type": "ip"}, {}, "UDP_DST", 8, 5),
    ({"dl_dst": ["00:00:00:00:00:0a", "00:00:00:00:00:0b"]}, {}, "ETH_DST", 11, 12),
]


@pytest.mark.parametrize(("space", "fields", "name", "inside", "outside"), _SETTERS)
def test_action_that_changes_a_header(
    space: dict[str, Any], fields: dict[str, int], name: str, inside: int, outside: int
) -> None:
    sliced = Sliced13(_space(**space), names=("c0",))
    wanted, number = match13(**fields), OFPXMT_OFB[name]
    (sent,) = sliced.ask("c0", flow_mod13(wanted, set_field(number, inside), output13(1)))
    assert applied(sent) == (set_field(number, inside), output13(1))
    assert not sliced.ask("c0", flow_mod13(wanted, set_field(number, outside), output13(1)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def test_several_changes_of_a_header_are_taken_together_where_it_is_sent() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5, "dl_src": MACS_0[0]})),
        FlowspaceRule(2, "c0", None, parse_rule_match({"dl_vlan": 6, "dl_src": MACS_0[1]})),
    ]
    sliced = Sliced13(rules, names=("c0",))
    start = match13(vlan_vid=0x1005)
    tag, source = (
        set_field(OFPXMT_OFB.VLAN_VID, 0x1006),
        set_field(OFPXMT_OFB.ETH_SRC, mac(MACS_0[1])),
    )
    assert sliced.ask("c0", flow_mod13(start, tag, source, output13(1)))
    for wrong in ((tag, output13(1), source), (tag,), (source, output13(1))):
        sliced.ask("c0", flow_mod13(start, *wrong))
        refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)


def test_tags_are_put_on_and_taken_off_within_the_slice() -> None:
    sliced = Sliced13(_space(dl_vlan=[5, "untagged"]), names=("c0",))
    tag = (ActionPushVlan(0x8100), set_field(OFPXMT_OFB.VLAN_VID, 0x1005))
    assert sliced.ask("c0", flow_mod13(match13(vlan_vid=0), *tag, output13(1)))
    assert sliced.ask("c0", flow_mod13(match13(vlan_vid=0x1005), ActionPopVlan(), output13(1)))
    tagged = Sliced13(_space(dl_vlan=5), names=("c0",))
    tagged.ask("c0", flow_mod13(match13(vlan_vid=0x1005), ActionPopVlan(), output13(1)))
    refused(tagged, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_ARGUMENT)
    assert tagged.ask("c0", flow_mod13(match13(), ActionPopVlan(), *tag, output13(1)))


def test_a_change_into_a_higher_flowspace_is_refused_though_the_own_rule_takes_it_too() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"dl_vlan": 5}), priority=9000),
        FlowspaceRule(2, "c1", None, {}, priority=5),
    ]
    sliced = Sliced13(rules)
    wanted = match13(vlan_vid=0x1007)
    for number, code in ((0x1005, OFPBAC.BAD_ARGUMENT), (0x1006, None)):
        sent = sliced.ask(
            "c1", flow_mod13(wanted, set_field(OFPXMT_OFB.VLAN_VID, number), output13(1))
        )
        assert bool(sent) is (code is None)
    assert sliced.ask("c1", flow_mod13(match13(), set_field(OFPXMT_OFB.ETH_DST, 5), output13(1)))


# ---- bandwidth


@pytest.mark.parametrize(
    ("mode", "value", "mark", "matches"),
    [
        (BandwidthMode.QUEUE, 4, ActionSetQueue(4), [{}]),
        (
            BandwidthMode.IP_TOS,
            8,
            set_field(OFPXMT_OFB.IP_DSCP, 2),
            [{"eth_type": 0x0800}, {"eth_type": 0x86DD}],
        ),
    ],
)
def test_r13_frames_are_marked_before_any_entry_of_a_tenant_sees_them(
    mode: BandwidthMode, value: int, mark: Any, matches: list[dict[str, int]]
) -> None:
    rules = [FlowspaceRule(1, "c0", None, {})]
    sliced = Sliced13(rules, names=("c0",), bandwidth=BandwidthShare(mode, value))
    marked = [
        ternary13(one.match)
        for one in sliced.first
        if isinstance(one, FlowMod13)
        and any(
            isinstance(given, InstructionApplyActions) and given.actions == (mark,)
            for given in one.instructions
        )
    ]
    assert marked == [HEADER_13.match(**fields) for fields in matches]
    ip = frame(MACS_0[0], 0x0800, bytes.fromhex("45000014") + bytes(16))
    (sent,) = sliced.ask("c0", packet_out13(ip, output13(2)))
    assert sent.actions == (mark, output13(2))
    given = ActionSetQueue(9) if mode is BandwidthMode.QUEUE else set_field(OFPXMT_OFB.IP_DSCP, 9)
    (sent,) = sliced.ask("c0", flow_mod13(match13(eth_type=0x0800), given, output13(2)))
    assert applied(sent) == (output13(2),), "what the tenant writes instead counts for nothing"


def test_queues_are_those_of_the_rules_and_a_rule_may_force_one() -> None:
    rules = [
        FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": [1, 2]}), force_queue=2,
                      queues=frozenset({2, 3}))
    ]  # fmt: skip
    sliced = Sliced13(rules, names=("c0",))
    forced = [
        one.instructions[0].actions
        for one in sliced.first
        if isinstance(one, FlowMod13) and len(one.instructions) == 3
    ]
    assert forced
    assert set(forced) == {(ActionSetQueue(2),)}
    assert sliced.ask("c0", flow_mod13(match13(), ActionSetQueue(3), output13(1)))
    sliced.ask("c0", flow_mod13(match13(), ActionSetQueue(9), output13(1)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_QUEUE)


# ---- the flowspace changes


def test_a_change_of_the_flowspace_changes_the_first_table_and_entries_that_lose_their_place() -> (
    None
):
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(match13(), output13(2)))
    sliced.ask("c1", flow_mod13(match13(in_port=1), output13(3), cookie=4, flags=1))
    sliced.ask("c1", flow_mod13(match13(), output13(1), cookie=5))
    sliced.ask("c1", flow_mod13(match13(), output13(3), cookie=6, table_id=1))
    rules = [*rules13("c0", [4, 2], MACS_0, 1), *rules13("c1", [2, 3], MACS_1, 7)]
    sliced.datapath.set_flowspace(sliced.flowspace(rules), sliced.now)
    told = {
        name: [(one.reason, one.desc.port_no) for one in sliced[name].news()]
        for name in ("c0", "c1")
    }
    assert told == {"c0": [(1, 3)], "c1": [(1, 1), (0, 2)]}
    sent = [one for one in sliced.news() if isinstance(one, FlowMod13)]
    assert [one.command for one in sent if one.table_id] == [4, 4], "two entries of c1"
    assert [one.cookie for one in sliced.datapath.sliced.table("c1")] == [6]
    first = [(one.command, one.priority) for one in sent if not one.table_id]
    assert [command for command, _ in first] == [0, 0, 4, 4, 4, 4], "what comes before what goes"
    gone = next(one for one in sent if one.table_id and with_port(one) == 1)
    sliced.removed(gone, 2)
    (removed,) = sliced["c1"].news()
    assert (removed.cookie, removed.reason) == (4, 2)


def with_port(mod: FlowMod13) -> int:
    return HEADER_13["in_port"].of(ternary13(mod.match).value)


def test_a_slice_that_leaves_takes_its_entries_along_and_no_others() -> None:
    sliced = Sliced13()
    (kept,) = sliced.ask("c0", flow_mod13(match13(), output13(2)))
    (gone,) = sliced.ask("c1", flow_mod13(match13(), output13(3)))
    sliced.datapath.set_flowspace(sliced.flowspace(rules13("c0", [4, 2, 3], MACS_0, 1)), sliced.now)
    sent = [one for one in sliced.news() if isinstance(one, FlowMod13)]
    assert [one.cookie for one in sent if one.table_id] == [gone.cookie]
    assert {one.command for one in sent} == {4}
    assert kept.cookie != gone.cookie


def test_a_port_that_comes_and_goes_changes_no_entry() -> None:
    sliced = Sliced13()
    sliced.ask("c0", flow_mod13(own(), output13(2)))
    sliced.answer(PortStatus13(1, port13(2)))
    assert not [one for one in sliced.news() if isinstance(one, FlowMod13)]
    assert len(sliced.datapath.sliced.table("c0")) == 1


# ---- statistics of flow entries


def asked_flows(kind: OFPMP, match: Any, **more: int) -> MultipartRequest:
    given = {"table_id": 255, "out_port": ANY, "out_group": ANY, "cookie": 0, "cookie_mask": 0}
    return MultipartRequest(int(kind), 0, FlowStatsRequest13(**{**given, **more}, match=match))


def with_three_flows() -> tuple[Sliced13, list[FlowStats13]]:
    """Return a switch with two flows of c0 and one of c1, and what it says of its entries."""
    sliced = Sliced13()
    made = sliced.ask("c0", flow_mod13(own(), output13(2), cookie=5))
    made += sliced.ask("c0", flow_mod13(match13(), output13(3), cookie=6, table_id=4))
    made += sliced.ask("c1", flow_mod13(match13(), output13(3), cookie=5))
    told = [
        FlowStats13(
            one.table_id, 1, 0, one.priority, 0, 0, 0, one.cookie, 10 + at, 100, one.match,
            one.instructions,
        )
        for at, one in enumerate(made)
    ]  # fmt: skip
    drop = FlowStats13(0, 1, 0, 0, 0, 0, 0, (1 << 63) | 1, 99, 999, match13(), ())
    return sliced, [*told, drop]


def test_flowstats_are_the_tenants_own_as_it_wrote_them() -> None:
    sliced, told = with_three_flows()
    (asked,) = sliced.ask("c0", asked_flows(OFPMP.FLOW, match13()), xid=42)
    assert (asked.body.table_id, asked.body.match) == (255, match13())
    seen = sliced.last_xid()
    sliced.answer(MultipartReply(int(OFPMP.FLOW), 1, tuple(told[:2])), seen)
    assert not sliced["c0"].news()
    sliced.answer(MultipartReply(int(OFPMP.FLOW), 0, tuple(told[2:])), seen)
    (reply,) = sliced["c0"].got
    assert reply.xid == 42
    assert [
        (one.table_id, one.cookie, one.packet_count, one.match) for one in reply.message.body
    ] == [(0, 5, 10, own()), (4, 6, 11, match13())]
    assert reply.message.body[0].instructions == (InstructionApplyActions((output13(2),)),)
    assert not sliced["c1"].news()


@pytest.mark.parametrize(
    ("more", "cookies"),
    [
        ({"table_id": 4}, [6]),
        ({"out_port": 2}, [5]),
        ({"out_group": 3}, []),
        ({"cookie": 4, "cookie_mask": 6}, [5]),
        ({"cookie": 4, "cookie_mask": 4}, [5, 6]),
    ],
)
def test_flowstats_filters_are_those_of_the_tenants_numbers(
    more: dict[str, int], cookies: list[int]
) -> None:
    sliced, told = with_three_flows()
    sliced.ask("c0", asked_flows(OFPMP.FLOW, match13(), **more))
    sliced.answer(MultipartReply(int(OFPMP.FLOW), 0, tuple(told)), sliced.last_xid())
    (reply,) = sliced["c0"].news()
    assert [one.cookie for one in reply.body] == sorted(cookies)


def test_flowstats_aggregate() -> None:
    sliced, told = with_three_flows()
    sliced.ask("c0", asked_flows(OFPMP.AGGREGATE, match13()))
    sliced.answer(MultipartReply(int(OFPMP.FLOW), 0, tuple(told)), sliced.last_xid())
    assert not sliced.ask("c1", asked_flows(OFPMP.AGGREGATE, own())), "from what is known"
    assert [one.body for one in sliced["c0"].news()] == [AggregateStats(21, 200, 2)]
    assert [one.body for one in sliced["c1"].news()] == [AggregateStats(0, 0, 0)]


def test_a_switch_that_answers_something_else_or_nothing_is_asked_again() -> None:
    sliced, told = with_three_flows()
    sliced.ask("c0", asked_flows(OFPMP.AGGREGATE, match13()))
    sliced.answer(BarrierReply(), sliced.last_xid())
    assert [one.body for one in sliced["c0"].news()] == [AggregateStats(0, 0, 2)]
    assert sliced.ask("c0", asked_flows(OFPMP.AGGREGATE, match13()))
    assert not sliced.ask("c0", asked_flows(OFPMP.AGGREGATE, match13()))
    sliced.now += 11
    assert sliced.ask("c0", asked_flows(OFPMP.AGGREGATE, match13())), "the answer does not come"
    sliced.answer(MultipartReply(int(OFPMP.FLOW), 0, tuple(told)), sliced.last_xid())
    assert [one.body for one in sliced["c0"].news()] == 3 * [AggregateStats(21, 200, 2)]


# ---- groups and meters of entries


def test_a_flood_of_an_entry_is_a_group_of_the_slices_ports_that_follows_them() -> None:
    sliced = Sliced13()
    group, mod = sliced.ask("c0", flow_mod13(match13(), output13(FLOOD)))
    assert isinstance(group, GroupMod)
    assert [bucket.actions for bucket in group.buckets] == [
        (output13(number),) for number in (2, 3, 4)
    ]
    assert applied(mod) == (ActionGroup(group.group_id),)
    sliced.answer(PortStatus13(1, port13(3)))
    (changed,) = sliced.news()
    assert (changed.command, changed.group_id) == (1, group.group_id)
    assert [bucket.actions for bucket in changed.buckets] == [(output13(2),), (output13(4),)]


def test_groups_and_meters_of_entries_have_the_switchs_numbers_and_end_with_them() -> None:
    sliced = Sliced13()
    for name in ("c1", "c0"):
        bucket = Bucket(0, ANY, ANY, (output13(3),))
        (group,) = sliced.ask(name, GroupMod(0, 0, 7, (bucket,)))
        (meter,) = sliced.ask(name, MeterMod13(0, 1, 1, (MeterBandDrop(100, 10),)))
    mod = flow_mod13(match13(), ActionGroup(7), InstructionMeter(1), cookie=3, flags=1)
    (sent,) = sliced.ask("c0", mod)
    assert sent.instructions == (
        InstructionApplyActions((ActionGroup(group.group_id),)),
        InstructionMeter(meter.meter_id),
    )
    assert group.group_id != 7 or meter.meter_id != 1
    gone = sliced.ask("c0", GroupMod(2, 0, 7))
    assert [type(one) for one in gone[:2]] == [FlowMod13, GroupMod]
    assert (gone[0].command, gone[1].group_id) == (4, group.group_id)
    sliced.removed(sent, 2)
    (told,) = sliced["c0"].news()
    assert (told.cookie, told.reason) == (3, 3), "by the group's end"
    sliced.ask("c0", flow_mod13(match13(), ActionGroup(7)))
    refused(sliced, "c0", OFPET.BAD_ACTION, OFPBAC.BAD_OUT_GROUP)


def test_a_slice_is_held_by_its_meter_once_the_switch_has_it() -> None:
    share = BandwidthShare(BandwidthMode.METER, rate_kbps=500)
    sliced = Sliced13([FlowspaceRule(1, "c0", None, {})], names=("c0",), bandwidth=share)
    (meter,) = [one for one in sliced.first if isinstance(one, MeterMod13) and one.command == 0]
    assert not any(
        isinstance(given, InstructionMeter)
        for one in sliced.first
        if isinstance(one, FlowMod13)
        for given in one.instructions
    )
    xids = [
        one.xid
        for raw in sliced.raw
        if isinstance((one := MESSAGES13.decode(raw)).message, BarrierRequest)
    ]
    for xid in xids:
        sliced.answer(BarrierReply(), xid)
    (entry,) = [one for one in sliced.news() if isinstance(one, FlowMod13)]
    assert entry.instructions[0] == InstructionMeter(meter.meter_id)


def test_r15_an_answer_with_nothing_in_it_is_always_sent() -> None:
    rules = [FlowspaceRule(1, "c0", None, parse_rule_match({"in_port": 2}))]
    sliced = Sliced13(rules, names=("c0",))
    for kind, body in (
        (OFPMP.PORT_STATS, PortStatsRequest13(0xFFFFFFFF)),
        (OFPMP.QUEUE, QueueStatsRequest13(0xFFFFFFFF, 0xFFFFFFFF)),
        (OFPMP.GROUP, GroupStatsRequest(0xFFFFFFFC)),
        (OFPMP.GROUP_DESC, b""),
        (OFPMP.METER, MeterStatsRequest(0xFFFFFFFF)),
        (OFPMP.METER_CONFIG, MeterStatsRequest(0xFFFFFFFF)),
    ):
        if sliced.ask("c0", MultipartRequest(int(kind), 0, body), xid=66):
            sliced.answer(MultipartReply(int(kind), 0, ()), sliced.last_xid())
        (reply,) = sliced["c0"].got
        sliced["c0"].got.clear()
        assert (reply.xid, reply.message.type, reply.message.body) == (66, kind, ())
    for kind in (OFPMP.FLOW, OFPMP.AGGREGATE):
        sliced.now += 10
        sliced.ask("c0", asked_flows(kind, match13()), xid=67)
        sliced.answer(MultipartReply(int(OFPMP.FLOW), 0, ()), sliced.last_xid())
        (reply,) = sliced["c0"].got
        sliced["c0"].got.clear()
        assert (reply.xid, reply.message.type) == (67, kind)
