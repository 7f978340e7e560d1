"""TCP ports for servers that a test starts a moment later."""

from __future__ import annotations

import random
import socket

_RANGE = range(20_000, 27_000)
"""Below the ports that the kernel gives to outgoing connections and to whoever asks for port 0
(``ip_local_port_range``, 32768 and up): one of those could take the port before the server does.
The Xen labs have 17440, 27440 and 37440 and up."""


def free_ports(count: int) -> list[int]:
    """Return ``count`` different loopback ports that nobody uses just now; OSError if too few."""
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            return found
        if _is_free(port):
            found.append(port)
    raise OSError(f"fewer than {count} free ports from {_RANGE.start} to {_RANGE.stop - 1}")


def free_port() -> int:
    """Return one such port."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
