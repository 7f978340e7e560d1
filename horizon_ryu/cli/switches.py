"""``horizonctl switches``: names for switches, which then stand for their dpids everywhere."""

from __future__ import annotations

import click
from rich.table import Table

from horizon_client import switches as requests
from horizon_ryu.cli.parsing import dpid_of
from horizon_ryu.cli.session import Session


@click.group()
def switches() -> None:
    """Give names to switches; a name is taken wherever a dpid is.

    Example: horizonctl switches name 1 s1
    """


@switches.command("names")
@click.pass_obj
def list_names(session: Session) -> None:
    """Show the names that switches have.

    Example: horizonctl switches names
    """
    data = session.client.ask(requests.names().as_document())
    if session.output != "table":
        session.emit_json(data)
        return
    table = Table("dpid", "name")
    for dpid, name in data.get("names", {}).items():
        table.add_row(dpid, name)
    session.console.print(table)


@switches.command("name")
@click.argument("dpid")
@click.argument("name")
@click.pass_obj
def give_name(session: Session, dpid: str, name: str) -> None:
    """Call the switch DPID by NAME: a letter, then up to 31 letters, digits and ._-.

    Example: horizonctl switches name 1 s1
    """
    request = requests.give_name(dpid_of(dpid, session.client), name)
    data = session.client.ask(request.as_document())
    session.done(f"{data.get('dpid', dpid)} is called {name}", data)


@switches.command("unname")
@click.argument("switch")
@click.pass_obj
def take_name(session: Session, switch: str) -> None:
    """Take the name of a switch away.

    Example: horizonctl switches unname s1
    """
    session.client.ask(requests.take_name(dpid_of(switch, session.client)))
    session.done(f"{switch} has no name any more", {"switch": switch, "name": None})


COMMANDS = (switches,)
