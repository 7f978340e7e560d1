"""Parking: frames for a router's machine are kept while it stands still, and passed on after it.

Each port has a pair of links: what Domain 0 forwards into one is read from the other by a socket,
whose buffer is where they wait. The offload header (virtio_net_hdr) goes along: without it frames
whose checksum is still to be made would be passed on broken.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from xen_bridge.errors import BridgeError
from xen_bridge.migration.pace import DeliveryPace, taken_by
from xen_bridge.netlink import batch
from xen_bridge.netlink.constants import SO_RCVBUFFORCE
from xen_bridge.netlink.links import add_veth, delete_link, set_up
from xen_bridge.netlink.tables import links_by_name
from xen_bridge.planes.data_plane import PARKED

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING, PACKET_STATISTICS = 263, 15, 23, 6
ETH_P_ALL = 0x0003
ROOM = 64 << 20
"""Bytes that may wait for a port."""
MAX_FRAME = 10_000
_VNET_HDR = 10
_PARKED_FAR = "hzx"
"""Of the other ends."""
LONGEST_WAIT = 2.0
"""Seconds for which a machine may take no frame before the next is not given to it."""
_TURN = 0.005
RECENT_SECONDS = 10.0
"""For how long a machine may not have heard a frame that it was given before it stood still.

What waits in Xen's netback for longer is dropped by it (rx_drain_timeout_msecs). A machine that
has no processor was seen to take none for five seconds; what another has heard it hears again.
"""
MOST_RECENT = 10_000
"""Frames of a port."""


class ParkingPlace:
    """The parked frames of one migration, at its source."""

    def __init__(self, migration: str, ports: int) -> None:
        self._migration = migration
        self._ports = ports
        self._sockets: list[socket.socket] = []
        self._recent: list[RecentFrames] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The links that frames are to be forwarded into, by port."""
        return tuple(f"{PARKED}{self._migration[:8]}.{one}" for one in range(self._ports))

    def open(self) -> None:
        """Make the links that are not there, and keep what comes. Raises BridgeError."""
        if self._sockets:
            return
        make_pairs(self.names)
        for name in self.names:
            self._sockets.append(_listening(_far(name)))
            self._recent.append(RecentFrames())

    def keep_recent(self, now: float) -> None:
        """Forget what came too long ago to be of use: the machine has heard it meanwhile."""
        for number, recent in enumerate(self._recent):
            recent.add(self._waiting(number, MOST_RECENT), now)

    def frames(self, port: int, most: int) -> list[bytes]:
        """Return so many frames of a port at most, with their headers; none if none wait."""
        if port >= len(self._sockets):
            return []
        recent = self._recent[port].take(most)
        return recent + self._waiting(port, most - len(recent))

    def put_back(self, port: int, frames: Sequence[bytes]) -> None:
        """Keep frames that were taken, and that nobody could be given."""
        self._recent[port].put_back(frames)

    def _waiting(self, port: int, most: int) -> list[bytes]:
        found: list[bytes] = []
        taken = self._sockets[port]
        while len(found) < most:
            try:
                data = taken.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError as error:
                raise BridgeError(f"frames cannot be read: {error.strerror}") from error
            if len(data) <= MAX_FRAME:
                found.append(data)
        return found

    def dropped(self) -> int:
        """Return how many frames found no room since this was asked last."""
        total = 0
        for one in self._sockets:
            with suppress(OSError):
                told = one.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
                total += int(struct.unpack("=II", told)[1])
        return total

    def close(self) -> None:
        """Remove all of it."""
        for one in self._sockets:
            one.close()
        self._sockets.clear()
        self._recent.clear()
        remove_pairs(self.names)


class RecentFrames:
    """The frames of one port that may not have been heard, while copies of all of them come."""

    def __init__(self) -> None:
        self._frames: deque[tuple[float, bytes]] = deque(maxlen=MOST_RECENT)

    def add(self, frames: Iterable[bytes], now: float) -> None:
        """Take those that have come, and forget those that came long before."""
        self._frames.extend((now, one) for one in frames)
        while self._frames and now - self._frames[0][0] > RECENT_SECONDS:
            self._frames.popleft()

    def put_back(self, frames: Sequence[bytes]) -> None:
        """Have frames again that were taken."""
        self._frames.extendleft((0.0, one) for one in reversed(frames))

    def take(self, most: int) -> list[bytes]:
        """Return so many at most, the oldest first, and have them no more."""
        count = min(most, len(self._frames))
        return [self._frames.popleft()[1] for _ in range(count)]


def make_pairs(names: tuple[str, ...]) -> None:
    """Make pairs of links by the names of their near ends, up. Raises BridgeError."""
    here = set(links_by_name())
    refused = batch.write([add_veth(name, _far(name)) for name in names if name not in here])
    links = links_by_name()
    ends = [one for name in names for one in (name, _far(name))]
    if refused or not set(ends) <= set(links):
        raise BridgeError("links to keep frames in cannot be made")
    batch.write([set_up(links[name].index) for name in ends])


def remove_pairs(names: tuple[str, ...]) -> None:
    """Remove pairs of links by the names of their near ends."""
    links = links_by_name()
    batch.write([delete_link(links[name].index) for name in names if name in links])


def inject(interface: str, frames: Iterator[bytes]) -> None:
    """Send frames with their headers out of an interface, as it takes them. Raises BridgeError."""
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as made:
            made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            made.bind((interface, 0))
            pace = DeliveryPace(partial(taken_by, interface))
            for frame in frames:
                if _VNET_HDR + 14 <= len(frame) <= MAX_FRAME:
                    pace.admit()
                    _send(made, frame)
    except OSError as error:
        raise BridgeError(f"frames cannot be given to {interface}: {error.strerror}") from error


def _send(made: socket.socket, frame: bytes) -> None:
    """Send a frame when there is room for it: a virtual interface of Xen's queues 32, no more."""
    over = time.monotonic() + LONGEST_WAIT
    while True:
        try:
            made.send(frame)
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS or time.monotonic() > over:
                raise
        time.sleep(_TURN)


def is_for_many(frame: bytes) -> bool:
    """Tell whether a frame with its header goes to a group of stations (IEEE 802, 8.2.2)."""
    return len(frame) > _VNET_HDR and bool(frame[_VNET_HDR] & 1)


def _far(name: str) -> str:
    return name.replace(PARKED, _PARKED_FAR, 1)


def _listening(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        made.bind((interface, ETH_P_ALL))
    except OSError as error:
        made.close()
        raise BridgeError(f"frames of {interface} cannot be kept: {error.strerror}") from error
    return made
