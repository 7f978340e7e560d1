"""Migration of a virtual router to another host, as the source's Domain 0 is asked for it (2.2.2).

Whoever asks chooses the migration's id: after an answer that was lost, asking for the same id
again begins nothing anew. A migration is known at the source until :data:`MAX_KEPT` later ones
have ended, also after a restart of either side.
"""

from __future__ import annotations

from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DOMAIN, NODE_URL, ROUTER, UUID

MIGRATION_ID = r"[0-9a-f]{12}"
NODE_PK = r"[A-Za-z0-9+/=]{40,200}"
STEP = r"[a-z][a-z0-9_]{0,39}"
BEGIN_SECONDS = 50.0
"""After it was asked for, a migration begins in these or never: who asked need not wonder."""
MAX_PAUSE_S = 3600.0
MAX_STEPS = 32
MAX_REFUSALS = 64
MAX_TEXT = 1000
MAX_KEPT = 100
"""Migrations that have ended, as a node keeps them."""

Mode = Literal["plane-separation", "standard"]
"""With the data plane going on in Domain 0 (report 2.2.2), or the hypervisor's own (2.2.1)."""
RefusedField = Literal[
    "domain", "destination", "mode", "abort_if_pause_over_s", "pause_s", "tunnels"
]
RouterMigrationState = Literal[
    "planned", "refused", "running", "aborting", "done", "rolled_back", "failed"
]
"""planned: nothing was begun (dry run), and nothing stands against it; refused: nothing was begun,
and ``refusals`` says why; aborting: it is being taken back; rolled_back: the router runs and
forwards at the source as before; failed: neither, ``problem`` tells what is where."""
ENDED: tuple[RouterMigrationState, ...] = ("planned", "refused", "done", "rolled_back", "failed")
StepState = Literal["pending", "running", "done", "failed", "undone"]
Whereabouts = Literal["here", "there"]
GivenUp = Literal["here", "there", "unsaid"]
"""Where a router is said to be whose migration was given up by hand."""
"""Of a router: at the source of its migration, or at the destination."""


# ---- asked


@document_form(kw_only=True)
class MigrateDomain:
    """Begin to move a running domain to another host; with ``dry_run`` tell what would be done.

    The destination is given by its name, for people, and by where its own ``xen-bridge`` listens
    and with which key. It is to be aborted if the domain stands still for more than
    ``abort_if_pause_over_s`` seconds; ``pause_s`` lengthens that standstill, as copying memory
    would, where the back end can. With ``tunnels``, a bridge of the domain's that the destination
    has not is made there, and joined with the one here by a tunnel. The answer comes when it has
    begun.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    domain: str = document_field(pattern=DOMAIN)
    destination: str = document_field(pattern=ROUTER)
    destination_url: str = document_field(tag="DestinationUrl", pattern=NODE_URL)
    destination_pk: str = document_field(tag="DestinationPK", pattern=NODE_PK)
    mode: Mode = document_field()
    dry_run: bool = document_field(False)
    abort_if_pause_over_s: float | None = document_field(
        None, tag="AbortIfPauseOverS", least=0, most=MAX_PAUSE_S
    )
    pause_s: float | None = document_field(None, tag="PauseS", least=0, most=MAX_PAUSE_S)
    tunnels: bool = document_field(False)


@document_form
class GetMigration:
    """Ask how far a migration has come; SubjectNotFound for one that was never begun here."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)


@document_form
class ListMigrations:
    """Ask for every migration that this node remembers as its source."""


@document_form
class AbortMigration:
    """Have a migration taken back; RequestConflict once it is committed, or has ended."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)


@document_form
class GiveUpMigration:
    """Have a migration end that cannot: only what can be done at the source is done, at once.

    The router is left where it is. ``router_is`` says where that is, for a router that was to be
    started anew at a destination which does not answer; it counts there alone. RequestConflict
    where it has to be said and is not, and for a migration that has ended well.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    router_is: Whereabouts | None = document_field(None, tag="RouterIs")


# ---- answered


@document_form
class MigrationRefusal:
    """One reason why a migration is not begun, and the field of the request that it is about.

    ``is_conflict`` where it is the state of things that forbids it, and may pass: another migration
    of that domain is under way, or its name is taken at the destination.
    """

    field: RefusedField = document_field()
    reason: str = document_field(least=1, most=MAX_TEXT)
    is_conflict: bool = document_field(False)


@document_form
class MigrationStep:
    """One step; its times are seconds since the migration began, None until then.

    It is undone where it had been done, and was taken back.
    """

    name: str = document_field(pattern=STEP)
    state: StepState = document_field("pending")
    began_s: float | None = document_field(None, tag="BeganS", least=0)
    ended_s: float | None = document_field(None, tag="EndedS", least=0)
    detail: str | None = document_field(None, most=MAX_TEXT)


@document_form(kw_only=True)
class MigrationStatus:
    """How far a migration has come, or what a dry run found.

    ``steps`` are all of them in their order, also those to come. ``is_committed`` from the step on
    after which it is not taken back any more. ``started`` is in seconds since 1970, for people;
    ``duration_s`` is how long it has taken so far, or took; ``pause_s`` how long the domain stood
    still; ``lost`` how many data packets came to the router's data plane and were not passed on, as
    both Domain 0s have counted: None (not known) in the standard mode, or where one did not count.
    ``unsettled`` is what is being tried again, how often it was in vain, and why.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    domain: str = document_field(least=1, most=MAX_TEXT)
    uuid: str = document_field(pattern=UUID)
    destination: str = document_field(pattern=ROUTER)
    mode: Mode = document_field()
    state: RouterMigrationState = document_field()
    is_committed: bool = document_field(False)
    started: float | None = document_field(None, least=0)
    duration_s: float | None = document_field(None, tag="DurationS", least=0)
    pause_s: float | None = document_field(None, tag="PauseS", least=0)
    lost: int | None = document_field(None, least=0)
    problem: str | None = document_field(None, most=MAX_TEXT)
    unsettled: str | None = document_field(None, most=MAX_TEXT)
    refusals: tuple[MigrationRefusal, ...] = document_field((), tag="Refusal", at_most=MAX_REFUSALS)
    steps: tuple[MigrationStep, ...] = document_field((), tag="Step", at_most=MAX_STEPS)


@document_form
class MigrationList:
    """Every migration that a node remembers, oldest first."""

    migrations: tuple[MigrationStatus, ...] = document_field((), tag="Migration")
