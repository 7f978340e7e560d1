"""Ways of pairs: the shortest over links, and along the tree where a segment is on the way."""

from __future__ import annotations

from collections.abc import Iterator

from horizon_ryu.core.paths import PathFinder, Way
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.spanning_tree.tree_paths import TreePaths
from horizon_ryu.core.topology import PortRef, TopologyView


class WayFinder:
    """The ways of one topology and one forest; whoever holds it makes a new one for another."""

    def __init__(self, view: TopologyView, forest: Forest) -> None:
        self._links = PathFinder(view)
        self._segments = view.segments
        self._tree = TreePaths(forest, view.segments)

    def follow(self, forest: Forest) -> None:
        """Take another forest of the same topology."""
        self._tree = TreePaths(forest, self._segments)

    def way(self, here: PortRef, there: PortRef) -> Way | None:
        """Return the way from the place of one station to that of another; None if there is none.

        Over links if they join the two switches, and neither place is at a segment.
        """
        if here not in self._segments and there not in self._segments:
            transit = self._links.transit(here.dpid, there.dpid)
            if transit is not None:
                return Way(here, there, transit)
        return self._tree.way(here, there) if self._tree.crosses else None

    def is_current(self, way: Way) -> bool:
        """Tell whether nothing that the links say is against a way."""
        return not way.is_tree and self._links.is_current(way.transit)

    def is_between(self, ref: PortRef) -> bool:
        """Tell whether frames of stations elsewhere may come in at ``ref``: it is no edge."""
        return ref in self._links.link_ports or ref in self._segments

    def may_deliver(self, way: Way, here: PortRef, there: PortRef, at: PortRef) -> bool:
        """Tell whether a frame that the controller was given at ``at`` is to be delivered.

        Of the copies that a bridge of somebody else's makes, the one on the way along the tree is.
        """
        if at in self._segments and not way.is_tree:
            along = self._tree.way(here, there)
            return along is not None and along.leads_on(at)
        return not way.is_tree or way.leads_on(at)

    def may_answer(self, asker: PortRef, owner: PortRef, at: PortRef) -> bool:
        """Tell whether a question that came in at ``at`` entered there, on its way to the owner.

        What is answered elsewhere on a segment has its bridges learn a wrong place of the owner.
        """
        if at not in self._segments:
            return at not in self._links.link_ports
        way = self._tree.way(asker, owner) if self._tree.share(asker, at) else None
        return way is not None and way.leads_on(at)

    def entrances(self, way: Way) -> Iterator[PortRef]:
        """Yield the ports by which frames on a way come in from segments."""
        if way.here in self._segments and way.leads_on(way.here):
            yield way.here
        for step in way.transit:
            ref = PortRef(step.next_dpid, step.next_in_port)
            if ref in self._segments:
                yield ref
