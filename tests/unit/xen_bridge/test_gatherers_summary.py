"""The five common measures of a host and of a router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fake_runtime import FakeRuntime
from xen_bridge.dom0.hypervisor.memory_host import MemoryHost, MemoryWorld
from xen_bridge.errors import BridgeError, HypervisorAway
from xen_bridge.gatherers.summary import HostSummary, RouterSummary, ports, traffic_between
from xen_bridge.netlink.constants import NUD_REACHABLE, NUD_STALE
from xen_bridge.netlink.links import KernelLink, LinkCounters
from xen_bridge.netlink.neighbors import KernelNeighbor
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import CreateDomain
from xen_bridge.protocol.documents.summary import GetSummary, Throughput
from xen_bridge.runtime.threads import ThreadRuntime

ZERO = LinkCounters(*[0] * 21)
LO = KernelLink(1, "lo", 772, 0x9, b"", 65536, 1000, None, None, ZERO)
ETH = KernelLink(2, "eth0", 1, 0x1003, b"", 1500, 500, None, None, ZERO)


def carrying(link: KernelLink, rx: int = 0, tx: int = 0, dropped: int = 0) -> KernelLink:
    counters = replace(ZERO, rx_bytes=rx, tx_bytes=tx, rx_dropped=dropped)
    return replace(link, counters=counters)


class Tables(Netlink):
    """Tells the links of one moment after the other."""

    def __init__(self, *states: Sequence[KernelLink]) -> None:
        self._states = list(states)

    def links(self) -> list[KernelLink]:
        return list(self._states.pop(0))

    def neighbors(self) -> list[KernelNeighbor]:
        return [
            KernelNeighbor(2, "10.0.0.9", NUD_STALE),
            KernelNeighbor(2, "10.0.0.2", NUD_REACHABLE),
            KernelNeighbor(3, "10.0.0.9", NUD_STALE),
        ]


# ---- traffic


def test_traffic_is_counted_once() -> None:
    links = [
        LO,
        replace(ETH, index=2, name="eth0", master=10),
        replace(ETH, index=3, name="vif1.0", master=10),
        replace(ETH, index=4, name="veth", kind="veth"),
        replace(ETH, index=5, name="tap0", kind="tun"),
        replace(ETH, index=10, name="xenbr0", kind="bridge"),
        replace(ETH, index=11, name="eth0.7", kind="vlan"),
        replace(ETH, index=12, name="bond0", kind="bond"),
        replace(ETH, index=13, name="ovs-system", kind="openvswitch"),
        replace(ETH, index=14, name="empty bridge", kind="bridge"),
        # A NIC before another that does its work.
        replace(ETH, index=15, name="eth9"),
        replace(ETH, index=16, name="eth9-vf", master=15),
    ]
    assert [link.name for link in ports(links).values()] == [
        "eth0",
        "vif1.0",
        "veth",
        "tap0",
        "eth9-vf",
    ]


def test_only_ports_there_at_both_times_count() -> None:
    gone, new = replace(ETH, index=3), replace(ETH, index=4)
    before = [carrying(LO, 5, 5), carrying(ETH, 100, 200, 3), carrying(gone, 7, 7)]
    now = [carrying(LO, 99, 99), carrying(ETH, 150, 210, 5), carrying(new, 999, 999)]
    traffic = traffic_between(before, now)
    assert (traffic.received, traffic.transmitted, traffic.dropped) == (50, 10, 2)


def test_counters_set_back_count_anew() -> None:
    traffic = traffic_between([carrying(ETH, 100, 200)], [carrying(ETH, 30, 201)])
    assert (traffic.received, traffic.transmitted) == (30, 1)


def test_all_kinds_of_drops_count() -> None:
    dropped = replace(ZERO, rx_dropped=1, rx_missed_errors=2, tx_dropped=4, tx_errors=99)
    assert traffic_between([ETH], [replace(ETH, counters=dropped)]).dropped == 7


# ---- hosts


def host_of(runtime: FakeRuntime) -> MemoryHost:
    host = MemoryWorld(runtime.now).host("a", cpus=2, memory_kb=1_048_576)
    for name in ("r1", "r2", "r3"):
        host.define(CreateDomain(name, memory_kb=131_072))
        host.start(name)
    return host


def test_a_host_is_summarised() -> None:
    runtime = FakeRuntime()
    tables = Tables([carrying(ETH, 0, 0)], [carrying(ETH, 1_000, 250, 3)])
    host = host_of(runtime)
    summary = HostSummary(host, runtime, tables).get_summary(GetSummary(2.0))
    document_schema.check(summary)
    # Four domains of 10 % on two CPUs.
    assert summary.cpu_percent == 20.0
    known = host.host()
    used = 100 * (known.memory_kb - known.free_memory_kb) / known.memory_kb
    assert summary.memory_percent == pytest.approx(used, abs=0.01)
    assert used >= 3 * 12.5
    assert summary.throughput_bps == Throughput(4_000, 1_000)
    assert summary.dropped_per_s == 1.5
    assert summary.neighbors == ("10.0.0.2", "10.0.0.9")


def test_rates_are_of_the_time_that_really_passed() -> None:
    runtime = FakeRuntime(cost=0.5)
    tables = Tables([carrying(ETH)], [carrying(ETH, 1_000)])
    summary = HostSummary(host_of(runtime), runtime, tables).get_summary(GetSummary(0.5))
    # Reading takes as long as the interval: 1 s passed between two readings.
    assert summary.throughput_bps.rx == 8_000
    assert summary.cpu_percent == 20.0


def test_a_hypervisor_that_is_away_is_told() -> None:
    runtime = FakeRuntime()
    host = host_of(runtime)
    host.fail("all", HypervisorAway("gone"))
    with pytest.raises(HypervisorAway):
        HostSummary(host, runtime, Tables([], [])).get_summary(GetSummary())


# ---- routers

MEMINFO = b"MemTotal: 100000 kB\nMemFree: 10000 kB\nMemAvailable: 75000 kB\n"


def router(tmp_path: Path, before: str, now: str, meminfo: bytes = MEMINFO) -> RouterSummary:
    """Return a router whose processor counted ``before`` and, when time has passed, ``now``."""
    stat, memory = tmp_path / "stat", tmp_path / "meminfo"
    stat.write_text(before)
    memory.write_bytes(meminfo)

    class SlowRuntime(FakeRuntime):
        def sleep_until(self, when: float) -> None:
            super().sleep_until(when)
            stat.write_text(now)

    return RouterSummary(SlowRuntime(), Tables([ETH], [carrying(ETH, 50, 5)]), stat, memory)


def test_a_router_is_summarised(tmp_path: Path) -> None:
    # user nice system idle iowait irq softirq steal guest guest_nice
    before = "cpu  100 10 20 1000 50 1 2 3 77 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    now = "cpu  110 11 22 1070 60 2 3 8 99 0\n"
    summary = router(tmp_path, before, now).get_summary(GetSummary(0.5))
    document_schema.check(summary)
    # Busy 20 of 100 ticks; the guest's are among the user's.
    assert summary.cpu_percent == 20.0
    assert summary.memory_percent == 25.0
    assert summary.throughput_bps == Throughput(800, 80)


def test_no_tick_is_no_load_and_an_old_kernel_tells_free_memory(tmp_path: Path) -> None:
    same = "cpu 1 2 3 4 5 6 7 8\n"
    old = b"MemTotal: 100000 kB\nMemFree: 10000 kB\n"
    summary = router(tmp_path, same, same, old).get_summary(GetSummary())
    assert (summary.cpu_percent, summary.memory_percent) == (0.0, 90.0)


@pytest.mark.parametrize("text", ["", "cpu\n", "cpu 1 2 3\n", "cpu a b c d e f g h\n"])
def test_what_tells_no_processor_time_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BridgeError, match="no processor time"):
        router(tmp_path, text, text).get_summary(GetSummary())


def test_of_this_machine() -> None:
    netlink = Netlink()
    try:
        summary = RouterSummary(ThreadRuntime(), netlink).get_summary(GetSummary(0.05))
    finally:
        netlink.close()
    document_schema.check(summary)
    assert 0 < summary.memory_percent < 100
