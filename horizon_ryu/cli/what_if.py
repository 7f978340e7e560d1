"""``horizonctl what-if``: cut some of the network in thought, and see what becomes of the flows."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from horizon_ryu.cli.parsing import dpid_of, end_of
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.show_flows import short_dpid

SECONDS = 60.0
"""For a controller with thousands of flows to follow them all."""


@click.command("what-if")
@click.argument("cut", nargs=-1, required=True, metavar="CUT...")
@click.pass_obj
def what_if(session: Session, cut: tuple[str, ...]) -> None:
    """Tell which flows would move or break if CUT were not there; nothing is touched.

    CUT is a switch, or SWITCH:PORT for what is plugged in there.

    Example: horizonctl what-if 3 s1:2
    """
    ports = [end_of(text, session.client) for text in cut if ":" in text]
    switches = [dpid_of(text, session.client) for text in cut if ":" not in text]
    body = {"ports": ports, "switches": switches}
    data = session.client.post(resource_path("v1", "what-if"), body, SECONDS)
    if session.output != "table":
        session.emit_json(data)
        return
    _show(session, data)


def _show(session: Session, data: dict[str, Any]) -> None:
    table = Table("flow", "would", "path", "why")
    for one in data["flows"]:
        path = " > ".join(short_dpid(hop["dpid"]) for hop in one["new_path"] or one["path"])
        table.add_row(one["id"], one["outcome"], path, one["reason"] or "-")
    session.console.print(table)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in data["counts"].items() if count)
    session.console.print(f"flows: {counts or 'none'}", highlight=False)
    parts, gone = data["parts"], len(data["hosts_cut_off"])
    session.console.print(f"the network in {parts} parts, {gone} hosts cut off", highlight=False)


COMMANDS = (what_if,)
