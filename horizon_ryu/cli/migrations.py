"""``horizonctl migrate`` and ``horizonctl migrations``: move flows, and look back."""

from __future__ import annotations

from typing import Any

import click

from horizon_ryu.cli import show_flows, show_migration
from horizon_ryu.cli.flow_options import parameter_options, parameters_in
from horizon_ryu.cli.listed_group import ListedGroup
from horizon_ryu.cli.parsing import dpids_of, match_of
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.core.flows.migrate_command import MIGRATE_PARAMETERS

_MIGRATIONS = ("v1", "migrations")


@click.command()
@click.argument("flow", required=False)
@click.option("--match", "-m", "match", multiple=True, help="instead of FLOW: its match")
@click.option("--through", metavar="DPIDS", default="", help="switches to pass, in order: 1,2,4")
@parameter_options(MIGRATE_PARAMETERS)
@click.option("--both", is_flag=True, help="move the reverse direction along, the same way back")
@click.option("--dry-run", is_flag=True, help="show the plan, and touch nothing")
@click.pass_obj
def migrate(session: Session, /, flow: str | None, match: tuple[str, ...], **options: Any) -> None:
    """Move a flow to a path through other switches, without losing a packet.

    Example: horizonctl migrate 5f3a9c01 --through 1,2,4 --dry-run
    """
    if (flow is None) == (not match):
        raise click.UsageError("name the flow by its id, or by --match")
    body: dict[str, Any] = {"dpids": dpids_of(options["through"], session.client)}
    body |= {"flow": flow} if flow is not None else {"match": match_of(match)}
    body |= parameters_in(options, MIGRATE_PARAMETERS)
    if options["both"]:
        body["bidirectional"] = True
    if options["dry_run"]:
        body["dry_run"] = True
    if session.output == "xml":
        session.emit_xml(session.client.post_for_xml(resource_path(*_MIGRATIONS), body))
        return
    _tell(session, session.client.post(resource_path(*_MIGRATIONS), body))


@click.group(cls=ListedGroup)
def migrations() -> None:
    """Show the migrations that are remembered, of flows and of routers.

    Example: horizonctl migrations show 5f3a9c01
    """


@migrations.command("list")
@click.pass_obj
def list_migrations(session: Session) -> None:
    """Show all of them.

    Example: horizonctl migrations list
    """
    path = resource_path(*_MIGRATIONS)
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(path))
    elif session.output == "table":
        show_flows.migrations(session.console, session.client.get(path)["migrations"])
    else:
        session.emit_json(session.client.get(path))


@migrations.command("show")
@click.argument("migration")
@click.pass_obj
def show_one(session: Session, migration: str) -> None:
    """Show one of them.

    Example: horizonctl migrations show 5f3a9c01
    """
    path = resource_path(*_MIGRATIONS, migration)
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(path))
    else:
        _tell(session, session.client.get(path))


def _tell(session: Session, data: dict[str, Any]) -> None:
    if session.output == "table" and data.get("kind") == "router":
        show_migration.migration(session.console, data)
    elif session.output == "table":
        told = data.get("migrations", [data])
        for each in told:
            show_flows.migration(session.console, each)
        moved = {each["flow"] for each in told}
        for each in told:
            if each.get("reverse", each["flow"]) not in moved:
                show_flows.staying(session.console, each["reverse"])
    else:
        session.emit_json(data)


COMMANDS = (migrate, migrations)
