"""Statistics as people see them: one row a switch, a port, a table, a flow entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from horizon_ryu.cli.port_names import place_of, port_name
from horizon_ryu.cli.show_flows import MATCH_FORMS
from horizon_ryu.cli.terminal import Terminal, styled


def overview(console: Terminal, switches: Iterable[Mapping[str, Any]]) -> None:
    """Show all switches, one a row."""
    table = _table("dpid", "address", "software", "up", "flows", "in bit/s", "out", "age")
    for switch in switches:
        ports = switch["dp_stats"]["ports"]
        up = sum(1 for port in ports if port["link"])
        about = switch["dp_desc_stats"]
        table.add_row(
            switch["dpid"],
            _text(about["ip"]),
            _text(about["sw_desc"]),
            f"{up}/{len(ports)}",
            _text(switch["dp_aggr_stats"]["flow_count"]),
            rate(_sum(ports, "rx_bps")),
            rate(_sum(ports, "tx_bps")),
            _age(switch["dp_stats"]["age"]),
        )
    console.print(table)


def switch(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show one switch, or one class of its statistics."""
    console.print(styled(data["dpid"], "bold"))
    for name in ("dp_desc_stats", "dp_aggr_stats"):
        if name in data:
            console.print(_pairs(data[name]))
    if "dp_stats" in data:
        console.print(_ports(data["dp_stats"]["ports"]))
    if "dp_table_stats" in data:
        console.print(_tables(data["dp_table_stats"]["tables"]))
    if "dp_flow_stats" in data:
        console.print(_flows(data["dp_flow_stats"]["flows"]))


def measures(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show the common measures, one node a row."""
    table = _table("node", "CPU %", "mem %", "in bit/s", "out", "drop/s", "echo ms", "neighbors")
    for item in data:
        through = item["throughput_bps"]
        numbers = (item["cpu_percent"], item["memory_percent"])
        table.add_row(
            item["id"],
            *map(_number, numbers),
            rate(through["rx"]),
            rate(through["tx"]),
            _number(item["dropped_per_s"]),
            _number(item["echo_ms"]),
            " ".join(map(_neighbor, item["neighbors"])),
        )
    console.print(table)


def _neighbor(name: str) -> str:
    """Return a dpid without its zeros, or an IP address as it is."""
    return name.lstrip("0") if len(name) == 16 and name.isalnum() else name


def rate(bits: float | None) -> str:
    """Return a rate with a decimal prefix, as 1.5M; a dash where it is not known."""
    if bits is None:
        return "-"
    for prefix in ("", "k", "M", "G"):
        if bits < 1000:
            return f"{bits:.3g}{prefix}"
        bits /= 1000
    return f"{bits:.3g}T"


def _table(*headers: str) -> Table:
    """Return a table whose first column, an id to be copied, is never cut."""
    table = Table(headers[0])
    table.columns[0].no_wrap = True
    for header in headers[1:]:
        table.add_column(header, overflow="fold")
    return table


def _pairs(values: Mapping[str, Any]) -> Table:
    table = Table(show_header=False)
    for name, value in values.items():
        table.add_row(name, _text(value))
    return table


def _ports(ports: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("port", "name", "link", "in bit/s", "out", "packets in", "out", "dropped")
    for port in sorted(ports, key=lambda port: place_of(port["port_no"])):
        dropped = [port["rx_dropped"], port["tx_dropped"]]
        table.add_row(
            port_name(port["port_no"]),
            _text(port["name"]),
            styled("up", "green") if port["link"] else styled("down", "red"),
            rate(port.get("rx_bps")),
            rate(port.get("tx_bps")),
            _text(port["rx_packets"]),
            _text(port["tx_packets"]),
            _text(sum(value or 0 for value in dropped)),
        )
    return table


def _tables(tables: Iterable[Mapping[str, Any]]) -> Table:
    """Show the tables that hold or have seen anything: Open vSwitch has 254."""
    shown = Table("table", "name", "entries", "lookups", "matched")
    for table in tables:
        if table["active_count"] or table["lookup_count"]:
            cells = ("table_id", "name", "active_count", "lookup_count", "matched_count")
            shown.add_row(*(_text(table[name]) for name in cells))
    return shown


def _flows(flows: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("priority", "packets", "bytes", "seconds")
    for name in ("match", "actions", "cookie"):
        table.add_column(name, overflow="fold")
    for flow in flows:
        match = ",".join(
            f"{name}={MATCH_FORMS.get(name, str)(value)}" for name, value in flow["match"].items()
        )
        actions = " ".join(map(deed, flow["actions"]))
        counts = (_text(flow["packet_count"]), _text(flow["byte_count"]), f"{flow['duration']:.0f}")
        rest = (match or "everything", actions or "drop", flow["cookie"])
        table.add_row(str(flow["priority"]), *counts, *rest)
    return table


def deed(action: Mapping[str, Any]) -> str:
    """Return an action as a word."""
    if "port" in action:
        return f"{action['name']}:{port_name(action['port'])}"
    value = next((action[name] for name in ("value", "group_id") if name in action), None)
    return action["name"] if value is None else f"{action['name']}:{value}"


def _sum(ports: Iterable[Mapping[str, Any]], name: str) -> float | None:
    known = [port[name] for port in ports if port.get(name) is not None]
    return sum(known) if known else None


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
