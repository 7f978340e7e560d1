"""Subscriptions: a table of the kernel, and then every change of it, as it happens.

First comes the whole table, then its changes. Where they came faster than they were read, the
kernel says so (ENOBUFS), and the whole table comes anew: what was missed is never guessed.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from xen_bridge.errors import BridgeError
from xen_bridge.netlink import wire
from xen_bridge.netlink.batch import enlarge
from xen_bridge.netlink.constants import NETLINK_ADD_MEMBERSHIP, SOL_NETLINK
from xen_bridge.netlink.dump import NetlinkSocket
from xen_bridge.netlink.tables import Table
from xen_bridge.netlink.wire import NetlinkReply

RECEIVE_BUFFER = 8 << 20
"""Bytes: some 10,000 routes, told at once."""
MAX_DATAGRAMS = 256
"""Taken in one read, so that a storm of changes is told in pieces."""

Row = TypeVar("Row")
Told = TypeVar("Told", covariant=True)


@dataclass(frozen=True, slots=True)
class TableSnapshot(Generic[Told]):
    """The whole table; ``overflowed`` if changes were missed since the last one."""

    rows: tuple[Told, ...]
    overflowed: bool


@dataclass(frozen=True, slots=True)
class Changed(Generic[Told]):
    """A row that is there now, new or with other values."""

    row: Told


@dataclass(frozen=True, slots=True)
class Removed(Generic[Told]):
    """A row that is there no longer."""

    row: Told


class NetlinkSubscription(Generic[Row]):
    """One table, followed by one reader, in the namespace of the thread that reads first.

    A change that falls between subscription and snapshot is in the snapshot and told again, so
    to apply one must be idempotent.
    """

    def __init__(self, table: Table[Row], receive_buffer: int = RECEIVE_BUFFER) -> None:
        self._table = table
        self._receive_buffer = receive_buffer
        self._dumps = NetlinkSocket()
        self._connection: socket.socket | None = None
        self.overflows = 0
        """How often changes were missed."""

    def read(self, seconds: float) -> list[TableSnapshot[Row] | Changed[Row] | Removed[Row]]:
        """Return what there is to tell, after ``seconds`` perhaps nothing.

        The first read returns a snapshot, and so does one after an overflow. Raises BridgeError.
        """
        if self._connection is None:
            return [self._snapshot(overflowed=False)]
        try:
            return list(self._changes(self._connection, seconds))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                self.close()
                raise BridgeError(f"the kernel tells no changes: {error}") from error
            self.overflows += 1
            # What waits in the old socket is older than the table: it must not be applied to it.
            self._disconnect()
            return [self._snapshot(overflowed=True)]

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is something to tell, else -1."""
        return -1 if self._connection is None else self._connection.fileno()

    def close(self) -> None:
        """End the subscription; another read begins it anew."""
        self._disconnect()
        self._dumps.close()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _snapshot(self, overflowed: bool) -> TableSnapshot[Row]:
        try:
            return TableSnapshot(self._begun(), overflowed)
        except OSError as error:
            raise BridgeError(f"the kernel tells no changes: {error.strerror}") from error

    def _begun(self) -> tuple[Row, ...]:
        """Return the whole table; whatever changes from now on is told by the connection."""
        connection = joined(self._table.groups, self._receive_buffer)
        try:
            found = map(self._table.read, self._dumps.dump(self._table.get, self._table.body))
            rows = tuple(row for row in found if row is not None)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return rows

    def _changes(
        self, connection: socket.socket, seconds: float
    ) -> Iterator[Changed[Row] | Removed[Row]]:
        for answer in told(connection, seconds, MAX_DATAGRAMS):
            if answer.kind in (self._table.new, self._table.delete):
                row = self._table.read(answer.payload)
                if row is not None:
                    is_new = answer.kind == self._table.new
                    yield Changed(row) if is_new else Removed(row)


def joined(
    groups: Iterable[int], receive_buffer: int, protocol: int = socket.NETLINK_ROUTE
) -> socket.socket:
    """Return a socket that the kernel tells all changes of ``groups``; OSError, BridgeError."""
    connection = wire.opened(None, protocol)
    try:
        enlarge(connection, receive_buffer)
        for group in groups:
            connection.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    except BaseException:
        connection.close()
        raise
    return connection


def told(connection: socket.socket, seconds: float, most: int) -> Iterator[NetlinkReply]:
    """Yield what the kernel tells, waiting ``seconds`` for the first datagram; OSError.

    ``most``: datagrams that are taken, so that a storm of changes is told onward in pieces.
    """
    connection.settimeout(max(seconds, 0.0))
    for _ in range(most):
        try:
            data = wire.receive(connection)
        except (TimeoutError, BlockingIOError):
            return
        connection.settimeout(0.0)
        yield from wire.answers(data)
