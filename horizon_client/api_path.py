"""Paths of the REST API, made of segments: a name is one of them, whatever characters it has."""

from __future__ import annotations

from typing import NewType
from urllib.parse import quote

from horizon_client.errors import UnusableName

ApiPath = NewType("ApiPath", str)
"""A path made by :func:`api_path`, the only way to one."""
_PLAIN = ":@!$&'()*+,;="
"""Stand for themselves in a segment (RFC 3986, 3.3: pchar)."""
_LEAD_ELSEWHERE = ("", ".", "..")
"""Clients and proxies take these out of a path before it is sent (RFC 3986, 5.2.4), encoded or
not; nothing has such a name."""


def api_path(*segments: str) -> ApiPath:
    """Return ``/SEGMENT/…``, percent-encoded; UnusableName for what no segment can carry."""
    return ApiPath("".join(f"/{_encoded(segment)}" for segment in segments))


def _encoded(segment: str) -> str:
    if segment in _LEAD_ELSEWHERE:
        raise UnusableName(f"{segment!r} is not the name of anything")
    try:
        return quote(segment, safe=_PLAIN)
    except UnicodeEncodeError:
        raise UnusableName(f"{segment!r} is not UTF-8") from None
