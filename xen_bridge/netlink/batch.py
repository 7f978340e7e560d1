"""Batches of changes: many in one datagram, each acknowledged or refused by its index."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from xen_bridge.netlink import wire
from xen_bridge.netlink.constants import (
    NETLINK_CAP_ACK,
    NETLINK_EXT_ACK,
    NLM_F_ACK,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    NLMSGERR_ATTR_MSG,
    SO_RCVBUFFORCE,
    SOL_NETLINK,
)
from xen_bridge.netlink.wire import HEADER, NetlinkReply, Request

MAX_MESSAGES = 500
"""In one datagram; the kernel answers all of them before it returns from the call."""
MAX_BYTES = 64 * 1024
RECEIVE_BUFFER = 4 << 20
"""Bytes: a refusal takes some 800 of it, whatever its own length."""
SECONDS = 5.0
"""For the acknowledgement of one datagram."""
_ASKED = NLM_F_REQUEST | NLM_F_ACK


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that was not made: its index, an errno, and the kernel's reason.

    ETIMEDOUT or ENOBUFS say that the acknowledgement is missing: it may have been made.
    """

    index: int
    code: int
    reason: str


def write(changes: Sequence[Request], each: bool = True) -> tuple[Refusal, ...]:
    """Make ``changes`` in their order, in the namespace of this thread; return what was refused.

    A refused change does not keep those behind it from being made. Unless ``each`` is to be
    acknowledged, one answer stands for all of a datagram that are not refused: twice as fast.
    Raises BridgeError where there is no netlink.
    """
    refused: list[Refusal] = []
    if not changes:
        return ()
    connection = wire.opened(SECONDS)
    try:
        _prepare(connection)
        for first, packed in _datagrams(changes):
            refused += _exchange(connection, first, packed, each)
    finally:
        connection.close()
    return tuple(refused)


def _prepare(connection: socket.socket) -> None:
    connection.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    connection.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
    enlarge(connection, RECEIVE_BUFFER)


def enlarge(connection: socket.socket, size: int) -> None:
    """Let ``size`` bytes wait to be read, or as many as this process may have."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def _datagrams(changes: Sequence[Request]) -> Iterator[tuple[int, list[Request]]]:
    """Yield the index of the first change of each datagram, and its changes."""
    first, size, packed = 0, 0, list[Request]()
    for index, change in enumerate(changes):
        length = HEADER.size + len(change.payload) + 3
        if packed and (len(packed) >= MAX_MESSAGES or size + length > MAX_BYTES):
            yield first, packed
            first, size, packed = index, 0, []
        packed.append(change)
        size += length
    yield first, packed


def _exchange(
    connection: socket.socket, first: int, changes: list[Request], each: bool
) -> list[Refusal]:
    """Send one datagram; return what was refused of it, with the indices of the whole."""
    start = int.from_bytes(os.urandom(3), "little")
    waiting = dict.fromkeys(range(len(changes)))
    # What is refused is told unasked, and the last is made when all others have been.
    asked = set(waiting) if each else {len(changes) - 1}
    refused: list[Refusal] = []
    try:
        connection.send(
            b"".join(
                one.pack(start + place, _ASKED if place in asked else NLM_F_REQUEST)
                for place, one in enumerate(changes)
            )
        )
        while asked:
            for answer in wire.answers(wire.receive(connection)):
                place = answer.sequence - start
                if not _is_error(answer) or place not in waiting:
                    continue
                del waiting[place]
                asked.discard(place)
                if code := wire.error_code(answer.payload):
                    refused.append(Refusal(first + place, code, _reason(answer, code)))
    except OSError as error:
        refused += _unacknowledged([first + place for place in waiting], error)
    return sorted(refused, key=lambda one: one.index)


def _is_error(answer: NetlinkReply) -> bool:
    return answer.kind == NLMSG_ERROR


def _unacknowledged(indices: Iterable[int], error: OSError) -> Iterator[Refusal]:
    code = error.errno or errno.ETIMEDOUT
    for index in indices:
        yield Refusal(index, code, f"not acknowledged: {wire.error_text(code)}")


def _reason(answer: NetlinkReply, code: int) -> str:
    """Return the kernel's own words, where it has some, behind the errno's."""
    text = wire.error_text(code)
    if not answer.flags & NLM_F_ACK_TLVS:
        return text
    at = 4 + HEADER.size
    if not answer.flags & NLM_F_CAPPED and len(answer.payload) >= at:
        (length,) = struct.unpack_from("=I", answer.payload, 4)
        at += (max(length - HEADER.size, 0) + 3) & ~3
    words = wire.text(wire.attributes(answer.payload, at).get(NLMSGERR_ATTR_MSG, b""))
    return f"{text}: {words[:200]}" if words else text
