"""Asking of this host's own service, with its own key: what commands of an operator do here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from xen_bridge.cli.node_files import Command, Explained, fail, load_identity
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.protocol.documents.migration import ListMigrations, MigrationStatus

SERVICE_PORT = 7443


def service_option(command: Command) -> Command:
    """Give a command the option that says where the service of this host listens."""
    option = click.option(
        "--url",
        default=f"https://127.0.0.1:{SERVICE_PORT}",
        show_default=True,
        help="Where the service of this host listens.",
    )
    return option(command)


@contextmanager
def own_service(url: str, directory: Path) -> Iterator[BridgeClient]:
    """Yield a client of this host's service, which knows it by the service's own key."""
    identity = load_identity(directory)
    with Explained(directory):
        client = BridgeClient(url, identity.node_pk, identity)
    try:
        yield client
    finally:
        client.close()


def asked(url: str, directory: Path, body: object, router: str | None = None) -> Any:
    """Return what the service of this host, or a router's agent, answers to its own key."""
    with own_service(url, directory) as client:
        try:
            return client.ask(body, router)
        except BridgeError as error:
            fail(f"{url}: {error}")


def known_migrations(url: str, directory: Path) -> tuple[MigrationStatus, ...]:
    """Return the migrations that began at this host; none where its hypervisor knows none."""
    with own_service(url, directory) as client:
        try:
            return tuple(client.ask(ListMigrations()).migrations)
        except BridgeError:
            return ()
