"""Named virtual networks (``/v1/networks``)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, definition_by_range
from horizon_ryu.core.errors import Conflict
from horizon_ryu.core.flows.field_values import Loc, parse_network
from horizon_ryu.formats.topology import PHYSICAL
from horizon_ryu.http.problem import CONFLICT, NOT_FOUND, STORE_FAILED, STORE_WRITE
from horizon_ryu.http.resource import Answer, Call, Resource, operation, resources_of
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.network_names import (
    IP_RANGE,
    IPV6_RANGE,
    MASKED,
    NAME,
    NetworkStore,
)


def _exactly_one(schema: dict[str, Any]) -> None:
    schema["minProperties"] = schema["maxProperties"] = 1


class Definition(Model):
    """Either a VLAN identifier or an IPv4 or IPv6 range whose host bits are zero."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    vlan: Annotated[int, Field(ge=1, le=4094)] = optional()
    ip: Annotated[str, StringConstraints(pattern=f"^({IP_RANGE}|{IPV6_RANGE}|{MASKED})$")] = (
        optional(
            description="A range of IPv4 or IPv6 whose host bits are zero",
            examples=["10.0.0.0/24", "2001:db8::/32", "10.0.0.0/255.255.255.0"],
        )
    )


class Network(Model):
    """A virtual network and its name."""

    name: Annotated[
        str,
        StringConstraints(pattern=f"^{NAME}$"),
        Field(description="A name: up to 64 letters, digits and ._-, a letter or digit first"),
    ]
    definition: Definition


class Networks(Model):
    """All named networks, by name."""

    networks: tuple[Network, ...]


class NetworkOperations:
    """Operations on the networks that a store keeps."""

    tag = "networks"

    def __init__(self, store: NetworkStore) -> None:
        self._store = store

    @operation("GET", "/v1/networks", problems=(STORE_FAILED,))
    def list_all(self, _call: Call) -> Networks:
        """List the named virtual networks."""
        found = sorted(self._store.networks().items())
        return Networks(networks=tuple(_network(name, definition) for name, definition in found))

    @operation("POST", "/v1/networks", status=201, problems=(CONFLICT, *STORE_WRITE))
    def create(self, _call: Call, body: Network) -> Answer[Network]:
        """Give a virtual network a name."""
        if body.name == PHYSICAL:
            raise Conflict(f"the name {PHYSICAL} means the network of all switches")
        definition = _definition(body.definition)
        self._store.add_network(body.name, definition)
        location = f"/v1/networks/{body.name}"
        return Answer(_network(body.name, definition), {"Location": location})

    @operation("GET", "/v1/networks/{name}", problems=(NOT_FOUND, STORE_FAILED))
    def read(self, call: Call) -> Network:
        """Read one named virtual network."""
        name = call.path["name"]
        return _network(name, self._store.network(name))

    @operation("DELETE", "/v1/networks/{name}", problems=(NOT_FOUND, *STORE_WRITE))
    def delete(self, call: Call) -> None:
        """Forget a named virtual network."""
        self._store.delete_network(call.path["name"])


def resources(store: NetworkStore) -> list[Resource]:
    """Return the resources of the networks that ``store`` keeps."""
    return resources_of(NetworkOperations(store))


def _definition(given: Definition) -> NetworkDefinition:
    """Return the definition in the core's form; InvalidInput unless exactly one is given."""
    if given.model_fields_set == {"ip"}:
        loc = ("definition", "ip")
        text = given.ip
        if text.rpartition("/")[2].count("."):
            text = "{}/{}".format(*_unmasked(text, loc))
        return definition_by_range(text, loc)
    # Both, or neither, are refused there.
    return NetworkDefinition(vlan=None if "ip" in given.model_fields_set else given.vlan)


def _unmasked(text: str, loc: Loc) -> tuple[str, int]:
    """Return the address and the prefix length of a range that is written with a mask."""
    network = parse_network(text, loc)
    return text.partition("/")[0], network[1]


def _network(name: str, definition: NetworkDefinition) -> Network:
    network = definition.network
    if network is None:
        return Network(name=name, definition=Definition(vlan=definition.vlan or 0))
    return Network(name=name, definition=Definition(ip=str(network)))
