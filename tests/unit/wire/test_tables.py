"""The tables of fields and actions against Ryu's, a real switch's, and against all who use them."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from ryu.ofproto import ofproto_v1_0_parser as ryu10
from ryu.ofproto import ofproto_v1_3, oxm_fields
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from horizon_ryu.core.flows.match_fields import OXM_NAMES
from horizon_ryu.formats.stats_forms import JsonForm
from horizon_ryu.wire import flow_stats, match10, ofp10, oxm
from horizon_ryu.wire.action_table import ACTIONS, ActionRow
from horizon_ryu.wire.fields import (
    FIELDS,
    FIELDS_10,
    MATCH_SIZE_10,
    MatchField,
    field_number,
    header,
)
from horizon_ryu.wire.guard.oxm import walk_field
from horizon_ryu.wire.guard.violation import Violation
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.messages import ONLY_13, Match
from horizon_ryu.wire.ofp13 import OFPTFPT
from horizon_ryu.wire.protocols import ETHERTYPE
from horizon_ryu.wire.stats.flow_text import FlowText
from horizon_ryu.wire.stats.mapping import MATCH_ORDER
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.value_text import one
from horizon_ryu.wire.struct_layout import layout
from unit.stats.captures import pieces

ALL = list(FIELDS.values())
WITH_PLACE = [field for field in ALL if field.label in Match._fields]


def by_name(row: Any) -> str:
    return str(getattr(row, "name", row))


def tlv(field: MatchField, value: bytes, mask: bytes = b"") -> bytes:
    """Return a match field as bytes."""
    return struct.pack("!I", header(field.number, masked=bool(mask))) + value + mask


def sample(field: MatchField) -> bytes:
    """Return a value that this field may have."""
    if field.number == OFPXMT_OFB.VLAN_VID:
        return struct.pack("!H", 0x1007)
    return (1).to_bytes(field.size, "big")


def with_prerequisites(field: MatchField, value: bytes) -> list[bytes]:
    """Return the field after all that it needs."""
    parts = [tlv(field, value)]
    while field.needs is not None:
        needs, field = field.needs, FIELDS[field.needs.field]
        chosen = min(needs.values).to_bytes(field.size, "big") if needs.values else sample(field)
        parts.insert(0, tlv(field, chosen))
    if field.label == "nw_proto" or "ip_proto" in {FIELDS[n].name for n in numbers(parts)}:
        of_ipv6 = any("v6" in FIELDS[number].name for number in numbers(parts))
        ip = tlv(FIELDS[OFPXMT_OFB.ETH_TYPE], b"\x86\xdd" if of_ipv6 else b"\x08\x00")
        parts = [ip, *(part for part in parts if part[:4] != ip[:4])]
    return parts


def numbers(parts: list[bytes]) -> list[int]:
    return [field_number(int.from_bytes(part[:4], "big")) for part in parts]


def reply(fields: bytes) -> bytes:
    """Return the answer of a switch that has one entry with these match fields."""
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    match += bytes(-len(match) % 8)
    entry = struct.pack("!HBxIIHHHH4xQQQ", 48 + len(match), 0, 1, 2, 150, 0, 0, 0, 7, 5, 6) + match
    return struct.pack("!BBHIHH4x", 4, 19, 16 + len(entry), 9, 1, 0) + entry


def text_of(fields: bytes) -> dict[str, Any]:
    """Return the match as it is told over REST."""
    (entry,) = FlowText(4, JsonForm()).slices([reply(fields)])
    found: dict[str, Any] = json.loads(entry)["match"]
    return found


def test_all_forty_fields_are_ryu_s() -> None:
    theirs = {
        field.oxm_field: (field.name, field.type.size)
        for field in ofproto_v1_3.oxm_types
        if isinstance(field, oxm_fields.OpenFlowBasic)
    }
    assert {number: (field.name, field.size) for number, field in FIELDS.items()} == theirs
    assert list(FIELDS) == [int(number) for number in OFPXMT_OFB]
    assert all(0 < field.bits <= 8 * field.size for field in ALL)


def test_headers_are_ryu_s() -> None:
    for number, field in FIELDS.items():
        name = f"OXM_OF_{field.name.upper()}"
        assert header(number) == getattr(ofproto_v1_3, name)
        assert header(number, masked=True) == getattr(ofproto_v1_3, f"{name}_W")


def test_a_real_switch_allows_every_mask_that_the_table_allows() -> None:
    (first, *_) = pieces(4, StatsType.TABLE_FEATURES)
    at, masks = 16 + 64, {}
    while True:
        kind, length = struct.unpack_from("!HH", first, at)
        if kind == OFPTFPT.MATCH:
            break
        at += (length + 7) & ~7
    end, at = at + length, at + 4
    while at < end:
        (head,) = struct.unpack_from("!I", first, at)
        if head >> 16 == 0x8000 and field_number(head) in FIELDS:
            masks[field_number(head)] = bool(head & 0x100)
        at += 8 if head >> 16 == 0xFFFF else 4
    assert len(masks) > 30
    assert {n for n in masks if FIELDS[n].maskable} <= {n for n, masked in masks.items() if masked}


@pytest.mark.parametrize("field", ALL, ids=by_name)
def test_the_guard_wants_the_size_of_the_table(field: MatchField) -> None:
    value = sample(field)
    whole = tlv(field, value)
    assert walk_field(whole, 0, len(whole)) == 4 + field.size
    masked = tlv(field, value, b"\xff" * field.size)
    assert walk_field(masked, 0, len(masked)) == 4 + 2 * field.size
    for size in (field.size - 1, field.size + 1):
        head = header(field.number) & ~0xFF | size
        wrong = struct.pack("!I", head) + bytes(size)
        with pytest.raises(Violation):
            walk_field(wrong, 0, len(wrong))


@pytest.mark.parametrize("field", ALL, ids=by_name)
def test_a_field_is_told_by_its_label(field: MatchField) -> None:
    value = sample(field)
    written = one(field.kind, value)
    said = written.text if written.quoted else int(written.text)
    assert text_of(tlv(field, value)) == {field.label: said}
    masked = text_of(tlv(field, value, b"\xff" * field.size))
    assert masked.keys() == {field.label}
    assert "/" in masked[field.label]
    assert field.label in MATCH_ORDER


@pytest.mark.parametrize("field", WITH_PLACE, ids=by_name)
def test_a_field_is_read_with_what_it_needs_and_written_again(field: MatchField) -> None:
    fields = b"".join(with_prerequisites(field, sample(field)))
    match, whole = oxm.decode_match(fields)
    assert getattr(match, field.label) is not None
    assert whole
    written = oxm.encode_match(match)
    assert written[4 : 4 + len(fields)] == fields


@pytest.mark.parametrize("field", [f for f in WITH_PLACE if f.needs is not None], ids=by_name)
def test_a_field_without_what_it_needs_is_not_whole(field: MatchField) -> None:
    _, whole = oxm.decode_match(tlv(field, sample(field)))
    assert not whole


@pytest.mark.parametrize("field", [f for f in ALL if f not in WITH_PLACE], ids=by_name)
def test_a_field_without_a_place_in_match_is_left_out(field: MatchField) -> None:
    match, whole = oxm.decode_match(tlv(field, sample(field)))
    assert match == Match()
    assert not whole


@pytest.mark.parametrize("field", WITH_PLACE, ids=by_name)
def test_a_field_that_stands_twice_is_not_whole(field: MatchField) -> None:
    parts = with_prerequisites(field, sample(field))
    _, whole = oxm.decode_match(b"".join([*parts, parts[-1]]))
    assert not whole


@pytest.mark.parametrize(
    "names",
    [
        ("eth_type=0806", "ip_proto=06", "arp_op=0001"),
        ("eth_type=0806", "ip_proto=06"),
        ("eth_dst=020000000001", "eth_dst/=010000000000010000000000"),
    ],
)
def test_fields_that_exclude_each_other_are_not_whole(names: tuple[str, ...]) -> None:
    data = b""
    for part in names:
        name, _, value = part.partition("=")
        number = OFPXMT_OFB[name.rstrip("/").upper()]
        data += struct.pack("!I", header(number, name.endswith("/"))) + bytes.fromhex(value)
    _, whole = oxm.decode_match(data)
    assert not whole


def test_names_in_requests_stand_for_the_labels_and_needs_of_the_table() -> None:
    by_number = {field.name: field for field in WITH_PLACE if field.name != field.label}
    assert OXM_NAMES.keys() == by_number.keys()
    for name, alias in OXM_NAMES.items():
        field = by_number[name]
        assert alias.field == field.label
        needs = field.needs
        if needs is not None and needs.field == OFPXMT_OFB.IP_PROTO:
            assert needs.values == {alias.nw_proto}
            only = {"icmpv4": ETHERTYPE.IPV4, "icmpv6": ETHERTYPE.IPV6}.get(name.partition("_")[0])
            assert {*alias.dl_types} == ({only} if only else {ETHERTYPE.IPV4, ETHERTYPE.IPV6})
        elif needs is not None and len(needs.values) == 1:
            assert needs.values == {*alias.dl_types}


def test_the_twelve_fields_of_1_0_fill_its_match() -> None:
    labels = [field.label for field in FIELDS_10]
    assert len(labels) == 12
    assert {*labels} == {*Match._fields} - {"dl_dst_multicast", *ONLY_13}
    assert match10.MATCH.size == MATCH_SIZE_10 == 40
    everything = ofp10.OFPFW(0)
    for field in FIELDS_10:
        assert not everything & field.wildcard
        everything |= field.wildcard
    assert everything | ofp10.OFPFW.NW_SRC_MASK | ofp10.OFPFW.NW_DST_MASK == ofp10.OFPFW.ALL


@pytest.mark.parametrize(
    ("version", "row"),
    [(version, row) for version, rows in ACTIONS.items() for row in rows.values()],
    ids=by_name,
)
def test_ryu_reads_an_action_as_the_table_lays_it_out(version: int, row: ActionRow) -> None:
    values = [
        bytes(range(1, 1 + part.size))
        if part.size == 6
        else int.from_bytes(bytes(part.size - 1) + b"\7")
        for part in row.parameters
    ]
    data = row.layout().pack(row.number, row.size, *values)
    assert len(data) == row.size
    theirs = (ryu10 if version == 1 else ryu13).OFPAction.parser(data, 0)
    assert (theirs.type, theirs.len) == (row.number, row.size)
    again = bytearray()
    theirs.serialize(again, 0)
    assert bytes(again) == data
    own = {name: value for name, value in vars(theirs).items() if name not in ("type", "len")}
    assert sorted(map(repr, own.values())) == sorted(map(repr, values))


def test_every_action_has_a_row_but_two() -> None:
    assert {*ACTIONS[1]} == {*map(int, ofp10.OFPAT)} - {0xFFFF}
    known = {value for name, value in vars(ofproto_v1_3).items() if name.startswith("OFPAT_")}
    assert {*ACTIONS[4]} == known - {ofproto_v1_3.OFPAT_SET_FIELD, ofproto_v1_3.OFPAT_EXPERIMENTER}


def test_a_layout_refuses_what_overlaps_or_does_not_fit() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        layout([(0, "I"), (2, "H")], 8)
    with pytest.raises(ValueError, match="in 4"):
        layout([(0, "I"), (4, "H")], 4)


def test_the_reader_of_entries_and_the_text_cut_the_same_entries() -> None:
    message = reply(tlv(FIELDS[OFPXMT_OFB.IN_PORT], b"\0\0\0\7"))
    (entry,) = flow_stats.read_entries(4, message)
    assert entry.match == Match(in_port=7)
