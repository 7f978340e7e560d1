"""Slices forwarded by the controller: what reaches the slicer, and what comes back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from webob import Request, Response

from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.auth import Tokens, parse_tokens
from horizon_ryu.http.router import Router
from horizon_ryu.rest import slice_forwarding, slices, topology
from horizon_ryu.rest.slice_forwarding import SliceForwarding
from horizon_ryu.slices.slicer_address import SlicerAddress, slicer_address
from unit.rest.conftest import FakeDiscovery, MemoryNetworks
from xen_bridge.runtime.green import GreenRuntime

TOKENS = parse_tokens(["pilot pilot-token-0000001", "slice:blue blue-token-00000001"])
BLUE = {"Authorization": "Bearer blue-token-00000001"}
PILOT = {"Authorization": "Bearer pilot-token-0000001"}


class FakeSlicer:
    """Notes what it is asked; ``answers`` by method and path, 200 and ``{}`` otherwise."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.answers: dict[str, tuple[int, Any]] = {}
        self.needs_token = False
        slicer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                token = self.headers.get("Authorization")
                slicer.asked.append((self.command, self.path, token, body))
                status, told = slicer.answers.get(f"{self.command} {self.path}", (200, {}))
                if slicer.needs_token and token is None:
                    status, told = 401, {}
                data = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/problem+json")
                self.send_header("Location", "/v1/slices/there")
                self.send_header("Set-Cookie", "a=b")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def slicer() -> Iterator[FakeSlicer]:
    found = FakeSlicer()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def forwarding_to(slicer: FakeSlicer) -> SliceForwarding:
    address = SlicerAddress("127.0.0.1", slicer.server.server_port, False)
    return SliceForwarding(address, GreenRuntime())


def controller(slicer: FakeSlicer, tokens: Tokens | None = None) -> Router:
    router, forwarding = Router(tokens), forwarding_to(slicer)
    router.add(forwarding.resources())
    networks = MemoryNetworks()
    router.add(topology.resources(FakeDiscovery(), networks, slices=forwarding.ports))
    return router


def ask(router: Router, method: str, path: str, body: Any = None, **headers: str) -> Response:
    request = Request.blank(path, method=method, headers=headers)
    if body is not None:
        request.body, request.content_type = json.dumps(body).encode(), "application/json"
    return request.get_response(router)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/slices", None),
        ("POST", "/v1/slices?dry_run=1", {"name": "a"}),
        ("PUT", "/v1/slices", {"slices": []}),
        ("GET", "/v1/slices/a%20b", None),
        ("PATCH", "/v1/slices/a", {"enabled": False}),
        ("DELETE", "/v1/slices/a", None),
        ("POST", "/v1/slices/a/flowspace", [{"ports": [1]}]),
        ("DELETE", "/v1/slices/a/flowspace/7", None),
        ("GET", "/v1/slices/a/stats", None),
    ],
)
def test_requests_reach_the_slicer_as_they_are(
    slicer: FakeSlicer, method: str, path: str, body: Any
) -> None:
    slicer.answers[f"{method} {path}"] = (409, {"title": "Conflict"})
    answer = ask(controller(slicer), method, path, body, **PILOT)
    assert slicer.asked == [(method, path, PILOT["Authorization"], body)]
    assert (answer.status_int, answer.json) == (409, {"title": "Conflict"})
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Location"].endswith("/v1/slices/there")
    assert "Set-Cookie" not in answer.headers


def test_every_operation_of_the_slicer_is_forwarded(slicer: FakeSlicer) -> None:
    served = {(one.method, one.path) for one in controller(slicer).resources}
    assert {(one.method, one.path) for one in slices.declared()} <= served


def test_what_is_no_request_does_not_reach_the_slicer(slicer: FakeSlicer) -> None:
    router = controller(slicer, TOKENS)
    assert ask(router, "GET", "/v1/slices").status_int == 401
    assert ask(router, "GET", "/v1/slices?colour=1", **PILOT).status_int == 422
    assert ask(router, "DELETE", "/v1/slices/a/flowspace/x", **PILOT).status_int == 400
    assert ask(router, "PUT", "/v1/slices", {"slices": []}, **BLUE).status_int == 403
    assert slicer.asked == []


def test_the_token_of_a_slice_goes_to_a_slicer_that_asks_for_tokens_only(
    slicer: FakeSlicer,
) -> None:
    router = controller(slicer, TOKENS)
    assert ask(router, "GET", "/v1/slices/red", **BLUE).status_int == 403
    assert [path for _method, path, _token, _body in slicer.asked] == ["/v1/slices"]
    slicer.needs_token = True
    assert ask(router, "GET", "/v1/slices/red", **BLUE).status_int == 200
    assert slicer.asked[-1][1:3] == ("/v1/slices/red", BLUE["Authorization"])


def test_a_slicer_that_is_away_or_silent_is_a_503(
    slicer: FakeSlicer, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = controller(slicer)
    slicer.answers["GET /v1/slices"] = (200, b"x" * 5000)
    monkeypatch.setattr(slice_forwarding, "MOST_ANSWER", 4000)
    assert "bytes" in ask(router, "GET", "/v1/slices").json["detail"]
    monkeypatch.setattr(slice_forwarding, "MOST_AT_ONCE", 0)
    assert ask(controller(slicer), "GET", "/v1/slices").status_int == 429
    slicer.server.shutdown()
    slicer.server.server_close()
    answer = ask(router, "GET", "/v1/slices")
    assert (answer.status_int, answer.json["title"]) == (503, "The slicer is away")


@pytest.fixture
def somebody() -> Iterator[tuple[list[bytes], int]]:
    """What listens where a slicer should be: it says the first bytes, then the rest for ever."""
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    link, _ = server.accept()
                    with link, suppress(OSError):
                        link.recv(65_536)
                        link.sendall(said[0])
                        while len(said) > 1:
                            link.sendall(said[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield said, server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _asked(port: int) -> Response:
    forwarding = SliceForwarding(SlicerAddress("127.0.0.1", port, False), GreenRuntime())
    router = Router(None)
    router.add(forwarding.resources())
    return ask(router, "GET", "/v1/slices")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html",
        b"HTTP/1.1 999 \xff",
        b"HTTP/1.1 101 Switching Protocols",
    ],
)
def test_what_no_slicer_says_is_not_told_as_the_controllers(
    somebody: tuple[list[bytes], int], head: bytes
) -> None:
    said, port = somebody
    said.append(head + b"\r\nContent-Length: 0\r\n\r\n")
    answer = _asked(port)
    assert answer.status_int == 503
    assert "no slicer" in answer.json["detail"]


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["continues", "chunks"],
)
def test_who_answers_without_end_is_late(
    somebody: tuple[list[bytes], int], endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slice_forwarding, "SECONDS", 0.2)
    said, port = somebody
    said += [endless, endless if b"100" in endless else b"1\r\n \r\n" * 100]
    answer = _asked(port)
    assert answer.status_int == 503
    assert "has not answered within 0.2 s" in answer.json["detail"]


def test_the_topology_of_a_slice_has_its_switches_and_ports(slicer: FakeSlicer) -> None:
    switches = [
        {"dpid": "0000000000000001", "ports": [{"port_no": 1}, {"port_no": 4}]},
        {"dpid": "0000000000000002", "ports": [{"port_no": 2}]},
        {"dpid": "0000000000000009", "ports": []},
    ]
    slicer.answers["GET /v1/slices/blue/topology"] = (200, {"switches": switches})
    slicer.answers["GET /v1/slices/none/topology"] = (404, {})
    slicer.answers["GET /v1/slices/odd/topology"] = (200, {"switches": [{"dpid": 1}]})
    router = controller(slicer)
    found = ask(router, "GET", "/v1/topology?network=blue", **PILOT).json
    ports = {one["dpid"][-1]: [p["port_no"] for p in one["ports"]] for one in found["switches"]}
    assert ports == {"1": [1, 4], "2": [2]}
    assert [(link["src"]["port_no"], link["dst"]["port_no"]) for link in found["links"]] == [
        (1, 2),
        (2, 1),
    ]
    assert [host["port_no"] for host in found["hosts"]] == [4]
    assert slicer.asked[0][2] == PILOT["Authorization"]
    links = ask(router, "GET", "/v1/topology/links?network=blue").json
    assert links["network"] == "blue"
    assert ask(router, "GET", "/v1/topology?network=none").status_int == 404
    assert ask(router, "GET", "/v1/topology?network=odd").status_int == 503


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8090", ("127.0.0.1", 8090, False)),
        ("https://slicer/", ("slicer", 443, True)),
        ("http://[::1]:80", ("::1", 80, False)),
    ],
)
def test_the_address_of_a_slicer_is_a_url(url: str, expected: tuple[Any, ...]) -> None:
    assert tuple(slicer_address(url)) == expected


@pytest.mark.parametrize(
    "url",
    ["", "slicer", "ftp://a", "http://", "http://a:0", "http://a:x", "http://a/v1", "http://u@a"],
)
def test_what_is_no_address_of_a_slicer_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        slicer_address(url)
