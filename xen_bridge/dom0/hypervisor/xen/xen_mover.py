"""Xen host that moves its running domains to another one, and takes those of others.

libvirt moves them (Xen research, 5.3); what it leaves behind when it fails is made whole here. A
domain has moved when it runs at the destination, where the source lets it go on after it has gone.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from xen_bridge.dom0.hypervisor import domain_definition
from xen_bridge.dom0.hypervisor.domain_xml import DomainDescription
from xen_bridge.dom0.hypervisor.libvirt_connection import LibvirtConnection
from xen_bridge.dom0.hypervisor.libvirt_errors import binding, translated
from xen_bridge.dom0.hypervisor.libvirt_reader import DEFINITION
from xen_bridge.dom0.hypervisor.moving import MoveHooks, MoveOrder, Site
from xen_bridge.dom0.hypervisor.xen.disk_identity import check_same, facts_of
from xen_bridge.dom0.hypervisor.xen.far_domain import far_domain, presence_of
from xen_bridge.dom0.hypervisor.xen.live_move import LiveMove
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.dom0.hypervisor.xen.settling import Here, left, settled
from xen_bridge.dom0.hypervisor.xen.xen_site import (
    XenSite,
    boot_id,
    missing_bridges,
    unconnected,
)
from xen_bridge.dom0.hypervisor.xen_hypervisor import XenHypervisor
from xen_bridge.dom0.hypervisor.xl import Run
from xen_bridge.errors import BridgeError, InvalidRequest, RequestConflict, SubjectNotFound
from xen_bridge.protocol.documents.domains import CreateDomain

LOG = logging.getLogger(__name__)


class MovingXenHost(XenHypervisor):
    """A Xen host, from and to which domains are moved.

    ``migration_uri`` is where its peers reach its libvirt; without one none of theirs come here.
    """

    def __init__(
        self, uri: str, migration_uri: MigrationUri | None = None, run: Run | None = None
    ) -> None:
        super().__init__(uri, run)
        self._migration_uri = migration_uri

    # ---- asked first

    def definition_of(self, domain: str) -> CreateDomain:
        """Return what a running domain was defined by; RequestConflict if it cannot be moved."""
        found = self.find(domain)
        self._heal(found)
        with translated():
            name, presence = found.name(), presence_of(found)
            text = found.XMLDesc(DEFINITION)
        if presence != "running":
            why = {"absent": "does not run", "paused": "is paused"}
            raise RequestConflict(f"{name} {why.get(presence, 'is busy with another job')}")
        devices = DomainDescription(text).host_devices
        if devices:
            # libvirt refuses it: the device stays in this machine.
            raise RequestConflict(f"{name} has PCI devices of this host: {', '.join(devices)}")
        try:
            return domain_definition.definition_of(text)
        except ValueError as error:
            raise RequestConflict(f"{name} cannot be moved: {error}") from error

    def check_incoming(self, definition: CreateDomain) -> Site:
        """Return this host as a site; raise why a domain cannot come here."""
        if self._migration_uri is None:
            raise InvalidRequest(
                ("destination",),
                "takes no domains: its xen-bridge serve has no --migration-uri, where its peers "
                "reach its libvirt",
            )
        missing = missing_bridges(definition)
        if missing:
            raise InvalidRequest(("destination",), f"has no bridge {', '.join(missing)}")
        host = self.host()
        free = host.free_memory_kb
        if free is not None and free < definition.memory_kb:
            raise RequestConflict(
                f"has {free} kB of free memory, and {definition.name} needs {definition.memory_kb}"
            )
        disks = facts_of(definition.disks)
        own = _libvirt_id(self.connection())
        return XenSite(self._migration_uri, boot_id(), own, host.version, disks).facts()

    def prepare_incoming(self, migration: str, definition: CreateDomain) -> Site:
        """Tell where this host is: libvirt makes the room when the domain comes."""
        return self.check_incoming(definition)

    def check_site(self, uuid: str, site: Site) -> None:
        """Raise why a domain cannot be moved to that site: it is here, a disk is not shared ..."""
        there = XenSite.read(site)
        there.check_from(boot_id(), self.host().version)
        disks = self.definition_of(uuid).disks
        check_same(disks, facts_of(disks), there.disks)
        there.uri.check_reached()
        asked = LibvirtConnection(there.uri.text)
        try:
            if _libvirt_id(asked.connection()) != there.libvirt:
                raise InvalidRequest(
                    ("destination",), f"{there.uri.text} leads to another libvirt than its own"
                )
        finally:
            asked.close()

    # ---- the move

    def move(self, order: MoveOrder, pause_s: float, hooks: MoveHooks) -> float:
        """Move a domain, let it go on there, and return for how long it stood still."""
        uri = XenSite.read(order.site).uri
        moving = LiveMove(self.find(order.uuid), uri, hooks)
        with self._explained():
            moving.carry_out()
        stopped = moving.stopped if moving.stopped is not None else time.monotonic()
        hooks.arrived()
        with far_domain(uri, order.uuid) as copy:
            time.sleep(max(pause_s - (time.monotonic() - stopped), 0.0))
            copy.let_go_on()
        return time.monotonic() - stopped

    def settle(self, order: MoveOrder) -> bool:
        """Make whole what an interrupted move left: it is there (True), or here and runs."""
        here = self._here(order.uuid)
        if here == "running":
            # Also while nobody answers there: a copy goes on by our word alone.
            self._heal(self.find(order.uuid))
        if here == "off":
            LOG.info("%s does not run here any more", order.uuid)
        try:
            return self._settled_with(order, here)
        except BridgeError as error:
            if order.given_up is None:
                raise
            is_there = left(here, order.given_up)
            if is_there:
                LOG.warning(
                    "%s has gone from here, and is given up (%s): at the destination it may stand "
                    "paused until somebody lets it go on (virsh resume)",
                    order.uuid,
                    error,
                )
            return is_there

    @staticmethod
    def _settled_with(order: MoveOrder, here: Here) -> bool:
        with far_domain(XenSite.read(order.site).uri, order.uuid) as copy:
            what = settled(here, copy.presence())
            if what == "remove_copy":
                copy.remove()
            if what == "let_copy_go_on":
                copy.let_go_on()
        return what in ("let_copy_go_on", "there")

    def _here(self, uuid: str) -> Here:
        try:
            found = self.find(uuid)
        except SubjectNotFound:
            return "gone"
        presence = presence_of(found)
        if presence == "coming":
            return "busy"
        listed = None if presence == "absent" else self._listed(found)
        if listed is None:
            return "off"
        return "suspended" if listed == "shutdown" else "running"

    def _listed(self, found: Any) -> str | None:
        """Return the state of a domain as Xen has it, by xl; None if it has none of that id."""
        with translated():
            number = found.ID()
        states = [one.state for one in self._needed_xl().list() if one.id == number]
        return states[0] if states else None

    def _heal(self, found: Any) -> None:
        """Have libvirt know again that a domain runs.

        After a migration that failed before the domain stood still, libvirt (9.0) takes it for
        paused, and cannot resume what is not: so it is paused for that moment.
        """
        libvirt = binding()
        with translated():
            state, reason = found.state()[:2]
            number = found.ID()
        after_migration = (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_MIGRATION)
        if (state, reason) != after_migration or self._listed(found) != "running":
            return
        LOG.warning("domain %d runs, and libvirt takes it for paused: it is told", number)
        self._needed_xl().pause(number)
        with translated():
            found.resume()

    def forget_outgoing(self, order: MoveOrder) -> None:
        """Remove the definition of a domain that is there, and what of it is suspended here."""
        try:
            found = self.find(order.uuid)
        except SubjectNotFound:
            return
        here = self._here(order.uuid)
        if here in ("running", "busy"):
            raise RequestConflict("it runs here")
        with translated():
            is_persistent = found.isPersistent()
            if here == "suspended":
                found.destroy()
            if is_persistent:
                found.undefine()

    # ---- at the destination

    def is_here(self, uuid: str) -> bool:
        """Tell whether a domain that was to come has come and runs.

        RequestConflict for one that is whole and paused: whether it may run its source alone knows.
        """
        try:
            presence = presence_of(self.find(uuid))
        except SubjectNotFound:
            return False
        if presence == "paused":
            raise RequestConflict(
                "it stands paused here until its source, where it may run, says that it is gone"
            )
        return presence == "running"

    def is_connected(self, uuid: str) -> bool:
        """Tell whether the domain's own driver has taken up all of its interfaces here."""
        cards = self.domain(uuid).interfaces
        return not unconnected(one.target for one in cards if one.target)

    def abort_incoming(self, migration: str, uuid: str) -> None:
        """Do nothing, as no room was made; RequestConflict if the domain is here."""
        try:
            presence = presence_of(self.find(uuid))
        except SubjectNotFound:
            return
        if presence != "absent":
            raise RequestConflict(f"it is {presence} here")

    def finish_incoming(self, migration: str, uuid: str) -> None:
        """Do nothing: a domain that runs here is known to libvirt whole."""


def moving_xen_host(uri: str, migration_uri: str | None = None) -> MovingXenHost:
    """Return the host at ``uri``; InvalidRequest for a migration URI that is none."""
    read = None if migration_uri is None else MigrationUri.read(migration_uri, "migration-uri")
    return MovingXenHost(uri, read)


def _libvirt_id(connection: Any) -> str:
    """Return what a libvirt daemon calls its host; it has no other name for one of Xen (9.0)."""
    with translated():
        return str(connection.getHostname())
