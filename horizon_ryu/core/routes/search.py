"""Routes between two ports: the shortest through ordered waypoints, and those given whole.

Preferred is a simple path, then a walk that enters no switch twice by one port, then a walk whose
passages a tag tells apart (research on updates, 8.4: shortest segments one after the other are
mostly not simple).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from horizon_ryu.core.errors import InvalidInput, NoRoute
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.paths import Hop, PathStep, hops_along
from horizon_ryu.core.routes.disjoint import shortest_through
from horizon_ryu.core.routes.graph import RouteGraph
from horizon_ryu.core.routes.ordered import simple_path
from horizon_ryu.core.routes.route import Route, route_of
from horizon_ryu.core.routes.shortest import shortest
from horizon_ryu.core.topology import PortRef

BUDGET = 20_000
"""Partial paths looked at, with two waypoints or more, before a walk will do."""


def find_route(
    graph: RouteGraph,
    src: PortRef,
    dst: PortRef,
    waypoints: Sequence[int] = (),
    budget: int = BUDGET,
) -> Route:
    """Return the route from ``src`` to ``dst`` that passes ``waypoints`` in their order.

    NoRoute names the switch that is out of reach. The report's ``getEntireDpidPath`` (3.2.2.2),
    which puts the partial paths together as they come.
    """
    stops = _stops(src.dpid, dst.dpid, waypoints)
    for dpid in stops:
        if dpid not in graph.neighbors:
            raise NoRoute(dpid, "not in the network")
    dpids = _simple(graph, stops, budget)
    if dpids is None:
        steps = _walk(graph, stops) or _tagged(graph, stops)
    else:
        steps = [graph.steps(*pair)[0] for pair in pairwise(dpids)]
    return route_of(hops_along(tuple(steps), src.port_no, dst))


def route_through(graph: RouteGraph, src: PortRef, dst: PortRef, dpids: Sequence[int]) -> Route:
    """Return the route from ``src`` to ``dst`` through exactly the switches ``dpids``.

    InvalidInput if they do not begin and end with those of the ports; NoRoute where two that
    follow each other are not linked.
    """
    for place, ref in ((0, src), (-1, dst)):
        if not dpids or dpids[place] != ref.dpid:
            raise InvalidInput(
                ("path",),
                f"it must begin at switch {dpid_to_text(src.dpid)} and end at switch "
                f"{dpid_to_text(dst.dpid)}",
            )
    used = {(src.dpid, src.port_no)}
    steps = []
    for dpid, after in pairwise(dpids):
        links = graph.steps(dpid, after)
        if not links:
            raise NoRoute(
                after, f"not linked to switch {dpid_to_text(dpid)}{_why(graph, dpid, after)}"
            )
        step = next((link for link in links if link[2:] not in used), links[0])
        used.add((step.next_dpid, step.next_in_port))
        steps.append(step)
    return route_of(hops_along(tuple(steps), src.port_no, dst))


def hops_exist(graph: RouteGraph, hops: Iterable[Hop]) -> bool:
    """Tell whether every link of a path is there."""
    return all(
        PathStep(hop.dpid, hop.out_port, after.dpid, after.in_port or 0)
        in graph.steps(hop.dpid, after.dpid)
        for hop, after in pairwise(hops)
    )


def _stops(src: int, dst: int, waypoints: Sequence[int]) -> list[int]:
    """Return where to pass, from the first to the last switch, without standing still."""
    stops = [src]
    for dpid in (*waypoints, dst):
        if dpid != stops[-1]:
            stops.append(dpid)
    return stops


def _simple(graph: RouteGraph, stops: Sequence[int], budget: int) -> tuple[int, ...] | None:
    if len(set(stops)) < len(stops):
        return None
    if len(stops) == 1:
        return (stops[0],)
    if len(stops) == 2:
        return shortest(graph.neighbors, stops[0], stops[1])
    if len(stops) == 3:
        return shortest_through(graph.neighbors, stops[0], stops[1], stops[2])
    return simple_path(graph.neighbors, stops[0], stops[1:], budget)


def _walk(graph: RouteGraph, stops: Sequence[int]) -> list[PathStep] | None:
    """Return the links of a walk that uses none twice, segment by segment; None if stuck."""
    used: set[PathStep] = set()
    steps: list[PathStep] = []
    for src, dst in pairwise(stops):
        segment = _unused(graph, src, dst, used)
        if segment is None:
            return None
        used.update(segment)
        steps += segment
    return steps


def _unused(graph: RouteGraph, src: int, dst: int, used: set[PathStep]) -> list[PathStep] | None:
    """Return the links of a shortest way over links not in ``used``, breadth first."""
    came: dict[int, PathStep] = {}
    level = [src]
    while level and dst not in came:
        reached = []
        for dpid in level:
            for neighbor in sorted(graph.neighbors[dpid]):
                if neighbor in came or neighbor == src:
                    continue
                free = (step for step in graph.steps(dpid, neighbor) if step not in used)
                step = next(free, None)
                if step is not None:
                    came[neighbor] = step
                    reached.append(neighbor)
        level = reached
    if dst not in came:
        return None
    segment = [came[dst]]
    while segment[-1].dpid != src:
        segment.append(came[segment[-1].dpid])
    return segment[::-1]


def _tagged(graph: RouteGraph, stops: Sequence[int]) -> list[PathStep]:
    """Return the links of the shortest segments, whatever they share.

    Links go both ways, so what stops this would stop any route.
    """
    steps = []
    for src, dst in pairwise(stops):
        dpids = shortest(graph.neighbors, src, dst)
        if dpids is None:
            raise NoRoute(
                dst,
                f"no path leads to it from switch {dpid_to_text(src)}{_why(graph, src, dst)}",
            )
        steps += [graph.steps(*pair)[0] for pair in pairwise(dpids)]
    return steps


def _why(graph: RouteGraph, src: int, dst: int) -> str:
    """Return what to add where switches are joined by what nobody controls."""
    if not graph.is_across_segment(src, dst):
        return ""
    return " but across a segment: flows do not cross switches that are not ours"
