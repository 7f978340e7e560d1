"""Named virtual networks (``/v1/networks``)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from horizon_ryu.core.errors import Conflict
from horizon_ryu.core.virtual_network import NetworkDefinition, parse_range, range_text
from horizon_ryu.formats.topology import PHYSICAL
from horizon_ryu.rest.model import Model, optional
from horizon_ryu.rest.network_names import IP_RANGE, NAME, NetworkStore
from horizon_ryu.rest.problem import CONFLICT, NOT_FOUND, STORE_FAILED
from horizon_ryu.rest.resource import Answer, Call, Resource


def _exactly_one(schema: dict[str, Any]) -> None:
    schema["minProperties"] = schema["maxProperties"] = 1


class Definition(Model):
    """Either a VLAN identifier or an IPv4 range whose host bits are zero."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    vlan: Annotated[int, Field(ge=1, le=4094)] = optional()
    ip: Annotated[str, StringConstraints(pattern=f"^{IP_RANGE}$")] = optional(
        examples=["10.0.0.0/24"]
    )


class Network(Model):
    """A virtual network and its name."""

    name: Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
    definition: Definition


class Networks(Model):
    """All named networks, by name."""

    networks: tuple[Network, ...]


def resources(store: NetworkStore) -> list[Resource]:
    """Return the resources of the networks that ``store`` keeps."""

    def list_all(_call: Call) -> Networks:
        found = sorted(store.networks().items())
        return Networks(networks=tuple(_network(name, definition) for name, definition in found))

    def create(call: Call) -> Answer:
        wanted = call.body(Network)
        if wanted.name == PHYSICAL:
            raise Conflict(f"the name {PHYSICAL} means the network of all switches")
        definition = _definition(wanted.definition)
        store.add_network(wanted.name, definition)
        location = f"/v1/networks/{wanted.name}"
        return Answer(_network(wanted.name, definition), {"Location": location})

    def read(call: Call) -> Network:
        name = call.path["name"]
        return _network(name, store.network(name))

    def delete(call: Call) -> None:
        store.delete_network(call.path["name"])

    collection, member = "/v1/networks", "/v1/networks/{name}"
    return [
        Resource(
            method="GET",
            path=collection,
            handler=list_all,
            response=Networks,
            problems=(STORE_FAILED,),
            summary="List the named virtual networks",
            tag="networks",
        ),
        Resource(
            method="POST",
            path=collection,
            handler=create,
            request=Network,
            response=Network,
            status=201,
            problems=(CONFLICT, STORE_FAILED),
            summary="Give a virtual network a name",
            tag="networks",
        ),
        Resource(
            method="GET",
            path=member,
            handler=read,
            response=Network,
            problems=(NOT_FOUND, STORE_FAILED),
            summary="Read one named virtual network",
            tag="networks",
        ),
        Resource(
            method="DELETE",
            path=member,
            handler=delete,
            status=204,
            problems=(NOT_FOUND, STORE_FAILED),
            summary="Forget a named virtual network",
            tag="networks",
        ),
    ]


def _definition(given: Definition) -> NetworkDefinition:
    """Return the definition in the core's form; InvalidInput unless exactly one is given."""
    is_range = "ip" in given.model_fields_set
    return NetworkDefinition(
        vlan=given.vlan, ip=parse_range(given.ip, ("definition", "ip")) if is_range else None
    )


def _network(name: str, definition: NetworkDefinition) -> Network:
    if definition.ip is None:
        return Network(name=name, definition=Definition(vlan=definition.vlan or 0))
    return Network(name=name, definition=Definition(ip=range_text(definition.ip)))
