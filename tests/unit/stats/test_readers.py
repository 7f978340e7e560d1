"""The readers on what a real Open vSwitch answered, and on what no switch should."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from ryu.ofproto import ofproto_parser, ofproto_protocol

from horizon_ryu.core.stats.stats_types import stats_types_of
from horizon_ryu.wire.capabilities import capabilities_of
from horizon_ryu.wire.guard import MessageGuard
from horizon_ryu.wire.stats import readers
from horizon_ryu.wire.stats.requests import encode
from horizon_ryu.wire.stats.types import StatsType
from horizon_ryu.wire.stats.values import Aggregate, Features, PortCounters
from unit.stats.captures import VERSIONS, pieces

LOCAL = {1: 0xFFFE, 4: 0xFFFF_FFFE}
PORT_LIST = {1: StatsType.FEATURES, 4: StatsType.PORT_DESC}


def ryu_body(version: int, kind: StatsType) -> Any:
    """Return what Ryu's parser makes of the same answer."""
    (message,) = pieces(version, kind)
    datapath = ofproto_protocol.ProtocolDesc(version)
    head = struct.unpack_from("!BBHI", message)
    return ofproto_parser.msg(datapath, *head, message).body


@pytest.mark.parametrize("version", VERSIONS)
def test_description(version: int) -> None:
    found = readers.read_description(version, pieces(version, StatsType.DESC))
    assert found is not None
    assert found[:3] == ("Nicira, Inc.", "Open vSwitch", "3.1.0")
    assert found.serial_num == "None"


@pytest.mark.parametrize("version", VERSIONS)
def test_features_and_aggregate(version: int) -> None:
    features = readers.read_features(version, pieces(version, StatsType.FEATURES))
    assert features == (Features(254, 199, 0xFFF) if version == 1 else Features(254, 79, None))
    aggregate = readers.read_aggregate(version, pieces(version, StatsType.AGGREGATE))
    assert aggregate == Aggregate(1, 34, 11 if version == 1 else 19)


@pytest.mark.parametrize("version", VERSIONS)
def test_ports(version: int) -> None:
    ports = {
        port.port_no: port
        for port in readers.read_port_states(version, pieces(version, PORT_LIST[version]))
    }
    assert set(ports) == {1, 2, LOCAL[version]}
    local = ports[LOCAL[version]]
    assert (local.name, local.hw_addr) == ("hzcapture", "02:00:00:00:0a:0b")
    assert local.speed_kbps == 10_000_000
    assert (local.enabled, local.flood, local.link, local.state) == (False, True, False, 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_counters_are_ryus_counters(version: int) -> None:
    names = PortCounters._fields[:-1]
    theirs = [
        [getattr(port, name) for name in names] for port in ryu_body(version, StatsType.PORTS)
    ]
    ours = list(readers.read_port_counters(version, pieces(version, StatsType.PORTS)))
    assert [list(port[:-1]) for port in ours] == theirs
    assert all((port.alive is None) == (version == 1) for port in ours)


@pytest.mark.parametrize("version", VERSIONS)
def test_loads_are_those_among_the_counters(version: int) -> None:
    told = pieces(version, StatsType.PORTS)
    counters = list(readers.read_port_counters(version, told))
    assert [
        (one.port_no, one.rx_bytes, one.tx_bytes, one.rx_dropped, one.tx_dropped, one.alive)
        for one in counters
    ] == list(readers.read_port_loads(version, told))


@pytest.mark.parametrize("version", VERSIONS)
def test_loads_have_a_place_each(version: int) -> None:
    body = bytes(range(104 if version == 1 else 112))
    (counters,) = readers.read_port_counters(version, [bytes(12 if version == 1 else 16) + body])
    (load,) = readers.read_port_loads(version, [bytes(12 if version == 1 else 16) + body])
    assert load == (
        counters.port_no,
        counters.rx_bytes,
        counters.tx_bytes,
        counters.rx_dropped,
        counters.tx_dropped,
        counters.alive,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_tables_are_ryus_tables(version: int) -> None:
    theirs = [
        (table.table_id, table.active_count, table.lookup_count, table.matched_count)
        for table in ryu_body(version, StatsType.TABLES)
    ]
    ours = list(readers.read_tables(version, pieces(version, StatsType.TABLES)))
    assert [(t.table_id, *t[3:]) for t in ours] == theirs
    assert len(ours) == 254
    assert {t.max_entries for t in ours} == ({1_000_000} if version == 1 else {None})


def test_features_of_tables() -> None:
    table_features = list(readers.read_table_features(pieces(4, StatsType.TABLE_FEATURES)))
    assert [(t.table_id, t.name, t.max_entries) for t in table_features] == [
        (0, "", 1_000_000),
        (1, "", 1_000_000),
    ]
    (theirs, *_) = ryu_body(4, StatsType.TABLE_FEATURES)
    apply = next(p for p in theirs.properties if p.type == 6)
    wanted = sum(1 << action.type for action in apply.action_ids if action.type < 32)
    assert table_features[0].actions == wanted


def test_all_ones_are_not_counted() -> None:
    ones = b"\xff" * 8
    body = struct.pack("!H6x", 7) + struct.pack("!Q", 5) + 10 * ones + struct.pack("!Q", 0)
    (port,) = readers.read_port_counters(1, [bytes(12) + body])
    assert port[:2] == (7, 5)
    assert set(port[2:-2]) == {None}
    assert port.collisions == 0
    body = struct.pack("!I4x", 7) + 12 * ones + b"\xff" * 8
    (port,) = readers.read_port_counters(4, [bytes(16) + body])
    assert set(port[1:]) == {None}
    table = struct.pack("!B3xI", 3, 0xFFFF_FFFF) + 2 * ones
    assert list(readers.read_tables(4, [bytes(16) + table])) == [(3, None, None, None, None, None)]
    assert readers.read_aggregate(4, [bytes(16) + 2 * ones + b"\xff" * 4 + bytes(4)]) == (
        None, None, None,
    )  # fmt: skip


def test_texts_of_switches_become_printable() -> None:
    said = b"a\x01<b>\xff\x80\xc3\xa9".ljust(256, b"\0")
    found = readers.read_description(4, [bytes(16) + said + bytes(256 * 3 + 32)])
    assert found is not None
    assert found.mfr_desc == "a<b>\ufffd\ufffdé"


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_no_answer(version: int) -> None:
    for given in ([], [b""], [bytes(9)], [bytes(17)]):
        assert readers.read_description(version, given) is None
        assert readers.read_aggregate(version, given) is None
        assert readers.read_features(version, given) is None
        assert list(readers.read_port_states(version, given)) == []
        assert list(readers.read_port_counters(version, given)) == []
        assert list(readers.read_tables(version, given)) == []
        assert list(readers.read_table_features(given)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_wire_guard_lets_real_answers_pass(version: int) -> None:
    talk = MessageGuard()
    talk.negotiated(version)
    for kind in stats_types_of(capabilities_of(version)):
        talk.sent(encode(version, kind, 42))
        for piece in pieces(version, kind):
            talk.accept(piece)
