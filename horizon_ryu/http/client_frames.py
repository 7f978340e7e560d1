"""Frames of a WebSocket client that has nothing to say (RFC 6455, section 5).

Eventlet's own reader gathers the fragments of a message without a limit. Here what a client
sends is thrown away as it comes: only pings and the closing matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xen_bridge.runtime.checkpoints import checkpoint_every
from xen_bridge.runtime.port import Runtime

MAX_PAYLOAD = 64 * 1024
"""Bytes of one frame; a client of ours sends none at all."""
MAX_CONTROL = 125
_CHUNK = 4096
FRAMES_PER_TURN = 16
"""Frames of one client in a row before others have their turn."""
_CLOSE, _PING = 8, 9
_DATA = (0, 1, 2)
_KNOWN = (*_DATA, _CLOSE, _PING, 10)


class ClientGone(Exception):
    """The client closed, vanished, or broke the protocol."""


def read_frames(
    runtime: Runtime,
    connection: Any,
    pong: Callable[[bytes], None],
    heard: Callable[[], None] = lambda: None,
) -> None:
    """Read until :class:`ClientGone`, which it always ends with; answer pings by ``pong``.

    ``heard`` is called for each whole frame.
    """
    # Reading what has arrived already never gives way by itself.
    let_others = checkpoint_every(runtime, FRAMES_PER_TURN)
    while True:
        let_others()
        opcode, length, mask = _header(connection)
        if opcode == _CLOSE:
            raise ClientGone
        if opcode == _PING:
            payload = _exactly(connection, length)
            pong(bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)))
        else:
            _discard(connection, length)
        heard()


def _header(connection: Any) -> tuple[int, int, bytes]:
    """Return (opcode, payload length, mask) of the next frame; a client must mask (5.1)."""
    first, second = _exactly(connection, 2)
    opcode, length = first & 0x0F, second & 0x7F
    is_control = opcode >= _CLOSE
    if first & 0x70 or opcode not in _KNOWN or not second & 0x80:
        raise ClientGone
    if is_control and (length > MAX_CONTROL or not first & 0x80):
        raise ClientGone
    if length >= 126:
        length = int.from_bytes(_exactly(connection, 2 if length == 126 else 8), "big")
    if length > MAX_PAYLOAD:
        raise ClientGone
    return opcode, length, _exactly(connection, 4)


def _exactly(connection: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ClientGone
        data += piece
    return data


def _discard(connection: Any, count: int) -> None:
    while count > 0:
        piece = connection.recv(min(count, _CHUNK))
        if not piece:
            raise ClientGone
        count -= len(piece)
