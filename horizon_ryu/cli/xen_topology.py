"""``horizonctl xen topology``: the physical network of Xen hosts, and their virtual networks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from horizon_ryu.cli import show_xen_topology
from horizon_ryu.cli.asking import Failed
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.terminal import printable

PATH = ("v1", "xen", "topology")
PHYSICAL = "physical"
FORMS = ("table", "matrix", "dot", "json", "xml")
SECONDS, WIDE_SECONDS = 240.0, 3600.0
"""For an answer: hosts scan all ranges of their routers."""


@click.command("topology")
@click.option("--network", help="only this virtual network, or physical; not in XML")
@click.option("--format", "form", type=click.Choice(FORMS), help="table unless -o says otherwise")
@click.option("--max-age", type=click.IntRange(0, 9999), help="seconds; 0: scan anew")
@click.option("--wide", is_flag=True, help="scan ranges of more than a /20 too")
@click.pass_obj
def topology(
    session: Session, /, network: str | None, form: str | None, max_age: int | None, wide: bool
) -> None:
    """Show the physical and the virtual networks of the Xen hosts, each with its matrix.

    Example: horizonctl xen topology --format dot | dot -Tsvg > topology.svg
    """
    query: dict[str, Any] = {"max_age": max_age, "wide": "true" if wide else None}
    seconds, path = WIDE_SECONDS if wide else SECONDS, resource_path(*PATH)
    form = form or session.output
    if form == "xml":
        session.emit_xml(session.client.get_xml(path, seconds, **query))
        return
    with session.console.status("scanning …"):
        data = session.client.get(path, seconds, **query)
    networks = _networks(data, network)
    if form == "json":
        session.emit_json(data if network is None else networks[network])
    elif form == "table":
        show_xen_topology.topology(session.console, networks, data["remarks"])
    else:
        lines = _matrix_lines(networks) if form == "matrix" else _dot_lines(networks)
        for line in lines:
            session.say(line)


def _networks(data: Mapping[str, Any], wanted: str | None) -> Mapping[str, Any]:
    networks = {PHYSICAL: data["physical"], **data["virtual"]}
    if wanted is None:
        return networks
    if wanted not in networks:
        raise Failed(
            f"no router is of the network {wanted}; there are: {', '.join(networks)}",
            "horizonctl xen set HOST DOMAIN --network NAME puts a router into one.",
        )
    return {wanted: networks[wanted]}


def _matrix_lines(networks: Mapping[str, Any]) -> Iterator[str]:
    """Yield the matrices for programs: comments begin with #, as numpy.loadtxt has it."""
    for name, graph in networks.items():
        names = " ".join(node["name"].replace(" ", "_") for node in graph["nodes"])
        yield f"# {name}: {names}"
        if graph["matrix"] is None:
            yield f"# of {len(graph['nodes'])} nodes there is no matrix"
        for row in graph["matrix"] or ():
            yield " ".join(map(str, row))


def _dot_lines(networks: Mapping[str, Any]) -> Iterator[str]:
    """Yield the networks in Graphviz's language, a cluster each."""
    yield "graph xen {"
    for number, (name, graph) in enumerate(networks.items()):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quoted(name)};"
        shape = "box" if name == PHYSICAL else "ellipse"
        for node in graph["nodes"]:
            label = node["name"] if node["uuid"] is None else f"{node['name']} on {node['host']}"
            about = f"label={_quoted(label)}, shape={shape}"
            yield f"    {_quoted(_dot_id(name, node['id']))} [{about}];"
        for link in graph["links"]:
            ends = [_quoted(_dot_id(name, link[end]["node"])) for end in ("src", "dst")]
            ports = [_quoted(link[end]["interface"] or "") for end in ("src", "dst")]
            yield f"    {' -- '.join(ends)} [taillabel={ports[0]}, headlabel={ports[1]}];"
        yield "  }"
    yield "}"


def _dot_id(network: str, node: str) -> str:
    return f"{network}/{node}"


def _quoted(text: str) -> str:
    """Return a text as Graphviz reads it: what a host calls something is no language."""
    return json.dumps(printable(text), ensure_ascii=False)
