"""``horizonctl top``: a live screen of switches, links by load, flows, and what happens."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from time import sleep
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from horizon_ryu.cli.asking import ControllerAsker, Failed
from horizon_ryu.cli.port_names import port_name
from horizon_ryu.cli.resource_path import resource_path
from horizon_ryu.cli.session import Session
from horizon_ryu.cli.show import brief
from horizon_ryu.cli.show_flows import short_dpid
from horizon_ryu.cli.terminal import styled

ROWS = 12
"""Of each table on the screen; the first are those with the highest load, or the newest."""
EVENTS = 8
_BUSY, _FULL = 40.0, 70.0


@click.command()
@click.option("--interval", type=click.FloatRange(0.2), default=1.0, show_default=True)
@click.option("--once", is_flag=True, help="show it one time; so it is where there is no terminal")
@click.pass_obj
def top(session: Session, interval: float, once: bool) -> None:
    """Watch switches, links by load, flows and events, until Ctrl-C.

    Example: horizonctl top --interval 2
    """
    view = TopView(session.client)
    if session.output != "table":
        session.emit_json(view.look())
        return
    if once or not session.console.is_terminal:
        for table in tables(view.look()):
            session.console.print(table)
        return
    view.follow()
    try:
        with Live(console=session.console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(_screen(view), refresh=True)
                sleep(interval)
    except KeyboardInterrupt:
        return


class TopView:
    """What the screen shows: asked for anew each time, but for events, which come by themselves."""

    def __init__(self, client: ControllerAsker) -> None:
        self._client = client
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS)

    def follow(self) -> None:
        """Keep the newest events from now on, in a thread that ends with the program."""
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            for event in self._client.events(None, (), float("inf")):
                self._events.append(event)
        except Failed as error:
            self._events.append({"seq": "", "kind": "no events", "data": {"why": error.message}})

    def look(self) -> dict[str, Any]:
        """Return what there is now; Failed. What the controller does not run is left out."""
        seen = self._client.get(resource_path("v1", "topology"))
        return {
            "switches": seen["switches"],
            "links": list(loaded_links(seen, self._part("stats", rates=1))),
            "flows": self._part("flows").get("flows", []),
            "events": list(self._events),
        }

    def _part(self, name: str, **query: Any) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._client.get(resource_path("v1", name), **query)
        except Failed:
            return {}
        return found


def loaded_links(seen: Mapping[str, Any], counted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the links, the most loaded first, each with what its source sends.

    ``load_percent`` is None where nobody knows how fast the port is, or what it sends.
    """
    sent = {
        (switch["dpid"], port["port_no"]): port.get("tx_bps")
        for switch in counted.get("datapaths", ())
        for port in switch.get("dp_stats", {}).get("ports", ())
    }
    speeds = {
        (switch["dpid"], port["port_no"]): port.get("speed_kbps", 0)
        for switch in seen["switches"]
        for port in switch["ports"]
    }
    rows = []
    for link in seen["links"]:
        end = link["src"]["dpid"], link["src"]["port_no"]
        bps, speed = sent.get(end), speeds.get(end, 0)
        percent = None if bps is None or not speed else bps / (10.0 * speed)
        rows.append({**link, "bps": bps, "load_percent": percent})
    yield from sorted(rows, key=lambda row: (row["bps"] is None, -(row["bps"] or 0.0)))


def tables(data: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of a screen."""
    switches = Table("switch", "address", "OpenFlow", "ports up", title="Switches")
    for one in data["switches"][:ROWS]:
        up = sum(1 for port in one["ports"] if port["up"])
        state = "" if one.get("connected", True) else " away"
        name = one.get("name") or one["dpid"]
        switches.add_row(name + state, one["address"], str(one["openflow"]), str(up))
    yield switches
    links = Table("from", "to", "load", "bit/s", title="Links by load")
    for one in data["links"][:ROWS]:
        links.add_row(_end(one["src"]), _end(one["dst"]), _load(one), _number(one["bps"]))
    yield links
    flows = Table("flow", "state", "path", title="Flows")
    for one in data["flows"][:ROWS]:
        path = " ".join(short_dpid(hop["dpid"]) for hop in one["path"])
        flows.add_row(one["id"], one["state"], path)
    yield flows
    if data["events"]:
        events = Table("event", "kind", "about", title="Events")
        for one in reversed(data["events"]):
            about = " ".join(map(brief, one["data"].values()))
            events.add_row(str(one["seq"]), one["kind"], about[:80])
        yield events


def _screen(view: TopView) -> RenderableType:
    try:
        return Group(*tables(view.look()))
    except Failed as error:
        # It may come back: the screen stays.
        return styled(error.message.splitlines()[0], "red")


def _end(end: Mapping[str, Any]) -> str:
    return f"{end['dpid']}:{port_name(end['port_no'])}"


def _load(link: Mapping[str, Any]) -> Any:
    percent = link["load_percent"]
    if percent is None:
        return "?"
    color = "red" if percent > _FULL else "yellow" if percent > _BUSY else "green"
    return styled(f"{percent:.1f} %", color)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


COMMANDS = (top,)
