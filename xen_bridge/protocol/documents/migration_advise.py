"""Migration Advise: what the source's Domain 0 asks of the destination's (report 2.2.4.3).

A destination keeps what it has prepared for as long as it hears of that migration again within
:data:`LEASE_SECONDS`. After that it is removed; unless the domain has come: then the destination
does by itself what is left to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import CreateDomain, VcpuPins
from xen_bridge.protocol.documents.migration import MAX_TEXT, MIGRATION_ID, STEP, Mode

LEASE_SECONDS = 30.0
MAX_FACTS = 64

AdvisedStep = Literal["renew", "finish"]
"""renew: the migration goes on; finish: the domain has come."""
IncomingState = Literal["prepared", "here", "finished", "aborted"]


@dataclass(frozen=True, slots=True)
class SiteFact:
    """One fact about where a domain is to arrive, for the back ends of both sides."""

    name: str = document_field(pattern=STEP)
    value: str = document_field(most=MAX_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareIncoming:
    """Have room made for a domain that is to come; with ``dry_run`` only tell whether it could.

    ``definition`` names its UUID and the MAC of each interface, and its weight and cap; the
    ``affinity`` is what was kept for it.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    definition: CreateDomain = document_field()
    affinity: tuple[VcpuPins, ...] = document_field((), at_most=4096)
    mode: Mode = document_field()
    dry_run: bool = document_field(False)


@dataclass(frozen=True, slots=True)
class AdviseMigration:
    """Tell that a migration goes on, or has come so far that the destination is to take a step."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    step: AdvisedStep = document_field()


@dataclass(frozen=True, slots=True)
class AbortIncoming:
    """Have removed what was prepared; RequestConflict if the domain has come."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)


# ---- answered


@dataclass(frozen=True, slots=True)
class IncomingSite:
    """Where a domain is to arrive, as the destination's back end tells that of the source."""

    facts: tuple[SiteFact, ...] = document_field((), tag="Fact", at_most=MAX_FACTS)


@dataclass(frozen=True, slots=True)
class IncomingStatus:
    """How far a destination has come with a migration."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    state: IncomingState = document_field()
