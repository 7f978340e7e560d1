"""The five common measures of a host and of a router (design, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xen_bridge.errors import BridgeError, HypervisorError
from xen_bridge.gatherers.from_usage import by_name, cpu_ns_between
from xen_bridge.gatherers.latency import known_neighbors
from xen_bridge.gatherers.memory import MEMINFO, read_meminfo
from xen_bridge.gatherers.usage_source import DomainCounters, UsageSource
from xen_bridge.netlink.constants import IFF_LOOPBACK
from xen_bridge.netlink.links import KernelLink
from xen_bridge.netlink.tables import Netlink
from xen_bridge.protocol.documents.summary import GetSummary, Summary, Throughput
from xen_bridge.runtime.port import Runtime

STAT = Path("/proc/stat")

STACKED = frozenset(
    {
        *("bridge", "bond", "team", "vrf", "openvswitch", "ifb", "vlan", "macvlan", "macvtap"),
        *("ipvlan", "ipvtap", "vxlan", "geneve", "gre", "gretap", "erspan", "ip6gre"),
        *("ip6gretap", "ip6erspan", "ipip", "sit", "ip6tnl", "vti", "vti6", "wireguard"),
    }
)
"""Kinds of interfaces whose traffic passes another interface of the same machine as well."""


class NodeLoad(Protocol):
    """How busy a node is; each call blocks for a short time."""

    def read(self) -> Any:
        """Return the counters of the processors."""

    def cpu_percent(self, before: Any, now: Any, seconds: float) -> float:
        """Return how busy they were between two readings, all together 100 %."""

    def memory_percent(self) -> float:
        """Return how much memory is in use."""


class HostSummary:
    """Summarises a physical host: its domains, and Domain 0's interfaces."""

    def __init__(self, hypervisor: UsageSource, runtime: Runtime, netlink: Netlink) -> None:
        self._load = HostLoad(hypervisor)
        self._runtime = runtime
        self._netlink = netlink

    def get_summary(self, request: GetSummary) -> Summary:
        """Measure for ``request.interval`` seconds; raises HypervisorError, BridgeError.

        CPU is that of all domains together, memory that which is given to domains or Xen.
        """
        return _summary(request.interval, self._load, self._runtime, self._netlink)


class RouterSummary:
    """Summarises the machine it runs in: a virtual router."""

    def __init__(
        self, runtime: Runtime, netlink: Netlink, stat: Path = STAT, meminfo: Path = MEMINFO
    ) -> None:
        self._load = RouterLoad(stat, meminfo)
        self._runtime = runtime
        self._netlink = netlink

    def get_summary(self, request: GetSummary) -> Summary:
        """Measure for ``request.interval`` seconds; raises BridgeError.

        CPU is all but idle and waiting for disks: what Xen withheld counts. Memory in use is
        what the kernel cannot make available.
        """
        return _summary(request.interval, self._load, self._runtime, self._netlink)


# ---- how busy


class HostLoad:
    """The CPU and the memory that domains use, of the host's."""

    def __init__(self, hypervisor: UsageSource) -> None:
        self._hypervisor = hypervisor

    def read(self) -> Mapping[str, DomainCounters]:
        """Return the counters of all running domains, by name."""
        return by_name(self._hypervisor.usage())

    def cpu_percent(
        self,
        before: Mapping[str, DomainCounters],
        now: Mapping[str, DomainCounters],
        seconds: float,
    ) -> float:
        """Return the share of the physical CPUs that the domains had."""
        used = sum(cpu_ns_between(before.get(name), usage) or 0 for name, usage in now.items())
        available = seconds * 1e9 * max(self._hypervisor.host().cpus, 1)
        return _percent(used, available)

    def memory_percent(self) -> float:
        """Return how much of the host's memory is not free; HypervisorError if nobody tells."""
        host = self._hypervisor.host()
        if host.free_memory_kb is None:
            raise HypervisorError("the hypervisor does not tell how much memory is free")
        return _percent(host.memory_kb - host.free_memory_kb, host.memory_kb)


class RouterLoad:
    """The CPU and the memory of this machine, from ``/proc``."""

    def __init__(self, stat: Path, meminfo: Path) -> None:
        self._stat = stat
        self._meminfo = meminfo

    def read(self) -> tuple[int, int]:
        """Return the ticks of all processors: those that were busy, and all."""
        try:
            fields = self._stat.read_bytes().partition(b"\n")[0].split()
            user, nice, system, idle, waiting, *others = map(int, fields[1:9])
        except (OSError, ValueError) as error:
            raise BridgeError(f"{self._stat} tells no processor time") from error
        busy = user + nice + system + sum(others)
        return busy, busy + idle + waiting

    def cpu_percent(self, before: tuple[int, int], now: tuple[int, int], seconds: float) -> float:
        """Return the share of ticks that were busy; 0 if none has passed."""
        return _percent(now[0] - before[0], now[1] - before[1])

    def memory_percent(self) -> float:
        """Return how much of the memory is not available."""
        kept = read_meminfo(self._meminfo)
        available = kept.get("MemAvailable", kept["MemFree"])
        return _percent(kept["MemTotal"] - available, kept["MemTotal"])


def _percent(part: float, whole: float) -> float:
    return round(min(max(100 * part / whole, 0.0), 100.0), 2) if whole > 0 else 0.0


# ---- what is carried and lost


@dataclass(frozen=True, slots=True)
class InterfaceTraffic:
    """What went through a machine's ports: bytes, and packets that were dropped."""

    received: int
    transmitted: int
    dropped: int


def ports(links: Sequence[KernelLink]) -> dict[int, KernelLink]:
    """Return, by index, the interfaces at which traffic enters and leaves a machine.

    Those are all but the loopback, those stacked upon others, and those that others are ports
    of: theirs passes another interface too, and would count twice. A vif is a port.
    """
    masters = {link.master for link in links}
    return {
        link.index: link
        for link in links
        if not link.flags & IFF_LOOPBACK and link.kind not in STACKED and link.index not in masters
    }


def traffic_between(before: Sequence[KernelLink], now: Sequence[KernelLink]) -> InterfaceTraffic:
    """Return what the ports there at both times counted; one that was set back counts anew."""
    received = transmitted = dropped = 0
    old, new = ports(before), ports(now)
    for index in old.keys() & new.keys():
        was, has = old[index].counters, new[index].counters
        received += _grown(was.rx_bytes, has.rx_bytes)
        transmitted += _grown(was.tx_bytes, has.tx_bytes)
        dropped += _grown(was.rx_dropped, has.rx_dropped)
        dropped += _grown(was.rx_missed_errors, has.rx_missed_errors)
        dropped += _grown(was.tx_dropped, has.tx_dropped)
    return InterfaceTraffic(received, transmitted, dropped)


def _grown(was: int, has: int) -> int:
    return has - was if has >= was else has


# ---- all of it


@dataclass(frozen=True, slots=True)
class _Readings:
    """Counters, and when they were read."""

    load_at: float
    load: Any
    links_at: float
    links: Sequence[KernelLink]


def _read(load: NodeLoad, runtime: Runtime, netlink: Netlink) -> _Readings:
    load_at = runtime.now()
    counters = runtime.in_thread(load.read)
    return _Readings(load_at, counters, runtime.now(), runtime.in_thread(netlink.links))


def _summary(interval: float, load: NodeLoad, runtime: Runtime, netlink: Netlink) -> Summary:
    first = _read(load, runtime, netlink)
    runtime.sleep_until(first.links_at + interval)
    last = _read(load, runtime, netlink)
    seconds = last.links_at - first.links_at
    carried = traffic_between(first.links, last.links)
    return Summary(
        cpu_percent=runtime.in_thread(
            load.cpu_percent, first.load, last.load, last.load_at - first.load_at
        ),
        memory_percent=runtime.in_thread(load.memory_percent),
        throughput_bps=Throughput(
            rx=_rate(8 * carried.received, seconds), tx=_rate(8 * carried.transmitted, seconds)
        ),
        dropped_per_s=round(carried.dropped / seconds, 3) if seconds > 0 else 0.0,
        neighbors=known_neighbors(runtime.in_thread(netlink.neighbors)),
    )


def _rate(amount: int, seconds: float) -> int:
    return round(amount / seconds) if seconds > 0 else 0
