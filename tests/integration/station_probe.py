"""Say one frame on an interface, or hear frames for a MAC address there: run inside a host.

Usage::

    station_probe.py say INTERFACE FRAME_IN_HEX
    station_probe.py hear INTERFACE MAC SECONDS

``hear`` prints "heard: yes" when a frame for MAC has come in, and "heard: no" if none has within
SECONDS.
Runs under the system's interpreter, with the standard library only.
"""

import socket
import sys
import time

EVERYTHING = 0x0003


def say(interface: str, frame: bytes) -> None:
    """Emit one frame as it is."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((interface, 0))
        raw.send(frame)


def hear(interface: str, mac: bytes, seconds: float) -> bool:
    """Tell whether a frame for ``mac`` comes in within so many seconds."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING)) as raw:
        raw.bind((interface, EVERYTHING))
        print("listening", flush=True)
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            raw.settimeout(left)
            try:
                frame, (_, _, kind, _, _) = raw.recvfrom(2048)
            except TimeoutError:
                break
            if kind != socket.PACKET_OUTGOING and frame[:6] == mac:
                return True
    return False


if __name__ == "__main__":
    verb, interface, what, *rest = sys.argv[1:]
    if verb == "say":
        say(interface, bytes.fromhex(what))
    else:
        found = hear(interface, bytes.fromhex(what.replace(":", "")), float(rest[0]))
        print("heard: yes" if found else "heard: no", flush=True)
