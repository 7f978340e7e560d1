"""Refusals: what stands against a migration, found before anything is begun."""

from __future__ import annotations

from collections.abc import Sequence

from xen_bridge.dom0.hypervisor.moving import DomainMover
from xen_bridge.errors import BridgeError, InvalidRequest, PeerAway, RequestConflict
from xen_bridge.migration.peer import Connect, incoming_of
from xen_bridge.protocol.documents.domains import CreateDomain, Domain, VcpuPins
from xen_bridge.protocol.documents.migration import (
    MAX_TEXT,
    MigrateDomain,
    MigrationRefusal,
    RefusedField,
)
from xen_bridge.protocol.documents.migration_advise import IncomingSite


class Refusals:
    """Collects the reasons against one order."""

    def __init__(self, order: MigrateDomain) -> None:
        """Look at the order itself."""
        self._order = order
        self.found: list[MigrationRefusal] = []
        most, pause = order.abort_if_pause_over_s, order.pause_s or 0.0
        if most is not None and most <= pause:
            reason = f"the pause is to be {pause:g} s, and not above {most:g} s"
            self.add("abort_if_pause_over_s", reason)

    def add(self, field: RefusedField, reason: str, is_conflict: bool = False) -> None:
        """Add a reason."""
        self.found.append(MigrationRefusal(field, reason[:MAX_TEXT], is_conflict))

    def definition(self, mover: DomainMover, domain: Domain) -> CreateDomain | None:
        """Return what a domain was defined by; None if it cannot be moved as it is now."""
        try:
            return mover.definition_of(domain.uuid)
        except RequestConflict as error:
            self.add("domain", str(error), True)
            return None

    def ask(
        self,
        connect: Connect,
        mover: DomainMover,
        definition: CreateDomain,
        affinity: Sequence[VcpuPins],
        planes_on: Sequence[str] = (),
    ) -> None:
        """Ask the destination whether the domain could come, and our back end about the answer."""
        order = self._order
        try:
            wanted = incoming_of(order, definition, affinity, planes_on, dry_run=True)
            connection = connect(order)
            try:
                site: IncomingSite = connection.ask(wanted)
            finally:
                connection.close()
            mover.check_site(definition.uuid or "", {one.name: one.value for one in site.facts})
        except BridgeError as error:
            self._refused(error)

    def _refused(self, error: BridgeError) -> None:
        reason = error.msg if isinstance(error, InvalidRequest) else str(error)
        self.add(
            "destination", reason or error.title, isinstance(error, (RequestConflict, PeerAway))
        )
