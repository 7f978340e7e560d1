"""Frames of the control channel of a slicer's engine: a length of 4 bytes and an object as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from horizon_ryu.core.collection_pause import collection_paused

MOST_BYTES = 64 << 20
"""Of one frame; 10,000 rules are about 2 MB."""
_LENGTH = 4


class BrokenFrame(ValueError):
    """What came is no frame: nothing that follows on the connection can be read."""


def control_frame(document: Mapping[str, Any]) -> bytes:
    """Return the frame of a document; BrokenFrame if it would be too long."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    if len(body) > MOST_BYTES:
        raise BrokenFrame(f"{len(body)} bytes, at most {MOST_BYTES} are allowed")
    return len(body).to_bytes(_LENGTH, "big") + body


def read_control_body(body: bytes) -> dict[str, Any]:
    """Return the object that the body of a frame is; BrokenFrame."""
    try:
        with collection_paused():
            found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame(f"no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BrokenFrame("no object")
    return found


class ControlFramer:
    """Cuts the bytes of one connection into the bodies of frames."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        """``most``: bytes of one body."""
        self._most = most
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the bodies that are whole now; BrokenFrame if one would be too long."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH:
            size = int.from_bytes(self._buffer[:_LENGTH], "big")
            if size > self._most:
                raise BrokenFrame(f"{size} bytes, at most {self._most} are allowed")
            if len(self._buffer) < _LENGTH + size:
                return
            body = bytes(self._buffer[_LENGTH : _LENGTH + size])
            del self._buffer[: _LENGTH + size]
            yield body
