"""The ifconfig gatherer over tables made here."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace

from fake_runtime import FakeRuntime
from xen_bridge.gatherers.ifconfig import IfconfigGatherer
from xen_bridge.netlink.addresses import LinkAddress
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.measures import (
    IfconfigIteration,
    IPv4Address,
    IPv6Address,
    NetworkInterface,
    Sampling,
)

ZERO = LinkCounters(*[0] * 21)
LO = KernelLink(1, "lo", 772, 0x9, bytes(6), 65536, 1000, None, None, ZERO)
ETH = KernelLink(2, "eth0", 1, 0x1003, b"\x02\xfc\0\0\0\x01", 1500, 500, None, None, ZERO)


class Tables(Netlink):
    """Tells one state after the other; the last for ever."""

    def __init__(
        self, *states: Sequence[KernelLink], addresses: Sequence[LinkAddress] = ()
    ) -> None:
        self._states = list(states)
        self._addresses = list(addresses)

    def links(self) -> list[KernelLink]:
        return list(self._states.pop(0) if len(self._states) > 1 else self._states[0])

    def addresses(self) -> list[LinkAddress]:
        return self._addresses


def measure(
    tables: Netlink, iterations: int = 1, runtime: FakeRuntime | None = None
) -> tuple[IfconfigIteration, ...]:
    measures = IfconfigGatherer(tables).get_measures(
        Sampling(iterations, 2.0), runtime or FakeRuntime()
    )
    document_schema.check(measures)
    return measures.iterations


def one(tables: Netlink) -> NetworkInterface:
    return measure(tables)[0].interfaces[0]


def test_the_loopback_is_as_in_the_report() -> None:
    addresses = (
        LinkAddress(1, socket.AF_INET, "127.0.0.1", 8, 254, None),
        LinkAddress(1, socket.AF_INET6, "::1", 128, 254, None),
    )
    lo = one(Tables([LO], addresses=addresses))
    assert (lo.name, lo.link_encap, lo.link_mac, lo.link_metric) == (
        "lo",
        "Local Loopback",
        None,
        1,
    )
    assert lo.ipv4 == (IPv4Address("127.0.0.1", None, "255.0.0.0"),)
    assert lo.ipv6 == (IPv6Address("::1/128", "Host"),)
    assert (lo.transmission_rate, lo.reception_rate) == (None, None)


def test_several_addresses_are_all_told_at_their_interface() -> None:
    addresses = (
        LinkAddress(2, socket.AF_INET, "10.0.0.1", 24, 0, "10.0.0.255"),
        LinkAddress(2, socket.AF_INET, "10.1.0.1", 31, 0, None),
        LinkAddress(2, socket.AF_INET, "10.2.0.1", 0, 0, None),
        LinkAddress(2, socket.AF_INET6, "fe80::1", 64, 253, None),
        LinkAddress(2, socket.AF_INET6, "fec0::1", 64, 200, None),
        LinkAddress(2, socket.AF_INET6, "fd00::1", 64, 0, None),
        LinkAddress(2, socket.AF_INET6, "fd00::2", 64, 77, None),
        LinkAddress(9, socket.AF_INET, "10.9.0.1", 24, 0, None),
    )
    ((lo, eth),) = (item.interfaces for item in measure(Tables([LO, ETH], addresses=addresses)))
    assert not lo.ipv4
    assert not lo.ipv6
    assert eth.link_mac == "02:fc:00:00:00:01"
    assert [item.netmask for item in eth.ipv4] == ["255.255.255.0", "255.255.255.254", "0.0.0.0"]
    assert [item.broadcast for item in eth.ipv4] == ["10.0.0.255", None, None]
    assert [item.scope for item in eth.ipv6] == ["Link", "Site", "Global", "Scope 77"]


def test_counters_are_summed_as_in_proc_net_dev() -> None:
    eth = one(Tables([replace(ETH, counters=LinkCounters(*(2**n for n in range(21))))]))
    assert (eth.received_packets, eth.transmitted_packets) == (1, 2)
    assert (eth.received_bytes, eth.transmitted_bytes) == (4, 8)
    assert (eth.reception_errors, eth.transmission_errors) == (16, 32)
    assert (eth.reception_drops, eth.transmission_drops) == (64 + 2**15, 128)
    assert (eth.reception_overruns, eth.transmission_overruns) == (2**14, 2**18)
    assert eth.reception_frame_errors == 2**10 + 2**11 + 2**12 + 2**13
    assert eth.transmission_carrier_errors == 2**16 + 2**17 + 2**19 + 2**20
    assert eth.transmission_collisions == 2**9
    assert (eth.link_mtu, eth.transmission_queue_length) == (1500, 500)


def counted(rx: int, tx: int, link: KernelLink = ETH) -> KernelLink:
    return replace(link, counters=replace(ZERO, rx_bytes=rx, tx_bytes=tx))


def test_rates_are_bytes_per_second_between_iterations() -> None:
    tables = Tables([counted(100, 50)], [counted(5100, 50)], [counted(5101, 250)])
    rates = [
        (item.interfaces[0].reception_rate, item.interfaces[0].transmission_rate)
        for item in measure(tables, 3)
    ]
    assert rates == [(None, None), (2500.0, 0.0), (0.5, 100.0)]


def test_rates_are_of_the_time_that_really_passed() -> None:
    # Every reading takes 4 s, though 2 s were asked for.
    tables = Tables([counted(0, 0)], [counted(8000, 4)])
    second = measure(tables, 2, FakeRuntime(cost=4.0))[1].interfaces[0]
    assert (second.reception_rate, second.transmission_rate) == (2000.0, 1.0)


def test_no_rate_of_a_new_interface_or_of_counters_set_back() -> None:
    tables = Tables([counted(100, 50)], [counted(5, 250), counted(9, 9, replace(ETH, index=3))])
    old, new = measure(tables, 2)[1].interfaces
    assert (old.reception_rate, old.transmission_rate) == (None, 100.0)
    assert (new.reception_rate, new.transmission_rate) == (None, None)


def test_other_kinds_of_links() -> None:
    tunnel = replace(ETH, index=3, name="sit0", type=776, mac=bytes(4))
    tun = replace(ETH, index=4, name="tun0", type=65534, mac=b"")
    wide = replace(ETH, index=5, name="ib0", type=32, mac=bytes(range(20)))
    found = measure(Tables([tunnel, tun, wide]))[0].interfaces
    assert [item.link_encap for item in found] == ["IPv6-in-IPv4", "UNSPEC", "InfiniBand"]
    assert [item.link_mac for item in found] == [None, None, bytes(range(20)).hex(":")]


def test_names_are_harmless_in_the_message() -> None:
    name = "a\"b'<&>\x01"
    measures = IfconfigGatherer(Tables([replace(ETH, name=name)])).get_measures(
        Sampling(), FakeRuntime()
    )
    element = document_schema.to_element(measures)
    assert element.findtext(".//NetworkInterfaceName") == "a\"b'<&>\ufffd"
