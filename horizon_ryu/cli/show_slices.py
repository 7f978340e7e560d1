"""Views of slices: their settings, their rules, what clashes, and what the engine tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from horizon_ryu.cli.show_stats import deed
from horizon_ryu.cli.terminal import Terminal, styled

_INSTRUCTIONS = ("clear_actions", "meter_id", "write_metadata", "goto_table")
_PLAIN = ("name", "enabled", "contact", "description", "creator", "drop_policy")


def slices(console: Terminal, found: Iterable[Mapping[str, Any]]) -> None:
    """Show slices, one a row."""
    table = Table("slice", "enabled", "controllers", "rules", "expires", "contact")
    for one in found:
        enabled = styled("yes", "green") if one["enabled"] else styled("no", "red")
        urls = ", ".join(controller["url"] for controller in one["controllers"])
        rules_ = str(len(one["flowspace"]))
        table.add_row(one["name"], enabled, urls, rules_, _end(one), one.get("contact", ""))
    console.print(table)
    if not table.row_count:
        console.print("There are none: 'horizonctl slices create --help' tells how to make one.")


def one_slice(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show a slice, then its rules."""
    table = Table("what", "is", title=f"Slice {data['name']}", title_justify="left")
    for name in _PLAIN[1:]:
        if data.get(name) not in (None, ""):
            table.add_row(name, _text(data[name]))
    for controller in data["controllers"]:
        table.add_row("controller", f"{controller['url']} ({controller['role']})")
    for name in ("limits", "bandwidth"):
        for what, value in _flat(data.get(name) or {}, name):
            table.add_row(what, _text(value))
    if "expires_s" in data:
        table.add_row("expires", _end(data))
    console.print(table)
    rules(console, data["flowspace"])


def rules(console: Terminal, found: Iterable[Mapping[str, Any]]) -> None:
    """Show rules, one a row."""
    columns = ("id", "switches", "match", "priority", "may", "more")
    table = Table(*columns, title="Flowspace", title_justify="left")
    for rule in found:
        more = {name: rule[name] for name in ("queues", "force_queue", "within") if name in rule}
        table.add_row(
            str(rule["id"]),
            _text(rule["dpids"]),
            _fields(rule["match"]),
            str(rule["priority"]),
            rule["permissions"],
            _fields(more, ""),
        )
    console.print(table)


def clashes(console: Terminal, report: Mapping[str, Any]) -> None:
    """Show which rules overlap; the frames belong to the first."""
    found = report["clashes"]
    if not found:
        console.print("No rule overlaps with one of another slice.")
        return
    columns = ("kind", "has the frames", "loses them", "switches", "frames")
    table = Table(*columns, title="Clashes", title_justify="left")
    for one in found:
        first, second = (f"{one[end]['slice']} rule {one[end]['rule']}" for end in _ENDS)
        table.add_row(one["kind"], first, second, _text(one["dpids"]), _fields(one["match"]))
    console.print(table)
    if not report["whole"]:
        console.print(f"These are the first {len(found)}; there are more.")


_ENDS = ("first", "second")


def document(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show what the engine tells: lists as tables, all else as facts."""
    facts = Table("what", "is")
    tables = []
    for name, value in data.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            tables.append(_listed(name, value))
        else:
            for what, one in _flat(value, name):
                facts.add_row(what, _text(one))
    if facts.row_count:
        console.print(facts)
    for table in tables:
        console.print(table)


def _listed(name: str, rows: list[Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = Table(*columns, title=name, title_justify="left")
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    return table


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what is at the ends of nested objects, by the names that lead there."""
    waiting = [(name, value)]
    while waiting:
        at, found = waiting.pop()
        if isinstance(found, Mapping) and found:
            waiting += [(f"{at}.{key}", one) for key, one in reversed(list(found.items()))]
        else:
            yield at, found


def _fields(fields: Mapping[str, Any], nothing: str = "everything") -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in fields.items()) or nothing


def entries(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show what tenants have installed, each over the entries of the switch that it became."""
    columns = ("switch", "whose", "table", "match", "priority", "cookie", "idle/hard", "actions")
    title = f"{data['count']} entries of slice {data['slice']}, and what they became"
    table = Table(*columns, title=title, title_justify="left")
    for one in data["entries"]:
        timeouts = f"{one['idle_timeout']}/{one['hard_timeout']}"
        table.add_row(one["dpid"], "tenant", *_entry(one, hex(one["cookie"]), timeouts))
        for became in one["became"]:
            table.add_row("", "switch", *_entry(became, "", ""))
    console.print(table)
    if data["count"] > len(data["entries"]):
        console.print(f"These are the first {len(data['entries'])} of {data['count']}.")


def _entry(one: Mapping[str, Any], cookie: str, timeouts: str) -> Iterator[str]:
    yield str(one.get("table_id", "-"))
    yield _fields(one["match"])
    yield from (str(one["priority"]), cookie, timeouts)
    deeds = [*map(deed, one["actions"])]
    deeds += [f"{name}:{_text(one[name])}" for name in _INSTRUCTIONS if name in one]
    yield " ".join(deeds) or "drop"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_text(one)}" for name, one in value.items())
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)


def _end(data: Mapping[str, Any]) -> str:
    return f"in {data['expires_s']:.0f} s" if "expires_s" in data else ""
