"""The ifconfig gatherer (report 2.3.5): the fields ``ifconfig`` showed, from netlink."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from xen_bridge.gatherers.rounds import rounds
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.measures import (
    IfconfigIteration,
    IfconfigMeasures,
    IPv4Address,
    IPv6Address,
    NetworkInterface,
    Sampling,
)
from xen_bridge.runtime.port import Runtime

ARPHRD_LOOPBACK = 772

ENCAPSULATIONS: Mapping[int, str] = {
    1: "Ethernet",
    32: "InfiniBand",
    512: "Point-to-Point Protocol",
    768: "IPIP Tunnel",
    769: "IPv6 Tunnel",
    772: "Local Loopback",
    776: "IPv6-in-IPv4",
    778: "GRE",
    801: "IEEE 802.11",
    823: "GRE over IPv6",
}
"""Of link types (linux/if_arp.h); ``UNSPEC`` for others, as ifconfig says."""

SCOPES: Mapping[int, str] = {0: "Global", 200: "Site", 253: "Link", 254: "Host"}

_MASKS = tuple(
    socket.inet_ntoa((0xFFFFFFFF << (32 - size) & 0xFFFFFFFF).to_bytes(4, "big"))
    for size in range(33)
)


class IfconfigGatherer:
    """Measures the interfaces of the machine it runs in, Domain 0 or a virtual router."""

    def __init__(self, netlink: Netlink) -> None:
        self._netlink = netlink

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> IfconfigMeasures:
        """Return the iterations asked for: all interfaces, up or down, in the kernel's order.

        Rates are bytes per second between two iterations: None in the first, for an interface
        that was not there before, and for one whose counters were set back.
        """
        found = []
        before: dict[int, LinkCounters] = {}
        taken = runtime.now()
        for number, at in rounds(sampling.iterations, sampling.interval, runtime):
            last, taken = taken, runtime.now()
            links, addresses = runtime.in_thread(self._read)
            rates = _Rates(before, taken - last)
            found.append(IfconfigIteration(number, at, _interfaces(links, addresses, rates)))
            before = {link.index: link.counters for link in links}
        return IfconfigMeasures(iterations=tuple(found))

    def _read(self) -> tuple[list[KernelLink], list[LinkAddress]]:
        return self._netlink.links(), self._netlink.addresses()


class _Rates:
    """The counters of the iteration before, ``seconds`` ago."""

    def __init__(self, before: Mapping[int, LinkCounters], seconds: float) -> None:
        self._before = before
        self._seconds = seconds

    def of(self, link: KernelLink) -> tuple[float | None, float | None]:
        """Return the bytes per second that ``link`` transmitted and received."""
        before = self._before.get(link.index)
        if before is None or self._seconds <= 0:
            return None, None
        now = link.counters
        return self._rate(before.tx_bytes, now.tx_bytes), self._rate(before.rx_bytes, now.rx_bytes)

    def _rate(self, before: int, now: int) -> float | None:
        return None if now < before else round((now - before) / self._seconds, 1)


def _interfaces(
    links: Sequence[KernelLink], addresses: Sequence[LinkAddress], rates: _Rates
) -> tuple[NetworkInterface, ...]:
    ipv4: dict[int, list[IPv4Address]] = {}
    ipv6: dict[int, list[IPv6Address]] = {}
    for item in addresses:
        if item.family == socket.AF_INET:
            ipv4.setdefault(item.index, []).append(_ipv4(item))
        else:
            ipv6.setdefault(item.index, []).append(_ipv6(item))
    return tuple(
        _interface(link, ipv4.get(link.index, ()), ipv6.get(link.index, ()), rates)
        for link in links
    )


def _ipv4(item: LinkAddress) -> IPv4Address:
    return IPv4Address(item.address, item.broadcast, _MASKS[min(item.prefix, 32)])


def _ipv6(item: LinkAddress) -> IPv6Address:
    scope = SCOPES.get(item.scope, f"Scope {item.scope}")
    return IPv6Address(f"{item.address}/{item.prefix}", scope)


def _interface(
    link: KernelLink, ipv4: Sequence[IPv4Address], ipv6: Sequence[IPv6Address], rates: _Rates
) -> NetworkInterface:
    """Return one interface; sums of counters are those of ``/proc/net/dev``."""
    kept = link.counters
    sent, received = rates.of(link)
    return NetworkInterface(
        name=link.name,
        link_encap=ENCAPSULATIONS.get(link.type, "UNSPEC"),
        link_mac=_mac(link),
        ipv4=tuple(ipv4),
        ipv6=tuple(ipv6),
        # Linux keeps none; ifconfig said 1.
        link_metric=1,
        link_mtu=link.mtu,
        transmitted_bytes=kept.tx_bytes,
        transmitted_packets=kept.tx_packets,
        transmission_errors=kept.tx_errors,
        transmission_drops=kept.tx_dropped,
        transmission_overruns=kept.tx_fifo_errors,
        transmission_carrier_errors=kept.tx_carrier_errors
        + kept.tx_aborted_errors
        + kept.tx_window_errors
        + kept.tx_heartbeat_errors,
        transmission_collisions=kept.collisions,
        transmission_queue_length=link.queue_length,
        transmission_rate=sent,
        received_bytes=kept.rx_bytes,
        received_packets=kept.rx_packets,
        reception_errors=kept.rx_errors,
        reception_drops=kept.rx_dropped + kept.rx_missed_errors,
        reception_overruns=kept.rx_fifo_errors,
        reception_frame_errors=kept.rx_length_errors
        + kept.rx_over_errors
        + kept.rx_crc_errors
        + kept.rx_frame_errors,
        reception_rate=received,
    )


def _mac(link: KernelLink) -> str | None:
    """Return the hardware address; that of a tunnel is an IP address, that of lo none at all."""
    if link.type == ARPHRD_LOOPBACK or len(link.mac) < 6:
        return None
    return link.mac.hex(":")
