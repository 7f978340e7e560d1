"""Migrations of routers in JSON and XML: what may be asked for, and what is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from horizon_ryu.core.xen.router_migration import (
    Mode,
    RouterMigration,
    RouterRefusal,
    RouterRequest,
    State,
    StepState,
)
from horizon_ryu.formats.router_migration import RouterMigrationDocument, RouterStepDocument
from horizon_ryu.http.problem import CONFLICT, INVALID, ProblemError, clean, invalid
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.xen_models import HostName
from xen_bridge.protocol.documents.migration import MAX_PAUSE_S

Pause = Annotated[float, Field(ge=0, le=MAX_PAUSE_S)]


class RouterMigrationRequest(Model):
    """Where a router is to be moved, and how.

    ``plane-separation`` has the data plane go on in Domain 0 while the domain is moved (report
    2.2.2); ``standard`` is the hypervisor's own migration (2.2.1).
    """

    destination: HostName
    mode: Mode
    dry_run: bool = Field(
        default=False, description="Tell what would be done and what is against it; touch nothing"
    )
    abort_if_pause_over_s: Pause = optional(
        description="Take it back if the domain stands still for longer (seconds)"
    )
    pause_s: Pause = optional(
        description="Lengthen the standstill, as copying memory would (seconds), on hosts that can"
    )

    tunnels: bool = Field(
        default=False,
        description="Make the bridges that the destination has not, and tunnels to those at home",
    )

    def asked(self, host: str, domain: str) -> RouterRequest:
        """Return what is asked for, of a domain of a host."""
        return RouterRequest(
            host=host,
            domain=domain,
            destination=self.destination,
            mode=self.mode,
            abort_if_pause_over_s=self.abort_if_pause_over_s,
            pause_s=self.pause_s,
            tunnels=self.tunnels,
        )


class GiveUpRequest(Model):
    """How a migration that cannot end is given up.

    ``router_is`` says where the router is to be, if only a destination that does not answer knows.
    """

    router_is: Literal["here", "there"] | None = None


class RouterStepModel(Model):
    """One step; its times are seconds since the migration began, null until then."""

    name: str
    state: StepState
    began_s: float | None
    ended_s: float | None
    detail: str | None


class RefusalModel(Model):
    """A reason why it would be refused, and the field of the request that it is about."""

    field: str
    reason: str


class RouterMigrationModel(Model):
    """The migration of a router to another host.

    ``requested``: it is unclear whether the source has heard of it; ``installing``: it is under
    way, and can be taken back; ``committed``: it is carried through; ``aborting``: it is being
    taken back; ``rolled_back``: the router runs at the source as before. A dry run is ``planned``
    or ``refused``. ``silence`` says why the source does not tell how far it is, null while it does.
    ``pause_ms`` is how long the domain stood still, ``lost`` how many data packets were dropped;
    null where nobody knows. ``unsettled`` is what the source tries again, how often it was in vain,
    and why; it is there only while something is.
    """

    id: str
    kind: Literal["router"] = "router"
    host: str
    domain: str
    uuid: str | None
    destination: str
    mode: Mode
    state: State
    started: float
    duration_ms: float | None
    pause_ms: float | None
    lost: int | None
    problem: str | None
    silence: str | None
    steps: tuple[RouterStepModel, ...]
    unsettled: str = optional(description="What goes on being tried in vain, and why")
    refusals: tuple[RefusalModel, ...] = optional(description="Of a dry run")


def router_migration_model(record: RouterMigration) -> RouterMigrationModel:
    """Return a router's migration for an answer."""
    asked = record.asked
    steps = tuple(
        RouterStepModel(
            name=step.name,
            state=step.state,
            began_s=step.began_s,
            ended_s=step.ended_s,
            detail=_clean(step.detail),
        )
        for step in record.steps
    )
    is_dry = record.state in ("planned", "refused")
    more: dict[str, Any] = {"refusals": tuple(map(_refusal, record.refusals))} if is_dry else {}
    if record.unsettled is not None:
        more["unsettled"] = clean(record.unsettled)
    return RouterMigrationModel(
        id=record.id,
        kind="router",
        host=asked.host,
        domain=clean(record.name),
        uuid=record.uuid,
        destination=asked.destination,
        mode=asked.mode,
        state=record.state,
        started=record.started,
        duration_ms=record.duration_ms,
        pause_ms=record.pause_ms,
        lost=record.lost,
        problem=_clean(record.problem),
        silence=_clean(record.silence),
        steps=steps,
        **more,
    )


def _refusal(found: RouterRefusal) -> RefusalModel:
    return RefusalModel(field=found.field, reason=clean(found.reason))


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


def refused(refusals: Iterable[RouterRefusal]) -> ProblemError:
    """Return the error that names every reason against a migration, each with its field.

    It is a conflict if the state of things alone forbids it.
    """
    found = tuple(refusals)
    is_conflict = all(one.is_conflict for one in found)
    return invalid(
        (((one.field,), one.reason) for one in found), CONFLICT if is_conflict else INVALID
    )


def router_migration_document(model: RouterMigrationModel) -> RouterMigrationDocument:
    """Return the XML document of a router's migration."""
    steps = tuple(
        RouterStepDocument(
            name=step.name, state=step.state, began_s=step.began_s, ended_s=step.ended_s
        )
        for step in model.steps
    )
    return RouterMigrationDocument(
        id=model.id,
        host=model.host,
        domain=model.domain,
        destination=model.destination,
        mode=model.mode,
        status=model.state,
        error=model.problem,
        duration_ms=model.duration_ms,
        pause_ms=model.pause_ms,
        lost=model.lost,
        steps=steps,
    )
