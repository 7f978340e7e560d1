"""Host of namespaces that has another machine start its running domains anew, and ends them here.

Processes are handed over within one machine only. To another one goes the definition: the domain
stands still here while it is started there, and ends here once that has said that it runs. Its
program has to be there too, under the same path. Neighbors keep what it told them for as long as
its routing daemons ask them to beforehand (graceful restart), and a data plane that went along
keeps its routes.

Only the destination knows whether it was started when an answer is lost: whoever settles has to
tell (``is_there``).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from xen_bridge.dom0.hypervisor.interface import Capability
from xen_bridge.dom0.hypervisor.moving import Graces, MoveHooks, MoveOrder, Site
from xen_bridge.dom0.hypervisor.netns.domain_store import RunRecord
from xen_bridge.dom0.hypervisor.netns.graceful_restart import GracefulRestart, prepared_daemons
from xen_bridge.dom0.hypervisor.netns.netns_mover import (
    DEFAULT_BASE,
    HOST,
    MovingNetnsHost,
    announce_domain,
)
from xen_bridge.dom0.hypervisor.netns.netns_reader import FoundDomain
from xen_bridge.dom0.hypervisor.netns.processes import boot_id, end, kill_named, pid_namespace
from xen_bridge.dom0.hypervisor.xen_uri import XenUri
from xen_bridge.errors import BridgeError, InvalidRequest, RequestConflict, SubjectNotFound
from xen_bridge.netlink.constants import BR_STATE_FORWARDING
from xen_bridge.protocol.documents.domains import CreateDomain


class RestartingNetnsHost(MovingNetnsHost):
    """One host of namespaces, from and to which domains go within this machine or between two."""

    def __init__(self, name: str, base: Path, machine: str = "") -> None:
        """With the name of a ``machine`` it hands no process over to hosts of another one."""
        super().__init__(name, base)
        self._machine = f"{boot_id()}.{machine}" if machine else boot_id()
        self.capabilities |= {Capability.MIGRATION_BY_RESTART}

    def restarts(self, site: Site) -> bool:
        """Tell whether a site is another machine's, where a domain is started anew."""
        if "boot" not in site or HOST.fullmatch(site.get("host", "")) is None:
            raise InvalidRequest(("destination",), "is no host of network namespaces")
        return site["boot"] != self._machine

    def _site_facts(self, number: int) -> Site:
        return {**super()._site_facts(number), "boot": self._machine}

    def check_site(self, uuid: str, site: Site) -> None:
        """Raise InvalidRequest for a site that is no host of namespaces, or is here."""
        if not self.restarts(site):
            super().check_site(uuid, {**site, "boot": boot_id()})

    def _here(self, order: MoveOrder) -> MoveOrder:
        """Return an order of this machine as it is read without a name for the machine."""
        return replace(order, site={**order.site, "boot": boot_id()})

    # ---- at the source

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        """Hand a domain over, or have it started at another machine; return how long it stood."""
        if not self.restarts(order.site):
            return super().move(self._here(order), pause_s, hooks)
        found, record = self._begin_move(order)
        began = time.monotonic()
        graces = self._neighbors_told(found, record, hooks)
        stopped = self._stand_still(found, record, pause_s, hooks)
        hooks.may_go_on(time.monotonic() - stopped)
        with self._store.lock():
            # From here on only the destination knows whether it runs there.
            marked = replace(record, moving=order.migration, is_asked=True)
            self._store.put_run(found.uuid, marked)
        hooks.start_there(_left(graces, time.monotonic() - began))
        hooks.arrived()
        stood = time.monotonic() - stopped
        with self._store.lock():
            self._end_here(found, record)
        return stood

    @staticmethod
    def _neighbors_told(found: FoundDomain, record: RunRecord, hooks: MoveHooks) -> Graces:
        """Have a domain's neighbors keep its routes; return for how long they do."""
        if not found.definition.daemons:
            return ()
        graces, told = GracefulRestart(record.pid).prepare()
        if told:
            hooks.noted(f"graceful restart: {', '.join(told)}")
        return graces

    def is_asked(self, order: MoveOrder) -> bool:
        """Tell whether another machine was asked to start a domain that still is here."""
        if not self.restarts(order.site):
            return False
        record = self._store.run(order.uuid)
        return record is not None and record.moving == order.migration and record.is_asked

    def settle(self, order: MoveOrder) -> bool:
        """Make whole what an interrupted move left: the domain runs there, or here."""
        if not self.restarts(order.site):
            return super().settle(self._here(order))
        with self._store.lock():
            try:
                found = self._find(order.uuid)
            except SubjectNotFound:
                # It is ended here only when it runs there.
                return order.is_there is not False
            record = found.record
            if record is None or record.moving != order.migration:
                return False
            if order.is_there:
                self._end_here(found, record)
                return True
            self._go_on_here(found, record)
            return False

    def _end_here(self, found: FoundDomain, record: RunRecord) -> None:
        end(record.pid, record.start_ticks)
        self._forget_run(found, record.id)
        self._store.remove(found.uuid)

    def _go_on_here(self, found: FoundDomain, record: RunRecord) -> None:
        # Before it hears its neighbors, who wait for daemons that begin anew.
        for name in prepared_daemons(Path(f"/proc/{record.pid}/root")):
            kill_named(pid_namespace(record.pid) or "", name)
        self._set_ports(self._ours(found, record), BR_STATE_FORWARDING)
        self._let_go(found.uuid, record)
        self._store.put_run(found.uuid, replace(record, moving="", is_asked=False))
        with suppress(BridgeError):
            announce_domain(record.pid)

    def forget_outgoing(self, order: MoveOrder) -> None:
        """Remove what is left here of a domain that is there."""
        if not self.restarts(order.site):
            super().forget_outgoing(self._here(order))

    # ---- at the destination

    def start_incoming(
        self,
        migration: str,
        definition: CreateDomain,
        bound: Collection[str],
        graces: Graces = (),
    ) -> None:
        """Start a domain in the place that is kept for it, unless it is here already.

        Its interfaces with the MACs ``bound`` get into no bridge: somebody else binds them. Its
        routing daemons go on from what their neighbors keep for as long as ``graces`` say.
        RequestConflict where no place is kept any longer.
        """
        uuid = definition.uuid or ""
        with self._store.lock():
            if self.is_here(uuid):
                return
            kept = self._store.reservation(uuid)
            if kept is None or kept.migration != migration:
                raise RequestConflict(f"no place is kept for {definition.name} any longer")
            self._store.put(definition)
            try:
                self._start(FoundDomain(definition, None), bound, graces)
            except BaseException:
                self._store.remove(uuid)
                raise
            self._store.release(uuid)


def _left(graces: Graces, seconds: float) -> Graces:
    """Return what is left of what neighbors wait, so many seconds later."""
    return tuple(replace(one, seconds=max(one.seconds - seconds, 0.0)) for one in graces)


def netns_host(uri: str) -> RestartingNetnsHost:
    """Return the host that ``uri`` names; InvalidRequest for a name or option that it has not."""
    named = XenUri.read(uri)
    name = uri.partition("://")[2].partition("/")[2].partition("?")[0] or "host"
    if HOST.fullmatch(name) is None:
        raise InvalidRequest(("uri",), f"{name!r} is no name of a host: letters, digits and _")
    if not named.is_here:
        raise InvalidRequest(("uri",), f"{uri!r} is another machine's")
    options = dict(named.options)
    base, machine = options.pop("state", DEFAULT_BASE), options.pop("machine", "")
    if options or not base.startswith("/") or (machine and HOST.fullmatch(machine) is None):
        told = "its options are state=FOLDER, an absolute path, and machine=NAME"
        raise InvalidRequest(("uri",), f"{uri!r}: {told}")
    return RestartingNetnsHost(name, Path(base), machine)
