"""The last chapter: a flow is laid, carries traffic, and moves through a waypoint meanwhile."""

from __future__ import annotations

import json
from typing import Any

from horizon_ryu.cli import show_flows
from horizon_ryu.cli.terminal import Terminal, styled
from tools.controller_process import wait_until
from tools.demo.chapter import chapter
from tools.lab import Lab
from tools.traffic import TrafficRoute
from topologies.graphs import GraphHost

RATE = 2000
"""Datagrams per second: enough to show a gap of half a millisecond."""
COUNTED = 2000
"""Datagrams that pass before the migration, and after it."""


def migrate_a_flow(lab: Lab, console: Terminal) -> None:
    """Show that nothing is lost."""
    console.rule("A flow, migrated under traffic")
    source, target = lab.graph.hosts[0], lab.graph.hosts[-1]
    for host, other in ((source, target), (target, source)):
        lab.pin_neighbor(host, other)
    with chapter(console, f"a flow from {source.name} to {target.name}, on all its switches"):
        flow = _ask(lab, "/v1/flows", _spec(source, target))
    show_flows.flow(console, flow)
    waypoint = _waypoint(lab, flow)
    with TrafficRoute(lab.network, source, target).traffic(RATE) as traffic:
        with chapter(console, f"{RATE} datagrams a second on it"):
            _wait_for_packets(lab, flow)
        with chapter(console, f"migrated through switch {waypoint}"):
            done = _ask(lab, "/v1/migrations", {"flow": flow["id"], "dpids": waypoint})
        with chapter(console, "and the traffic goes on"):
            _wait_for_packets(lab, flow)
    show_flows.migration(console, done)
    traffic.expect_intact()
    console.print(styled(f"{traffic.lost} packets lost:", "bold green"), str(traffic))


def _spec(source: GraphHost, target: GraphHost) -> dict[str, Any]:
    return {
        "match": {"dl_type": 0x0800, "nw_proto": 17, "nw_dst": target.ip},
        "src": {"dpid": f"{source.dpid:016x}", "port_no": source.port},
        "dst": {"dpid": f"{target.dpid:016x}", "port_no": target.port},
    }


def _waypoint(lab: Lab, flow: dict[str, Any]) -> str:
    """Return a switch that the flow does not pass yet."""
    passed = {hop["dpid"] for hop in flow["path"]}
    return next(dpid for dpid in (f"{dpid:016x}" for dpid in lab.switches()) if dpid not in passed)


def _wait_for_packets(lab: Lab, flow: dict[str, Any]) -> None:
    def counted() -> int:
        return int(lab.controller.get(f"/v1/flows/{flow['id']}")["packets"] or 0)

    before = counted()
    wait_until(lambda: abs(counted() - before) >= COUNTED, 20, f"{COUNTED} more packets counted")


def _ask(lab: Lab, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(lab.controller.request("POST", path, body))
    return answer
