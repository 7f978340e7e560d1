"""The report's VirtualManagement module (2.1.4): one class that stands for a physical host.

``PhysicalHost("xen:///system")`` is the host itself; ``xen+tls://`` and ``xen+ssh://`` are others.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from xen_bridge.dom0.complaints import Complaints
from xen_bridge.dom0.domain_checks import (
    PhysicalCpus,
    check_change,
    check_guest,
    check_new,
    check_pin,
    check_unambiguous,
)
from xen_bridge.dom0.domain_transaction import DomainTransaction, as_changed
from xen_bridge.dom0.hypervisor.interface import Capability, Hypervisor, require
from xen_bridge.dom0.hypervisor.opening import open_hypervisor
from xen_bridge.dom0.persistent_scheduling import PersistentScheduling
from xen_bridge.dom0.settings_store import SchedulerSettings, SettingsStore
from xen_bridge.errors import (
    BridgeError,
    HypervisorAway,
    InvalidRequest,
    RequestConflict,
    SubjectNotFound,
)
from xen_bridge.protocol import document_schema
from xen_bridge.protocol.documents.domains import (
    MAX_CPUS,
    CreateDomain,
    Domain,
    DomainScheduling,
    PhysicalHostInfo,
    SetDomain,
    VcpuAssignment,
    VcpuPins,
)

LOG = logging.getLogger(__name__)


class PhysicalHost:
    """A physical Xen host: its domains, their share of the processor, their life.

    Domains are named by id, name or UUID. Every call waits for the hypervisor, and may be made
    from any thread. Values are checked before anything is changed. Raises the errors of
    :mod:`xen_bridge.errors`.
    """

    def __init__(
        self,
        uri: str,
        hypervisor: Hypervisor | None = None,
        settings_file: Path | None = None,
        peer_url: str | None = None,
    ) -> None:
        """Connect to ``uri``; HypervisorAway if nobody is there.

        ``hypervisor`` replaces what the URI names. ``settings_file`` keeps weights and caps over
        restarts of this program. ``peer_url`` is told with the host.
        """
        self.uri = uri
        self._peer_url = peer_url
        self.hypervisor = hypervisor if hypervisor is not None else open_hypervisor(uri)
        self._lock = threading.RLock()
        self._scheduling = PersistentScheduling(
            self.hypervisor, SettingsStore(settings_file), self._lock
        )
        self._complaints = Complaints()

    # ---- the report's methods

    def set_sched_parameters_weight(self, weight: int, domain_id: str | int) -> None:
        """Set the weight of a domain: 1 to 65535 (report 2.1.4.1)."""
        self.set_domain(SetDomain(str(domain_id), weight=weight))

    def set_sched_parameters_cap(self, cap: int, domain_id: str | int) -> None:
        """Set the cap of a domain: 0 to 100 per physical CPU, 0 is none (report 2.1.4.2)."""
        self.set_domain(SetDomain(str(domain_id), cap=cap))

    def print_sched_parameters(self, stream: TextIO | None = None) -> None:
        """Print the scheduler's settings as ``xm sched-credit`` does (report 2.1.4.3)."""
        out = stream if stream is not None else sys.stdout
        print(f"{'Name':32} {'ID':>5} {'Weight':>6} {'Cap':>4}", file=out)
        for item in self.schedulers():
            weight, cap = item.scheduler.weight, item.scheduler.cap
            print(f"{item.name:32} {item.id:5} {_shown(weight):>6} {_shown(cap):>4}", file=out)

    # ---- looking

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the back end can do."""
        return self.hypervisor.capabilities

    def host(self) -> PhysicalHostInfo:
        """Return the physical host."""
        return replace(self.hypervisor.host(), peer_url=self._peer_url)

    def _cpus(self, are_named: bool = False) -> PhysicalCpus:
        """Return the host's CPUs; their numbers are asked for only if some ``are_named``."""
        last = self.hypervisor.last_cpu() if are_named else None
        return PhysicalCpus(self.hypervisor.host().cpus, MAX_CPUS if last is None else last)

    def domains(self, affinity: bool = True) -> tuple[Domain, ...]:
        """Return all domains; those that run anew are given their weight and cap again.

        What cannot be read of a domain is unknown, what cannot be given is among its problems.
        Without ``affinity`` nobody is asked where vCPUs may run, nor for the domains that xl made.
        """
        found = [self._scheduling.seen(domain) for domain in self.hypervisor.domains()]
        self._complaints.look_at(found)
        if not affinity:
            return tuple(found)
        everything = self._with_affinity([*found, *self._foreign(found)])
        return tuple(sorted(everything, key=lambda one: (one.id is None, one.id or 0, one.name)))

    def _foreign(self, known: Iterable[Domain]) -> tuple[Domain, ...]:
        """Return the domains that xl made; none if nobody can tell."""
        try:
            return self.hypervisor.foreign_domains({domain.uuid for domain in known})
        except HypervisorAway:
            raise
        except BridgeError as error:
            LOG.info("nobody tells which domains xl made: %s", error)
            return ()

    def domain(self, domain: str) -> Domain:
        """Return one domain."""
        return self._with_affinity([self._scheduling.seen(self.hypervisor.domain(domain))])[0]

    def schedulers(self) -> tuple[DomainScheduling, ...]:
        """Return the scheduling parameters of every running domain."""
        require(self.capabilities, Capability.WEIGHT)
        return tuple(
            DomainScheduling(domain.name, domain.id, domain.scheduler)
            for domain in self.hypervisor.domains()
            if domain.id is not None
        )

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run (``xm vcpu-list``)."""
        require(self.capabilities, Capability.AFFINITY)
        return self.hypervisor.vcpu_list()

    def open_namespace(self, domain: str) -> int | None:
        """Return a descriptor of the network namespace that a domain is; None if it is none."""
        return self.hypervisor.open_namespace(domain)

    def _with_affinity(self, domains: list[Domain]) -> list[Domain]:
        """Fill in where vCPUs may run, where the back end tells of all domains at once."""
        missing = [item for item in domains if item.id is not None and not item.vcpus.affinity]
        if not missing or Capability.AFFINITY not in self.capabilities:
            return domains
        try:
            assigned = self.hypervisor.vcpu_list()
        except HypervisorAway:
            raise
        except BridgeError as error:
            # xl failed where the hypervisor answers: all else of the domains is known.
            LOG.info("nobody tells where vCPUs may run: %s", error)
            return domains
        pins: dict[int, list[VcpuPins]] = {}
        for item in assigned:
            pins.setdefault(item.id, []).append(VcpuPins(item.affinity))
        return [
            replace(item, vcpus=replace(item.vcpus, affinity=_whole(pins.get(item.id, ()))))
            if item in missing and item.id is not None
            else item
            for item in domains
        ]

    # ---- setting

    def set_domain(self, wanted: SetDomain) -> Domain:
        """Change what ``wanted`` names, all of it or nothing; return the domain."""
        document_schema.check(wanted)
        with self._lock:
            wanted = self._with_all_cpus(wanted)
            domain = self.hypervisor.domain(wanted.domain)
            if wanted.affinity:
                domain = self._with_affinity([domain])[0]
            kept_cap = self._scheduling.of(domain).cap
            cpus = self._cpus(bool(wanted.affinity))
            check_change(wanted, domain, kept_cap, cpus, self.capabilities)
            DomainTransaction(self.hypervisor, self._scheduling, wanted, domain).carry_out()
            return self._after(as_changed(domain, wanted))

    def _with_all_cpus(self, wanted: SetDomain) -> SetDomain:
        """Return ``wanted`` with the numbers of all CPUs, if those are wanted."""
        if not wanted.anywhere:
            return wanted
        if wanted.affinity:
            raise InvalidRequest(("anywhere",), "contradicts affinity")
        last = self.hypervisor.last_cpu()
        if last is None:
            last = self.hypervisor.host().cpus - 1
        return replace(wanted, affinity=(VcpuPins(tuple(range(last + 1))),), anywhere=False)

    def _after(self, expected: Domain) -> Domain:
        """Return a domain that was changed; as it is ``expected`` to be if it cannot be read."""
        try:
            return self.domain(expected.uuid)
        except BridgeError as error:
            # What was done is done: an error would say that nothing was.
            problem = f"it was changed, and cannot be read since: {error}"
            return replace(expected, problems=(*expected.problems, problem))

    def set_vcpus(self, domain_id: str | int, count: int) -> None:
        """Set how many vCPUs a domain uses, up to its maximum (``xm vcpu-set``)."""
        self.set_domain(SetDomain(str(domain_id), vcpus=count))

    def pin_vcpu(self, domain_id: str | int, vcpu: int | None, cpus: Sequence[int]) -> None:
        """Let a vCPU (None: all) run on these physical CPUs only (``xm vcpu-pin``)."""
        require(self.capabilities, Capability.AFFINITY)
        with self._lock:
            domain = self.hypervisor.domain(str(domain_id))
            check_pin(vcpu, cpus, domain, self._cpus(are_named=True))
            for number in range(domain.vcpus.current or 0) if vcpu is None else [vcpu]:
                self.hypervisor.pin(domain.uuid, number, cpus)
            self._scheduling.forget_affinity(domain)

    # ---- life

    def create(self, wanted: CreateDomain) -> Domain:
        """Define a domain and, if wanted, start it with its weight and cap.

        If it does not start it is undefined again: either all of it happens, or nothing.
        """
        document_schema.check(wanted)
        with self._lock:
            known = self.hypervisor.domains()
            others = (*known, *self._foreign(known))
            check_new(wanted, others, self._cpus().count, self.capabilities)
            made = self.hypervisor.define(wanted)
            try:
                self._begin(made.uuid, wanted)
            except BridgeError:
                self._scheduling.forget(made.uuid)
                self._remove(made.uuid)
                raise
            return self._after(replace(made, state="unknown") if wanted.start else made)

    def _begin(self, uuid: str, wanted: CreateDomain) -> None:
        """Keep what a domain is to have that was just defined, and start it if wanted."""
        if wanted.weight is not None or wanted.cap is not None:
            self._scheduling.keep(uuid, SchedulerSettings(wanted.weight, wanted.cap))
        if wanted.autostart:
            self.hypervisor.set_autostart(uuid, True)
        if wanted.start:
            self.start(uuid)

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known, without starting it."""
        return self.create(replace(wanted, start=False))

    def start(self, domain_id: str | int) -> None:
        """Boot a defined domain, and give it its weight and cap again."""
        with self._lock:
            self.hypervisor.start(str(domain_id))
            self._scheduling.restored(self.hypervisor.domain(str(domain_id)))

    def shutdown(self, domain_id: str | int) -> None:
        """Ask the guest to shut down; returns before it has."""
        self.hypervisor.shutdown(self._guest(domain_id).uuid)

    def destroy(self, domain_id: str | int) -> None:
        """End a domain at once."""
        self.hypervisor.destroy(self._guest(domain_id).uuid)

    def undefine(self, domain_id: str | int) -> None:
        """Forget a domain that does not run."""
        with self._lock:
            domain = self._to_be_forgotten(domain_id)
            self.hypervisor.undefine(domain.uuid)
            self._scheduling.forget(domain.uuid)

    def suspend(self, domain_id: str | int) -> None:
        """Pause a running domain."""
        self.hypervisor.suspend(self._guest(domain_id).uuid)

    def resume(self, domain_id: str | int) -> None:
        """Let a paused domain go on."""
        self.hypervisor.resume(str(domain_id))

    def delete(self, domain_id: str | int) -> None:
        """End a domain if it runs, and forget it."""
        with self._lock:
            domain = self._to_be_forgotten(domain_id)
            self._remove(domain.uuid)
            self._scheduling.forget(domain.uuid)

    def _to_be_forgotten(self, domain_id: str | int) -> Domain:
        domain = self._guest(domain_id)
        check_unambiguous(str(domain_id), domain, self._foreign([domain]))
        return domain

    def _guest(self, domain_id: str | int) -> Domain:
        domain = self.hypervisor.domain(str(domain_id))
        check_guest(domain)
        return domain

    def _remove(self, uuid: str) -> None:
        domain = self.hypervisor.domain(uuid)
        if domain.id is not None:
            self.hypervisor.destroy(uuid)
        if domain.persistent:
            self.hypervisor.undefine(uuid)
        elif domain.persistent is None:
            # Nobody can tell: one that was not is gone by now.
            with suppress(SubjectNotFound):
                self.hypervisor.undefine(uuid)

    # ---- moving

    def migrate(self, domain_id: str | int, destination: PhysicalHost | str) -> Domain:
        """Move a running domain live, and give it its weight and cap again over there."""
        require(self.capabilities, Capability.MIGRATION)
        target = destination if isinstance(destination, PhysicalHost) else PhysicalHost(destination)
        with self._lock:
            domain = self._guest(domain_id)
            if domain.id is None:
                raise RequestConflict(f"{domain.name} does not run")
            # Its CPUs are this host's: another has others.
            settings = replace(self._scheduling.of(domain), affinity=())
            self.hypervisor.migrate(domain.uuid, target.uri)
            self._scheduling.forget(domain.uuid)
        try:
            target.adopt(domain.uuid, settings)
        except BridgeError as error:
            LOG.warning("weight and cap of %s are not kept where it is now: %s", domain.name, error)
        return target._after(replace(domain, id=None, state="unknown"))

    def settings_of(self, domain: Domain) -> SchedulerSettings:
        """Return the weight, cap and affinity that a domain was given."""
        return self._scheduling.of(domain)

    def forget_settings(self, uuid: str) -> None:
        """Forget what a domain was given that is elsewhere now."""
        self._scheduling.forget(uuid)

    def adopt(self, uuid: str, settings: SchedulerSettings) -> None:
        """Take over the weight and cap of a domain that has come from elsewhere."""
        self._scheduling.keep(uuid, settings)

    def close(self) -> None:
        """End the connection."""
        self.hypervisor.close()


def _whole(pins: Sequence[VcpuPins]) -> tuple[VcpuPins, ...]:
    """Return the pins of a domain; none unless all are known: no vCPU can run nowhere."""
    return tuple(pins) if all(one.cpus for one in pins) else ()


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
