"""The messages that hang or break Ryu's parsers, built by hand; each must die at the wire guard.

The rows follow the list of reproduced hangs: element lengths of 0, or too small, that never move
a parser on. Those that we found ourselves come last.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from fuzz.wire import (
    IN_PORT,
    OF10,
    OF13,
    OUTPUT13,
    PORT13,
    SET_FIELD,
    band,
    bitmap,
    bucket,
    flow10,
    flow13,
    hello,
    instruction,
    match13,
    message,
    nicira,
    packet_in13,
    queue10,
    queue13,
    queues10,
    queues13,
    stats10,
    stats13,
    table,
    tlv,
)
from horizon_ryu.wire.guard import Reason

OF14 = 5


class Malformed(NamedTuple):
    """A message, the version of the conversation it comes in, and why it is refused."""

    name: str
    version: int
    message: bytes
    reason: Reason
    hangs: bool = True
    """Whether Ryu's parser never returns from it."""


_LENGTH, _TYPE, _VERSION, _SIZE = Reason.LENGTH, Reason.TYPE, Reason.VERSION, Reason.SIZE
_NO_FIELD = struct.pack("!HH", 25, 0) + SET_FIELD[4:]
_GROUP = struct.pack("!H2xII4xQQII", 0, 1, 1, 2, 3, 4, 5)
_METER = struct.pack("!IH6xIQQII", 1, 0, 0, 1, 2, 3, 4)


def _flow_mod(instructions: bytes) -> bytes:
    head = struct.pack("!QQBBHHHIIIH2x", 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
    return message(OF13, 14, head + match13(IN_PORT) + instructions)


def _group_desc(buckets: bytes, length: int | None = None) -> bytes:
    size = 8 + len(buckets) if length is None else length
    return stats13(7, struct.pack("!HBxI", size, 0, 1) + buckets)


HELLOS = (
    Malformed("01 hello: bitmap of length 0", OF13, hello(OF13, tlv(1, bytes(4), 0)), _LENGTH),
    Malformed("02 hello: unknown element of length 0", OF13, hello(OF13, tlv(9, bytes(4), 0)),
              _LENGTH),
)  # fmt: skip

ROWS = (
    Malformed("03 flow stats: entry of length 0", OF13, stats13(1, flow13(length=0)), _LENGTH),
    Malformed("04 flow stats: apply-actions of length 0", OF13,
              stats13(1, flow13(instruction(4, OUTPUT13, 0))), _LENGTH),
    Malformed("05 flow-mod: apply-actions of length 0", OF13,
              _flow_mod(instruction(4, OUTPUT13, 0)), _TYPE),
    Malformed("06 flow stats: set-field of length 0", OF13,
              stats13(1, flow13(instruction(4, _NO_FIELD))), _LENGTH),
    Malformed("07 flow-mod: set-field of length 0", OF13, _flow_mod(instruction(4, _NO_FIELD)),
              _TYPE),
    Malformed("08 group desc: set-field of length 0", OF13, _group_desc(bucket(_NO_FIELD)),
              _LENGTH),
    Malformed("09 group desc: entry of length 0", OF13, _group_desc(bucket(), 0), _LENGTH),
    Malformed("10 group desc: bucket of length 0", OF13, _group_desc(bucket(length=0)), _LENGTH),
    Malformed("11 group stats: entry of length 0", OF13, stats13(6, _GROUP), _LENGTH),
    Malformed("12 meter stats: entry of length 0", OF13, stats13(9, _METER), _LENGTH),
    Malformed("13 meter config: entry of length 0", OF13,
              stats13(10, struct.pack("!HHI", 0, 1, 1)), _LENGTH),
    Malformed("14 table features: entry of length 0", OF13, stats13(12, table(b"", 0)), _LENGTH),
    Malformed("15 table features: instruction id of length 0", OF13,
              stats13(12, table(tlv(0, tlv(1, length=0)))), _LENGTH),
    Malformed("16 table features: action id of length 0", OF13,
              stats13(12, table(tlv(4, tlv(0, length=0)))), _LENGTH),
    Malformed("17 queues: queue of length 0", OF13, queues13(queue13(b"", 0)), _LENGTH),
    Malformed("18 queues: property of length 0", OF13,
              queues13(queue13(struct.pack("!HH4xH6x", 1, 0, 5))), _LENGTH),
    Malformed("19 flow stats: entry of length 0", OF10, stats10(1, flow10(length=0)), _LENGTH),
    Malformed("20 queues: queue of length 0", OF10, queues10(queue10(b"", 0)), _LENGTH),
    Malformed("21 port desc: entry of length 0", OF13,
              message(OF14, 19, struct.pack("!HH4x", 13, 0) + bytes(72)), _VERSION),
    Malformed("22 port stats: entry of length 0", OF13,
              message(OF14, 19, struct.pack("!HH4x", 4, 0) + bytes(80)), _VERSION),
    Malformed("23 table desc: entry of length 0", OF13,
              message(OF14, 19, struct.pack("!HH4x", 14, 0) + bytes(8)), _VERSION),
    Malformed("24 table features: property of length 0", OF13,
              stats13(12, table(tlv(0, bytes(4), 0))), _LENGTH),
    Malformed("26 flow-mod: goto-table of length 0", OF13,
              _flow_mod(tlv(1, bytes(4), 0)), _TYPE, False),
    Malformed("flow stats: goto-table of length 0", OF13,
              stats13(1, flow13(tlv(1, bytes(4), 0))), _LENGTH, False),
    Malformed("match field of length 0", OF13,
              packet_in13(match=match13(struct.pack("!I", 0x80000000) + bytes(4))), _LENGTH,
              False),
    Malformed("packet-in: match of length 0", OF13,
              packet_in13(match=match13(IN_PORT, length=0)), _LENGTH, False),
    Malformed("packet-in: match of length 65535", OF13,
              packet_in13(match=match13(IN_PORT, length=65535)), _LENGTH, False),
    Malformed("short experimenter message", OF13, message(OF13, 4, bytes(4)), _SIZE, False),
    Malformed("unknown multipart type", OF13, stats13(99, bytes(8)), Reason.KIND, False),
    Malformed("meter config: band of length 0", OF13,
              stats13(10, struct.pack("!HHI", 24, 1, 1) + band(1, 0)), _LENGTH, False),
    Malformed("truncated packet-in", OF13, message(OF13, 10, bytes(8)), _SIZE, False),
    Malformed("truncated packet-in", OF10, message(OF10, 10, bytes(8)), _SIZE, False),
    Malformed("truncated port status", OF13, message(OF13, 12, bytes(8)), _SIZE, False),
    Malformed("truncated port description", OF13, stats13(13, PORT13[:40]), _LENGTH, False),
    Malformed("Nicira controller action: user data of length 0", OF13,
              stats13(1, flow13(instruction(4, nicira(37, bytes(6) + tlv(3, bytes(4), 0))))),
              _LENGTH),
    Malformed("Nicira controller action: a property hidden in another", OF13,
              stats13(1, flow13(instruction(4, nicira(37, bytes(6)
                      + tlv(0, bytes(4) + tlv(3, bytes(4), 0)))))), _LENGTH),
)  # fmt: skip

UNLISTED_QUEUE_PROPERTY = queues13(queue13(struct.pack("!HH4x8x", 77, 16)))
"""Row 25 hangs os-ken only. It is well formed: a property that 1.3 does not name."""

LONG_HELLO = hello(OF13, struct.pack("!HHII4x", 1, 12, 1 << 1 | 1 << 4, 0))
"""Well formed, two bitmaps and padding, and Ryu never returns from it: it skips no padding."""

UNALIGNED_CONTROLLER = stats10(
    1,
    flow10(
        nicira(
            37, bytes(6) + bytes.fromhex("0000000800640000 00000000 0001000800030000" + "00" * 12)
        )
    ),
)
"""What Open vSwitch 3.1 says on 1.0 of ``actions=controller(max_len=100,id=3)``: the second
property is aligned in the message and not in the action, and Ryu reads a length of 0."""

__all__ = [
    "HELLOS",
    "LONG_HELLO",
    "ROWS",
    "UNALIGNED_CONTROLLER",
    "UNLISTED_QUEUE_PROPERTY",
    "Malformed",
    "bitmap",
]
