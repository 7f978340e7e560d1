"""Finds the resources of a path; literal paths before those with parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from horizon_ryu.http.resource import Resource


class Found(NamedTuple):
    """A path template that matched, its resources by method, and the texts of its parameters."""

    template: str
    methods: Mapping[str, Resource]
    texts: Mapping[str, str]


class Routes:
    """The table of all resources."""

    def __init__(self) -> None:
        self._resources: list[Resource] = []
        self._methods: dict[str, dict[str, Resource]] = {}
        self._patterns: list[tuple[re.Pattern[str], str]] = []

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
        if resource.path not in self._methods and names:
            self._patterns.append((_compiled(resource.path), resource.path))
        self._methods[resource.path] = {**methods, resource.method: resource}
        self._resources.append(resource)
        return True

    def find(self, path: str) -> Found | None:
        """Return what ``path`` names, None if nothing."""
        if path in self._methods and "{" not in path:
            return Found(path, self._methods[path], {})
        for pattern, template in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                return Found(template, self._methods[template], match.groupdict())
        return None


def _compiled(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z_]+)\}", template)
    pieces = [
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    ]
    return re.compile("".join(pieces))
