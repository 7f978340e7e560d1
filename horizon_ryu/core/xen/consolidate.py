"""Topology Consolidate (report 2.4.1.1): from what each host tells, the graph of every network."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from horizon_ryu.core.xen.elements import (
    PHYSICAL,
    ElementKey,
    HostReport,
    NetworkElement,
    Sighting,
)
from horizon_ryu.core.xen.joined_views import Elements, JoinedViews, LinkSocket, LinkViews
from horizon_ryu.core.xen.topology import (
    MOST_IN_MATRIX,
    ContestedMac,
    Crossing,
    DuplicateRouter,
    ElementProblem,
    StrangeNeighbor,
    TopologyEnd,
    TopologyGraph,
    TopologyLink,
    TopologyNode,
    Why,
    XenTopology,
)

Ids = Mapping[ElementKey, str]


def consolidate(reports: Iterable[HostReport]) -> XenTopology:
    """Return the topology that the hosts tell of; one that told nothing is a node all the same."""
    reports = sorted(reports, key=lambda one: one.host)
    told = [element for report in reports for element in report.elements]
    elements = _without_remains(told)
    ids = _ids(elements)
    joined = JoinedViews(elements)
    nodes = _nodes_by_network(elements, ids)
    nodes[PHYSICAL] += [_away(report) for report in reports if report.reason]
    unassigned = nodes.pop(None, [])
    graphs = {
        name: _graph(name, found, joined.links[name], ids)
        for name, found in nodes.items()
        if name is not None
    }
    return XenTopology(
        physical=graphs.pop(PHYSICAL),
        virtual=tuple(graph for _, graph in sorted(graphs.items())),
        unassigned=tuple(sorted(unassigned, key=_order)),
        strangers=tuple(_stranger(*one, ids) for one in joined.strangers),
        crossings=tuple(_crossing(*one, ids) for one in joined.crossings),
        contested=tuple(_contested(joined, ids)),
        duplicates=tuple(_duplicates(told)),
        problems=tuple(_problems(elements, ids)),
    )


# ---- nodes


def _by_uuid(told: Iterable[NetworkElement]) -> Mapping[str, list[NetworkElement]]:
    """Return the routers that are told of several times."""
    found: defaultdict[str, list[NetworkElement]] = defaultdict(list)
    for element in told:
        if element.uuid is not None:
            found[element.uuid].append(element)
    return {uuid: several for uuid, several in found.items() if len(several) > 1}


def _duplicates(told: Iterable[NetworkElement]) -> Iterator[DuplicateRouter]:
    for uuid, several in sorted(_by_uuid(told).items()):
        yield DuplicateRouter(uuid, tuple(one.host for one in several))


def _without_remains(told: Sequence[NetworkElement]) -> Elements:
    """Return the elements in order; of a router that runs, not what a move left behind."""
    remains = {
        element.key
        for several in _by_uuid(told).values()
        if any(one.is_on_the_wire for one in several)
        for element in several
        if not element.is_on_the_wire
    }
    kept = (one for one in told if one.key not in remains)
    return {one.key: one for one in sorted(kept, key=lambda one: (one.name, one.uuid or ""))}


def _ids(elements: Elements) -> Ids:
    count = Counter(key.uuid for key in elements)
    return {
        key: key.host
        if key.uuid is None
        else key.uuid
        if count[key.uuid] == 1
        else f"{key.uuid}@{key.host}"
        for key in elements
    }


def _nodes_by_network(elements: Elements, ids: Ids) -> defaultdict[str | None, list[TopologyNode]]:
    found: defaultdict[str | None, list[TopologyNode]] = defaultdict(list)
    for key, element in elements.items():
        node = TopologyNode(
            id=ids[key],
            name=element.name,
            host=element.host,
            uuid=element.uuid,
            state="connected" if element.uuid is None else element.state,
        )
        found[element.network].append(node)
    return found


def _away(report: HostReport) -> TopologyNode:
    name = report.host
    return TopologyNode(
        id=name, name=name, host=name, uuid=None, state="away", reason=report.reason
    )


def _order(node: TopologyNode) -> tuple[str, str, str]:
    """Order nodes by name, so that a router that moves keeps its row."""
    return node.name, node.uuid or "", node.host


# ---- graphs


def _graph(
    name: str,
    found: Iterable[TopologyNode],
    joined: Mapping[frozenset[LinkSocket], LinkViews],
    ids: Ids,
) -> TopologyGraph:
    nodes = tuple(sorted(found, key=_order))
    row_of = {node.id: number for number, node in enumerate(nodes)}

    def link_order(link: TopologyLink) -> tuple[object, ...]:
        return tuple(
            key
            for end in (link.src, link.dst)
            for key in (row_of[end.node], end.interface or "", end.mac or "")
        )

    links = tuple(sorted((_link(one, ids, row_of) for one in joined.values()), key=link_order))
    return TopologyGraph(name, nodes, _matrix(row_of, links), links)


def _link(views: LinkViews, ids: Ids, row_of: Mapping[str, int]) -> TopologyLink:
    """Return a link from the node of the lower row to the other."""
    one, other = sorted(views.ports, key=lambda socket: (row_of[ids[socket.key]], socket.port))
    return TopologyLink(_end(views, one, other, ids), _end(views, other, one, ids))


def _end(views: LinkViews, here: LinkSocket, there: LinkSocket, ids: Ids) -> TopologyEnd:
    port, sees, is_seen = views.ports[here], views.views.get(here), views.views.get(there)
    return TopologyEnd(
        node=ids[here.key],
        interface=port.name,
        mac=port.mac,
        address=None if is_seen is None else is_seen.address,
        sees=sees is not None,
        latency_ms=None if sees is None else sees.latency_ms,
    )


def _matrix(
    row_of: Mapping[str, int], links: Iterable[TopologyLink]
) -> tuple[tuple[int, ...], ...] | None:
    if len(row_of) > MOST_IN_MATRIX:
        return None
    rows = [[0] * len(row_of) for _ in row_of]
    for link in links:
        one, other = row_of[link.src.node], row_of[link.dst.node]
        rows[one][other] = rows[other][one] = 1
    return tuple(map(tuple, rows))


# ---- what is in no graph


def _stranger(element: NetworkElement, seen: Sighting, why: Why, ids: Ids) -> StrangeNeighbor:
    return StrangeNeighbor(
        node=ids[element.key],
        network=element.network,
        interface=seen.interface,
        address=seen.address,
        mac=seen.mac,
        latency_ms=seen.latency_ms,
        why=why,
    )


def _crossing(element: NetworkElement, other: NetworkElement, seen: Sighting, ids: Ids) -> Crossing:
    return Crossing(
        node=ids[element.key],
        network=element.network,
        interface=seen.interface,
        address=seen.address,
        other=ids[other.key],
        other_network=other.network,
    )


def _contested(joined: JoinedViews, ids: Ids) -> Iterator[ContestedMac]:
    for mac, keys in sorted(joined.owners.contested().items()):
        yield ContestedMac(mac, tuple(sorted(ids[key] for key in keys)))


def _problems(elements: Elements, ids: Ids) -> Iterator[ElementProblem]:
    for key, element in elements.items():
        for problem in element.problems:
            yield ElementProblem(ids[key], problem)
