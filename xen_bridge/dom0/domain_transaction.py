"""Domain transaction: a change of a domain, carried out as a whole or not at all."""

from __future__ import annotations

from dataclasses import replace

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.persistent_scheduling import PersistentScheduling, pins_of_each
from xen_bridge.dom0.rollback import Rollback
from xen_bridge.protocol.documents.domains import Domain, SetDomain


def as_changed(domain: Domain, wanted: SetDomain) -> Domain:
    """Return ``domain`` as it is after the change that ``wanted`` asks for."""
    weight, cap = wanted.weight, wanted.cap
    scheduler, vcpus = domain.scheduler, domain.vcpus
    if weight is not None or cap is not None:
        scheduler = replace(
            scheduler,
            weight=scheduler.weight if weight is None else weight,
            cap=scheduler.cap if cap is None else cap,
        )
    if wanted.vcpus is not None or wanted.affinity:
        # Where each vCPU may run is told only by who knows it of all.
        vcpus = replace(vcpus, current=wanted.vcpus or vcpus.current, affinity=())
    changed = replace(
        domain,
        scheduler=scheduler,
        vcpus=vcpus,
        on_reboot=wanted.on_reboot or domain.on_reboot,
        on_crash=wanted.on_crash or domain.on_crash,
        autostart=domain.autostart if wanted.autostart is None else wanted.autostart,
        network=None if wanted.no_network else wanted.network or domain.network,
    )
    if wanted.state == "destroyed":
        return replace(changed, id=None, state="shutoff")
    # A guest that was asked to shut down does so when it likes.
    return changed if wanted.state in (None, "shutoff") else replace(changed, state=wanted.state)


class DomainTransaction:
    """What ``wanted`` asks of ``domain``; both are checked."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        shares: PersistentScheduling,
        wanted: SetDomain,
        domain: Domain,
    ) -> None:
        self._hypervisor = hypervisor
        self._scheduling = shares
        self._wanted = wanted
        self._domain = domain
        self._was_started = False

    def carry_out(self) -> None:
        """Make the change; what the hypervisor refuses is raised, and the rest taken back."""
        with Rollback() as rollback:
            self._begin_to_run(rollback)
            self._set_processor(rollback)
            self._set_life_policy(rollback)
            self._set_network(rollback)
            self._cease_to_run()
            rollback.commit()

    def _begin_to_run(self, rollback: Rollback) -> None:
        """Start or resume before the processor is divided."""
        uuid = self._domain.uuid
        if self._wanted.state != "running":
            return
        if self._domain.state == "paused":
            self._hypervisor.resume(uuid)
            rollback.add(self._hypervisor.suspend, uuid)
        elif self._domain.id is None:
            self._hypervisor.start(uuid)
            rollback.add(self._hypervisor.destroy, uuid)
            self._was_started = True

    def _set_processor(self, rollback: Rollback) -> None:
        # vCPUs bound the cap, on the way back too: more of them come before it, fewer after it.
        # Those that are off cannot be pinned.
        wanted, has = self._wanted.vcpus, self._domain.vcpus.current
        steps = [self._set_vcpus, self._set_share]
        if wanted is not None and has is not None and wanted < has:
            steps.reverse()
        for step in (*steps, self._set_affinity):
            step(rollback)

    def _set_vcpus(self, rollback: Rollback) -> None:
        domain, count = self._domain, self._wanted.vcpus
        if count is not None:
            self._hypervisor.set_vcpus(domain.uuid, count)
            rollback.add(self._hypervisor.set_vcpus, domain.uuid, domain.vcpus.current)

    def _set_share(self, rollback: Rollback) -> None:
        wanted, domain = self._wanted, self._domain
        if self._was_started:
            self._scheduling.give_again(domain.uuid, wanted, rollback)
        elif wanted.weight is not None or wanted.cap is not None:
            runs = domain.id is not None
            give = self._scheduling.give if runs else self._scheduling.give_later
            give(domain, wanted.weight, wanted.cap, rollback)

    def _set_affinity(self, rollback: Rollback) -> None:
        wanted, domain = self._wanted, self._domain
        if not wanted.affinity or self._was_started:
            return
        if domain.id is not None:
            self._pin(rollback)
        self._scheduling.keep_affinity(domain, wanted.affinity, rollback)

    def _pin(self, rollback: Rollback) -> None:
        wanted, domain = self._wanted, self._domain
        count = wanted.vcpus or domain.vcpus.current or 0
        before = domain.vcpus.affinity
        for number, one in enumerate(pins_of_each(wanted.affinity, count)):
            self._hypervisor.pin(domain.uuid, number, one.cpus)
            if number < len(before):
                rollback.add(self._hypervisor.pin, domain.uuid, number, before[number].cpus)

    def _set_life_policy(self, rollback: Rollback) -> None:
        """Say what becomes of it when it reboots or crashes, and when the host starts."""
        wanted, had, uuid = self._wanted, self._domain, self._domain.uuid
        if wanted.on_reboot is not None or wanted.on_crash is not None:
            self._hypervisor.set_lifecycle(uuid, wanted.on_reboot, wanted.on_crash)
            rollback.add(self._hypervisor.set_lifecycle, uuid, had.on_reboot, had.on_crash)
        if wanted.autostart is not None:
            self._hypervisor.set_autostart(uuid, wanted.autostart)
            if had.autostart is not None:
                rollback.add(self._hypervisor.set_autostart, uuid, had.autostart)

    def _set_network(self, rollback: Rollback) -> None:
        wanted, had = self._wanted, self._domain
        if wanted.network is not None or wanted.no_network:
            self._hypervisor.set_network(had.uuid, wanted.network)
            rollback.add(self._hypervisor.set_network, had.uuid, had.network)

    def _cease_to_run(self) -> None:
        """Pause or end after the processor was divided."""
        state, domain = self._wanted.state, self._domain
        if state == "paused":
            if domain.state != "paused":
                self._hypervisor.suspend(domain.uuid)
        elif domain.id is not None and state == "shutoff":
            self._hypervisor.shutdown(domain.uuid)
        elif domain.id is not None and state == "destroyed":
            self._hypervisor.destroy(domain.uuid)
