"""Flow migrations (``POST /v1/migrations``, report 3.2): migrate, rehearse, look back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from webob import Response

from horizon_ryu.core.errors import Conflict, HorizonError, InvalidInput, NotFound
from horizon_ryu.core.flows.migrate_command import MigrateFlow
from horizon_ryu.core.flows.migration import Migration, MigrationState
from horizon_ryu.flows.migrations import DryRun, MigrationOutcome
from horizon_ryu.http.problem import (
    CONFLICT,
    LIMIT_EXCEEDED,
    NOT_FOUND,
    STORE_WRITE,
    SWITCH_DEADLINE,
    SWITCH_FAILED,
    problem_of,
)
from horizon_ryu.http.resource import (
    XML_TYPES,
    Answer,
    Call,
    Resource,
    operation,
    resources_of,
)
from horizon_ryu.rest.migration_model import (
    MigrationAnswer,
    MigrationModel,
    MigrationRequest,
    MigrationRequests,
    Migrations,
    answer_xml,
    command_of,
    error_xml,
    migration_model,
)

_PARTLY = 207


class MigrationProvider(Protocol):
    """Who migrates: Flow Migration."""

    def migrate(self, commands: Sequence[MigrateFlow]) -> tuple[MigrationOutcome, ...]:
        """Migrate flows together."""

    def dry_run(self, commands: Sequence[MigrateFlow]) -> tuple[DryRun, ...]:
        """Return what that would do."""

    def migrations(self) -> tuple[Migration, ...]:
        """Return every migration that is remembered, oldest first."""

    def migration(self, name: str) -> Migration:
        """Return one; NotFound."""


class MigrationOperations:
    """Operations on migrations; ``provider`` is asked for when the first request comes."""

    tag = "migrations"

    def __init__(self, provider: Callable[[], MigrationProvider]) -> None:
        self._provider = provider

    @operation(
        "POST",
        "/v1/migrations",
        status=201,
        other_statuses={
            200: "What a dry run found; nothing was touched",
            _PARTLY: "Some of several migrations were taken back; each tells its own state",
        },
        xml=answer_xml,
        problems=(
            NOT_FOUND,
            CONFLICT,
            SWITCH_FAILED,
            LIMIT_EXCEEDED,
            *STORE_WRITE,
            SWITCH_DEADLINE,
        ),
    )
    def migrate(self, call: Call, body: MigrationRequests) -> Answer[MigrationAnswer] | Response:
        """Migrate flows without loss; 201 when the traffic has turned and all is clean."""
        try:
            return _carry_out(self._provider(), body)
        except HorizonError as error:
            if call.media_type not in XML_TYPES:
                raise
            return _xml_refusal(error, call.media_type)


class FlowMigrationReader:
    """The migrations of flows, for the listing of all."""

    def __init__(self, provider: Callable[[], MigrationProvider]) -> None:
        self._provider = provider

    def models(self) -> Iterable[MigrationModel]:
        """Return those that are remembered, oldest first."""
        return list(map(migration_model, self._provider().migrations()))

    def model(self, name: str) -> MigrationModel | None:
        """Return one; None if it is not remembered."""
        try:
            return migration_model(self._provider().migration(name))
        except NotFound:
            return None

    def abort(self, name: str) -> MigrationModel | None:
        """Refuse: a flow's migration is taken back by itself or not at all; None if unknown."""
        if self.model(name) is None:
            return None
        raise Conflict("a flow's migration is not aborted: it takes itself back, or moves back")


def resources(provider: Callable[[], MigrationProvider]) -> list[Resource]:
    """Return the resource that migrates; ``provider`` is asked when the first request comes."""
    return resources_of(MigrationOperations(provider))


def _carry_out(provider: MigrationProvider, body: MigrationRequests) -> Answer[MigrationAnswer]:
    asked = body.root
    if isinstance(asked, MigrationRequest) and not asked.bidirectional:
        return _one(provider, asked)
    if isinstance(asked, MigrationRequest):
        requests: tuple[MigrationRequest, ...] = (asked,)
        commands = [command_of(asked, ())]
    else:
        requests = asked
        commands = [command_of(request, (place,)) for place, request in enumerate(asked)]
    if _is_dry(requests):
        found = tuple(migration_model(*dry) for dry in provider.dry_run(commands))
        return Answer(MigrationAnswer(Migrations(migrations=found)), status=200)
    outcomes = provider.migrate(commands)
    models = tuple(migration_model(outcome.record) for outcome in outcomes)
    all_done = all(outcome.record.state is MigrationState.DONE for outcome in outcomes)
    answer = MigrationAnswer(Migrations(migrations=models))
    return Answer(answer, {"Location": "/v1/migrations"}, None if all_done else _PARTLY)


def _one(provider: MigrationProvider, asked: MigrationRequest) -> Answer[MigrationAnswer]:
    command = command_of(asked, ())
    if asked.dry_run:
        (dry,) = provider.dry_run([command])
        return Answer(MigrationAnswer(migration_model(*dry)), status=200)
    ((record, error),) = provider.migrate([command])
    if error is not None:
        raise error
    location = {"Location": f"/v1/migrations/{record.id}"}
    return Answer(MigrationAnswer(migration_model(record)), location)


def _is_dry(asked: Sequence[MigrationRequest]) -> bool:
    """Tell whether all are dry runs; InvalidInput where some are and some are not."""
    dry = [bool(request.dry_run) for request in asked]
    if any(dry) and not all(dry):
        raise InvalidInput((dry.index(False), "dry_run"), "of several, either all or none")
    return all(dry)


def _xml_refusal(error: HorizonError, media_type: str) -> Response:
    """Return the report's error message; the reason is the same as the problem document's."""
    response = Response(status=problem_of(error).status, body=error_xml(error))
    response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
    return response
