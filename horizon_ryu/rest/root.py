"""The first page of the API, and its own description (``/v1`` and ``/v1/openapi.json``)."""

from __future__ import annotations

import json
from typing import Any

from horizon_ryu import __version__
from horizon_ryu.http.openapi import openapi_document
from horizon_ryu.http.resource import Call, Resource, Versioned, operation, resources_of
from horizon_ryu.http.router import Router
from horizon_ryu.rest.model import Model


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
