"""The OpenAPI 3.1 document: made from the same declarations that the router enforces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from horizon_ryu import __version__
from horizon_ryu.formats.problem import Problem
from horizon_ryu.http import problem
from horizon_ryu.http.problem import PROBLEM_TYPES, ProblemType
from horizon_ryu.http.request import body_types
from horizon_ryu.http.resource import JSON, Resource

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

_ALWAYS = (
    problem.UNPARSABLE,
    problem.UNAUTHENTICATED,
    problem.FORBIDDEN,
    problem.NOT_ACCEPTABLE,
    problem.MISDIRECTED,
    problem.INVALID,
    problem.INTERNAL,
)
_TAGGED: Mapping[str, Json] = MappingProxyType(
    {"headers": {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match"}}}
)
_NO_CONTENT = 204
_WITH_BODY = (problem.TIMEOUT, problem.TOO_LARGE, problem.UNSUPPORTED_TYPE)


def openapi_document(resources: Sequence[Resource], protected: bool) -> Json:
    """Return the document for ``resources``; ``protected`` when a token is asked for."""
    refs, schemas = _schemas(resources)
    paths: dict[str, Json] = {}
    for resource in resources:
        operation = _operation(resource, refs)
        paths.setdefault(resource.path, {})[resource.method.lower()] = operation
    token: Json = {"bearer": []}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Horizon", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {kind.name: _problem_response(kind) for kind in PROBLEM_TYPES},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [token] if protected else [{}, token],
    }


_Refs: TypeAlias = Mapping[tuple[type[BaseModel], Mode], Json]


def _schemas(resources: Iterable[Resource]) -> tuple[_Refs, Json]:
    """Return the reference to each model, and all schemas by name."""
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
    for resource in resources:
        if resource.request is not None:
            wanted[resource.request, "validation"] = None
        if resource.response is not None:
            wanted[resource.response, "serialization"] = None
    template = "#/components/schemas/{model}"
    found, definitions = models_json_schema(list(wanted), ref_template=template)
    refs: Any = found
    return refs, definitions.get("$defs", {})


def _operation(resource: Resource, refs: _Refs) -> Json:
    operation: Json = {
        "operationId": _operation_id(resource),
        "summary": resource.summary,
        "description": f"Needs the role {resource.needed_access.value}.",
        "tags": [resource.tag],
        "responses": _responses(resource, refs),
    }
    if resource.is_open:
        operation["description"] = f"Needs no token; tells all to {resource.needed_access.value}."
        operation["security"] = [{}, {"bearer": []}]
    parameters = [*_path_parameters(resource), *_query_parameters(resource)]
    if parameters:
        operation["parameters"] = parameters
    if resource.request is not None:
        schema = refs[resource.request, "validation"]
        content = {media_type: {"schema": schema} for media_type in body_types(resource)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(resource: Resource) -> str:
    words = re.findall(r"[a-z0-9]+", resource.path.removeprefix("/v1").lower())
    return "_".join([resource.method.lower(), *(words or ["root"])])


def _path_parameters(resource: Resource) -> list[Json]:
    found = []
    for name in resource.parameter_names():
        parameter = resource.parameter(name)
        found.append(
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": parameter.description,
                "schema": {"type": "string", "pattern": parameter.pattern},
            }
        )
    return found


def _query_parameters(resource: Resource) -> list[Json]:
    if resource.query is None:
        return []
    schema = resource.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": value}
        for name, value in schema["properties"].items()
    ]


def _responses(resource: Resource, refs: _Refs) -> Json:
    body = _WITH_BODY if resource.request is not None else ()
    kinds = sorted({*_ALWAYS, *body, *resource.problems}, key=lambda kind: (kind.status, kind.name))
    references = {
        str(kind.status): {"$ref": f"#/components/responses/{kind.name}"} for kind in kinds
    }
    default = _problem_response(problem.INTERNAL) | {"description": "Any other problem"}
    done = {str(resource.status): _success(resource, refs, resource.status, "Done")}
    for status, meaning in resource.other_statuses.items():
        done[str(status)] = _success(resource, refs, status, meaning)
    if resource.is_versioned:
        done["304"] = {"description": "Not modified: the client has it already", **_TAGGED}
    return {**done, **references, "default": default}


def _success(resource: Resource, refs: _Refs, status: int, meaning: str) -> Json:
    answer: Json = {"description": meaning}
    if resource.is_versioned:
        answer |= _TAGGED
    if status == 201:
        answer["headers"] = {"Location": {"schema": {"type": "string"}}}
    if resource.produces is not None:
        forms = resource.produces if isinstance(resource.produces, tuple) else resource.offers[:1]
        answer["content"] = {form: {} for form in forms}
    elif resource.streams:
        answer["content"] = {offer: {} for offer in resource.offers}
    elif resource.response is not None and status != _NO_CONTENT:
        schema = refs[resource.response, "serialization"]
        answer["content"] = {
            offer: {"schema": schema} if offer == JSON else {} for offer in resource.offers
        }
    return answer


def _problem_response(kind: ProblemType) -> Json:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        "description": kind.title,
        "content": {"application/problem+json": {"schema": schema}, "application/xml": {}},
    }
