"""Tunnels of virtual links in the kernel, in the network namespace of the calling thread."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from xen_bridge.errors import BridgeError, RequestConflict
from xen_bridge.migration.link_tunnels import TunnelEnd, router_mtu
from xen_bridge.netlink import batch
from xen_bridge.netlink.constants import IFF_UP
from xen_bridge.netlink.links import KernelLink, delete_link, set_master, set_mtu, set_up
from xen_bridge.netlink.overlays import PORT, add_bridge, add_gretap, add_vxlan
from xen_bridge.netlink.tables import links_by_name
from xen_bridge.netlink.wire import Request, family_of
from xen_bridge.planes.data_plane import TUNNEL
from xen_bridge.protocol.documents.planes import TunnelKind

_IP_MTU, _IPV6_MTU = 14, 24
"""Of a socket that is connected: what the way allows (ip(7), ipv6(7))."""
_TRIAL = f"{TUNNEL}trial"
_ADD = {"gre": add_gretap, "vxlan": add_vxlan}
_IPV6_OFF = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"


class TunnelKernel:
    """The devices of ends of tunnels. Raises BridgeError."""

    def bridges(self) -> dict[str, int]:
        """Return the bridges that are here, each with its MTU."""
        return {name: one.mtu for name, one in links_by_name().items() if one.kind == "bridge"}

    def kinds(self) -> tuple[TunnelKind, ...]:
        """Return the kinds of tunnels that the kernel has: of GRE a device is made, and removed."""
        batch.write([add_gretap(_TRIAL, 1, "127.0.0.1", "127.0.0.1", 1400)])
        made = links_by_name().get(_TRIAL)
        if made is None:
            return ("vxlan",)
        _change([delete_link(made.index)])
        return ("gre", "vxlan")

    def mtu(self, end: TunnelEnd) -> int:
        """Return how long a packet may be that goes through whole, in bytes."""
        return router_mtu(path_mtu(end.far), end.far, end.kind)

    def make(self, end: TunnelEnd) -> None:
        """Make what of an end is not there: its bridge, where that is away, and its device."""
        links = links_by_name()
        whole = path_mtu(end.far)
        if end.is_away and end.bridge not in links:
            _change([add_bridge(end.bridge)])
            # Set by hand it stays, whatever its ports have.
            made = links_by_name()[end.bridge].index
            _change([set_mtu(made, router_mtu(whole, end.far, end.kind))])
            _without_ipv6(end.bridge)
        home = links_by_name().get(end.bridge)
        if home is None or home.kind != "bridge":
            raise RequestConflict(f"no bridge {end.bridge} here")
        if end.device not in links:
            # As long as the frames of its bridge are: what does not fit is fragmented around.
            mtu = whole if end.is_away else home.mtu
            _change([_ADD[end.kind](end.device, end.number, end.near, end.far, mtu)])
            _without_ipv6(end.device)
        device = links_by_name()[end.device]
        _change([set_master(device.index, home.index), set_up(device.index), set_up(home.index)])

    def look(self, ends: Sequence[TunnelEnd]) -> list[tuple[int | None, tuple[str, ...]]]:
        """Return the MTU of each end's device, in bytes, and what of the end is not there."""
        links = links_by_name() if ends else {}
        return [self._seen(one, links) for one in ends]

    @staticmethod
    def _seen(
        end: TunnelEnd, links: Mapping[str, KernelLink]
    ) -> tuple[int | None, tuple[str, ...]]:
        device, bridge = links.get(end.device), links.get(end.bridge)
        faults = [] if device is not None else [f"device {end.device} is missing"]
        if bridge is None or bridge.kind != "bridge":
            faults.append(f"bridge {end.bridge} is missing")
        elif device is not None and device.master != bridge.index:
            faults.append(f"device {end.device} is no port of {end.bridge}")
        faults += [
            f"{one.name} is down"
            for one in (device, bridge)
            if one is not None and not one.flags & IFF_UP
        ]
        return None if device is None else device.mtu, tuple(faults)

    def remove(self, end: TunnelEnd) -> None:
        """Remove the device of an end, and the bridge that was made for it."""
        links = links_by_name()
        gone = [links[end.device]] if end.device in links else []
        bridge = links.get(end.bridge)
        if end.is_away and bridge is not None and bridge.kind == "bridge":
            gone.append(bridge)
        _change([delete_link(one.index) for one in gone])


def path_mtu(address: str) -> int:
    """Return how long a packet to an address may be, in bytes, as far as this host knows."""
    family = family_of(address)
    level, option = (
        (socket.IPPROTO_IPV6, _IPV6_MTU)
        if family == socket.AF_INET6
        else (socket.IPPROTO_IP, _IP_MTU)
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((address, PORT))
            return asking.getsockopt(level, option)
    except OSError as error:
        raise BridgeError(f"there is no way to {address}: {error.strerror}") from error


def _without_ipv6(name: str) -> None:
    # Neither says anything of itself on the segment. A kernel without IPv6 has no such setting.
    with suppress(OSError):
        Path(_IPV6_OFF.format(name)).write_text("1", encoding="ascii")


def _change(requests: list[Request]) -> None:
    refused = batch.write(requests)
    if refused:
        raise BridgeError(f"the kernel makes no tunnel: {refused[0].reason}")
