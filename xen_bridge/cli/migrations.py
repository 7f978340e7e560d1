"""Migrations that begin at this host: the commands that list them, and end what cannot end."""

from __future__ import annotations

from pathlib import Path

import click

from xen_bridge.cli.asking import asked, service_option
from xen_bridge.cli.node_files import directory_option
from xen_bridge.protocol.documents.migration import (
    GiveUpMigration,
    ListMigrations,
    MigrationStatus,
    Whereabouts,
)
from xen_bridge.separation.plane_report import migration_lines


@click.group()
def migrations() -> None:
    """The migrations of routers from this host, of which the controller may know nothing.

    \b
    Example:  xen-bridge migrations list
    """


@migrations.command("list")
@service_option
@directory_option
def list_migrations(url: str, directory: Path) -> None:
    """List the migrations that this host remembers, and why one is not settled."""
    _show(asked(url, directory, ListMigrations()).migrations)


@migrations.command("give-up")
@click.argument("migration")
@click.option(
    "--router-is",
    type=click.Choice(("here", "there")),
    help="Where the router is to be, if only a destination that does not answer knows: it goes on"
    " here, or is removed here.",
)
@service_option
@directory_option
def give_up(migration: str, router_is: Whereabouts | None, url: str, directory: Path) -> None:
    """End a MIGRATION that goes on being tried in vain: its destination is gone for good.

    What can be done at this host is done, once, and the router is left where it is. Also one that
    has failed is cleared away here.

    \b
    Example:  xen-bridge migrations give-up 0123456789ab --router-is here
    """
    _show((asked(url, directory, GiveUpMigration(migration, router_is)),))


def _show(found: tuple[MigrationStatus, ...]) -> None:
    for line in migration_lines(found):
        click.echo(line)
