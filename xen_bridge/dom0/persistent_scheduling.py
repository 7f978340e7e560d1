"""Weight and cap that last: given again to a domain whenever it runs under a new id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from xen_bridge.dom0.hypervisor.interface import Hypervisor
from xen_bridge.dom0.rollback import Undoing
from xen_bridge.dom0.settings_store import Wish, Wishes
from xen_bridge.protocol.documents.domains import Domain


class LastingShares:
    """What the domains of a host were given; ``lock``, reentrant, is held by who changes them."""

    def __init__(self, hypervisor: Hypervisor, wishes: Wishes, lock: Any) -> None:
        self._hypervisor = hypervisor
        self._wishes = wishes
        self._lock = lock

    def give(self, domain: Domain, weight: int | None, cap: int | None, undoing: Undoing) -> None:
        """Set weight and cap of a running domain, and keep them; None leaves one as it is."""
        old, had = self._wishes.get(domain.uuid), domain.scheduler
        self._hypervisor.set_scheduler(domain.uuid, weight, cap)
        undoing.note(self._hypervisor.set_scheduler, domain.uuid, had.weight, had.cap)
        kept, running = old or Wish(), self._hypervisor.domain(domain.uuid).id
        self._wishes.put(domain.uuid, Wish(_or(weight, kept.weight), _or(cap, kept.cap), running))
        undoing.note(self._wishes.restore, domain.uuid, old)

    def keep(self, uuid: str, wish: Wish) -> None:
        """Keep what a domain is to have when it runs next, or has come from elsewhere."""
        with self._lock:
            self._wishes.put(uuid, replace(wish, applied_to=None))

    def of(self, domain: Domain) -> Wish:
        """Return what a domain was given or, if nothing was, what it has."""
        has = domain.scheduler
        return self._wishes.get(domain.uuid) or Wish(has.weight, has.cap)

    def forget(self, uuid: str) -> None:
        """Forget what a domain was given."""
        self._wishes.forget(uuid)

    def restored(self, domain: Domain) -> Domain:
        """Give a domain that runs under a new id what it was given before; return it."""
        wish = self._wishes.get(domain.uuid)
        if wish is None or domain.id is None or wish.applied_to == domain.id:
            return domain
        # Whoever looks does not wait for a change that takes long: the next look will do.
        if not self._lock.acquire(blocking=False):
            return domain
        try:
            has = domain.scheduler
            if (_or(wish.weight, has.weight), _or(wish.cap, has.cap)) != (has.weight, has.cap):
                self._hypervisor.set_scheduler(domain.uuid, wish.weight, wish.cap)
                domain = self._hypervisor.domain(domain.uuid)
            self._wishes.put(domain.uuid, replace(wish, applied_to=domain.id))
            return domain
        finally:
            self._lock.release()


def _or(value: int | None, other: int | None) -> int | None:
    return other if value is None else value
