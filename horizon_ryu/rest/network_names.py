"""Names of networks as clients give them: ``vlan:10``, ``ip:10.0.0.0/24``, or one given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

from pydantic import Field, StringConstraints

from horizon_ryu.core.discovery.virtual_network import NetworkDefinition, parse_definition
from horizon_ryu.core.given_names import NETWORK_NAME
from horizon_ryu.formats.topology import PHYSICAL
from horizon_ryu.rest.model import Model, optional

_VLAN = "([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_WORD = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    (
        f"({_WORD}:){{7}}{_WORD}",
        f"({_WORD}:){{1,7}}:",
        *(f"({_WORD}:){{1,{7 - after}}}(:{_WORD}){{1,{after}}}" for after in range(1, 7)),
        f":(:{_WORD}){{1,7}}",
        "::",
    )
)
IP_RANGE = rf"({_OCTET}\.){{3}}{_OCTET}/(3[0-2]|[12]?[0-9])"
IPV6_RANGE = rf"({_IPV6})/(12[0-8]|1[01][0-9]|[1-9][0-9]?)"
MASKED = rf"({_OCTET}\.){{3}}{_OCTET}/({_OCTET}\.){{3}}{_OCTET}"
"""A range of IPv4 with its mask; not every mask is one."""
NAME = NETWORK_NAME

_DESCRIPTION = (
    "The virtual network meant: vlan:1 to vlan:4094, ip: and a range of IPv4 or IPv6, or the name "
    "of a network or slice; without it, the physical network"
)


class NetworkStore(Protocol):
    """Who keeps the named networks."""

    def networks(self) -> Mapping[str, NetworkDefinition]:
        """Return all of them, by name."""

    def network(self, name: str) -> NetworkDefinition:
        """Return one; NotFound if there is none of that name."""

    def add_network(self, name: str, definition: NetworkDefinition) -> None:
        """Keep one more; Conflict if the name is taken."""

    def delete_network(self, name: str) -> None:
        """Forget one; NotFound if there is none of that name."""


class NetworkQuery(Model):
    """The query of the resources that can show one virtual network."""

    network: Annotated[
        str,
        StringConstraints(pattern=f"^(vlan:{_VLAN}|ip:({IP_RANGE}|{IPV6_RANGE})|{NAME})$"),
        Field(description=_DESCRIPTION),
    ] = optional()


def definition_of(network: str | None, store: NetworkStore) -> NetworkDefinition | None:
    """Return what ``network`` means, None for the physical one.

    InvalidInput if a definition is none; NotFound if nobody gave a network that name.
    """
    if network is None or network == PHYSICAL:
        return None
    if ":" in network:
        return parse_definition(network)
    return store.network(network)
