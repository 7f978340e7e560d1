"""The FPM stream: frames split anywhere, withdrawals without a way, a stream that begins anew."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import Overloaded, Unparsable
from xen_bridge.netlink.constants import (
    RTM_DELNEXTHOP,
    RTM_DELROUTE,
    RTM_NEWNEXTHOP,
    RTM_NEWROUTE,
)
from xen_bridge.netlink.nexthops import delete_nexthop, replace_way
from xen_bridge.netlink.routes import KernelRoute, NextHop, delete_routes_to, replace_route
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.fib import key_of
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.fpm_feed import FRAME, GRACE, LONGEST_TELLING, SETTLE, FpmFeed
from xen_bridge.planes.fpm_source import FpmSource

OSPF, TABLE = 188, 254


def frame(*requests: Request) -> bytes:
    inside = b"".join(one.pack(7) for one in requests)
    return FRAME.pack(1, 1, FRAME.size + len(inside)) + inside


def route(prefix: str, gateway: str = "192.0.2.7", metric: int = 20) -> Request:
    way = (NextHop(2, gateway),)
    return replace_route(KernelRoute(prefix, way, TABLE, OSPF, priority=metric))


def named(prefix: str, number: int) -> Request:
    return replace_route(KernelRoute(prefix, (), TABLE, OSPF, priority=20, nexthop_id=number))


def gone(prefix: str) -> Request:
    """As FRR has it: no way, no metric, type 0."""
    return delete_routes_to(prefix, TABLE)


def fed(data: bytes, *more: bytes) -> FpmFeed:
    feed = FpmFeed(FibModel())
    feed.begin(0.0)
    for piece in (data, *more):
        feed.feed(piece, 0.0)
    return feed


def prefixes(feed: FpmFeed) -> set[bytes]:
    return set(feed.model.routes)


def key(prefix: str, metric: int = 20) -> bytes:
    return key_of(prefix, metric)


def test_a_withdrawal_names_neither_way_nor_metric_and_a_change_is_one_route() -> None:
    feed = fed(frame(route("10.1.0.0/16"), route("10.2.0.0/16"), route("2001:db8::/32", "fe80::1")))
    assert prefixes(feed) == {key("10.1.0.0/16"), key("10.2.0.0/16"), key("2001:db8::/32")}
    feed.feed(frame(gone("10.1.0.0/16"), gone("10.1.0.0/16"), gone("10.7.0.0/16")), 0.0)
    # A change: deleted, then there again; and one with another metric instead.
    feed.feed(frame(gone("10.2.0.0/16"), route("10.2.0.0/16", "192.0.2.9")), 0.0)
    feed.feed(frame(route("2001:db8::/32", "fe80::1", 5)), 0.0)
    assert prefixes(feed) == {key("10.2.0.0/16"), key("2001:db8::/32", 5)}
    assert feed.model.routes[key("10.2.0.0/16")].hops == (NextHop(2, "192.0.2.9"),)


def test_other_tables_and_other_messages_are_passed_over() -> None:
    way = (NextHop(2, "192.0.2.7"),)
    other = replace_route(KernelRoute("10.1.0.0/16", way, 77, OSPF))
    feed = fed(frame(other, Request(28, 0, b"neighbors"), delete_routes_to("10.1.0.0/16", 77)))
    assert prefixes(feed) == set()


def test_routes_go_with_their_nexthop_and_come_back_by_another() -> None:
    nexthop = replace_way(9, socket.AF_INET, 2, "192.0.2.7", OSPF)
    feed = fed(frame(nexthop, named("10.1.0.0/16", 9)))
    assert feed.model.routes[key("10.1.0.0/16")].nexthop_id == 9
    feed.feed(frame(delete_nexthop(9)), 0.0)
    assert (prefixes(feed), feed.model.nexthops) == (set(), {})
    feed.feed(frame(route("10.1.0.0/16")), 0.0)
    assert prefixes(feed) == {key("10.1.0.0/16")}


ONES = [
    frame(route("10.1.0.0/16"), route("10.2.0.0/16")),
    frame(replace_way(9, socket.AF_INET, 2, "192.0.2.7", OSPF), named("10.3.0.0/16", 9)),
    frame(gone("10.1.0.0/16")),
    frame(route("2001:db8::/32", "fe80::1")),
    frame(),
]


@given(st.lists(st.sampled_from(ONES), max_size=8), st.lists(st.integers(0, 900), max_size=8))
def test_a_stream_may_be_split_anywhere(frames: list[bytes], cuts: list[int]) -> None:
    data = b"".join(frames)
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[start:end] for start, end in pairwise(places)]
    whole, split = fed(data), fed(b"", *pieces)
    assert whole.model.routes == split.model.routes
    assert whole.model.nexthops == split.model.nexthops


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!BBH", 2, 1, 4),
        struct.pack("!BBH", 1, 2, 4),
        struct.pack("!BBH", 1, 1, 3),
        struct.pack("!BBH", 1, 1, 8) + b"none",
        struct.pack("!BBH", 1, 1, 20) + struct.pack("=IHHII", 40, RTM_NEWROUTE, 0, 0, 0),
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_what_is_no_stream_of_fpm_is_refused(data: bytes) -> None:
    with pytest.raises(Unparsable):
        fed(data)


KINDS = (RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP, 0)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=60)), max_size=6))
def test_any_messages_are_taken_or_refused(messages: list[tuple[int, bytes]]) -> None:
    feed = FpmFeed(FibModel(), max_nexthops=3)
    feed.begin(0.0)
    with contextlib.suppress(Unparsable, Overloaded):
        feed.feed(frame(*(Request(kind, 0, payload) for kind, payload in messages)), 0.0)
    feed.due(LONGEST_TELLING)
    assert feed.is_whole


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    with contextlib.suppress(Unparsable, Overloaded):
        fed(data)


@pytest.mark.parametrize("kind", [RTM_NEWROUTE, RTM_DELROUTE])
def test_a_prefix_longer_than_an_address_is_refused(kind: int) -> None:
    payload = bytearray(route("10.1.0.0/16").payload)
    payload[1] = 99
    with pytest.raises(Unparsable, match="route"):
        fed(frame(Request(kind, 0, bytes(payload))))


def test_more_than_a_router_may_have_is_refused_and_what_it_has_may_still_change() -> None:
    feed = FpmFeed(FibModel(), max_routes=2, max_nexthops=1)
    feed.begin(0.0)
    feed.feed(frame(route("10.1.0.0/16"), route("10.2.0.0/16")), 0.0)
    feed.feed(frame(route("10.2.0.0/16", "192.0.2.9")), 0.0)
    with pytest.raises(Overloaded, match="2 routes"):
        feed.feed(frame(route("10.3.0.0/16")), 0.0)
    way = [replace_way(number, socket.AF_INET, 2, "192.0.2.7", OSPF) for number in (1, 1, 2)]
    with pytest.raises(Overloaded, match="1 nexthop"):
        feed.feed(frame(*way), 0.0)


def test_it_is_whole_when_the_stream_has_been_silent_or_has_told_for_long_enough() -> None:
    feed = fed(frame(route("10.1.0.0/16")))
    assert feed.next_due() == SETTLE
    feed.feed(frame(route("10.2.0.0/16")), SETTLE - 0.1)
    feed.due(SETTLE)
    assert not feed.is_whole
    for second in range(1, int(LONGEST_TELLING)):
        feed.feed(frame(route("10.2.0.0/16")), float(second))
    assert feed.next_due() == LONGEST_TELLING
    feed.due(LONGEST_TELLING)
    assert feed.is_whole
    assert feed.next_due() is None


def test_after_a_new_stream_what_was_not_told_again_is_gone_and_nothing_before() -> None:
    nexthops = [replace_way(one, socket.AF_INET, 2, "192.0.2.7", OSPF) for one in (1, 2)]
    feed = fed(
        frame(*nexthops, named("10.1.0.0/16", 1), named("10.2.0.0/16", 2), route("10.3.0.0/16"))
    )
    feed.due(SETTLE)
    feed.lose(10.0)
    assert feed.next_due() == 10.0 + GRACE
    feed.begin(20.0)
    feed.feed(frame(nexthops[0], named("10.1.0.0/16", 1)), 20.0)
    feed.due(20.0 + SETTLE - 0.1)
    assert len(prefixes(feed)) == 3
    feed.due(20.0 + SETTLE)
    assert prefixes(feed) == {key("10.1.0.0/16")}
    assert set(feed.model.nexthops) == {1}


def test_a_stream_that_does_not_come_back_takes_all_along_after_a_while() -> None:
    feed = fed(frame(route("10.1.0.0/16")), frame(route("10.2.0.0/16"))[:9])
    feed.due(SETTLE)
    feed.lose(10.0)
    feed.due(10.0 + GRACE - 0.1)
    assert prefixes(feed) == {key("10.1.0.0/16")}
    feed.due(10.0 + GRACE)
    assert prefixes(feed) == set()
    # Half a frame of a stream that was lost is none of the next one.
    feed.begin(100.0)
    feed.feed(frame(route("10.4.0.0/16")), 100.0)
    assert prefixes(feed) == {key("10.4.0.0/16")}


# ---- over TCP


def _read_until(source: FpmSource, is_so: Iterable[bool]) -> None:
    for _, done in zip(range(200), is_so, strict=False):
        if done:
            return
        source.read(0.05)
    raise AssertionError("it did not come to that")


def test_whoever_connects_last_is_heard_and_who_tells_nonsense_is_not() -> None:
    source = FpmSource(FibModel(), 0, clock=lambda: 0.0)
    try:
        source.read(0.0)
        with _connected(source) as stale, _connected(source) as zebra:
            _read_until(source, iter(lambda: source.is_connected, None))
            zebra.sendall(frame(route("10.1.0.0/16")))
            _read_until(source, iter(lambda: bool(source.model.routes), None))
            stale.settimeout(10)
            assert stale.recv(1) == b""
            zebra.sendall(b"GET / HTTP/1.1\r\n\r\n")
            _read_until(source, iter(lambda: source.refused == 1, None))
            assert not source.is_connected
        with _connected(source) as again:
            again.sendall(frame(route("10.2.0.0/16")))
            _read_until(source, iter(lambda: len(source.model.routes) == 2, None))
    finally:
        source.close()


def _connected(source: FpmSource) -> socket.socket:
    return socket.create_connection(("127.0.0.1", source.port), 10)
