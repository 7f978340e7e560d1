"""Bridge ports: virtual interfaces that leave their bridge while Domain 0 passes their packets.

What the bridge floods would reach the virtual machine twice else, by its interface and by the port
device, which is a macvlan over the bridge. Meanwhile the bridge is told that the router's MAC is
its own, else what is for it would be flooded to everybody; and it has an anchor, a port by which
nothing comes or goes: without any port that is up it would be down, and its port devices with it.
Physical ports that are no bridge need none of this. All of it in the network namespace of the
calling thread.

While a router is still to come its MAC is not the bridge's: that leads to where the router is. One
that goes on at another host through a tunnel does so as long as the router is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import batch, wire
from xen_bridge.netlink.constants import (
    IFF_UP,
    NDA_LLADDR,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NUD_PERMANENT,
    RTM_DELNEIGH,
    RTM_NEWNEIGH,
)
from xen_bridge.netlink.links import (
    AF_BRIDGE,
    KernelLink,
    add_veth,
    delete_link,
    flood_nothing,
    set_master,
    set_up,
)
from xen_bridge.netlink.neighbors import NDMSG
from xen_bridge.netlink.tables import links_by_name
from xen_bridge.netlink.wire import Request
from xen_bridge.planes.data_plane import PARKED, TUNNEL, DataPlanePlan, RouterPort

ANCHOR, ANCHOR_END = "hzk", "hzl"
"""Names of a bridge's anchor and its other end, before the index of the bridge."""
_ANCHOR_NAME = re.compile(ANCHOR + "[0-9]+")
_PORT_DEVICE = re.compile("r[0-9]+p[0-9]+")
_NTF_SELF = 2
_IPV6 = "/proc/sys/net/ipv6/conf/{}/disable_ipv6"


def leave(plan: DataPlanePlan) -> None:
    """Take the virtual interfaces of a plan out of their bridges. Raises BridgeError."""
    links = links_by_name()
    requests: list[Request] = []
    for port, bridge in _bridged(plan.ports, links):
        _put_anchor(bridge, links)
        requests += _claims(port, bridge)
        vif = links.get(port.vif)
        if vif is not None and vif.master == bridge.index:
            # Out of a bridge it would speak IPv6 with the virtual machine.
            _set_ipv6(port.vif, is_off=True)
            requests.append(set_master(vif.index, None))
    _change(requests)


def claim(plan: DataPlanePlan) -> None:
    """Have what is for a router that is here come here. Raises BridgeError."""
    bridged = _bridged(plan.ports, links_by_name())
    _change([one for port, bridge in bridged for one in _claims(port, bridge)])


def _claims(port: RouterPort, bridge: KernelLink) -> list[Request]:
    """Return what makes the MAC of a port its bridge's own, unless its machine is elsewhere."""
    if port.vif.startswith(PARKED):
        return []
    return [_own_mac(RTM_NEWNEIGH, bridge.index, port.mac)]


def others_of(plan: DataPlanePlan) -> list[tuple[RouterPort, tuple[str, ...]]]:
    """Return the ports that stand on bridges without tunnels, each with those of its bridge."""
    links = links_by_name()
    return [
        (port, _ports(bridge, links))
        for port, bridge in _bridged(plan.ports, links)
        if not _tunnels(bridge, links)
    ]


def ports_of(ports: Iterable[RouterPort]) -> dict[str, tuple[str, ...]]:
    """Return the ports of each bridge that one of these stands on."""
    links = links_by_name()
    return {bridge.name: _ports(bridge, links) for _, bridge in _bridged(ports, links)}


def macs_of(plan: DataPlanePlan) -> dict[str, bytes]:
    """Return the MACs of the interfaces that the ports of a plan stand on."""
    links = links_by_name()
    names = (port.physical for port in plan.ports)
    return {name: links[name].mac for name in names if name in links and len(links[name].mac) == 6}


def _ports(bridge: KernelLink, links: dict[str, KernelLink]) -> tuple[str, ...]:
    names = (name for name, one in links.items() if one.master == bridge.index)
    return tuple(sorted(one for one in names if not _ANCHOR_NAME.fullmatch(one) and '"' not in one))


def lead_away(plan: DataPlanePlan, bridges: Collection[str]) -> None:
    """Have these bridges lead what is for a router to where its frames come from, not here."""
    links = links_by_name()
    batch.write(
        [
            _own_mac(RTM_DELNEIGH, bridge.index, port.mac)
            for port, bridge in _bridged(plan.ports, links)
            if bridge.name in bridges
        ]
    )


def tunnels_of(plan: DataPlanePlan) -> dict[str, list[str]]:
    """Return the tunnels' devices in each bridge of a plan that has any."""
    links = links_by_name()
    found = {one.name: _tunnels(one, links) for _, one in _bridged(plan.ports, links)}
    return {name: devices for name, devices in found.items() if devices}


def _tunnels(bridge: KernelLink, links: dict[str, KernelLink]) -> list[str]:
    ports = (name for name, one in links.items() if one.master == bridge.index)
    return sorted(name for name in ports if name.startswith(TUNNEL))


def come_back(plan: DataPlanePlan) -> None:
    """Put those that are still there back, as far as that can be done."""
    links = links_by_name()
    requests: list[Request] = []
    for port, bridge in _bridged(plan.ports, links):
        requests.append(_own_mac(RTM_DELNEIGH, bridge.index, port.mac))
        vif = links.get(port.vif)
        if vif is not None and vif.master is None:
            requests.append(set_master(vif.index, bridge.index))
            _set_ipv6(port.vif, is_off=False)
    batch.write(requests)


def remove_anchors() -> None:
    """Remove the anchors of bridges that no port device stands on, and of those that are gone."""
    links = links_by_name()
    used = {one.lower for one in links.values() if _PORT_DEVICE.fullmatch(one.name)}
    anchors = [one for name, one in links.items() if _ANCHOR_NAME.fullmatch(name)]
    batch.write([delete_link(one.index) for one in anchors if one.master not in used])


def _put_anchor(bridge: KernelLink, links: dict[str, KernelLink]) -> None:
    name, end = f"{ANCHOR}{bridge.index}", f"{ANCHOR_END}{bridge.index}"
    known = links.get(name)
    if known is not None and known.master == bridge.index and known.flags & IFF_UP:
        return
    if known is not None:
        batch.write([delete_link(known.index)])
    _change([add_veth(name, end)])
    made = links_by_name()
    for one in (name, end):
        _set_ipv6(one, is_off=True)
    anchor = made[name].index
    _change([set_master(anchor, bridge.index), flood_nothing(anchor)])
    _change([set_up(anchor), set_up(made[end].index)])


def _change(requests: list[Request]) -> None:
    refused = batch.write(requests)
    if refused:
        raise BridgeError(f"a bridge cannot do without a router's interface: {refused[0].reason}")


def unfit(ports: Iterable[RouterPort]) -> tuple[str, ...]:
    """Return why ports cannot stand on what they would, a sentence each.

    A port device is beside the bridge's own port, and in that one's VLAN: where a bridge has
    frames by VLAN, that of the virtual interface may be another.
    """
    return unfit_among(one.physical for one in ports)


def unfit_among(names: Iterable[str]) -> tuple[str, ...]:
    """Return why port devices cannot stand on some interfaces of these names, a sentence each."""
    return _unfit(names, links_by_name())


def _unfit(physical: Iterable[str], links: dict[str, KernelLink]) -> tuple[str, ...]:
    found = (links[name] for name in physical if name in links)
    names = {one.name for one in found if one.kind == "bridge" and one.filters_vlans}
    return tuple(
        f"bridge {name} has frames by VLAN (vlan_filtering), which Domain 0 would not keep apart: "
        "have a bridge for each VLAN"
        for name in sorted(names)
    )


def faults(plan: DataPlanePlan) -> list[str]:
    """Return which virtual interfaces are not there, or are ports of their bridge."""
    links = links_by_name()
    found = [
        f"virtual interface {one.vif} is missing" for one in plan.ports if one.vif not in links
    ]
    for port, bridge in _bridged(plan.ports, links):
        vif, anchor = links.get(port.vif), links.get(f"{ANCHOR}{bridge.index}")
        if anchor is None or anchor.master != bridge.index or not anchor.flags & IFF_UP:
            found.append(f"bridge {port.physical} has no anchor")
        if vif is not None and vif.master == bridge.index:
            found.append(f"virtual interface {port.vif} is a port of {port.physical}")
    return [*found, *_unfit((one.physical for one in plan.ports), links)]


def _bridged(
    ports: Iterable[RouterPort], links: dict[str, KernelLink]
) -> Iterator[tuple[RouterPort, KernelLink]]:
    for port in ports:
        physical = links.get(port.physical)
        if physical is not None and physical.kind == "bridge":
            yield port, physical


def _own_mac(kind: int, bridge: int, mac: bytes) -> Request:
    flags = NLM_F_CREATE | NLM_F_REPLACE if kind == RTM_NEWNEIGH else 0
    head = NDMSG.pack(AF_BRIDGE, bridge, NUD_PERMANENT, _NTF_SELF, 0)
    return Request(kind, flags, head + wire.attribute(NDA_LLADDR, mac))


def _set_ipv6(name: str, is_off: bool) -> None:
    # A kernel without IPv6 has no such setting.
    with suppress(OSError):
        Path(_IPV6.format(name)).write_text("1" if is_off else "0", encoding="ascii")
