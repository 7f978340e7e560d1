"""Messages and attributes of netlink as bytes: written, and read without trust in any length."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from xen_bridge.errors import BridgeError, InvalidRequest, RequestUnsupported

HEADER = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence number, port."""
ATTRIBUTE = struct.Struct("=HH")
"""rtattr: length, type."""
TYPE_MASK = 0x3FFF
"""Without NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
MAX_ATTRIBUTE = 0xFFFF - ATTRIBUTE.size
CHUNK = 1 << 17
"""More than the kernel ever puts into one datagram (32 KiB of a dump)."""
SIZES: Mapping[int, int] = {socket.AF_INET: 4, socket.AF_INET6: 16}
"""Bytes of an address."""
UNSUPPORTED = frozenset(
    {errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL},
)
"""What a kernel says of a protocol, a family or a table that was not built into it."""
_U32 = struct.Struct("=I")
_ERROR = struct.Struct("=i")


class Request(NamedTuple):
    """What the kernel is asked: kind (RTM_…), flags (NLM_F_…) and payload.

    A tuple: a router's routes are a hundred thousand of them, made in half the time.
    """

    kind: int
    flags: int
    payload: bytes

    def pack(self, sequence: int, more_flags: int = 0) -> bytes:
        """Return the message, padded to the next one."""
        kind, flags, payload = self
        size = HEADER.size + len(payload)
        head = HEADER.pack(size, kind, flags | more_flags, sequence, 0)
        return head + payload + bytes(-size % 4) if size % 4 else head + payload


@dataclass(frozen=True, slots=True)
class NetlinkReply:
    """A message of the kernel."""

    kind: int
    flags: int
    sequence: int
    payload: bytes


def opened(seconds: float | None, protocol: int = socket.NETLINK_ROUTE) -> socket.socket:
    """Return a new socket whose reads end after ``seconds``; it is of the thread's namespace.

    Raises RequestUnsupported where the kernel has no such ``protocol`` (NETLINK_…), and
    BridgeError where it has none for this process.
    """
    try:
        connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        connection.bind((0, 0))
        connection.settimeout(seconds)
    except OSError as error:
        reason = f"no netlink here: {error.strerror}"
        if error.errno in UNSUPPORTED:
            raise RequestUnsupported(reason) from error
        raise BridgeError(reason) from error
    return connection


def receive(connection: socket.socket) -> bytes:
    """Return the next datagram of the kernel; what other processes send is passed over."""
    while True:
        data, (port, _groups) = connection.recvfrom(CHUNK)
        if port == 0:
            return data


def answers(data: bytes) -> Iterator[NetlinkReply]:
    """Yield every message of a datagram, up to the first that is none."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield NetlinkReply(kind, flags, sequence, data[at + HEADER.size : at + length])
        at += (length + 3) & ~3


def error_code(payload: bytes) -> int:
    """Return the errno of an NLMSG_ERROR, 0 if it acknowledges."""
    if len(payload) < _ERROR.size:
        return 0
    return -int(_ERROR.unpack_from(payload)[0])


def error_text(code: int) -> str:
    """Return what an errno means; the kernel's answer may have any number in it."""
    try:
        return os.strerror(code)
    except (ValueError, OverflowError):
        return f"error {code}"


# ---- attributes


def attribute(kind: int, data: bytes) -> bytes:
    """Return one attribute, padded to the next."""
    if len(data) > MAX_ATTRIBUTE:
        raise InvalidRequest(("attribute",), f"has {len(data)} bytes, at most {MAX_ATTRIBUTE} fit")
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data: bytes, at: int = 0) -> dict[int, bytes]:
    """Return the attributes of a message from ``at`` on, by type; the last of a type counts."""
    found: dict[int, bytes] = {}
    size = len(data)
    while at + 4 <= size:
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < 4 or at + length > size:
            break
        found[kind & TYPE_MASK] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


# ---- values


def u32(value: int) -> bytes:
    """Return an unsigned number of 32 bits; InvalidRequest beyond them."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise InvalidRequest(("number",), f"{value} does not fit into 32 bits")
    return _U32.pack(value)


def index(value: int) -> int:
    """Return the index of an interface; InvalidRequest unless it is one."""
    if not 0 < value <= 0x7FFFFFFF:
        raise InvalidRequest(("index",), f"{value} is no index of an interface")
    return value


def number(data: bytes | None) -> int:
    """Return a number of 32 bits, 0 where there is none."""
    return optional_number(data) or 0


def optional_number(data: bytes | None) -> int | None:
    """Return a number of 32 bits, None where there is none."""
    return None if data is None or len(data) != 4 else int(_U32.unpack(data)[0])


def text(data: bytes) -> str:
    """Return a name: any bytes but a slash, a colon and blanks may be in one."""
    return data.partition(b"\0")[0].decode(errors="replace")


def name(value: str) -> bytes:
    """Return the name of an interface with its end; InvalidRequest unless it may be one."""
    data = value.encode()
    # IFNAMSIZ is 16, with the zero at the end (dev_valid_name in net/core/dev.c).
    if not 0 < len(data) < 16 or any(byte in b"/: \t\n\0" for byte in data):
        raise InvalidRequest(("interface",), f"{value[:40]!r} is no name of an interface")
    return data + b"\0"


def address_text(family: int, data: bytes | None) -> str | None:
    """Return an address as text; None for another family, or another length than its."""
    if data is None or len(data) != SIZES.get(family):
        return None
    return socket.inet_ntop(family, data)


def address_bytes(family: int, address: str) -> bytes:
    """Return an address as bytes; InvalidRequest unless it is one of ``family``."""
    try:
        return socket.inet_pton(family, address)
    except (OSError, ValueError):
        raise InvalidRequest(
            ("address",), f"{address[:60]!r} is no address of the family"
        ) from None


def family_of(address: str) -> int:
    """Return AF_INET or AF_INET6, from the look of an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def prefix_bytes(family: int, prefix: str) -> tuple[bytes, int]:
    """Return the address and the length of ``192.0.2.0/24``; InvalidRequest unless it is one."""
    address, _, length = prefix.partition("/")
    data, most = address_bytes(family, address), 8 * SIZES[family]
    if not length.isascii() or not length.isdecimal() or int(length) > most:
        raise InvalidRequest(("prefix",), f"{prefix[:60]!r} has no length of 0 to {most}")
    return data, int(length)
