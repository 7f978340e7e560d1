"""What the router enforces for every resource, whatever it is about."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from webob import Request, Response

from horizon_ryu.core.errors import (
    Conflict,
    HorizonError,
    InvalidInput,
    LimitExceeded,
    NotFound,
    StoreError,
    SwitchAway,
    SwitchDeadline,
    SwitchError,
)
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.problem import Problem
from horizon_ryu.http.request import MAX_BODY
from horizon_ryu.http.router import (
    NO_RESOURCE,
    Call,
    PathParameter,
    Raw,
    Resource,
    Router,
)
from horizon_ryu.rest.model import Model
from horizon_ryu.rest.root import lacking


class Note(Model):
    text: str


def serve(handler: Any, **declared: Any) -> Router:
    router = Router()
    declared = {"method": "GET", "path": "/v1/notes/{dpid}", "summary": "Try", **declared}
    router.add([Resource(handler=handler, **declared)])
    return router


def ask(router: Router, path: str = "/v1/notes/0000000000000001", **environ: Any) -> Response:
    return Request.blank(path, **environ).get_response(router)


def raising(error: Exception) -> Router:
    def handler(_call: Call) -> None:
        raise error

    return serve(handler)


@pytest.mark.parametrize(
    ("error", "status", "members"),
    [
        (InvalidInput(("match", "nw_src"), "not CIDR"), 422, {"errors": [
            {"loc": ["match", "nw_src"], "msg": "not CIDR"}
        ]}),
        (NotFound("no such flow"), 404, {"detail": "no such flow"}),
        (Conflict("taken"), 409, {"detail": "taken"}),
        (SwitchAway(0xAB), 424, {"switch": "00000000000000ab"}),
        (SwitchError(1, "table full"), 424, {"switch": "0000000000000001"}),
        (SwitchDeadline(2, "silent"), 504, {"switch": "0000000000000002"}),
        (LimitExceeded("too many"), 429, {"detail": "too many"}),
    ],
)  # fmt: skip
def test_errors_become_problems(error: HorizonError, status: int, members: Any) -> None:
    answer = ask(raising(error))
    assert answer.status_int == status
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["type"].startswith("/v1/openapi.json#/components/responses/")
    assert problem["title"]
    assert problem | members == problem


@pytest.mark.parametrize(
    "error", [RuntimeError("secret at /etc/secret"), HorizonError("secret"), KeyError("secret")]
)
def test_unexpected_errors_tell_nothing(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer = ask(raising(error))
    assert answer.status_int == 500
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    "accept",
    [
        "application/xml",
        "text/xml",
        "application/xml, application/json;q=0.5",
        "application/xml;q=0.2, text/plain;q=0.9",
    ],
)
def test_problem_in_xml_when_xml_is_asked_for(accept: str) -> None:
    answer = ask(raising(SwitchError(1, "says \x00 <no> \ud800")), accept=accept)
    # The handler has no XML form of its answer, so what is asked for is not there.
    assert answer.status_int in (406, 424)
    problem = xml_form.read(Problem, answer.body)
    assert problem.status == answer.status_int


def test_hostile_text_does_not_break_an_xml_problem(client: Any) -> None:
    client.discovery.trouble = SwitchError(1, "says \x00 <no> \ud800 \x1b[0m")
    answer = client.get("/v1/topology/links?network=vlan:7", "application/xml")
    assert answer.status_int == 424
    problem = xml_form.read(Problem, answer.body)
    assert problem.switch == "0000000000000001"
    assert "<no>" in problem.detail


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/xml", "application/xml"),
        ("text/xml", "text/xml"),
        ("application/json;q=0.5, application/xml;q=0.9", "application/xml"),
        ("application/json;q=0.9, application/xml;q=0.5", "application/json"),
        ("application/*", "application/json"),
        ("application/json;q=0, */*;q=0.1", "application/xml"),
        ("garbage;;;", "application/json"),
    ],
)
def test_format_is_negotiated(client: Any, accept: str | None, expected: str) -> None:
    answer = client.get("/v1/topology/links", accept)
    assert answer.status_int == 200
    assert answer.content_type == expected
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    if "xml" in expected:
        assert etree.fromstring(answer.body).tag == "topology"
    else:
        assert answer.json["network"] == "physical"


def test_unavailable_format_is_406(client: Any) -> None:
    answer = client.get("/v1/topology/links", "image/png")
    assert answer.status_int == 406
    assert "application/xml" in answer.json["detail"]


def test_unknown_path_is_404(client: Any) -> None:
    for path in ("/", "/v2", "/v1/", "/v1/topology/", "/v1/networks/a/b", "/v1//topology"):
        assert client.get(path).status_int == 404, path


def test_unknown_method_is_405_with_allow(client: Any) -> None:
    answer = client.ask("PUT", "/v1/networks")
    assert answer.status_int == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.ask("TRACE", "/v1/health").status_int == 405


def test_options_tells_the_methods(client: Any) -> None:
    answer = client.ask("OPTIONS", "/v1/topology/timers")
    assert answer.status_int == 204
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, PATCH"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_head_has_the_headers_of_get_and_no_body(client: Any) -> None:
    whole, head = client.get("/v1/topology"), client.ask("HEAD", "/v1/topology")
    assert head.status_int == 200
    assert head.body == b""
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]


@pytest.mark.parametrize(
    "dpid",
    [
        "0x0",
        "1",
        "-000000000000001",
        "+000000000000001",
        "00000000000000001",
        "000000000000000A",
        "0000000000000001%0A",
        "%200000000000000001",
        "%D9%A0" * 16,  # digits, but Arabic ones
        "000000000000000g",
    ],
)
def test_malformed_dpid_is_400(dpid: str) -> None:
    def handler(call: Call) -> Note:
        return Note(text=str(call.path["dpid"]))

    router = serve(handler, response=Note)
    answer = ask(router, f"/v1/notes/{dpid}")
    assert answer.status_int == 400
    assert answer.json["errors"][0]["loc"] == ["dpid"]
    assert ask(router, "/v1/notes/00000000000000ff").json == {"text": "255"}


def test_url_that_is_not_utf8_is_400(client: Any) -> None:
    assert client.get("/v1/networks/%ff%fe").status_int == 400
    assert client.get("/v1/topology?network=%ff").status_int == 400


def test_unknown_and_repeated_query_parameters_are_422(client: Any) -> None:
    for path in ("/v1/health?verbose=1", "/v1/topology?netwrok=vlan:1"):
        answer = client.get(path)
        assert answer.status_int == 422
        assert answer.json["errors"][0]["loc"] == [path.partition("?")[2].partition("=")[0]]
    twice = client.get("/v1/topology?network=vlan:1&network=vlan:2")
    assert twice.status_int == 422
    assert twice.json["errors"] == [{"loc": ["network"], "msg": "given twice"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "a", "name": "b", "definition": {"vlan": 1}}', 400),
        (b'{"name": "a", "definition": {"vlan": NaN}}', 400),
        (b'{"name": "a", "definition": {"vlan": 1e999}}', 400),
        (b'{"name": "a", "definition": {"vlan": ' + b"9" * 5000 + b"}}", 400),
        (b'{"name": "\xff"}', 400),
        (b'\xef\xbb\xbf{"name": "a", "definition": {"vlan": 1}}', 400),
        (b'{"name": "\\ud800", "definition": {"vlan": 1}}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
        (b"[" + b"1," * 100_001 + b"1]", 400),
        (b"{" + b",".join(b'"%d":0' % number for number in range(1001)) + b"}", 400),
        (b'{"name": "' + b"[{" * 100 + b'", "definition": {"vlan": 1}}', 422),
        (b"__import__('os').system('true')", 400),
        (b"[]", 422),
        (b"null", 422),
        (b"{}", 422),
        (b'{"name": "a", "definition": {"vlan": "1"}}', 422),
        (b'{"name": "a", "definition": {"vlan": 1.0}}', 422),
        (b'{"name": "a", "definition": {"vlan": true}}', 422),
        (b'{"name": "a", "definition": {"vlan": 1}, "extra": 0}', 422),
        (b'{"name": "a", "definition": {"vlan": 1}}', 201),
    ],
)
def test_bodies_are_read_strictly(client: Any, body: bytes, status: int) -> None:
    answer = client.ask("POST", "/v1/networks", body)
    assert answer.status_int == status
    assert bool(client.networks.networks()) == (status == 201)
    if status == 422:
        assert answer.json["errors"]


def test_field_at_fault_is_named(client: Any) -> None:
    answer = client.ask("POST", "/v1/networks", {"name": "a", "definition": {"vlan": 5000}})
    assert answer.json["errors"][0]["loc"] == ["definition", "vlan"]


def test_errors_told_are_bounded(client: Any) -> None:
    body = {f"x{number}": 1 for number in range(900)}
    answer = client.ask("PATCH", "/v1/topology/timers", body)
    assert answer.status_int == 422
    assert len(answer.json["errors"]) == 100


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": ""},
    ],
)
def test_other_types_of_body_are_415(client: Any, headers: dict[str, str]) -> None:
    answer = client.ask("POST", "/v1/networks", b'{"name": "a"}', headers)
    assert answer.status_int == 415
    assert answer.headers["Accept"] == "application/json"


def test_merge_patch_is_a_type_of_patch_only(client: Any) -> None:
    headers = {"Content-Type": "application/merge-patch+json; charset=UTF-8"}
    assert client.ask("PATCH", "/v1/topology/timers", b"{}", headers).status_int == 200
    assert client.ask("POST", "/v1/networks", b"{}", headers).status_int == 415


def test_large_body_is_413_without_being_read(client: Any) -> None:
    request = Request.blank("/v1/networks", method="POST", content_type="application/json")
    request.environ["CONTENT_LENGTH"] = str(MAX_BODY + 1)
    request.environ["wsgi.input"] = None
    answer = request.get_response(client.router)
    assert answer.status_int == 413
    assert answer.headers["Connection"] == "close"


def test_large_body_in_chunks_is_413(client: Any) -> None:
    class Endless:
        given = 0

        def read(self, size: int) -> bytes:
            piece = b" " * min(size, 65536)
            self.given += len(piece)
            return piece

    request = Request.blank("/v1/networks", method="POST", content_type="application/json")
    request.headers["Transfer-Encoding"] = "chunked"
    request.environ["CONTENT_LENGTH"] = ""
    request.environ["wsgi.input"] = endless = Endless()
    assert request.get_response(client.router).status_int == 413
    assert endless.given == MAX_BODY + 1


def test_content_length_must_be_a_number(client: Any) -> None:
    request = Request.blank("/v1/networks", method="POST", content_type="application/json")
    request.environ["CONTENT_LENGTH"] = "-5"
    assert request.get_response(client.router).status_int == 400


def test_handler_must_keep_to_its_declaration() -> None:
    router = serve(lambda _call: Note(text="x"), response=Problem)
    assert ask(router).status_int == 500
    undeclared = serve(lambda call: Note(text=call.body(Note).text), response=Note)
    assert ask(undeclared).status_int == 500


def test_raw_answers_keep_their_type() -> None:
    router = serve(lambda _call: Raw(b"x 1\n", "text/plain; version=0.0.4"), produces="text/plain")
    answer = ask(router, accept="text/plain;q=0.5, */*;q=0.1")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert answer.body == b"x 1\n"


def test_operation_is_served_once() -> None:
    router = serve(lambda _call: None, status=204)
    with pytest.raises(Conflict, match="GET /v1/notes"):
        router.add(router.resources)


def test_unknown_path_parameter_is_refused_when_added() -> None:
    with pytest.raises(KeyError):
        serve(lambda _call: None, path="/v1/{what}")


def test_literal_path_wins_over_parameter() -> None:
    router = serve(lambda _call: Note(text="one"), path="/v1/notes/{name}", response=Note)
    router.add([
        Resource(
            method="GET",
            path="/v1/notes/timers",
            handler=lambda _call: Note(text="timers"),
            response=Note,
            summary="Try",
        )
    ])  # fmt: skip
    assert ask(router, "/v1/notes/timers").json == {"text": "timers"}
    assert ask(router, "/v1/notes/x").json == {"text": "one"}


ANYTHING = PathParameter(r"^[\s\S]+$", "anything")


def echo(path: str) -> Router:
    """Return a router that answers with the path parameters."""

    def handler(call: Call) -> Note:
        return Note(text=json.dumps(call.path))

    parameters = {"name": ANYTHING, "other": ANYTHING}
    return serve(handler, path=path, response=Note, parameters=parameters)


def ask_raw(router: Router, raw: str, path_info: str | None = None) -> Response:
    """Ask as our server hands requests on: with the path as it was sent."""
    decoded = unquote(raw, encoding="latin-1") if path_info is None else path_info
    return ask(router, "/", environ={"RAW_PATH_INFO": raw, "PATH_INFO": decoded})


@given(st.text(min_size=1), st.text(min_size=1))
@example("../networks", "a/b")
@example("%2F", "%")
@example("..", "\n")
def test_each_segment_is_decoded_once_and_on_its_own(name: str, other: str) -> None:
    router = echo("/v1/{name}/of/{other}")
    answer = ask_raw(router, f"/v1/{quote(name, safe='')}/of/{quote(other, safe='')}")
    assert json.loads(answer.json["text"]) == {"name": name, "other": other}


@pytest.mark.parametrize("raw", ["/v1/a%2Fof%2Fb", "/v1%2Fa/of/b", "/v1/a/of/", "/v1//of/b", ""])
def test_an_encoded_slash_parts_nothing(raw: str) -> None:
    assert ask_raw(echo("/v1/{name}/of/{other}"), raw).status_int == 404


def test_a_path_that_was_changed_on_the_way_is_the_changed_one() -> None:
    answer = ask_raw(echo("/v1/{name}"), "/prefix/v1/x", path_info="/v1/x")
    assert json.loads(answer.json["text"]) == {"name": "x"}


def test_a_segment_that_is_not_utf_8_is_400() -> None:
    assert ask_raw(echo("/v1/{name}"), "/v1/%ff").status_int == 400


def test_requests_are_observed(client: Any) -> None:
    client.get("/v1/health")
    client.get("/nowhere")
    assert client.metrics.requests == {"200": 1, "404": 1}


def test_answers_are_neither_cached_nor_sniffed(client: Any) -> None:
    for path in ("/v1", "/nowhere", "/metrics"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("[::1]", 200),
        ("192.0.2.1", 200),
        ("evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:8080", 421),
        ("", 421),
    ],
)
def test_without_tokens_a_foreign_name_is_refused(client: Any, host: str, status: int) -> None:
    """By such a name a page in a browser would reach us (DNS rebinding)."""
    assert client.ask("GET", "/v1/health", headers={"Host": host}).status_int == status


def test_problem_body_is_json_even_if_nothing_is_acceptable(client: Any) -> None:
    answer = client.get("/nowhere", "image/png")
    assert answer.content_type == "application/problem+json"
    assert json.loads(answer.body)["status"] == 404


def test_only_what_changes_something_is_run_by_who_bounds_the_wait() -> None:
    ran: list[str] = []

    def bounded(operation: Any) -> None:
        ran.append(operation.args[0].http.method)
        operation()
        raise StoreError("the store has not answered: what was asked may still be carried out")

    done: list[str] = []
    router = Router(answering=bounded)
    for method in ("GET", "DELETE"):
        router.add(
            [
                Resource(
                    handler=lambda call: done.append(call.http.method),
                    method=method,
                    path="/v1/notes",
                    summary="Try",
                )
            ]
        )
    assert ask(router, "/v1/notes").status_int == 204
    answer = ask(router, "/v1/notes", method="DELETE")
    assert (answer.status_int, ran, done) == (503, ["DELETE"], ["GET", "DELETE"])
    assert "may still be carried out" in answer.json["detail"]


def test_who_asks_for_a_part_that_a_controller_lacks_is_told_what_would_serve_it() -> None:
    router = Router(lacking=lacking)
    answer = ask(router, "/v1/slices/blue/stats")
    assert answer.status_int == 404
    assert "no slicer" in answer.json["detail"]
    assert "slicer_url" in answer.json["detail"]
    assert "horizon_ryu.xen" in ask(router, "/v1/xen/hosts").json["detail"]
    for path in ("/", "/v1", "/v1/", "/v2/slices", "/v1/nothing"):
        assert ask(router, path).json["detail"] == NO_RESOURCE


def test_a_part_that_is_served_is_not_said_to_be_lacking() -> None:
    router = Router(lacking=lacking)
    router.add([Resource(method="GET", path="/v1/slices", handler=lambda _: None, summary="Try")])
    assert ask(router, "/v1/slices/blue/nothing").json["detail"] == NO_RESOURCE
