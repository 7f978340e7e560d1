"""Route table: the resources of a path; literal paths before those with parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from horizon_ryu.http.resource import Resource


class Found(NamedTuple):
    """A path template that matched, its resources by method, and the texts of its parameters.

    Resources answer HEAD as GET. ``allowed`` are the methods, in order, OPTIONS among them.
    """

    template: str
    methods: Mapping[str, Resource]
    allowed: tuple[str, ...]
    texts: Mapping[str, str]


class Routes:
    """The table of all resources.

    Paths are told apart segment by segment, each decoded on its own: a slash inside a name is part
    of the name (RFC 3986, 2.2 and 3.3).
    """

    def __init__(self) -> None:
        self._resources: list[Resource] = []
        self._methods: dict[str, dict[str, Resource]] = {}
        self._allowed: dict[str, tuple[str, ...]] = {}
        self._literal: dict[tuple[str, ...], str] = {}
        self._patterns: list[tuple[tuple[re.Pattern[str], ...], str]] = []
        self._parts: set[tuple[str, ...]] = set()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All resources, in the order they were added."""
        return tuple(self._resources)

    def add(self, resource: Resource) -> bool:
        """Add ``resource``; False if its operation is there. KeyError for unknown parameters."""
        methods = self._methods.get(resource.path, {})
        if resource.method in methods:
            return False
        names = resource.parameter_names()
        for name in names:
            resource.parameter(name)
        segments = tuple(resource.path.split("/"))
        self._parts.add(segments[:_PART])
        if not names:
            self._literal[segments] = resource.path
        elif resource.path not in self._methods:
            self._patterns.append((tuple(map(_compiled, segments)), resource.path))
        methods = {**methods, resource.method: resource}
        if "GET" in methods:
            methods["HEAD"] = methods["GET"]
        self._methods[resource.path] = methods
        self._allowed[resource.path] = tuple(sorted((*methods, "OPTIONS")))
        self._resources.append(resource)
        return True

    def find(self, environ: Mapping[str, Any]) -> Found | None:
        """Return what a request's path names, None if nothing; UnicodeDecodeError if no UTF-8."""
        segments = path_segments(environ)
        literal = self._literal.get(segments)
        if literal is not None:
            return Found(literal, self._methods[literal], self._allowed[literal], {})
        for patterns, template in self._patterns:
            texts = _texts(patterns, segments)
            if texts is not None:
                return Found(template, self._methods[template], self._allowed[template], texts)
        return None

    def serves_part_of(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether anything begins as a request's path does, with its first two segments."""
        return path_segments(environ)[:_PART] in self._parts


_PART = 3
"""Pieces of a path that name a part of the API: what is before the first slash, v1, its name."""


def path_segments(environ: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the segments of a request's path, each decoded; UnicodeDecodeError if not UTF-8.

    PATH_INFO has been decoded as a whole (PEP 3333), so that a slash inside a name can no longer be
    told from one between names. Our server also tells the path as it came; where none does, or
    where it is no longer the same path, PATH_INFO has to do.
    """
    decoded = str(environ.get("PATH_INFO", "")).encode("latin-1")
    sent = str(environ.get("RAW_PATH_INFO", "")).encode("latin-1")
    pieces = decoded.split(b"/")
    if unquote_to_bytes(sent) == decoded:
        pieces = [unquote_to_bytes(piece) for piece in sent.split(b"/")]
    return tuple(piece.decode() for piece in pieces)


def _texts(
    patterns: tuple[re.Pattern[str], ...], segments: tuple[str, ...]
) -> dict[str, str] | None:
    """Return the parameters of a path by their names, None if it is another path."""
    if len(patterns) != len(segments):
        return None
    found: dict[str, str] = {}
    for pattern, segment in zip(patterns, segments, strict=True):
        match = pattern.fullmatch(segment)
        if match is None:
            return None
        found |= match.groupdict()
    return found


def _compiled(segment: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z_]+)\}", segment)
    pieces = [
        f"(?P<{part}>.+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    ]
    return re.compile("".join(pieces), re.DOTALL)
