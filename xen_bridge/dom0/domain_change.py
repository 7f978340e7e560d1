"""Carries a change of a domain out: all of it, or nothing."""

from __future__ import annotations

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.persistent_scheduling import LastingShares
from xen_bridge.dom0.rollback import Undoing
from xen_bridge.protocol.documents.domains import Domain, SetDomain


class DomainChange:
    """What ``wanted`` asks of ``domain``; both are checked."""

    def __init__(
        self, hypervisor: Hypervisor, shares: LastingShares, wanted: SetDomain, domain: Domain
    ) -> None:
        self._hypervisor = hypervisor
        self._shares = shares
        self._wanted = wanted
        self._domain = domain
        self._was_started = False

    def carry_out(self) -> None:
        """Make the change; what the hypervisor refuses is raised, and the rest taken back."""
        with Undoing() as undoing:
            self._begin_to_run(undoing)
            self._set_processor(undoing)
            self._cease_to_run()
            undoing.settle()

    def _begin_to_run(self, undoing: Undoing) -> None:
        """Start or resume before the processor is divided."""
        uuid = self._domain.uuid
        if self._wanted.state != "running":
            return
        if self._domain.state == "paused":
            self._hypervisor.resume(uuid)
            undoing.note(self._hypervisor.suspend, uuid)
        elif self._domain.id is None:
            self._hypervisor.start(uuid)
            undoing.note(self._hypervisor.destroy, uuid)
            self._was_started = True

    def _set_processor(self, undoing: Undoing) -> None:
        # vCPUs bound the cap, on the way back too: more of them come before it, fewer after it.
        # Those that are off cannot be pinned.
        wanted, has = self._wanted.vcpus, self._domain.vcpus.current
        steps = [self._set_vcpus, self._set_share]
        if wanted is not None and has is not None and wanted < has:
            steps.reverse()
        for step in (*steps, self._set_affinity):
            step(undoing)

    def _set_vcpus(self, undoing: Undoing) -> None:
        domain, count = self._domain, self._wanted.vcpus
        if count is not None:
            self._hypervisor.set_vcpus(domain.uuid, count)
            undoing.note(self._hypervisor.set_vcpus, domain.uuid, domain.vcpus.current)

    def _set_share(self, undoing: Undoing) -> None:
        wanted, domain = self._wanted, self._domain
        if self._was_started:
            self._shares.give_again(domain.uuid, wanted.weight, wanted.cap, undoing)
        elif wanted.weight is not None or wanted.cap is not None:
            self._shares.give(domain, wanted.weight, wanted.cap, undoing)

    def _set_affinity(self, undoing: Undoing) -> None:
        wanted, domain = self._wanted, self._domain
        if not wanted.affinity:
            return
        count = wanted.vcpus or domain.vcpus.current or 0
        pins = wanted.affinity * count if len(wanted.affinity) == 1 else wanted.affinity
        before = domain.vcpus.affinity
        for number, one in enumerate(pins[:count]):
            self._hypervisor.pin(domain.uuid, number, one.cpus)
            if number < len(before):
                undoing.note(self._hypervisor.pin, domain.uuid, number, before[number].cpus)

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
