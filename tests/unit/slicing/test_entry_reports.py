"""What is told of entries and of frames of nobody, as statistics of switches tell them."""

from __future__ import annotations

from horizon_ryu.slicer.entry_reports import EntryWriter
from horizon_ryu.wire.of10.statistics import AggregateStats
from horizon_ryu.wire.of13.multipart import MultipartReply
from horizon_ryu.wire.of13.structures import InstructionApplyActions, InstructionGotoTable
from horizon_ryu.wire.ofp13 import OFPMP
from unit.slicing import sliced10, sliced13
from unit.slicing.sliced10 import MACS_0, Sliced, mac
from unit.slicing.sliced13 import Sliced13


def test_an_entry_of_1_0_is_told_with_every_part_that_the_switch_has() -> None:
    sliced = Sliced()
    sliced.ask("c0", sliced10.flow_mod(sliced10.match(dl_type=0x0800), sliced10.output(2), idle=9))
    (entry,) = sliced.datapath.entries("c0")
    told = EntryWriter(1).write(entry, sliced.datapath.became(entry))
    assert told["match"] == {"dl_type": 0x0800}
    assert (told["priority"], told["cookie"], told["idle_timeout"]) == (1000, 77, 9)
    assert [action["name"] for action in told["actions"]] == ["output"]
    assert "table_id" not in told
    parts = {(one["match"]["in_port"], one["match"]["dl_src"]) for one in told["became"]}
    assert parts == {(port, source) for port in (0, 2, 3) for source in MACS_0}
    for one in told["became"]:
        assert [action.get("port") for action in one["actions"]] in ([2], [])


def test_an_entry_of_1_3_is_told_with_the_mark_of_its_slice_and_its_real_table() -> None:
    sliced = Sliced13()
    instructions = (
        InstructionApplyActions((sliced13.output13(2),)),
        InstructionGotoTable(3),
    )
    mod = sliced13.flow_mod13(sliced13.match13(eth_src=mac(MACS_0[0])), *instructions)
    sliced.ask("c0", mod)
    (entry,) = sliced.datapath.entries("c0")
    told = EntryWriter(4).write(entry, sliced.datapath.became(entry))
    (became,) = told["became"]
    assert told["match"] == {"dl_src": MACS_0[0]}
    assert (told["table_id"], told["goto_table"]) == (0, 3)
    assert (became["table_id"], became["goto_table"]) == (1, 4)
    assert became["match"]["dl_src"] == MACS_0[0]
    assert "metadata" in became["match"]
    assert became["priority"] == told["priority"]


def test_a_switch_of_1_3_is_asked_now_and_then_what_it_has_dropped_of_nobodys() -> None:
    sliced = Sliced13()
    assert sliced.datapath.unowned(sliced.now) == 0
    (asked,) = sliced.news()
    assert (asked.type, asked.body.table_id) == (OFPMP.AGGREGATE, 0)
    reply = MultipartReply(int(OFPMP.AGGREGATE), 0, AggregateStats(12, 720, 1))
    sliced.answer(reply, sliced.last_xid())
    assert sliced.datapath.unowned(sliced.now + 1) == 12
    assert not sliced.news()
    sliced.datapath.unowned(sliced.now + 60)
    assert len(sliced.news()) == 1
    assert not any(tenant.news() for tenant in sliced.tenants.values())
