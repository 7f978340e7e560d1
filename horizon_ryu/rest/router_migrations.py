"""Migrations of virtual routers (``…/domains/{domain}/migrations``, report 2.2): move one."""

from __future__ import annotations

from collections.abc import Iterable

from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.xen.router_migration import RouterMigration
from horizon_ryu.http.problem import CONFLICT, HOST_FORBIDS, STORE_WRITE
from horizon_ryu.http.resource import Answer, Call, Resource, operation, resources_of
from horizon_ryu.rest.migration_directory import MIGRATION_ID
from horizon_ryu.rest.router_migration_model import (
    GiveUpRequest,
    RouterMigrationModel,
    RouterMigrationRequest,
    refused,
    router_migration_model,
)
from horizon_ryu.rest.xen_hosts import TAG
from horizon_ryu.rest.xen_models import ASKING, DOMAIN_PARAMETER, HOST
from horizon_ryu.xen_hosts.router_migrations import RouterMigrations

_OK = 200


class RouterMigrationOperations:
    """Operation that moves a router to another host."""

    tag = TAG

    def __init__(self, migrations: RouterMigrations) -> None:
        self._migrations = migrations

    @operation(
        "POST",
        "/v1/xen/hosts/{host}/domains/{domain}/migrations",
        parameters={"host": HOST, "domain": DOMAIN_PARAMETER},
        status=202,
        other_statuses={_OK: "What a dry run found; nothing was touched"},
        problems=(CONFLICT, HOST_FORBIDS, *STORE_WRITE, *ASKING),
    )
    def migrate(self, call: Call, body: RouterMigrationRequest) -> Answer[RouterMigrationModel]:
        """Move a router to another host; 202 when that has begun, Location tells how far it is."""
        asked = body.asked(call.path["host"], call.path["domain"])
        if body.dry_run:
            return Answer(router_migration_model(self._migrations.dry_run(asked)), status=_OK)
        record = self._migrations.migrate(asked)
        if record.state == "refused":
            raise refused(record.refusals)
        location = {"Location": f"/v1/migrations/{record.id}"}
        return Answer(router_migration_model(record), location)

    @operation(
        "POST",
        "/v1/migrations/{id}/give-up",
        parameters={"id": MIGRATION_ID},
        status=202,
        problems=(CONFLICT, *STORE_WRITE, *ASKING),
    )
    def give_up(self, call: Call, body: GiveUpRequest) -> RouterMigrationModel:
        """End a router's migration that goes on being tried in vain, by what its source can do."""
        record = self._migrations.give_up(call.path["id"], body.router_is)
        return router_migration_model(record)


def resources(migrations: RouterMigrations) -> list[Resource]:
    """Return the resource that moves routers."""
    return resources_of(RouterMigrationOperations(migrations))


class RouterMigrationReader:
    """The migrations of routers, for the listing of all."""

    def __init__(self, migrations: RouterMigrations) -> None:
        self._migrations = migrations

    def models(self) -> Iterable[RouterMigrationModel]:
        """Return those that are remembered, oldest first."""
        return list(map(router_migration_model, self._migrations.all()))

    def model(self, name: str) -> RouterMigrationModel | None:
        """Return one; None if it is not remembered."""
        record = self._known(name)
        return None if record is None else router_migration_model(record)

    def abort(self, name: str) -> RouterMigrationModel | None:
        """Have one taken back; None if it is not remembered, Conflict."""
        if self._known(name) is None:
            return None
        return router_migration_model(self._migrations.abort(name))

    def _known(self, name: str) -> RouterMigration | None:
        try:
            return self._migrations.get(name)
        except NotFound:
            return None
