"""Hosts one by one (``/v1/topology/hosts``): forget them, and pin them to a port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

from pydantic import Field, StringConstraints

from horizon_ryu.core.errors import InvalidInput, NotFound
from horizon_ryu.core.flows.field_values import parse_mac
from horizon_ryu.core.frames import address_from_text, address_text
from horizon_ryu.core.topology import Host, PortRef, TopologyView, station_key, station_of
from horizon_ryu.http.problem import CONFLICT, LIMIT_EXCEEDED, NOT_FOUND, STORE_WRITE
from horizon_ryu.http.resource import Call, PathParameter, Resource, operation, resources_of
from horizon_ryu.rest.given import DpidGiven, PortGiven
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.topology_model import HostModel, TaggedHostModel, host_model

_MAX_ADDRESSES = 64


def _mac(text: str) -> bytes:
    return parse_mac(text.lower(), ("mac",))


_PAIR = "[0-9A-Fa-f]{2}"
MAC = PathParameter(
    rf"^(?:{_PAIR}(?::{_PAIR}){{5}}|{_PAIR}(?:-{_PAIR}){{5}}|{_PAIR * 2}(?:\.{_PAIR * 2}){{2}})$",
    "The MAC address of a host, with colons, hyphens or, in fours, dots",
    _mac,
)
_ONE = {"mac": MAC}


class HostQuery(Model):
    """Which of the hosts of one MAC address is meant."""

    vlan: Annotated[str, StringConstraints(pattern="^[1-9][0-9]{0,3}$")] = optional(
        description="The VLAN identifier of its frames; without it, the one whose frames have none"
    )


class StationModel(HostModel):
    """One station; ``vlan`` is null where its frames have no tag."""

    vlan: int | None


class PinModel(Model):
    """The port at which a host is, and its addresses, whoever claims otherwise."""

    dpid: DpidGiven
    port_no: PortGiven
    ips: Annotated[tuple[str, ...], Field(max_length=_MAX_ADDRESSES)] = ()


class PinsModel(Model):
    """All pinned hosts, whether they are there or not."""

    pins: tuple[HostModel | TaggedHostModel, ...]


class HostKeeper(Protocol):
    """Who knows the hosts: Discovery."""

    def view(self) -> TopologyView:
        """Return the physical topology."""

    def pins(self) -> Mapping[bytes, Host]:
        """Return the pinned hosts, by their keys."""

    def forget_host(self, key: bytes) -> None:
        """Forget one until it is heard again; NotFound, Conflict if it is pinned."""

    def pin_host(self, pinned: Host) -> None:
        """Pin one, now and after a restart; StoreError, LimitExceeded."""

    def unpin_host(self, key: bytes) -> None:
        """Unpin one, now and after a restart; StoreError, NotFound."""


class StationOperations:
    """Operations on single hosts."""

    tag = "topology"

    def __init__(self, keeper: HostKeeper) -> None:
        self._keeper = keeper

    @operation("GET", "/v1/topology/pins")
    def list_pins(self, _call: Call) -> PinsModel:
        """List the pinned hosts."""
        found = sorted(self._keeper.pins().items())
        return PinsModel(pins=tuple(host_model(pin) for _, pin in found))

    @operation("GET", "/v1/topology/hosts/{mac}", parameters=_ONE, problems=(NOT_FOUND,))
    def read(self, call: Call, query: HostQuery) -> StationModel:
        """Read where a host is, and its addresses."""
        host = self._keeper.view().hosts.get(_key(call, query))
        if host is None:
            raise NotFound("no host of that address is known")
        return _station(host)

    @operation(
        "DELETE", "/v1/topology/hosts/{mac}", parameters=_ONE, problems=(NOT_FOUND, CONFLICT)
    )
    def forget(self, call: Call, query: HostQuery) -> None:
        """Forget a host until it is heard again."""
        self._keeper.forget_host(_key(call, query))

    @operation(
        "PUT",
        "/v1/topology/hosts/{mac}/pin",
        parameters=_ONE,
        problems=(*STORE_WRITE, LIMIT_EXCEEDED),
    )
    def pin(self, call: Call, body: PinModel, query: HostQuery) -> StationModel:
        """Pin a host to a port: frames from elsewhere do not move it, and it does not age."""
        mac, vlan = station_of(_key(call, query))
        location = PortRef(body.dpid, body.port_no)
        ips = tuple(sorted({_address(text, place) for place, text in enumerate(body.ips)}))
        pinned = Host(mac, ips, location, vlan)
        self._keeper.pin_host(pinned)
        return _station(pinned)

    @operation(
        "DELETE",
        "/v1/topology/hosts/{mac}/pin",
        parameters=_ONE,
        problems=(NOT_FOUND, *STORE_WRITE),
    )
    def unpin(self, call: Call, query: HostQuery) -> None:
        """Let a host move and age as others do."""
        self._keeper.unpin_host(_key(call, query))


def resources(keeper: HostKeeper) -> list[Resource]:
    """Return the resources of single hosts."""
    return resources_of(StationOperations(keeper))


def _station(host: Host) -> StationModel:
    return StationModel.model_validate({**host_model(host).model_dump(), "vlan": host.vlan})


def _key(call: Call, query: HostQuery) -> bytes:
    vlan = int(query.vlan) if query.vlan is not None else None
    if vlan is not None and vlan > 4094:
        raise InvalidInput(("vlan",), "a VLAN identifier is 1 to 4094")
    return station_key(call.path["mac"], vlan)


def _address(text: str, place: int) -> str:
    packed = address_from_text(text)
    plain = None if packed is None else address_text(packed)
    if plain is None:
        raise InvalidInput(("ips", place), "an IPv4 or IPv6 address")
    return plain
