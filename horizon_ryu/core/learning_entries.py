"""Learning entries: by which frames stations tell where they are, and the entries that show them.

A station that moves may send nothing for long but what it sends to all: ARP, DHCP, IPv6 neighbour
discovery, who listens to which group; and what others send for it, the hypervisor that it has come
to (RARP, as QEMU does) or its access point (an XID frame of LLC, IEEE 802.11F-2003, 6.4.1). The
tree's own entries carry multicasts past the controller, so these come to it first. Chatter that is
frequent, or that must go on without a controller (mDNS, VRRP, routing protocols), does not; who
sends nothing else is asked where it was when its time is over.

What a station sends to one other needs none of these entries: where the pair has entries it has not
moved, elsewhere it misses the table. So hosts that talk to each other confirm each other's
addresses while the controller is away.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from horizon_ryu.core.frames import BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_NONE
from horizon_ryu.core.ownership import Priority
from horizon_ryu.wire.capabilities import Capabilities
from horizon_ryu.wire.messages import FlowCommand, FlowMod, Match, ToController
from horizon_ryu.wire.protocols import ETHERTYPE, IPPROTO

DHCP_PORTS = (67, 68)
"""UDP ports of servers and of clients (RFC 2131, 4.1)."""
DHCP6_PORTS = (546, 547)
"""UDP ports of clients and of servers (RFC 8415, 7.2)."""


@lru_cache(maxsize=8)
def learning_entries(capabilities: Capabilities, cookie: int) -> tuple[FlowMod, ...]:
    """Return the entries that a switch with ``capabilities`` needs."""
    actions = (ToController(),)
    return tuple(
        FlowMod(FlowCommand.ADD, match, Priority.ARP, cookie, actions)
        for match in _matches(capabilities)
    )


def _matches(capabilities: Capabilities) -> Iterator[Match]:
    """Yield what to match; without masks the tree carries broadcasts only, and so do these."""
    to_all = Match(dl_dst=BROADCAST)
    if capabilities.mac_masks:
        to_all = Match(dl_dst_multicast=True)
    yield to_all._replace(dl_type=ETH_ARP)
    yield Match(dl_dst=BROADCAST, dl_type=int(ETHERTYPE.RARP))
    yield Match(dl_dst=BROADCAST, dl_type=ETH_NONE)
    for port in DHCP_PORTS:
        yield to_all._replace(dl_type=ETH_IPV4, nw_proto=int(IPPROTO.UDP), tp_dst=port)
    if capabilities.mac_masks:
        yield to_all._replace(dl_type=ETH_IPV4, nw_proto=int(IPPROTO.IGMP))
        # Neighbour and router discovery, and who joins a group (RFC 4861, RFC 3810).
        yield to_all._replace(dl_type=ETH_IPV6, nw_proto=int(IPPROTO.ICMPV6))
        for port in DHCP6_PORTS:
            yield to_all._replace(dl_type=ETH_IPV6, nw_proto=int(IPPROTO.UDP), tp_dst=port)
