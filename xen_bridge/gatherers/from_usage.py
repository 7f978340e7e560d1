"""Usage of all domains of a host, from the counters of the hypervisor's back end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xen_bridge.gatherers.rounds import rounds
from xen_bridge.gatherers.usage_source import DomainCounters, UsageSource
from xen_bridge.protocol.documents.measures import (
    DomainUsage,
    Sampling,
    XentopIteration,
    XentopMeasures,
)
from xen_bridge.runtime.port import Runtime

LONGEST_FIRST = 1.0
"""Seconds between the reading that is not told and iteration 1, at most."""


class FromUsage:
    """Measures with the counters of a hypervisor's back end."""

    def __init__(self, hypervisor: UsageSource) -> None:
        self._hypervisor = hypervisor

    def get_measures(self, sampling: Sampling, runtime: Runtime) -> XentopMeasures:
        """Return the iterations asked for.

        A reading that is not told comes before the first, an interval or 1 s, so that CPU shares
        are known from the first on. A domain that has just come has 0 %.
        """
        total = runtime.in_thread(self._hypervisor.host).memory_kb
        taken, before = runtime.now(), by_name(runtime.in_thread(self._hypervisor.usage))
        runtime.sleep_until(taken + min(sampling.interval, LONGEST_FIRST))
        found = []
        for number, at in rounds(sampling.iterations, sampling.interval, runtime):
            last, taken = taken, runtime.now()
            now = runtime.in_thread(self._hypervisor.usage)
            domains = tuple(_told(item, before.get(item.name), taken - last, total) for item in now)
            found.append(XentopIteration(number, at, domains))
            before = by_name(now)
        return XentopMeasures(iterations=tuple(found))


def by_name(usage: Iterable[DomainCounters]) -> Mapping[str, DomainCounters]:
    """Return the counters of each domain by its name."""
    return {item.name: item for item in usage}


def cpu_ns_between(before: DomainCounters | None, now: DomainCounters) -> int | None:
    """Return the CPU nanoseconds used since ``before``; 0 for a domain that was not there.

    One that was started anew counts from 0 again. None if it was not known at either time.
    """
    if before is None:
        return 0
    if before.cpu_ns is None or now.cpu_ns is None:
        return None
    return now.cpu_ns if now.cpu_ns < before.cpu_ns else now.cpu_ns - before.cpu_ns


def _told(
    now: DomainCounters, before: DomainCounters | None, seconds: float, total_kb: int
) -> DomainUsage:
    used = None if now.cpu_ns is None else cpu_ns_between(before, now)
    return DomainUsage(
        name=now.name,
        cpu_time=None if now.cpu_ns is None else max(now.cpu_ns, 0) // 10**9,
        cpu_percent=_share(used, seconds * 1e9),
        memory=now.memory_kb,
        memory_percent=_share(now.memory_kb, total_kb),
        vcpus=now.vcpus,
        interface_count=now.vif_count,
        interfaces=now.interfaces or (),
    )


def _share(part: int | None, whole: float) -> float | None:
    """Return a percentage; None of what is unknown."""
    if part is None:
        return None
    return round(100 * part / whole, 2) if whole > 0 else 0.0
