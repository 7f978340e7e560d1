"""A controller of OpenFlow 1.0 for benches: it answers each packet-in with one flow-mod.

``slicing_tenant.py PORT...`` listens on each port and prints ``ready``; with ``flood:RATE`` as a
word it sends, besides, so many flow-mods a second to every switch that it knows.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys
import time

HEAD = struct.Struct("!BBHI")
HELLO, ECHO_REQUEST, ECHO_REPLY, FEATURES_REQUEST, FEATURES_REPLY = 0, 2, 3, 5, 6
PACKET_IN, FLOW_MOD = 10, 14
_WILDCARDS = 0x3820FF & ~0b1101
"""All but the port it came in at, and both Ethernet addresses."""
_TAIL = struct.pack("!QHHHHIHH", 7, 0, 0, 0, 100, 0xFFFFFFFF, 0xFFFF, 0)
_ACTION = struct.pack("!HHHH", 0, 8, 1, 0)
_FLOW_MOD = HEAD.pack(1, FLOW_MOD, 80, 9) + _WILDCARDS.to_bytes(4, "big")
_NO_MORE = bytes(22)


def flow_mod(in_port: bytes, frame: bytes) -> bytes:
    """Return the flow-mod for frames like this one."""
    return _FLOW_MOD + in_port + frame[6:12] + frame[:6] + _NO_MORE + _TAIL + _ACTION


class Conversation:
    """One switch."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.is_known = False
        self._rest = b""
        connection.sendall(HEAD.pack(1, HELLO, 8, 1))

    def take(self) -> bool:
        """Read what there is and answer it; False at the end."""
        data = self.connection.recv(1 << 18)
        if not data:
            return False
        data = self._rest + data
        at, answers = 0, []
        while len(data) - at >= HEAD.size:
            _, kind, size, xid = HEAD.unpack_from(data, at)
            if len(data) - at < size:
                break
            if kind == PACKET_IN:
                answers.append(flow_mod(data[at + 14 : at + 16], data[at + 18 : at + 30]))
            elif kind == HELLO:
                answers.append(HEAD.pack(1, FEATURES_REQUEST, 8, 2))
            elif kind == ECHO_REQUEST:
                answers.append(HEAD.pack(1, ECHO_REPLY, size, xid) + data[at + 8 : at + size])
            elif kind == FEATURES_REPLY:
                self.is_known = True
            at += size
        self._rest = data[at:]
        if answers:
            self.connection.sendall(b"".join(answers))
        return True


def serve(ports: list[int], flood: int) -> None:
    """Serve until the process is ended."""
    selector = selectors.DefaultSelector()
    for port in ports:
        selector.register(socket.create_server(("127.0.0.1", port), backlog=256), 1, None)
    print("ready", flush=True)
    there: list[Conversation] = []
    burst = flow_mod(b"\x00\x02", bytes(12)) * max(flood // 100, 1)
    due = time.monotonic()
    while True:
        for key, _ in selector.select(0.005 if flood else None):
            if key.data is None:
                found = Conversation(key.fileobj.accept()[0])  # type: ignore[union-attr]
                selector.register(found.connection, 1, found)
                there.append(found)
                continue
            try:
                goes_on = key.data.take()
            except OSError:
                goes_on = False
            if not goes_on:
                selector.unregister(key.fileobj)
                there.remove(key.data)
        if flood and time.monotonic() >= due:
            due += 0.01
            for one in there:
                if one.is_known:
                    one.connection.sendall(burst)


if __name__ == "__main__":
    words = sys.argv[1:]
    rates = [int(word.partition(":")[2]) for word in words if word.startswith("flood:")]
    serve([int(word) for word in words if word.isdecimal()], sum(rates))
