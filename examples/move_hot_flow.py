"""Moves a flow to another path while a link that it passes is loaded above 70 %.

    move_hot_flow.py FLOW [--limit 70] [--capacity-kbps N]

A link's load is what its source sends, by the counters of two moments that the controller keeps.
Where a switch does not say how fast a port is, ``--capacity-kbps`` says it. The other path is a
shortest one that leaves the loaded link out; the controller moves the flow to it without loss.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Mapping

if __name__ == "__main__":
    # Ctrl-C ends it without a word, also while the rest is loaded.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import networkx

from horizon_client import (
    Client,
    ClientError,
    ControllerConnection,
    flows,
    migrations,
    stats,
    topology,
)
from horizon_ryu.rest.flow_model import FlowModel

Hop = tuple[str, int]
"""A switch and the port where frames leave it: one direction of a link."""


def sent_bps(horizon: Client) -> Mapping[Hop, float]:
    """Return how many bits per second each port sends, where that is known."""
    told = horizon.ask(stats.everything(rates=True))
    return {
        (switch["dpid"], port["port_no"]): port["tx_bps"]
        for switch in told["datapaths"]
        for port in switch["dp_stats"]["ports"]
        if port.get("tx_bps") is not None
    }


def loads(horizon: Client, capacity_kbps: int | None) -> Mapping[Hop, float]:
    """Return how loaded each direction of a link is, in percent."""
    sent, found = sent_bps(horizon), horizon.ask(topology.read())
    speed = {
        (switch.dpid, port.port_no): capacity_kbps or port.speed_kbps
        for switch in found.switches
        for port in switch.ports
    }
    ends = [(link.src.dpid, link.src.port_no) for link in found.links]
    return {end: sent[end] / (10.0 * speed[end]) for end in ends if end in sent and speed[end]}


def way_around(horizon: Client, flow: FlowModel, hot: Hop) -> list[str] | None:
    """Return the switches of a shortest path that leaves a link out; None if there is none."""
    graph = networkx.Graph()
    for link in horizon.ask(topology.read()).links:
        if hot not in ((link.src.dpid, link.src.port_no), (link.dst.dpid, link.dst.port_no)):
            graph.add_edge(link.src.dpid, link.dst.dpid)
    try:
        return list(networkx.shortest_path(graph, flow.path[0].dpid, flow.path[-1].dpid))
    except (networkx.NetworkXNoPath, networkx.NodeNotFound):
        return None


def relieve(horizon: Client, name: str, limit: float, capacity_kbps: int | None) -> Hop | None:
    """Move the flow if it passes a link above ``limit`` percent; return that link, or None."""
    flow = horizon.ask(flows.read(name))
    loaded = loads(horizon, capacity_kbps)
    passed = [(hop.dpid, hop.out_port) for hop in flow.path]
    hottest = max(passed, key=lambda hop: loaded.get(hop, 0.0))
    load = loaded.get(hottest, 0.0)
    around = way_around(horizon, flow, hottest) if load > limit else None
    if around is None:
        return None
    moved = horizon.ask(migrations.migrate(name, around))
    print(f"{hottest[0]}:{hottest[1]} was loaded {load:.0f} %: {moved.state} by {around}")
    return hottest


def main() -> None:
    """Look once a second, until the flow has been moved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("flow", help="its id")
    parser.add_argument("--limit", type=float, default=70.0, help="percent")
    parser.add_argument("--capacity-kbps", type=int, help="of links whose switch tells none")
    given = parser.parse_args()
    with Client(ControllerConnection.from_environment()) as horizon:
        while relieve(horizon, given.flow, given.limit, given.capacity_kbps) is None:
            time.sleep(1.0)


if __name__ == "__main__":
    try:
        main()
    except ClientError as error:
        sys.exit(f"{error}")
