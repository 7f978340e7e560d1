"""The layout as it is kept: in the store, and told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from horizon_ryu.core.layout import FARTHEST, Changes, PictureLayout, Position

POSITIONS_TOLD = 512
"""Positions that an event tells, at most: beyond them the layout is asked for again."""

Row = Mapping[str, Any]


class LayoutStore(Protocol):
    """The part of the store that is used."""

    def layout(self) -> tuple[Row, ...]:
        """Return every position: ``node``, ``x``, ``y``, ``pinned``."""

    def put_layout(self, rows: tuple[Row, ...], gone: tuple[str, ...]) -> None:
        """Keep positions in place of what was known of their nodes, and forget others."""


class KeptLayout:
    """The layout in force; one change of it at a time."""

    def __init__(
        self,
        store: LayoutStore,
        publish: Callable[[str, Mapping[str, Any]], None],
        changing: AbstractContextManager[Any],
    ) -> None:
        self._store = store
        self._publish = publish
        self._changing = changing
        self._layout = PictureLayout(
            {row["node"]: place for row in store.layout() if (place := _position(row))}
        )

    @property
    def layout(self) -> PictureLayout:
        """The layout in force; another object when it changes."""
        return self._layout

    def change(self, wanted: Changes, if_absent: bool = False) -> None:
        """Set some positions and forget others; StoreError, LimitExceeded, and nothing is done."""
        with self._changing:
            self._put(self._layout.differing(wanted, if_absent))

    def replace(self, wanted: Mapping[str, Position]) -> None:
        """Have these positions and no others; StoreError, LimitExceeded, and nothing is done."""
        with self._changing:
            self._put(self._layout.replacing(wanted))

    def _put(self, changes: Changes) -> None:
        if not changes:
            return
        layout = self._layout.changed(changes)
        rows = tuple(
            {"node": node, "x": place.x, "y": place.y, "pinned": place.is_pinned}
            for node, place in changes.items()
            if place is not None
        )
        gone = tuple(node for node, place in changes.items() if place is None)
        self._store.put_layout(rows, gone)
        self._layout = layout
        self._publish("position_change", _told(changes))


def _position(row: Row) -> Position | None:
    """Return a position that is kept; None for what no picture has, which is then forgotten."""
    try:
        place = Position(float(row["x"]), float(row["y"]), bool(row["pinned"]))
    except (TypeError, ValueError):
        return None
    return place if abs(place.x) <= FARTHEST and abs(place.y) <= FARTHEST else None


def _told(changes: Changes) -> dict[str, Any]:
    told = list(changes.items())[:POSITIONS_TOLD]
    return {
        "positions": {
            node: None if place is None else position_data(place) for node, place in told
        },
        "left_out": len(changes) - len(told),
    }


def position_data(place: Position) -> dict[str, Any]:
    """Return a position as documents and events have it."""
    return {"x": place.x, "y": place.y, "pinned": place.is_pinned}
