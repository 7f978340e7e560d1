"""Views of the controller's health: what is wrong first, then every loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.terminal import Terminal, stacked, styled

_NAMED = (
    ("slow_joins", "slow to join"),
    ("unanswering", "leave requests unanswered"),
    ("crowded", "have too many ports"),
    ("unkept", "do not keep their entries"),
)
"""Switches that health names, and what is the matter with them."""


def health(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show how the controller is; without a token there is its status alone."""
    colour = "green" if data["status"] == "ok" else "red"
    console.print(styled(data["status"], colour))
    for reason in data.get("reasons", ()):
        console.print(Text("  ").append(styled(reason)))
    if "loops" in data:
        console.print(_facts(data))
        console.print(_loops(data["loops"]))


def _facts(data: Mapping[str, Any]) -> Table:
    table = Table("what", "is", title="Controller", title_justify="left")
    table.add_row("version", data["version"])
    table.add_row("runs for", f"{data['uptime']:.0f} s")
    table.add_row("switches", str(data["switches"]))
    table.add_row("event loop late", f"{1000 * data['hub_lag']:.0f} ms")
    for server, is_accepting in data.get("accepting", {}).items():
        table.add_row(f"{server} accepts", _yes(is_accepting))
    store = data.get("store") or {}
    table.add_row("store writable", _yes(store.get("writable", False)))
    table.add_row("free on its disk", _size(store.get("disk_free")))
    table.add_row("new links believed", _yes((data.get("discovery") or {}).get("believes", False)))
    for name, text in _NAMED:
        if data.get(name):
            table.add_row(text, stacked(data[name]))
    return table


def _loops(loops: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("loop", "last turn", "trouble", title="Loops", title_justify="left")
    for loop in loops:
        turn = "idle" if loop["idle"] else f"{loop['last_turn']:.1f} s"
        table.add_row(loop["name"], turn, styled(loop["trouble"] or "", "red"))
    return table


def _yes(value: bool) -> Text:
    return styled("yes", "green") if value else styled("no", "red")


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 2**20:.0f} MiB"
