"""Layout of the picture (``/v1/layout``): one for all who look, kept over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.layout import FARTHEST, OTHER_NODE, Changes, PictureLayout, Position
from horizon_ryu.core.switch_names import SWITCH_NAME
from horizon_ryu.formats.model import DPID_PATTERN
from horizon_ryu.http.problem import LIMIT_EXCEEDED, STORE_WRITE
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.given import switch_given
from horizon_ryu.rest.model import Model, optional

MAX_GIVEN = 1_000
"""Positions in one request, at most: no object in a body has more members."""


def _node(given: str, info: ValidationInfo) -> str:
    return given if ":" in given else dpid_to_text(switch_given(given, info))


NodeGiven = Annotated[
    str,
    StringConstraints(pattern=f"^(?:{DPID_PATTERN[1:-1]}|{SWITCH_NAME}|{OTHER_NODE})$"),
    AfterValidator(_node),
]
"""A node: a switch by dpid or name, xen:HOST, xen:HOST:DOMAIN, host:MAC, segment:DPID:PORT."""
Coordinate = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST)]


class PositionModel(Model):
    """A place in the picture; ``pinned`` where somebody put the node by hand."""

    x: Coordinate
    y: Coordinate
    pinned: bool = False


class LayoutModel(Model):
    """All positions, by node."""

    positions: dict[str, PositionModel]


class LayoutGiven(Model):
    """The positions that there shall be, and no others."""

    positions: Annotated[dict[NodeGiven, PositionModel], Field(max_length=MAX_GIVEN)]


class LayoutPatch(Model):
    """Positions to set; null forgets one, the others stay."""

    positions: Annotated[dict[NodeGiven, PositionModel | None], Field(max_length=MAX_GIVEN)]


class LayoutQuery(Model):
    """How positions are set."""

    if_absent: Annotated[str, StringConstraints(pattern="^[01]$")] = optional(
        description="1 sets only what has no position yet, so that two who lay out a new node agree"
    )


class LayoutProvider(Protocol):
    """Who keeps the layout."""

    @property
    def layout(self) -> PictureLayout:
        """The layout in force."""

    def change(self, wanted: Changes, if_absent: bool = False) -> None:
        """Set some positions and forget others."""

    def replace(self, wanted: Mapping[str, Position]) -> None:
        """Have these positions and no others."""


class LayoutOperations:
    """Operations on the layout."""

    tag = "layout"

    def __init__(self, provider: LayoutProvider) -> None:
        self._provider = provider

    @operation("GET", "/v1/layout")
    def read(self, _call: Call) -> Versioned[LayoutModel]:
        """Read where nodes are drawn."""
        layout = self._provider.layout
        return Versioned((layout,), lambda _: _model(layout))

    @operation(
        "PUT",
        "/v1/layout",
        problems=(LIMIT_EXCEEDED, *STORE_WRITE),
    )
    def replace(self, _call: Call, body: LayoutGiven) -> LayoutModel:
        """Replace all positions."""
        self._provider.replace({node: _place(given) for node, given in body.positions.items()})
        return _model(self._provider.layout)

    @operation(
        "PATCH",
        "/v1/layout",
        problems=(LIMIT_EXCEEDED, *STORE_WRITE),
    )
    def change(self, _call: Call, query: LayoutQuery, body: LayoutPatch) -> LayoutModel:
        """Set some positions, and forget those given as null; all positions are answered."""
        wanted = {
            node: None if given is None else _place(given) for node, given in body.positions.items()
        }
        self._provider.change(wanted, query.if_absent == "1")
        return _model(self._provider.layout)

    @operation("DELETE", "/v1/layout", problems=STORE_WRITE)
    def clear(self, _call: Call) -> None:
        """Forget all positions."""
        self._provider.replace({})


def resources(provider: LayoutProvider) -> list[Resource]:
    """Return the resources of the layout that ``provider`` keeps."""
    return resources_of(LayoutOperations(provider))


def _place(given: PositionModel) -> Position:
    return Position(given.x, given.y, given.pinned)


def _model(layout: PictureLayout) -> LayoutModel:
    return LayoutModel(
        positions={
            node: PositionModel(x=place.x, y=place.y, pinned=place.is_pinned)
            for node, place in sorted(layout.positions.items())
        }
    )
