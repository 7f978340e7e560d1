"""Endpoint of a node: where it takes messages, and how its URL looks (design, section 6)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from xen_bridge.errors import InvalidRequest

PATH = "/messages"
MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of an answer; a node refuses to write a longer one, and a client to read it."""
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
URL = rf"https://({_LABEL}(\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\]):[0-9]{{1,5}}/?"
"""Where a node listens. A name's labels are not empty and have 63 characters at most (RFC 1035,
2.3.4): resolvers fail on others in ways that tell nobody what is wrong."""


def check_url(url: str) -> str:
    """Return ``url`` without a slash behind it; InvalidRequest unless it is https://HOST:PORT."""
    if not re.fullmatch(URL, url):
        raise InvalidRequest(("url",), "must be https://HOST:PORT and nothing more")
    try:
        port = urlsplit(url).port
    except ValueError as error:
        raise InvalidRequest(("url",), f"must be https://HOST:PORT: {error}") from None
    if not port:
        raise InvalidRequest(("url",), "the port must be 1 to 65535")
    return url.rstrip("/")
