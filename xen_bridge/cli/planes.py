"""Separated planes of this host's routers: the commands that list, check, hold and release them."""

from __future__ import annotations

from pathlib import Path

import click

from xen_bridge.cli.asking import asked, known_migrations, own_service, service_option
from xen_bridge.cli.node_files import directory_option
from xen_bridge.errors import BridgeError
from xen_bridge.planes.dead_times import FoundDeadTimes
from xen_bridge.protocol.documents.dead_times import GetDeadTimes, HoldSessions, ReleaseSessions
from xen_bridge.protocol.documents.migration import MigrationStatus
from xen_bridge.protocol.documents.planes import ListPlanes, SeparatedPlane
from xen_bridge.separation.plane_report import (
    RouterTimers,
    check_lines,
    found_of,
    last_pause,
    list_lines,
    tunnel_lines,
    unsettled_lines,
)


@click.group()
def planes() -> None:
    """The routers whose planes are separated: what Domain 0 has made for them.

    \b
    Example:  xen-bridge planes check
    """


@planes.command("list")
@service_option
@directory_option
def list_planes(url: str, directory: Path) -> None:
    """List devices, tables and routes of every router, and the tunnels that lead to some."""
    told = asked(url, directory, ListPlanes())
    unsettled = unsettled_lines(known_migrations(url, directory))
    for line in (*list_lines(told.planes), *tunnel_lines(told.tunnels), *unsettled):
        click.echo(line)


@planes.command("check")
@service_option
@directory_option
def check_planes(url: str, directory: Path) -> None:
    """Compare what is there with what should be, and timers with the last migration's pause.

    Ends with status 1 if something is missing, or is there and of nobody, or a migration goes on
    being tried in vain.
    """
    told = asked(url, directory, ListPlanes(check=True))
    found = told.planes
    migrations = known_migrations(url, directory)
    timers = _timers(url, directory, found, migrations)
    lines = (*check_lines(found, timers), *tunnel_lines(told.tunnels, is_checked=True))
    unsettled = tuple(unsettled_lines(migrations))
    for line in (*lines, *(f"stray: {one}" for one in told.strays), *unsettled):
        click.echo(line)
    if told.strays or unsettled or any(one.faults for one in (*found, *told.tunnels)):
        raise SystemExit(1)


@planes.command("hold")
@click.argument("router")
@click.argument("seconds", type=click.FloatRange(0.1, 60))
@service_option
@directory_option
def hold_sessions(router: str, seconds: float, url: str, directory: Path) -> None:
    """Let the BFD sessions of ROUTER outlast SECONDS of standstill, before it is migrated.

    Their timers are put back by "planes release", or a minute later.
    """
    held = asked(url, directory, HoldSessions(seconds), router).peers
    click.echo("\n".join(held) if held else "no session of BFD is up")


@planes.command("release")
@click.argument("router")
@service_option
@directory_option
def release_sessions(router: str, url: str, directory: Path) -> None:
    """Put the timers back that "planes hold" raised."""
    click.echo("\n".join(asked(url, directory, ReleaseSessions(), router).peers))


def _timers(
    url: str,
    directory: Path,
    planes: tuple[SeparatedPlane, ...],
    migrations: tuple[MigrationStatus, ...],
) -> dict[str, RouterTimers]:
    """Ask each router's agent; one that does not answer is told of."""
    found = {}
    with own_service(url, directory) as client:
        for plane in planes:
            pause = last_pause(plane, migrations)
            try:
                answer = client.ask(GetDeadTimes(), plane.router)
                found[plane.router] = RouterTimers(found_of(answer), None, pause)
            except BridgeError as error:
                found[plane.router] = RouterTimers(FoundDeadTimes(()), str(error), pause)
    return found
