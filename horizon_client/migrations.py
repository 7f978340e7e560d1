"""Requests for migrations: flows that move to another path, routers that move to another host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from horizon_client.api_path import ApiPath, api_path
from horizon_client.api_request import ApiRequest, api_request, as_model
from horizon_client.switch_ends import dpid_list
from horizon_ryu.rest.migration_directory import AllMigrations, AnyMigration
from horizon_ryu.rest.migration_model import MigrationAnswer, MigrationModel, Migrations
from horizon_ryu.rest.router_migration_model import RouterMigrationModel

BEGIN_SECONDS = 60.0
"""For the controller and the source of a router to begin."""


def list_all() -> ApiRequest[AllMigrations]:
    """Ask for the migrations that are remembered, oldest first, of flows and routers."""
    return api_request("GET", _path(), as_model(AllMigrations))


def read(migration: str) -> ApiRequest[AnyMigration]:
    """Ask for one; ``root`` of the answer is that of a flow or of a router (``kind``)."""
    return api_request("GET", _path(migration), as_model(AnyMigration))


def migrate(
    flow: str, through: Iterable[str | int], *, dry_run: bool = False, **more: Any
) -> ApiRequest[MigrationModel]:
    """Move a flow, by its id, to a path through switches, without losing a packet.

    ``more`` may set ``priority``, ``idle_timeout`` and ``hard_timeout`` along.
    """
    body = {"flow": flow, "dpids": dpid_list(through), "dry_run": dry_run, **more}
    return api_request("POST", _path(), as_model(MigrationModel), body)


def migrate_both(
    flow: str, through: Iterable[str | int], *, dry_run: bool = False, **more: Any
) -> ApiRequest[Migrations]:
    """Move a flow and its reverse direction the same way, together."""
    asked = {"flow": flow, "dpids": dpid_list(through), "bidirectional": True}
    body = {**asked, "dry_run": dry_run, **more}
    return api_request("POST", _path(), as_model(Migrations), body)


def migrate_from(request: Mapping[str, Any] | list[Any]) -> ApiRequest[MigrationAnswer]:
    """Move what a body of ``POST /v1/migrations`` asks for: one flow, or a list of them."""
    return api_request("POST", _path(), as_model(MigrationAnswer), request)


def migrate_router(
    host: str,
    domain: str,
    destination: str,
    *,
    mode: Literal["plane-separation", "standard"] = "plane-separation",
    dry_run: bool = False,
    **more: Any,
) -> ApiRequest[RouterMigrationModel]:
    """Begin to move a router to another host; :func:`read` tells how far it is."""
    path = api_path("v1", "xen", "hosts", host, "domains", domain, "migrations")
    body = {"destination": destination, "mode": mode, "dry_run": dry_run, **more}
    read_answer = as_model(RouterMigrationModel)
    return api_request("POST", path, read_answer, body, seconds=BEGIN_SECONDS)


def abort(migration: str) -> ApiRequest[AnyMigration]:
    """Have a router's migration taken back, as long as it is not committed."""
    path = _path(migration)
    return api_request("DELETE", path, as_model(AnyMigration), seconds=BEGIN_SECONDS)


def give_up(
    migration: str, router_is: Literal["here", "there"] | None = None
) -> ApiRequest[RouterMigrationModel]:
    """End a router's migration that goes on being tried in vain, by what its source can do.

    ``router_is``: where the router is to be, if only a destination that is away knows.
    """
    body = {"router_is": router_is}
    path = _path(migration, "give-up")
    read_answer = as_model(RouterMigrationModel)
    return api_request("POST", path, read_answer, body, seconds=BEGIN_SECONDS)


def _path(*segments: str) -> ApiPath:
    return api_path("v1", "migrations", *segments)
