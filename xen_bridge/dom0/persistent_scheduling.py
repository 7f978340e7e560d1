"""Weight, cap and affinity that last: given again to a domain that runs under a new id."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.rollback import Rollback
from xen_bridge.dom0.settings_store import SchedulerSettings, SettingsStore
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.domains import Domain, SetDomain, VcpuPins

MAX_PROBLEM = 300


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
        kept = old or SchedulerSettings(applied_to=domain.id)
        # What it was given before and has not yet is given with the next look.
        settings = replace(kept, weight=_or(weight, kept.weight), cap=_or(cap, kept.cap))
        self._put(domain, settings, rollback)

    def give_later(
        self, domain: Domain, weight: int | None, cap: int | None, rollback: Rollback
    ) -> None:
        """Keep weight and cap for a domain that does not run; None leaves one as it is."""
        kept = self._settings.get(domain.uuid) or SchedulerSettings()
        settings = replace(kept, weight=_or(weight, kept.weight), cap=_or(cap, kept.cap))
        self._put(domain, replace(settings, applied_to=None), rollback)

    def keep_affinity(
        self, domain: Domain, affinity: tuple[VcpuPins, ...], rollback: Rollback
    ) -> None:
        """Keep where the vCPUs of a domain may run; if it runs, they were told already."""
        kept = self._settings.get(domain.uuid) or SchedulerSettings(applied_to=domain.id)
        self._put(domain, replace(kept, affinity=affinity), rollback)

    def forget_affinity(self, domain: Domain) -> None:
        """Keep no longer where vCPUs may run: one of them was told otherwise."""
        kept = self._settings.get(domain.uuid)
        if kept is not None and kept.affinity:
            self._settings.put(domain.uuid, replace(kept, affinity=()))

    def give_again(self, uuid: str, wanted: SetDomain, rollback: Rollback) -> None:
        """Give a domain that has just been started what is ``wanted``, and else what was kept."""
        kept, domain = (
            self._settings.get(uuid) or SchedulerSettings(),
            self._hypervisor.domain(uuid),
        )
        settings = SchedulerSettings(
            _or(wanted.weight, kept.weight),
            _or(wanted.cap, kept.cap),
            domain.id,
            wanted.affinity or kept.affinity,
        )
        if settings.are_none:
            return
        # Whoever takes this back ends the domain, and its share with it.
        if (settings.weight, settings.cap) != (None, None):
            self._hypervisor.set_scheduler(uuid, settings.weight, settings.cap)
        self._pin(domain, settings)
        self._put(domain, settings, rollback)

    def _pin(self, domain: Domain, settings: SchedulerSettings) -> None:
        """Let the vCPUs that a domain uses run where they were to."""
        count = domain.vcpus.current or 0
        for number, pins in enumerate(pins_of_each(settings.affinity, count)):
            self._hypervisor.pin(domain.uuid, number, pins.cpus)

    def _put(self, domain: Domain, settings: SchedulerSettings, rollback: Rollback) -> None:
        rollback.add(self._settings.restore, domain.uuid, self._settings.get(domain.uuid))
        self._settings.put(domain.uuid, settings)

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

    def seen(self, domain: Domain) -> Domain:
        """Give a domain that runs under a new id what it was given before; return it.

        What cannot be given is among its problems, and tried again at the next look: whoever
        looks is never refused.
        """
        if domain.id is None:
            return self._as_kept(domain)
        # Whoever looks does not wait for a change that takes long: the next look will do.
        if self._missing(domain) is None or not self._lock.acquire(blocking=False):
            return domain
        try:
            return self.restored(domain)
        except BridgeError as error:
            return self._without_cap(domain, error)
        finally:
            self._lock.release()

    def _as_kept(self, domain: Domain) -> Domain:
        """Return a domain that does not run with what it is given when it does."""
        kept = self._settings.get(domain.uuid)
        if kept is None:
            return domain
        has, count = domain.scheduler, domain.vcpus.current or 0
        scheduler = replace(has, weight=_or(kept.weight, has.weight), cap=_or(kept.cap, has.cap))
        pins = tuple(pins_of_each(kept.affinity, count)) or domain.vcpus.affinity
        return replace(domain, scheduler=scheduler, vcpus=replace(domain.vcpus, affinity=pins))

    def _missing(self, domain: Domain) -> SchedulerSettings | None:
        """Return what a domain was given and does not have in this run, as far as is known."""
        settings = self._settings.get(domain.uuid)
        if settings is None or domain.id is None or settings.applied_to == domain.id:
            return None
        return None if "scheduler" in domain.unknown else settings

    def _without_cap(self, domain: Domain, error: BridgeError) -> Domain:
        """Give the weight alone, whose cap may be what was refused; tell of ``error``."""
        settings = self._missing(domain) or SchedulerSettings()
        if settings.cap is not None and settings.weight not in (None, domain.scheduler.weight):
            with suppress(BridgeError):
                self._hypervisor.set_scheduler(domain.uuid, settings.weight, None)
                domain = self._hypervisor.domain(domain.uuid)
        problem = f"the kept {_words(settings)} cannot be given: {error}"[:MAX_PROBLEM]
        return replace(domain, problems=(*domain.problems, problem))

    def restored(self, domain: Domain) -> Domain:
        """Give a domain that runs under a new id what it was given before; return it.

        The lock is held. Raises what the hypervisor refuses. Of one whose share cannot be read,
        nothing is known to be missing.
        """
        settings, has = self._missing(domain), domain.scheduler
        if settings is None:
            return domain
        if (_or(settings.weight, has.weight), _or(settings.cap, has.cap)) != (has.weight, has.cap):
            self._hypervisor.set_scheduler(domain.uuid, settings.weight, settings.cap)
            domain = self._hypervisor.domain(domain.uuid)
        if settings.affinity:
            self._pin(domain, settings)
            domain = self._hypervisor.domain(domain.uuid)
        self._settings.put(domain.uuid, replace(settings, applied_to=domain.id))
        return domain


def pins_of_each(affinity: Sequence[VcpuPins], vcpus: int) -> Sequence[VcpuPins]:
    """Return where each of so many vCPUs may run: one entry is for them all."""
    return (tuple(affinity) * vcpus if len(affinity) == 1 else affinity)[:vcpus]


def _words(settings: SchedulerSettings) -> str:
    weight, cap = settings.weight, settings.cap
    words = [] if weight is None else [f"weight {weight}"]
    words += ["affinity"] if settings.affinity else []
    words += [] if cap is None else [f"cap {cap}"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _or(value: int | None, other: int | None) -> int | None:
    return other if value is None else value
