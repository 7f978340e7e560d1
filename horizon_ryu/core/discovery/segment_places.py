"""Segment places: where a station is whose frames come in from a segment, by the newest forest.

What a station sends to all comes in at every open port of its segment, and what one elsewhere
sends comes in at all of them but the one by which the tree carries it into the segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.spanning_tree.tree_paths import TreePaths
from horizon_ryu.core.topology import PortRef, Segment


class SegmentPlaces:
    """Judges by a forest; as long as none is known, everything may pass everywhere."""

    def __init__(self) -> None:
        self._forest = Forest()
        self._segments: Mapping[PortRef, Segment] = {}
        self._paths = TreePaths(self._forest, self._segments)

    def follow(self, forest: Forest, segments: Mapping[PortRef, Segment]) -> None:
        """Take the newest forest and the newest segments."""
        if forest is not self._forest or segments is not self._segments:
            self._forest, self._segments = forest, segments
            self._paths = TreePaths(forest, segments)

    @property
    def forest(self) -> Forest:
        """The newest forest."""
        return self._forest

    def place(self, here: PortRef, home: PortRef) -> PortRef | None:
        """Return where a station of ``home`` is taken to be that is heard at ``here``.

        None if its frames only pass there.
        """
        segment = self._segments.get(here)
        if segment is None:
            return here
        if home in segment.ports:
            return home
        return None if self._passes(here, home) else here

    def _passes(self, here: PortRef, home: PortRef) -> bool:
        if not (self._paths.is_known(here) and self._paths.is_known(home)):
            return True
        way = self._paths.way(home, here)
        return way is not None and way.there != here

    def moves(self) -> Iterator[tuple[PortRef, PortRef]]:
        """Yield each closed port of a segment with an open one.

        Whom the closed one has let learn is there: questions must leave where answers come in.
        """
        for ref in self._segments:
            doors = self._paths.doors(ref)
            if doors and ref not in doors:
                yield ref, doors[0]
