"""A flow entry is read twice, into values for the core and into text: both say the same of it."""

from __future__ import annotations

import ipaddress
import json
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from horizon_ryu.core.flows.match_fields import match_fields, network_text
from horizon_ryu.formats.stats_forms import JsonForm
from horizon_ryu.wire import flow_stats, match10, oxm
from horizon_ryu.wire.action_table import ACTIONS_10
from horizon_ryu.wire.addresses import mac_to_text
from horizon_ryu.wire.fields import FIELDS, MatchField, ValueKind, header
from horizon_ryu.wire.match_codes13 import OFPXMT_OFB
from horizon_ryu.wire.messages import VLAN_NONE, FlowEntry, Match, SetField
from horizon_ryu.wire.ofp10 import OFPFW
from horizon_ryu.wire.reserved_ports import widened
from horizon_ryu.wire.set_fields import NAMES
from horizon_ryu.wire.stats.flow_text import FlowText

GROUP_BIT = "01:00:00:00:00:00"
# Numbers on which other fields depend come up often enough that they do depend on them.
LIKELY = {
    OFPXMT_OFB.ETH_TYPE: (0x0800, 0x0806, 0x86DD),
    OFPXMT_OFB.IP_PROTO: (1, 6, 17, 132, 58),
    OFPXMT_OFB.VLAN_VID: (0, 0x1000, 0x1007, 0x1FFF),
}


@st.composite
def field_bytes(draw: st.DrawFn, field: MatchField) -> bytes:
    """Return a match field, as a switch may report it: without bits that its mask leaves free."""
    bits = field.bits if field.kind is not ValueKind.VLAN else 13
    values = st.integers(0, (1 << bits) - 1)
    if field.number in LIKELY:
        values = st.sampled_from(LIKELY[field.number]) | values
    value = draw(values)
    if not field.maskable or draw(st.booleans()):
        return struct.pack("!I", header(field.number)) + value.to_bytes(field.size, "big")
    # A mask of all ones says what no mask says, which a switch leaves out (7.2.3.5).
    whole = (1 << 8 * field.size) - 1
    prefixes = st.integers(1, bits - 1).map(lambda prefix: whole >> bits - prefix << bits - prefix)
    mask = draw(prefixes | st.integers(1, whole - 1))
    if field.kind is ValueKind.MAC and draw(st.booleans()):
        value = mask = 1 << 40
    data = (value & mask).to_bytes(field.size, "big") + mask.to_bytes(field.size, "big")
    return struct.pack("!I", header(field.number, masked=True)) + data


MATCHES_13 = st.lists(
    st.sampled_from(list(FIELDS.values())).flatmap(field_bytes), max_size=6
) | st.lists(
    st.sampled_from([f for f in FIELDS.values() if f.label in Match._fields]).flatmap(field_bytes),
    max_size=6,
)


@st.composite
def matches_10(draw: st.DrawFn) -> bytes:
    """Return a match of 1.0 with any wildcards, without bits that its networks leave free."""
    wild = draw(st.integers(0, int(OFPFW.ALL)))
    address = st.integers(0, 0xFFFF_FFFF)
    src, dst = (
        draw(address) >> free << free if (free := wild >> shift & 0x3F) < 32 else 0
        for shift in (8, 14)
    )
    return match10.MATCH.pack(
        wild,
        draw(st.integers(0, 0xFFFF)),
        draw(st.binary(min_size=6, max_size=6)),
        draw(st.binary(min_size=6, max_size=6)),
        draw(st.sampled_from((0, 7, 0xFFF, VLAN_NONE))),
        draw(st.integers(0, 7)),
        draw(st.sampled_from((0x0800, 0x0806, 0x88CC))),
        draw(st.integers(0, 63)) << 2,
        draw(st.sampled_from((1, 6, 17, 99))),
        src,
        dst,
        draw(st.integers(0, 0xFFFF)),
        draw(st.integers(0, 0xFFFF)),
    )


def reply_13(fields: bytes, instructions: bytes = b"") -> bytes:
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    body = match + bytes(-len(match) % 8) + instructions
    entry = struct.pack("!HBxIIHHHH4xQQQ", 48 + len(body), 3, 1, 2, 150, 4, 5, 0, 77, 8, 9) + body
    return struct.pack("!BBHIHH4x", 4, 19, 16 + len(entry), 9, 1, 0) + entry


def reply_10(match: bytes, actions: bytes = b"") -> bytes:
    head = struct.pack("!HBx", 88 + len(actions), 3)
    rest = struct.pack("!IIHHH6xQQQ", 1, 2, 150, 4, 5, 77, 8, 9)
    entry = head + match + rest + actions
    return struct.pack("!BBHIHH", 1, 17, 12 + len(entry), 9, 1, 0) + entry


def both(version: int, message: bytes) -> tuple[FlowEntry, dict[str, Any]]:
    """Return what the two readers make of a reply with one entry."""
    (entry,) = flow_stats.read_entries(version, message)
    (text,) = FlowText(version, JsonForm()).slices([message])
    told: dict[str, Any] = json.loads(text)
    assert (told["priority"], int(told["cookie"], 16)) == (entry.priority, entry.cookie)
    assert (told["idle_timeout"], told["hard_timeout"]) == (4, 5)
    assert (entry.idle_timeout, entry.hard_timeout) == (4, 5)
    assert (told["packet_count"], told["byte_count"]) == (entry.packet_count, entry.byte_count)
    assert told["table_id"] == entry.table_id
    return entry, told


def as_told(match: Match) -> dict[str, Any]:
    """Return a match of the core as statistics write it."""
    found = match_fields(match)
    if match.dl_dst_multicast:
        found["dl_dst"] = f"{GROUP_BIT}/{GROUP_BIT}"
    return found


@settings(max_examples=examples(60, 500))
@given(MATCHES_13)
def test_matches_of_1_3(fields: list[bytes]) -> None:
    entry, told = both(4, reply_13(b"".join(fields)))
    labels = [FIELDS[struct.unpack_from("!I", part)[0] >> 9 & 0x7F].label for part in fields]
    if len(set(labels)) < len(labels):
        assert not entry.exact
        return
    # A network of all addresses is no field to the core.
    assert as_told(entry.match).items() <= told["match"].items()
    if entry.exact:
        assert as_told(entry.match) == told["match"]
        written = oxm.encode_match(entry.match)
        assert len(written) == len(reply_13(b"".join(fields))) - 64
        assert all(part in written for part in fields)


@settings(max_examples=examples(60, 500))
@given(matches_10())
def test_matches_of_1_0(match: bytes) -> None:
    entry, told = both(1, reply_10(match))
    if entry.match.dl_vlan == VLAN_NONE:
        # Frames without a tag have no priority, whatever the switch says of it.
        told["match"].pop("dl_vlan_pcp", None)
    if "in_port" in told["match"]:
        # Statistics tell a reserved port as the switch did, flows by one number for both versions.
        told["match"]["in_port"] = widened(told["match"]["in_port"])
    assert as_told(entry.match) == told["match"]


def value_told(action: SetField) -> Any:
    if isinstance(action.value, bytes):
        return mac_to_text(action.value)
    if action.field in ("ipv6_src", "ipv6_dst", "ipv6_nd_target"):
        return str(ipaddress.IPv6Address(action.value))
    return (
        network_text((action.value, 32)) if action.field in ("nw_src", "nw_dst") else action.value
    )


SETTERS_10 = [row for row in ACTIONS_10.values() if row.sets is not None]


@given(st.lists(st.sampled_from(SETTERS_10), max_size=5), st.data())
def test_set_fields_of_1_0(rows: list[Any], data: st.DataObject) -> None:
    actions = b""
    for row in rows:
        size = row.parameters[0].size
        value = data.draw(st.binary(min_size=size, max_size=size))
        actions += struct.pack("!HH", row.number, row.size) + value.ljust(row.size - 4, b"\0")
    match = match10.encode_match(Match(in_port=1))
    entry, told = both(1, reply_10(match, actions))
    ours = [(f"set_{a.field}", value_told(a)) for a in entry.actions if isinstance(a, SetField)]
    assert ours == [(action["name"], action["value"]) for action in told["actions"]]


@given(st.lists(st.sampled_from(sorted(NAMES)), max_size=5), st.data())
def test_set_fields_of_1_3(headers: list[int], data: st.DataObject) -> None:
    actions = b""
    for head in headers:
        field = FIELDS[head >> 9 & 0x7F]
        value = data.draw(st.integers(0, (1 << min(field.bits, 8 * field.size)) - 1))
        if field.kind is ValueKind.VLAN:
            value |= 0x1000
        # The value is padded to 8 bytes (1.3.5 section 7.2.5).
        size = 8 + -(-field.size // 8) * 8
        body = struct.pack("!HHI", 25, size, head) + value.to_bytes(field.size, "big")
        actions += body.ljust(size, b"\0")
    apply = struct.pack("!HH4x", 4, 8 + len(actions)) + actions
    entry, told = both(4, reply_13(b"", apply))
    ours = [(f"set_{a.field}", value_told(a)) for a in entry.actions if isinstance(a, SetField)]
    assert ours == [(action["name"], action["value"]) for action in told["actions"]]
