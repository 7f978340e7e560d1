"""Echo requests to many addresses at once, and when their replies came (RFC 792, RFC 4443).

One socket per family serves all addresses. icmplib opens the sockets and sends; replies are
taken here, with the time at which the kernel got them: icmplib reads the clock when its turn
comes, and with ten neighbors probed at once that is a hundred times the round-trip time of a
local network.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import icmplib

from xen_bridge.errors import RequestUnsupported

SO_TIMESTAMPNS = 35
"""Of linux/socket.h; the socket module does not name it."""
_TIMESPEC = struct.Struct("@ll")
_HEADER = struct.Struct("!BBHHH")
"""Type, code, checksum, identifier, sequence number."""
ECHO_REPLY, ECHO_REPLY_6 = 0, 129
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
PAYLOAD = 56
"""Bytes, as ping sends."""
TOKEN = 12
RECEIVE_BUFFER = 1 << 20
READ_AT_ONCE = 256
SET_SECONDS = 0.05
"""By which the wall clock and the monotonic one part only when the former is set."""


@dataclass(slots=True)
class EchoHeard:
    """The probes to one address: ``rtts`` in milliseconds, the times of sending not yet answered.

    ``began`` and ``ended`` (last reply, or last request while there is none) are of the wall clock
    as it went when they were first probed: setting it meanwhile changes none of these.
    """

    transmitted: int = 0
    rtts: list[float] = field(default_factory=list)
    began: float = 0.0
    ended: float = 0.0
    waiting: dict[int, float] = field(default_factory=dict)


class EchoProbe:
    """Probes unicast IPv4 and IPv6 addresses, given as texts without a zone, round after round."""

    def __init__(self) -> None:
        self.heard: dict[str, EchoHeard] = {}
        self._sockets: dict[bool, icmplib.ICMPSocket] = {}
        self._id = int.from_bytes(os.urandom(2), "big")
        self._token = b""
        self._ahead = _wall_ahead()

    def begin(self, addresses: Sequence[str]) -> bool:
        """Forget what was heard, and probe ``addresses`` from now on.

        Returns whether a socket was opened: the kernel begins to keep times some moments later.
        Raises RequestUnsupported if this process may not, or the machine has no such family.
        """
        self.heard = {address: EchoHeard() for address in addresses}
        self._ahead = _wall_ahead()
        # Tells our replies from those to others, and to earlier rounds.
        self._token = os.urandom(TOKEN)
        missing = {":" in address for address in addresses} - self._sockets.keys()
        for is_v6 in missing:
            self._sockets[is_v6] = _opened(is_v6)
        return bool(missing)

    def send(self, sequence: int) -> None:
        """Send one request to each; one that the kernel refuses (no route) is lost."""
        for address, heard in self.heard.items():
            request = icmplib.ICMPRequest(
                address, self._id, sequence, payload=self._token.ljust(PAYLOAD, b"\0")
            )
            heard.transmitted += 1
            try:
                self._sockets[":" in address].send(request)
                heard.waiting[sequence] = self._as_begun(request.time)
            except icmplib.ICMPLibError:
                pass
            heard.ended = self._as_begun(request.time or time.time())
            heard.began = heard.began or heard.ended

    @property
    def waiting(self) -> bool:
        """Whether a reply is missing."""
        return any(heard.waiting for heard in self.heard.values())

    def collect(self, seconds: float) -> None:
        """Read replies until none is missing, ``seconds`` at most."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for is_v6, icmp in self._sockets.items():
                selector.register(icmp.sock, selectors.EVENT_READ, is_v6)
            while self.waiting:
                left = end - time.monotonic()
                for key, _ in selector.select(max(left, 0)):
                    self._read(self._sockets[key.data], key.data)
                if left <= 0:
                    return

    def _read(self, icmp: icmplib.ICMPSocket, is_v6: bool) -> None:
        """Take what has come, but not for ever: more may come all the time."""
        for _ in range(READ_AT_ONCE):
            try:
                data, extra, _, source = icmp.sock.recvmsg(512, 128, socket.MSG_DONTWAIT)
            except OSError:
                # Nothing more, or what the network said of an earlier request.
                return
            if not is_v6 and icmp.is_privileged:
                data = data[(data[0] & 0xF) * 4 :] if data else b""
            self._take(source[0], data, self._as_begun(_received_at(extra)))

    def _take(self, source: str, data: bytes, at: float) -> None:
        heard = self.heard.get(source)
        if heard is None or len(data) < _HEADER.size + TOKEN:
            return
        kind, _, _, _, sequence = _HEADER.unpack_from(data)
        wanted = ECHO_REPLY_6 if ":" in source else ECHO_REPLY
        if kind != wanted or data[_HEADER.size : _HEADER.size + TOKEN] != self._token:
            return
        sent = heard.waiting.pop(sequence, None)
        if sent is not None:
            # The wall clock may have been set back meanwhile.
            heard.rtts.append(max(at - sent, 0.0) * 1000)
            heard.ended = max(heard.ended, at)

    def _as_begun(self, at: float) -> float:
        """Return what a time of the wall clock is on that clock as it went at the beginning.

        It may have been set since, before that time or after it.
        """
        shift = _wall_ahead() - self._ahead
        if abs(shift) < SET_SECONDS:
            return at
        now = time.monotonic() + self._ahead
        return max((one for one in (at, at - shift) if one <= now), default=now)

    def close(self) -> None:
        """Close the sockets."""
        for icmp in self._sockets.values():
            icmp.close()


def _wall_ahead() -> float:
    """Return by how much the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()


def _received_at(extra: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def _opened(is_v6: bool) -> icmplib.ICMPSocket:
    """Return a raw socket, or, without the right to one, what unprivileged users may have."""
    for privileged in (True, False):
        try:
            made = (icmplib.ICMPv6Socket if is_v6 else icmplib.ICMPv4Socket)(privileged=privileged)
        except icmplib.SocketPermissionError:
            continue
        except icmplib.ICMPSocketError as error:
            family = "IPv6" if is_v6 else "IPv4"
            raise RequestUnsupported(f"latency: no {family} here: {error}") from error
        _prepare(made.sock, is_v6, privileged)
        return made
    raise RequestUnsupported(
        "latency: no right to send ICMP: needs root, CAP_NET_RAW or net.ipv4.ping_group_range"
    )


def _prepare(made: socket.socket, is_v6: bool, privileged: bool) -> None:
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if privileged and is_v6:
        blocked = bytearray(b"\xff" * 32)
        word = ECHO_REPLY_6 >> 5
        kept = ~(1 << (ECHO_REPLY_6 & 31)) & 0xFFFFFFFF
        blocked[word * 4 : word * 4 + 4] = struct.pack("=I", kept)
        made.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(blocked))
    elif privileged:
        blocked_types = ~(1 << ECHO_REPLY) & 0xFFFFFFFF
        made.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", blocked_types))
