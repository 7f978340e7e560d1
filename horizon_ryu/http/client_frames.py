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
NORMAL, PROTOCOL_ERROR, TOO_BIG = 1000, 1002, 1009
_NOT_SENT = (1004, 1005, 1006, 1015)
"""Codes that no frame has."""
_DATA = (0, 1, 2)
_KNOWN = (*_DATA, _CLOSE, _PING, 10)


class ClientGone(Exception):
    """The client closed, vanished, or broke the protocol: ``code`` is what it is told (7.4.1)."""

    def __init__(self, code: int = NORMAL) -> None:
        super().__init__(code)
        self.code = code


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
            raise ClientGone(_answer_to(_unmasked(connection, length, mask)))
        if opcode == _PING:
            pong(_unmasked(connection, length, mask))
        else:
            _discard(connection, length)
        heard()


def _header(connection: Any) -> tuple[int, int, bytes]:
    """Return (opcode, payload length, mask) of the next frame; a client must mask (5.1)."""
    first, second = _exactly(connection, 2)
    opcode, length = first & 0x0F, second & 0x7F
    is_control = opcode >= _CLOSE
    if first & 0x70 or opcode not in _KNOWN or not second & 0x80:
        raise ClientGone(PROTOCOL_ERROR)
    if is_control and (length > MAX_CONTROL or not first & 0x80):
        raise ClientGone(PROTOCOL_ERROR)
    if length >= 126:
        length = int.from_bytes(_exactly(connection, 2 if length == 126 else 8), "big")
    if length > MAX_PAYLOAD:
        raise ClientGone(TOO_BIG)
    return opcode, length, _exactly(connection, 4)


def _unmasked(connection: Any, length: int, mask: bytes) -> bytes:
    payload = _exactly(connection, length)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def _answer_to(closing: bytes) -> int:
    """Return the code that answers the closing of a client: its own, if it has one (5.5.1)."""
    if not closing:
        return NORMAL
    code = int.from_bytes(closing[:2], "big")
    is_known = 1000 <= code <= 1014 and code not in _NOT_SENT
    return code if len(closing) > 1 and (is_known or 3000 <= code <= 4999) else PROTOCOL_ERROR


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
