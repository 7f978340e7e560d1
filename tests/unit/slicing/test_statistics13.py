"""Statistics, ports, tables and settings of a switch of 1.3, as if it were each tenant's own."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.core.slicing.limits import SliceLimits
from horizon_ryu.core.slicing.marked_switch import TENANT_METADATA
from horizon_ryu.core.slicing.rule import FlowspaceRule
from horizon_ryu.core.slicing.rule_match import parse_rule_match
from horizon_ryu.wire.error_codes13 import (
    OFPBRC,
    OFPET,
    OFPPMFC,
    OFPQOFC,
    OFPSCFC,
    OFPTFFC,
    OFPTMFC,
)
from horizon_ryu.wire.layout import Tlv
from horizon_ryu.wire.of10.statistics import DescStats
from horizon_ryu.wire.of13.asynchronous import Experimenter
from horizon_ryu.wire.of13.controller import PortMod13, TableMod
from horizon_ryu.wire.of13.handshake import (
    PacketQueue13,
    QueueGetConfigReply13,
    QueueGetConfigRequest13,
)
from horizon_ryu.wire.of13.multipart import MultipartReply, MultipartRequest
from horizon_ryu.wire.of13.statistics import (
    ExperimenterStats,
    PortStats13,
    PortStatsRequest13,
    QueueStats13,
    QueueStatsRequest13,
    TableFeaturesEntry,
    TableStats13,
)
from horizon_ryu.wire.ofp13 import OFPMP, OFPP, OFPQ_ALL, OFPTFPT
from horizon_ryu.wire.symmetric import Error, FeaturesRequest, GetConfigRequest, SetConfig
from unit.slicing.objects13 import ObjectLab
from unit.slicing.sliced10 import MACS_0, mac
from unit.slicing.sliced13 import (
    TABLES,
    TEN_RULES_13,
    flow_mod13,
    match13,
    output13,
    port13,
)

ANY_PORT = int(OFPP.ANY)
UNKNOWN = (1 << 64) - 1
QUEUED = FlowspaceRule(99, "c0", None, parse_rule_match({"in_port": 2}), queues=frozenset({1}))


def port_stats(number: int) -> PortStats13:
    return PortStats13(number, *range(14))


def test_what_the_switch_is_has_one_table_less_and_one_connection() -> None:
    lab = ObjectLab()
    lab.a.say_all(FeaturesRequest())
    told = lab.datapath.features("c0")
    assert (told.n_tables, told.auxiliary_id, told.n_buffers) == (TABLES - 1, 0, 256)


def test_ports_are_described_from_what_is_known_and_are_the_slices_own() -> None:
    lab = ObjectLab()
    assert not lab.a.question(OFPMP.PORT_DESC)
    assert [one.port_no for one in lab.a.told()] == [2, 3, 4]
    lab.b.question(OFPMP.PORT_DESC)
    assert lab.b.told() == (port13(1), port13(3))


def test_counters_of_ports_come_part_by_part_without_others() -> None:
    lab = ObjectLab()
    (asked,) = lab.b.question(OFPMP.PORT_STATS, PortStatsRequest13(ANY_PORT))
    assert asked.body.port_no == ANY_PORT
    xid = lab.last_xid()
    for flags, ports in ((1, (1, 2)), (1, (4,)), (0, (3, 4))):
        stats = tuple(port_stats(number) for number in ports)
        lab.answer(MultipartReply(OFPMP.PORT_STATS, flags, stats), xid)
    parts = lab.b.news()
    assert [[one.port_no for one in part.body] for part in parts] == [[1], [], [3]]
    assert [part.flags for part in parts] == [1, 1, 0]
    foreign = MultipartRequest(int(OFPMP.PORT_STATS), 0, PortStatsRequest13(2))
    lab.b.refused(foreign, OFPET.BAD_REQUEST, OFPBRC.BAD_PORT)


def test_counters_of_queues_are_those_of_own_queues_of_own_ports() -> None:
    lab = ObjectLab(rules=[*TEN_RULES_13, QUEUED])
    lab.a.question(OFPMP.QUEUE, QueueStatsRequest13(ANY_PORT, OFPQ_ALL))
    stats = tuple(
        QueueStats13(port, queue, 1, 2, 3, 4, 5) for port, queue in ((1, 1), (2, 0), (2, 1), (4, 2))
    )
    lab.answer(MultipartReply(OFPMP.QUEUE, 0, stats), lab.last_xid())
    assert [(one.port_no, one.queue_id) for one in lab.a.told()] == [(2, 1)]
    foreign = MultipartRequest(int(OFPMP.QUEUE), 0, QueueStatsRequest13(1, 1))
    lab.a.refused(foreign, OFPET.BAD_REQUEST, OFPBRC.BAD_PORT)


def test_tables_count_own_entries_and_tell_nothing_of_others_frames() -> None:
    lab = ObjectLab()
    own = match13(in_port=4, eth_src=mac(MACS_0[0]))
    lab.a.say_all(flow_mod13(own, output13(2)), flow_mod13(own, output13(2), table_id=3))
    lab.a.say_all(flow_mod13(own, output13(3), table_id=3, priority=5))
    lab.a.question(OFPMP.TABLE)
    stats = tuple(TableStats13(number, 100 + number, 5, 4) for number in range(6))
    lab.answer(MultipartReply(OFPMP.TABLE, 0, stats), lab.last_xid())
    assert lab.a.told() == tuple(
        TableStats13(number, count, UNKNOWN, UNKNOWN)
        for number, count in enumerate((1, 0, 0, 2, 0))
    )


def table_features(number: int) -> TableFeaturesEntry:
    later = bytes(range(number + 1, TABLES))
    actions = b"\0\0\0\4" + b"\xff\xff\0\x08\0\0\0\x09"
    return TableFeaturesEntry(
        number,
        b"t".ljust(32, b"\0"),
        UNKNOWN,
        UNKNOWN,
        3,
        1_000_000,
        (
            Tlv(int(OFPTFPT.NEXT_TABLES), later),
            Tlv(int(OFPTFPT.APPLY_ACTIONS), actions),
            Tlv(int(OFPTFPT.EXPERIMENTER), bytes((0, 0, 0, 9, 0, 0, 0, 1))),
        ),
    )


def test_the_features_of_tables_leave_out_the_slicers_share() -> None:
    lab = ObjectLab(limits={"c0": SliceLimits(flow_entries=50)})
    lab.a.question(OFPMP.TABLE_FEATURES)
    xid = lab.last_xid()
    lab.answer(MultipartReply(OFPMP.TABLE_FEATURES, 1, tuple(map(table_features, (0, 1)))), xid)
    lab.answer(MultipartReply(OFPMP.TABLE_FEATURES, 0, (table_features(9),)), xid)
    first, last = (one.body for one in lab.a.news())
    (table,) = first
    assert (table.table_id, table.max_entries) == (0, 50)
    assert (table.metadata_match, table.metadata_write) == (TENANT_METADATA, TENANT_METADATA)
    assert table.properties == (
        Tlv(int(OFPTFPT.NEXT_TABLES), bytes(range(1, TABLES - 1))),
        Tlv(int(OFPTFPT.APPLY_ACTIONS), b"\0\0\0\4"),
    )
    assert [(one.table_id, one.properties[0].body) for one in last] == [(8, b"")]


def test_to_set_the_features_of_tables_is_refused_once_however_many_parts_it_has() -> None:
    lab = ObjectLab()
    kind = int(OFPMP.TABLE_FEATURES)
    lab.xid = 100
    raws = [MultipartRequest(kind, flags, (table_features(1),)) for flags in (1, 1, 0)]
    for raw in raws:
        assert not lab.ask(lab.a, raw, xid=55)
    (error,) = lab.a.news()
    assert (error.type, error.code) == (OFPET.TABLE_FEATURES_FAILED, OFPTFFC.EPERM)
    # Parts without a body are a question.
    assert not lab.ask(lab.a, MultipartRequest(kind, 1, ()), xid=56)
    assert lab.ask(lab.a, MultipartRequest(kind, 0, ()), xid=56)


def test_questions_without_an_end_have_a_bound() -> None:
    lab = ObjectLab()
    kind = int(OFPMP.TABLE_FEATURES)
    for xid in range(100):
        lab.ask(lab.a, MultipartRequest(kind, 1, (table_features(1),)), xid=xid)
    errors = lab.a.news()
    assert len(errors) == 84
    assert {(one.type, one.code) for one in errors} == {
        (OFPET.BAD_REQUEST, OFPBRC.MULTIPART_BUFFER_OVERFLOW)
    }


def test_the_description_is_passed_on_with_the_tenants_own_number() -> None:
    lab = ObjectLab()
    lab.ask(lab.a, MultipartRequest(int(OFPMP.DESC)), xid=321)
    desc = DescStats(*(b"x".ljust(size, b"\0") for size in (256, 256, 256, 32, 256)))
    lab.answer(MultipartReply(OFPMP.DESC, 0, desc), lab.last_xid())
    (told,) = lab.a.got
    assert (told.xid, told.message.body) == (321, desc)


def test_experimenters_ask_only_if_they_may_and_each_part_goes_as_it_comes() -> None:
    lab = ObjectLab()
    asked = ExperimenterStats(9, 1, b"data")
    question = MultipartRequest(int(OFPMP.EXPERIMENTER), 0, asked)
    lab.a.refused(question, OFPET.BAD_REQUEST, OFPBRC.BAD_EXPERIMENTER)
    lab.a.refused(Experimenter(9, 1, b""), OFPET.BAD_REQUEST, OFPBRC.BAD_EXPERIMENTER)
    allowed = ObjectLab(allows_vendor=frozenset({9}))
    allowed.ask(allowed.a, MultipartRequest(int(OFPMP.EXPERIMENTER), 1, asked), xid=8)
    first = allowed.last_xid()
    allowed.ask(allowed.a, question, xid=8)
    assert allowed.last_xid() == first
    allowed.answer(MultipartReply(OFPMP.EXPERIMENTER, 0, asked), first)
    assert allowed.a.told() == asked
    assert allowed.a.say_all(Experimenter(9, 1, b"more")) == [Experimenter(9, 1, b"more")]


def test_an_unknown_kind_of_statistics_is_refused() -> None:
    lab = ObjectLab()
    unknown = MultipartRequest(200, 0, b"")
    lab.a.refused(unknown, OFPET.BAD_REQUEST, OFPBRC.BAD_MULTIPART)


# ---- what all slices share


@pytest.mark.parametrize(
    ("mod", "code"),
    [
        (PortMod13(1, port13(1).hw_addr, 0, 0, 0), OFPPMFC.BAD_PORT),
        (PortMod13(99, bytes(6), 0, 0, 0), OFPPMFC.BAD_PORT),
        (PortMod13(2, bytes(6), 0, 0, 0), OFPPMFC.BAD_HW_ADDR),
        (PortMod13(2, port13(2).hw_addr, 1, 1, 0), OFPPMFC.EPERM),
        (PortMod13(2, port13(2).hw_addr, 0, 0, 7), OFPPMFC.EPERM),
    ],
)
def test_a_port_is_not_changed_for_all(mod: Any, code: int) -> None:
    ObjectLab().a.refused(mod, OFPET.PORT_MOD_FAILED, code)


def test_a_port_mod_that_changes_nothing_is_carried_out() -> None:
    lab = ObjectLab()
    assert not lab.a.say_all(PortMod13(2, port13(2).hw_addr, 0xFF, 0, 0))
    assert not lab.a.news()


def test_tables_and_fragments_are_not_changed_for_all() -> None:
    lab = ObjectLab()
    lab.a.refused(TableMod(0, 3), OFPET.TABLE_MOD_FAILED, OFPTMFC.EPERM)
    lab.a.refused(SetConfig(1, 128), OFPET.SWITCH_CONFIG_FAILED, OFPSCFC.EPERM)


def test_each_tenant_has_its_own_length_and_the_switch_the_longest() -> None:
    lab = ObjectLab()
    assert lab.a.say_all(SetConfig(0, 500)) == [SetConfig(0, 500)]
    assert not lab.b.say_all(SetConfig(0, 300))
    lab.b.say_all(GetConfigRequest())
    (told,) = lab.b.news()
    assert (told.flags, told.miss_send_len) == (0, 300)
    lab.datapath.disconnect(lab.a)
    assert SetConfig(0, 300) in lab.news()


def test_queues_of_all_ports_are_the_slices_own() -> None:
    lab = ObjectLab(rules=[*TEN_RULES_13, QUEUED])
    foreign = QueueGetConfigRequest13(1)
    lab.a.refused(foreign, OFPET.QUEUE_OP_FAILED, OFPQOFC.BAD_PORT)
    lab.a.say_all(QueueGetConfigRequest13(ANY_PORT))
    queues = tuple(PacketQueue13(queue, port, ()) for port, queue in ((1, 1), (2, 1), (2, 2)))
    lab.answer(QueueGetConfigReply13(ANY_PORT, queues), lab.last_xid())
    (told,) = lab.a.news()
    assert [(one.port, one.queue_id) for one in told.queues] == [(2, 1)]


def test_an_answer_that_is_an_error_has_the_tenants_own_question() -> None:
    lab = ObjectLab()
    lab.ask(lab.a, MultipartRequest(int(OFPMP.METER_FEATURES)), xid=77)
    lab.answer(Error(OFPET.BAD_REQUEST, OFPBRC.BAD_MULTIPART, bytes(64)), lab.last_xid())
    (told,) = lab.a.got
    assert (told.xid, told.message.data[4:8]) == (77, (77).to_bytes(4, "big"))
