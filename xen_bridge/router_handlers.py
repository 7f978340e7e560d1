"""Handlers of what every node is asked, and of what only a virtual router's agent is.

By themselves: a router has little memory, and imports nothing that is for Domain 0.
"""

from __future__ import annotations

from xen_bridge.gatherers.measures import MeasuresGatherer
from xen_bridge.gatherers.neighbor_scan import NeighborScan
from xen_bridge.gatherers.summary import HostSummary, RouterSummary
from xen_bridge.planes.dead_times import DeadTimes
from xen_bridge.planes.session_hold import SessionHold
from xen_bridge.protocol.documents.dead_times import (
    DeadTimesAnswer,
    GetDeadTimes,
    HeldSessions,
    HoldSessions,
    ReleaseSessions,
    SessionDeadTime,
)
from xen_bridge.protocol.documents.measures import Measures
from xen_bridge.protocol.documents.neighborhood import (
    GetScanProgress,
    ScanNeighbors,
    ScanProgress,
)
from xen_bridge.protocol.documents.summary import GetSummary
from xen_bridge.protocol.documents.topology import ConsolidateNode
from xen_bridge.server.request_handler import (
    CHANGE_SECONDS,
    READ_SECONDS,
    RequestHandler,
    RequestHandlers,
)
from xen_bridge.topology.node_consolidate import ElementScan, NodeConsolidate

MARGIN_SECONDS = 5.0
"""For what a scan takes besides the scanning."""


def measure_handlers(
    measuring: MeasuresGatherer, summary: HostSummary | RouterSummary
) -> RequestHandlers:
    """Return the handlers of the Measures Gatherer: they go to threads themselves."""

    def measuring_seconds(body: Measures) -> float:
        return body.seconds_at_most + READ_SECONDS

    return {
        Measures: RequestHandler(measuring.get_measures, measuring_seconds, blocking=False),
        GetSummary: RequestHandler(summary.get_summary, READ_SECONDS, blocking=False),
    }


def scan_handlers(scan: NeighborScan) -> RequestHandlers:
    """Return the handlers of the Scanning component (report 2.4.1.3)."""

    def seconds(body: ScanNeighbors) -> float:
        return body.seconds_at_most + MARGIN_SECONDS

    def progress(_body: GetScanProgress) -> ScanProgress:
        return scan.tally.told()

    return {
        ScanNeighbors: RequestHandler(scan.scan, seconds),
        GetScanProgress: RequestHandler(progress, READ_SECONDS, blocking=False),
    }


def dead_time_handlers(times: DeadTimes, held: SessionHold) -> RequestHandlers:
    """Return the handlers of what a router's agent tells of its protocols' timers, and raises."""

    def read(_body: GetDeadTimes) -> DeadTimesAnswer:
        found = times.read()
        sessions = (SessionDeadTime(one.protocol, one.peer, one.seconds) for one in found.times)
        return DeadTimesAnswer(tuple(sessions), found.unknown)

    return {
        GetDeadTimes: RequestHandler(read, CHANGE_SECONDS),
        HoldSessions: RequestHandler(
            lambda body: HeldSessions(held.hold(body.seconds)), CHANGE_SECONDS
        ),
        ReleaseSessions: RequestHandler(lambda _body: HeldSessions(held.release()), CHANGE_SECONDS),
    }


def consolidate_handlers(node: NodeConsolidate | ElementScan) -> RequestHandlers:
    """Return the handler of the Node Consolidate component (report 2.4.1.2)."""
    if isinstance(node, NodeConsolidate):
        seconds = _seconds_of_a_host
        return {ConsolidateNode: RequestHandler(node.consolidate, seconds, blocking=False)}
    return {ConsolidateNode: RequestHandler(node.look, _seconds_of_a_router)}


def _seconds_of_a_host(body: ConsolidateNode) -> float:
    return body.seconds_at_most


def _seconds_of_a_router(body: ConsolidateNode) -> float:
    return body.seconds_for_one
