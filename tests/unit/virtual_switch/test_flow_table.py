"""Flow tables: what the commands select and change, and how entries end."""

from __future__ import annotations

from typing import Any

import pytest

from horizon_ryu.wire.error_codes13 import OFPET, OFPFMFC
from horizon_ryu.wire.messages import FlowCommand, FlowMod, FlowModFlags, Match, Output
from horizon_ryu.wire.of13.asynchronous import FlowRemoved13
from horizon_ryu.wire.of13.controller import FlowMod13
from horizon_ryu.wire.of13.match import OxmField, OxmMatch
from horizon_ryu.wire.of13.structures import ActionOutput13, InstructionApplyActions
from horizon_ryu.wire.ofp13 import OFP_NO_BUFFER, OFPFC, OFPFF, OFPG, OFPP, OFPRR
from unit.virtual_switch.asked import Asked, refusal

A, B = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2"
FRAME = B + A + b"\x08\0" + b"\x45" + bytes(45)
TO_A, TO_B = Match(dl_dst=A), Match(dl_dst=B)


def flow_mod(command: int, match: OxmMatch = OxmMatch(), **more: Any) -> FlowMod13:  # noqa: B008
    """Return a flow-mod that adds nothing unusual but what is given."""
    fields: dict[str, Any] = {
        **{"cookie": 0, "cookie_mask": 0, "table_id": 0, "idle_timeout": 0, "hard_timeout": 0},
        **{"priority": 5, "buffer_id": OFP_NO_BUFFER, "out_port": OFPP.ANY},
        **{"out_group": OFPG.ANY, "flags": 0, "instructions": ()},
    }
    return FlowMod13(command=command, match=match, **{**fields, **more})


def sending(port: int) -> tuple[InstructionApplyActions, ...]:
    return (InstructionApplyActions((ActionOutput13(port),)),)


def to(mac: bytes, mask: bytes = b"") -> OxmMatch:
    return OxmMatch((OxmField(0x8000, 3, bool(mask), mac + mask),))


@pytest.mark.parametrize("version", [1, 4])
def test_the_highest_priority_that_fits_wins_and_counts(version: int) -> None:
    asked = Asked(version)
    asked.add(Match(), 1, Output(2))
    asked.add(TO_B, 9, Output(3))
    asked.add(TO_A, 20, Output(2))
    assert asked.outs(FRAME) == [(3, FRAME)]
    (hit,) = [one for one in asked.switch.datapath.tables[0] if one.packets]
    assert (hit.priority, hit.octets) == (9, len(FRAME))


@pytest.mark.parametrize(("version", "kept"), [(1, 0), (4, 1)])
def test_adding_again_replaces_and_only_1_3_keeps_the_counts(version: int, kept: int) -> None:
    asked = Asked(version)
    asked.add(TO_B, 5, Output(2))
    asked.outs(FRAME)
    asked.add(TO_B, 5, Output(3), cookie=8)
    (entry,) = asked.switch.datapath.tables[0]
    assert (entry.packets, entry.cookie) == (kept, 8)
    assert asked.outs(FRAME) == [(3, FRAME)]


def test_modify_changes_actions_of_all_within_and_keeps_cookie_and_counters() -> None:
    asked = Asked()
    asked.add(TO_B, 5, Output(2), cookie=3)
    asked.add(TO_A, 6, Output(2), cookie=4)
    asked.outs(FRAME)
    assert asked.tell(flow_mod(OFPFC.MODIFY, cookie=9, instructions=sending(3))) == []
    told = [
        (one.priority, one.cookie, one.packet_count, one.instructions) for one in asked.entries()
    ]
    assert told == [(5, 3, 1, sending(3)), (6, 4, 0, sending(3))]
    asked.tell(flow_mod(OFPFC.MODIFY_STRICT, to(A), priority=5, instructions=sending(1)))
    assert [one.instructions for one in asked.entries()] == [sending(3)] * 2


@pytest.mark.parametrize(("version", "count"), [(1, 1), (4, 0)])
def test_only_1_0_adds_what_a_modify_does_not_find(version: int, count: int) -> None:
    asked = Asked(version)
    mod = FlowMod(FlowCommand.ADD, TO_B, 5, 1, (Output(2),))
    data = bytearray(asked.codec.encode(mod, 1))
    at = 57 if version == 1 else 25
    assert data[at] == OFPFC.ADD
    data[at] = OFPFC.MODIFY
    asked.switch.handle(bytes(data), 0.0)
    assert len(asked.switch.datapath.tables[0]) == count


def test_delete_takes_what_is_within_the_match_cookie_and_port() -> None:
    asked = Asked()
    asked.add(TO_A, 5, Output(2), cookie=0x11)
    asked.add(TO_B, 5, Output(3), cookie=0x21)
    asked.add(Match(), 5, Output(3), cookie=0x31)
    multicast = b"\1\0\0\0\0\0"
    asked.tell(flow_mod(OFPFC.DELETE, to(multicast, multicast)))
    assert len(asked.entries()) == 3
    asked.tell(flow_mod(OFPFC.DELETE, to(bytes(6), multicast), cookie=0x20, cookie_mask=0xF0))
    assert [one.cookie for one in asked.entries()] == [0x11, 0x31]
    asked.tell(flow_mod(OFPFC.DELETE, out_port=3))
    assert [one.cookie for one in asked.entries()] == [0x11]
    asked.tell(flow_mod(OFPFC.DELETE_STRICT, to(A), priority=6))
    assert len(asked.entries()) == 1
    asked.tell(flow_mod(OFPFC.DELETE_STRICT, to(A), table_id=255))
    assert asked.entries() == []


def test_an_overlap_is_refused_if_that_is_asked() -> None:
    asked = Asked()
    asked.add(TO_B, 5, Output(2))
    assert asked.add(Match(in_port=1), 5, Output(3)) == []
    flags = FlowModFlags.CHECK_OVERLAP
    answers = asked.add(Match(in_port=2), 5, Output(3), flags=flags)
    assert refusal(answers) == (OFPET.FLOW_MOD_FAILED, OFPFMFC.OVERLAP)
    assert asked.add(Match(in_port=2), 6, Output(3), flags=flags) == []
    assert asked.add(TO_B, 5, Output(3), flags=flags) == [], "the same entry is replaced"


def test_a_full_table_refuses_new_entries_and_replaces_old_ones() -> None:
    asked = Asked()
    asked.switch.datapath.tables[0].capacity = 1
    assert asked.add(TO_B, 5, Output(2)) == []
    assert refusal(asked.add(TO_A, 5, Output(2))) == (OFPET.FLOW_MOD_FAILED, OFPFMFC.TABLE_FULL)
    assert asked.add(TO_B, 5, Output(3)) == []


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(
    ("timeouts", "end", "reason"),
    [
        ({"idle_timeout": 10}, 112.0, OFPRR.IDLE_TIMEOUT),
        ({"hard_timeout": 10}, 110.0, OFPRR.HARD_TIMEOUT),
        ({"idle_timeout": 10, "hard_timeout": 11}, 111.0, OFPRR.HARD_TIMEOUT),
    ],
)
def test_timeouts_end_entries_and_are_told(
    version: int, timeouts: dict[str, int], end: float, reason: int
) -> None:
    asked = Asked(version)
    asked.watched(TO_B, **timeouts)
    asked.now = 102.0
    assert asked.outs(FRAME) == []
    assert asked.switch.tick(end - 0.1).messages == []
    assert asked.switch.next_due() <= end
    (told,) = asked.read(asked.switch.tick(end))
    duration = end - 100.0
    assert (told.reason, told.duration_sec, told.packet_count) == (reason, duration, 1)
    assert len(asked.switch.datapath.tables[0]) == 0
    assert asked.switch.next_due() == float("inf")


def test_a_delete_is_told_of_the_entries_that_asked_for_it() -> None:
    asked = Asked()
    asked.watched(TO_A)
    asked.add(TO_B, 5)
    (told,) = asked.tell(flow_mod(OFPFC.DELETE))
    assert isinstance(told, FlowRemoved13)
    assert (told.reason, told.match) == (OFPRR.DELETE, to(A))


def test_counters_start_anew_if_that_is_asked() -> None:
    asked = Asked()
    asked.add(TO_B, 5, Output(2))
    asked.outs(FRAME)
    asked.tell(flow_mod(OFPFC.ADD, to(B), flags=OFPFF.RESET_COUNTS, instructions=sending(2)))
    assert [one.packet_count for one in asked.entries()] == [0]
