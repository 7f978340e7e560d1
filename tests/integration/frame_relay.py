"""Relay frames between two hosts, as a liar would: run inside a Mininet host, once at each of two.

Usage::

    frame_relay.py INTERFACE OWN_SOCKET PEER_SOCKET probes|everything DELAY_SECONDS

What comes in and is chosen goes to the peer's Unix socket; what comes from there leaves by the
interface. Runs under the system's interpreter, with the standard library only.
"""

import collections
import contextlib
import select
import socket
import sys
import time

LLDP = b"\x88\xcc"
ALL = 3
LARGEST = 65_535


def main(arguments: list[str]) -> None:
    """Do what the command line says, until interrupted."""
    interface, own, peer, chosen, delay = arguments
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    raw.bind((interface, ALL))
    near = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.bind(own)
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()
    print("relaying", flush=True)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready in select.select([raw, near], [], [], pause)[0]:
            if ready is near:
                with contextlib.suppress(OSError):
                    raw.send(near.recv(LARGEST))
                continue
            frame, (_, _, kind, _, _) = raw.recvfrom(LARGEST)
            is_chosen = chosen == "everything" or frame[12:14] == LLDP
            if is_chosen and kind != socket.PACKET_OUTGOING:
                waiting.append((time.monotonic() + float(delay), frame))
        while waiting and waiting[0][0] <= time.monotonic():
            # The other one may not be there yet, or not any more.
            with contextlib.suppress(OSError):
                near.sendto(waiting.popleft()[1], peer)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1:])
