"""Migration Advise: what the source's Domain 0 asks of the destination's (report 2.2.4.3).

A destination keeps what it has prepared for as long as it hears of that migration again within
:data:`LEASE_SECONDS`. After that it is removed; unless the domain has come: then the destination
does by itself what is left to do.
"""

from __future__ import annotations

from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DEVICE_NAME, MAC, ROUTER, CreateDomain, VcpuPins
from xen_bridge.protocol.documents.hello import (
    MAX_ADDRESSES,
    MAX_INTERFACES,
    PREFIX,
    RouterHello,
)
from xen_bridge.protocol.documents.measures import ADDRESS
from xen_bridge.protocol.documents.migration import MAX_TEXT, MIGRATION_ID, NODE_PK, STEP, Mode
from xen_bridge.protocol.documents.planes import TunnelKind
from xen_bridge.protocol.documents.route_change import RouteChange

LEASE_SECONDS = 30.0
MAX_FACTS = 64

MAX_FRAMES, MAX_FRAME_TEXT = 256, 16 * 1024
MAX_NEIGHBORS = 8192
MAX_TUNNEL = (1 << 24) - 1
MAX_GRACE_S = 1800.0
"""RFC 3623, B.1."""

AdvisedStep = Literal["renew", "start", "bind", "announce", "finish"]
"""renew: the migration goes on; start: the domain is started anew, where that is how it comes;
bind: the domain has come, its data plane takes its packets; announce: neighbors are told that it is
there; finish: all is done at the source."""
GraceDaemon = Literal["ospfd", "ospf6d"]
IncomingState = Literal["prepared", "here", "finished", "aborted"]


@document_form
class SiteFact:
    """One fact about where a domain is to arrive, for the back ends of both sides."""

    name: str = document_field(pattern=STEP)
    value: str = document_field(most=MAX_TEXT)


@document_form(kw_only=True)
class PrepareIncoming:
    """Have room made for a domain that is to come; with ``dry_run`` only tell whether it could.

    ``definition`` names its UUID and the MAC of each interface, and its weight and cap; the
    ``affinity`` is what was kept for it. Where tunnels may stand for bridges that are missing, they
    go from ``tunnel_from``, an address of the source's, to ``tunnel_to``, one of the destination's,
    and are of a kind that the source has as well: VXLAN, or one of ``tunnel_kinds``. ``planes_on``
    are the interfaces of Domain 0 that planes which go along stand on.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    definition: CreateDomain = document_field()
    affinity: tuple[VcpuPins, ...] = document_field((), at_most=4096)
    mode: Mode = document_field()
    dry_run: bool = document_field(False)
    tunnel_from: str | None = document_field(None, pattern=ADDRESS)
    tunnel_to: str | None = document_field(None, pattern=ADDRESS)
    tunnel_kinds: tuple[TunnelKind, ...] = document_field((), tag="TunnelKind", at_most=8)
    planes_on: tuple[str, ...] = document_field(
        (), tag="PlanesOn", pattern=DEVICE_NAME, at_most=MAX_INTERFACES
    )


@document_form
class RestartGrace:
    """For how many seconds yet neighbors of a daemon wait for it to be started anew (RFC 3623)."""

    daemon: GraceDaemon = document_field()
    seconds: float = document_field(least=0, most=MAX_GRACE_S)


@document_form
class AdviseMigration:
    """Tell that a migration goes on, or has come so far that the destination is to take a step.

    ``graces`` are for the step in which the domain is started anew. ``has_come``: it is at the
    destination, its source knows; one that is not there any more has ended (DomainEnded).
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    step: AdvisedStep = document_field()
    graces: tuple[RestartGrace, ...] = document_field((), tag="Grace", at_most=2)
    has_come: bool = document_field(False)


@document_form
class AbortIncoming:
    """Have removed what was prepared; RequestConflict if the domain has come."""

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)


@document_form
class OfferRoutes:
    """A piece of a separated router's FIB, in order; the data plane follows.

    Behind that it is what changed of it since.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    change: RouteChange = document_field()


@document_form
class LandingPort:
    """A port of a data plane that is to be made: its MAC, its physical interface, its addresses."""

    mac: str = document_field(pattern=MAC)
    physical: str = document_field(pattern=DEVICE_NAME)
    addresses: tuple[str, ...] = document_field(
        (), tag="Address", pattern=PREFIX, at_most=MAX_ADDRESSES
    )


@document_form
class LandingNeighbor:
    """An address beside a port (by its place among the ports), and the MAC that it has."""

    port: int = document_field(least=0, most=MAX_INTERFACES)
    address: str = document_field(pattern=ADDRESS)
    mac: str = document_field(pattern=MAC)


@document_form(kw_only=True)
class OfferPlane:
    """Have a separated router's data plane made, which passes nothing before it is bound.

    ``indices`` are those by which the routes that were offered name the ``interfaces``.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    router: str = document_field(pattern=ROUTER)
    router_pk: str = document_field(tag="RouterPK", pattern=NODE_PK)
    hello: RouterHello = document_field()
    interfaces: tuple[str, ...] = document_field(
        (), tag="Interface", pattern=DEVICE_NAME, at_most=MAX_INTERFACES
    )
    indices: tuple[int, ...] = document_field((), tag="Index", least=1, at_most=MAX_INTERFACES)
    ports: tuple[LandingPort, ...] = document_field((), tag="Port", at_most=MAX_INTERFACES)
    neighbors: tuple[LandingNeighbor, ...] = document_field(
        (), tag="Neighbor", at_most=MAX_NEIGHBORS
    )


@document_form
class DeliverFrames:
    """Give a router that has come frames for it that arrived at the source, in their order.

    Each is base64 of a virtio_net_hdr (what is left to be done of its checksum) and the frame.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    port: int = document_field(least=0, most=MAX_INTERFACES)
    frames: tuple[str, ...] = document_field(
        (), tag="Frame", pattern=r"[A-Za-z0-9+/=]*", most=MAX_FRAME_TEXT, at_most=MAX_FRAMES
    )


# ---- answered


@document_form
class LinkTunnel:
    """A bridge that goes on at another host, through a tunnel of that number (24 bits) and kind."""

    bridge: str = document_field(pattern=DEVICE_NAME)
    number: int = document_field(least=1, most=MAX_TUNNEL)
    kind: TunnelKind = document_field("vxlan")


@document_form
class IncomingSite:
    """Where a domain is to arrive, as the destination's back end tells that of the source.

    ``tunnels`` are those that the source has to make its own end of.
    """

    facts: tuple[SiteFact, ...] = document_field((), tag="Fact", at_most=MAX_FACTS)
    tunnels: tuple[LinkTunnel, ...] = document_field((), tag="Tunnel", at_most=MAX_INTERFACES)


@document_form
class IncomingStatus:
    """How far a destination has come with a migration.

    ``lost`` is how many data packets were dropped there, once it is finished; None: not known.
    """

    id: str = document_field(tag="Id", pattern=MIGRATION_ID)
    state: IncomingState = document_field()
    lost: int | None = document_field(None, least=0)
