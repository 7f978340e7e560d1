"""The first page of the API, and its own description (``/v1`` and ``/v1/openapi.json``).

Each part of the API is served by an application of its own, which need not run: who asks for slices
where there is no slicer is told so, not only that there is no such resource.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from horizon_ryu import __version__
from horizon_ryu.http.openapi import openapi_document
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.http.router import NO_RESOURCE, Router
from horizon_ryu.rest.model import Model

_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "slices": "This controller has no slicer. Run one (ryu-manager --wsapi-port 8090"
        " horizon_ryu.slicing) and name it here with slicer_url in [rest] of the configuration,"
        " as http://127.0.0.1:8090; or ask the slicer itself.",
        "xen": "This controller manages no Xen hosts: it runs without horizon_ryu.xen.",
        "topology": "This controller finds no topology: it runs without horizon_ryu.discovery.",
        "networks": "This controller knows no networks: it runs without horizon_ryu.discovery.",
        "spanning-tree": "This controller runs without horizon_ryu.spanning_tree.",
        "flows": "This controller manages no flows: it runs without horizon_ryu.flow_manager.",
        "what-if": "This controller manages no flows: it runs without horizon_ryu.flow_manager.",
        "stats": "This controller takes no statistics: it runs without horizon_ryu.stats.",
    }
)
"""Segment after ``/v1/`` -> what is lacking, and how to have it."""


class Root(Model):
    """What there is: the paths of all resources that can be read without a parameter."""

    name: str
    version: str
    links: dict[str, str]


class RootOperations:
    """Operations that describe whatever a router serves when they are asked."""

    tag = "horizon"

    def __init__(self, router: Router) -> None:
        self._router = router

    @operation("GET", "/v1")
    def root(self, _call: Call) -> Root:
        """List what can be read."""
        return Root(name="Horizon", version=__version__, links=_links(self._router))

    @operation("GET", "/v1/openapi.json", produces="application/json")
    def openapi(self, _call: Call) -> Versioned[Any]:
        """Describe this API in OpenAPI 3.1."""
        # Building it takes some 150 ms of the hub: once, until an application adds operations.
        router = self._router
        return Versioned((len(router.resources), router.protected), lambda _: _described(router))


def _described(router: Router) -> bytes:
    return json.dumps(openapi_document(router.resources, router.protected)).encode()


def resources(router: Router) -> list[Resource]:
    """Return the resources that describe whatever ``router`` serves when they are asked."""
    return resources_of(RootOperations(router))


def _must_ask(resource: Resource) -> bool:
    """Tell whether nothing can be read without a query."""
    fields = {} if resource.query is None else resource.query.model_fields
    return any(field.is_required() for field in fields.values())


def _links(router: Router) -> dict[str, str]:
    paths = sorted(
        resource.path
        for resource in router.resources
        if resource.method == "GET" and not resource.parameter_names() and not _must_ask(resource)
    )
    return {path.removeprefix("/v1").strip("/") or "self": path for path in paths}


def lacking(path: str) -> str:
    """Return what a controller lacks that serves nothing of this path's part of the API."""
    segments = path.split("/")
    part = segments[2] if segments[:2] == ["", "v1"] and len(segments) > 2 else ""
    return _PARTS.get(part, NO_RESOURCE)
