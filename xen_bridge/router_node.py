"""Node of a virtual router, put together: it measures itself, and tells Domain 0 of its planes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from xen_bridge.agent.separation_agent import RouteSource, SeparationAgent
from xen_bridge.channel.incarnation import FILE as INCARNATION
from xen_bridge.channel.incarnation import next_incarnation
from xen_bridge.gatherers.measures import MeasuresGatherer, node_gatherers
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.gatherers.summary import RouterSummary
from xen_bridge.netlink.tables import Netlink
from xen_bridge.node_parts import PLANES_SECONDS, node_of, reading_in
from xen_bridge.planes.dead_times import DeadTimes
from xen_bridge.planes.fib_model import FibModel
from xen_bridge.planes.follower import FibFollower
from xen_bridge.planes.session_hold import FILE as HELD_SESSIONS
from xen_bridge.planes.session_hold import SessionHold
from xen_bridge.router_handlers import (
    consolidate_handlers,
    dead_time_handlers,
    measure_handlers,
    scan_handlers,
)
from xen_bridge.runtime.port import Runtime
from xen_bridge.server import routers
from xen_bridge.server.running import NodeComponents, Serve
from xen_bridge.topology.node_consolidate import ElementScan
from xen_bridge.trust.identity import Identity
from xen_bridge.vtysh import Vtysh

ALONE_SECONDS = 2.0
"""Between two looks whether a Domain 0 is named that could separate our planes."""


def virtual_router(
    directory: Path,
    runtime: Runtime,
    serve: Serve,
    vty: str | None = None,
    source: Callable[[FibModel], RouteSource] = FibFollower,
) -> NodeComponents:
    """Return the node of a virtual router: it measures itself, and has its planes separated.

    By one of the Domain 0s in its file of hosts, if there are any. The sockets of FRR's daemons
    are in the folder ``vty``, if not where FRR has them by default. Routes come from ``source``.
    """
    identity = Identity.load(directory)
    reading, netlink = reading_in(runtime), Netlink()
    measuring = MeasuresGatherer(node_gatherers(netlink), reading)
    scan = NeighborScan(netlink)
    frr = Vtysh(vty)
    held = SessionHold(directory / HELD_SESSIONS, frr, runtime.now)
    handlers = {
        **measure_handlers(measuring, RouterSummary(reading, netlink)),
        **scan_handlers(scan),
        **dead_time_handlers(DeadTimes(frr), held),
        **consolidate_handlers(ElementScan(netlink, scan.scan)),
    }
    homes = routers.RouterList(directory / routers.HOSTS_FILE)
    incarnation = next_incarnation(directory / INCARNATION)
    agent = SeparationAgent(identity, homes.routers, incarnation, source=source)
    lasting = ("the separation of our planes", partial(_follow, runtime, agent, held))
    return replace(node_of(directory, identity, handlers, runtime, serve), lasting=(lasting,))


def _follow(runtime: Runtime, agent: SeparationAgent, held: SessionHold) -> None:
    while True:
        # A native thread is not woken for nothing: to a small router that is work.
        if held.holds:
            runtime.in_thread(held.due)
        if not runtime.in_thread(agent.turn):
            runtime.sleep(ALONE_SECONDS if agent.is_alone else PLANES_SECONDS)
