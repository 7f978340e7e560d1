"""Port watch: which port devices of routers lost or got their carrier, or went, told by the kernel.

A cable that is out for a moment, and a bridge that is set down and up, take nexthop objects and
the routes by them out of the kernel, which says so of the device alone.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable

from xen_bridge.errors import BridgeError
from xen_bridge.netlink.constants import IFF_LOWER_UP, IFF_UP
from xen_bridge.netlink.links import KernelLink
from xen_bridge.netlink.subscription import Changed, NetlinkSubscription, Removed, TableSnapshot
from xen_bridge.netlink.tables import LINKS

LOG = logging.getLogger(__name__)
RECEIVE_BUFFER = 1 << 18
"""Bytes: while there is no router nobody reads."""
_PORT_DEVICE = re.compile("r[0-9]+p[0-9]+")


def has_carrier(link: KernelLink) -> bool:
    """Tell whether the kernel has nexthop objects by a link."""
    return link.flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP


class PortDevices:
    """What is known of all port devices. Pure."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, bool]] = {}
        self._disturbed: set[str] = set()

    def heed(
        self, told: TableSnapshot[KernelLink] | Changed[KernelLink] | Removed[KernelLink]
    ) -> None:
        """Take in what the kernel tells."""
        if isinstance(told, TableSnapshot):
            before, self._known = self._known, {}
            for row in told.rows:
                self._put(row)
            if told.overflowed:
                self._disturbed |= before.keys() | self._known.keys()
        elif isinstance(told, Removed):
            if self._known.pop(told.row.name, None) is not None:
                self._disturbed.add(told.row.name)
        else:
            before_it = self._known.get(told.row.name)
            self._put(told.row)
            if before_it not in (None, self._known.get(told.row.name)):
                self._disturbed.add(told.row.name)

    def _put(self, row: KernelLink) -> None:
        if _PORT_DEVICE.fullmatch(row.name):
            self._known[row.name] = (row.index, has_carrier(row))

    def forgive(self, names: Iterable[str]) -> None:
        """Take that whatever became of these until now is known."""
        self._disturbed.difference_update(names)

    def take(self) -> frozenset[str]:
        """Return those that were disturbed since this was asked."""
        found, self._disturbed = frozenset(self._disturbed), set()
        return found


class PortDeviceWatch:
    """Follows the port devices of the namespace of this program. Any native thread may call."""

    def __init__(self) -> None:
        self._devices = PortDevices()
        self._turn = threading.Lock()
        self._links = NetlinkSubscription(LINKS, RECEIVE_BUFFER)

    def made(self, names: Iterable[str] = ()) -> None:
        """Take that these were just made, which is no news, and follow all. Raises BridgeError."""
        with self._turn:
            self._read()
            self._devices.forgive(names)

    def take(self) -> frozenset[str]:
        """Return which lost or got their carrier, or went, since this was asked."""
        with self._turn:
            try:
                self._read()
            except BridgeError as error:
                LOG.warning("nobody tells what becomes of port devices: %s", error)
            return self._devices.take()

    def _read(self) -> None:
        while told := self._links.read(0.0):
            for one in told:
                self._devices.heed(one)
            if isinstance(told[0], TableSnapshot):
                return
