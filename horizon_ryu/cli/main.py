"""``horizonctl``: pilot a running controller from a terminal."""

from __future__ import annotations

import math

import click

from horizon_ryu import __version__
from horizon_ryu.cli import (
    experiments,
    flows,
    hosts,
    migrations,
    show,
    show_health,
    slices,
    stats,
    switches,
    top,
    what_if,
    xen,
)
from horizon_ryu.cli.asking import ControllerAsker, Failed
from horizon_ryu.cli.drawing import DRAWN, GRAPHS, drawn, graph_of, write_picture
from horizon_ryu.cli.drawing import FORMS as DRAWINGS
from horizon_ryu.cli.output_option import FORMS, give_everywhere
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import Terminal, printable
from xen_bridge.written_output import WrittenGroup

_TOPOLOGY, _TREE, _NETWORKS = ("v1", "topology"), ("v1", "spanning-tree"), ("v1", "networks")
NETWORK_HELP = "only this virtual network: vlan:10, ip:10.0.0.0/24, or a name"


@click.group(cls=WrittenGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", envvar="HORIZON_URL", default="http://127.0.0.1:8080", show_default=True)
@click.option("--token", envvar="HORIZON_TOKEN", help="bearer token, if the controller wants one")
@click.option(
    "--ca-file",
    envvar="HORIZON_CA_FILE",
    help="authorities (PEM) by which a controller behind TLS is verified",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(FORMS),
    help="of answers; may stand anywhere on the line  [default: table]",
)
@click.version_option(__version__, prog_name="horizonctl", message="%(prog)s %(version)s")
@click.pass_context
def main(
    context: click.Context,
    url: str,
    token: str | None,
    output: str | None,
    ca_file: str | None = None,
) -> None:
    """Pilot virtual networks: ask a Horizon controller, and tell it what to do.

    A switch is named by its dpid, zeros in front left out or not, or by the name that it was given.
    Where the output is no terminal, each record is one line.

    HORIZON_URL, HORIZON_TOKEN and HORIZON_CA_FILE stand for --url, --token and --ca-file.
    Completion, in bash: eval "$(_HORIZONCTL_COMPLETE=bash_source horizonctl)"; zsh_source and
    fish_source for those.

    Example: horizonctl topology
    """
    asker = ControllerAsker(url, token, ca_file)
    context.obj = Session(asker, output or "table", Terminal(), output is not None)


_PARTS = (flows, migrations, hosts, slices, stats, switches, top, what_if, xen, experiments)
for command in (command for part in _PARTS for command in part.COMMANDS):
    main.add_command(command)


@main.command()
@click.pass_obj
def health(session: Session) -> None:
    """Show how the controller is: what is wrong, and every loop's last turn.

    Without a token, where the controller wants one, its status alone. Exit status 1 if it is
    degraded.

    Example: horizonctl health
    """
    data = session.client.get(resource_path("v1", "health"))
    if session.output == "table":
        show_health.health(session.console, data)
    else:
        session.emit_json(data)
    if data["status"] != "ok":
        raise SystemExit(1)


@main.command()
@click.option("--network", help=NETWORK_HELP)
@click.option("--format", "form", type=click.Choice(DRAWINGS), help="a graph, or a picture of it")
@click.pass_obj
def topology(session: Session, network: str | None, form: str | None = None) -> None:
    """Show switches, links and hosts; or draw them (svg and png need Graphviz).

    Example: horizonctl topology --network vlan:10, or
    horizonctl topology --format svg > network.svg
    """
    if form is not None:
        _draw(session, form, network)
        return
    if session.output == "xml":
        session.emit_xml(
            session.client.get_xml(resource_path(*_TOPOLOGY, "links"), network=network)
        )
        return
    data = session.client.get(resource_path(*_TOPOLOGY), network=network)
    if session.output == "json":
        session.emit_json(data)
    else:
        show.topology(session.console, data)


def _draw(session: Session, form: str, network: str | None) -> None:
    if session.is_chosen:
        raise click.UsageError("--format says the form, so -o has none to say")
    if form in DRAWN:
        write_picture(drawn(graph_of(session.client, "dot", network), form))
    else:
        session.emit_xml(graph_of(session.client, form, network))


@main.command()
@click.option("--format", "form", type=click.Choice(GRAPHS), default="graphml", show_default=True)
@click.option("--network", help=NETWORK_HELP)
@click.option("--measures", is_flag=True, help="tell what a loss would split, and distances")
@click.option("--thorough", is_flag=True, help="with --measures: connectivities, betweenness")
@click.pass_obj
def graph(session: Session, form: str, network: str | None, measures: bool, thorough: bool) -> None:
    """Export the topology as a graph, for tools that draw or measure graphs; or measure it.

    Example: horizonctl graph --format dot | dot -Tsvg > topology.svg, or
    horizonctl graph --measures --thorough
    """
    if thorough and not measures:
        raise click.UsageError("--thorough goes with --measures")
    if not measures:
        session.emit_xml(graph_of(session.client, form, network))
        return
    path = resource_path(*_TOPOLOGY, "measures")
    data = session.client.get(path, network=network, thorough="1" if thorough else None)
    if session.output == "json":
        session.emit_json(data)
    else:
        show.graph_measures(session.console, data)


@main.command()
@click.pass_obj
def tree(session: Session) -> None:
    """Draw the spanning tree, one per connected part.

    Example: horizonctl tree
    """
    if session.output == "xml":
        session.emit_xml(session.client.get_xml(resource_path(*_TREE)))
        return
    data = session.client.get(resource_path(*_TREE))
    if session.output == "json":
        session.emit_json(data)
    else:
        show.forest(session.console, data)


@main.group()
def networks() -> None:
    """Name virtual networks, so that their topology can be asked for.

    Example: horizonctl networks add blue vlan:10
    """


@networks.command("list")
@click.pass_obj
def list_networks(session: Session) -> None:
    """Show the named networks.

    Example: horizonctl networks list
    """
    data = session.client.get(resource_path(*_NETWORKS))
    if session.output == "table":
        show.networks(session.console, data["networks"])
    else:
        session.emit_json(data)


@networks.command("add")
@click.argument("name")
@click.argument("definition")
@click.pass_obj
def add_network(session: Session, name: str, definition: str) -> None:
    """Name the network DEFINITION, vlan:ID or ip:RANGE.

    Example: horizonctl networks add lab ip:10.0.0.0/24
    """
    kind, colon, value = definition.partition(":")
    if not colon or kind not in ("vlan", "ip"):
        raise click.BadParameter("write vlan:10 or ip:10.0.0.0/24", param_hint="DEFINITION")
    if kind == "vlan" and not value.isdecimal():
        raise click.BadParameter("a VLAN identifier is a number", param_hint="DEFINITION")
    wanted = {"vlan": int(value)} if kind == "vlan" else {"ip": value}
    body = {"name": name, "definition": wanted}
    data = session.client.post(resource_path(*_NETWORKS), body)
    session.done(f"{name} is {definition}", data)


@networks.command("show")
@click.argument("name")
@click.pass_context
def show_network(context: click.Context, name: str) -> None:
    """Show the switches, links and hosts of a network.

    Example: horizonctl networks show lab
    """
    context.invoke(topology, network=name)


@networks.command("delete")
@click.argument("name")
@click.pass_obj
def delete_network(session: Session, name: str) -> None:
    """Forget a name; the network itself goes on.

    Example: horizonctl networks delete lab
    """
    session.client.delete(resource_path(*_NETWORKS, name))
    session.done(f"{name} is forgotten", {"forgotten": name})


@main.command()
@click.argument("part", type=click.Choice(["topology", "spanning-tree", "stats", "xen"]))
@click.argument("changes", nargs=-1, metavar="[NAME=SECONDS]...")
@click.pass_obj
def timers(session: Session, part: str, changes: tuple[str, ...]) -> None:
    """Show the timers of Discovery, Spanning Tree, Stats or Xen, or set some.

    Example: horizonctl timers spanning-tree port_hold_time=5
    """
    path = resource_path("v1", part, "timers")
    wanted = dict(_timer(text) for text in changes)
    data = session.client.patch(path, wanted) if wanted else session.client.get(path)
    if session.output == "table":
        show.timers(session.console, data)
    else:
        session.emit_json(data)


def _timer(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not name or not math.isfinite(seconds):
        raise click.BadParameter(f"{text!r} is not NAME=SECONDS")
    return name, seconds


@main.command()
@click.option("--since", help="replay what happened after this number or cursor")
@click.option("--kind", "kinds", multiple=True, help="only events of this kind; repeatable")
@click.pass_obj
def events(session: Session, since: str | None, kinds: tuple[str, ...]) -> None:
    """Follow what happens, until Ctrl-C; a controller that is restarted is waited for.

    Example: horizonctl events --kind link_add --kind link_delete
    """
    try:
        for event in session.client.events(since, kinds):
            if session.output == "table":
                show.event(session.console, event)
            else:
                session.emit_json(event, indent=None)
    except KeyboardInterrupt:
        return


@main.command("check-config")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def check_config(file: str) -> None:
    """Say whether FILE would be accepted, without starting anything.

    Example: horizonctl check-config horizon.conf
    """
    from horizon_ryu.core.errors import HorizonError
    from horizon_ryu.start_check import check_file

    try:
        check_file(file)
    except HorizonError as error:
        raise Failed(f"{file}: {error}") from error
    click.echo(printable(f"{file}: fine"))


@main.command("sample-config")
def sample_config() -> None:
    """Print a configuration file with every option and its default.

    Example: horizonctl sample-config > horizon.conf
    """
    from horizon_ryu import settings

    click.echo(settings.sample(), nl=False)


give_everywhere(main, without=frozenset({"check-config", "sample-config"}))

if __name__ == "__main__":
    main()
