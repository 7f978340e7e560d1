"""``horizonctl xen planes``: the routers whose packets Domain 0 passes instead of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
from rich.table import Table

from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import Terminal, stacked, styled
from horizon_ryu.cli.xen_parsing import LONG, path_of

_COLORS = {"separated": "green", "refused": "red", "broken": "red"}


@click.command()
@click.argument("host")
@click.option("--check", is_flag=True, help="have the host look whether all is there")
@click.pass_obj
def planes(session: Session, host: str, check: bool) -> None:
    """Show the routers of a host whose planes are separated, or why they are not.

    With --check also what is missing of one, or there and nobody's (then exit status 1), and the
    shortest dead time of its sessions beside the standstill of its last migration.

    Example: horizonctl xen planes xen1 --check
    """
    data = session.client.get(path_of(host, "planes"), LONG, check="true" if check else None)
    if session.output == "table":
        show(session.console, data["planes"])
        show_tunnels(session.console, data["tunnels"])
        for stray in data["strays"]:
            session.console.print(f"stray: {stray}", soft_wrap=True)
    else:
        session.emit_json(data)
    faults = (one["faults"] for one in (*data["planes"], *data["tunnels"]))
    if check and (data["strays"] or any(faults)):
        raise SystemExit(1)


def show(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show separated routers, one a row; under the table, why one is refused or broken."""
    rows = list(data)
    table = Table()
    for header in ("router", "state", "table", "routes", "in the kernel", "held", "interfaces"):
        table.add_column(header, overflow="fold")
    for plane in rows:
        ports = [f"{port['interface']} {' '.join(port['addresses'])}" for port in plane["ports"]]
        unbound = [f"{name} (in the router alone)" for name in plane["unbound"]]
        table.add_row(
            plane["router"],
            styled(plane["state"], _COLORS.get(plane["state"], "yellow")),
            "-" if plane["table"] is None else str(plane["table"]),
            *(str(plane[name]) for name in ("routes", "installed", "held")),
            stacked([*ports, *unbound]),
        )
    console.print(table)
    for plane in rows:
        silence = _silence(plane.get("silent_s"))
        timers = _timers(plane.get("timers"))
        for said in (*plane["refusals"], *plane["faults"], *silence, *timers):
            console.print(f"{plane['router']}: {said}", soft_wrap=True)


def show_tunnels(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show the ends of tunnels that lead to routers, one a line, if there are any."""
    for one in data:
        mtu = "not there" if one["mtu"] is None else f"MTU {one['mtu']}"
        way = f"{one['near']} to {one['far']}"
        console.print(f"tunnel {one['device']} of {one['bridge']}: {way}, {mtu}", soft_wrap=True)
        for fault in one["faults"]:
            console.print(f"{one['device']}: {fault}", soft_wrap=True)


def _silence(seconds: float | None) -> Iterator[str]:
    if seconds is not None:
        yield f"its agent has said nothing for {seconds:.0f} s: its routes may have changed since"


def _timers(timers: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what is to be said of the dead times of a router's sessions."""
    if timers is None:
        return
    yield from (f"dead times unknown: {why}" for why in timers["unknown"])
    pause = timers["last_pause_s"]
    stood = "never moved" if pause is None else f"it stood still {pause:.3g} s"
    for session in timers["sessions"][:1]:
        who = f"{session['protocol']}, {session['peer']}"
        yield f"shortest dead time {session['seconds']:g} s ({who}); {stood}"
    if timers["warning"] is not None:
        yield f"warning: {timers['warning']}"
