"""Tunnel watch: finds out that a router is gone, whose tunnel nobody would remove else.

Where the bridge was made, a host sees that itself. At home it asks the other host.
"""

from __future__ import annotations

from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError, SubjectNotFound
from xen_bridge.migration.destination import MigrationDestination
from xen_bridge.migration.link_tunnels import TunnelEnd
from xen_bridge.migration.source import MigrationSource
from xen_bridge.migration.tunnel_ends import TunnelEnds
from xen_bridge.protocol.documents.domains import GetDomain
from xen_bridge.trust.identity import Identity
from xen_bridge.virtual_management import PhysicalHost

ASKED_SECONDS = 10.0


class TunnelWatch:
    """Looks now and then; for one thread."""

    def __init__(
        self,
        ends: TunnelEnds,
        host: PhysicalHost,
        identity: Identity,
        source: MigrationSource,
        destination: MigrationDestination,
    ) -> None:
        self._ends = ends
        self._host = host
        self._identity = identity
        self._source = source
        self._destination = destination

    def look(self) -> None:
        """Remove the ends of routers that are gone."""
        self._ends.sweep(self._is_there)

    def _is_there(self, end: TunnelEnd, uuid: str) -> bool:
        if self._source.is_moving(uuid) or self._destination.expects(uuid):
            return True
        try:
            if end.is_away:
                self._host.hypervisor.domain(uuid)
            else:
                self._ask(end, uuid)
        except SubjectNotFound:
            return False
        except BridgeError:
            # Whoever cannot be asked may have it.
            return True
        return True

    def _ask(self, end: TunnelEnd, uuid: str) -> None:
        client = BridgeClient(end.peer_url or "", end.peer_pk, self._identity)
        try:
            client.ask(GetDomain(uuid), None, ASKED_SECONDS)
        finally:
            client.close()
