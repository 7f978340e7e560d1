"""Rows and changes of the kernel's tables: written, read again, and read from hostile bytes."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import BridgeError, InvalidRequest
from xen_bridge.netlink import addresses, batch, links, neighbors, routes, rules, wire
from xen_bridge.netlink import constants as c
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.routes import KernelRoute, NextHop, NexthopObject
from xen_bridge.netlink.rules import Rule
from xen_bridge.netlink.subscription import Changed, NetlinkSubscription, Removed, TableSnapshot
from xen_bridge.netlink.tables import ADDRESSES, LINKS, NEIGHBORS, NEXTHOPS, ROUTES, RULES

V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(lambda one: socket.inet_ntop(socket.AF_INET6, one.packed))
NAME = st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True).filter(lambda name: name != ".")
U8, U32 = st.integers(0, 255), st.integers(0, 0xFFFFFFFF)
INDEX = st.integers(1, 0x7FFFFFFF)


def prefixes(version: int) -> st.SearchStrategy[str]:
    size = 32 if version == 4 else 128
    address = V4 if version == 4 else V6
    return st.builds(lambda one, length: f"{one}/{length}", address, st.integers(0, size))


@st.composite
def any_route(draw: st.DrawFn) -> KernelRoute:
    version = draw(st.sampled_from((4, 6)))
    address = V4 if version == 4 else V6
    count = draw(st.integers(0, 4))
    # Only of several ways is the weight told, and only several need an interface each.
    hops = tuple(
        NextHop(
            draw(INDEX if count > 1 else st.none() | INDEX),
            draw(V4 | V6 if count > 1 else address),
            draw(st.integers(1, 256)) if count > 1 else 1,
            draw(st.booleans()),
        )
        for _ in range(count)
    )
    nexthop_id = draw(st.none() | st.integers(1, 0xFFFFFFFF)) if not hops else None
    return KernelRoute(
        destination=draw(prefixes(version)),
        nexthops=hops,
        table=draw(U32),
        protocol=draw(U8),
        scope=draw(st.sampled_from((0, 200, 253, 254))),
        type=draw(U8),
        tos=draw(U8),
        priority=draw(U32),
        source=draw(st.none() | address),
        nexthop_id=nexthop_id,
        mtu=draw(st.none() | U32),
    )


@given(any_route())
def test_a_route_is_read_as_it_was_written(route: KernelRoute) -> None:
    assert routes.read_route(routes.add_route(route).payload) == route


@st.composite
def any_rule(draw: st.DrawFn) -> Rule:
    version = draw(st.sampled_from((4, 6)))
    mark = draw(st.none() | U32)
    return Rule(
        priority=draw(U32),
        table=draw(U32),
        action=draw(U8),
        family=socket.AF_INET if version == 4 else socket.AF_INET6,
        iif=draw(st.none() | NAME),
        oif=draw(st.none() | NAME),
        fwmark=mark,
        fwmask=rules.ANY_MARK if mark is None else draw(U32),
        source=draw(st.none() | prefixes(version)),
        destination=draw(st.none() | prefixes(version)),
        protocol=draw(U8),
    )


@given(any_rule())
def test_a_rule_is_read_as_it_was_written(rule: Rule) -> None:
    assert rules.read_rule(rules.add_rule(rule).payload) == rule


@given(INDEX, V4 | V6, U8, st.binary(min_size=1, max_size=32))
def test_a_neighbor_is_read_as_it_was_written(
    index: int, address: str, state: int, mac: bytes
) -> None:
    wanted = KernelNeighbor(index, address, state, mac, 0)
    assert neighbors.read_neighbor(neighbors.replace_neighbor(wanted).payload) == wanted


def test_a_nexthop_object_is_read() -> None:
    head = struct.pack("=BBBxI", socket.AF_INET, 0, 4, c.RTNH_F_ONLINK)
    way = head + wire.attribute(c.NHA_ID, wire.u32(7)) + wire.attribute(c.NHA_OIF, wire.u32(3))
    way += wire.attribute(c.NHA_GATEWAY, bytes((192, 0, 2, 1)))
    assert routes.read_nexthop(way) == NexthopObject(7, NextHop(3, "192.0.2.1", 1, True))
    group = struct.pack("=IBBHIBBH", 7, 0, 0, 0, 8, 255, 0, 0)
    many = head + wire.attribute(c.NHA_ID, wire.u32(9)) + wire.attribute(c.NHA_GROUP, group)
    assert routes.read_nexthop(many) == NexthopObject(9, None, ((7, 1), (8, 256)))
    hole = head + wire.attribute(c.NHA_ID, wire.u32(9)) + wire.attribute(c.NHA_BLACKHOLE, b"")
    assert routes.read_nexthop(hole) == NexthopObject(9, None, (), True)


# ---- values that are none


@pytest.mark.parametrize(
    "made",
    [
        lambda: routes.add_route(KernelRoute("10.0.0.0/33")),
        lambda: routes.add_route(KernelRoute("10.0.0.0")),
        lambda: routes.add_route(KernelRoute("10.0.0.0/-1")),
        lambda: routes.add_route(KernelRoute("10.0.0.0/\u0663")),
        lambda: routes.add_route(KernelRoute("10.0.0/24")),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", table=1 << 32)),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", protocol=256)),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", (NextHop(1, "x"),))),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", (NextHop(1, weight=0), NextHop(2)))),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", (NextHop(-1), NextHop(2)))),
        lambda: routes.add_route(KernelRoute("10.0.0.0/8", (NextHop(1),) * 9000)),
        lambda: rules.add_rule(Rule(1, iif="a/b")),
        lambda: rules.add_rule(Rule(1, iif="")),
        lambda: rules.add_rule(Rule(1, iif="a" * 16)),
        lambda: rules.add_rule(Rule(-1)),
        lambda: rules.add_rule(Rule(1, family=99)),
        lambda: rules.add_rule(Rule(1, action=256)),
        lambda: neighbors.replace_neighbor(KernelNeighbor(1, "10.0.0.1", 2)),
        lambda: neighbors.replace_neighbor(KernelNeighbor(0, "10.0.0.1", 2, b"123456")),
        lambda: links.set_up(0),
        lambda: links.set_master(3, -1),
        lambda: addresses.replace_address(2, "2001:db8::1/129"),
    ],
)
def test_a_value_that_no_message_can_carry_is_refused(made: object) -> None:
    with pytest.raises(InvalidRequest):
        made()  # type: ignore[operator]


# ---- hostile bytes

PACKED = st.builds(
    wire.attribute,
    st.integers(0, 0xFFFF),
    st.binary(max_size=24) | st.sampled_from([bytes(4), b"\xff" * 4, bytes(16)]),
)
PAYLOADS = st.builds(
    lambda head, parts, cut: (head + b"".join(parts))[:cut],
    st.binary(min_size=8, max_size=20),
    st.lists(PACKED, max_size=6),
    st.integers(0, 200),
)
READERS = [one.read for one in (LINKS, ADDRESSES, NEIGHBORS, ROUTES, RULES, NEXTHOPS)]


@given(PAYLOADS | st.binary(max_size=200))
def test_any_payload_is_a_row_or_none(data: bytes) -> None:
    for read in READERS:
        read(data)  # type: ignore[operator]


@given(
    st.sampled_from((socket.AF_INET, socket.AF_INET6)),
    st.lists(st.tuples(st.sampled_from((1, 4, 5, 6, 7, 8, 9, 15, 18, 30)), st.binary(max_size=40))),
)
def test_a_route_of_any_attributes_is_one_or_none(
    family: int, parts: list[tuple[int, bytes]]
) -> None:
    head = struct.pack("=BBBBBBBBI", family, 24, 0, 0, 254, 4, 0, 1, 0)
    found = routes.read_route(head + b"".join(wire.attribute(*part) for part in parts))
    assert found is None or found.family == family


@given(st.binary(max_size=400))
def test_messages_of_any_bytes_end_and_lie_inside(data: bytes) -> None:
    found = list(wire.answers(data))
    assert sum(16 + len(one.payload) for one in found) <= len(data)


def test_what_a_cache_cloned_is_no_route() -> None:
    head = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 0, 0, 1, c.RTM_F_CLONED)
    assert routes.read_route(head) is None


# ---- batches and subscriptions, with a kernel made here


class Kernel:
    """A socket that answers each request of a datagram with what the test says."""

    def __init__(self, refuse: dict[int, tuple[int, bytes]] | None = None) -> None:
        self.refuse = refuse or {}
        self.sent: list[int] = []
        self.options: list[int] = []
        self.answers: list[object] = []
        self.lose: set[int] = set()
        self.closed = False

    def setsockopt(self, _level: int, option: int, _value: int) -> None:
        self.options.append(option)

    def settimeout(self, _seconds: float) -> None:
        pass

    def send(self, data: bytes) -> None:
        at = count = 0
        while at < len(data):
            length, _, flags, sequence, _ = wire.HEADER.unpack_from(data, at)
            assert flags & c.NLM_F_ACK
            place = sum(self.sent) + count
            code, words = self.refuse.get(place, (0, b""))
            text = wire.attribute(c.NLMSGERR_ATTR_MSG, words + b"\0") if words else b""
            payload = struct.pack("=i", -code) + data[at : at + 16] + text
            flags = c.NLM_F_CAPPED | (c.NLM_F_ACK_TLVS if words else 0)
            size = 16 + len(payload)
            if place not in self.lose:
                self.answers.append(wire.HEADER.pack(size, 2, flags, sequence, 0) + payload)
            at += (length + 3) & ~3
            count += 1
        self.sent.append(count)
        if self.lose:
            self.answers.append(TimeoutError(errno.ETIMEDOUT, "timed out"))

    def recvfrom(self, _size: int) -> tuple[bytes, tuple[int, int]]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, tuple):
            return answer
        assert isinstance(answer, bytes)
        return answer, (0, 0)

    def fileno(self) -> int:
        return 3

    def close(self) -> None:
        self.closed = True


def opened(monkeypatch: pytest.MonkeyPatch, *kernels: Kernel) -> None:
    waiting = list(kernels)
    monkeypatch.setattr(wire, "opened", lambda _seconds, _protocol=0: waiting.pop(0))


CHANGE = links.set_up(7)


def test_many_changes_go_in_few_datagrams(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    opened(monkeypatch, kernel)
    assert batch.write([CHANGE] * 1234) == ()
    assert kernel.sent == [500, 500, 234]
    assert kernel.closed


def test_a_datagram_is_not_larger_than_the_kernel_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    opened(monkeypatch, kernel)
    wide = KernelRoute("10.0.0.0/8", tuple(NextHop(n, "192.0.2.1") for n in range(1, 1001)))
    assert batch.write([routes.add_route(wide)] * 7) == ()
    assert kernel.sent == [4, 3]


def test_no_change_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    assert batch.write([]) == ()


def test_refusals_are_told_by_their_index_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({3: (17, b""), 777: (22, b"Invalid scope")})
    opened(monkeypatch, kernel)
    first, second = batch.write([CHANGE] * 1000)
    assert (first.index, first.code, first.reason) == (3, 17, "File exists")
    assert (second.index, second.reason) == (777, "Invalid argument: Invalid scope")


def test_acknowledgements_that_are_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    kernel.lose = {1, 4}
    opened(monkeypatch, kernel)
    found = batch.write([CHANGE] * 6)
    assert [(one.index, one.code) for one in found] == [
        (1, errno.ETIMEDOUT),
        (4, errno.ETIMEDOUT),
    ]
    assert all("not acknowledged" in one.reason for one in found)


def test_what_other_processes_send_is_no_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel({0: (1, b"")})
    opened(monkeypatch, kernel)
    asked = kernel.send

    def send(data: bytes) -> None:
        (sequence,) = struct.unpack_from("=I", data, 8)
        forged = wire.HEADER.pack(36, 2, 0, sequence, 0) + bytes(20)
        kernel.answers.append((forged, (4711, 0)))
        asked(data)

    monkeypatch.setattr(kernel, "send", send)
    (refused,) = batch.write([CHANGE])
    assert refused.reason == "Operation not permitted"


@given(st.binary(max_size=120), st.integers(0, 0x3FF))
def test_any_refusal_has_a_reason(payload: bytes, flags: int) -> None:
    code = wire.error_code(payload)
    assert batch._reason(wire.NetlinkReply(2, flags, 1, payload), code)


@pytest.mark.parametrize(
    ("kind", "filtering", "expected"),
    [
        (b"bridge\0", 1, True),
        (b"bridge\0", 0, False),
        (b"bridge\0", None, False),
        (b"vxlan\0", 1, False),
    ],
)
def test_a_bridge_tells_whether_it_has_frames_by_vlan(
    kind: bytes, filtering: int | None, expected: bool
) -> None:
    told = wire.attribute(c.IFLA_INFO_KIND, kind)
    if filtering is not None:
        about = wire.attribute(c.IFLA_BR_VLAN_FILTERING, bytes((filtering,)))
        told += wire.attribute(c.IFLA_INFO_DATA, about)
    payload = links.IFINFOMSG.pack(0, 1, 2, 0, 0) + wire.attribute(c.IFLA_LINKINFO, told)
    found = links.read_link(payload)
    assert found is not None
    assert found.filters_vlans is expected


def row(kind: int, index: int) -> bytes:
    payload = links.IFINFOMSG.pack(0, 1, index, 0, 0)
    return wire.HEADER.pack(16 + len(payload), kind, 0, 0, 0) + payload


def subscribed(
    monkeypatch: pytest.MonkeyPatch, *kernels: Kernel
) -> NetlinkSubscription[links.KernelLink]:
    opened(monkeypatch, *kernels)
    told = NetlinkSubscription(LINKS)
    payload = links.IFINFOMSG.pack(0, 1, 2, 0, 0)
    monkeypatch.setattr(told._dumps, "dump", lambda *_: [payload])
    return told


def test_changes_follow_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    told = subscribed(monkeypatch, kernel)
    (first,) = told.read(1)
    assert isinstance(first, TableSnapshot)
    assert [one.index for one in first.rows] == [2]
    assert c.NETLINK_ADD_MEMBERSHIP in kernel.options
    kernel.answers = [
        row(c.RTM_NEWLINK, 3) + row(c.RTM_DELLINK, 2),
        row(c.RTM_NEWADDR, 4),
        TimeoutError(),
    ]
    new, gone = told.read(1)
    assert isinstance(new, Changed)
    assert isinstance(gone, Removed)
    assert (new.row.index, gone.row.index) == (3, 2)


def test_after_an_overflow_what_waited_is_dropped_and_the_table_comes_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = Kernel(), Kernel()
    told = subscribed(monkeypatch, old, new)
    told.read(1)
    old.answers = [OSError(errno.ENOBUFS, "overflow"), row(c.RTM_NEWLINK, 99)]
    (again,) = told.read(1)
    assert isinstance(again, TableSnapshot)
    assert again.overflowed
    assert told.overflows == 1
    assert old.closed
    new.answers = [row(c.RTM_NEWLINK, 5), BlockingIOError()]
    (changed,) = told.read(1)
    assert changed == Changed(LINKS.read(row(c.RTM_NEWLINK, 5)[16:]))


def test_another_failure_is_told_and_a_read_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Kernel(), Kernel()
    told = subscribed(monkeypatch, old, new)
    told.read(1)
    old.answers = [OSError(errno.EBADF, "bad")]
    with pytest.raises(BridgeError, match="tells no changes"):
        told.read(1)
    assert told.fileno() == -1
    assert isinstance(told.read(1)[0], TableSnapshot)


def test_a_storm_is_told_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    told = subscribed(monkeypatch, kernel)
    told.read(1)
    kernel.answers = [row(c.RTM_NEWLINK, 3)] * 300 + [TimeoutError()]
    assert [len(told.read(1)), len(told.read(1))] == [256, 44]
