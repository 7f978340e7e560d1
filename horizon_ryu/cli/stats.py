"""``horizonctl stats`` and ``horizonctl measures``: what switches count, and how they are."""

from __future__ import annotations

from typing import Any

import click

from horizon_ryu.cli import show_stats
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.parsing import dpid_of
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import printable

_STATS, _NODES = ("v1", "stats"), ("v1", "nodes")
PARTS = ("desc", "ports", "tables", "aggregate", "flows")


@click.command()
@click.argument("switch", required=False)
@click.option("--part", type=click.Choice(PARTS), help="only this class of statistics")
@click.pass_obj
def stats(session: Session, switch: str | None, part: str | None) -> None:
    """Show the statistics of all switches, or of one.

    Example: horizonctl stats 1 --part flows
    """
    if switch is None and part is not None:
        raise click.UsageError("name the switch whose statistics you want")
    named = () if switch is None else (dpid_of(switch),)
    path = resource_path(*_STATS, *named, *(() if part is None else (part,)))
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(path, rates=1))
        return
    data = session.client.get(path, rates=1)
    if session.output == "json":
        session.emit_json(data)
    else:
        _show(session, data, switch is None)


@click.command()
@click.argument("node", required=False)
@click.pass_obj
def measures(session: Session, node: str | None) -> None:
    """Show the measures that switches and Xen nodes have in common.

    Example: horizonctl measures xen:xen1:r1
    """
    if node is None:
        names = [item["id"] for item in session.client.get(resource_path(*_NODES))["nodes"]]
    else:
        names = [node if node.startswith("xen:") else dpid_of(node)]
    data, silent = [], []
    for name in names:
        try:
            data.append(session.client.get(resource_path(*_NODES, name, "measures")))
        except Failed as error:
            # One router that is still booting must not hide all others.
            if node is not None:
                raise
            silent.append(f"{printable(name)}: {error.message}")
    if session.output == "table":
        show_stats.measures(session.console, data)
    else:
        session.emit_json(data)
    for text in silent:
        click.echo(text, err=True)


def _show(session: Session, data: dict[str, Any], is_all: bool) -> None:
    if is_all:
        show_stats.overview(session.console, data["datapaths"])
    else:
        show_stats.switch(session.console, data)


COMMANDS = (stats, measures)
