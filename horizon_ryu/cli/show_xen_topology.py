"""Networks of Xen hosts as people see them: nodes with their matrix, links, strangers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from horizon_ryu.cli.terminal import Terminal, styled

MOST_COLUMNS = 24
"""Nodes of a matrix that is shown beside them."""
_STATES = {"connected": "green", "running": "green", "away": "red", "crashed": "red"}
_WHY = {
    "unknown": "unknown",
    "contested": "several claim its MAC",
    "ambiguous": "several have its address",
}


def topology(console: Terminal, networks: Mapping[str, Any], remarks: Mapping[str, Any]) -> None:
    """Show each network: its nodes with the matrix, its links; then what is of no network."""
    names: dict[str, str] = {}
    for name, graph in networks.items():
        names |= {node["id"]: node["name"] for node in graph["nodes"]}
        console.print(_nodes(name, graph))
        for node in graph["nodes"]:
            if node["reason"]:
                console.print(f"{node['name']}: {node['reason']}", soft_wrap=True)
        if graph["links"]:
            console.print(_links(graph["links"], names))
    names |= {node["id"]: node["name"] for node in remarks["unassigned"]}
    for line in _remarks(remarks, names):
        console.print(line, soft_wrap=True)


def _nodes(name: str, graph: Mapping[str, Any]) -> Table:
    nodes, matrix = graph["nodes"], graph["matrix"]
    columns = [str(number) for number in range(1, len(nodes) + 1)]
    if matrix is None or len(nodes) > MOST_COLUMNS:
        columns = []
    table = Table("#", "node", "host", "state", *columns, title=f"Network {name}")
    table.title_justify = "left"
    for number, node in enumerate(nodes):
        row = [str(one) for one in matrix[number]] if columns else []
        state = styled(node["state"], _STATES.get(node["state"], ""))
        table.add_row(str(number + 1), node["name"], node["host"], state, *row)
    return table


def _links(links: list[Any], names: Mapping[str, str]) -> Table:
    """One row per link; who sees the other is where the arrow begins."""
    table = Table("from", "", "to", "ms")
    for link in links:
        src, dst = link["src"], link["dst"]
        arrow = {(True, True): "<->", (True, False): "-->", (False, True): "<--"}[
            src["sees"], dst["sees"]
        ]
        took = [one["latency_ms"] for one in (src, dst) if one["latency_ms"] is not None]
        table.add_row(
            _end(src, names), arrow, _end(dst, names), f"{min(took):.2f}" if took else "-"
        )
    return table


def _end(end: Mapping[str, Any], names: Mapping[str, str]) -> str:
    told = (names.get(end["node"], end["node"]), end["interface"], end["address"])
    return " ".join(text for text in told if text)


def _remarks(remarks: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    def name(node: str) -> str:
        return names.get(node, node)

    for node in remarks["unassigned"]:
        yield f"{node['name']} on {node['host']} is of no virtual network"
    for one in remarks["strangers"]:
        yield (
            f"{name(one['node'])} {one['interface']} sees {one['address']} "
            f"{one['mac'] or ''}: {_WHY.get(one['why'], one['why'])}"
        )
    for one in remarks["crossings"]:
        yield (
            f"{name(one['node'])} ({one['network'] or 'no network'}) {one['interface']} sees "
            f"{name(one['other'])} ({one['other_network'] or 'no network'}) at {one['address']}"
        )
    for one in remarks["contested"]:
        yield f"{one['mac']} is claimed by {', '.join(map(name, one['claimed_by']))}: of nobody"
    for one in remarks["duplicates"]:
        yield f"{name(one['uuid'])} is told of by several hosts: {', '.join(one['hosts'])}"
    for one in remarks["problems"]:
        yield f"{name(one['node'])}: {one['problem']}"
