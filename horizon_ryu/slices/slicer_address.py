"""Address of a slicer's REST API, as a controller is told it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from horizon_ryu.core.errors import InvalidInput


class SlicerAddress(NamedTuple):
    """Where the slicer listens."""

    host: str
    port: int
    is_secure: bool


def slicer_address(url: str) -> SlicerAddress:
    """Return the address that a URL names; InvalidInput, which names the option."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(("rest", "slicer_url"), f"{url!r}: {error}") from error
    is_plain = not parts.path.strip("/") and not parts.query and not parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or not is_plain:
        text = f"{url!r} is no URL of a server, as http://127.0.0.1:8090"
        raise InvalidInput(("rest", "slicer_url"), text)
    is_secure = parts.scheme == "https"
    return SlicerAddress(parts.hostname, port or (443 if is_secure else 80), is_secure)
