"""Whatever name horizonctl is given, that name is what the API is asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st
from webob import Request

from examples import examples
from horizon_ryu.cli.main import main
from horizon_ryu.http.resource import Call, PathParameter, Raw, Resource
from horizon_ryu.http.router import Router
from unit.cli.in_memory import answered_by

ANYTHING = PathParameter(r"^[\s\S]+$", "anything")
NAMES = (
    "../networks/blue",
    "a/b",
    "%2E%2E",
    "..%2Fx",
    "%",
    "?network=x",
    "#",
    "a;b",
    "é+ \x00\n",
    "…",
)
COMMANDS = {
    ("networks", "delete", "--"): ("DELETE", "/v1/networks/{name}"),
    ("flows", "show", "--"): ("GET", "/v1/flows/{name}"),
    ("flows", "set", "--priority", "1", "--"): ("PATCH", "/v1/flows/{name}"),
    ("flows", "delete", "--"): ("DELETE", "/v1/flows/{name}"),
    ("migrations", "--"): ("GET", "/v1/migrations/{name}"),
    ("xen", "remove", "--"): ("DELETE", "/v1/xen/hosts/{name}"),
}


class Api:
    """A router that serves what the commands ask for, and tells what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self._router = Router()
        templates = set(COMMANDS.values()) | {("GET", "/v1/nodes/{name}/measures")}
        self._router.add(self._resource(*template) for template in sorted(templates))

    def _resource(self, method: str, path: str) -> Resource:
        def handler(call: Call) -> Raw:
            self.asked.append((method, path, call.path["name"]))
            return Raw(b"{}", "application/json")

        return Resource(
            method=method,
            path=path,
            handler=handler,
            summary="Anything",
            parameters={"name": ANYTHING},
            produces="application/json",
        )

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Do as httpx, the network and our server do: of the path, what is really sent counts."""
        sent = httpx.Request(method, url, headers=options["headers"])
        raw = sent.url.raw_path.decode("ascii").partition("?")[0]
        asked = Request.blank("/", method=method, headers={"Accept": sent.headers["Accept"]})
        asked.environ |= {"RAW_PATH_INFO": raw, "PATH_INFO": unquote(raw, encoding="latin-1")}
        answer = self._router.respond(asked)
        return httpx.Response(answer.status_int, content=answer.body)


FEW = settings(max_examples=examples(30, 100))
"""Each command is given names that are known to be hard anyway."""


@contextmanager
def api() -> Iterator[Api]:
    made = Api()
    with pytest.MonkeyPatch.context() as patch:
        answered_by(patch, made.request)
        yield made


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["-o", "json", *words])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] != "xen"])
def test_a_name_reaches_the_resource_that_the_command_is_about(
    words: tuple[str, ...], name: str
) -> None:
    with api() as asked:
        result = run(*words, name)
    assert result.exit_code == 0, result.output
    assert asked.asked == [(*COMMANDS[words], name)]


@FEW
@given(st.sampled_from([words for words in COMMANDS if words[0] != "xen"]), st.text())
@example(("flows", "delete", "--"), "../networks/blue")
def test_any_name_is_one_segment_or_is_refused(words: tuple[str, ...], name: str) -> None:
    with api() as asked:
        result = run(*words, name)
    if name in ("", ".", ".."):
        assert (result.exit_code, asked.asked) == (2, [])
        assert "is not the name of anything" in result.output
    else:
        assert (result.exit_code, asked.asked) == (0, [(*COMMANDS[words], name)])


@given(st.text())
@example("x/../..")
@example("a:b/measures")
def test_any_node_is_one_segment(name: str) -> None:
    with api() as asked:
        assert run("measures", "--", f"xen:{name}").exit_code == 0
    assert asked.asked == [("GET", "/v1/nodes/{name}/measures", f"xen:{name}")]


@given(st.text())
@example("..")
@example("a/b")
def test_a_host_is_named_or_refused(name: str) -> None:
    with api() as asked:
        result = run("xen", "remove", "--", name)
    known = [("DELETE", "/v1/xen/hosts/{name}", name)]
    assert (result.exit_code, asked.asked) in [(0, known), (2, [])]


def test_a_name_that_is_no_text_is_refused() -> None:
    with api() as asked:
        result = run("flows", "delete", "--", "\udcff")
    assert (result.exit_code, asked.asked) == (2, [])
    assert "is not UTF-8" in result.output
