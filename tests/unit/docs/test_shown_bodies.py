"""Bodies and paths that the pages show: REST has them, and takes the bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import pytest
from webob import Request

from horizon_ryu.http.problem import ProblemError
from horizon_ryu.http.request import query_values, read_body, read_stream
from horizon_ryu.http.resource import Resource
from tools.docs.blocks import commands, curl_body
from unit.docs.shown_pages import all_blocks, literals, shell_lines, typed
from unit.rest.conftest import Client

_CAPTION = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/\S+)")
_SOCKETS = ("/v1/events",)
"""What is asked for by a WebSocket is no operation."""
_OF_HOSTS = ("/messages",)
"""Served by hosts, not by the controller."""
_PROBLEM = '"/v1/openapi.json#/components/responses/'
"""The type of an answer that is a refusal."""


def _operation(resources: Sequence[Resource], method: str, path: str) -> Resource | None:
    for resource in resources:
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(resource.path))
        if resource.method == method and re.fullmatch(pattern, path):
            return resource
    return None


def _refusal(resources: Sequence[Resource], method: str, url: str, body: str | None) -> str | None:
    """Return why a request is not taken, before anything is done."""
    parts = urlsplit(url)
    resource = _operation(resources, method, parts.path)
    if resource is None:
        return "there is no such operation"
    request = Request.blank(f"/?{parts.query}", method=method)
    if body is not None:
        request.body, request.content_type = body.encode(), "application/json"
    try:
        query_values(resource, request)
        read_body(resource, request, read_stream)
    except ProblemError as error:
        return str(error)
    return None


def _shown() -> Iterator[tuple[str, str, str, str | None, bool]]:
    """Yield where a request is, its method, URL and body, and whether it is shown to be refused."""
    for block in all_blocks():
        caption = _CAPTION.fullmatch(block.options.get("caption", ""))
        if caption:
            yield block.where, caption[1], caption[2], block.text, False
    for block, line in shell_lines():
        is_refused = _PROBLEM in block.text
        for words in commands(line):
            url = next((word for word in words if word.startswith("http://127.0.0.1")), None)
            if words[0] == "curl" and url is not None:
                body = curl_body(line)
                default = "GET" if body is None else "POST"
                method = words[words.index("-X") + 1] if "-X" in words else default
                yield block.where, method, url, body, is_refused


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Resource]:
    return Client(folder=tmp_path_factory.mktemp("api")).router.resources


def test_each_request_that_is_shown_is_taken_or_refused_as_shown(
    resources: Sequence[Resource],
) -> None:
    shown = list(_shown())
    assert len([body for *_, body, _ in shown if body is not None]) > 8
    wrong = []
    for where, method, url, body, is_refused in shown:
        why = _refusal(resources, method, url, body)
        if (why is not None) != is_refused:
            wrong.append(f"{where}: {method} {url} {body}: {why}")
    assert not wrong, "\n".join(wrong)


def test_each_operation_that_prose_names_is_one(resources: Sequence[Resource]) -> None:
    named = [
        (page, found[1], urlsplit(found[2]).path)
        for page, text in literals()
        if (found := _CAPTION.fullmatch(text)) and not found[2].startswith(_OF_HOSTS)
    ]
    assert len(named) > 15
    assert [one for one in named if _operation(resources, one[1], one[2]) is None] == []


def test_each_path_that_prose_names_leads_somewhere(resources: Sequence[Resource]) -> None:
    paths = {(page, urlsplit(text).path) for page, text in literals() if text.startswith("/v1/")}
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    assert len(paths) > 10
    lost = [
        (page, path)
        for page, path in sorted(paths)
        if path not in _SOCKETS
        and not any(_operation(resources, method, path) for method in methods)
    ]
    assert lost == []


def test_each_timer_that_is_shown_to_be_set_is_one(resources: Sequence[Resource]) -> None:
    shown = [
        (where, words[2], word.split("="))
        for where, words in typed()
        if words[:2] == ["horizonctl", "timers"]
        for word in words[3:]
    ]
    assert len(shown) > 3
    wrong = []
    for where, kind, (name, value) in shown:
        path = f"/v1/{kind}/timers"
        why = _refusal(resources, "PATCH", path, json.dumps({name: float(value)}))
        if why is not None:
            wrong.append(f"{where}: {path} {name}={value}: {why}")
    assert not wrong, "\n".join(wrong)
