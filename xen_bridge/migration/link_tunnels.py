"""Link tunnels: virtual links of a router over several physical hops, as a plan.

Pure. A router that moves to a host without one of its bridges keeps the segment that it is on: the
bridge is made there, and its frames go through a tunnel from and to the bridge at home. Several
routers of the same bridge and hosts share one. The ends are made and removed with the migrations:
the router goes on from there only back home.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from xen_bridge.errors import RequestConflict
from xen_bridge.planes.data_plane import TUNNEL
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DEVICE_NAME, NODE_URL, UUID, CreateDomain
from xen_bridge.protocol.documents.measures import ADDRESS
from xen_bridge.protocol.documents.migration import NODE_PK
from xen_bridge.protocol.documents.migration_advise import (
    MAX_TUNNEL,
    LinkTunnel,
    PrepareIncoming,
)
from xen_bridge.protocol.documents.planes import TunnelKind

_OVERHEAD: dict[tuple[TunnelKind, int], int] = {
    ("vxlan", 4): 50,
    ("vxlan", 6): 70,
    ("gre", 4): 42,
}
"""Bytes around a packet: Ethernet, VXLAN, UDP and IP (RFC 7348, section 5), or Ethernet, GRE with
its key (RFC 2890) and IP."""
MAX_ROUTERS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelEnd:
    """This host's end of a tunnel, from the address ``near`` to ``far``.

    ``is_away``: the bridge was made for it, and is at home where ``peer_pk`` is the key of.
    Otherwise it is the home's end; then ``peer_url`` says where the other host is asked.
    ``routers`` are the UUIDs of the domains that it is for.
    """

    bridge: str = document_field(pattern=DEVICE_NAME)
    number: int = document_field(least=1, most=MAX_TUNNEL)
    near: str = document_field(pattern=ADDRESS)
    far: str = document_field(pattern=ADDRESS)
    is_away: bool = document_field()
    peer_pk: str = document_field(tag="PeerPK", pattern=NODE_PK)
    peer_url: str | None = document_field(None, tag="PeerUrl", pattern=NODE_URL)
    kind: TunnelKind = document_field("vxlan")
    routers: tuple[str, ...] = document_field((), tag="Router", pattern=UUID, at_most=MAX_ROUTERS)

    @property
    def device(self) -> str:
        """The name of its device, with the number in six hexadecimal digits."""
        return f"{TUNNEL}{self.number:06x}"

    def with_router(self, uuid: str) -> TunnelEnd:
        """Return it for one domain more."""
        return replace(self, routers=tuple(sorted({*self.routers, uuid})))

    def without_router(self, uuid: str) -> TunnelEnd:
        """Return it for one domain less."""
        return replace(self, routers=tuple(one for one in self.routers if one != uuid))


def number_of(home_pk: str, away_pk: str, bridge: str) -> int:
    """Return the number of the tunnel by which a bridge of one host goes on at another."""
    told = hashlib.sha256(f"{home_pk} {away_pk} {bridge}".encode()).digest()
    return int.from_bytes(told[:3], "big") or 1


def needed(
    definition: CreateDomain,
    bridges: Collection[str],
    ends: Iterable[TunnelEnd],
    home_pk: str,
    own_pk: str,
    kind: TunnelKind = "vxlan",
) -> tuple[LinkTunnel, ...]:
    """Return the tunnels that a domain of ``home_pk`` needs here, where ``bridges`` are.

    New ones are of that ``kind``. RequestConflict for a bridge that is another host's, and here by
    a tunnel.
    """
    away = {one.bridge: one for one in ends if one.is_away}
    found = []
    for name in dict.fromkeys(one.bridge for one in definition.interfaces):
        end = away.get(name)
        if end is not None and end.peer_pk != home_pk:
            raise RequestConflict(f"{name} is here by a tunnel, and another host's")
        if end is not None or name not in bridges:
            made = kind if end is None else end.kind
            found.append(LinkTunnel(name, number_of(home_pk, own_pk, name), made))
    return tuple(found)


def without_tunnels(definition: CreateDomain, tunnels: Iterable[LinkTunnel]) -> CreateDomain:
    """Return what is left of a domain's interfaces to be looked for here."""
    names = {one.bridge for one in tunnels}
    kept = tuple(one for one in definition.interfaces if one.bridge not in names)
    return replace(definition, interfaces=kept)


def kind_of(wanted: PrepareIncoming, here: Collection[TunnelKind]) -> TunnelKind:
    """Return the kind of new tunnels: GRE where both hosts have it, VXLAN else.

    Over IPv6 it is VXLAN: packets of GRE that are too long are fragmented nowhere there.
    """
    both = {*wanted.tunnel_kinds} & {*here}
    is_v4 = ipaddress.ip_address(wanted.tunnel_to or "::").version == 4
    return "gre" if "gre" in both and is_v4 else "vxlan"


def router_mtu(path_mtu: int, far: str, kind: TunnelKind = "vxlan") -> int:
    """Return how long a packet may be that goes through a tunnel whole, in bytes."""
    return path_mtu - _OVERHEAD[kind, ipaddress.ip_address(far).version]
