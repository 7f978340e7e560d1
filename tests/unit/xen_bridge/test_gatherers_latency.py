"""The latency gatherer: which neighbors, when they are probed, and what is made of replies."""

from __future__ import annotations

import math
import socket
import statistics
import struct
from collections.abc import Sequence

import icmplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_runtime import BEGINNING, FakeRuntime
from xen_bridge.errors import BridgeError, InvalidRequest, RequestUnsupported
from xen_bridge.gatherers import echo, latency
from xen_bridge.gatherers.echo import EchoHeard, EchoProbe
from xen_bridge.gatherers.latency import (
    LatencyGatherer,
    check_neighbors,
    known_neighbors,
    round_trip_times,
)
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import NUD_REACHABLE, NUD_STALE
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import LatencySampling


class Table(Netlink):
    """Tells one neighbor table after the other; the last for ever."""

    def __init__(self, *tables: Sequence[str]) -> None:
        self._tables = list(tables)

    def neighbors(self) -> list[KernelNeighbor]:
        table = self._tables.pop(0) if len(self._tables) > 1 else self._tables[0]
        return [KernelNeighbor(2, address, NUD_STALE) for address in table]

    def addresses(self) -> list[LinkAddress]:
        return [LinkAddress(2, socket.AF_INET, "10.0.0.1", 24, 0, "10.0.0.255")]


class Network:
    """Stands for the sockets: who answers, after how many ms, and when requests were sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: Sequence[float | None]) -> None:
        self.answers = {name.replace("_", "."): times for name, times in answers.items()}
        self.sent: list[tuple[float, int]] = []
        self.opened = self.closed = 0
        self.runtime = FakeRuntime()
        monkeypatch.setattr(latency, "EchoProbe", lambda: FakeProbe(self))


class FakeProbe(EchoProbe):
    """Replies come when their time has passed."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network
        self._due: list[tuple[float, str, int, float]] = []

    def begin(self, addresses: Sequence[str]) -> bool:
        self.heard = {address: EchoHeard() for address in addresses}
        self._network.opened += 1
        return self._network.opened == 1

    def send(self, sequence: int) -> None:
        now = self._network.runtime.wall()
        self._network.sent.append((round(now - BEGINNING, 3), sequence))
        for address, heard in self.heard.items():
            heard.transmitted += 1
            heard.began = heard.began or now
            heard.ended = now
            heard.waiting[sequence] = now
            rtt = self._network.answers.get(address, {sequence: None})[sequence]
            if rtt is not None:
                self._due.append((now + rtt / 1000, address, sequence, rtt))

    def collect(self, seconds: float) -> None:
        now = self._network.runtime.wall()
        for at, address, sequence, rtt in [item for item in self._due if item[0] <= now]:
            self._due.remove((at, address, sequence, rtt))
            if self.heard[address].waiting.pop(sequence, None) is not None:
                self.heard[address].rtts.append(rtt)
                self.heard[address].ended = max(self.heard[address].ended, at)

    def close(self) -> None:
        self._network.closed += 1


# ---- neighbors


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("fe80::1", "link-local"),
        ("fd00::1%eth0", "link-local"),
        ("::ffff:10.0.0.1", "written as IPv6"),
        ("10.0.0.256", "not an IP address"),
        ("10.0.0.01", "not an IP address"),
        ("router", "not an IP address"),
        ("", "not an IP address"),
        ("-h", "not an IP address"),
    ],
)
def test_what_cannot_be_probed_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason) as raised:
        check_neighbors(("10.0.0.1", text))
    assert raised.value.loc == ("latency", "neighbors", "1")


def test_neighbors_are_written_as_usual_and_probed_once() -> None:
    given_ones = ("10.0.0.1", "fd00:0::1", "FD00::1", "10.0.0.1", "127.0.0.1")
    assert check_neighbors(given_ones) == ("10.0.0.1", "fd00::1", "127.0.0.1")


def test_a_broadcast_address_of_an_interface_is_refused() -> None:
    sampling = LatencySampling(neighbors=("10.0.0.9", "10.0.0.255"))
    with pytest.raises(InvalidRequest, match="broadcast") as raised:
        LatencyGatherer(Table([])).get_measures(sampling, FakeRuntime())
    assert raised.value.loc == ("latency", "neighbors", "1")


@given(st.text(max_size=50))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        (address,) = check_neighbors((text,))
    except InvalidRequest:
        return
    assert check_neighbors((address,)) == (address,)


def test_those_reachable_come_first() -> None:
    table = [
        KernelNeighbor(2, "10.0.0.3", NUD_STALE),
        KernelNeighbor(2, "10.0.0.1", NUD_REACHABLE),
        KernelNeighbor(3, "10.0.0.3", NUD_STALE),
        KernelNeighbor(2, "fd00::1", NUD_REACHABLE),
    ]
    assert known_neighbors(table) == ("10.0.0.1", "fd00::1", "10.0.0.3")


def test_the_table_is_read_at_each_iteration_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)
    many = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(300)]
    measures = LatencyGatherer(Table([], ["10.0.0.7"], many)).get_measures(
        LatencySampling(3, 5.0, pings=1), network.runtime
    )
    document_schema.check(measures)
    empty, one, full = (item.neighbors for item in measures.iterations)
    assert not empty
    assert [item.ip for item in one] == ["10.0.0.7"]
    assert [item.ip for item in full] == many[:64]
    assert network.closed == 1


# ---- probing


def test_all_neighbors_are_probed_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)
    network.answers = {
        "10.0.0.1": [1.0, 3.0, 2.0],
        "10.0.0.2": [None, 700.0, None],
        "10.0.0.3": [None, None, None],
    }
    sampling = LatencySampling(1, 1.0, 3, 0.2, ("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    (only,) = LatencyGatherer(Table([])).get_measures(sampling, network.runtime).iterations
    assert network.sent == [(0.01, 0), (0.21, 1), (0.41, 2)]
    near, far, away = (item.data for item in only.neighbors)
    assert (near.packets_transmitted, near.packets_received) == (3, 3)
    assert near.packet_loss_percent == 0.0
    assert near.rtt is not None
    assert (near.rtt.minimum, near.rtt.average, near.rtt.maximum) == (1.0, 2.0, 3.0)
    assert (near.time_taken, far.time_taken, away.time_taken) == (402, 900, 400)
    assert (far.packets_received, far.packet_loss_percent) == (1, 66.667)
    assert (away.packets_received, away.packet_loss_percent, away.rtt) == (0, 100.0, None)


def test_iterations_and_pings_keep_their_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)
    network.answers = {"10.0.0.1": [1.0, 1.0]}
    sampling = LatencySampling(3, 2.0, 2, 0.5, ("10.0.0.1",))
    measures = LatencyGatherer(Table([])).get_measures(sampling, network.runtime)
    # The first waits until the kernel keeps times.
    sent = [(0.01, 0), (0.51, 1), (2.0, 0), (2.5, 1), (4.0, 0), (4.5, 1)]
    assert network.sent == sent
    assert [item.at - BEGINNING for item in measures.iterations] == [0.0, 2.0, 4.0]


def test_a_silent_neighbor_is_waited_for_one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)
    network.answers = {"10.0.0.1": [1200.0]}
    sampling = LatencySampling(pings=1, neighbors=("10.0.0.1",))
    (only,) = LatencyGatherer(Table([])).get_measures(sampling, network.runtime).iterations
    assert only.neighbors[0].data.packet_loss_percent == 100.0
    assert network.runtime.now() == pytest.approx(101.01)


def test_sockets_are_closed_when_probing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch)

    def fail(probe: FakeProbe, sequence: int) -> None:
        raise BridgeError("no")

    monkeypatch.setattr(FakeProbe, "send", fail)
    with pytest.raises(BridgeError):
        LatencyGatherer(Table(["10.0.0.1"])).get_measures(LatencySampling(), network.runtime)
    assert network.closed == 1


# ---- replies


class Outgoing:
    """Stands for a socket that icmplib opened."""

    is_privileged = True

    def __init__(self) -> None:
        self.inbox: list[tuple[bytes, list[tuple[int, int, bytes]], int, tuple[str, int]]] = []
        self.error: Exception | None = None
        self.clock = 1000.0

    @property
    def sock(self) -> Outgoing:
        return self

    def send(self, request: icmplib.ICMPRequest) -> None:
        if self.error is not None:
            raise self.error
        request._time = self.clock + request.sequence

    def recvmsg(self, *args: int) -> object:
        if not self.inbox:
            raise BlockingIOError
        return self.inbox.pop(0)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Outgoing:
    made = Outgoing()
    monkeypatch.setattr(echo, "_opened", lambda is_v6: made)
    return made


def stamped(at: float) -> list[tuple[int, int, bytes]]:
    whole = math.floor(at)
    data = struct.pack("@ll", whole, round((at - whole) * 1e9))
    return [(socket.SOL_SOCKET, echo.SO_TIMESTAMPNS, data)]


IP = b"\x46" + bytes(23)
"""A header of 24 bytes: one with an option."""


def reply(probe: EchoProbe, sequence: int, kind: int = 0, token: bytes | None = None) -> bytes:
    return struct.pack("!BBHHH", kind, 0, 0, 1, sequence) + (token or probe._token)


def test_replies_are_matched_and_timed_by_the_kernels_clock(sent: Outgoing) -> None:
    probe = EchoProbe()
    assert probe.begin(("10.0.0.1", "10.0.0.2"))
    probe.send(0)
    probe.send(1)
    good, source = IP + reply(probe, 1), ("10.0.0.1", 0)
    sent.inbox = [
        # Of somebody else, of another kind, from another address, cut off, and no request of ours.
        (IP + reply(probe, 1, token=bytes(12)), stamped(1001.001), 0, source),
        (IP + reply(probe, 1, kind=8), stamped(1001.002), 0, source),
        (IP + reply(probe, 1), stamped(1001.003), 0, ("10.0.0.3", 0)),
        ((IP + reply(probe, 1))[:-1], stamped(1001.004), 0, source),
        (IP + reply(probe, 5), stamped(1001.004), 0, source),
        (b"", stamped(1001.004), 0, source),
        (good, stamped(1001.005), 0, source),
        # Twice.
        (good, stamped(1001.009), 0, source),
    ]
    probe._read(sent, False)
    first, second = probe.heard.values()
    assert first.rtts == pytest.approx([5.0], abs=0.01)
    assert (first.transmitted, set(first.waiting)) == (2, {0})
    assert first.began == 1000.0
    assert first.ended == pytest.approx(1001.005)
    assert (second.rtts, second.ended) == ([], 1001.0)


def test_ipv6_replies_have_no_ip_header(sent: Outgoing) -> None:
    probe = EchoProbe()
    probe.begin(("fd00::1",))
    probe.send(0)
    sent.inbox = [(reply(probe, 0, kind=129), stamped(1000.25), 0, ("fd00::1", 0, 0, 0))]  # type: ignore[list-item]
    probe._read(sent, True)
    assert probe.heard["fd00::1"].rtts == pytest.approx([250.0])
    assert not probe.waiting


def test_a_clock_that_was_set_back_gives_no_negative_time(sent: Outgoing) -> None:
    probe = EchoProbe()
    probe.begin(("10.0.0.1",))
    probe.send(0)
    sent.inbox = [(IP + reply(probe, 0), stamped(900.0), 0, ("10.0.0.1", 0))]
    probe._read(sent, False)
    assert probe.heard["10.0.0.1"].rtts == [0.0]
    assert probe.heard["10.0.0.1"].ended == 1000.0


class _Clocks:
    """The wall clock, which may be set, and the monotonic one."""

    def __init__(self) -> None:
        self.now, self.ahead = 50.0, 950.0

    def time(self) -> float:
        return self.now + self.ahead

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize("step", [-7200.0, 7200.0])
@pytest.mark.parametrize("is_set", ["before it comes", "before it is read", "before it is sent"])
def test_a_clock_that_is_set_by_hours_changes_no_time(
    sent: Outgoing, monkeypatch: pytest.MonkeyPatch, step: float, is_set: str
) -> None:
    clocks = _Clocks()
    monkeypatch.setattr(echo, "time", clocks)
    probe = EchoProbe()
    probe.begin(("10.0.0.1",))
    clocks.ahead += step if is_set == "before it is sent" else 0
    monkeypatch.setattr(sent, "clock", clocks.time())
    probe.send(0)
    clocks.ahead += step if is_set == "before it comes" else 0
    clocks.now += 0.25
    came = stamped(clocks.time())
    clocks.ahead += step if is_set == "before it is read" else 0
    clocks.now += 0.5
    sent.inbox = [(IP + reply(probe, 0), came, 0, ("10.0.0.1", 0))]
    probe._read(sent, False)
    heard = probe.heard["10.0.0.1"]
    assert heard.rtts == pytest.approx([250.0], abs=0.01)
    assert (heard.began, heard.ended) == pytest.approx((1000.0, 1000.25))


def test_what_cannot_be_sent_is_lost(sent: Outgoing) -> None:
    probe = EchoProbe()
    probe.begin(("10.0.0.1",))
    sent.error = icmplib.ICMPSocketError("Network is unreachable")
    probe.send(0)
    probe.send(1)
    assert probe.heard["10.0.0.1"].transmitted == 2
    assert not probe.waiting
    item = latency._neighbor("10.0.0.1", probe.heard["10.0.0.1"])
    document_schema.check(item)
    assert (item.data.packet_loss_percent, item.data.rtt) == (100.0, None)


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_any_bytes_are_passed_over(messages: list[bytes]) -> None:
    made = Outgoing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(echo, "_opened", lambda is_v6: made)
        probe = EchoProbe()
        probe.begin(("10.0.0.1", "fd00::1"))
        probe.send(0)
        for is_v6, source in ((False, ("10.0.0.1", 0)), (True, ("fd00::1", 0))):
            made.inbox = [(data, [(1, 35, data)], 0, source) for data in messages]
            probe._read(made, is_v6)
    assert not any(heard.rtts for heard in probe.heard.values())


@pytest.mark.parametrize("is_v6", [False, True])
def test_without_the_right_to_send_it_is_unsupported(
    monkeypatch: pytest.MonkeyPatch, is_v6: bool
) -> None:
    def refuse(privileged: bool) -> None:
        raise icmplib.SocketPermissionError(privileged)

    monkeypatch.setattr(icmplib, "ICMPv4Socket", refuse)
    monkeypatch.setattr(icmplib, "ICMPv6Socket", refuse)
    with pytest.raises(RequestUnsupported, match="no right to send ICMP"):
        EchoProbe().begin(("fd00::1" if is_v6 else "10.0.0.1",))


def test_without_the_family_it_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(privileged: bool) -> None:
        raise icmplib.ICMPSocketError("Address family not supported")

    monkeypatch.setattr(icmplib, "ICMPv6Socket", fail)
    with pytest.raises(RequestUnsupported, match="no IPv6 here"):
        EchoProbe().begin(("fd00::1",))


# ---- round-trip times


def test_no_reply_has_no_times() -> None:
    assert round_trip_times([]) is None


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=200))
def test_mdev_is_the_standard_deviation(rtts: list[float]) -> None:
    times = round_trip_times(rtts)
    assert times is not None
    document_schema.check(times)
    assert times.minimum <= times.average <= times.maximum
    assert times.average == pytest.approx(statistics.fmean(rtts), abs=0.001)
    # The difference of two squares loses digits.
    assert times.mean_deviation == pytest.approx(statistics.pstdev(rtts), abs=0.01)
