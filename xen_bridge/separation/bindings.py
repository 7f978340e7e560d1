"""Bindings: which interface of a router stands on which of Domain 0 (report 2.2.4.1, step 5).

Pure. A router is believed what it says of itself as far as its own hypervisor says so too: an
interface is bound by its MAC among those that the hypervisor gave this very domain, and to the
bridge that it gave it.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from xen_bridge.errors import InvalidRequest
from xen_bridge.planes.data_plane import RouterPort
from xen_bridge.protocol.documents.domains import Domain, DomainInterface
from xen_bridge.protocol.documents.hello import RouterHello, RouterInterface

GIVEN = (None, "veth", "vif")
"""Kinds of devices that a machine was given: others it made up on top of those."""


class DomainSource(Protocol):
    """The domains of a host, as its hypervisor knows them."""

    def domain(self, domain: str) -> Domain:
        """Return one; SubjectNotFound if it is not there."""


@dataclass(frozen=True, slots=True)
class RouterBindings:
    """The ports of a router here, with its own names and indices of them, and what is not bound."""

    ports: tuple[RouterPort, ...]
    interfaces: tuple[str, ...]
    indices: tuple[int, ...]
    unbound: tuple[str, ...]


def bindings(hello: RouterHello, domain: Domain) -> RouterBindings:
    """Return what binds the interfaces that a router tells of; none may be left.

    Raises InvalidRequest for a Hello that contradicts itself.
    """
    _check(hello)
    given = {one.mac: one for one in domain.interfaces if one.target and one.bridge}
    bound = [one for one in hello.interfaces if _is_bound(one, given)]
    for mac, count in Counter(one.mac for one in bound).items():
        if count > 1:
            raise InvalidRequest(("interfaces",), f"{count} have the MAC {mac}")
    return RouterBindings(
        tuple(_port(one, given[one.mac]) for one in bound),
        tuple(one.name for one in bound),
        tuple(one.index for one in bound),
        tuple(one.name for one in hello.interfaces if one not in bound),
    )


def _is_bound(told: RouterInterface, given: dict[str, DomainInterface]) -> bool:
    return not told.control and told.kind in GIVEN and told.mac in given


def _port(told: RouterInterface, given: DomainInterface) -> RouterPort:
    mac = bytes.fromhex(told.mac.replace(":", ""))
    return RouterPort(given.target or "", given.bridge or "", mac, told.addresses)


def _check(hello: RouterHello) -> None:
    names = [one.name for one in hello.interfaces]
    if len(set(names)) != len(names):
        raise InvalidRequest(("interfaces", "name"), "there are two of one name")
    indices = [one.index for one in hello.interfaces]
    if len(set(indices)) != len(indices):
        raise InvalidRequest(("interfaces", "index"), "there are two of one index")
    for address in hello.addresses:
        _check_address(address)
    for told in hello.interfaces:
        for address in told.addresses:
            _check_address(address)


def _check_address(text: str) -> None:
    try:
        address = ipaddress.ip_interface(text).ip
    except ValueError:
        raise InvalidRequest(("addresses",), f"{text[:60]!r} is none with its length") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        raise InvalidRequest(("addresses",), f"{text[:60]!r} is no address of an interface")
