"""Nodes beside this one: the commands that list a host's routers, and a router's hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xen_bridge.cli.node_files import Explained, directory_option, fail
from xen_bridge.server.routers import FILE as ROUTERS
from xen_bridge.server.routers import HOSTS_FILE as HOSTS
from xen_bridge.server.routers import RouterList, check_router


@click.group()
def router() -> None:
    """The virtual routers of this host, and their agents.

    \b
    Example:  xen-bridge router add r1 https://10.0.0.11:7444 MCowBQYDK2VwAyEA…
    """


@router.command("add")
@click.argument("name")
@click.argument("url")
@click.argument("node_pk")
@directory_option
def add_router(name: str, url: str, node_pk: str, directory: Path) -> None:
    """Make the agent of the virtual router NAME known; at once, without a restart."""
    with Explained(directory):
        RouterList(directory / ROUTERS).put(check_router(name, url, node_pk))


@router.command("remove")
@click.argument("name")
@directory_option
def remove_router(name: str, directory: Path) -> None:
    """Forget the agent of the virtual router NAME."""
    with Explained(directory):
        removed = RouterList(directory / ROUTERS).remove(name)
    if not removed:
        fail(f"no router {name!r}; there are: {', '.join(_routers(directory)) or 'none'}")


@router.command("list")
@directory_option
def list_routers(directory: Path) -> None:
    """List the agents that are known."""
    for item in _routers(directory).values():
        click.echo(f"{item.name} {item.url} {item.node_pk}")


@click.group()
def host() -> None:
    """The Domain 0s that may host this virtual router, and pass its packets.

    \b
    Example:  xen-bridge host add xen1 https://10.0.0.1:7443 MCowBQYDK2VwAyEA…
    """


@host.command("add")
@click.argument("name")
@click.argument("url")
@click.argument("node_pk")
@directory_option
def add_host(name: str, url: str, node_pk: str, directory: Path) -> None:
    """Have the agent of this router say Hello to the Domain 0 NAME; at once, without a restart."""
    with Explained(directory):
        RouterList(directory / HOSTS).put(check_router(name, url, node_pk))


@host.command("remove")
@click.argument("name")
@directory_option
def remove_host(name: str, directory: Path) -> None:
    """Forget the Domain 0 NAME."""
    with Explained(directory):
        removed = RouterList(directory / HOSTS).remove(name)
    if not removed:
        known = RouterList(directory / HOSTS).routers()
        fail(f"no host {name!r}; there are: {', '.join(known) or 'none'}")


@host.command("list")
@directory_option
def list_hosts(directory: Path) -> None:
    """List the Domain 0s that are known."""
    for item in RouterList(directory / HOSTS).routers().values():
        click.echo(f"{item.name} {item.url} {item.node_pk}")


def _routers(directory: Path) -> Any:
    return RouterList(directory / ROUTERS).routers()
