"""Separated planes of this host's routers: the commands that list, check, hold and release them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xen_bridge.cli.node_files import Command, Explained, directory_option, fail, load_identity
from xen_bridge.client import BridgeClient
from xen_bridge.errors import BridgeError
from xen_bridge.planes.dead_times import FoundDeadTimes
from xen_bridge.protocol.documents.dead_times import GetDeadTimes, HoldSessions, ReleaseSessions
from xen_bridge.protocol.documents.migration import ListMigrations
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.separation.plane_report import (
    RouterTimers,
    check_lines,
    found_of,
    last_pause,
    list_lines,
    tunnel_lines,
)

SERVICE_PORT = 7443


def _service_option(command: Command) -> Command:
    option = click.option(
        "--url",
        default=f"https://127.0.0.1:{SERVICE_PORT}",
        show_default=True,
        help="Where the service of this host listens.",
    )
    return option(command)


@click.group()
def planes() -> None:
    """The routers whose planes are separated: what Domain 0 has made for them.

    \b
    Example:  xen-bridge planes check
    """


@planes.command("list")
@_service_option
@directory_option
def list_planes(url: str, directory: Path) -> None:
    """List devices, tables and routes of every router, and the tunnels that lead to some."""
    told = _asked(url, directory, ListPlanes())
    for line in (*list_lines(told.planes), *tunnel_lines(told.tunnels)):
        click.echo(line)


@planes.command("check")
@_service_option
@directory_option
def check_planes(url: str, directory: Path) -> None:
    """Compare what is there with what should be, and timers with the last migration's pause.

    Ends with status 1 if something is missing, or is there and of nobody.
    """
    told = _asked(url, directory, ListPlanes(check=True))
    found = told.planes
    timers = _timers(url, directory, found)
    lines = (*check_lines(found, timers), *tunnel_lines(told.tunnels, is_checked=True))
    for line in (*lines, *(f"stray: {one}" for one in told.strays)):
        click.echo(line)
    if told.strays or any(one.faults for one in (*found, *told.tunnels)):
        raise SystemExit(1)


@planes.command("hold")
@click.argument("router")
@click.argument("seconds", type=click.FloatRange(0.1, 60))
@_service_option
@directory_option
def hold_sessions(router: str, seconds: float, url: str, directory: Path) -> None:
    """Let the BFD sessions of ROUTER outlast SECONDS of standstill, before it is migrated.

    Their timers are put back by "planes release", or a minute later.
    """
    held = _asked(url, directory, HoldSessions(seconds), router).peers
    click.echo("\n".join(held) if held else "no session of BFD is up")


@planes.command("release")
@click.argument("router")
@_service_option
@directory_option
def release_sessions(router: str, url: str, directory: Path) -> None:
    """Put the timers back that "planes hold" raised."""
    click.echo("\n".join(_asked(url, directory, ReleaseSessions(), router).peers))


def _timers(
    url: str, directory: Path, planes: tuple[SeparatedPlane, ...]
) -> dict[str, RouterTimers]:
    """Ask each router's agent; one that does not answer is told of."""
    client = BridgeClient(url, load_identity(directory).node_pk, load_identity(directory))
    try:
        migrations = client.ask(ListMigrations()).migrations
    except BridgeError:
        # This host's hypervisor may know no migration.
        migrations = ()
    found = {}
    for plane in planes:
        pause = last_pause(plane, migrations)
        try:
            answer = client.ask(GetDeadTimes(), plane.router)
            found[plane.router] = RouterTimers(found_of(answer), None, pause)
        except BridgeError as error:
            found[plane.router] = RouterTimers(FoundDeadTimes(()), str(error), pause)
    client.close()
    return found


def _asked(url: str, directory: Path, body: object, router: str | None = None) -> Any:
    """Return what the service of this host, or a router's agent, answers to its own key."""
    identity = load_identity(directory)
    with Explained(directory):
        client = BridgeClient(url, identity.node_pk, identity)
    try:
        return client.ask(body, router)
    except BridgeError as error:
        fail(f"{url}: {error}")
    finally:
        client.close()
