"""REST reference as reStructuredText, from the OpenAPI document of running controllers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tools.controller_process import ControllerProcess

Json: TypeAlias = dict[str, Any]

_APPS = (("horizon_ryu.bundle",), ("horizon_ryu.slicing",))
"""Which programs have resources: a controller, and a slicer."""
_METHODS = ("get", "post", "put", "patch", "delete")
_TITLES = {
    "flows": "Flows",
    "spanning-tree": "Spanning tree",
    "xen": "Xen",
}


def openapi_documents() -> list[Json]:
    """Start each program on this machine, and return what it says of its API."""
    documents = []
    for apps in _APPS:
        with (
            tempfile.TemporaryDirectory(prefix="horizon-docs-") as folder,
            ControllerProcess(Path(folder), apps, "[stats]\novsdb =\n") as controller,
        ):
            documents.append(controller.get("/v1/openapi.json"))
    return documents


def merged(documents: Iterable[Json]) -> Json:
    """Return one document with the paths and schemas of all; the first that has one counts."""
    paths: Json = {}
    schemas: Json = {}
    for document in documents:
        for path, operations in document["paths"].items():
            paths.setdefault(path, operations)
        for name, schema in document["components"]["schemas"].items():
            schemas.setdefault(name, schema)
    return {"paths": paths, "schemas": schemas}


def pages(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the pages of a merged document by their names: one of each tag, one of all bodies."""
    by_tag: dict[str, list[tuple[str, str, Json]]] = {}
    for path, operations in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                by_tag.setdefault(operation["tags"][0], []).append((method, path, operation))
    found = {f"rest-{tag}": _tag_page(tag, by_tag[tag]) for tag in sorted(by_tag)}
    found["rest-bodies"] = _bodies_page(document["schemas"])
    return found


def _tag_page(tag: str, operations: list[tuple[str, str, Json]]) -> str:
    title = _TITLES.get(tag, tag.capitalize())
    lines = [title, "=" * len(title), ""]
    for method, path, operation in operations:
        lines += _operation(method, path, operation)
    return "\n".join(lines)


def _operation(method: str, path: str, operation: Json) -> list[str]:
    title = f"{method.upper()} {path}"
    summary = operation["summary"].replace("*", "\\*")
    lines = [title, "-" * len(title), "", f"{summary} {operation['description']}", ""]
    for parameter in operation.get("parameters", ()):
        lines += _parameter(parameter)
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        lines += [f":Body: {_contents(body)}"]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            told = _contents(answer.get("content", {})) or "nothing"
            lines += [f":{status}: {told}"]
    refused = ", ".join(
        status for status in operation["responses"] if status.startswith(("3", "4", "5"))
    )
    return [*lines, f":Else: {refused}", ""]


def _parameter(parameter: Json) -> list[str]:
    schema = parameter["schema"]
    words = parameter.get("description") or schema.get("description") or ""
    where = "path" if parameter["in"] == "path" else "query"
    return [f":{parameter['name']}: ({where}) {words or _kind(schema)}"]


def _contents(content: Json) -> str:
    told = []
    for media_type, what in content.items():
        kind = _kind(what.get("schema", {}))
        told.append(f"{kind} as ``{media_type}``" if kind else f"``{media_type}``")
    return ", ".join(told)


def _bodies_page(schemas: Json) -> str:
    lines = ["Bodies", "======", "", "What requests and answers are made of, by name.", ""]
    for name, schema in sorted(schemas.items()):
        lines += [f".. _body-{name.lower()}:", "", name, "-" * len(name), ""]
        lines += [_escaped(schema.get("description", "").split("\n\n")[0]), ""]
        if "properties" in schema:
            lines += _fields(schema)
        else:
            lines += [_kind(schema), ""]
    return "\n".join(lines)


def _fields(schema: Json) -> list[str]:
    required = schema.get("required", [])
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - Field", "     - What", "     - "]
    for name, value in schema["properties"].items():
        needed = "needed" if name in required else _default(value)
        words = _escaped(value.get("description", ""))
        lines += [
            f"   * - ``{name}``",
            f"     - {_kind(value)}. {words}".rstrip(),
            f"     - {needed}",
        ]
    return [*lines, ""]


def _default(schema: Json) -> str:
    return f"default ``{json.dumps(schema['default'])}``" if "default" in schema else ""


def _kind(schema: Json) -> str:
    """Return what a schema asks for, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f":ref:`{name} <body-{name.lower()}>`"
    for several, word in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if several in schema:
            return word.join(dict.fromkeys(filter(None, map(_kind, schema[several]))))
    if "enum" in schema or "const" in schema:
        return " | ".join(
            f"``{json.dumps(value)}``" for value in schema.get("enum", [schema.get("const")])
        )
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {})) or 'anything'}"
    return _simple(schema)


def _simple(schema: Json) -> str:
    kind = schema.get("type", "anything")
    least, most = schema.get("minimum"), schema.get("maximum")
    bounds = f" ({least} to {most})" if least is not None and most is not None else ""
    pattern = (
        f", ``{schema['pattern']}``" if "pattern" in schema and "`" not in schema["pattern"] else ""
    )
    return f"{kind}{bounds}{pattern}"


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("*", "\\*").replace("|", "\\|")
