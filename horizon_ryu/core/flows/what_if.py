"""What if: the network with some of it cut in thought, and what would become of flows and trees.

Nothing is claimed, nothing sent. A flow goes where it would be moved after such a failure: the same
routes, and the same proof that no packet under way is lost, as when it happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from horizon_ryu.core.errors import HorizonError, InvalidInput
from horizon_ryu.core.flows.flow import Flow, FlowState, PathSpec
from horizon_ryu.core.flows.routing import Routing
from horizon_ryu.core.spanning_tree.forest import Forest, build_forest
from horizon_ryu.core.topology import Host, Link, PortRef, Segment, Switch, TopologyView


@dataclass(frozen=True, slots=True)
class NetworkCut:
    """What is away in thought: cables (in both directions), switches, and single ports."""

    links: tuple[Link, ...] = ()
    switches: tuple[int, ...] = ()
    ports: tuple[PortRef, ...] = ()


class Fate(StrEnum):
    """What becomes of a flow."""

    UNCHANGED = "unchanged"
    MOVES = "moves"
    BREAKS = "breaks"
    STAYS_BROKEN = "stays_broken"
    STAYS_PENDING = "stays_pending"


class FlowFate(NamedTuple):
    """A flow, what becomes of it, how it is then if it moves, and why if it breaks."""

    flow: Flow
    fate: Fate
    then: Flow | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Supposed:
    """What would be; ``forest`` is None where no Spanning Tree runs."""

    flows: tuple[FlowFate, ...]
    forest: Forest | None
    parts: int
    hosts_cut_off: tuple[Host, ...]

    def counts(self) -> Mapping[Fate, int]:
        """Return how many flows have each fate."""
        found = Counter(each.fate for each in self.flows)
        return {fate: found[fate] for fate in Fate}


class FlowsNow(NamedTuple):
    """The flows as they are, and the tags that they may have and do have."""

    flows: Collection[Flow]
    tag_range: tuple[int, int]
    used_tags: Callable[[], Collection[int]]


def suppose(
    view: TopologyView,
    cut: NetworkCut,
    now: FlowsNow,
    has_tree: bool = True,
    rest: Callable[[], None] = lambda: None,
) -> Supposed:
    """Return what would be if ``cut`` happened; InvalidInput if some of it is not there.

    ``rest`` is called between flows, to let others have their turns.
    """
    left = without(view, cut)
    routing = Routing(left, now.tag_range)
    fates = []
    for flow in sorted(now.flows, key=lambda flow: flow.number):
        fates.append(_fate(flow, routing, now.used_tags))
        rest()
    forest = build_forest(left)
    gone = tuple(host for key, host in sorted(view.hosts.items()) if key not in left.hosts)
    return Supposed(tuple(fates), forest if has_tree else None, len(forest.trees), gone)


def _fate(flow: Flow, routing: Routing, used: Callable[[], Collection[int]]) -> FlowFate:
    if flow.state is FlowState.PENDING:
        return FlowFate(flow, Fate.STAYS_PENDING, reason=flow.reason)
    if routing.has_ends(flow) and routing.is_whole(flow.hops):
        is_broken = flow.state is FlowState.BROKEN
        return FlowFate(flow, Fate.STAYS_BROKEN if is_broken else Fate.UNCHANGED)
    then, reason = _elsewhere(flow, routing, used)
    if then is not None:
        return FlowFate(flow, Fate.MOVES, then)
    is_broken = flow.state is FlowState.BROKEN
    return FlowFate(flow, Fate.STAYS_BROKEN if is_broken else Fate.BREAKS, reason=reason)


def _elsewhere(
    flow: Flow, routing: Routing, used: Callable[[], Collection[int]]
) -> tuple[Flow | None, str]:
    """Return the flow on another path, or None and why there is none."""
    if not isinstance(flow.spec, PathSpec):
        return None, "its switch, or a port that it names, is away"
    if flow.spec.path:
        return None, "its whole path was given: it never departs from that"
    try:
        return routing.change(flow, flow, used).new, ""
    except HorizonError as error:
        return None, str(error)


def without(view: TopologyView, cut: NetworkCut) -> TopologyView:
    """Return ``view`` without what is cut; InvalidInput if some of it is not there."""
    _check(view, cut)
    cables = {end for link in cut.links for end in (link, link.reversed())}
    gone_ports, gone_switches = frozenset(cut.ports), frozenset(cut.switches)

    def stays(ref: PortRef) -> bool:
        return ref not in gone_ports and ref.dpid not in gone_switches

    links = {
        src: link
        for src, link in view.links.items()
        if link not in cables and stays(link.src) and stays(link.dst)
    }
    hosts = {key: host for key, host in view.hosts.items() if stays(host.location)}
    switches = {
        dpid: _with_ports(switch, gone_ports)
        for dpid, switch in view.switches.items()
        if dpid not in gone_switches
    }
    segments = _segments(set(view.segments.values()), stays)
    return replace(view, switches=switches, links=links, hosts=hosts, segments=segments)


def _with_ports(switch: Switch, gone: frozenset[PortRef]) -> Switch:
    numbers = {ref.port_no for ref in gone if ref.dpid == switch.dpid}
    if not numbers:
        return switch
    ports = {number: port for number, port in switch.ports.items() if number not in numbers}
    return replace(switch, ports=ports)


def _segments(
    segments: Iterable[Segment], stays: Callable[[PortRef], bool]
) -> dict[PortRef, Segment]:
    """Return the segments that still join two ports at least."""
    found: dict[PortRef, Segment] = {}
    for segment in segments:
        ports = tuple(filter(stays, segment.ports))
        if len(ports) > 1:
            found |= dict.fromkeys(ports, Segment(ports))
    return found


def _check(view: TopologyView, cut: NetworkCut) -> None:
    known = set(view.links.values())
    for place, link in enumerate(cut.links):
        if link not in known and link.reversed() not in known:
            raise InvalidInput(("links", place), "there is no such link")
    for place, dpid in enumerate(cut.switches):
        if dpid not in view.switches:
            raise InvalidInput(("switches", place), "there is no such switch")
    for place, ref in enumerate(cut.ports):
        switch = view.switches.get(ref.dpid)
        if switch is None or ref.port_no not in switch.ports:
            raise InvalidInput(("ports", place), "there is no such port")
