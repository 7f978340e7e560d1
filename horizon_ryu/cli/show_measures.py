"""Views of measures: one table a gatherer, one row a thing and round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.terminal import Terminal, stacked

Iteration = Mapping[str, Any]


def measures(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show what there is."""
    for name, show in _TABLES.items():
        if data[name] is not None:
            show(console, data[name]["iterations"])
            if data[name].get("problem"):
                console.print(f"{name}: {data[name]['problem']}", soft_wrap=True)


def _xentop(console: Terminal, iterations: list[Iteration]) -> None:
    table = _table("xentop", "domain", "CPU s", "CPU %", "MB", "mem %", "vCPUs", "rx kB", "tx kB")
    for one in iterations:
        for domain in one["domains"]:
            vifs = domain["interfaces"]
            table.add_row(
                str(one["number"]),
                domain["name"],
                _number(domain["cpu_time"]),
                _number(domain["cpu_percent"], ".1f"),
                _number(domain["memory"], "d", 1024),
                _number(domain["memory_percent"], ".1f"),
                _number(domain["vcpus"]),
                str(sum(vif["received_bytes"] for vif in vifs) // 1000),
                str(sum(vif["transmitted_bytes"] for vif in vifs) // 1000),
            )
    console.print(table)


def _number(value: Any, form: str = "d", unit: int = 1) -> str:
    """Return a number in a unit; a question mark for what the host cannot read."""
    return "?" if value is None else format(value // unit if unit > 1 else value, form)


def _memory(console: Terminal, iterations: list[Iteration]) -> None:
    table = _table("memory", "total MB", "used MB", "free MB", "swap MB", "swap used MB")
    names = ("total_mem", "used_mem", "free_mem", "total_swap", "used_swap")
    for one in iterations:
        table.add_row(str(one["number"]), *(f"{one[name] / 1024:.1f}" for name in names))
    console.print(table)


def _ifconfig(console: Terminal, iterations: list[Iteration]) -> None:
    table = _table("ifconfig", "name", "MAC and addresses", "MTU", "received", "transmitted")
    for one in iterations:
        for item in one["interfaces"]:
            networks = [a["address"] for a in (*item["ipv4"], *item["ipv6"])]
            addresses = [address for address in (item["link_mac"], *networks) if address]
            table.add_row(
                str(one["number"]),
                item["name"],
                stacked(addresses or ["-"]),
                str(item["link_mtu"]),
                _bytes(item["received_bytes"], item["reception_rate"]),
                _bytes(item["transmitted_bytes"], item["transmission_rate"]),
            )
    console.print(table)


def _latency(console: Terminal, iterations: list[Iteration]) -> None:
    table = _table(
        "latency", "neighbor", "sent", "received", "lost %", "min ms", "avg", "max", "mdev"
    )
    for one in iterations:
        for neighbor in one["neighbors"]:
            found = neighbor["data"]
            rtt = found["rtt"] or {}
            names = ("minimum", "average", "maximum", "mean_deviation")
            table.add_row(
                str(one["number"]),
                neighbor["ip"],
                str(found["packets_transmitted"]),
                str(found["packets_received"]),
                f"{found['packet_loss_percent']:g}",
                *(f"{rtt[name]:.3f}" if name in rtt else "-" for name in names),
            )
    console.print(table)


_TABLES: Mapping[str, Callable[[Terminal, list[Iteration]], None]] = {
    "xentop": _xentop,
    "ifconfig": _ifconfig,
    "memory": _memory,
    "latency": _latency,
}


def _bytes(count: int, rate: float | None) -> Text:
    """Return bytes so far and, below, bytes a second; the first round has no rate yet."""
    return stacked([f"{count} B"] if rate is None else [f"{count} B", f"{rate:.0f} B/s"])


def _table(title: str, *headers: str) -> Table:
    """Return a table whose first column has the rounds. Cells are folded, never cut."""
    table = Table("#", title=title, title_justify="left")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
