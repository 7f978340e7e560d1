"""One valid message of every kind that a controller may send: the seeds of the mutations."""

from __future__ import annotations

import struct

from fuzz.corpus import ALL_FIELDS
from fuzz.wire import (
    FRAME,
    IN_PORT,
    MAC,
    MATCH10,
    NICIRA,
    OF10,
    OF13,
    OUTPUT10,
    OUTPUT13,
    PROPERTIES,
    SET_FIELD,
    SHORT10,
    SHORT13,
    band,
    bucket,
    instruction,
    match13,
    message,
    table,
)

_NO_BUFFER = 0xFFFFFFFF


def flow_mod10(actions: bytes = b"") -> bytes:
    """Return a flow-mod of 1.0."""
    head = struct.pack("!QHHHHIHH", 0x4D, 0, 10, 20, 100, _NO_BUFFER, 0xFFFF, 1)
    return message(OF10, 14, MATCH10 + head + actions)


def packet_out10(actions: bytes = b"", frame: bytes = FRAME, length: int | None = None) -> bytes:
    """Return a packet-out of 1.0; ``length`` overrides that of the actions."""
    size = len(actions) if length is None else length
    return message(OF10, 13, struct.pack("!IHH", _NO_BUFFER, 1, size) + actions + frame)


def flow_mod13(instructions: bytes = b"", match: bytes = b"") -> bytes:
    """Return a flow-mod of 1.3."""
    numbers = (0x4D, 0, 0, 0, 10, 20, 100, _NO_BUFFER, _NO_BUFFER, _NO_BUFFER, 1)
    head = struct.pack("!QQBBHHHIIIH2x", *numbers)
    return message(OF13, 14, head + (match or match13(IN_PORT)) + instructions)


def packet_out13(actions: bytes = b"", frame: bytes = FRAME, length: int | None = None) -> bytes:
    """Return a packet-out of 1.3; ``length`` overrides that of the actions."""
    size = len(actions) if length is None else length
    return message(OF13, 13, struct.pack("!IIH6x", _NO_BUFFER, 1, size) + actions + frame)


def group_mod(buckets: bytes = b"") -> bytes:
    """Return a group-mod."""
    return message(OF13, 15, struct.pack("!HBxI", 0, 0, 1) + buckets)


def meter_mod(bands: bytes = b"") -> bytes:
    """Return a meter-mod."""
    return message(OF13, 29, struct.pack("!HHI", 0, 1, 1) + bands)


def request10(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Return a statistics request of 1.0."""
    return message(OF10, 16, struct.pack("!HH", kind, flags) + body)


def request13(kind: int, body: bytes = b"", flags: int = 0, xid: int = 7) -> bytes:
    """Return a multipart request of 1.3."""
    return message(OF13, 18, struct.pack("!HH4x", kind, flags) + body, xid)


FLOWS10 = MATCH10 + struct.pack("!BxH", 0xFF, 0xFFFF)
FLOWS13 = struct.pack("!B3xII4xQQ", 0xFF, _NO_BUFFER, _NO_BUFFER, 1, 2) + match13(IN_PORT)

_COMMON = (
    (1, struct.pack("!HH", 1, 1) + bytes(64)),
    (2, b"ping"),
    (3, b"pong"),
    (5, b""),
    (7, b""),
    (9, struct.pack("!HH", 0, 128)),
)
"""Type and body of what both versions have."""

CONTROLLER10 = (
    *(message(OF10, kind, body) for kind, body in _COMMON),
    message(OF10, 4, struct.pack("!I", 0x00ABCDEF) + b"data"),
    message(OF10, 4, struct.pack("!III", 0x2320, 10, 1)),
    packet_out10(OUTPUT10),
    packet_out10(b"".join(SHORT10)),
    packet_out10(b"", b""),
    flow_mod10(),
    flow_mod10(OUTPUT10),
    flow_mod10(b"".join(SHORT10)),
    flow_mod10(b"".join(NICIRA[:12])),
    flow_mod10(b"".join(NICIRA[12:])),
    message(OF10, 15, struct.pack("!H6sIII4x", 1, MAC, 1, 1, 0)),
    request10(0),
    request10(1, FLOWS10),
    request10(2, FLOWS10),
    request10(3),
    request10(4, struct.pack("!H6x", 0xFFFF)),
    request10(5, struct.pack("!H2xI", 0xFFFC, _NO_BUFFER)),
    request10(0xFFFF, struct.pack("!I", 0x00ABCDEF) + b"data"),
    message(OF10, 18),
    message(OF10, 20, struct.pack("!H2x", 1)),
)

CONTROLLER13 = (
    *(message(OF13, kind, body) for kind, body in _COMMON),
    message(OF13, 4, struct.pack("!II", 0x00ABCDEF, 1) + b"data"),
    packet_out13(OUTPUT13),
    packet_out13(SET_FIELD + b"".join(SHORT13)),
    packet_out13(b"", b""),
    flow_mod13(),
    flow_mod13(instruction(4, OUTPUT13)),
    flow_mod13(instruction(3, SET_FIELD) + struct.pack("!HHB3x", 1, 8, 5), ALL_FIELDS),
    flow_mod13(instruction(4, b"".join(NICIRA[:12]))),
    flow_mod13(instruction(4, b"".join(NICIRA[12:]))),
    flow_mod13(struct.pack("!HH4xQQ", 2, 24, 1, 2) + struct.pack("!HHI", 6, 8, 1)),
    group_mod(),
    group_mod(bucket(OUTPUT13) * 2 + bucket(SET_FIELD) + bucket()),
    message(OF13, 16, struct.pack("!I4x6s2xIII4x", 1, MAC, 1, 1, 0)),
    message(OF13, 17, struct.pack("!B3xI", 1, 0)),
    *(request13(kind) for kind in (0, 3, 7, 8, 11, 12, 13)),
    request13(1, FLOWS13),
    request13(2, FLOWS13),
    request13(4, struct.pack("!I4x", _NO_BUFFER)),
    request13(5, struct.pack("!II", _NO_BUFFER, _NO_BUFFER)),
    *(request13(kind, struct.pack("!I4x", 1)) for kind in (6, 9, 10)),
    request13(12, table(PROPERTIES) + table(b""), flags=1),
    request13(0xFFFF, struct.pack("!II", 0x00ABCDEF, 1) + b"data"),
    message(OF13, 20),
    message(OF13, 22, struct.pack("!I4x", 1)),
    message(OF13, 24, struct.pack("!I4xQ", 1, 2)),
    message(OF13, 26),
    message(OF13, 28, struct.pack("!6I", 1, 2, 3, 4, 5, 6)),
    meter_mod(),
    meter_mod(band(1) + band(2) + band(0xFFFF)),
)

FROM_CONTROLLER = {OF10: CONTROLLER10, OF13: CONTROLLER13}
