"""``horizonctl xen migrate``, ``abort`` and ``give-up``: move a router, and watch it go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import click
from rich.live import Live

from horizon_ryu.cli import show_migration
from horizon_ryu.cli.asking import NobodyThere
from horizon_ryu.cli.resource_path import ResourcePath, resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import Terminal
from horizon_ryu.cli.xen_parsing import path_of

MODES = ("plane-separation", "standard")
BEGIN_SECONDS = 60.0
"""For the controller and the source to begin."""
POLL_SECONDS = 0.2
RESTART_SECONDS = 60.0
"""For which a controller may be away: one that is restarted finds its migrations again."""


@click.command()
@click.argument("host")
@click.argument("domain")
@click.argument("destination")
@click.option("--mode", type=click.Choice(MODES), default=MODES[0], show_default=True)
@click.option("--dry-run", is_flag=True, help="show the steps and what is against it, do nothing")
@click.option(
    "--abort-if-pause-over", "abort_if_pause_over_s", type=click.FloatRange(0), metavar="SECONDS"
)
@click.option(
    "--pause",
    "pause_s",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="have the router stand still for longer, as copying memory would",
)
@click.option(
    "--tunnels", is_flag=True, help="make bridges that DESTINATION has not, and tunnels to them"
)
@click.option("--no-wait", is_flag=True, help="return when it has begun")
@click.pass_obj
def migrate(
    session: Session, /, host: str, domain: str, dry_run: bool, no_wait: bool, **options: Any
) -> None:
    """Move the router DOMAIN from HOST to the host DESTINATION, and show step after step.

    Exit status 1 unless it is there in the end; with --dry-run, if it would be refused.

    Example: horizonctl xen migrate xen1 r1 xen2
    """
    # Only what is asked for: a flag that is not set says nothing, and 0 seconds are some.
    body = {name: one for name, one in options.items() if one is not None and one is not False}
    if dry_run:
        body["dry_run"] = True
    path = path_of(host, "domains", domain, "migrations")
    data = session.client.post(path, body, BEGIN_SECONDS)
    if dry_run or no_wait:
        _show(session, data)
        is_well = data["state"] != "refused"
    else:
        is_well = _follow(session, data)["state"] == "done"
    if not is_well:
        raise SystemExit(1)


@click.command()
@click.argument("migration")
@click.pass_obj
def abort(session: Session, migration: str) -> None:
    """Have a router's MIGRATION taken back, as long as it is not committed.

    Exit status 1 unless the router is where it was in the end.

    Example: horizonctl xen abort 5f3a9c017b2e
    """
    path = resource_path("v1", "migrations", migration)
    session.client.delete(path, BEGIN_SECONDS)
    if _follow(session, session.client.get(path))["state"] != "rolled_back":
        raise SystemExit(1)


@click.command("give-up")
@click.argument("migration")
@click.option(
    "--router-is",
    type=click.Choice(("here", "there")),
    help="Where the router is to be, if only a destination that is gone knows: at the source"
    " (here), or not.",
)
@click.pass_obj
def give_up(session: Session, migration: str, router_is: str | None) -> None:
    """End a router's MIGRATION that goes on being tried in vain, by what its source can do.

    The router is left where it is. Exit status 1 unless it runs at the source in the end.

    Example: horizonctl xen give-up 5f3a9c017b2e --router-is here
    """
    path = resource_path("v1", "migrations", migration)
    asking = resource_path("v1", "migrations", migration, "give-up")
    session.client.post(asking, {"router_is": router_is}, BEGIN_SECONDS)
    if _follow(session, session.client.get(path))["state"] != "rolled_back":
        raise SystemExit(1)


def _show(session: Session, data: Mapping[str, Any]) -> None:
    if session.output == "table":
        show_migration.migration(session.console, data)
    else:
        session.emit_json(data)


def _follow(session: Session, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show a migration until it has ended, and return it."""
    path = resource_path("v1", "migrations", data["id"])
    try:
        with _watcher(session) as show:
            show(data)
            while data["state"] not in show_migration.ENDED:
                sleep(POLL_SECONDS)
                data = _asked(session, path)
                show(data)
    except KeyboardInterrupt:
        name = data["id"]
        click.echo(
            f"It goes on: horizonctl migrations {name}, horizonctl xen abort {name}", err=True
        )
        raise
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(path))
    elif session.output == "json":
        session.emit_json(data)
    return data


def _asked(session: Session, path: ResourcePath) -> Mapping[str, Any]:
    """Return a migration; a controller that is restarted meanwhile is waited for."""
    deadline = monotonic() + RESTART_SECONDS
    while True:
        try:
            data: Mapping[str, Any] = session.client.get(path)
            return data
        except NobodyThere:
            if monotonic() > deadline:
                raise
            sleep(POLL_SECONDS)


@contextmanager
def _watcher(session: Session) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what shows a migration as it is now, each time it is called."""
    if session.output != "table":
        yield lambda data: None
    elif session.console.is_terminal:
        with Live(console=session.console, refresh_per_second=10, transient=False) as live:
            yield lambda data: live.update(show_migration.progress(data), refresh=True)
    else:
        yield _Lines(session.console)


class _Lines:
    """A line per step, when it begins to be something else, and the end."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._states: dict[int, str] = {}

    def __call__(self, data: Mapping[str, Any]) -> None:
        """Show what is new."""
        for place, step in enumerate(data["steps"]):
            if step["state"] not in ("pending", "running", self._states.get(place)):
                self._states[place] = step["state"]
                self._console.print(show_migration.step_line(step), highlight=False)
        if data["state"] in show_migration.ENDED:
            show_migration.end(self._console, data)


COMMANDS = (migrate, abort, give_up)
