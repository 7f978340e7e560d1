"""The report's VirtualManagement module (2.1.4): one class that stands for a physical host.

``PhysicalHost("xen:///system")`` is the host itself; ``xen+tls://`` and ``xen+ssh://`` are others.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from xen_bridge import forms
from xen_bridge.documents.domains import (
    CreateDomain,
    Domain,
    DomainScheduling,
    Host,
    SetDomain,
    VcpuAssignment,
    VcpuPins,
)
from xen_bridge.errors import BridgeError, Conflict, InvalidInput, Unsupported
from xen_bridge.hypervisor.interface import Capability, Hypervisor, require
from xen_bridge.hypervisor.opening import open_hypervisor
from xen_bridge.wishes import Wish, Wishes


class PhysicalHost:
    """A physical Xen host: its domains, their share of the processor, their life.

    Domains are named by id, name or UUID. Every call waits for the hypervisor, and may be made
    from any thread. Values are checked before anything is changed. Raises the errors of
    :mod:`xen_bridge.errors`.
    """

    def __init__(
        self, uri: str, hypervisor: Hypervisor | None = None, wishes_file: Path | None = None
    ) -> None:
        """Connect to ``uri``; HypervisorAway if nobody is there.

        ``hypervisor`` replaces what the URI names. ``wishes_file`` keeps weights and caps over
        restarts of this program.
        """
        self.uri = uri
        self.hypervisor = hypervisor if hypervisor is not None else open_hypervisor(uri)
        self._wishes = Wishes(wishes_file)
        self._lock = threading.RLock()

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

    def host(self) -> Host:
        """Return the physical host."""
        return self.hypervisor.host()

    def domains(self, affinity: bool = True) -> tuple[Domain, ...]:
        """Return all domains; those that run anew are given their weight and cap again.

        Without ``affinity`` nobody is asked where vCPUs may run.
        """
        found = [self._restored(domain) for domain in self.hypervisor.domains()]
        return tuple(self._with_affinity(found) if affinity else found)

    def domain(self, domain: str) -> Domain:
        """Return one domain."""
        return self._with_affinity([self._restored(self.hypervisor.domain(domain))])[0]

    def schedulers(self) -> tuple[DomainScheduling, ...]:
        """Return the scheduling parameters of every running domain."""
        require(self.hypervisor, Capability.WEIGHT)
        return tuple(
            DomainScheduling(domain.name, domain.id, domain.scheduler)
            for domain in self.hypervisor.domains()
            if domain.id is not None
        )

    def vcpu_list(self) -> tuple[VcpuAssignment, ...]:
        """Return where every vCPU runs and may run (``xm vcpu-list``)."""
        require(self.hypervisor, Capability.AFFINITY)
        return self.hypervisor.vcpu_list()

    def _with_affinity(self, domains: list[Domain]) -> list[Domain]:
        """Fill in where vCPUs may run, where the back end tells of all domains at once."""
        missing = [item for item in domains if item.id is not None and not item.vcpus.affinity]
        if not missing or Capability.AFFINITY not in self.capabilities:
            return domains
        try:
            assigned = self.hypervisor.vcpu_list()
        except Unsupported:
            return domains
        pins: dict[int, list[VcpuPins]] = {}
        for item in assigned:
            pins.setdefault(item.id, []).append(VcpuPins(item.affinity))
        return [
            replace(item, vcpus=replace(item.vcpus, affinity=tuple(pins.get(item.id, ()))))
            if item in missing and item.id is not None
            else item
            for item in domains
        ]

    # ---- setting

    def set_domain(self, wanted: SetDomain) -> Domain:
        """Change what ``wanted`` names, all of it or nothing; return the domain."""
        forms.check(wanted)
        with self._lock, ExitStack() as undoing:
            domain = self.hypervisor.domain(wanted.domain)
            if wanted.affinity:
                domain = self._with_affinity([domain])[0]
            self._check(wanted, domain)
            self._begin_to_run(wanted, domain, undoing)
            self._set_processor(wanted, domain, undoing)
            self._cease_to_run(wanted, domain)
            # It is as it was asked for: nothing is taken back.
            undoing.pop_all()
            return self.domain(domain.uuid)

    def set_vcpus(self, domain_id: str | int, count: int) -> None:
        """Set how many vCPUs a domain uses, up to its maximum (``xm vcpu-set``)."""
        self.set_domain(SetDomain(str(domain_id), vcpus=count))

    def pin_vcpu(self, domain_id: str | int, vcpu: int | None, cpus: Sequence[int]) -> None:
        """Let a vCPU (None: all) run on these physical CPUs only (``xm vcpu-pin``)."""
        require(self.hypervisor, Capability.AFFINITY)
        with self._lock:
            domain = self.hypervisor.domain(str(domain_id))
            self._check_cpus((VcpuPins(tuple(cpus)),), "cpus")
            numbers = range(domain.vcpus.current) if vcpu is None else [vcpu]
            if vcpu is not None and not 0 <= vcpu < domain.vcpus.current:
                raise InvalidInput(("vcpu",), f"{domain.name} has {domain.vcpus.current} vCPUs")
            for number in numbers:
                self.hypervisor.pin(str(domain.id), number, cpus)

    def _check(self, wanted: SetDomain, domain: Domain) -> None:
        """Raise what is wrong with ``wanted`` before anything is changed."""
        for value, capability in (
            (wanted.weight, Capability.WEIGHT),
            (wanted.cap, Capability.CAP),
            (wanted.vcpus, Capability.VCPUS),
            (wanted.affinity or None, Capability.AFFINITY),
        ):
            if value is not None:
                require(self.hypervisor, capability)
        if wanted.cap is not None:
            self._check_cap(wanted.cap)
        if wanted.vcpus is not None and wanted.vcpus > domain.vcpus.maximum:
            raise InvalidInput(("vcpus",), f"{domain.name} may have {domain.vcpus.maximum}")
        if wanted.affinity:
            self._check_affinity(wanted, domain)
        needs_life = wanted.weight is not None or wanted.cap is not None or bool(wanted.affinity)
        if needs_life and domain.id is None and wanted.state != "running":
            raise Conflict(
                f"{domain.name} does not run: it can be given a share only while it does"
            )

    def _check_cap(self, cap: int) -> None:
        most = 100 * self.hypervisor.host().cpus
        if cap > most:
            raise InvalidInput(("cap",), f"must be at most {most}: 100 per physical CPU")

    def _check_affinity(self, wanted: SetDomain, domain: Domain) -> None:
        self._check_cpus(wanted.affinity, "affinity")
        count = wanted.vcpus or domain.vcpus.current
        if len(wanted.affinity) not in (1, count):
            raise InvalidInput(
                ("affinity",), f"must be one list for all, or one for each of {count}"
            )

    def _check_cpus(self, pins: Sequence[VcpuPins], field: str) -> None:
        most = self.hypervisor.host().cpus
        for one in pins:
            if not one.cpus or not all(0 <= cpu < most for cpu in one.cpus):
                raise InvalidInput((field,), f"physical CPUs are 0 to {most - 1}, at least one")

    def _begin_to_run(self, wanted: SetDomain, domain: Domain, undoing: ExitStack) -> None:
        """Start or resume before the processor is divided."""
        if wanted.state != "running":
            return
        if domain.state == "paused":
            self.hypervisor.resume(domain.uuid)
            undoing.callback(_quietly, self.hypervisor.suspend, domain.uuid)
        elif domain.id is None:
            self.start(domain.uuid)
            undoing.callback(_quietly, self.hypervisor.destroy, domain.uuid)

    def _set_processor(self, wanted: SetDomain, domain: Domain, undoing: ExitStack) -> None:
        # vCPUs first: they bound the cap, and those that are off cannot be pinned.
        if wanted.vcpus is not None:
            self.hypervisor.set_vcpus(domain.uuid, wanted.vcpus)
            undoing.callback(_quietly, self.hypervisor.set_vcpus, domain.uuid, domain.vcpus.current)
        if wanted.weight is not None or wanted.cap is not None:
            self._set_share(wanted, domain, undoing)
        if wanted.affinity:
            self._set_affinity(wanted, domain, undoing)

    def _set_share(self, wanted: SetDomain, domain: Domain, undoing: ExitStack) -> None:
        old, had = self._wishes.get(domain.uuid), domain.scheduler
        self.hypervisor.set_scheduler(domain.uuid, wanted.weight, wanted.cap)
        undoing.callback(_quietly, self.hypervisor.set_scheduler, domain.uuid, had.weight, had.cap)
        self._wish(domain.uuid, wanted.weight, wanted.cap)
        undoing.callback(self._wishes.restore, domain.uuid, old)

    def _set_affinity(self, wanted: SetDomain, domain: Domain, undoing: ExitStack) -> None:
        count = wanted.vcpus or domain.vcpus.current
        pins = wanted.affinity * count if len(wanted.affinity) == 1 else wanted.affinity
        before = domain.vcpus.affinity
        for number, one in enumerate(pins[:count]):
            self.hypervisor.pin(domain.uuid, number, one.cpus)
            if number < len(before):
                undoing.callback(
                    _quietly, self.hypervisor.pin, domain.uuid, number, before[number].cpus
                )

    def _cease_to_run(self, wanted: SetDomain, domain: Domain) -> None:
        """Pause or end after the processor was divided."""
        if wanted.state == "paused":
            if domain.state != "paused":
                self.hypervisor.suspend(domain.uuid)
        elif domain.id is not None and wanted.state == "shutoff":
            self.hypervisor.shutdown(domain.uuid)
        elif domain.id is not None and wanted.state == "destroyed":
            self.hypervisor.destroy(domain.uuid)

    # ---- life

    def create(self, wanted: CreateDomain) -> Domain:
        """Define a domain and, if wanted, start it with its weight and cap.

        If it does not start it is undefined again: either all of it happens, or nothing.
        """
        forms.check(wanted)
        with self._lock:
            self._check_new(wanted)
            made = self.hypervisor.define(wanted)
            if wanted.weight is not None or wanted.cap is not None:
                self._wishes.put(made.uuid, Wish(wanted.weight, wanted.cap))
            if wanted.start:
                self._start_or_undo(made)
            return self.domain(made.uuid)

    def _check_new(self, wanted: CreateDomain) -> None:
        if wanted.weight is not None:
            require(self.hypervisor, Capability.WEIGHT)
        if wanted.cap is not None:
            require(self.hypervisor, Capability.CAP)
            self._check_cap(wanted.cap)
        if wanted.max_vcpus is not None and wanted.max_vcpus < wanted.vcpus:
            raise InvalidInput(("max_vcpus",), "must not be less than vcpus")
        for domain in self.hypervisor.domains():
            if wanted.name == domain.name or wanted.uuid == domain.uuid:
                raise Conflict(f"a domain {domain.name} ({domain.uuid}) exists already")

    def _start_or_undo(self, made: Domain) -> None:
        try:
            self.start(made.uuid)
        except BridgeError:
            self._wishes.forget(made.uuid)
            self._remove(made.uuid)
            raise

    def define(self, wanted: CreateDomain) -> Domain:
        """Make a domain known, without starting it."""
        return self.create(replace(wanted, start=False))

    def start(self, domain_id: str | int) -> None:
        """Boot a defined domain, and give it its weight and cap again."""
        with self._lock:
            self.hypervisor.start(str(domain_id))
            self._restored(self.hypervisor.domain(str(domain_id)))

    def shutdown(self, domain_id: str | int) -> None:
        """Ask the guest to shut down; returns before it has."""
        self.hypervisor.shutdown(str(domain_id))

    def destroy(self, domain_id: str | int) -> None:
        """End a domain at once."""
        self.hypervisor.destroy(str(domain_id))

    def undefine(self, domain_id: str | int) -> None:
        """Forget a domain that does not run."""
        self.hypervisor.undefine(str(domain_id))

    def suspend(self, domain_id: str | int) -> None:
        """Pause a running domain."""
        self.hypervisor.suspend(str(domain_id))

    def resume(self, domain_id: str | int) -> None:
        """Let a paused domain go on."""
        self.hypervisor.resume(str(domain_id))

    def delete(self, domain_id: str | int) -> None:
        """End a domain if it runs, and forget it."""
        with self._lock:
            domain = self.hypervisor.domain(str(domain_id))
            if domain.id == 0:
                raise Conflict("Domain-0 is the host itself")
            self._remove(domain.uuid)
            self._wishes.forget(domain.uuid)

    def _remove(self, uuid: str) -> None:
        domain = self.hypervisor.domain(uuid)
        if domain.id is not None:
            self.hypervisor.destroy(uuid)
        if domain.persistent:
            self.hypervisor.undefine(uuid)

    # ---- moving

    def migrate(self, domain_id: str | int, destination: PhysicalHost | str) -> Domain:
        """Move a running domain live, and give it its weight and cap again over there."""
        require(self.hypervisor, Capability.MIGRATION)
        target = destination if isinstance(destination, PhysicalHost) else PhysicalHost(destination)
        with self._lock:
            domain = self.hypervisor.domain(str(domain_id))
            if domain.id is None:
                raise Conflict(f"{domain.name} does not run")
            wish = self._wishes.get(domain.uuid) or Wish(
                domain.scheduler.weight, domain.scheduler.cap
            )
            self.hypervisor.migrate(domain.uuid, target.uri)
            self._wishes.forget(domain.uuid)
        target.adopt(domain.uuid, wish)
        return target.domain(domain.uuid)

    def adopt(self, uuid: str, wish: Wish) -> None:
        """Take over the weight and cap of a domain that has come from elsewhere."""
        with self._lock:
            self._wishes.put(uuid, replace(wish, applied_to=None))

    # ---- weight and cap that last

    def _wish(self, uuid: str, weight: int | None, cap: int | None) -> None:
        old = self._wishes.get(uuid) or Wish()
        running = self.hypervisor.domain(uuid).id
        self._wishes.put(
            uuid,
            Wish(
                old.weight if weight is None else weight,
                old.cap if cap is None else cap,
                running,
            ),
        )

    def _restored(self, domain: Domain) -> Domain:
        """Give a domain that runs under a new id what it was given before; return it."""
        wish = self._wishes.get(domain.uuid)
        if wish is None or domain.id is None or wish.applied_to == domain.id:
            return domain
        # Whoever looks does not wait for a change that takes long: the next look will do.
        if not self._lock.acquire(blocking=False):
            return domain
        try:
            has = domain.scheduler
            if (wish.weight or has.weight, _or(wish.cap, has.cap)) != (has.weight, has.cap):
                self.hypervisor.set_scheduler(domain.uuid, wish.weight, wish.cap)
                domain = self.hypervisor.domain(domain.uuid)
            self._wishes.put(domain.uuid, replace(wish, applied_to=domain.id))
            return domain
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the connection."""
        self.hypervisor.close()


def _quietly(undo: Callable[..., None], *args: object) -> None:
    """Take one change back; what prevents it must not hide why that is needed."""
    with suppress(BridgeError):
        undo(*args)


def _or(value: int | None, other: int | None) -> int | None:
    return other if value is None else value


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
