"""Xen URI, read as libvirt reads it: which machine it names, and how ``xl`` is run there.

Names and values are percent encoded (RFC 3986); a plus sign is itself, no blank.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from xen_bridge.child_command import ChildCommand
from xen_bridge.dom0.hypervisor.xl import Run, one_at_a_time, run_over_ssh
from xen_bridge.errors import InvalidRequest

HERE = ("", "unix")
"""Transports that end on this machine: none, and a Unix socket."""


@dataclass(frozen=True, slots=True)
class XenUri:
    """The parts of a URI; ``host`` is empty where it names no machine."""

    text: str
    driver: str
    transport: str
    host: str
    user: str | None = None
    port: int | None = None
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the parts of ``text``; InvalidRequest unless it is a URI."""
        try:
            parts = urlsplit(text)
            driver, _, transport = parts.scheme.partition("+")
            return cls(
                text,
                driver,
                transport,
                unquote(parts.hostname or parts.netloc),
                None if parts.username is None else unquote(parts.username),
                parts.port,
                dict(_options(parts)),
            )
        except ValueError:
            raise InvalidRequest(("uri",), f"{text!r} is no URI") from None

    @property
    def is_here(self) -> bool:
        """Whether it names this machine.

        A name like localhost may be the end of a tunnel, and says nothing; so may a port, or a
        program that makes the connection.
        """
        return not self.host and self.transport in HERE


def _options(parts: SplitResult) -> list[tuple[str, str]]:
    pairs = (item.partition("=") for item in parts.query.replace(";", "&").split("&") if item)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def xl_runner(uri: str) -> Run | None:
    """Return what runs ``xl`` on the host of ``uri``; None where there is no way.

    Raises InvalidRequest unless it is a URI.
    """
    named = XenUri.read(uri)
    if named.is_here:
        return one_at_a_time(ChildCommand())
    if named.transport != "ssh" or not named.host:
        return None
    target = f"{named.user}@{named.host}" if named.user else named.host
    verify = named.options.get("no_verify", "0") == "0"
    return run_over_ssh(target, named.port, named.options.get("keyfile"), verify)
