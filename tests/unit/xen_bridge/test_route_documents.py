"""Route documents: a change of a FIB arrives as it was told, and none by a hostile node."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.netlink.routes import NextHop
from xen_bridge.planes.fib import FibChange, Nexthop, RouteWay, key_of
from xen_bridge.planes.route_documents import DOCUMENT_TEXT, change_of, documents_of
from xen_bridge.protocol import document_schema, messages
from xen_bridge.protocol.documents.channel import ChannelMessages, NumberedMessage
from xen_bridge.protocol.documents.route_change import (
    GroupMember,
    NexthopDefinition,
    RouteChange,
    RouteHop,
    RoutesRemoved,
    RoutesSet,
)

KEY = "AAAA"
UNICAST, BLACKHOLE = 1, 6


def over_the_wire(document: RouteChange) -> RouteChange:
    told = ChannelMessages(1, 1, (NumberedMessage(1, document),))
    read = messages.read(messages.write(messages.request(KEY, told)))
    found = read.body.messages[0].body
    assert isinstance(found, RouteChange)
    return found


def joined(changes: list[FibChange]) -> tuple[Any, ...]:
    """What changes say together, without regard to how they are cut."""
    routes: dict[bytes, RouteWay] = {}
    for change in changes:
        for way, keys in change.routes:
            routes |= dict.fromkeys(keys, way)
    return (
        [one.begins for one in changes].count(True),
        tuple(number for one in changes for number in one.forgotten),
        tuple(nexthop for one in changes for nexthop in one.nexthops),
        routes,
        {key for one in changes for key in one.removed},
        changes[-1].ends,
    )


numbers = st.integers(1, (1 << 32) - 1)
indices = st.integers(1, (1 << 31) - 1)
ipv4 = st.integers(1 << 24, (0xE0 << 24) - 1).map(lambda n: socket.inet_ntoa(n.to_bytes(4, "big")))
hops = st.builds(
    lambda oif, via, weight: NextHop(oif, via, weight),
    indices,
    st.none() | ipv4 | st.just("fe80::7"),
    st.integers(1, 256),
)
ways = st.one_of(
    st.builds(
        lambda protocol, scope, found, mtu: RouteWay(
            UNICAST, protocol, scope, None, tuple(found), mtu
        ),
        st.integers(0, 255),
        st.integers(0, 255),
        st.lists(hops, min_size=1, max_size=4),
        st.none() | st.integers(68, 65_536),
    ),
    # By a function: of a class, arguments that are left out would be made up.
    st.builds(lambda protocol: RouteWay(BLACKHOLE, protocol, 0), st.integers(0, 255)),
    st.builds(lambda number: RouteWay(UNICAST, 188, 0, number), numbers),
)
keys = st.builds(
    lambda length, bits, metric, tos: key_of(
        f"{socket.inet_ntoa((bits >> (32 - length) << (32 - length)).to_bytes(4, 'big'))}/{length}",
        metric,
        tos,
    ),
    st.integers(1, 32),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 255),
) | st.builds(
    lambda n, metric: key_of(f"2001:db8:{n:x}::/48", metric), st.integers(0, 65535), numbers
)
nexthops = st.one_of(
    st.builds(lambda oif, via: Nexthop(socket.AF_INET, oif, via), indices, st.none() | ipv4),
    st.builds(
        lambda members: Nexthop(0, group=tuple(members.items())),
        st.dictionaries(st.integers(1, 99), st.integers(1, 256), min_size=1, max_size=4),
    ),
    st.just(Nexthop(socket.AF_INET6, is_blackhole=True)),
)
changes = st.builds(
    lambda begins, gone, objects, routes, removed, ends: FibChange(
        begins,
        tuple(gone),
        tuple(objects.items()),
        tuple((way, tuple(dict.fromkeys(found))) for way, found in routes),
        tuple(removed),
        ends,
    ),
    st.booleans(),
    st.lists(numbers, max_size=3),
    st.dictionaries(st.integers(100, 999), nexthops, max_size=4),
    st.lists(st.tuples(ways, st.lists(keys, min_size=1, max_size=6)), max_size=4),
    st.lists(keys, max_size=4),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(changes)
def test_a_change_arrives_over_the_wire_as_it_was_told(change: FibChange) -> None:
    arrived = [change_of(over_the_wire(one)) for one in documents_of(change)]
    assert joined(arrived) == joined([change])


def test_a_large_change_is_cut_into_documents_that_a_channel_carries() -> None:
    way = RouteWay(UNICAST, 188, 0, None, (NextHop(3, "192.0.2.7"),))
    many = tuple(key_of(f"10.{n >> 8}.{n & 255}.0/24") for n in range(20_000))
    single = tuple(
        (way._replace(mtu=1000 + n), (key_of(f"172.16.{n >> 8}.{n & 255}/32"),))
        for n in range(2000)
    )
    objects = tuple((n, Nexthop(socket.AF_INET, 3, "192.0.2.7")) for n in range(1, 3000))
    change = FibChange(True, (), objects, ((way, many), *single), many[:5], True)
    documents = documents_of(change)
    sizes = [len(etree.tostring(document_schema.to_element(one))) for one in documents]
    assert max(sizes) < 512 * 1024
    assert sum(sizes) / max(sizes) > 3
    assert DOCUMENT_TEXT < 512 * 1024
    assert [one.begins for one in documents] == [True] + [False] * (len(documents) - 1)
    assert [one.ends for one in documents] == [False] * (len(documents) - 1) + [True]
    assert joined([change_of(one) for one in documents]) == joined([change])


def test_more_hops_than_a_document_has_room_for_are_left_out() -> None:
    many = tuple(NextHop(n, "192.0.2.7") for n in range(1, 400))
    change = FibChange(routes=((RouteWay(UNICAST, 4, 0, None, many), (key_of("10.0.0.0/8"),)),))
    (document,) = documents_of(change)
    document_schema.check(document)
    ((way, _keys),) = change_of(document).routes
    assert way.hops == many[:256]


def routes(**changed: Any) -> RoutesSet:
    values: dict[str, Any] = {
        "type": "unicast",
        "protocol": 4,
        "scope": 0,
        "prefixes": "10.0.0.0/8",
    }
    return RoutesSet(**{**values, "hops": (RouteHop(2, "192.0.2.7"),), **changed})


HOSTILE: dict[str, RouteChange] = {
    "no prefix": RouteChange(routes=(routes(prefixes="x"),)),
    "a prefix without a length": RouteChange(routes=(routes(prefixes="10.0.0.0"),)),
    "a length beyond the address": RouteChange(routes=(routes(prefixes="10.0.0.0/33"),)),
    "a length that is no number": RouteChange(routes=(routes(prefixes="10.0.0.0/²"),)),
    "bits behind the length": RouteChange(routes=(routes(prefixes="10.0.0.1/8"),)),
    "one bad prefix among good ones": RouteChange(routes=(routes(prefixes="10.0.0.0/8 ::/0/0"),)),
    "a removed one that is none": RouteChange(removed=(RoutesRemoved(prefixes="10.0.0.0/-1"),)),
    "a way that leads nowhere": RouteChange(routes=(routes(hops=()),)),
    "a gateway of many": RouteChange(routes=(routes(hops=(RouteHop(2, "224.0.0.5"),)),)),
    "no gateway at all": RouteChange(routes=(routes(hops=(RouteHop(2, "0.0.0.0"),)),)),
    "a gateway that is none": RouteChange(routes=(routes(hops=(RouteHop(2, "1.2.3.4.5"),)),)),
    "an object's gateway of another family": RouteChange(
        nexthops=(NexthopDefinition(1, "ipv6", RouteHop(2, "192.0.2.7")),)
    ),
    "a group in itself": RouteChange(nexthops=(NexthopDefinition(1, members=(GroupMember(1),)),)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_route_is_refused_with_the_field(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        change_of(over_the_wire(HOSTILE[name]))
    assert caught.value.loc


OUT_OF_RANGE: dict[str, RouteChange] = {
    "interface": RouteChange(routes=(routes(hops=(RouteHop(0),)),)),
    "weight": RouteChange(routes=(routes(hops=(RouteHop(1, None, 257),)),)),
    "protocol": RouteChange(routes=(routes(protocol=256),)),
    "metric": RouteChange(routes=(routes(metric=1 << 32),)),
    "hops": RouteChange(routes=(routes(hops=(RouteHop(1),) * 257),)),
    "id": RouteChange(nexthops=(NexthopDefinition(1 << 32),)),
    "forgotten": RouteChange(forgotten=(0,)),
}


@pytest.mark.parametrize("field", OUT_OF_RANGE)
def test_values_out_of_range_do_not_pass_the_schema(field: str) -> None:
    told = ChannelMessages(1, 1, (NumberedMessage(1, OUT_OF_RANGE[field]),))
    with pytest.raises(InvalidRequest, match=field):
        messages.request(KEY, told)
    # And written by somebody who does not check.
    hostile = messages.write(messages.Message(KEY, 2, told))
    with pytest.raises(BridgeError):
        messages.read(hostile)
