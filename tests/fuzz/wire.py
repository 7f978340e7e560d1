"""OpenFlow by hand: the bytes of messages that a switch sends, valid ones, for both versions."""

from __future__ import annotations

import struct

OF10, OF13 = 1, 4
XID = 7
"""The transaction id of every message here: tests ask with it before they feed an answer."""

MAC = bytes.fromhex("020000000001")
FRAME = bytes.fromhex("ffffffffffff") + MAC + b"\x08\x06" + bytes(46)
DPID = 0x00000000_000000D1


def message(version: int, kind: int, body: bytes = b"", xid: int = XID) -> bytes:
    """Return a whole message."""
    return struct.pack("!BBHI", version, kind, 8 + len(body), xid) + body


def padded(data: bytes) -> bytes:
    """Return ``data`` with zeros up to a multiple of 8."""
    return data + bytes(-len(data) % 8)


def tlv(kind: int, body: bytes = b"", length: int | None = None) -> bytes:
    """Return type, length, body; ``length`` overrides the true length."""
    return struct.pack("!HH", kind, 4 + len(body) if length is None else length) + body


def oxm(field: int, value: bytes, mask: bytes = b"", oxm_class: int = 0x8000) -> bytes:
    """Return a match field."""
    header = oxm_class << 16 | field << 9 | bool(mask) << 8 | len(value + mask)
    return struct.pack("!I", header) + value + mask


def match13(*fields: bytes, length: int | None = None) -> bytes:
    """Return a padded match of OpenFlow 1.3."""
    return padded(tlv(1, b"".join(fields), length))


IN_PORT = oxm(0, struct.pack("!I", 3))
MATCH10 = struct.pack("!IH6s6sHBxHBB2xIIHH", 0x3820FF, 1, MAC, MAC, 10, 0, 0x800, 0, 6, 1, 2, 3, 4)
PORT10 = struct.pack("!H6s16s6I", 3, MAC, b"s1-eth3", 0, 0, 0x40, 0, 0, 0)
PORT13 = struct.pack("!I4x6s2x16s8I", 3, MAC, b"s1-eth3", 0, 0, 0x40, 0, 0, 0, 10_000_000, 0)

OUTPUT10 = struct.pack("!HHHH", 0, 8, 2, 0xFFFF)
OUTPUT13 = struct.pack("!HHIH6x", 0, 16, 2, 0xFFFF)
SHORT10 = (
    tlv(1, struct.pack("!H2x", 10)),
    tlv(2, b"\x05\0\0\0"),
    tlv(3, bytes(4)),
    tlv(4, MAC + bytes(6)),
    tlv(5, MAC + bytes(6)),
    tlv(6, bytes([10, 0, 0, 1])),
    tlv(7, bytes([10, 0, 0, 2])),
    tlv(8, b"\x20\0\0\0"),
    tlv(9, struct.pack("!H2x", 80)),
    tlv(10, struct.pack("!H2x", 81)),
    tlv(11, struct.pack("!H6xI", 2, 1)),
)
SET_FIELD = padded(struct.pack("!HH", 25, 16) + oxm(3, MAC))
SHORT13 = (
    tuple(tlv(kind, bytes(4)) for kind in (11, 12, 16, 18, 20, 24, 27))
    + tuple(tlv(kind, struct.pack("!I", 1)) for kind in (15, 21, 22, 23))
    + tuple(tlv(kind, struct.pack("!H2x", 0x8100)) for kind in (17, 19, 26))
)


def nicira(subtype: int, body: bytes) -> bytes:
    """Return a Nicira action, padded to 8 bytes."""
    size = (10 + len(body) + 7) // 8 * 8
    return struct.pack("!HHIH", 0xFFFF, size, 0x2320, subtype) + body.ljust(size - 10, b"\0")


REG0 = struct.pack("!I", 0x00010004)
NICIRA = (
    nicira(1, struct.pack("!H4x", 2)),
    nicira(2, struct.pack("!2xI", 9)),
    nicira(4, struct.pack("!2xI", 1)),
    nicira(5, bytes(6)),
    nicira(6, struct.pack("!HHH", 16, 0, 0) + REG0 + REG0),
    nicira(7, struct.pack("!H4sQ", 31, REG0, 5)),
    nicira(8, b"notice"),
    nicira(9, struct.pack("!6xQ", 9)),
    nicira(10, struct.pack("!HH2xHHI2xH4s", 0, 0, 0, 4, 0, 31, REG0)),
    nicira(12, struct.pack("!HHHIHHI4x", 0, 0, 0, 2, 2, 0, 0) + struct.pack("!HH", 1, 2)),
    nicira(14, struct.pack("!HB3x", 2, 1)),
    nicira(15, struct.pack("!H4sH6x", 31, REG0, 128)),
    nicira(16, struct.pack("!HHHQHBxHH", 10, 20, 100, 5, 0, 1, 0, 0)
           + struct.pack("!HIHIH", 0x0010, 0x00000002 << 0, 0, 0x00000002, 0)),
    nicira(17, bytes(6)),
    nicira(18, bytes(6)),
    nicira(19, struct.pack("!HH2x", 5, 10)),
    nicira(20, struct.pack("!HHBx", 128, 1, 0)),
    nicira(21, struct.pack("!H4xHH", 2, 1, 2)),
    nicira(27, struct.pack("!H4sH", 0, REG0, 32)),
    nicira(29, struct.pack("!HIII", 100, 1, 2, 3)),
    nicira(33, oxm(3, MAC)),
    nicira(34, struct.pack("!BBI", 0, 2, 7)),
    nicira(35, struct.pack("!H4sHB3xH", 1, bytes(4), 1, 255, 0)
           + nicira(7, struct.pack("!H4sQ", 31, REG0, 5))),
    nicira(36, struct.pack("!2xHH", 1, 1) + bytes([10, 0, 0, 1])),
    nicira(37, bytes(6) + tlv(0, struct.pack("!H2x", 128), 8) + padded(tlv(3, b"hello"))
           + padded(tlv(4))),
    nicira(38, struct.pack("!HIIIH6x", 100, 1, 2, 3, 4)),
    nicira(39, struct.pack("!HI", 2, 100)),
    nicira(43, bytes(6)),
)  # fmt: skip


def instruction(kind: int, actions: bytes, length: int | None = None) -> bytes:
    """Return a write- or apply-actions instruction."""
    return tlv(kind, bytes(4) + actions, length)


def flow13(instructions: bytes = b"", match: bytes = b"", length: int | None = None) -> bytes:
    """Return an entry of a flow statistics reply of 1.3."""
    rest = (match or match13(IN_PORT)) + instructions
    size = 48 + len(rest) if length is None else length
    return struct.pack("!HBxIIHHHH4xQQQ", size, 0, 5, 0, 100, 10, 20, 1, 0x4D, 8, 9) + rest


def flow10(actions: bytes = b"", length: int | None = None) -> bytes:
    """Return an entry of a flow statistics reply of 1.0."""
    size = 88 + len(actions) if length is None else length
    head = struct.pack("!HBx", size, 0) + MATCH10
    return head + struct.pack("!IIHHH6xQQQ", 5, 0, 100, 10, 20, 0x4D, 8, 9) + actions


def bucket(actions: bytes = b"", length: int | None = None) -> bytes:
    """Return a bucket of a group."""
    size = 16 + len(actions) if length is None else length
    return struct.pack("!HHII4x", size, 1, 2, 0xFFFFFFFF) + actions


def stats10(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a statistics reply of 1.0."""
    return message(OF10, 17, struct.pack("!HH", kind, flags) + body)


def stats13(kind: int, body: bytes, flags: int = 0) -> bytes:
    """Return a multipart reply of 1.3."""
    return message(OF13, 19, struct.pack("!HH4x", kind, flags) + body)


def ask(version: int, kind: int, xid: int = XID) -> bytes:
    """Return the request to which a statistics reply of ``kind`` is the answer."""
    if version == OF10:
        return message(OF10, 16, struct.pack("!HH", kind, 0), xid)
    return message(OF13, 18, struct.pack("!HH4x", kind, 0), xid)


def features_request(version: int) -> bytes:
    """Return the request to which a features reply is the answer."""
    return message(version, 5)


def features10(dpid: int = DPID) -> bytes:
    """Return a features reply with two ports."""
    return message(OF10, 6, struct.pack("!QIB3xII", dpid, 256, 1, 0xC7, 0xFFF) + PORT10 * 2)


def features13(dpid: int = DPID, auxiliary: int = 0) -> bytes:
    """Return a features reply; ``auxiliary`` other than 0 is not a main connection."""
    return message(OF13, 6, struct.pack("!QIBB2xII", dpid, 256, 254, auxiliary, 0x4F, 0))


def packet_in10(frame: bytes = FRAME, in_port: int = 3) -> bytes:
    """Return an unbuffered packet-in."""
    return message(OF10, 10, struct.pack("!IHHBx", 0xFFFFFFFF, len(frame), in_port, 0) + frame)


def packet_in13(frame: bytes = FRAME, match: bytes = b"") -> bytes:
    """Return an unbuffered packet-in."""
    head = struct.pack("!IHBBQ", 0xFFFFFFFF, len(frame), 0, 0, 0x4D)
    return message(OF13, 10, head + (match or match13(IN_PORT)) + bytes(2) + frame)


def queue10(properties: bytes, length: int | None = None) -> bytes:
    """Return a queue of 1.0."""
    return struct.pack("!IH2x", 1, 8 + len(properties) if length is None else length) + properties


def queue13(properties: bytes, length: int | None = None) -> bytes:
    """Return a queue of 1.3."""
    size = 16 + len(properties) if length is None else length
    return struct.pack("!IIH6x", 1, 3, size) + properties


def queues10(body: bytes) -> bytes:
    """Return a queue configuration reply of 1.0."""
    return message(OF10, 21, struct.pack("!H6x", 3) + body)


def queues13(body: bytes) -> bytes:
    """Return a queue configuration reply of 1.3."""
    return message(OF13, 23, struct.pack("!I4x", 3) + body)


def rate(kind: int, length: int = 16) -> bytes:
    """Return a minimum (1) or maximum (2) rate of a queue."""
    return struct.pack("!HH4xH6x", kind, length, 500)


def band(kind: int, length: int = 16) -> bytes:
    """Return a meter band."""
    return struct.pack("!HHIII", kind, length, 1000, 100, 0)


def table(properties: bytes, length: int | None = None) -> bytes:
    """Return an entry of a table features reply."""
    size = 64 + len(properties) if length is None else length
    head = struct.pack("!HB5x32sQQII", size, 0, b"classifier", 0, 0, 0, 1000)
    return head + properties


PROPERTIES = b"".join(
    padded(prop)
    for prop in (
        tlv(0, tlv(1) + tlv(4)),
        tlv(1, tlv(1)),
        tlv(2, bytes([1, 2, 3])),
        tlv(4, tlv(0) + tlv(22)),
        tlv(6, tlv(0)),
        tlv(8, struct.pack("!II", 0x80000004, 0x80000706)),
        tlv(10, struct.pack("!III", 0x80000004, 0xFFFF0008, 0x4F4E4600)),
        tlv(12, struct.pack("!I", 0x80000706)),
        tlv(0xFFFE, struct.pack("!III", 1, 2, 3)),
    )
)


def hello(version: int, elements: bytes = b"") -> bytes:
    """Return a Hello."""
    return message(version, 0, elements)


def bitmap(*versions: int) -> bytes:
    """Return the hello element of the versions offered."""
    return tlv(1, struct.pack("!I", sum(1 << version for version in versions)))
