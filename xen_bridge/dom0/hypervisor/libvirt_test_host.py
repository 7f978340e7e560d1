"""libvirt's test driver: domains without a hypervisor, kept in the memory of the process.

It knows life, vCPUs and pinning; weight is taken but not kept and cap is not known, so neither
is claimed. CPU times and counters follow the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from xen_bridge.dom0.hypervisor.interface import Capability, Usage
from xen_bridge.dom0.hypervisor.libvirt_errors import translated
from xen_bridge.dom0.hypervisor.libvirt_host import LibvirtHost
from xen_bridge.dom0.hypervisor.libvirt_reader import RUNNING
from xen_bridge.dom0.hypervisor.reading import CarefulReading
from xen_bridge.protocol.documents.domains import SchedulerParameters, VcpuAssignment, VcpuPins

_STATES = {0: "-o-", 1: "r--", 2: "-b-"}


class LibvirtTestHost(LibvirtHost):
    """``test:///default``, or ``test:///`` and the path of a file of its own."""

    kind: ClassVar[str] = "test"
    capabilities = frozenset({Capability.VCPUS, Capability.AFFINITY})

    def scheduler_kind(self) -> str:
        """Return the only scheduler it has."""
        return "fair"

    def _scheduler(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> SchedulerParameters:
        return SchedulerParameters("fair")

    def _affinity(
        self, domain: Any, is_active: bool, reading: CarefulReading
    ) -> tuple[VcpuPins, ...]:
        if not is_active:
            return ()
        nothing: Sequence[Sequence[bool]] = ()
        masks = reading.of(("vcpus.affinity",), lambda: domain.vcpus()[1], nothing)
        return tuple(VcpuPins(_set(mask)) for mask in masks)

    def pin(self, domain: str, vcpu: int, cpus: Sequence[int]) -> None:
        """Let a vCPU run on these physical CPUs only."""
        found = self.find(domain)
        with translated():
            count = self.connection().getInfo()[2]
            found.pinVcpu(vcpu, tuple(number in cpus for number in range(count)))

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run."""
        connection = self.connection()
        with translated():
            running = connection.listAllDomains(RUNNING)
        return tuple(one for domain in running for one in self._assignments(domain))

    def usage(self) -> tuple[Usage, ...]:
        """Return the counters of every running domain."""
        connection = self.connection()
        with translated():
            running = connection.listAllDomains(RUNNING)
        return tuple(self._usage(domain) for domain in running)

    def _usage(self, domain: Any) -> Usage:
        reading = CarefulReading()
        info = reading.of(("usage",), domain.info, None) or (None,) * 5
        return Usage(self.name_of(domain, reading), info[4], info[2], info[3])

    def _assignments(self, domain: Any) -> Iterator[VcpuAssignment]:
        reading = CarefulReading()
        name = self.name_of(domain, reading)
        nothing: Any = ((), ())
        vcpus = reading.of(("vcpus",), domain.vcpus, nothing)
        for (number, state, cpu_ns, cpu), mask in zip(*vcpus, strict=True):
            yield VcpuAssignment(
                domain=name,
                id=domain.ID(),
                vcpu=number,
                cpu=cpu if cpu >= 0 else None,
                state=_STATES.get(state, "---"),
                time_s=round(cpu_ns / 1e9, 1),
                affinity=_set(mask),
            )


def _set(mask: Sequence[bool]) -> tuple[int, ...]:
    return tuple(number for number, may in enumerate(mask) if may)
