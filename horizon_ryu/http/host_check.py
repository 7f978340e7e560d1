"""Host check: where REST may listen, and whom it answers when it asks for no token.

A page in a browser may send requests to 127.0.0.1, and by changing the address of its own name
(DNS rebinding) it may even read the answers. So without tokens only those are answered that call
the server by an address or as localhost, which no such page can.
"""

from __future__ import annotations

import ipaddress

from horizon_ryu.core.errors import HorizonError
from horizon_ryu.http.problem import MISDIRECTED, ProblemError


class UnsafeListening(HorizonError):
    """REST would be open to others than this machine without asking for a token."""


def check_listening(host: str, protected: bool) -> None:
    """Refuse to listen on ``host`` unless it is this machine's loopback or tokens are asked."""
    if not protected and not is_loopback(host):
        raise UnsafeListening(
            f"REST would listen on {host or 'every address'} without asking for a token: "
            "configure a tokens file, or listen on 127.0.0.1 (--wsapi-host)"
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches ``host``, by its address or as localhost."""
    if host.lower() == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def check_host(header: str | None) -> None:
    """Refuse a request whose Host header is a name other than localhost."""
    if header is None:
        return
    name = header.rpartition(":")[0] if _has_port(header) else header
    if name.lower() != "localhost" and _address(name.strip("[]")) is None:
        raise ProblemError(
            MISDIRECTED, "Without tokens, call the server by its address or as localhost."
        )


def _has_port(header: str) -> bool:
    head, colon, port = header.rpartition(":")
    return bool(colon) and port.isdecimal() and (head.endswith("]") or ":" not in head)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
