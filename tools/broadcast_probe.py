"""Send numbered broadcasts from a host, or count them at one: run inside a Mininet host.

Usage::

    broadcast_probe.py send INTERFACE COUNT [GAP_SECONDS]
    broadcast_probe.py count INTERFACE EXPECTED IDLE_SECONDS

``count`` prints one JSON object ``{"<source mac>/<number>": copies, ...}`` after an interrupt
(SIGINT), when EXPECTED frames have come and none has for IDLE_SECONDS. Runs under the system's
interpreter, with the standard library only. The Ethernet type is one reserved for local
experiments (IEEE 802, 0x88b5), so nothing else on the network is counted.
"""

import argparse
import collections
import json
import signal
import socket
import struct
import sys
import time

LOCAL_EXPERIMENT = 0x88B5
BROADCAST = b"\xff" * 6
LONGEST_WAIT = 20.0
"""Seconds after the interrupt by which counting ends in any case: for what is lost, and storms."""
POLL = 0.1
GAP = 0.02


def send(interface: str, count: int, gap: float = GAP) -> None:
    """Emit ``count`` broadcast frames, numbered from 0."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, LOCAL_EXPERIMENT))
        own = raw.getsockname()[4][:6]
        for number in range(count):
            raw.send(BROADCAST + own + struct.pack("!HI", LOCAL_EXPERIMENT, number) + b"\0" * 42)
            time.sleep(gap)


def count(interface: str, expected: int, idle: float) -> dict[str, int]:
    """Return how many copies of each frame arrived, as the module says."""
    heard: collections.Counter[str] = collections.Counter()
    interrupted = []
    signal.signal(signal.SIGINT, lambda *_: interrupted.append(time.monotonic()))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(LOCAL_EXPERIMENT)) as raw:
        raw.bind((interface, LOCAL_EXPERIMENT))
        raw.settimeout(POLL)
        print("listening", flush=True)
        last = time.monotonic()
        while not _is_over(interrupted, heard.total() >= expected, last + idle):
            try:
                frame, (_, _, kind, _, _) = raw.recvfrom(2048)
            except TimeoutError:
                continue
            if kind != socket.PACKET_OUTGOING:
                last = time.monotonic()
                number = struct.unpack_from("!I", frame, 14)[0]
                heard[f"{frame[6:12].hex(':')}/{number}"] += 1
    return heard


def _is_over(interrupted: list[float], is_whole: bool, silent_at: float) -> bool:
    """Tell whether nothing is waited for: all came and it was silent since, or it is too late."""
    now = time.monotonic()
    if not interrupted:
        return False
    return (is_whole and now > silent_at) or now > interrupted[0] + LONGEST_WAIT


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    top = argparse.ArgumentParser(description="numbered broadcasts, sent or counted")
    verbs = top.add_subparsers(dest="verb", required=True)
    sending, counting = verbs.add_parser("send"), verbs.add_parser("count")
    for one, number in ((sending, "count"), (counting, "expected")):
        one.add_argument("interface")
        one.add_argument(number, type=int)
    sending.add_argument("gap", type=float, nargs="?", default=GAP)
    counting.add_argument("idle", type=float)
    given = top.parse_args(arguments)
    try:
        if given.verb == "send":
            send(given.interface, given.count, given.gap)
        else:
            print(json.dumps(count(given.interface, given.expected, given.idle)), flush=True)
    except OSError as error:
        sys.exit(f"{top.prog}: {given.interface}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
