"""The network as routes see it: neighbours, and every link to each of them, the best one first."""

from __future__ import annotations

from collections.abc import Mapping

from horizon_ryu.core.paths import PathStep, link_rank, usable_links
from horizon_ryu.core.topology import TopologyView


class RouteGraph:
    """Switches and the links seen in both directions, parallel ones too.

    The report's ``CreateTopology`` (3.2.2.2), with sets of neighbours for its matrix of 0 and 1.
    """

    def __init__(self, view: TopologyView) -> None:
        links: dict[int, dict[int, list[tuple[tuple[int, int, int], PathStep]]]] = {
            dpid: {} for dpid in view.switches
        }
        for link in usable_links(view):
            src, dst = link.src, link.dst
            step = PathStep(src.dpid, src.port_no, dst.dpid, dst.port_no)
            links[src.dpid].setdefault(dst.dpid, []).append((link_rank(view, link), step))
        self._links = links
        self._sorted: set[tuple[int, int]] = set()
        self.neighbors: Mapping[int, frozenset[int]] = {
            dpid: frozenset(there) for dpid, there in links.items()
        }

        self._beside: dict[int, set[int]] = {}
        """Whom each switch shares a segment with."""
        for segment in set(view.segments.values()):
            there = {ref.dpid for ref in segment.ports} & view.switches.keys()
            for dpid in there:
                self._beside.setdefault(dpid, set()).update(there - {dpid})

    def is_across_segment(self, src: int, dst: int) -> bool:
        """Tell whether segments, and links, join two switches: what flows do not use."""
        found, new = {src}, {src} if self._beside else set()
        while new:
            reached = (
                self.neighbors.get(one, frozenset()) | self._beside.get(one, set()) for one in new
            )
            new = set().union(*reached) - found
            found |= new
        return src != dst and dst in found

    def __contains__(self, dpid: object) -> bool:
        return dpid in self.neighbors

    def steps(self, dpid: int, neighbor: int) -> tuple[PathStep, ...]:
        """Return the links from one switch to another: the fastest first, then by port."""
        found = self._links.get(dpid, {}).get(neighbor, [])
        if len(found) > 1 and (dpid, neighbor) not in self._sorted:
            found.sort()
            self._sorted.add((dpid, neighbor))
        return tuple(step for _, step in found)
