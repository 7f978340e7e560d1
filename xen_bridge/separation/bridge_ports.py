"""Bridge ports: virtual interfaces that leave their bridge while Domain 0 passes their packets.

What the bridge floods would reach the virtual machine twice else, by its interface and by the port
device, which is a macvlan over the bridge. While it does, the bridge is told that the router's MAC
is its own: what is for it would be flooded to everybody. Physical ports that are no bridge need
none of this. All of it in the network namespace of the calling thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import batch, wire
from xen_bridge.netlink.constants import (
    NDA_LLADDR,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NUD_PERMANENT,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
)
from xen_bridge.netlink.links import KernelLink, set_master
from xen_bridge.netlink.neighbors import NDMSG
from xen_bridge.netlink.tables import LINKS, Netlink
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import DataPlanePlan, RouterPort

AF_BRIDGE = 7
_NTF_SELF = 2
_IPV6 = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"


def leave(plan: DataPlanePlan) -> None:
    """Take the virtual interfaces of a plan out of their bridges. Raises BridgeError."""
    links = _links()
    requests: list[Request] = []
    for port, bridge in _bridged(plan, links):
        requests.append(_own_mac(RTM_NEWNEIGH, bridge.index, port.mac))
        vif = links.get(port.vif)
        if vif is not None and vif.master == bridge.index:
            # Out of a bridge it would speak IPv6 with the virtual machine.
            _set_ipv6(port.vif, is_off=True)
            requests.append(set_master(vif.index, None))
    refused = batch.write(requests)
    if refused:
        raise BridgeError(f"a virtual interface cannot leave its bridge: {refused[0].reason}")


def come_back(plan: DataPlanePlan) -> None:
    """Put those that are still there back, as far as that can be done."""
    links = _links()
    requests: list[Request] = []
    for port, bridge in _bridged(plan, links):
        requests.append(_own_mac(RTM_DELNEIGH, bridge.index, port.mac))
        vif = links.get(port.vif)
        if vif is not None and vif.master is None:
            requests.append(set_master(vif.index, bridge.index))
            _set_ipv6(port.vif, is_off=False)
    batch.write(requests)


def faults(plan: DataPlanePlan) -> list[str]:
    """Return which virtual interfaces are not there, or are ports of their bridge."""
    links = _links()
    found = [
        f"virtual interface {one.vif} is missing" for one in plan.ports if one.vif not in links
    ]
    for port, bridge in _bridged(plan, links):
        vif = links.get(port.vif)
        if vif is not None and vif.master == bridge.index:
            found.append(f"virtual interface {port.vif} is a port of {port.physical}")
    return found


def _bridged(
    plan: DataPlanePlan, links: dict[str, KernelLink]
) -> Iterator[tuple[RouterPort, KernelLink]]:
    for port in plan.ports:
        physical = links.get(port.physical)
        if physical is not None and physical.kind == "bridge":
            yield port, physical


def _links() -> dict[str, KernelLink]:
    netlink = Netlink()
    try:
        return {one.name: one for one in netlink.rows(LINKS)}
    finally:
        netlink.close()


def _own_mac(kind: int, bridge: int, mac: bytes) -> Request:
    flags = NLM_F_CREATE | NLM_F_REPLACE if kind == RTM_NEWNEIGH else 0
    head = NDMSG.pack(AF_BRIDGE, bridge, NUD_PERMANENT, _NTF_SELF, 0)
    return Request(kind, flags, head + wire.attribute(NDA_LLADDR, mac))


def _set_ipv6(name: str, is_off: bool) -> None:
    # A kernel without IPv6 has no such setting.
    with suppress(OSError):
        Path(_IPV6.format(name)).write_text("1" if is_off else "0", encoding="ascii")
