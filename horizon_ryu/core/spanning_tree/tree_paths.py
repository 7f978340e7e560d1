"""Tree paths: the one way between two places along the spanning forest, across segments too.

Where a segment is on the way there is no other choice than the tree: a bridge of somebody else's
learns from each frame by which of its ports a station is reached, and what the tree carries has
come in by one port only. Frames that such a bridge floods also come in by the other ports that
are open; these are told as ``aside``, for whoever has to drop them there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.paths import PathStep, Transit, Way
from horizon_ryu.core.spanning_tree.forest import Forest
from horizon_ryu.core.topology import PortRef, Segment

MAX_COURSES = 65_536
"""Ways between two nodes that are remembered."""


class _Edge(NamedTuple):
    """One direction of a branch: by which port it leaves and arrives; None at a segment."""

    out: PortRef | None
    node: int
    into: PortRef | None


class _Branch(NamedTuple):
    """Where a node hangs: the way up and the way down, and how deep it is."""

    above: int
    up: _Edge
    down: _Edge
    depth: int


class _Course(NamedTuple):
    """A way between two nodes; the ports are None where a switch is at the end."""

    first: PortRef | None
    last: PortRef | None
    transit: Transit
    aside: tuple[PortRef, ...]


class TreePaths:
    """The paths of one forest; ``segments`` are Discovery's, which tell who is at closed ports.

    Switches are nodes by their dpids, segments by negative numbers.
    """

    def __init__(self, forest: Forest, segments: Mapping[PortRef, Segment]) -> None:
        self._forest = forest
        self._segments = segments
        self._joints = {-1 - place: joint for place, joint in enumerate(forest.joints)}
        self._attached = {ref: node for node, joint in self._joints.items() for ref in joint}
        self._branches: dict[int, _Branch | None] | None = None
        self._courses: dict[tuple[int, int], _Course | None] = {}

    @property
    def crosses(self) -> bool:
        """Whether there is a segment in any tree."""
        return bool(self._joints)

    def doors(self, ref: PortRef) -> tuple[PortRef, ...]:
        """Return the open ports of the segment that ``ref`` is a port of, none if of none."""
        node = self._node(ref)
        return self._joints.get(node, ()) if node is not None else ()

    def share(self, one: PortRef, other: PortRef) -> bool:
        """Tell whether two ports are of one segment."""
        node = self._node(one)
        return node is not None and node < 0 and node == self._node(other)

    def is_known(self, ref: PortRef) -> bool:
        """Tell whether what is at a port is part of a tree."""
        return self._node(ref) in self._hanging()

    def way(self, here: PortRef, there: PortRef) -> Way | None:
        """Return the way from the place of one station to that of another; None if there is none.

        A place at a segment becomes the port by which the way leaves or enters it; two stations
        on one segment need none of us.
        """
        one, other = self._node(here), self._node(there)
        if one is None or other is None:
            return None
        if (one, other) not in self._courses:
            if len(self._courses) >= MAX_COURSES:
                self._courses.clear()
            self._courses[one, other] = self._course(one, other)
        course = self._courses[one, other]
        if course is None:
            return None
        return Way(course.first or here, course.last or there, course.transit, course.aside, True)

    def _node(self, ref: PortRef) -> int | None:
        """Return the node that is at a port; None for a segment that is in no tree."""
        node = self._attached.get(ref)
        segment = self._segments.get(ref)
        if node is not None or segment is None:
            return ref.dpid if node is None else node
        return next((self._attached[one] for one in segment.ports if one in self._attached), None)

    def _course(self, one: int, other: int) -> _Course | None:
        edges = self._edges(one, other)
        if edges is None:
            return None
        if not edges:
            first, *aside = self._joints.get(one, (None,))
            return _Course(first, first, (), tuple(ref for ref in aside if ref is not None))
        used = {ref for edge in edges for ref in (edge.out, edge.into) if ref is not None}
        crossed = {node for node in (one, *(edge.node for edge in edges)) if node < 0}
        aside_of = (ref for node in crossed for ref in self._joints[node] if ref not in used)
        first = edges[0].into if one < 0 else None
        last = edges[-1].out if other < 0 else None
        return _Course(first, last, _transit(edges), tuple(sorted(aside_of)))

    def _edges(self, one: int, other: int) -> list[_Edge] | None:
        """Return the branches from one node to another, by the node above both."""
        hanging = self._hanging()
        if one not in hanging or other not in hanging:
            return None
        up: list[_Edge] = []
        down: list[_Edge] = []
        while one != other:
            low, high = hanging[one], hanging[other]
            if low is not None and (high is None or low.depth >= high.depth):
                up.append(low.up)
                one = low.above
            elif high is not None:
                down.append(high.down)
                other = high.above
            else:
                return None
        return [*up, *reversed(down)]

    def _hanging(self) -> Mapping[int, _Branch | None]:
        """Return where each node of each tree hangs, None for roots; found when first asked."""
        if self._branches is None:
            self._branches = self._hang()
        return MappingProxyType(self._branches)

    def _hang(self) -> dict[int, _Branch | None]:
        beside: dict[int, list[_Edge]] = {}
        for link in self._forest.links():
            beside.setdefault(link.src.dpid, []).append(_Edge(link.src, link.dst.dpid, link.dst))
        for node, joint in self._joints.items():
            for ref in joint:
                beside.setdefault(ref.dpid, []).append(_Edge(ref, node, None))
                beside.setdefault(node, []).append(_Edge(None, ref.dpid, ref))
        found: dict[int, _Branch | None] = {}
        for tree in self._forest.trees:
            found[tree.root] = None
            queue = deque([(tree.root, 0)])
            while queue:
                above, depth = queue.popleft()
                for edge in beside.get(above, ()):
                    if edge.node not in found:
                        up = _Edge(edge.into, above, edge.out)
                        found[edge.node] = _Branch(above, up, edge, depth + 1)
                        queue.append((edge.node, depth + 1))
        return found


def _transit(edges: list[_Edge]) -> Transit:
    """Return the steps from switch to switch; two branches at a segment between make one."""
    steps: list[PathStep] = []
    out: PortRef | None = None
    for edge in edges:
        out = edge.out or out
        if out is not None and edge.into is not None:
            steps.append(PathStep(*out, *edge.into))
            out = None
    return tuple(steps)
