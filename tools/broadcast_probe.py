"""Send numbered broadcasts from a host, or count them at one: run inside a Mininet host.

Usage::

    broadcast_probe.py send INTERFACE COUNT [GAP_SECONDS]
    broadcast_probe.py count INTERFACE IDLE_SECONDS

``count`` prints one JSON object ``{"<source mac>/<number>": copies, ...}``. Runs under the
system's interpreter, with the standard library only. The Ethernet type is one reserved for local
experiments (IEEE 802, 0x88b5), so nothing else on the network is counted.
"""

import collections
import json
import socket
import struct
import sys
import time

LOCAL_EXPERIMENT = 0x88B5
BROADCAST = b"\xff" * 6
LONGEST_WAIT = 30.0
"""Seconds after which counting ends in any case: a storm must not keep us for ever."""


def send(interface: str, count: int, gap: float = 0.02) -> None:
    """Emit ``count`` broadcast frames, numbered from 0."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, LOCAL_EXPERIMENT))
        own = raw.getsockname()[4][:6]
        for number in range(count):
            raw.send(BROADCAST + own + struct.pack("!HI", LOCAL_EXPERIMENT, number) + b"\0" * 42)
            time.sleep(gap)


def count(interface: str, idle: float) -> dict[str, int]:
    """Return how many copies of each frame arrived, when ``idle`` seconds went by without one."""
    heard: collections.Counter[str] = collections.Counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(LOCAL_EXPERIMENT)) as raw:
        raw.bind((interface, LOCAL_EXPERIMENT))
        print("listening", flush=True)
        raw.settimeout(LONGEST_WAIT)
        deadline = time.monotonic() + LONGEST_WAIT
        while time.monotonic() < deadline:
            try:
                frame, (_, _, kind, _, _) = raw.recvfrom(2048)
            except TimeoutError:
                break
            raw.settimeout(idle)
            if kind != socket.PACKET_OUTGOING:
                number = struct.unpack_from("!I", frame, 14)[0]
                heard[f"{frame[6:12].hex(':')}/{number}"] += 1
    return heard


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    verb, interface, *rest = arguments
    if verb == "send":
        send(interface, int(rest[0]), *(float(gap) for gap in rest[1:]))
    else:
        print(json.dumps(count(interface, float(rest[0]))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
