"""``horizonctl flows``: instantiate, set, delete and monitor flows."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from horizon_ryu.cli import show_flows
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.flow_options import parameter_options, parameters_in
from horizon_ryu.cli.parsing import actions_of, dpid_of, dpids_of, end_of, match_of
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session

_FLOWS = ("v1", "flows")
_MATCH_HELP = "FIELD=VALUE, separated by commas; repeatable"


@click.group()
def flows() -> None:
    """Make, show, set and delete flows.

    Example: horizonctl flows add --match dl_type=0x800 --from 10.0.0.1 --to 10.0.0.2
    """


@flows.command("list")
@click.pass_obj
def list_flows(session: Session) -> None:
    """Show all flows.

    Example: horizonctl flows list
    """
    data = session.client.get(resource_path(*_FLOWS))
    if session.output == "table":
        show_flows.flows(session.console, data["flows"])
    else:
        session.emit_json(data)


@flows.command("show")
@click.argument("flow")
@click.pass_obj
def show_flow(session: Session, flow: str) -> None:
    """Show one flow with its path and counters.

    Example: horizonctl flows show 5f3a9c01
    """
    _tell(session, session.client.get(resource_path(*_FLOWS, flow)))


@flows.command("add")
@click.option("--match", "-m", "match", multiple=True, help=_MATCH_HELP)
@click.option("--from", "src", metavar="END", help="DPID:PORT, or a host's IP or MAC address")
@click.option("--to", "dst", metavar="END", help="DPID:PORT, or a host's IP or MAC address")
@click.option("--through", metavar="DPIDS", help="switches to pass, in order: 2,5")
@click.option("--path", "path", metavar="DPIDS", help="every switch to pass: 1,2,5,4")
@click.option("--switch", metavar="DPID", help="make a single entry on this switch instead")
@click.option("--table", type=int, metavar="ID", help="of that entry; 0 by default (1.3)")
@click.option("--action", "-a", "actions", multiple=True, help="output:2, set_dl_vlan:10, drop")
@parameter_options()
@click.option("--both", is_flag=True, help="make the reverse direction, too")
@click.option("--allow-pending", is_flag=True, help="wait for a switch that is away")
@click.pass_obj
def add_flow(session: Session, /, both: bool, allow_pending: bool, **options: Any) -> None:
    """Make a flow from port to port, or a single entry.

    Example: horizonctl flows add -m dl_type=0x800,nw_dst=10.0.0.2 --from 10.0.0.1 --to 10.0.0.2
    """
    body = _request(session, options)
    if both:
        body["bidirectional"] = True
    if allow_pending:
        body["allow_pending"] = True
    _tell(session, session.client.post(resource_path(*_FLOWS), body))


@flows.command("set")
@click.argument("flow")
@click.option("--through", metavar="DPIDS", help="switches to pass, in order")
@click.option("--path", "path", metavar="DPIDS", help="every switch to pass")
@click.option("--action", "-a", "actions", multiple=True, help="of a single entry")
@parameter_options()
@click.pass_obj
def set_flow(session: Session, /, flow: str, **options: Any) -> None:
    """Change a flow; what is not named stays, and no packet is lost.

    Example: horizonctl flows set 5f3a9c01 --priority 40000
    """
    body = _request(session, options)
    if not body:
        raise click.UsageError("name at least one thing to set")
    _tell(session, session.client.patch(resource_path(*_FLOWS, flow), body))


@flows.command("delete")
@click.argument("flow", nargs=-1, required=True)
@click.pass_obj
def delete_flows(session: Session, flow: tuple[str, ...]) -> None:
    """Delete flows, each with its reverse direction.

    Example: horizonctl flows delete 5f3a9c01
    """
    for name in flow:
        session.client.delete(resource_path(*_FLOWS, name))
        session.done(f"flow {name} is deleted", {"deleted": name})


@flows.command("batch")
@click.argument("file", type=click.File("rb"))
@click.pass_obj
def add_batch(session: Session, file: IO[bytes]) -> None:
    """Make the flows in FILE together, all or none: a JSON list of what POST /v1/flows takes.

    Example: horizonctl flows batch flows.json
    """
    try:
        given = json.load(file, parse_constant=_no_number)
    except RecursionError as error:
        raise Failed(f"{file.name} is nested too deeply") from error
    except ValueError as error:
        raise Failed(f"{file.name} is not JSON: {error}") from error
    body = {"flows": given} if isinstance(given, list) else given
    data = session.client.post(resource_path(*_FLOWS, "batch"), body)
    if session.output == "table":
        show_flows.flows(session.console, data["flows"])
    else:
        session.emit_json(data)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _request(session: Session, options: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a request: what was not given is left out."""
    ways = {"waypoints": "through", "path": "path"}
    body: dict[str, Any] = {
        name: dpids_of(options[key], session.client)
        for name, key in ways.items()
        if options[key] is not None
    }
    if options.get("match"):
        body["match"] = match_of(options["match"])
    if options["actions"]:
        body["actions"] = actions_of(options["actions"])
    if options.get("switch") is not None:
        body["dpid"] = dpid_of(options["switch"], session.client)
    if options.get("table") is not None:
        body["table_id"] = options["table"]
    for name in ("src", "dst"):
        if options.get(name) is not None:
            body[name] = end_of(options[name], session.client)
    return body | parameters_in(options)


def _tell(session: Session, flow: dict[str, Any]) -> None:
    if session.output == "table":
        show_flows.flow(session.console, flow)
    else:
        session.emit_json(flow)


COMMANDS = (flows,)
