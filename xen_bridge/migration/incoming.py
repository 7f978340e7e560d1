"""Incoming migration: what a destination does with what it has prepared, and until when.

Pure; ``now`` is in seconds of a clock that does not go back. A destination does not guess whether
the domain has come: it is told by its back end (``is_here``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.migration_advise import (
    LEASE_SECONDS,
    IncomingState,
    PrepareIncoming,
    SiteFact,
)

LocalCommand: TypeAlias = Literal["remove", "finish"]
"""remove: all that was prepared; finish: all that is left to do for a domain that has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMigration:
    """A migration as its destination keeps it; ``source_pk`` is the node that it comes from."""

    wanted: PrepareIncoming = document_field()
    source_pk: str = document_field()
    state: IncomingState = document_field("prepared")
    site: tuple[SiteFact, ...] = document_field((), tag="Fact")
    lost: int | None = document_field(None, least=0)

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do, or to wait for."""
        return self.state in ("finished", "aborted")


def overdue(
    migration: IncomingMigration, heard: float, is_here: bool, now: float
) -> LocalCommand | None:
    """Return what to do about a migration that was last ``heard`` of then: perhaps nothing."""
    if migration.has_ended or now - heard < LEASE_SECONDS:
        return None
    return "finish" if is_here else "remove"


def removed(migration: IncomingMigration) -> IncomingMigration:
    """Return it when all that was prepared has been removed."""
    return replace(migration, state="aborted")


def seen(migration: IncomingMigration, is_here: bool) -> IncomingMigration:
    """Return it as it is now that the domain has come, or has not."""
    if is_here and migration.state == "prepared":
        return replace(migration, state="here")
    return migration


def finished(migration: IncomingMigration, lost: int | None = None) -> IncomingMigration:
    """Return it when all was done for the domain that has come; ``lost`` packets were dropped."""
    return replace(migration, state="finished", lost=lost)
