"""Weight and cap that last: given again to a domain whenever it runs under a new id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.rollback import Rollback
from xen_bridge.dom0.settings_store import SchedulerSettings, SettingsStore
from xen_bridge.protocol.documents.domains import Domain


class PersistentScheduling:
    """What the domains of a host were given; ``lock``, reentrant, is held by who changes them."""

    def __init__(self, hypervisor: Hypervisor, store: SettingsStore, lock: Any) -> None:
        self._hypervisor = hypervisor
        self._settings = store
        self._lock = lock

    def give(self, domain: Domain, weight: int | None, cap: int | None, rollback: Rollback) -> None:
        """Set weight and cap of a running domain, and keep them; None leaves one as it is."""
        old, had = self._settings.get(domain.uuid), domain.scheduler
        self._hypervisor.set_scheduler(domain.uuid, weight, cap)
        rollback.add(self._hypervisor.set_scheduler, domain.uuid, had.weight, had.cap)
        kept, running = old or SchedulerSettings(), self._hypervisor.domain(domain.uuid).id
        self._settings.put(
            domain.uuid, SchedulerSettings(_or(weight, kept.weight), _or(cap, kept.cap), running)
        )
        rollback.add(self._settings.restore, domain.uuid, old)

    def keep(self, uuid: str, settings: SchedulerSettings) -> None:
        """Keep what a domain is to have when it runs next, or has come from elsewhere."""
        with self._lock:
            self._settings.put(uuid, replace(settings, applied_to=None))

    def of(self, domain: Domain) -> SchedulerSettings:
        """Return what a domain was given or, if nothing was, what it has."""
        has = domain.scheduler
        return self._settings.get(domain.uuid) or SchedulerSettings(has.weight, has.cap)

    def forget(self, uuid: str) -> None:
        """Forget what a domain was given."""
        self._settings.forget(uuid)

    def restored(self, domain: Domain) -> Domain:
        """Give a domain that runs under a new id what it was given before; return it."""
        settings = self._settings.get(domain.uuid)
        if settings is None or domain.id is None or settings.applied_to == domain.id:
            return domain
        # Whoever looks does not wait for a change that takes long: the next look will do.
        if not self._lock.acquire(blocking=False):
            return domain
        try:
            has = domain.scheduler
            if (_or(settings.weight, has.weight), _or(settings.cap, has.cap)) != (
                has.weight,
                has.cap,
            ):
                self._hypervisor.set_scheduler(domain.uuid, settings.weight, settings.cap)
                domain = self._hypervisor.domain(domain.uuid)
            self._settings.put(domain.uuid, replace(settings, applied_to=domain.id))
            return domain
        finally:
            self._lock.release()


def _or(value: int | None, other: int | None) -> int | None:
    return other if value is None else value
