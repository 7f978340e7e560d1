"""Migration URI: where a host's peers reach its libvirt, to send it domains.

It comes from another machine, and libvirtd opens it as root: options could name a program to run
or files to read, and a host that begins with a dash would be an option of ssh. So there is a
driver, a transport, a host and perhaps a port, no more.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Self

from xen_bridge.errors import HypervisorAway, InvalidRequest

FORM = "xen+tls://HOST/system, xen+ssh://HOST/system or xen+tcp://HOST/system"
CONNECT_SECONDS = 5.0
_TEXT = re.compile(
    r"xen\+(?P<transport>tls|ssh|tcp)://(?P<user>[a-z_][a-z0-9_-]{0,31}@)?"
    r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9a-f:.]{2,45}\])"
    r"(:(?P<port>[0-9]{1,5}))?/system",
    re.ASCII,
)
_PORTS = {"tls": 16514, "tcp": 16509, "ssh": 22}


@dataclass(frozen=True, slots=True)
class MigrationUri:
    """A libvirt URI of a Xen host, by its parts."""

    text: str
    transport: str
    host: str
    port: int

    @classmethod
    def read(cls, text: str, field: str = "destination") -> Self:
        """Return the parts of ``text``; InvalidRequest, of ``field``, for what is none."""
        found = _TEXT.fullmatch(text)
        if found is None or int(found["port"] or 1) not in range(1, 65_536):
            raise InvalidRequest((field,), f"{text[:300]!r} is none of {FORM}")
        port = int(found["port"] or _PORTS[found["transport"]])
        return cls(text, found["transport"], found["host"].strip("[]"), port)

    @property
    def is_secret(self) -> bool:
        """Whether what goes through its connection cannot be read on the way."""
        return self.transport != "tcp"

    def check_reached(self) -> None:
        """Raise HypervisorAway unless something listens there.

        libvirt itself waits for minutes for a machine that is silent.
        """
        try:
            socket.create_connection((self.host, self.port), CONNECT_SECONDS).close()
        except OSError as error:
            why = error.strerror or str(error)
            raise HypervisorAway(
                f"nobody listens at {self.text} (port {self.port}): {why}"
            ) from error
