"""Scan of neighbors: its own ranges and no other, and what nmap's XML may and may not do."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import pytest

from xen_bridge.errors import HypervisorError
from xen_bridge.gatherers.neighbor_scan import NeighborScan, OwnRange, own_ranges, read_scan
from xen_bridge.gatherers.scan_tally import ScanTally
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import IFF_LOOPBACK, IFF_UP
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.protocol import messages
from xen_bridge.protocol.applications import Application
from xen_bridge.protocol.documents.neighborhood import (
    WIDE_SECONDS,
    GetScanProgress,
    Neighborhood,
    ScannedNeighbor,
    ScanNeighbors,
    ScanProgress,
)


def link(index: int, name: str, flags: int = IFF_UP) -> KernelLink:
    return KernelLink(index, name, 1, flags, b"", 1500, 0, None, None, LinkCounters(*[0] * 21))


def address(index: int, text: str, prefix: int) -> LinkAddress:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return LinkAddress(index, family, text, prefix, 0, None)


LINKS = [link(1, "lo", IFF_UP | IFF_LOOPBACK), link(2, "eth0"), link(3, "eth1", 0)]
ADDRESSES = [
    address(1, "127.0.0.1", 8),
    address(2, "192.0.2.1", 24),
    address(2, "192.0.2.9", 24),
    address(2, "10.0.0.1", 8),
    address(2, "198.51.100.1", 32),
    address(2, "2001:db8::1", 64),
    address(3, "203.0.113.1", 24),
]
SCAN = b"""<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun>
<host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="192.0.2.20" addrtype="ipv4"/>
<address addr="02:00:00:00:AA:14" addrtype="mac"/><times srtt="250" rttvar="1" to="1"/></host>
<host><status state="up"/><address addr="192.0.2.3" addrtype="ipv4"/></host>
<host><status state="down"/><address addr="192.0.2.4" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="203.0.113.9" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="no address" addrtype="ipv4"/></host></nmaprun>"""


class Nmap:
    """Answers with the scan above, and remembers how it was started."""

    def __init__(self) -> None:
        self.words: list[Sequence[str]] = []

    def __call__(self, words: Sequence[str], _seconds: float) -> bytes:
        self.words.append(words)
        return SCAN


class Tables:
    """Interfaces that do not change."""

    def __init__(self, addresses: list[LinkAddress]) -> None:
        self._addresses = addresses

    def links(self) -> list[KernelLink]:
        return LINKS

    def addresses(self) -> list[LinkAddress]:
        return self._addresses


def test_only_ranges_of_interfaces_that_are_up_are_scanned() -> None:
    ranges, skipped = own_ranges(LINKS, ADDRESSES, wide=False)
    assert [(one.interface, str(one.network)) for one in ranges] == [("eth0", "192.0.2.0/24")]
    assert [text.split()[0] for text in skipped] == ["10.0.0.0/8", "2001:db8::/64"]


def test_a_wide_range_is_scanned_when_it_is_asked_for() -> None:
    ranges, skipped = own_ranges(LINKS, ADDRESSES, wide=True)
    assert [str(one.network) for one in ranges] == ["192.0.2.0/24", "10.0.0.0/8"]
    assert [text.split()[0] for text in skipped] == ["2001:db8::/64"]


def test_those_who_answer_are_told_with_address_mac_and_latency() -> None:
    nmap = Nmap()
    told = NeighborScan(Tables(ADDRESSES), nmap).scan(ScanNeighbors())
    assert told.neighbors == (
        ScannedNeighbor("eth0", "192.0.2.3"),
        ScannedNeighbor("eth0", "192.0.2.20", "02:00:00:00:aa:14", 0.25),
    )
    assert len(told.skipped) == 2
    (words,) = nmap.words
    assert [word for word in words if "/" in word] == ["192.0.2.0/24"]
    assert "-n" in words


class PieceByPiece:
    """Answers each piece with its second address, and notes how far the tally was by then."""

    def __init__(self, tally: ScanTally, seconds: float = 1.0) -> None:
        self.tally, self.seconds = tally, seconds
        self.now = 0.0
        self.pieces: list[list[str]] = []
        self.told: list[ScanProgress] = []

    def clock(self) -> float:
        return self.now

    def __call__(self, words: Sequence[str], _seconds: float) -> bytes:
        self.pieces.append([word for word in words if "/" in word])
        self.told.append(self.tally.told())
        self.now += self.seconds
        second = ipaddress.ip_network(self.pieces[-1][0])[2]
        host = f'<host><status state="up"/><address addr="{second}" addrtype="ipv4"/></host>'
        return f"<nmaprun>{host}</nmaprun>".encode()


WIDE = [address(2, "192.0.2.1", 24), address(2, "10.1.0.1", 18)]


def test_a_wide_range_is_scanned_in_pieces_and_it_is_told_how_far_that_has_come() -> None:
    tally = ScanTally()
    nmap = PieceByPiece(tally)
    scan = NeighborScan(Tables(WIDE), nmap, tally=tally, clock=nmap.clock)
    found = scan.scan(ScanNeighbors(True))
    assert nmap.pieces == [
        ["192.0.2.0/24"],
        *([f"10.1.{number}.0/20"] for number in (0, 16, 32, 48)),
    ]
    done = [0, 256, *(256 + 4096 * number for number in (1, 2, 3))]
    assert nmap.told == [ScanProgress(one, 256 + 4 * 4096) for one in done]
    assert [one.address for one in found.neighbors] == [
        *(f"10.1.{number}.2" for number in (0, 16, 32, 48)),
        "192.0.2.2",
    ]
    assert tally.told() == ScanProgress(0, 0)


def test_what_there_is_no_time_for_is_told_with_those_who_were_found() -> None:
    nmap = PieceByPiece(ScanTally(), WIDE_SECONDS / 2 - 1)
    found = NeighborScan(Tables(WIDE), nmap, clock=nmap.clock).scan(ScanNeighbors(True))
    assert [one.address for one in found.neighbors] == ["10.1.0.2", "192.0.2.2"]
    assert found.skipped == ("10.1.16.0/20 and further: 4352 of 16640 addresses in 600 s",)


def test_scans_at_the_same_time_are_counted_together() -> None:
    tally = ScanTally()
    with tally.scanning(10) as first, tally.scanning(5) as second:
        first(4)
        second(5)
        assert tally.told() == ScanProgress(9, 15)
    failing = NeighborScan(Tables(WIDE), lambda _words, _seconds: b"no xml", tally=tally)
    with pytest.raises(HypervisorError):
        failing.scan(ScanNeighbors())
    assert tally.told() == ScanProgress(0, 0)


def test_a_node_without_a_range_starts_nothing() -> None:
    nmap = Nmap()
    assert NeighborScan(Tables(ADDRESSES[:1]), nmap).scan(ScanNeighbors()) == Neighborhood()
    assert nmap.words == []


@pytest.mark.parametrize("data", [b"", b"no xml", b"<nmaprun><host>", b"\xff\xfe\x00"])
def test_what_is_no_xml_is_an_error_that_says_so(data: bytes) -> None:
    with pytest.raises(HypervisorError, match="no XML"):
        read_scan(data, (), ())


def test_entities_in_a_scan_are_not_followed() -> None:
    (where,), _ = own_ranges(LINKS, ADDRESSES, wide=False)
    bomb = SCAN.replace(
        b"<!DOCTYPE nmaprun>", b'<!DOCTYPE nmaprun [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    ).replace(b"</nmaprun>", b"<host>&x;</host></nmaprun>")
    found = read_scan(bomb, (OwnRange(where.interface, where.network),), ())
    assert len(found.neighbors) == 3


@pytest.mark.parametrize(
    "body",
    [
        ScanNeighbors(True),
        GetScanProgress(),
        ScanProgress(4096, 65536),
        Neighborhood((ScannedNeighbor("eth0", "192.0.2.3", None, 0.5),), ("10.0.0.0/8: wide",)),
    ],
)
def test_scans_are_asked_and_told_between_nodes_in_xml(body: object) -> None:
    key = "MCowBQYDK2VwAyEAJKDW"
    message = messages.Message(key, Application.TOPOLOGY, body)
    assert messages.read(messages.write(message)) == message
