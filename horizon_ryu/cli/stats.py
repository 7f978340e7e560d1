"""``horizonctl stats`` and ``horizonctl measures``: what switches count, and how they are."""

from __future__ import annotations

from typing import Any

import click

from horizon_ryu.cli import show_stats
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.listed_group import ListedGroup
from horizon_ryu.cli.parsing import dpid_of
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import printable

_STATS, _NODES = ("v1", "stats"), ("v1", "nodes")
PARTS = ("desc", "ports", "tables", "aggregate", "flows")


@click.group(cls=ListedGroup)
def stats() -> None:
    """Show the statistics of switches.

    Example: horizonctl stats 1 --part flows
    """


@stats.command("list")
@click.pass_obj
def list_stats(session: Session) -> None:
    """Show the statistics of all switches.

    Example: horizonctl stats list
    """
    _read(session, None, None)


@stats.command("show")
@click.argument("switch", required=False)
@click.option("--part", type=click.Choice(PARTS), help="only this class of statistics")
@click.pass_obj
def show_stats_of(session: Session, switch: str | None, part: str | None) -> None:
    """Show the statistics of one switch.

    Example: horizonctl stats show 1 --part flows
    """
    if switch is None:
        raise click.UsageError("name the switch whose statistics you want")
    _read(session, switch, part)


def _read(session: Session, switch: str | None, part: str | None) -> None:
    named = () if switch is None else (dpid_of(switch, session.client),)
    path = resource_path(*_STATS, *named, *(() if part is None else (part,)))
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(path, rates=1))
        return
    data = session.client.get(path, rates=1)
    if session.output == "json":
        session.emit_json(data)
    else:
        _show(session, data, switch is None)


@click.group(cls=ListedGroup)
def measures() -> None:
    """Show the measures that switches and Xen nodes have in common.

    Example: horizonctl measures xen:xen1:r1
    """


@measures.command("list")
@click.pass_obj
def list_measures(session: Session) -> None:
    """Show those of all nodes.

    Example: horizonctl measures list
    """
    data, silent = [], []
    for item in session.client.get(resource_path(*_NODES))["nodes"]:
        try:
            data.append(session.client.get(resource_path(*_NODES, item["id"], "measures")))
        except Failed as error:
            # One router that is still booting must not hide all others.
            silent.append(f"{printable(item['id'])}: {error.message}")
    _show_measures(session, data)
    for text in silent:
        click.echo(text, err=True)


@measures.command("show")
@click.argument("node")
@click.pass_obj
def show_measures_of(session: Session, node: str) -> None:
    """Show those of one node, a switch or xen:HOST:ROUTER.

    Example: horizonctl measures show xen:xen1:r1
    """
    name = node if node.startswith("xen:") else dpid_of(node, session.client)
    _show_measures(session, [session.client.get(resource_path(*_NODES, name, "measures"))])


def _show_measures(session: Session, data: list[Any]) -> None:
    if session.output == "table":
        show_stats.measures(session.console, data)
    else:
        session.emit_json(data)


def _show(session: Session, data: dict[str, Any], is_all: bool) -> None:
    if is_all:
        show_stats.overview(session.console, data["datapaths"])
    else:
        show_stats.switch(session.console, data)


COMMANDS = (stats, measures)
