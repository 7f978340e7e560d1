"""Migrations of both substrates (``/v1/migrations``): flows of OpenFlow and routers of Xen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Protocol, TypeAlias

from pydantic import Discriminator, RootModel

from horizon_ryu.core.errors import NotFound
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.flow_migration import FlowMigrationsDocument
from horizon_ryu.http.problem import CONFLICT, NOT_FOUND, STORE_FAILED
from horizon_ryu.http.resource import Call, PathParameter, Resource, operation, resources_of
from horizon_ryu.rest.migration_model import MigrationModel, migration_document
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.router_migration_model import (
    RouterMigrationModel,
    router_migration_document,
)
from horizon_ryu.rest.xen_models import ASKING

AnyModel: TypeAlias = MigrationModel | RouterMigrationModel
MIGRATION_ID = PathParameter("^[0-9a-f]{12}$", "A migration: 12 lower-case hex digits")
_ONE = {"id": MIGRATION_ID}


class MigrationReader(Protocol):
    """Who remembers the migrations of one substrate."""

    def models(self) -> Iterable[AnyModel]:
        """Return all that are remembered."""

    def model(self, name: str) -> AnyModel | None:
        """Return one; None if it is of another substrate, or not remembered."""

    def abort(self, name: str) -> AnyModel | None:
        """Have one taken back; None as above, Conflict if it cannot be taken back any more."""


class MigrationDirectory:
    """The migrations of all substrates that run in this controller."""

    def __init__(self, order: Callable[[], Sequence[str]] = tuple) -> None:
        """``order`` returns the ids of those that are kept, oldest first."""
        self._order = order
        self._readers: list[MigrationReader] = []

    def add(self, reader: MigrationReader) -> bool:
        """Take in the migrations of ``reader``; True if they are the first."""
        self._readers.append(reader)
        return len(self._readers) == 1

    def models(self) -> list[AnyModel]:
        """Return every migration that is remembered, oldest first."""
        found = [model for reader in self._readers for model in reader.models()]
        # The clock that says when they started may have been set back meanwhile.
        places = {name: place for place, name in enumerate(self._order())}
        return sorted(found, key=lambda one: (places.get(one.id, len(places)), one.started))

    def model(self, name: str) -> AnyModel:
        """Return one; NotFound."""
        return self._found((reader.model(name) for reader in self._readers), name)

    def abort(self, name: str) -> AnyModel:
        """Have one taken back, and return it; NotFound, Conflict."""
        return self._found((reader.abort(name) for reader in self._readers), name)

    @staticmethod
    def _found(answers: Iterable[AnyModel | None], name: str) -> AnyModel:
        for answer in answers:
            if answer is not None:
                return answer
        raise NotFound(f"no migration {name}")


def offer(services: Any, reader: MigrationReader) -> None:
    """Have the controller tell of the migrations of ``reader``."""
    if services.migrations.add(reader):
        services.router.add(resources(services.migrations))


class AnyMigration(RootModel[Annotated[AnyModel, Discriminator("kind")]]):
    """The migration of a flow or of a router: ``kind`` tells which."""


class AllMigrations(Model):
    """Migrations of flows and of routers, oldest first."""

    migrations: tuple[AnyMigration, ...]


def _one_xml(answer: AnyMigration) -> bytes:
    if isinstance(answer.root, MigrationModel):
        return xml_form.write(migration_document(answer.root))
    return xml_form.write(router_migration_document(answer.root))


def _all_xml(answer: AllMigrations) -> bytes:
    found = [one.root for one in answer.migrations]
    flows = tuple(migration_document(one) for one in found if isinstance(one, MigrationModel))
    routers = tuple(
        router_migration_document(one) for one in found if isinstance(one, RouterMigrationModel)
    )
    return xml_form.write(FlowMigrationsDocument(migrations=flows, routers=routers))


class DirectoryOperations:
    """Operations on migrations of either kind."""

    tag = "migrations"

    def __init__(self, directory: MigrationDirectory) -> None:
        self._directory = directory

    @operation("GET", "/v1/migrations", xml=_all_xml, problems=(STORE_FAILED,))
    def list_all(self, _call: Call) -> AllMigrations:
        """List the migrations that are remembered, of flows and of routers, oldest first."""
        found = self._directory.models()
        return AllMigrations(migrations=tuple(map(AnyMigration, found)))

    @operation(
        "GET",
        "/v1/migrations/{id}",
        parameters=_ONE,
        xml=_one_xml,
        problems=(NOT_FOUND, STORE_FAILED),
    )
    def read(self, call: Call) -> AnyMigration:
        """Read one migration."""
        return AnyMigration(self._directory.model(call.path["id"]))

    @operation(
        "DELETE",
        "/v1/migrations/{id}",
        parameters=_ONE,
        status=202,
        xml=_one_xml,
        problems=(CONFLICT, STORE_FAILED, *ASKING),
    )
    def abort(self, call: Call) -> AnyMigration:
        """Have a router's migration taken back, as long as it is not committed."""
        return AnyMigration(self._directory.abort(call.path["id"]))


def resources(directory: MigrationDirectory) -> list[Resource]:
    """Return the resources of the migrations of all substrates."""
    return resources_of(DirectoryOperations(directory))
