"""Layout: where the nodes of the picture are drawn; one for everybody, and immutable.

A node is a switch by its dpid, ``xen:HOST``, ``xen:HOST:DOMAIN``, ``host:MAC`` (``host:MAC:VLAN``
in a VLAN), or ``segment:DPID:PORT`` by its first port. It need not be there: it may come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from horizon_ryu.core.errors import LimitExceeded

_DPID = "[0-9a-f]{16}"
_MAC = "[0-9a-f]{2}(?::[0-9a-f]{2}){5}"
OTHER_NODE = (
    r"xen:[A-Za-z][A-Za-z0-9_.-]{0,62}(?::[A-Za-z0-9][A-Za-z0-9_.+:-]{0,63})?"
    rf"|host:{_MAC}(?::[1-9][0-9]{{0,3}})?|segment:{_DPID}:[0-9]{{1,10}}"
)
"""Pattern of nodes that are no switches."""
FARTHEST = 1_000_000.0
"""Coordinates lie between this and its negative."""
MAX_POSITIONS = 20_000
_DIGITS = 2


class Position(NamedTuple):
    """A place in the picture, to hundredths; ``is_pinned``: somebody put it there by hand."""

    x: float
    y: float
    is_pinned: bool = False

    def rounded(self) -> Position:
        """Return it as it is kept."""
        # Adding zero makes -0.0 a plain zero.
        return Position(round(self.x, _DIGITS) + 0.0, round(self.y, _DIGITS) + 0.0, self.is_pinned)


Changes = Mapping[str, Position | None]
"""Positions by node; None where one is forgotten."""


class PictureLayout:
    """All positions."""

    def __init__(self, positions: Mapping[str, Position] = MappingProxyType({})) -> None:
        self.positions = MappingProxyType(dict(positions))

    def differing(self, wanted: Changes, if_absent: bool = False) -> dict[str, Position | None]:
        """Return those of ``wanted`` that are not so yet.

        ``if_absent`` leaves out what has a position, whatever it is.
        """
        known = self.positions
        rounded = {
            node: None if place is None else place.rounded() for node, place in wanted.items()
        }
        return {
            node: place
            for node, place in rounded.items()
            if place != known.get(node) and not (if_absent and node in known)
        }

    def replacing(self, wanted: Mapping[str, Position]) -> dict[str, Position | None]:
        """Return what makes this layout ``wanted`` and nothing else."""
        gone = dict.fromkeys(self.positions.keys() - wanted.keys())
        return {**gone, **self.differing(wanted)}

    def changed(self, changes: Changes) -> PictureLayout:
        """Return the layout with these positions; LimitExceeded."""
        found = {**self.positions, **changes}
        left = {node: place for node, place in found.items() if place is not None}
        if len(left) > MAX_POSITIONS:
            raise LimitExceeded(f"at most {MAX_POSITIONS} positions; forget some")
        return PictureLayout(left)
