"""Host of namespaces that moves its running domains to another one of the same machine.

The processes of a domain are stopped, the outer ends of its links given to the network namespace
of the other host, its files to that host's folder; then the processes go on. It has moved when the
other host has its run record: what is found after an interruption is made whole accordingly.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xen_bridge.announcements import announce
from xen_bridge.dom0.hypervisor.moving import MoveHooks, MoveOrder, Site
from xen_bridge.dom0.hypervisor.netns.domain_store import DomainStore, Reservation, RunRecord
from xen_bridge.dom0.hypervisor.netns.namespace_start import target
from xen_bridge.dom0.hypervisor.netns.netns_host import NetnsHost, check_definition
from xen_bridge.dom0.hypervisor.netns.netns_reader import FoundDomain
from xen_bridge.dom0.hypervisor.netns.processes import (
    boot_id,
    freeze,
    pid_namespace,
    thaw,
)
from xen_bridge.errors import (
    BridgeError,
    HypervisorError,
    InvalidRequest,
    RequestConflict,
    SubjectNotFound,
)
from xen_bridge.netlink import batch
from xen_bridge.netlink.constants import BR_STATE_DISABLED, BR_STATE_FORWARDING
from xen_bridge.netlink.links import KernelLink, hand_over, set_mtu, set_port_state
from xen_bridge.netlink.namespaces import OWN, inode_of, inside, path_of
from xen_bridge.netlink.tables import Netlink
from xen_bridge.netlink.wire import Request
from xen_bridge.protocol.documents.domains import CreateDomain

DEFAULT_BASE = "/var/lib/xen-bridge/netns"
HOST = re.compile(r"[A-Za-z0-9_]{1,31}")
"""No dash: it is where the name of a domain begins, in that of its namespace."""
_TURN = 0.02
"""Seconds between two looks whether the domain may stand still for longer."""


@dataclass(frozen=True, slots=True)
class NetnsSite:
    """Where a domain is to arrive: a host of a machine, and the number that it has there."""

    boot: str
    pid: int
    network: int
    base: str
    host: str
    number: int

    @classmethod
    def read(cls, site: Site) -> NetnsSite:
        """Return what another host told; InvalidRequest unless it is one of this machine."""
        try:
            made = cls(
                site["boot"],
                int(site["pid"]),
                int(site["network"]),
                site["base"],
                site["host"],
                int(site["number"]),
            )
        except (KeyError, ValueError):
            raise InvalidRequest(("destination",), "is no host of network namespaces") from None
        if made.boot != boot_id():
            raise InvalidRequest(
                ("destination",),
                "is another machine: domains that are network namespaces go within one only",
            )
        if not made.base.startswith("/") or HOST.fullmatch(made.host) is None or made.number < 1:
            raise InvalidRequest(("destination",), "tells of a host what none can be")
        return made

    def facts(self) -> Site:
        """Return what :meth:`read` reads."""
        return {
            "boot": self.boot,
            "pid": str(self.pid),
            "network": str(self.network),
            "base": self.base,
            "host": self.host,
            "number": str(self.number),
        }

    @property
    def store(self) -> DomainStore:
        """The files of that host."""
        return DomainStore(Path(self.base), self.host)

    def door(self) -> Path:
        """Return a path to its network namespace."""
        return path_of(self.network, self.pid)


class MovingNetnsHost(NetnsHost):
    """One host of namespaces, from and to which domains are moved."""

    # ---- asked first

    def definition_of(self, domain: str) -> CreateDomain:
        """Return what a running domain was defined by."""
        found, record = self._find_running(domain)
        if record.paused:
            raise RequestConflict(f"{found.name} is paused")
        return found.definition

    def check_incoming(self, definition: CreateDomain) -> Site:
        """Return this host as a site; raise why a domain cannot come here."""
        check_definition(definition)
        self._check_is_new(definition)
        bridges = {one.bridge for one in definition.interfaces}
        missing = bridges - {link.name for link in self._netlink.links() if link.kind == "bridge"}
        if missing:
            raise InvalidRequest(("destination",), f"has no bridge {', '.join(sorted(missing))}")
        return self._site_facts(1)

    def prepare_incoming(self, migration: str, definition: CreateDomain) -> Site:
        """Keep a place for a domain, and tell where this host is."""
        uuid = definition.uuid or ""
        with self._store.lock():
            kept = self._store.reservation(uuid)
            if kept is None or kept.migration != migration:
                self.check_incoming(definition)
                kept = Reservation(migration, definition.name, self._store.next_id())
                self._store.reserve(uuid, kept)
        return self._site_facts(kept.number)

    def _site_facts(self, number: int) -> Site:
        base = str(self._store.base.resolve())
        return NetnsSite(boot_id(), os.getpid(), inode_of(), base, self._name, number).facts()

    def check_site(self, uuid: str, site: Site) -> None:
        """Raise InvalidRequest for a site that is not this machine's, or is here."""
        there = NetnsSite.read(site)
        if there.network == inode_of():
            raise InvalidRequest(("destination",), "is this host itself")
        there.door()

    # ---- the move

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        """Stop a domain, hand it over, let it go on; return for how long it stood still."""
        there = NetnsSite.read(order.site)
        found, record = self._begin_move(order)
        stopped = self._stand_still(found, record, pause_s, hooks)
        with self._both_locks(there.store):
            hooks.may_go_on(time.monotonic() - stopped)
            self._hand_over(found, record, order, there)
        hooks.arrived()
        self._let_go(found.uuid, record)
        stood = time.monotonic() - stopped
        if not order.separated:
            with suppress(BridgeError):
                announce_domain(record.pid)
        return stood

    def _begin_move(self, order: MoveOrder) -> tuple[FoundDomain, RunRecord]:
        """Have nobody else change a domain; return it as it was."""
        with self._store.lock():
            found, record = self._find_running(order.uuid)
            self._store.put_run(found.uuid, replace(record, moving=order.migration))
        return found, record

    def _stand_still(
        self, found: FoundDomain, record: RunRecord, pause_s: float, hooks: MoveHooks
    ) -> float:
        """Stop a domain, and return after ``pause_s`` at the earliest; since when it is stopped."""
        if not self._freezer.freeze(found.uuid, record.pid):
            freeze(pid_namespace(record.pid) or "")
        stopped = time.monotonic()
        hooks.stopped()
        self._set_ports(self._ours(found, record), BR_STATE_DISABLED)
        while (stood := time.monotonic() - stopped) < pause_s:
            hooks.may_go_on(stood)
            time.sleep(min(_TURN, pause_s - stood))
        return stopped

    def _let_go(self, uuid: str, record: RunRecord) -> None:
        """Let a domain go on, by whichever way it was stopped."""
        self._freezer.thaw(uuid)
        thaw(pid_namespace(record.pid) or "")

    def _hand_over(
        self, found: FoundDomain, record: RunRecord, order: MoveOrder, there: NetnsSite
    ) -> None:
        """Give links and files to the other host; the locks of both are held."""
        store = there.store
        kept = store.reservation(found.uuid)
        if kept is None or (kept.migration, kept.number) != (order.migration, there.number):
            raise RequestConflict(f"the destination keeps no place for {found.name} any longer")
        self._give_links(found, record, there, order.separated)
        store.put(found.definition)
        # From here on the domain is there.
        store.put_run(found.uuid, replace(record, id=there.number, paused=False, moving=""))
        store.release(found.uuid)
        self._store.remove(found.uuid)

    def settle(self, order: MoveOrder) -> bool:
        """Make whole what an interrupted move left: all of the domain is there, or here."""
        there = NetnsSite.read(order.site)
        with self._both_locks(there.store):
            arrived = there.store.run(order.uuid)
            if arrived is not None:
                self._complete(order, there, arrived)
                return True
            try:
                found = self._find(order.uuid)
            except SubjectNotFound:
                # It ended while it was on its way, and was forgotten by whoever asked for that.
                return False
            if found.record is not None and found.record.moving == order.migration:
                self._take_back(found, found.record, there)
            return False

    def _complete(self, order: MoveOrder, there: NetnsSite, arrived: RunRecord) -> None:
        """Give what is still here of a domain that is there; the locks are held."""
        kept = self._store.run(order.uuid)
        definitions = [one for one in self._store.definitions() if one.uuid == order.uuid]
        if kept is not None and definitions and kept.pid == arrived.pid:
            self._give_links(FoundDomain(definitions[0], kept), kept, there, order.separated)
            self._store.remove(order.uuid)
        there.store.release(order.uuid)
        self._let_go(order.uuid, arrived)

    def _take_back(self, found: FoundDomain, record: RunRecord, there: NetnsSite) -> None:
        """Have back whatever was given of a domain that is to stay; the locks are held."""
        names = {target(there.number, index): index for index in range(_links_of(found))}
        with suppress(SubjectNotFound):
            # Where that namespace is gone, so is what was in it.
            door = there.door()
            for link in inside(door, _named, tuple(names)):
                index = names[link.name]
                bridge = self._bridge(found.definition.interfaces[index].bridge)
                _give(door, OWN, link, target(record.id, index), bridge.index)
        there.store.remove(found.uuid)
        self._set_ports(self._ours(found, record), BR_STATE_FORWARDING)
        self._let_go(found.uuid, record)
        self._store.put_run(found.uuid, replace(record, paused=False, moving=""))
        with suppress(BridgeError):
            announce_domain(record.pid)

    def forget_outgoing(self, order: MoveOrder) -> None:
        """Remove the name of a domain's namespace, which is all that is left here."""
        arrived = NetnsSite.read(order.site).store.run(order.uuid)
        if arrived is not None:
            self._links.forget_all_of(f"hz-{self._name}-", arrived.pid)

    # ---- at the destination

    def is_here(self, uuid: str) -> bool:
        """Tell whether a domain has its run record here."""
        return self._store.run(uuid) is not None

    def abort_incoming(self, migration: str, uuid: str) -> None:
        """Keep no place for a domain any longer."""
        with self._store.lock():
            kept = self._store.reservation(uuid)
            if kept is not None and kept.migration == migration:
                if self.is_here(uuid):
                    raise RequestConflict(f"{kept.name} has come")
                self._store.release(uuid)
                self._store.remove(uuid)

    def finish_incoming(self, migration: str, uuid: str) -> None:
        """Name the namespace of a domain that has come; let it go on if who moved it did not."""
        with self._store.lock():
            found, record = self._find_running(uuid)
            if not record.paused:
                self._let_go(uuid, record)
            self._links.name(self._namespace(found), record.pid)
        # Of a separated router Domain 0 tells its neighbors.
        if any(link.master for link in self._ours(found, record)):
            with suppress(BridgeError):
                announce_domain(record.pid)

    def tell_mtu(self, uuid: str, bridge: str, mtu: int) -> None:
        """Set the MTU of a domain's own ends of its links into a bridge."""
        found, record = self._find_running(uuid)
        links = {link.name: link for link in self._ours(found, record)}
        for index, interface in enumerate(found.definition.interfaces):
            outer = links.get(target(record.id, index))
            if interface.bridge == bridge and outer is not None and outer.lower is not None:
                inside(Path(f"/proc/{record.pid}/ns/net"), _change, [set_mtu(outer.lower, mtu)])

    # ---- links

    def _ours(self, found: FoundDomain, record: RunRecord) -> tuple[KernelLink, ...]:
        return _named(tuple(target(record.id, index) for index in range(_links_of(found))))

    def _bridge(self, name: str) -> KernelLink:
        found = _named((name,))
        if not found:
            raise HypervisorError(f"no bridge {name} here")
        return found[0]

    @staticmethod
    def _set_ports(links: tuple[KernelLink, ...], state: int) -> None:
        """Have the bridges pass frames of a domain, or none; it does not lose its carrier."""
        # One that somebody took out of its bridge has no state there.
        _change([set_port_state(link.index, state) for link in links if link.master])

    def _give_links(
        self, found: FoundDomain, record: RunRecord, there: NetnsSite, separated: bool
    ) -> None:
        door = there.door()
        for link in self._ours(found, record):
            index = int(link.name.rpartition(".")[2])
            name = found.definition.interfaces[index].bridge
            bridges = inside(door, _named, (name,))
            if not bridges:
                raise HypervisorError(f"the destination has no bridge {name} any longer")
            # What Domain 0 passes packets for has left its bridge here. The rest of a router's
            # interfaces are its own: by one of them its agent is reached.
            is_bound = separated and not link.master
            master = None if is_bound else bridges[0].index
            _give(OWN, door, link, target(there.number, index), master)

    @contextmanager
    def _both_locks(self, other: DomainStore) -> Iterator[None]:
        """Hold the locks of both hosts' folders; hosts that share one share its lock."""
        stores = {str(store.base.resolve()): store for store in (self._store, other)}
        with ExitStack() as stack:
            for base in sorted(stores):
                stack.enter_context(stores[base].lock())
            yield


def announce_domain(pid: int) -> None:
    """Tell the neighbors of a domain, from its own interfaces, where its addresses are now."""
    inside(Path(f"/proc/{pid}/ns/net"), _announce_all)


def _announce_all() -> None:
    netlink = Netlink()
    try:
        addresses: dict[int, list[str]] = {}
        for one in netlink.addresses():
            addresses.setdefault(one.index, []).append(one.address)
        links = [one for one in netlink.links() if len(one.mac) == 6 and any(one.mac)]
    finally:
        netlink.close()
    for link in links:
        with suppress(BridgeError):
            announce(link.name, link.mac, addresses.get(link.index, ()))


def _links_of(found: FoundDomain) -> int:
    return len(found.definition.interfaces)


def _named(names: tuple[str, ...]) -> tuple[KernelLink, ...]:
    """Return the links of these names in the namespace of the calling thread."""
    netlink = Netlink()
    try:
        return tuple(link for link in netlink.links() if link.name in names)
    finally:
        netlink.close()


def _give(source: Path, door: Path, link: KernelLink, name: str, master: int | None) -> None:
    """Have a link of the namespace ``source`` be one of ``door``, by that name, perhaps bridged."""
    descriptor = os.open(door, os.O_RDONLY | os.O_CLOEXEC)
    try:
        change = [hand_over(link.index, descriptor, name, master)]
        if source is OWN:
            _change(change)
        else:
            inside(source, _change, change)
    finally:
        os.close(descriptor)


def _change(requests: list[Request]) -> None:
    refused = batch.write(requests)
    if refused:
        raise HypervisorError(f"the kernel does not move a link: {refused[0].reason}")
