"""Paths of the REST API, made of segments: a name is one of them, whatever characters it has."""

from __future__ import annotations

from typing import NewType
from urllib.parse import quote

import click

ResourcePath = NewType("ResourcePath", str)
"""A path made by :func:`resource_path`, the only way to one."""
_PLAIN = ":@!$&'()*+,;="
"""Stand for themselves in a segment (RFC 3986, 3.3: pchar)."""
_LEAD_ELSEWHERE = ("", ".", "..")
"""Clients and proxies take these out of a path before it is sent (RFC 3986, 5.2.4), encoded or
not; nothing has such a name."""


def resource_path(*segments: str) -> ResourcePath:
    """Return ``/SEGMENT/…``, percent-encoded; BadParameter for what no segment can carry."""
    return ResourcePath("".join(f"/{_encoded(segment)}" for segment in segments))


def _encoded(segment: str) -> str:
    if segment in _LEAD_ELSEWHERE:
        raise click.BadParameter(f"{segment!r} is not the name of anything")
    try:
        return quote(segment, safe=_PLAIN)
    except UnicodeEncodeError:
        raise click.BadParameter(f"{segment!r} is not UTF-8") from None
