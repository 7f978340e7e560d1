"""Skipped follower: what Domain 0 would leave out of what this kernel does, and when that changes.

The kernel tells when its tables change; what it tells is not read, only taken for a reason to look
again. Of some (the older iptables, settings) it does not tell: these are looked at from time to
time.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections.abc import Callable, Collection

from xen_bridge.errors import BridgeError, RequestUnsupported
from xen_bridge.netlink import constants as c
from xen_bridge.netlink.netfilter import NETLINK_NETFILTER, NFNLGRP_NFTABLES
from xen_bridge.netlink.policies import NETLINK_XFRM, XFRMNLGRP_POLICY
from xen_bridge.netlink.subscription import joined
from xen_bridge.netlink.traffic_control import RTNLGRP_TC
from xen_bridge.netlink.wire import CHUNK
from xen_bridge.planes.kernel_facts import read_facts
from xen_bridge.planes.skipped import SkippedKind, kinds

LOOK_AT_LEAST = 5.0
"""Seconds after which the kernel is looked at though it told nothing."""
RECEIVE_BUFFER = 1 << 16
GROUPS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (
        socket.NETLINK_ROUTE,
        (
            *(c.RTNLGRP_LINK, RTNLGRP_TC, c.RTNLGRP_IPV4_RULE, c.RTNLGRP_IPV6_RULE),
            *(c.RTNLGRP_IPV4_MROUTE, c.RTNLGRP_IPV6_MROUTE, c.RTNLGRP_IPV4_NETCONF),
            c.RTNLGRP_MPLS_ROUTE,
        ),
    ),
    (NETLINK_NETFILTER, (NFNLGRP_NFTABLES,)),
    (NETLINK_XFRM, (XFRMNLGRP_POLICY,)),
)
"""Protocols, and the groups of each that are told of a change."""


class SkippedFollower:
    """Follows the namespace of the thread that reads first. Not for several threads."""

    def __init__(
        self,
        interfaces: Collection[str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at what concerns ``interfaces``; None: all but the loopback."""
        self._interfaces = interfaces
        self._clock = clock
        self._selector: selectors.BaseSelector | None = None
        self._told: tuple[SkippedKind, ...] | None = None
        self._looked = 0.0

    def read(self, seconds: float) -> tuple[SkippedKind, ...] | None:
        """Return what Domain 0 would leave out, if it differs from what was returned last.

        Waits ``seconds`` for the kernel to tell of a change. The first read returns it in any
        case. Raises BridgeError.
        """
        if self._selector is None:
            self._selector = _subscribed()
        elif not self._has_changed(self._selector, seconds):
            return None
        # Before the reading: what changes from here on is told again.
        self._looked = self._clock()
        found = kinds(read_facts(), self._interfaces)
        if found == self._told:
            return None
        self._told = found
        return found

    def close(self) -> None:
        """End it; another read begins anew."""
        if self._selector is not None:
            _close(self._selector)
        self._selector = self._told = None

    def _has_changed(self, selector: selectors.BaseSelector, seconds: float) -> bool:
        due = self._looked + LOOK_AT_LEAST - self._clock()
        ready = selector.select(max(min(seconds, due), 0.0))
        for key, _events in ready:
            _drain(key.fileobj)
        return bool(ready) or self._clock() >= self._looked + LOOK_AT_LEAST


def _subscribed() -> selectors.BaseSelector:
    made = selectors.DefaultSelector()
    try:
        for protocol, groups in GROUPS:
            # What this kernel does not have cannot change.
            with contextlib.suppress(RequestUnsupported):
                made.register(joined(groups, RECEIVE_BUFFER, protocol), selectors.EVENT_READ)
    except OSError as error:
        _close(made)
        raise BridgeError(f"the kernel tells no changes: {error.strerror}") from error
    except BaseException:
        _close(made)
        raise
    return made


def _close(selector: selectors.BaseSelector) -> None:
    for key in list(selector.get_map().values()):
        if isinstance(key.fileobj, socket.socket):
            key.fileobj.close()
    selector.close()


def _drain(told: object) -> None:
    """Take what waits; ENOBUFS says that there was more, which is a change as well."""
    if not isinstance(told, socket.socket):
        return
    told.setblocking(False)
    while True:
        try:
            told.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            continue
