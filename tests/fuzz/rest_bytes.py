"""Bytes for the REST port: requests as clients send them, in a row, in chunks, bent and cut."""

from __future__ import annotations

import base64
import random

FLOW = (
    b'{"match": {"dl_type": 2048}, "dpid": "0000000000000001", "actions": [{"output": 1}], '
    b'"priority": 500}'
)
METHODS = (b"GET", b"HEAD", b"OPTIONS", b"POST", b"PATCH", b"PUT", b"DELETE", b"TRACE", b"G\x00T")
PATHS = (
    b"/v1",
    b"/v1/health",
    b"/v1/flows",
    b"/v1/flows/00000000",
    b"/v1/flows/batch",
    b"/v1/migrations",
    b"/v1/topology?format=x&format=y",
    b"/v1/networks/%2e%2e%2f%ff",
    b"/v1/events",
    b"//v1///",
    b"/" + b"a" * 9000,
    b"*",
    b"http://elsewhere/v1",
)
HEADERS = (
    b"Host: localhost",
    b"Host: evil.example",
    b"Accept: application/xml;q=0.9, */*;q=nan",
    b"Accept-Encoding: gzip, \xff",
    b"Authorization: Bearer \x80",
    b"Content-Type: application/json",
    b"Content-Type: text/xml",
    b"Content-Length: 7",
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Expect: 100-continue",
    b"Connection: Upgrade, keep-alive",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)),
    b"X: " + b"y" * 5000,
    b" folded",
    b"no colon",
)
CHUNK_SIZES = (
    b"0",
    b"1",
    b"ff",
    b"-1",
    b"0x10",
    b"ffffffffffffffffff",
    b"",
    b"1;name=value",
    b"zz",
)


def session(rng: random.Random) -> bytes:
    """Return what one client says: some requests in a row, or a WebSocket that follows one."""
    makers = (_plain, _with_body, _chunked)
    said = b"".join(rng.choice(makers)(rng) for _ in range(rng.randint(1, 6)))
    if rng.random() < 0.3:
        said += upgrade() + b"".join(_frame(rng) for _ in range(rng.randint(1, 8)))
    return _bent(rng, said) if rng.random() < 0.5 else said


HIDDEN = b"GET /v1/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""A request that stands where a body may be."""
_LENGTHS = (b"0", b"4", b"%d" % len(HIDDEN), b"+4", b"4, 4", b"4_0", b"\x0b4", b"")
_CODINGS = (b"chunked", b"Chunked", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"identity")
_SPELT = (b"%s: %s", b"%s:%s", b"%s : %s", b" %s: %s", b"%s: %s ", b"%s:\t%s", b"X: y\n%s: %s")


def doubtful(rng: random.Random) -> bytes:
    """Return a request whose end may be read in two ways, and one hidden behind that."""
    fields = []
    for _ in range(rng.randint(1, 3)):
        name, values = rng.choice(
            ((b"Content-Length", _LENGTHS), (b"Transfer-Encoding", _CODINGS), (b"X", (b"y",)))
        )
        fields.append(rng.choice(_SPELT) % (name, rng.choice(values)))
    ends = rng.choice((b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"))
    size = rng.choice((b"0", b"4", b"%x" % len(HIDDEN), b"0x4", b"4;\n", b" 4", b"-1", b"00"))
    bodies = (b"", b"{}{}", size + ends + b"{}{}" + ends, size + ends + ends)
    body = rng.choice(bodies) + rng.choice((b"", b"0" + ends + ends))
    head = b"\r\n".join((b"POST /v1/networks HTTP/1.1", b"Host: localhost", *fields, b"", b""))
    return head + body + HIDDEN


def _head(rng: random.Random, *headers: bytes) -> bytes:
    some = [rng.choice(HEADERS) for _ in range(rng.randint(0, 4))]
    line = b" ".join((rng.choice(METHODS), rng.choice(PATHS), rng.choice((b"HTTP/1.1", b"HTTP/9"))))
    return b"\r\n".join((line, b"Host: localhost", *headers, *some, b"", b""))


def _plain(rng: random.Random) -> bytes:
    return _head(rng)


def _with_body(rng: random.Random) -> bytes:
    body = _bent(rng, FLOW)
    return _head(rng, b"Content-Type: application/json", b"Content-Length: %d" % len(body)) + body


def _chunked(rng: random.Random) -> bytes:
    pieces = []
    for _ in range(rng.randint(0, 5)):
        piece = FLOW[: rng.randint(1, len(FLOW))]
        size = b"%x" % len(piece) if rng.random() < 0.7 else rng.choice(CHUNK_SIZES)
        pieces.append(size + b"\r\n" + piece + rng.choice((b"\r\n", b"\n", b"")))
    head = _head(rng, b"Content-Type: application/json", b"Transfer-Encoding: chunked")
    return head + b"".join(pieces) + rng.choice((b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b""))


def upgrade() -> bytes:
    """Return what makes a connection a WebSocket."""
    lines = (b"GET /v1/events HTTP/1.1", b"Host: localhost", b"Upgrade: websocket")
    more = (b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef")
    return b"\r\n".join((*lines, *more, key, b"", b""))


def well_framed(rng: random.Random) -> bytes:
    """Return what a client may send (RFC 6455, 5.4): a message in fragments, pings between them."""
    count = rng.randint(1, 6)
    said = b""
    for place in range(count):
        opcode = rng.choice((1, 2)) if place == 0 else 0
        said += masked(rng, opcode, rng.choice((0, 1, 125, 126, 2000)), place == count - 1)
        if rng.random() < 0.5:
            said += masked(rng, rng.choice((9, 10)), rng.randint(0, 125), True)
    return said


def masked(rng: random.Random, opcode: int, size: int, is_last: bool) -> bytes:
    """Return one frame of ``size`` bytes as a client has to send it."""
    long = size > 125
    head = bytes((opcode | (0x80 if is_last else 0), 0x80 | (126 if long else size)))
    return head + (size.to_bytes(2, "big") if long else b"") + rng.randbytes(4 + size)


def _frame(rng: random.Random) -> bytes:
    """Return a frame (RFC 6455, 5.2): any opcode, masked or not, of a length that it may lack."""
    first = rng.choice((0x80, 0x00, 0xF0)) | rng.randint(0, 15)
    told = rng.choice((rng.randint(0, 125), 126, 127))
    length = {126: rng.randbytes(2), 127: rng.choice((rng.randbytes(8), bytes(8)))}.get(told, b"")
    mask = rng.choice((0x80, 0))
    return (
        bytes((first, mask | told)) + length + rng.randbytes(4 if mask else 0) + rng.randbytes(20)
    )


def _bent(rng: random.Random, data: bytes) -> bytes:
    """Return ``data`` with some bytes changed, doubled or cut off."""
    bent = bytearray(data)
    for _ in range(rng.randint(0, 5)):
        place = rng.randrange(len(bent)) if bent else 0
        kind = rng.randint(0, 2)
        if kind == 0:
            bent[place : place + 1] = rng.randbytes(1)
        elif kind == 1:
            bent[place:place] = bent[place : place + rng.randint(1, 40)]
        else:
            del bent[place : place + rng.randint(1, 40)]
    return bytes(bent)
