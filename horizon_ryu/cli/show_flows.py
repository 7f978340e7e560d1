"""Flows and migrations as people see them: tables, paths as arrows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.port_names import port_name
from horizon_ryu.cli.terminal import Terminal, styled

_PATH = "path: in[switch]out"
MATCH_FORMS: Mapping[str, Callable[[Any], str]] = {
    "dl_type": "{:#06x}".format,
    "in_port": port_name,
}
"""How fields of a match are written where it is not as they are."""
_COLORS = {
    "active": "green",
    "done": "green",
    "broken": "red",
    "pending": "yellow",
    "incomplete": "yellow",
    "rolled_back": "red",
    "failed": "red",
}


def flows(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show flows, one a row."""
    table = _table("id", "state", "match", _PATH, "priority")
    for item in data:
        match, way = _match(item["match"]), _way(item)
        table.add_row(item["id"], _state(item), match, way, str(item["priority"]))
    console.print(table)


def flow(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show all of one flow."""
    table = Table(show_header=False, title=f"Flow {data['id']}", title_justify="left")
    for name, value in data.items():
        if name in ("id", "path", "match", "state", "actions", "src", "dst", "waypoints"):
            continue
        table.add_row(name, "-" if value is None else str(value))
    table.add_row("state", _state(data))
    table.add_row("match", _match(data["match"]))
    table.add_row(_PATH if data["path"] else "actions", _way(data))
    console.print(table)


def migrations(console: Terminal, data: Iterable[Mapping[str, Any]]) -> None:
    """Show migrations of flows and of routers, one a row."""
    table = _table("id", "started", "flow", "state", _PATH, "ms", "why")
    for item in data:
        began = datetime.fromtimestamp(item["started"]).strftime("%Y-%m-%d %H:%M:%S")
        is_router = item.get("kind") == "router"
        what, way, why = _router_row(item) if is_router else _flow_row(item)
        table.add_row(item["id"], began, what, _state(item), way, _took(item), why)
    console.print(table)


def _flow_row(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["flow"], _path(item["path"]), item["cause"]


def _router_row(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["domain"], f"{item['host']} > {item['destination']}", item["mode"]


def migration(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show one migration: where the flow was, where it is, and the waves of a dry run."""
    what = (styled(f"flow {data['flow']}: "), _state(data), styled(f", {data['path_kind']} path"))
    console.print(Text.assemble(*what))
    if data["previous_path"]:
        console.print(f"  from  {_path(data['previous_path'])}", highlight=False)
    console.print(f"  to    {_path(data['path'])}", highlight=False)
    if data["duration_ms"] is not None:
        console.print(f"  {data['waves']} waves, {data['duration_ms']:.1f} ms until it had turned")
    if "error" in data:
        console.print(Text("  ").append_text(styled(data["error"]["detail"], "red")))
    if "plan" in data:
        console.print(_plan(data["plan"]))


def staying(console: Terminal, flow: str) -> None:
    """Tell that the flow of the other direction stays where it is."""
    said = f"  the reverse direction, flow {flow}, stays where it is; migrate --both takes it along"
    console.print(styled(said))


def _plan(waves: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("wave", "kind", "switch", "command", "match", "actions")
    for number, wave in enumerate(waves, 1):
        if not wave["messages"]:
            table.add_row(str(number), wave["kind"], "", "wait", "", "")
        for message in wave["messages"]:
            match, switch = _match(message.get("match", {})), short_dpid(message["dpid"])
            actions = "" if "delete" in message["command"] else _actions(message.get("actions", ()))
            cells = (wave["kind"], switch, message["command"], match, actions)
            table.add_row(str(number), *cells)
    return table


def _table(*headers: str) -> Table:
    """Return a table whose cells are folded, never cut: ids and matches are there to be copied."""
    table = Table()
    for header in headers:
        table.add_column(header, overflow="fold")
    table.columns[0].no_wrap = True
    return table


def _state(item: Mapping[str, Any]) -> Text:
    return styled(item["state"], _COLORS.get(item["state"], "yellow"))


def _match(match: Mapping[str, Any]) -> str:
    """Return a match as it can be given to ``--match`` again."""
    texts = {name: MATCH_FORMS.get(name, str)(value) for name, value in match.items()}
    return ",".join(f"{name}={value}" for name, value in texts.items()) or "everything"


def _way(item: Mapping[str, Any]) -> str:
    """Return the path of a flow, the switch and the actions of a single entry."""
    if item["path"]:
        return _path(item["path"])
    table = f" table {item['table_id']}" if "table_id" in item else ""
    return f"{short_dpid(item['dpid'])}{table}: {_actions(item['actions'])}"


def _actions(actions: Iterable[Mapping[str, Any]]) -> str:
    """Return actions as they can be given to ``--action`` again."""
    texts = (_action(name, value) for action in actions for name, value in action.items())
    return " ".join(texts) or "drop"


def _action(name: str, value: Any) -> str:
    if value is True:
        return name
    if name == "output":
        return f"{name}:{port_name(value)}"
    if isinstance(value, dict):
        return ":".join([name, *(port_name(part) for part in value.values())])
    return f"{name}:{value}"


def _path(hops: Iterable[Mapping[str, Any]]) -> str:
    """Return hops as (in)switch(out) with arrows between them."""
    return " > ".join(map(_hop, hops))


def _hop(hop: Mapping[str, Any]) -> str:
    into, out = port_name(hop["in_port"]), port_name(hop["out_port"])
    return f"{into}[{short_dpid(hop['dpid'])}]{out}"


def short_dpid(dpid: str) -> str:
    """Return a dpid without the zeros that it begins with."""
    return dpid.lstrip("0") or "0"


def _took(item: Mapping[str, Any]) -> str:
    return "" if item["duration_ms"] is None else f"{item['duration_ms']:.1f}"
