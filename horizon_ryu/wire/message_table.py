"""Message table: every message of one version, by type and by class, to read and to write."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from horizon_ryu.wire.layout import Layout, WireError, read_whole, write_whole

_HEADER = struct.Struct("!BBHI")
MAX_SIZE = 0xFFFF


class Envelope(NamedTuple):
    """A message and the transaction id that its header has."""

    xid: int
    message: Any


class MessageTable:
    """The messages of one version of OpenFlow, in both directions."""

    def __init__(self, version: int, layouts: Mapping[int, tuple[type, Layout[Any]]]) -> None:
        """``layouts`` has, by message type, the class of the value and its layout."""
        self.version = version
        self._layouts = {kind: layout for kind, (_, layout) in layouts.items()}
        self._kinds = {make: (kind, layout) for kind, (make, layout) in layouts.items()}

    def classes(self) -> Mapping[int, type]:
        """Return the class of each message type."""
        return {int(kind): make for make, (kind, _) in self._kinds.items()}

    def decode(self, message: bytes) -> Envelope:
        """Return the value of a whole message; WireError if it is none of this version.

        A Hello may be of any version.
        """
        if len(message) < _HEADER.size:
            raise WireError(f"a message of {len(message)} bytes")
        version, kind, size, xid = _HEADER.unpack_from(message)
        if size != len(message) or (version != self.version and kind != 0):
            raise WireError(f"version {version}, {size} bytes in a message of {len(message)}")
        layout = self._layouts.get(kind)
        if layout is None:
            raise WireError(f"version {version} has no message of type {kind}")
        return Envelope(xid, read_whole(layout, message, _HEADER.size))

    def encode(self, xid: int, message: Any) -> bytes:
        """Return the bytes of a value; WireError for what this version cannot say."""
        found = self._kinds.get(type(message))
        if found is None:
            raise WireError(f"version {self.version} has no {type(message).__name__}")
        kind, layout = found
        body = write_whole(layout, message)
        size = _HEADER.size + len(body)
        if size > MAX_SIZE or not 0 <= xid <= 0xFFFF_FFFF:
            raise WireError(f"{size} bytes and xid {xid} do not fit into a header")
        return _HEADER.pack(self.version, kind, size, xid) + body
