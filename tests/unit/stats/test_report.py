"""The documents of statistics, of what a real Open vSwitch answered, and of what nobody should."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from webob import Request

from horizon_ryu.core.stats.samples import StatsCache, SwitchSamples
from horizon_ryu.core.stats.stats_types import stats_types_of
from horizon_ryu.core.timers import StatsTimers
from horizon_ryu.core.topology import Link, PortRef, TopologyView
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.stats_forms import JsonForm, XmlForm
from horizon_ryu.http.stream import streamed
from horizon_ryu.switch_stats import prometheus
from horizon_ryu.switch_stats.node_measures import NO_LOAD, node_measures
from horizon_ryu.switch_stats.report import StatsDocument, StatsSection
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.stats.readers import read_table_features
from horizon_ryu.wire.stats.types import StatsType
from unit.stats.captures import VERSIONS, dump_flows, pieces

DPID = 0xAB


def joined(texts: Iterable[str | bytes]) -> str:
    """Return a document, of which parts may be UTF-8 already, as a text."""
    return "".join(text if isinstance(text, str) else text.decode() for text in texts)


def captured(version: int, at: float = 100.0) -> SwitchSamples:
    book = StatsCache(1 << 26, 1 << 30)
    book.joined(DPID, "192.0.2.1:40000", version)
    for kind in stats_types_of(capabilities_of(version)):
        if kind is StatsType.TABLE_FEATURES:
            book.told_table_features(DPID, tuple(read_table_features(pieces(version, kind))))
        elif kind is not StatsType.ECHO:
            book.take(DPID, kind, pieces(version, kind), at)
    book.echoed(DPID, 0.002, at)
    return book.switches[DPID]


def as_json(switch: SwitchSamples, part: StatsSection | None = None, rates: bool = False) -> Any:
    writer = StatsDocument(JsonForm(), 103.0, StatsTimers(), rates)
    return json.loads("".join(writer.one(switch, part, False)))


def as_xml(*switches: SwitchSamples) -> Any:
    text = joined(StatsDocument(XmlForm(), 103.0, StatsTimers(), True).everything(switches))
    root = etree.fromstring(text.encode())
    xml_form.schema("openflowstats").assertValid(root)
    return root


@pytest.mark.parametrize("version", VERSIONS)
def test_every_tag_of_the_report_is_there(version: int) -> None:
    (datapath,) = as_xml(captured(version))
    assert datapath.findtext("dpid") == "00000000000000ab"
    assert datapath.findtext("dp_mac") == "00:00:00:00:00:ab"
    wanted = {
        "dp_desc_stats": "ip sw_desc hw_desc serial_num mfr_desc",
        "dp_stats": "n_tables actions caps flow_poll_interval port_poll_interval port",
        "dp_stats/port": "port_no hw_addr name speed enabled flood state link rx_packets rx_bytes "
        "rx_crc_err rx_dropped rx_errors rx_frame_err tx_packets tx_bytes tx_dropped tx_errors "
        "collisions",
        "dp_table_stats/table": "table_id matched_count name active_count max_entries lookup_count",
        "dp_aggr_stats": "packet_count byte_count flow_count",
        "dp_flow_stats/flow": "packet_count hard_timeout byte_count actions priority idle_timeout "
        "table_id duration match",
    }
    for path, names in wanted.items():
        there = {child.tag for element in datapath.findall(path) for child in element}
        assert set(names.split()) <= there, path
    assert {"type", "len"} <= {child.tag for child in datapath.find(".//action")}
    assert datapath.findtext("dp_desc_stats/age") == "3.0"


@pytest.mark.parametrize("version", VERSIONS)
def test_json_and_xml_say_the_same(version: int) -> None:
    switch = captured(version)
    told, (datapath,) = as_json(switch), as_xml(switch)
    assert len(told["dp_flow_stats"]["flows"]) == len(dump_flows(version))
    assert len(datapath.findall("dp_flow_stats/flow")) == len(dump_flows(version))
    ports = told["dp_stats"]["ports"]
    assert [str(port["port_no"]) for port in ports] == [
        port.findtext("port_no") for port in datapath.iterfind("dp_stats/port")
    ]
    assert told["dp_aggr_stats"]["flow_count"] == len(dump_flows(version))
    for part in StatsSection:
        (name,) = set(as_json(switch, part)) - {"dpid", "dp_mac"}
        assert as_json(switch, part)[name] == told[name]


def test_what_was_never_told_is_absent_not_wrong() -> None:
    book = StatsCache(1 << 20, 1 << 20)
    book.joined(1, "192.0.2.1:1", 4)
    told = as_json(book.switches[1])
    assert told["dp_aggr_stats"] == dict.fromkeys(
        ("age", "packet_count", "byte_count", "flow_count")
    )
    assert told["dp_flow_stats"] == {"age": None, "flows": []}
    (datapath,) = as_xml(book.switches[1])
    assert datapath.find("dp_aggr_stats/age") is None
    assert as_xml().tag == "openflowstats"


@given(st.sampled_from(VERSIONS), st.lists(st.binary(min_size=8, max_size=300), max_size=4))
def test_no_answer_makes_a_document_fail(version: int, hostile: list[bytes]) -> None:
    book = StatsCache(1 << 20, 1 << 22)
    book.joined(1, "192.0.2.1:1", version)
    for kind in stats_types_of(capabilities_of(version)):
        if kind is StatsType.TABLE_FEATURES:
            book.told_table_features(1, tuple(read_table_features(hostile)))
        else:
            book.take(1, kind, hostile, 1.0)
    switch = book.switches[1]
    as_json(switch, rates=True)
    as_xml(switch)
    list(prometheus.text(lambda: [switch], 2.0))
    node_measures(switch, TopologyView(), NO_LOAD)


@given(st.sampled_from(VERSIONS), st.data())
def test_a_real_answer_with_a_bit_turned_over_fails_nothing(version: int, data: Any) -> None:
    book = StatsCache(1 << 26, 1 << 30)
    book.joined(1, "192.0.2.1:1", version)
    for kind in stats_types_of(capabilities_of(version)):
        told = []
        for piece in pieces(version, kind)[:2]:
            place = data.draw(st.integers(8, max(8, min(len(piece) - 1, 400))))
            changed = bytearray(piece[:2000])
            if place < len(changed):
                changed[place] ^= 1 << data.draw(st.integers(0, 7))
            told.append(bytes(changed))
        book.take(1, kind, told, 1.0)
    as_xml(book.switches[1])


def test_rates_come_from_the_last_two_polls() -> None:
    book = StatsCache(1 << 26, 1 << 30)
    book.joined(DPID, "192.0.2.1:1", 4)
    answer = pieces(4, StatsType.PORTS)
    book.take(DPID, StatsType.PORT_DESC, pieces(4, StatsType.PORT_DESC), 100.0)
    book.take(DPID, StatsType.PORTS, answer, 100.0)
    first = as_json(book.switches[DPID], StatsSection.PORTS, True)["dp_stats"]["ports"]
    assert {port["rx_bps"] for port in first} == {None}
    later = [bytearray(piece) for piece in answer]
    at = 16 + 8 + 16  # the first port's rx_bytes
    counted = int.from_bytes(later[0][at : at + 8], "big")
    later[0][at : at + 8] = (counted + 1000).to_bytes(8, "big")
    book.take(DPID, StatsType.PORTS, [bytes(piece) for piece in later], 102.0)
    ports = as_json(book.switches[DPID], StatsSection.PORTS, True)["dp_stats"]["ports"]
    assert sorted(port["rx_bps"] or 0 for port in ports)[-1] == 4000
    assert "rx_bps" not in as_json(book.switches[DPID], StatsSection.PORTS)["dp_stats"]["ports"][0]
    links = {PortRef(DPID, 1): Link(PortRef(DPID, 1), PortRef(7, 2))}
    book.echoed(DPID, 0.002, 102.0)
    measures = node_measures(book.switches[DPID], TopologyView(1, {}, links, {}), NO_LOAD)
    assert (measures.neighbors, measures.echo_ms) == ((7,), 2.0)


def test_prometheus_reads_the_families() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    text = "".join(prometheus.text(lambda: [captured(1), captured(4)], 103.0))
    families = {family.name: family for family in text_string_to_metric_families(text)}
    octets = families["horizon_switch_port_rx_bytes"]
    assert octets.type == "counter"
    assert {tuple(sorted(sample.labels)) for sample in octets.samples} == {("dpid", "port")}
    assert families["horizon_switch_flows"].samples[0].value == len(dump_flows(1))
    assert families["horizon_switch_echo_seconds"].samples[0].value == 0.002


@pytest.mark.parametrize("encoding", ["", "gzip", "gzip;q=0", "identity, gzip;q=0.5", "*"])
def test_a_stream_is_compressed_if_the_client_likes_it(encoding: str) -> None:
    request = Request.blank("/", headers={"Accept-Encoding": encoding} if encoding else {})
    rested: list[int] = []
    texts = (f"{number:>1000}" for number in range(200))
    response = streamed(request, texts, "application/json", lambda: rested.append(1))
    data = b"".join(response.app_iter)
    is_packed = response.headers.get("Content-Encoding") == "gzip"
    assert is_packed == (encoding in ("gzip", "*"))
    whole = zlib.decompress(data, 16 + zlib.MAX_WBITS) if is_packed else data
    assert len(whole) == 200_000
