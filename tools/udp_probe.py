"""Send numbered UDP datagrams at a steady rate, or count them: run inside a Mininet host.

Usage::

    udp_probe.py send ADDRESS PORT --rate DATAGRAMS_PER_SECOND --packet BYTES
                 [--seconds SECONDS] [--ports COUNT] [--burst DATAGRAMS]
    udp_probe.py receive PORT [--ports COUNT] [--idle SECONDS] [--gather SECONDS]

``--packet`` is the length of the IP packet: 46 makes the smallest Ethernet frame (64 bytes with
its FCS), 1500 the largest. ``--ports`` spreads the datagrams over so many ports from PORT on, in
turn, with one numbering. ``send`` ends after SECONDS or at SIGINT and prints ``{"sent", "seconds",
"skipped"}``. ``receive`` counts until SIGINT, then goes on until nothing came for ``--idle``
seconds and prints what :class:`Tally` counted. Both print one word when they have begun.

Where times between datagrams are of no interest, both cost less: with ``--burst`` as many are sent
at a time at least, and for ``--gather`` seconds they gather at the receiver, to be taken together.

Runs under the system's interpreter, with the standard library only.
"""

import argparse
import contextlib
import json
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path

HEADERS = 28
"""Bytes of the IPv4 and UDP headers."""
STAMP = struct.Struct("!4sQ")
MAGIC = b"HZup"
SMALLEST_PACKET = HEADERS + STAMP.size
TICK = 0.001
"""Seconds between two bursts of the sender at least; a burst holds what a tick is due, or twice."""
MAX_DATAGRAMS = 1 << 28
"""Numbers beyond this are not counted: the bitmap then takes 32 MiB."""
BUFFER_BYTES = 64 << 20
LONGEST_WAIT = 30.0
"""Seconds after which a receiver ends that was told to, even if datagrams still come."""


class Tally:
    """Which numbers came, how often, and in what order; memory is one bit per number.

    ``reordered`` counts those that came after a higher number (RFC 4737, section 3);
    ``farthest`` is by how many numbers the latest of them was late. ``silence`` is the longest time
    between two arrivals, in seconds.
    """

    def __init__(self) -> None:
        self.received = 0
        self.duplicated = 0
        self.reordered = 0
        self.farthest = 0
        self.foreign = 0
        self.highest = -1
        self.silence = 0.0
        self._seen = bytearray()
        self._heard: float | None = None

    def heard(self, now: float) -> None:
        """Note that datagrams have come."""
        if self._heard is not None:
            self.silence = max(self.silence, now - self._heard)
        self._heard = now

    def add(self, datagram: bytes | memoryview) -> None:
        """Count one datagram."""
        if len(datagram) < STAMP.size:
            self.foreign += 1
            return
        magic, number = STAMP.unpack_from(datagram)
        if magic != MAGIC or number >= MAX_DATAGRAMS:
            self.foreign += 1
            return
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._seen):
            self._seen.extend(bytes(max(1 << 16, place + 1 - len(self._seen))))
        if self._seen[place] & bit:
            self.duplicated += 1
            return
        self._seen[place] |= bit
        self.received += 1
        if number > self.highest:
            self.highest = number
        else:
            self.reordered += 1
            self.farthest = max(self.farthest, self.highest - number)

    def missing(self, most: int = 20) -> list[list[int]]:
        """Return the first ``most`` gaps below the highest number, as [first, last]."""
        gaps: list[list[int]] = []
        number = 0
        while number < self.highest and len(gaps) < most:
            if number & 7 == 0 and self._seen[number >> 3] == 0xFF:
                number += 8
                continue
            if not self._has(number):
                first = number
                while not self._has(number):
                    number += 1
                gaps.append([first, number - 1])
            number += 1
        return gaps

    def _has(self, number: int) -> bool:
        return bool(self._seen[number >> 3] & 1 << (number & 7))

    def to_dict(self) -> dict[str, object]:
        """Return the counts by name."""
        counts = {name: number for name, number in vars(self).items() if not name.startswith("_")}
        return {**counts, "gaps": self.missing()}


class Interrupted:
    """Whether SIGINT came; it does nothing else any more."""

    def __init__(self) -> None:
        self.at: float | None = None
        signal.signal(signal.SIGINT, self._note)

    def _note(self, *_: object) -> None:
        self.at = time.monotonic()


class Pace:
    """How many datagrams are due. What could not be sent in time is skipped, not made up for.

    A burst after a pause would overrun buffers and be taken for the network's loss.
    """

    def __init__(self, rate: float, now: float, burst: int = 0) -> None:
        self.tick = max(TICK, burst / rate)
        """Seconds from one burst to the next."""
        self._rate = rate
        self._most = max(1, round(rate * 2 * self.tick))
        self._begun = now
        self._counted = 0
        self.skipped = 0

    def due(self, now: float) -> int:
        """Return how many datagrams to send at ``now``."""
        behind = int((now - self._begun) * self._rate) - self._counted
        self._counted += behind
        count = min(behind, self._most)
        self.skipped += behind - count
        return count


def send(options: argparse.Namespace) -> dict[str, object]:
    """Send until the end of the time or SIGINT; return what was sent."""
    interrupted = Interrupted()
    payload = bytearray(options.packet - HEADERS)
    targets = [(options.address, options.port + offset) for offset in range(options.ports)]
    family = socket.AF_INET6 if ":" in options.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        _enlarge(sender, socket.SO_SNDBUF, "SO_SNDBUFFORCE")
        print("sending", flush=True)
        begun = now = time.monotonic()
        pace, sent = Pace(options.rate, begun, options.burst), 0
        while interrupted.at is None and now - begun < options.seconds:
            for _ in range(pace.due(now)):
                STAMP.pack_into(payload, 0, MAGIC, sent)
                sender.sendto(payload, targets[sent % len(targets)])
                sent += 1
            time.sleep(pace.tick)
            now = time.monotonic()
    return {"sent": sent, "seconds": round(now - begun, 3), "skipped": pace.skipped}


def receive(options: argparse.Namespace) -> dict[str, object]:
    """Count until SIGINT and ``idle`` seconds of silence; return the counts."""
    interrupted = Interrupted()
    tally = Tally()
    ports = range(options.port, options.port + options.ports)
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for port in ports:
            selector.register(
                stack.enter_context(_listener(port, options.ipv6)), selectors.EVENT_READ
            )
        print("receiving", flush=True)
        _count(selector, tally, interrupted, options)
        return {**tally.to_dict(), "dropped": _dropped(ports, options.ipv6)}


def _count(
    selector: selectors.BaseSelector,
    tally: Tally,
    interrupted: Interrupted,
    options: argparse.Namespace,
) -> None:
    idle, gather = options.idle, options.gather
    buffer = bytearray(2048)
    view = memoryview(buffer)
    heard = time.monotonic()
    while True:
        ready = selector.select(idle / 4)
        drained = [_drain(key.fileobj, tally, buffer, view) for key, _ in ready]
        now = time.monotonic()
        if ready:
            heard = now
            tally.heard(now)
        if interrupted.at is None:
            if gather and all(drained):
                time.sleep(gather)
            continue
        if now - max(heard, interrupted.at) >= idle or now - interrupted.at >= LONGEST_WAIT:
            return


def _drain(listener: object, tally: Tally, buffer: bytearray, view: memoryview) -> bool:
    """Take what has arrived, some at a time so that no port starves another; tell if it was all."""
    receive_into: Callable[[bytearray], int] = listener.recv_into  # type: ignore[attr-defined]
    try:
        for _ in range(256):
            tally.add(view[: receive_into(buffer)])
    except BlockingIOError:
        return True
    return False


def _listener(port: int, ipv6: bool) -> socket.socket:
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_DGRAM)
    _enlarge(listener, socket.SO_RCVBUF, "SO_RCVBUFFORCE")
    if ipv6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("", port))
    listener.setblocking(False)
    return listener


def _enlarge(sock: socket.socket, plain: int, forced: str) -> None:
    """Give a socket a large buffer, beyond the system's limit if we are root."""
    # The module has no names for the forced ones (socket(7); asm-generic/socket.h).
    option = {"SO_SNDBUFFORCE": 32, "SO_RCVBUFFORCE": 33}[forced]
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, plain, BUFFER_BYTES)


def _dropped(ports: Container[int], ipv6: bool) -> int:
    """Return how many datagrams our sockets had no room for (last column, /proc/net/udp)."""
    lines = (
        Path("/proc/net/udp6" if ipv6 else "/proc/net/udp")
        .read_text(encoding="ascii")
        .splitlines()[1:]
    )
    rows = [line.split() for line in lines]
    return sum(int(row[-1]) for row in rows if int(row[1].rpartition(":")[2], 16) in ports)


def parser() -> argparse.ArgumentParser:
    """Return what understands our command line."""
    top = argparse.ArgumentParser(description="numbered UDP datagrams at a steady rate")
    verbs = top.add_subparsers(dest="verb", required=True)
    sending = verbs.add_parser("send")
    sending.add_argument("address")
    sending.add_argument("port", type=int)
    sending.add_argument("--rate", type=float, required=True)
    sending.add_argument("--packet", type=int, default=46)
    sending.add_argument("--seconds", type=float, default=float("inf"))
    sending.add_argument("--ports", type=int, default=1)
    sending.add_argument("--burst", type=int, default=0)
    receiving = verbs.add_parser("receive")
    receiving.add_argument("port", type=int)
    receiving.add_argument("--ports", type=int, default=1)
    receiving.add_argument("--ipv6", action="store_true")
    receiving.add_argument("--idle", type=float, default=0.5)
    receiving.add_argument("--gather", type=float, default=0.0)
    return top


def main(arguments: Sequence[str]) -> None:
    """Do what the command line says."""
    top = parser()
    options = top.parse_args(arguments)
    if options.verb == "send" and options.packet < SMALLEST_PACKET:
        top.error(f"--packet must be {SMALLEST_PACKET} at least")
    if options.verb == "send" and options.rate <= 0.0:
        top.error("--rate must be above 0")
    try:
        told = send(options) if options.verb == "send" else receive(options)
    except (OSError, OverflowError) as error:
        sys.exit(f"{top.prog}: {error}")
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
