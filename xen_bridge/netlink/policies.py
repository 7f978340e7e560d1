"""Policies of IPsec, as the kernel has them (linux/xfrm.h)."""

from __future__ import annotations

from collections import Counter

from xen_bridge.errors import RequestUnsupported
from xen_bridge.netlink.dump import NetlinkSocket

NETLINK_XFRM = 6
XFRMNLGRP_POLICY = 4
_GET_POLICY = 21
_DIRECTION_AT = 160
"""Of xfrm_userpolicy_info, behind selector, lifetimes, priority and index."""
_DIRECTIONS = ("in", "out", "fwd")


def xfrm_policies() -> Counter[str]:
    """Return how many there are of each direction, of the thread's namespace. BridgeError."""
    found: Counter[str] = Counter()
    try:
        asked = NetlinkSocket(NETLINK_XFRM)
        try:
            for data in asked.dump(_GET_POLICY, b""):
                number = data[_DIRECTION_AT] if len(data) > _DIRECTION_AT else 0xFF
                # Beyond these are policies of single sockets.
                found[_DIRECTIONS[number] if number < len(_DIRECTIONS) else "socket"] += 1
        finally:
            asked.close()
    except RequestUnsupported:
        pass
    return found
