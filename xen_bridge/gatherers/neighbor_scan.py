"""Scan of a node's neighbors with nmap (report 2.4.1.3), on its own interfaces' ranges only.

Nobody who asks names a range: they are read from the node's interfaces, so that no node can be
made to scan what it is no part of.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from xen_bridge.child_command import SBIN, ChildCommand
from xen_bridge.errors import HypervisorError
from xen_bridge.gatherers.scan_tally import ScanTally
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.constants import IFF_LOOPBACK, IFF_UP
from xen_bridge.netlink.links import KernelLink
from xen_bridge.protocol import safe_xml
from xen_bridge.protocol.documents.neighborhood import (
    Neighborhood,
    ScannedNeighbor,
    ScanNeighbors,
)

WIDEST = 20
"""Prefix length of the widest range that is scanned without being asked for: 4,096 addresses.
Wider ones are scanned in pieces of that length, so that it can be told how far that has come."""
PIECE_SECONDS = 5.0
"""A piece that has less time is not begun."""
TIMING = (
    *("-T5", "--max-retries", "1", "--min-rate", "2500", "--min-parallelism", "256"),
    *("--max-rtt-timeout", "100ms"),
)
"""All of a /24 found in a fifth of the time that nmap's defaults take."""
COMMAND = ("nmap", "-sn", "-n", *TIMING, "-oX", "-")
ENVIRONMENT = {"PATH": f"/usr/local/bin:/usr/bin:/bin:{SBIN}", "LC_ALL": "C"}

Run = Callable[[Sequence[str], float], bytes]
"""Runs a command for so many seconds at most, returns what it wrote."""


class InterfaceTables(Protocol):
    """Tells of a node's interfaces, as :class:`xen_bridge.netlink.tables.Netlink` does."""

    def links(self) -> list[KernelLink]:
        """Return all interfaces."""

    def addresses(self) -> list[LinkAddress]:
        """Return their addresses."""


@dataclass(frozen=True, slots=True)
class OwnRange:
    """A range of IPv4 addresses that an interface of this node is part of."""

    interface: str
    network: ipaddress.IPv4Network


def own_ranges(
    links: Iterable[KernelLink], addresses: Iterable[LinkAddress], wide: bool
) -> tuple[tuple[OwnRange, ...], tuple[str, ...]]:
    """Return the ranges to scan, and those that are not, each with the reason.

    Interfaces that are down, and the loopback, have none.
    """
    names = {
        link.index: link.name
        for link in links
        if link.flags & IFF_UP and not link.flags & IFF_LOOPBACK
    }
    found: dict[OwnRange, None] = {}
    skipped: dict[str, None] = {}
    for one in addresses:
        name = names.get(one.index)
        if name is None or one.prefix >= ipaddress.IPV6LENGTH:
            continue
        where = ipaddress.ip_network(f"{one.address}/{one.prefix}", strict=False)
        if not isinstance(where, ipaddress.IPv4Network):
            skipped[f"{where} of {name}: IPv6 ranges are too wide for a scan"] = None
        elif where.prefixlen < WIDEST and not wide:
            skipped[f"{where} of {name}: wider than a /{WIDEST}, ask for wide"] = None
        elif where.num_addresses > 1:
            found[OwnRange(name, where)] = None
    return tuple(found), tuple(skipped)


def read_scan(data: bytes, ranges: Sequence[OwnRange], own: Iterable[str]) -> Neighborhood:
    """Return who answered, of what nmap wrote (its XML); ``own`` addresses are no neighbors.

    HypervisorError for what is no such document. An address of no range of ours is left out.
    """
    try:
        root = etree.fromstring(data, safe_xml.parser())
    except etree.XMLSyntaxError as error:
        raise HypervisorError(f"nmap's answer is no XML: {error}") from error
    mine = set(own)
    found = [
        neighbor
        for host in root.iterfind("host")
        if (neighbor := _neighbor(host, ranges)) is not None and neighbor.address not in mine
    ]
    return Neighborhood(tuple(sorted(found, key=_order)))


def _order(neighbor: ScannedNeighbor) -> tuple[ipaddress.IPv4Address, str]:
    return ipaddress.IPv4Address(neighbor.address), neighbor.interface


def _neighbor(host: etree._Element, ranges: Sequence[OwnRange]) -> ScannedNeighbor | None:
    status = host.find("status")
    told: Mapping[str | None, str] = {
        one.get("addrtype"): one.get("addr") or "" for one in host.iterfind("address")
    }
    try:
        address = ipaddress.IPv4Address(told.get("ipv4", ""))
    except ValueError:
        return None
    where = next((one for one in ranges if address in one.network), None)
    if where is None or status is None or status.get("state") != "up":
        return None
    times = host.find("times")
    micros = times.get("srtt") if times is not None else None
    latency = int(micros) / 1000 if micros and micros.isdecimal() else None
    mac = told.get("mac")
    return ScannedNeighbor(where.interface, str(address), mac.lower() if mac else None, latency)


def _pieces(ranges: Iterable[OwnRange]) -> Iterator[list[ipaddress.IPv4Network]]:
    """Return what is scanned at a time: all ranges that are not wide, then wide ones bit by bit."""
    networks = list(dict.fromkeys(one.network for one in ranges))
    plain = [one for one in networks if one.prefixlen >= WIDEST]
    if plain:
        yield plain
    for wide in networks:
        if wide.prefixlen < WIDEST:
            yield from ([piece] for piece in wide.subnets(new_prefix=WIDEST))


def _sizes(networks: Iterable[ipaddress.IPv4Network]) -> Iterator[int]:
    return (one.num_addresses for one in networks)


class NeighborScan:
    """Scans for the neighbors of the node it runs on; one scan at a time."""

    def __init__(
        self,
        tables: InterfaceTables,
        run: Run | None = None,
        command: ChildCommand | None = None,
        tally: ScanTally | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = tally or ScanTally()
        self._clock = clock
        self._tables = tables
        self._command = command or ChildCommand()
        self._run = run or self._run_child

    def scan(self, request: ScanNeighbors) -> Neighborhood:
        """Return who is beside this node; blocks for as long as the scan takes.

        Raises RequestUnsupported without nmap, HypervisorError if that fails, Deadline.
        """
        addresses = self._tables.addresses()
        ranges, skipped = own_ranges(self._tables.links(), addresses, request.wide)
        if not ranges:
            return Neighborhood((), skipped)
        own = {one.address for one in addresses if one.family == socket.AF_INET}
        found: list[ScannedNeighbor] = []
        count, done = sum(_sizes({one.network for one in ranges})), 0
        until = self._clock() + request.seconds_at_most
        with self.tally.scanning(count) as scanned:
            for piece in _pieces(ranges):
                left = until - self._clock()
                if done and left < PIECE_SECONDS:
                    over = f"{done} of {count} addresses in {request.seconds_at_most:g} s"
                    skipped = (*skipped, f"{piece[0]} and further: {over}")
                    break
                data = self._run((*COMMAND, *map(str, piece)), left)
                found += read_scan(data, ranges, own).neighbors
                done += sum(_sizes(piece))
                scanned(sum(_sizes(piece)))
        return Neighborhood(tuple(sorted(found, key=_order)), skipped)

    def _run_child(self, words: Sequence[str], seconds: float) -> bytes:
        done = self._command.run(words, seconds, ENVIRONMENT)
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip()[:300]
            raise HypervisorError(f"nmap failed: {reason or done.returncode}")
        return done.stdout
