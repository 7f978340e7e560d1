"""Migrations of routers as people see them: steps with their times, costs, what forbids one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from horizon_ryu.cli.terminal import Terminal, styled

_COLORS = {
    "done": "green",
    "planned": "green",
    "rolled_back": "red",
    "failed": "red",
    "refused": "red",
    "undone": "red",
    "pending": "dim",
}
ENDED = ("planned", "refused", "done", "rolled_back", "failed")


def color(state: str) -> str:
    """Return the colour of a state."""
    return _COLORS.get(state, "yellow")


def migration(console: Terminal, data: Mapping[str, Any]) -> None:
    """Show one migration: its steps, and how it stands."""
    console.print(progress(data))


def progress(data: Mapping[str, Any]) -> RenderableType:
    """Return what is shown of a migration while it goes on, and in the end."""
    lines = [styled(line) if kind is None else styled(line, kind) for line, kind in _said(data)]
    return Group(_headline(data), *([_steps(data)] if data["steps"] else []), *lines)


def _headline(data: Mapping[str, Any]) -> Text:
    way = f"{data['domain']}: {data['host']} > {data['destination']}, {data['mode']}, "
    return Text.assemble(styled(way), styled(data["state"], color(data["state"])))


def _steps(data: Mapping[str, Any]) -> Table:
    table = Table("step", "state")
    for header in ("at s", "took ms"):
        table.add_column(header, justify="right")
    table.add_column("detail", overflow="fold")
    for step in data["steps"]:
        state = styled(step["state"], color(step["state"]))
        table.add_row(step["name"], state, _at(step), _took(step), step["detail"] or "")
    return table


def _at(step: Mapping[str, Any]) -> str:
    return "" if step["began_s"] is None else f"{step['began_s']:.3f}"


def _took(step: Mapping[str, Any]) -> str:
    if step["began_s"] is None or step["ended_s"] is None:
        return ""
    return f"{1000 * (step['ended_s'] - step['began_s']):.1f}"


def step_line(step: Mapping[str, Any]) -> str:
    """Return one line on a step, for what is no terminal."""
    parts = [step["name"], step["state"]]
    if step["began_s"] is not None:
        parts.append(f"at {_at(step)} s")
    if _took(step):
        parts.append(f"{_took(step)} ms")
    if step["detail"]:
        parts.append(step["detail"])
    return "  ".join(parts)


def end(console: Terminal, data: Mapping[str, Any]) -> None:
    """Tell how a migration stands, without its steps."""
    console.print(_headline(data), soft_wrap=True)
    for line, kind in _said(data):
        console.print(styled(line, kind or ""), soft_wrap=True)


def _said(data: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Yield lines, each with its colour if it has one."""
    if data["state"] == "done":
        yield f"  {_cost(data)}", None
    if data["problem"]:
        yield f"  {data['problem']}", "red"
    if data.get("unsettled"):
        yield f"  unsettled: {data['unsettled']}", "yellow"
        yield f"  to end it: horizonctl xen give-up {data['id']}", None
    if data["silence"]:
        yield f"  {data['host']} does not tell how far it is: {data['silence']}", "yellow"
    for refusal in data.get("refusals", ()):
        yield f"  {refusal['field']}: {refusal['reason']}", "red"


def _cost(data: Mapping[str, Any]) -> str:
    parts = []
    if data["duration_ms"] is not None:
        parts.append(f"{data['duration_ms']:.1f} ms in all")
    if data["pause_ms"] is not None:
        parts.append(f"the router stood still for {data['pause_ms']:.1f} ms")
    if data["lost"] is not None:
        parts.append(f"{data['lost']} data packets lost")
    return ", ".join(parts) or "nobody measured what it took"
