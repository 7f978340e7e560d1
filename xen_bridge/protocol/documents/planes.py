"""Planes: the routers of a host whose planes are separated, as Domain 0 has them."""

from __future__ import annotations

from typing import Literal

from xen_bridge.protocol.document_form import document_form
from xen_bridge.protocol.document_schema import document_field
from xen_bridge.protocol.documents.domains import DEVICE_NAME, MAC, ROUTER, UUID
from xen_bridge.protocol.documents.hello import PREFIX
from xen_bridge.protocol.documents.measures import ADDRESS

TunnelKind = Literal["vxlan", "gre"]
PlaneState = Literal["synchronizing", "separated", "refused", "broken"]


@document_form
class ListPlanes:
    """Ask for the separated routers; with ``check`` the kernel is asked whether all is there."""

    check: bool = document_field(False)


@document_form
class PlanePort:
    """An interface of a router, and what stands for it in Domain 0.

    ``device`` has the interface's packets, ``vif`` leads to the virtual machine, ``physical`` is
    what both stand on.
    """

    interface: str = document_field(pattern=DEVICE_NAME)
    mac: str = document_field(pattern=MAC)
    device: str = document_field(pattern=DEVICE_NAME)
    vif: str = document_field(pattern=DEVICE_NAME)
    physical: str = document_field(pattern=DEVICE_NAME)
    addresses: tuple[str, ...] = document_field((), tag="Address", pattern=PREFIX)


@document_form(kw_only=True)
class SeparatedPlane:
    """A router as Domain 0 has it.

    It is synchronizing until its whole FIB was told, refused for the reasons in ``refusals``,
    broken when ``faults`` are known. ``routes`` counts what the router told, ``installed`` what
    the kernel has of it; ``held`` are those that the router withdrew and that stay for a while.
    ``last_change`` is the number of the last Route Change that was taken; 0 for none since this
    service was started. ``pinned`` has it kept whatever becomes of the domain. ``silent_s``: for so
    many seconds its agent has said nothing, and its routes may be others by now; None while it
    speaks, moves or stands still.
    """

    router: str = document_field(pattern=ROUTER)
    uuid: str | None = document_field(None)
    hostname: str = document_field()
    state: PlaneState = document_field()
    slot: int | None = document_field(None, least=1)
    table: int | None = document_field(None, least=1)
    nft_table: str | None = document_field(None)
    ports: tuple[PlanePort, ...] = document_field((), tag="Port")
    unbound: tuple[str, ...] = document_field((), tag="Unbound")
    routes: int = document_field(0, least=0)
    installed: int = document_field(0, least=0)
    held: int = document_field(0, least=0)
    nexthops: int = document_field(0, least=0)
    last_change: int = document_field(0, least=0)
    pinned: bool = document_field(False)
    kinds: tuple[str, ...] = document_field((), tag="Kind")
    refusals: tuple[str, ...] = document_field((), tag="Refusal")
    faults: tuple[str, ...] = document_field((), tag="Fault")
    silent_s: float | None = document_field(None, least=0)


@document_form(kw_only=True)
class PlaneTunnel:
    """This host's end of the tunnel by which a bridge goes on at another host.

    ``is_away``: the bridge was made here for it, otherwise it is at home here. ``mtu`` is that of
    ``device``, in bytes; None where it is not there; ``kind`` is what carries it. ``faults`` are
    known where they were asked for. ``routers`` are the UUIDs of the domains that it is for.
    """

    bridge: str = document_field(pattern=DEVICE_NAME)
    device: str = document_field(pattern=DEVICE_NAME)
    near: str = document_field(pattern=ADDRESS)
    far: str = document_field(pattern=ADDRESS)
    is_away: bool = document_field()
    kind: TunnelKind = document_field("vxlan")
    mtu: int | None = document_field(None, least=1)
    routers: tuple[str, ...] = document_field((), tag="Router", pattern=UUID)
    faults: tuple[str, ...] = document_field((), tag="Fault")


@document_form
class PlaneList:
    """All of them, by name, and the ends of tunnels that are here, by device.

    ``strays`` are what of such is in the kernel and of nobody that is known here, where that was
    asked for.
    """

    planes: tuple[SeparatedPlane, ...] = document_field((), tag="Plane")
    tunnels: tuple[PlaneTunnel, ...] = document_field((), tag="Tunnel")
    strays: tuple[str, ...] = document_field((), tag="Stray")
