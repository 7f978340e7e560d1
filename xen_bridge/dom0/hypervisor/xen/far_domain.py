"""Domain at the destination, as the source asks libvirt there about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xen_bridge.dom0.hypervisor.libvirt_connection import LibvirtConnection
from xen_bridge.dom0.hypervisor.libvirt_errors import binding, translated
from xen_bridge.dom0.hypervisor.xen.migration_uri import MigrationUri
from xen_bridge.dom0.hypervisor.xen.settling import Presence
from xen_bridge.errors import SubjectNotFound


def presence_of(domain: Any) -> Presence:
    """Return how a domain of libvirt's is there."""
    libvirt = binding()
    with translated():
        if not domain.isActive():
            return "absent"
        if domain.jobInfo()[0] != libvirt.VIR_DOMAIN_JOB_NONE:
            return "coming"
        state = domain.state()[0]
    return "paused" if state == libvirt.VIR_DOMAIN_PAUSED else "running"


class FarDomain:
    """One domain, by its UUID, over an open connection."""

    def __init__(self, connection: LibvirtConnection, uuid: str) -> None:
        self._connection = connection
        self._uuid = uuid

    def presence(self) -> Presence:
        """Return how it is there."""
        try:
            return presence_of(self._connection.find(self._uuid))
        except SubjectNotFound:
            return "absent"

    def let_go_on(self) -> None:
        """Have the copy run. Only after the domain here has gone."""
        found = self._connection.find(self._uuid)
        with translated():
            found.resume()

    def remove(self) -> None:
        """Remove a copy that never ran."""
        found = self._connection.find(self._uuid)
        with translated():
            found.destroy()
            if found.isPersistent():
                found.undefine()


@contextmanager
def far_domain(uri: MigrationUri, uuid: str) -> Iterator[FarDomain]:
    """Yield a domain at ``uri``; HypervisorAway if nobody answers there."""
    uri.check_reached()
    connection = LibvirtConnection(uri.text)
    try:
        yield FarDomain(connection, uuid)
    finally:
        connection.close()
