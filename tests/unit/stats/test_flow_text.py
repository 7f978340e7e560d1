"""Flow entries written from bytes: as a real switch told them, in XML and in JSON."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest
from lxml import etree

from horizon_ryu.formats.stats_forms import JsonForm, XmlForm
from horizon_ryu.wire.stats.flow_text import SLICE, FlowText, count_flows
from horizon_ryu.wire.stats.types import StatsType
from unit.stats.captures import VERSIONS, dump_flows, pieces

ONES = b"\xff" * 8


def as_json(version: int, given: Any) -> list[dict[str, Any]]:
    return list(json.loads(f"[{','.join(FlowText(version, JsonForm()).slices(given))}]"))


def as_xml(version: int, given: Any) -> Any:
    return etree.fromstring(f"<all>{''.join(FlowText(version, XmlForm()).slices(given))}</all>")


def captured(version: int) -> dict[int, dict[str, Any]]:
    flows = as_json(version, pieces(version, StatsType.FLOWS))
    return {flow["priority"]: flow for flow in flows if flow["table_id"] == 0}


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_what_the_switchs_own_tool_shows(version: int) -> None:
    flows = as_json(version, pieces(version, StatsType.FLOWS))
    lines = dump_flows(version)
    assert len(flows) == len(lines) == count_flows(version, pieces(version, StatsType.FLOWS))
    for flow, line in zip(flows, lines, strict=True):
        said = dict(re.findall(r"(\w+)=([^, ]+)", line))
        assert int(flow["cookie"], 16) == int(said["cookie"], 16)
        assert flow["packet_count"] == int(said["n_packets"])
        assert flow["byte_count"] == int(said["n_bytes"])
        assert flow["priority"] == int(said["priority"])
        assert flow["table_id"] == int(said["table"])
        assert flow["idle_timeout"] == int(said.get("idle_timeout", 0))
        assert flow["hard_timeout"] == int(said.get("hard_timeout", 0))
        assert 0 <= float(said["duration"][:-1]) - flow["duration"] < 1


@pytest.mark.parametrize("version", VERSIONS)
def test_matches_have_the_same_names_on_both_versions(version: int) -> None:
    matches = {priority: flow["match"] for priority, flow in captured(version).items()}
    assert matches[1] == {}
    assert matches[2] == {"in_port": 1}
    assert matches[3] == {"dl_src": "02:00:00:00:00:01", "dl_dst": "02:00:00:00:00:02"}
    assert matches[4] == {"dl_vlan": 10, "dl_vlan_pcp": 3}
    assert matches[5]["dl_vlan"] == 0xFFFF
    assert matches[6] == {
        "dl_type": 0x800, "nw_tos": 32, "nw_src": "10.1.0.0/16", "nw_dst": "10.2.3.4",
    }  # fmt: skip
    assert matches[7] == {"dl_type": 0x800, "nw_proto": 6, "tp_src": 80, "tp_dst": 8080}
    assert matches[9] == {
        "dl_type": 0x806, "nw_proto": 1, "nw_src": "10.0.0.1", "nw_dst": "10.0.0.2",
    }  # fmt: skip
    assert matches[10] == {"dl_type": 0x800, "nw_proto": 1, "tp_src": 8, "tp_dst": 0}


@pytest.mark.parametrize("version", VERSIONS)
def test_actions_have_type_length_and_parameters(version: int) -> None:
    flows = captured(version)
    length = 8 if version == 1 else 16
    output = {"type": 0, "len": length, "name": "output", "port": 2, "max_len": 0}
    assert flows[2]["actions"] == [output, {**output, "port": 1}]
    assert flows[3]["actions"] == []
    set_port = {"type": 10, "len": 8} if version == 1 else {"type": 25, "len": 16}
    assert flows[7]["actions"][0] == {**set_port, "name": "set_tp_dst", "value": 81}
    assert flows[6]["actions"][0]["value"] == "192.0.2.7"
    assert flows[9]["actions"][0]["max_len"] == 128
    assert flows[11]["actions"][0] == {
        "type": 65535, "len": 16, "name": "experimenter", "experimenter": "0x00002320",
        "subtype": 14, "data": "0001ff000000",
    }  # fmt: skip


def test_what_only_1_3_has() -> None:
    flows = captured(4)
    assert flows[20]["match"] == {"dl_src": "02:00:00:00:00:00/ff:ff:ff:00:00:00"}
    assert flows[20]["goto_table"] == 3
    assert flows[20]["actions"][0]["instruction"] == "write_actions"
    assert flows[21]["match"]["ipv6_src"] == "2001:db8::/32"
    assert flows[22]["match"]["metadata"] == "0x0000000000000005/0x00000000000000ff"
    assert flows[22]["write_metadata"] == "0x0000000000000007/0x000000000000000f"
    assert flows[24]["actions"][0]["value"] == 11
    assert flows[25]["clear_actions"] is True
    assert flows[25]["match"]["others"] == [
        {"oxm_class": 1, "oxm_field": 0, "value": "00000007", "mask": "0000000f"}
    ]
    assert flows[26]["actions"][1]["value"] == 100


@pytest.mark.parametrize("version", VERSIONS)
def test_xml_and_json_say_the_same(version: int) -> None:
    for flow, element in zip(
        as_json(version, pieces(version, StatsType.FLOWS)),
        as_xml(version, pieces(version, StatsType.FLOWS)),
        strict=True,
    ):
        assert _tree(flow, element) == flow


def _tree(flow: dict[str, Any], element: Any) -> dict[str, Any]:
    """Return ``element`` with the types that ``flow`` has."""
    found: dict[str, Any] = {}
    for child in element:
        value = flow[child.tag]
        if isinstance(value, dict):
            found[child.tag] = _tree(value, child)
        elif isinstance(value, list):
            found[child.tag] = [_tree(v, c) for v, c in zip(value, child, strict=True)]
        elif isinstance(value, bool):
            found[child.tag] = child.text == "true"
        else:
            found[child.tag] = type(value)(child.text)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_counters_of_all_ones_are_absent(version: int) -> None:
    (piece,) = pieces(version, StatsType.FLOWS)
    at = {1: 12 + 72, 4: 16 + 32}[version]
    marked = piece[:at] + ONES + piece[at + 8 :]
    flow, *_ = as_json(version, [marked])
    assert flow["packet_count"] is None
    assert flow["byte_count"] == 0
    element, *_ = as_xml(version, [marked])
    assert element.find("packet_count") is None
    assert element.findtext("byte_count") == "0"
    flow, *_ = as_json(version, [marked[: at + 8] + ONES + marked[at + 16 :]])
    assert (flow["packet_count"], flow["byte_count"]) == (None, None)


@pytest.mark.parametrize("version", VERSIONS)
def test_pieces_may_come_in_any_order_and_number(version: int) -> None:
    (piece,) = pieces(version, StatsType.FLOWS)
    flows = as_json(version, [piece] * 30)
    assert len(flows) == 30 * len(dump_flows(version)) > 2 * SLICE
    assert as_json(version, []) == []
    assert as_json(version, [piece[: {1: 12, 4: 16}[version]]]) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_length_that_lies_ends_the_piece_and_nothing_else(version: int) -> None:
    (piece,) = pieces(version, StatsType.FLOWS)
    body = {1: 12, 4: 16}[version]
    for lie in (0, 1, 55, 0xFFFF):
        second = body + int.from_bytes(piece[body : body + 2], "big")
        lying = piece[:second] + struct.pack("!H", lie) + piece[second + 2 :]
        assert len(as_json(version, [lying, piece])) == 1 + len(dump_flows(version))
        assert count_flows(version, [lying]) == 1
