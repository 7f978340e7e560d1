"""Readiness, as systemd asks for it (``Type=notify``, sd_notify(3)): one datagram, no library.

Where nobody asks, which is where NOTIFY_SOCKET is not set, nothing is done.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping

LOG = logging.getLogger(__name__)

_VARIABLE = "NOTIFY_SOCKET"
_SECONDS = 1.0
"""For the datagram to be taken: nobody's start waits for a manager that hangs."""


class ServiceManager:
    """Whoever started this process and wants to know when it serves: systemd, or nobody."""

    def __init__(self, address: str) -> None:
        """``address``: a socket's path, an abstract name after ``@``, or empty for nobody."""
        self._address = address

    @classmethod
    def of_process(cls, environ: MutableMapping[str, str] = os.environ) -> ServiceManager:
        """Return this process's own; the variable is taken away, for children are not us."""
        return cls(environ.pop(_VARIABLE, ""))

    def tell_ready(self, status: str = "") -> bool:
        """Say, once, that all is there and listening; True if somebody was told.

        ``status`` is one line for people. What goes wrong is logged, and no reason not to serve.
        """
        address, self._address = self._address, ""
        if not address:
            return False
        line = " ".join(status.split())
        text = "READY=1" + (f"\nSTATUS={line}" if line else "")
        try:
            _send(address, text.encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            LOG.warning("the service manager could not be told that all is ready: %s", error)
            return False
        return True


def _send(address: str, data: bytes) -> None:
    """Send a datagram; ValueError if ``address`` is none, or has a zero byte."""
    if address[0] not in "/@":
        raise ValueError(f"{_VARIABLE} is neither a path nor an abstract socket")
    name = f"\0{address[1:]}" if address[0] == "@" else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(_SECONDS)
        sender.sendto(data, name)
