"""Graphs of the topology for the tools of researchers: GraphML, GML and dot, through networkx.

A node is a switch, a host, or a segment: what bridges that are not ours make of several cables.
An edge is a cable, told once, with the ports at its ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.topology import Host, Link, Segment, TopologyView
from horizon_ryu.wire.addresses import mac_to_text

if TYPE_CHECKING:
    import networkx as nx

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {"graphml": "application/graphml+xml", "gml": "text/x-gml", "dot": "text/vnd.graphviz"}
)
"""Format -> media type of what it is written as."""

_SHAPES = MappingProxyType({"switch": "box", "segment": "diamond", "host": "ellipse"})


def graph_text(view: TopologyView, form: str) -> str:
    """Return the topology as ``form``, one of the MEDIA_TYPES."""
    return _WRITERS[form](topology_graph(view))


def topology_graph(view: TopologyView) -> nx.MultiGraph[str]:
    """Return the topology as a graph of networkx; the source of an edge is in ``src_dpid``."""
    # Loaded when somebody asks: it costs a start a fifth of a second.
    import networkx as nx

    graph: nx.MultiGraph[str] = nx.MultiGraph(name="topology")
    for dpid, switch in sorted(view.switches.items()):
        graph.add_node(dpid_to_text(dpid), kind="switch", address=switch.address)
    for _, link in sorted(view.links.items()):
        _add_cable(graph, link, view.is_bidirectional(link))
    for segment in sorted(set(view.segments.values())):
        _add_segment(graph, segment)
    for _, host in sorted(view.hosts.items()):
        _add_host(graph, host)
    return graph


def _add_cable(graph: nx.MultiGraph[str], link: Link, is_bidirectional: bool) -> None:
    if is_bidirectional and link.src > link.dst:
        return
    src, dst = dpid_to_text(link.src.dpid), dpid_to_text(link.dst.dpid)
    ports = {"src_port": link.src.port_no, "dst_port": link.dst.port_no}
    graph.add_edge(src, dst, src_dpid=src, **ports, bidirectional=int(is_bidirectional))


def _add_segment(graph: nx.MultiGraph[str], segment: Segment) -> None:
    first = segment.ports[0]
    node = f"segment {dpid_to_text(first.dpid)}:{first.port_no}"
    graph.add_node(node, kind="segment", address="")
    for ref in segment.ports:
        dpid = dpid_to_text(ref.dpid)
        if dpid in graph:
            graph.add_edge(node, dpid, src_dpid=dpid, src_port=ref.port_no)


def _add_host(graph: nx.MultiGraph[str], host: Host) -> None:
    # A MAC in several VLANs is as many stations.
    tag = "" if host.vlan is None else f"@{host.vlan}"
    node, dpid = mac_to_text(host.mac) + tag, dpid_to_text(host.location.dpid)
    graph.add_node(node, kind="host", address=" ".join(host.ips))
    if dpid in graph:
        graph.add_edge(node, dpid, src_dpid=dpid, src_port=host.location.port_no)


def _graphml(graph: nx.MultiGraph[str]) -> str:
    import networkx as nx

    return "\n".join(nx.generate_graphml(graph)) + "\n"


def _gml(graph: nx.MultiGraph[str]) -> str:
    import networkx as nx

    return "\n".join(nx.generate_gml(graph)) + "\n"


def _dot(graph: nx.MultiGraph[str]) -> str:
    return "\n".join(_dot_lines(graph)) + "\n"


def _dot_lines(graph: nx.MultiGraph[str]) -> Iterator[str]:
    """Yield the graph in Graphviz's language; every text in it is of hex digits and addresses."""
    yield "graph topology {"
    for node, about in graph.nodes(data=True):
        shape = _SHAPES[about["kind"]]
        yield f'  "{node}" [kind="{about["kind"]}", address="{about["address"]}", shape={shape}];'
    for one, other, about in graph.edges(data=True):
        src, dst = (one, other) if about["src_dpid"] == one else (other, one)
        ports = [f"taillabel={about['src_port']}"]
        ports += [f"headlabel={about['dst_port']}"] if "dst_port" in about else []
        yield f'  "{src}" -- "{dst}" [{", ".join(ports)}];'
    yield "}"


_WRITERS: Mapping[str, Callable[[nx.MultiGraph[str]], str]] = MappingProxyType(
    {"graphml": _graphml, "gml": _gml, "dot": _dot}
)
