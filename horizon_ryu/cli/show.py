"""Views of topology, trees, timers and events: tables, and a drawing where one says more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from horizon_ryu.cli.port_names import port_name
from horizon_ryu.cli.terminal import Terminal, styled

_MOST_RANKED = 10
"""Switches of which it is told how many shortest paths lead across them."""

_WHY_HELD = {
    "asking": "the hosts known there are being asked",
    "relayed": "hosts answer there, so somebody relays probes",
    "slow": "probes take longer than over known links",
}


def topology(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show switches, cables, segments if there are any, and hosts."""
    console.print(_switches(data["switches"]))
    console.print(_links(data["links"]))
    if data.get("segments"):
        console.print(_segments(data["segments"]))
    if data.get("vlan_segments"):
        console.print(_vlan_segments(data["vlan_segments"]))
    if data.get("held_links"):
        console.print(_held_links(data["held_links"]))
    console.print(_hosts(data["hosts"]))


def hosts(console: Terminal, found: Iterable[Mapping[str, Any]]) -> None:
    """Show hosts alone."""
    console.print(_hosts(found))


def _switches(switches: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("dpid", "address", "OpenFlow", "ports up", title="Switches", title_justify="left")
    for switch in switches:
        up = sum(1 for port in switch["ports"] if port["up"])
        ports = f"{up} of {len(switch['ports'])}"
        name = f" {switch['name']}" if switch.get("name") else ""
        table.add_row(switch["dpid"] + name, switch["address"], str(switch["openflow"]), ports)
    return table


def _links(links: Iterable[Mapping[str, Any]]) -> Table:
    """One row per cable: both directions together, a one-way link by an arrow."""
    table = Table("from", "", "to", "tree", title="Links", title_justify="left")
    for link in links:
        src, dst = _end(link["src"]), _end(link["dst"])
        if link["bidirectional"] and src > dst:
            continue
        arrow = styled("<->") if link["bidirectional"] else styled("-->", "red")
        table.add_row(src, arrow, dst, styled("yes", "green") if link["in_tree"] else "no")
    return table


def _segments(segments: Iterable[Mapping[str, Any]]) -> Table:
    """One row per port: which others it shares a segment with, and whether it is open."""
    table = Table("segment", "port", "open", title="Segments", title_justify="left")
    for number, segment in enumerate(segments, 1):
        for port in segment["ports"]:
            table.add_row(str(number), _end(port), _is_open(segment, port))
    return table


def _vlan_segments(segments: Iterable[Mapping[str, Any]]) -> Table:
    """One row per port that shares a segment in a VLAN, and whether it is open in it."""
    title = "Segments of single VLANs"
    table = Table("vlan", "segment", "port", "open", title=title, title_justify="left")
    for number, segment in enumerate(segments, 1):
        for port in segment["ports"]:
            table.add_row(str(segment["vlan"]), str(number), _end(port), _is_open(segment, port))
    return table


def _is_open(segment: Mapping[str, Any], port: Mapping[str, Any]) -> str | Text:
    """Return whether a port of a segment is open; nothing while Spanning Tree does not run."""
    if segment["open"] is None:
        return ""
    return styled("yes", "green") if port in segment["open"] else "no"


def _held_links(held: Iterable[Mapping[str, Any]]) -> Table:
    """One row per pair of ports whose probes meet and are not believed, and why."""
    table = Table("between", "and", "why", title="Held links", title_justify="left")
    for link in held:
        table.add_row(
            _end(link["src"]), _end(link["dst"]), _WHY_HELD.get(link["state"], link["state"])
        )
    return table


def _hosts(hosts: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("mac", "addresses", "at", title="Hosts", title_justify="left")
    for host in hosts:
        vlan = f" vlan {host['vlan']}" if "vlan" in host else ""
        table.add_row(host["mac"] + vlan, ", ".join(host["ips"]), _end(host))
    return table


def graph_measures(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show what a loss would split, and how far it is across."""
    table = Table("measure", "value", title=f"Network {data['network']}", title_justify="left")
    for name, value in _measured(data):
        table.add_row(name, value)
    console.print(table)


def _measured(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "switches", str(data["switches"])
    yield "cables", str(data["cables"])
    sizes = ", ".join(str(len(part)) for part in data["parts"])
    yield "connected", "yes" if data["connected"] else f"no: parts of {sizes} switches"
    yield "switches whose loss splits it", ", ".join(data["cut_switches"]) or "none"
    cables = (f"{_end(cable['src'])} - {_end(cable['dst'])}" for cable in data["cut_cables"])
    yield "cables whose loss splits it", ", ".join(cables) or "none"
    if data.get("segments"):
        yield from _segments_measured(data)
    yield "diameter", f"{data['diameter']} hops"
    yield "mean distance", f"{data['mean_distance']:g} hops"
    if data["switch_connectivity"] is not None:
        yield "switches to lose until it splits", str(data["switch_connectivity"])
        yield "cables to lose until it splits", str(data["cable_connectivity"])
    for ranked in data["betweenness"][:_MOST_RANKED]:
        yield f"shortest paths across {ranked['dpid']}", f"{ranked['betweenness']:.1%}"


def _segments_measured(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what there is only where bridges of others are."""
    yield "segments", str(data["segments"])
    joined = (" + ".join(map(_end, ports)) for ports in data["cut_segments"])
    yield "segments whose loss splits it", ", ".join(joined) or "none"
    yield (
        "ports into segments whose loss splits it",
        ", ".join(map(_end, data["cut_ports"])) or "none",
    )


def _end(end: Mapping[str, Any]) -> str:
    return f"{end['dpid']}:{port_name(end['port_no'])}"


def forest(console: Terminal, data: Mapping[str, Any]) -> None:
    """Draw each spanning tree from its root."""
    if not data["trees"]:
        console.print("No switch is connected, so there is no tree yet.")
    for tree in data["trees"]:
        below: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for switch in tree["switches"]:
            for neighbor in switch["neighbors"]:
                below[switch["dpid"]].append((neighbor["port"], neighbor["dpid"]))
        drawing = Tree(styled(tree["root"], "bold"))
        _grow(drawing, tree["root"], below)
        console.print(drawing)


def _grow(drawing: Tree, root: str, below: Mapping[str, list[tuple[int, str]]]) -> None:
    """Hang every switch below its parent, without recursion: trees can be deep."""
    seen = {root}
    waiting = [(drawing, root)]
    while waiting:
        branch, dpid = waiting.pop()
        for port, child in sorted(below.get(dpid, ())):
            if child not in seen:
                seen.add(child)
                waiting.append((branch.add(f"port {port_name(port)} - {child}"), child))


def networks(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show the named virtual networks."""
    table = Table("name", "definition")
    for network in data:
        kind, value = next(iter(network["definition"].items()))
        table.add_row(network["name"], f"{kind}:{value}")
    console.print(table)


def timers(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show timers."""
    table = Table("timer", "seconds")
    for name, value in data.items():
        table.add_row(name, f"{value:g}")
    console.print(table)


def event(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show one event on one line."""
    details = " ".join(f"{key}={brief(value)}" for key, value in data.get("data", {}).items())
    number, kind = styled(str(data.get("seq", "")), "dim"), styled(data["kind"], "bold")
    line = Text(" ").join((number, kind, styled(details)))
    console.print(line, soft_wrap=True, highlight=False)


def brief(value: Any) -> str:
    """Return the end of a link as everywhere else, other values as they are, lists counted."""
    if isinstance(value, dict) and "port_no" in value:
        return _end(value)
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return str(len(value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
