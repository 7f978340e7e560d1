"""Ryu reads what we write as a switch, and writes what we write as a controller, to the byte."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ryu.lib.mac import haddr_to_bin, haddr_to_str
from ryu.ofproto import ofproto_protocol
from ryu.ofproto import ofproto_v1_0_parser as ryu10
from ryu.ofproto import ofproto_v1_3_parser as ryu13

from examples import examples
from horizon_ryu.wire.of10 import statistics as s10
from horizon_ryu.wire.of10 import structures as t10
from horizon_ryu.wire.of10.messages import MESSAGES10
from horizon_ryu.wire.of13 import structures as t13
from horizon_ryu.wire.of13.match import MATCH13, OxmMatch
from horizon_ryu.wire.of13.messages import MESSAGES13
from horizon_ryu.wire.ofp10 import OFPST
from horizon_ryu.wire.ofp13 import OFPMP
from horizon_ryu.wire.symmetric import Hello, version_bitmap
from unit.wire import values

TABLES = {1: MESSAGES10, 4: MESSAGES13}
PARSERS = {1: ryu10, 4: ryu13}
DATAPATHS = {version: ofproto_protocol.ProtocolDesc(version) for version in TABLES}
FEW = settings(max_examples=examples(12, 30))

# What the reply of a switch says: Ryu reads our bytes.

READ = {
    1: {
        **values.FROM_SWITCH10,
        **{name: values.SYMMETRIC[name] for name in ("echo reply", "error", "get config reply")},
        "flow-mod": values.TO_SWITCH10["flow-mod"],
    },
    4: {
        **values.FROM_SWITCH13,
        **{name: values.SYMMETRIC[name] for name in ("echo reply", "error", "get config reply")},
        "flow-mod": values.TO_SWITCH13["flow-mod"],
        "experimenter": values.MESSAGES13["experimenter"],
    },
}
RENAMED = {
    "nw_tos": "tos",
    "tp_port": "tp",
    "vendor": "experimenter",
    "packet_count": "packet_band_count",
    "byte_count": "byte_band_count",
}
UNKNOWN_TO_RYU = {("OFPSwitchFeatures", "reserved"), ("OFPPropUnknown", "body")}
NAMES = {
    "packet_in_mask_slave": ("packet_in_mask", 1),
    "port_status_mask_slave": ("port_status_mask", 1),
    "flow_removed_mask_slave": ("flow_removed_mask", 1),
    "packet_in_mask": ("packet_in_mask", 0),
    "port_status_mask": ("port_status_mask", 0),
    "flow_removed_mask": ("flow_removed_mask", 0),
}
MANY_OF = {
    "max_groups": ("max_groups_all", "max_groups_select", "max_groups_indirect", "max_groups_ff"),
    "actions": ("actions_all", "actions_select", "actions_indirect", "actions_ff"),
}


def same(ours: Any, theirs: Any) -> None:
    """Compare a value with Ryu's object: the fields have the same names in the specification."""
    if isinstance(ours, tuple):
        items = list(theirs.values()) if isinstance(theirs, dict) else list(theirs)
        assert len(ours) == len(items)
        for one, other in zip(ours, items, strict=True):
            same(one, other)
    elif isinstance(ours, s10.VendorStats):
        # Ryu leaves the vendor where it stands.
        (body,) = theirs if isinstance(theirs, list) else (theirs,)
        assert body.specific_data == struct.pack("!I", ours.vendor) + ours.data
    elif isinstance(ours, bytes):
        same_bytes(ours, theirs)
    elif isinstance(ours, OxmMatch):
        buffer = bytearray()
        theirs.serialize(buffer, 0)
        assert bytes(buffer) == MATCH13.write(ours)
    elif isinstance(ours, t13.ActionSetField):
        buffer = bytearray()
        theirs.serialize(buffer, 0)
        assert bytes(buffer) == t13.ACTIONS13.write((ours,))
    elif dataclasses.is_dataclass(ours):
        if isinstance(theirs, list):
            (theirs,) = theirs
        for field in dataclasses.fields(ours):
            if (type(theirs).__name__, field.name) not in UNKNOWN_TO_RYU:
                same(getattr(ours, field.name), attribute(theirs, field.name))
    else:
        assert ours == theirs


def attribute(theirs: Any, name: str) -> Any:
    for whole, parts in MANY_OF.items():
        if name in parts:
            return getattr(theirs, whole)[parts.index(name)]
    if name in NAMES:
        whole, place = NAMES[name]
        return getattr(theirs, whole)[place]
    for known in (name, f"{name}_", RENAMED.get(name, name)):
        if hasattr(theirs, known):
            return getattr(theirs, known)
    raise AttributeError(f"Ryu's {type(theirs).__name__} has no {name}: {theirs}")


def same_bytes(ours: bytes, theirs: Any) -> None:
    if theirs is None:
        assert ours == b""
    elif isinstance(theirs, str):
        text = theirs.encode("latin-1") if ":" not in theirs else haddr_to_bin(theirs)
        assert text.rstrip(b"\0") == ours.rstrip(b"\0")
    else:
        assert bytes(theirs).rstrip(b"\0") == ours.rstrip(b"\0")


def ryu_reads(version: int, message: bytes) -> Any:
    kind, size, xid = struct.unpack_from("!xBHI", message)
    return PARSERS[version].msg_parser(DATAPATHS[version], version, kind, size, xid, message)


@pytest.mark.parametrize(
    ("version", "name"), [(version, name) for version, those in READ.items() for name in those]
)
@FEW
@given(data=st.data())
def test_ryu_reads_in_it_what_we_wrote(version: int, name: str, data: Any) -> None:
    value = data.draw(READ[version][name])
    if name == "packet-in":
        # Ryu cuts off what is beyond the frame.
        value = dataclasses.replace(value, total_len=len(value.data))
    if name == "features reply" and version == 1:
        # Ryu keeps the ports by number.
        ports = {port.port_no: port for port in value.ports}
        value = dataclasses.replace(value, ports=tuple(ports.values()))
    if name == "multipart reply EXPERIMENTER":
        # Ryu cuts what it does not know into pieces of 16 bytes.
        body = dataclasses.replace(value.body, data=value.body.data[:8])
        value = dataclasses.replace(value, body=body)
    parsed = ryu_reads(version, TABLES[version].encode(9, value))
    assert parsed.xid == 9
    same(value, parsed)


# What a controller says: Ryu writes the same bytes.


def _listed(parser: Callable[[bytes, int], Any], data: bytes, step: Callable[[Any], int]) -> Any:
    made, at = [], 0
    while at < len(data):
        made.append(parser(data, at))
        at += step(made[-1])
    return made


def _length(item: Any) -> int:
    return int(item.len)


def given_to_ryu(version: int, name: str, value: Any) -> Any:
    """Return what Ryu's constructor takes for a field of ours."""
    parser = PARSERS[version]
    if name == "match" and version == 1:
        return ryu10.OFPMatch.parse(t10.MATCH10.write(value), 0)
    if name == "match":
        return ryu13.OFPMatch.parser(MATCH13.write(value), 0)
    if name == "actions":
        layout: Any = t10.ACTIONS10 if version == 1 else t13.ACTIONS13
        return _listed(parser.OFPAction.parser, layout.write(value), _length)
    if name == "instructions":
        data = t13.INSTRUCTIONS.write(value)
        return _listed(ryu13.OFPInstruction.parser, data, _length)
    if name == "buckets":
        return [
            ryu13.OFPBucket(
                one.weight,
                one.watch_port,
                one.watch_group,
                given_to_ryu(version, "actions", one.actions),
            )
            for one in value
        ]
    if name == "bands":
        return [
            ryu13.OFPMeterBandDrop(one.rate, one.burst_size)
            if isinstance(one, t13.MeterBandDrop)
            else ryu13.OFPMeterBandDscpRemark(one.rate, one.burst_size, one.prec_level)
            for one in value
        ]
    if name == "hw_addr":
        return haddr_to_str(value)
    return value


def fields_for_ryu(version: int, value: Any) -> dict[str, Any]:
    return {
        {"type": "type_"}.get(field.name, field.name): given_to_ryu(
            version, field.name, getattr(value, field.name)
        )
        for field in dataclasses.fields(value)
    }


def ryu_writes(version: int, make: Any, xid: int, **given: Any) -> bytes:
    made = make(DATAPATHS[version], **given)
    made.xid = xid
    made.serialize()
    return bytes(made.buf)


BOTH = {
    "echo request": "OFPEchoRequest",
    "echo reply": "OFPEchoReply",
    "features request": "OFPFeaturesRequest",
    "get config request": "OFPGetConfigRequest",
    "set config": "OFPSetConfig",
    "barrier request": "OFPBarrierRequest",
    "packet-out": "OFPPacketOut",
    "flow-mod": "OFPFlowMod",
    "port-mod": "OFPPortMod",
    "queue request": "OFPQueueGetConfigRequest",
}
ONLY_13 = {
    "group-mod": "OFPGroupMod",
    "table-mod": "OFPTableMod",
    "meter-mod": "OFPMeterMod",
    "role request": "OFPRoleRequest",
    "get-async request": "OFPGetAsyncRequest",
}


@pytest.mark.parametrize(
    ("version", "name"), [(1, name) for name in BOTH] + [(4, name) for name in BOTH | ONLY_13]
)
@FEW
@given(data=st.data())
def test_ryu_writes_what_we_write(version: int, name: str, data: Any) -> None:
    messages = values.TO_SWITCH10 if version == 1 else values.TO_SWITCH13
    value = data.draw(messages[name])
    if name == "packet-out":
        # Ryu sends no frame with a buffer of the switch, and misplaces one without actions.
        assume(value.actions)
        value = dataclasses.replace(value, buffer_id=0xFFFF_FFFF)
    make = getattr(PARSERS[version], (BOTH | ONLY_13)[name])
    theirs = ryu_writes(version, make, 5, **fields_for_ryu(version, value))
    assert TABLES[version].encode(5, value) == theirs


@FEW
@given(value=values.TO_SWITCH13["set-async"])
def test_ryu_writes_the_masks_that_we_write(value: Any) -> None:
    masks = {
        name: [getattr(value, name), getattr(value, f"{name}_slave")]
        for name in ("packet_in_mask", "port_status_mask", "flow_removed_mask")
    }
    assert MESSAGES13.encode(5, value) == ryu_writes(4, ryu13.OFPSetAsync, 5, **masks)


STATS10 = {
    OFPST.DESC: "Desc",
    OFPST.FLOW: "Flow",
    OFPST.AGGREGATE: "Aggregate",
    OFPST.TABLE: "Table",
    OFPST.PORT: "Port",
    OFPST.QUEUE: "Queue",
}
STATS13 = {
    OFPMP.DESC: "Desc",
    OFPMP.FLOW: "Flow",
    OFPMP.AGGREGATE: "Aggregate",
    OFPMP.TABLE: "Table",
    OFPMP.PORT_STATS: "Port",
    OFPMP.QUEUE: "Queue",
    OFPMP.GROUP: "Group",
    OFPMP.GROUP_DESC: "GroupDesc",
    OFPMP.GROUP_FEATURES: "GroupFeatures",
    OFPMP.METER: "Meter",
    OFPMP.METER_CONFIG: "MeterConfig",
    OFPMP.METER_FEATURES: "MeterFeatures",
    OFPMP.PORT_DESC: "PortDesc",
    OFPMP.EXPERIMENTER: "Experimenter",
}


@pytest.mark.parametrize(
    ("version", "kind"), [(1, kind) for kind in STATS10] + [(4, kind) for kind in STATS13]
)
@FEW
@given(data=st.data())
def test_ryu_asks_for_statistics_as_we_do(version: int, kind: int, data: Any) -> None:
    messages = values.TO_SWITCH10 if version == 1 else values.TO_SWITCH13
    word = "stats" if version == 1 else "multipart"
    kind_name = (OFPST if version == 1 else OFPMP)(kind).name
    value = data.draw(messages[f"{word} request {kind_name}"])
    names: Any = STATS10 if version == 1 else STATS13
    make = getattr(PARSERS[version], f"OFP{names[kind]}StatsRequest")
    if version == 1:
        # Ryu knows that 1.0 has no flags of requests.
        value = dataclasses.replace(value, flags=0)
    body = {} if value.body == b"" else fields_for_ryu(version, value.body)
    theirs = ryu_writes(version, make, 5, flags=value.flags, **body)
    assert TABLES[version].encode(5, value) == theirs


@FEW
@given(offered=st.sets(st.integers(0, 30), min_size=1))
def test_ryu_reads_the_versions_of_a_hello(offered: set[int]) -> None:
    # One word, since Ryu never returns from a Hello with padding; and it overlooks bit 31.
    parsed = ryu_reads(4, MESSAGES13.encode(1, Hello((version_bitmap(*offered),))))
    (element,) = parsed.elements
    assert set(element.versions) == offered
