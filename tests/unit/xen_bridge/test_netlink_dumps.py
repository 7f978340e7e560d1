"""Messages of route netlink, made here, and the socket they come by."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import constants as netlink
from xen_bridge.netlink import dump, wire
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.tables import Netlink
from xen_bridge.netlink.wire import attributes


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind: int, sequence: int, payload: bytes, flags: int = 2) -> bytes:
    size = 16 + len(payload)
    return struct.pack("=IHHII", size, kind, flags, sequence, 0) + payload + bytes(-size % 4)


LINK = struct.pack("=BxHiII", 0, 1, 7, 0x1003, 0)
INET = struct.pack("=BBBBI", socket.AF_INET, 24, 0x80, 0, 7)
STATS = struct.pack("=25Q", *range(1, 26))
LINK_MESSAGE = (
    LINK
    + attribute(netlink.IFLA_IFNAME, b"eth\xff0\0")
    + attribute(netlink.IFLA_MTU, struct.pack("=I", 1400))
    + attribute(netlink.IFLA_TXQLEN, struct.pack("=I", 500))
    + attribute(netlink.IFLA_ADDRESS, bytes.fromhex("02fc00000001"))
    + attribute(netlink.IFLA_MASTER, struct.pack("=I", 3))
    + attribute(netlink.IFLA_LINKINFO | 0x8000, attribute(netlink.IFLA_INFO_KIND, b"veth\0"))
    + attribute(netlink.IFLA_STATS64, STATS)
)


class Kernel:
    """Answers dumps with what it was told, in place of the socket."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *rounds: object) -> None:
        self.rounds = list(rounds)
        self.opened = 0
        self.closed = 0
        self.bodies: list[bytes] = []
        self.options: list[tuple[int, int, int]] = []
        self._queue: list[bytes] = []
        monkeypatch.setattr(wire, "opened", self._open)

    def _open(self, _seconds: float, _protocol: int) -> Kernel:
        self.opened += 1
        return self

    def send(self, data: bytes) -> None:
        answers = self.rounds.pop(0)
        if isinstance(answers, Exception):
            raise answers
        assert isinstance(answers, list)
        (sequence,) = struct.unpack_from("=I", data, 8)
        self.bodies.append(data[16:])
        self._queue = [
            b"".join(message(kind, sequence, payload, flags) for kind, payload, flags in part)
            for part in answers
        ]

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        return self._queue.pop(0), (0, 0)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options.append((level, option, value))

    def close(self) -> None:
        self.closed += 1


DONE = (netlink.NLMSG_DONE, bytes(4), 2)


def test_a_link_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, [[(16, LINK_MESSAGE, 2)], [DONE]])
    (link,) = Netlink().links()
    assert (link.index, link.name, link.type, link.flags) == (7, "eth\ufffd0", 1, 0x1003)
    assert (link.mtu, link.queue_length, link.kind, link.master) == (1400, 500, "veth", 3)
    assert link.mac == bytes.fromhex("02fc00000001")
    counters = link.counters
    assert (counters.rx_packets, counters.tx_packets, counters.rx_bytes) == (1, 2, 3)
    assert (counters.collisions, counters.rx_fifo_errors, counters.rx_missed_errors) == (10, 15, 16)
    assert (counters.tx_carrier_errors, counters.tx_window_errors) == (18, 21)


def test_a_link_that_tells_nothing_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(monkeypatch, [[(16, LINK, 2), (16, LINK[:9], 2), DONE]])
    (link,) = Netlink().links()
    assert (link.name, link.mtu, link.mac, link.kind, link.master) == ("#7", 0, b"", None, None)
    assert link.counters.rx_bytes == 0


def test_addresses_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, other = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
    ends = attribute(netlink.IFA_ADDRESS, other) + attribute(netlink.IFA_LOCAL, ours)
    wide = struct.pack("=BBBBI", socket.AF_INET6, 64, 0x80, 253, 7)
    other_family = struct.pack("=BBBBI", 44, 64, 0x80, 253, 7)
    long = attribute(netlink.IFA_ADDRESS, b"\xfe\x80" + bytes(13) + b"\x01")
    Kernel(
        monkeypatch,
        [
            [
                (20, INET + ends + attribute(netlink.IFA_BROADCAST, bytes((10, 0, 0, 255))), 2),
                (20, wide + long, 2),
                (20, wide + attribute(netlink.IFA_ADDRESS, ours), 2),
                (20, other_family + long, 2),
                (20, b"", 2),
                DONE,
            ]
        ],
    )
    first, second = Netlink().addresses()
    assert (first.address, first.prefix, first.broadcast) == ("10.0.0.1", 24, "10.0.0.255")
    assert (second.address, second.prefix, second.scope) == ("fe80::1", 64, 253)
    assert second.broadcast is None


def neighbor(address: str, state: int, kind: int = netlink.RTN_UNICAST) -> tuple[int, bytes, int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    head = struct.pack("=BxxxiHBB", family, 7, state, 0, kind)
    return 28, head + attribute(netlink.NDA_DST, socket.inet_pton(family, address)), 2


def test_neighbors_are_those_that_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [
        neighbor("10.0.0.1", 0x02),
        neighbor("10.0.0.2", 0x04),
        neighbor("10.0.0.3", 0x08),
        neighbor("10.0.0.4", 0x10),
        neighbor("10.0.0.5", 0x80),
        neighbor("fd00::1", 0x02),
        # Incomplete, failed, noarp, none; a broadcast; multicast; link-local.
        neighbor("10.0.1.1", 0x01),
        neighbor("10.0.1.2", 0x20),
        neighbor("10.0.1.3", 0x40),
        neighbor("10.0.1.4", 0x00),
        neighbor("10.0.1.5", 0x02, kind=3),
        neighbor("ff02::1", 0x40, kind=5),
        neighbor("fe80::1", 0x02),
        neighbor("febf::1", 0x02),
        (28, b"short", 2),
    ]
    Kernel(monkeypatch, [[*entries, DONE]])
    found = [item.address for item in Netlink().neighbors()]
    assert found == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "fd00::1"]


def test_answers_to_others_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, [[(16, LINK_MESSAGE, 2), DONE]])
    asked = kernel.send

    def send(data: bytes) -> None:
        asked(data)
        kernel._queue.insert(0, message(3, 12345678, bytes(4)))

    monkeypatch.setattr(kernel, "send", send)
    assert len(Netlink().links()) == 1


def test_of_routes_one_table_is_asked_for_and_no_more_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(monkeypatch, [[DONE]])
    assert Netlink().routes(4_000_001) == []
    (body,) = kernel.bodies
    assert attributes(body, 12) == {netlink.RTA_TABLE: struct.pack("=I", 4_000_001)}
    assert (270, netlink.NETLINK_GET_STRICT_CHK, 1) in kernel.options


def test_a_table_that_changed_is_asked_again_on_the_same_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = [[(16, LINK_MESSAGE, 2 | netlink.NLM_F_DUMP_INTR)], [DONE]]
    kernel = Kernel(monkeypatch, changed, [[(16, LINK_MESSAGE, 2), DONE]])
    assert len(Netlink().links()) == 1
    assert (kernel.opened, kernel.closed) == (1, 0)


def test_a_table_that_never_rests_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = [[(16, LINK_MESSAGE, 2 | netlink.NLM_F_DUMP_INTR), DONE]]
    Kernel(monkeypatch, *[changed] * 5)
    with pytest.raises(BridgeError, match="change all the time"):
        Netlink().links()


def test_a_socket_that_failed_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch, OSError(105, "No buffer space"), [[(16, LINK, 2), DONE]])
    assert len(Netlink().links()) == 1
    assert (kernel.opened, kernel.closed) == (2, 1)


def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = [[(netlink.NLMSG_ERROR, struct.pack("=i", -1), 0)]]
    kernel = Kernel(monkeypatch, *[refused] * 5)
    with pytest.raises(BridgeError, match="not permitted"):
        Netlink().addresses()
    assert kernel.opened == kernel.closed == 5


def test_a_machine_without_netlink_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: object) -> None:
        raise OSError(97, "Address family not supported")

    monkeypatch.setattr(socket, "socket", none)
    with pytest.raises(BridgeError, match="no netlink"):
        Netlink().links()


@given(st.binary(max_size=200), st.integers(0, 40))
def test_attributes_of_any_bytes_end(data: bytes, at: int) -> None:
    assert all(0 <= kind <= wire.TYPE_MASK for kind in attributes(data, at))


@given(
    st.lists(st.tuples(st.sampled_from((16, 20, 28, 2, 99)), st.binary(max_size=120)), max_size=6)
)
def test_any_messages_are_read_or_refused(messages: list[tuple[int, bytes]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        answers = [[*((kind, data, 2) for kind, data in messages), DONE]]
        for ask in (Netlink.links, Netlink.addresses, Netlink.neighbors):
            Kernel(patch, *[answers] * 5)
            try:
                ask(Netlink())
            except BridgeError:
                assert any(kind == 2 for kind, _ in messages)


# ---- the kernel of this machine


def test_a_socket_is_kept_and_replaced_when_it_broke() -> None:
    asked = NetlinkSocket()
    body = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
    try:
        first = asked.dump(netlink.RTM_GETLINK, body)
        (kept,) = asked._idle
        assert len(asked.dump(netlink.RTM_GETLINK, body)) == len(first) > 0
        assert list(asked._idle) == [kept]
        kept.close()
        assert len(asked.dump(netlink.RTM_GETLINK, body)) == len(first)
        assert list(asked._idle) != [kept]
    finally:
        asked.close()
    assert not asked._idle
    assert len(asked.dump(netlink.RTM_GETLINK, body)) == len(first)
    assert not asked._idle


def test_many_threads_may_ask_at_once() -> None:
    asked = Netlink()
    names = sorted(link.name for link in asked.links())
    found: list[list[str]] = []

    def ask() -> None:
        for _ in range(30):
            found.append(sorted(link.name for link in asked.links()))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(asked._socket._idle) <= dump.IDLE_AT_MOST
    finally:
        asked.close()
    assert "lo" in names
    assert len(found) == 240
    assert all("lo" in one for one in found)
