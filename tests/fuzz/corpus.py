"""One valid message of every kind that a switch may send: the seeds of the mutations."""

from __future__ import annotations

import struct

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
    PORT10,
    PORT13,
    PROPERTIES,
    SET_FIELD,
    SHORT10,
    SHORT13,
    band,
    bitmap,
    bucket,
    features10,
    features13,
    flow10,
    flow13,
    hello,
    instruction,
    match13,
    message,
    oxm,
    packet_in10,
    packet_in13,
    queue10,
    queue13,
    queues10,
    queues13,
    rate,
    stats10,
    stats13,
    table,
)

ALL_FIELDS = match13(
    IN_PORT,
    oxm(3, MAC, b"\xff" * 6),
    oxm(5, b"\x86\xdd"),
    oxm(10, b"\x3a"),
    oxm(26, bytes(16), b"\xff" * 16),
    oxm(38, bytes(8)),
    oxm(16, bytes(8), oxm_class=1),
    oxm(42, struct.pack("!IH", 0x4F4E4600, 2), oxm_class=0xFFFF),
    oxm(50, bytes(3)),
)

_GOTO = struct.pack("!HHB3x", 1, 8, 5)

HELLOS = (
    hello(OF10),
    hello(OF13),
    hello(OF13, bitmap(1, 4)),
    hello(6, bitmap(1, 3, 4, 5, 6)),
    hello(5),
    hello(OF13, bitmap(1, 4) + struct.pack("!HH4x", 9, 8)),
)

VALID10 = (
    message(OF10, 1, struct.pack("!HH", 1, 1) + bytes(64)),
    message(OF10, 2, b"ping"),
    message(OF10, 3, b"pong"),
    message(OF10, 4, struct.pack("!I", 0x00ABCDEF) + b"data"),
    message(OF10, 4, struct.pack("!III", 0x2320, 11, 1)),
    message(OF10, 4, struct.pack("!IIIHBBQH6x", 0x2320, 17, 1, 60, 0, 0, 0, 6)
            + oxm(0, b"\0\3", oxm_class=0) + bytes(2) + bytes(2) + FRAME),
    features10(),
    message(OF10, 8, struct.pack("!HH", 0, 128)),
    packet_in10(),
    packet_in10(b""),
    message(OF10, 11, MATCH10 + struct.pack("!QHBxIIH2xQQ", 1, 2, 0, 3, 4, 5, 6, 7)),
    message(OF10, 12, struct.pack("!B7x", 2) + PORT10),
    stats10(0, bytes(1056)),
    stats10(1, b""),
    stats10(1, flow10(OUTPUT10) + flow10(b"".join(SHORT10)) + flow10(), flags=1),
    stats10(1, flow10(b"".join(NICIRA[:12])) + flow10(b"".join(NICIRA[12:]))),
    stats10(2, bytes(24)),
    stats10(3, bytes(64) * 2),
    stats10(4, bytes(104) * 3),
    stats10(5, bytes(32) * 2),
    stats10(0xFFFF, struct.pack("!I", 0x00ABCDEF) + b"data"),
    stats10(0xFFFF, struct.pack("!II4x", 0x2320, 0)
            + struct.pack("!HBxIIHHHHHHQQQ", 64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
            + oxm(0, b"\0\3", oxm_class=0) + bytes(2) + OUTPUT10),
    stats10(0xFFFF, struct.pack("!II4x", 0x2320, 1) + bytes(24)),
    message(OF10, 19),
    queues10(queue10(rate(1)) + queue10(struct.pack("!HH4x", 0, 8))),
)  # fmt: skip

VALID13 = (
    message(OF13, 1, struct.pack("!HH", 1, 1) + bytes(64)),
    message(OF13, 1, struct.pack("!HHI", 0xFFFF, 1, 0x4F4E4600)),
    message(OF13, 2, b"ping"),
    message(OF13, 3, b"pong"),
    message(OF13, 4, struct.pack("!II", 0x00ABCDEF, 1) + b"data"),
    message(OF13, 4, struct.pack("!IIIHH", 0x4F4E4600, 2300, 1, 1, 0)),
    features13(),
    message(OF13, 8, struct.pack("!HH", 0, 128)),
    packet_in13(),
    packet_in13(b"", ALL_FIELDS),
    message(OF13, 11, struct.pack("!QHBBIIHHQQ", 1, 2, 0, 0, 3, 4, 5, 6, 7, 8) + ALL_FIELDS),
    message(OF13, 12, struct.pack("!B7x", 2) + PORT13),
    stats13(0, bytes(1056)),
    stats13(1, b""),
    stats13(1, flow13() + flow13(instruction(4, OUTPUT13)), flags=1),
    stats13(1, flow13(instruction(3, SET_FIELD + b"".join(SHORT13)) + _GOTO)),
    stats13(1, flow13(instruction(4, b"".join(NICIRA[:12])), ALL_FIELDS)
            + flow13(struct.pack("!HH4xQQ", 2, 24, 1, 2) + struct.pack("!HHI", 6, 8, 1))),
    stats13(1, flow13(instruction(4, b"".join(NICIRA[12:])))),
    stats13(2, bytes(24)),
    stats13(3, bytes(24) * 2),
    stats13(4, bytes(112) * 3),
    stats13(5, bytes(40) * 2),
    stats13(6, struct.pack("!H2xII4xQQII", 72, 1, 1, 2, 3, 4, 5) + bytes(32)),
    stats13(7, struct.pack("!HBxI", 8 + 2 * 32, 0, 1) + bucket(OUTPUT13) * 2),
    stats13(7, struct.pack("!HBxI", 8 + 32, 0, 1) + bucket(SET_FIELD)),
    stats13(8, bytes(40)),
    stats13(9, struct.pack("!IH6xIQQII", 1, 56, 0, 1, 2, 3, 4) + bytes(16)),
    stats13(10, struct.pack("!HHI", 40, 1, 1) + band(1) + band(2)),
    stats13(10, struct.pack("!HHI", 24, 1, 1) + band(0xFFFF)),
    stats13(11, bytes(16)),
    stats13(12, table(PROPERTIES) + table(b"")),
    stats13(13, PORT13 * 3),
    stats13(0xFFFF, struct.pack("!II", 0x00ABCDEF, 1) + bytes(8)),
    message(OF13, 21),
    queues13(queue13(rate(1) + rate(2)) + queue13(struct.pack("!HH4xI4x", 0xFFFF, 16, 5))),
    message(OF13, 25, struct.pack("!I4xQ", 1, 2)),
    message(OF13, 27, bytes(24)),
)  # fmt: skip

VALID = {OF10: VALID10, OF13: VALID13}
