"""Ends of flows in the hosts of a network: senders that pace, a sink, a counter of frames.

It runs in a host with the system's Python, so it imports nothing of ours::

    bandwidth_probe.py udp|tcp HOST PORT RATE_KBPS
    bandwidth_probe.py sink PORT
    bandwidth_probe.py count INTERFACE SKIP SECONDS
    bandwidth_probe.py series INTERFACE SECONDS
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress

ETHERNET_IPV4_UDP = 42
"""Header bytes of a datagram's frame, without the FCS."""
_PAYLOAD = 1_400
_SO_MAX_PACING_RATE = 47
_ETH_P_ALL = 3
_QUEUE = 8 << 20


def send_udp(host: str, port: int, rate_kbps: int) -> None:
    """Send datagrams whose frames make ``rate_kbps``, for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect((host, port))
        gap = (_PAYLOAD + ETHERNET_IPV4_UDP) * 8 / (rate_kbps * 1_000)
        due = time.monotonic()
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            # What was late by more than this is not made up for: no floods after a pause.
            due = max(due, time.monotonic() - 0.2) + gap
            link.send(bytes(_PAYLOAD))


def send_tcp(host: str, port: int, rate_kbps: int) -> None:
    """Send over one connection at most ``rate_kbps``, for ever."""
    with socket.create_connection((host, port), 20.0) as link:
        link.settimeout(None)
        link.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, rate_kbps * 125)
        while True:
            link.sendall(bytes(16_384))


def sink(port: int) -> None:
    """Take what comes over UDP and TCP at ``port``, for ever."""
    ready = selectors.DefaultSelector()
    listener = socket.create_server(("", port))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("", port))
    for link in (listener, datagrams):
        ready.register(link, selectors.EVENT_READ)
    print("taking", flush=True)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                ready.register(listener.accept()[0], selectors.EVENT_READ)
            elif not key.fileobj.recv(1 << 16) and key.fileobj is not datagrams:  # type: ignore[union-attr]
                ready.unregister(key.fileobj)


def count(interface: str, skip: float, seconds: float) -> None:
    """Print the kb/s of frames that come, by source MAC, in ``seconds`` after ``skip``."""
    with _listening(interface) as link:
        _count(link, skip)
        begin = time.monotonic()
        found = _count(link, seconds)
        took = time.monotonic() - begin
    print(json.dumps({mac: size * 8 / took / 1_000 for mac, size in found.items()}), flush=True)


def series(interface: str, seconds: int) -> None:
    """Print the kb/s of frames that come, by source MAC, in each of so many seconds."""
    with _listening(interface) as link:
        print("counting", flush=True)
        begun = before = time.monotonic()
        rows = []
        for second in range(1, seconds + 1):
            found = _count_until(link, begun + second)
            now = time.monotonic()
            rows.append({mac: size * 8 / (now - before) / 1_000 for mac, size in found.items()})
            before = now
    print(json.dumps(rows), flush=True)


def _listening(interface: str) -> socket.socket:
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
    link.bind((interface, 0))
    link.settimeout(0.05)
    return link


def _count(link: socket.socket, seconds: float) -> dict[str, int]:
    """Return the bytes of frames that came, by source MAC."""
    return _count_until(link, time.monotonic() + seconds)


def _count_until(link: socket.socket, end: float) -> dict[str, int]:
    found: dict[str, int] = {}
    while time.monotonic() < end:
        try:
            frame, address = link.recvfrom(1 << 16)
        except TimeoutError:
            continue
        if address[2] != socket.PACKET_OUTGOING:
            mac = frame[6:12].hex(":")
            found[mac] = found.get(mac, 0) + len(frame)
    return found


WORDS: dict[str, tuple[Callable[..., object], dict[str, type]]] = {
    "udp": (send_udp, {"host": str, "port": int, "rate_kbps": int}),
    "tcp": (send_tcp, {"host": str, "port": int, "rate_kbps": int}),
    "sink": (sink, {"port": int}),
    "series": (series, {"interface": str, "seconds": int}),
    "count": (count, {"interface": str, "skip": float, "seconds": float}),
}
"""What each verb does, and the words that follow it."""


def main(words: list[str]) -> None:
    """Do what the command line says."""
    top = argparse.ArgumentParser(description="what senders send, and how much of it comes")
    verbs = top.add_subparsers(dest="verb", required=True)
    for verb, (_do, places) in WORDS.items():
        one = verbs.add_parser(verb)
        for name, kind in places.items():
            one.add_argument(name, type=kind)
    given = vars(top.parse_args(words))
    do, places = WORDS[given["verb"]]
    try:
        do(*(given[name] for name in places))
    except (OSError, OverflowError) as error:
        sys.exit(f"{top.prog}: {error}")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])
