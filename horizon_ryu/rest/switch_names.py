"""Names of switches (``/v1/switches``): what is usable wherever a dpid is."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import Field, StringConstraints

from horizon_ryu.core.errors import NotFound
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.core.switch_names import SWITCH_NAME, SwitchNames, names_to_json
from horizon_ryu.http.problem import CONFLICT, LIMIT_EXCEEDED, NOT_FOUND, STORE_WRITE
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.rest.model import Dpid, Model

SwitchName = Annotated[
    str,
    StringConstraints(pattern=f"^{SWITCH_NAME}$"),
    Field(
        description="A letter and up to 31 letters, digits and ._-, that is not read as a dpid",
        examples=["s1"],
    ),
]


class NameGiven(Model):
    """The name that a switch shall have."""

    name: SwitchName


class NamedSwitchModel(Model):
    """A switch and its name."""

    dpid: Dpid
    name: str


class SwitchNamesModel(Model):
    """All names, by dpid; a switch that has one need not be there."""

    names: dict[str, str]


class NamesProvider(Protocol):
    """Who keeps the names."""

    @property
    def names(self) -> SwitchNames:
        """The names in force."""

    def give(self, dpid: int, name: str) -> None:
        """Name a switch."""

    def take(self, dpid: int) -> None:
        """Take its name away; NotFound."""


class SwitchNameOperations:
    """Operations on names of switches."""

    tag = "switches"

    def __init__(self, provider: NamesProvider) -> None:
        self._provider = provider

    @operation("GET", "/v1/switches/names")
    def list_all(self, _call: Call) -> Versioned[SwitchNamesModel]:
        """List the names of switches."""
        names = self._provider.names
        return Versioned((names,), lambda _: SwitchNamesModel(names=names_to_json(names)))

    @operation("GET", "/v1/switches/{dpid}/name", problems=(NOT_FOUND,))
    def read(self, call: Call) -> NamedSwitchModel:
        """Read the name of a switch."""
        dpid = call.path["dpid"]
        name = self._provider.names.by_dpid.get(dpid)
        if name is None:
            raise NotFound(f"switch {dpid_to_text(dpid)} has no name")
        return NamedSwitchModel(dpid=dpid_to_text(dpid), name=name)

    @operation(
        "PUT",
        "/v1/switches/{dpid}/name",
        problems=(NOT_FOUND, CONFLICT, LIMIT_EXCEEDED, *STORE_WRITE),
    )
    def give(self, call: Call, body: NameGiven) -> NamedSwitchModel:
        """Name a switch, be it there or not; its name is usable wherever its dpid is."""
        self._provider.give(call.path["dpid"], body.name)
        return self.read(call)

    @operation("DELETE", "/v1/switches/{dpid}/name", problems=(NOT_FOUND, *STORE_WRITE))
    def take(self, call: Call) -> None:
        """Take the name of a switch away."""
        self._provider.take(call.path["dpid"])


def resources(provider: NamesProvider) -> list[Resource]:
    """Return the resources of the names that ``provider`` keeps."""
    return resources_of(SwitchNameOperations(provider))
