"""The first page of the API, and its own description (``/v1`` and ``/v1/openapi.json``)."""

from __future__ import annotations

import json

from horizon_ryu import __version__
from horizon_ryu.http.openapi import openapi_document
from horizon_ryu.http.resource import Call, Raw, Resource
from horizon_ryu.http.router import Router
from horizon_ryu.rest.model import Model


class Root(Model):
    """What there is: the paths of all resources that can be read without a parameter."""

    name: str
    version: str
    links: dict[str, str]


def resources(router: Router) -> list[Resource]:
    """Return the resources that describe whatever ``router`` serves when they are asked."""

    def root(_call: Call) -> Root:
        return Root(name="Horizon", version=__version__, links=_links(router))

    def openapi(_call: Call) -> Raw:
        document = openapi_document(router.resources, router.protected)
        return Raw(json.dumps(document).encode(), "application/json")

    return [
        Resource(
            method="GET",
            path="/v1",
            handler=root,
            response=Root,
            summary="List what can be read",
        ),
        Resource(
            method="GET",
            path="/v1/openapi.json",
            handler=openapi,
            produces="application/json",
            summary="Describe this API in OpenAPI 3.1",
        ),
    ]


def _links(router: Router) -> dict[str, str]:
    paths = sorted(
        resource.path
        for resource in router.resources
        if resource.method == "GET" and not resource.parameter_names()
    )
    return {path.removeprefix("/v1").strip("/") or "self": path for path in paths}
