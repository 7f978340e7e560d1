"""The API on Ryu's own web server: beside others' routes, with web sockets, in time."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
import websocket
from eventlet import tpool
from ryu import cfg
from ryu.app.wsgi import ControllerBase, WSGIApplication, route
from ryu.lib import hub
from webob import Response

from horizon_ryu.core.errors import LimitExceeded
from horizon_ryu.http import wsgi_mount
from horizon_ryu.http.auth import parse_tokens
from horizon_ryu.http.client_frames import FRAMES_PER_TURN, ClientGone, read_frames
from horizon_ryu.http.event_log import MAX_SUBSCRIBERS, QUEUE_EVENTS
from horizon_ryu.http.host_check import UnsafeListening
from horizon_ryu.http.router import Router
from horizon_ryu.http.server import RestServer
from horizon_ryu.http.wsgi_mount import mount, read_body_in_time
from horizon_ryu.rest import events as events_resource
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.serving.http import DEFAULT_LIMITS, HttpLimits
from xen_bridge.serving.room import Room

TOKEN = "monitor-token-0001"


class OthersController(ControllerBase):  # type: ignore[misc]  # Ryu ships no types
    """A REST application of a user of Ryu."""

    @route("others", "/v1/health", methods=["GET"])  # type: ignore[untyped-decorator]
    def health(self, _request: Any, **_match: Any) -> Response:
        return Response(body=b"others'")

    @route("flows", "/stats/flow/{dpid}", methods=["GET"])  # type: ignore[untyped-decorator]
    def flows(self, _request: Any, dpid: str, **_match: Any) -> Response:
        return Response(body=f"flows of {dpid}".encode())


def _never(error: Exception) -> None:
    raise AssertionError("accepting failed") from error


class Server:
    """Ryu's server with our router; clients run in threads of the system meanwhile."""

    def __init__(
        self, router: Router, after: Callable[[WSGIApplication], None], limits: HttpLimits
    ) -> None:
        wsgi = WSGIApplication()
        mount(wsgi, router)
        after(wsgi)
        self._server = RestServer(GreenRuntime(), Room(100), _never, wsgi, ("127.0.0.1", 0), limits)
        self.port = self._server.server.getsockname()[1]
        self._greenlet = hub.spawn(self._server.serve_forever)

    def stop(self) -> None:
        hub.kill(self._greenlet)
        self._server.server.close()

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, bytes]:
        def call() -> tuple[int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request(method, path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            finally:
                connection.close()

        result: tuple[int, bytes] = tpool.execute(call)
        return result

    def listen(self, query: str = "", **options: Any) -> Any:
        url = f"ws://127.0.0.1:{self.port}/v1/events{query}"
        return tpool.execute(websocket.create_connection, url, timeout=5, **options)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(
        router: Router,
        after: Callable[[Any], None] = lambda _wsgi: None,
        limits: HttpLimits = DEFAULT_LIMITS,
    ) -> Server:
        servers.append(Server(router, after, limits))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def receive(connection: Any) -> Any:
    return json.loads(tpool.execute(connection.recv))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        hub.sleep(0.01)


def test_requests_are_served(client: Any, serve: Any) -> None:
    server = serve(client.router)
    status, body = server.ask("GET", "/v1/topology")
    assert (status, len(json.loads(body)["switches"])) == (200, 3)
    assert server.ask("GET", "/v1/networks/%ff")[0] == 400
    status, body = server.ask("GET", "/stats/switches", Accept="application/xml")
    assert status == 404
    assert b"<problem>" in body
    assert server.ask("HEAD", "/v1/topology") == (200, b"")
    assert server.ask("DELETE", "/v1/networks/x")[0] == 404


def test_an_encoded_slash_leads_to_no_other_resource(client: Any, serve: Any) -> None:
    server = serve(client.router)
    assert server.ask("GET", "/v1/topology/links")[0] == 200
    assert server.ask("GET", "/v1/%74opology/links")[0] == 200
    assert server.ask("GET", "/v1/topology%2Flinks")[0] == 404
    # It is part of the name, which no network can have.
    assert server.ask("DELETE", "/v1/networks/a%2Fb")[0] == 400
    assert server.ask("DELETE", "/v1/networks/%2E%2E")[0] == 400


def test_routes_of_others_come_first_whenever_they_come(client: Any, serve: Any) -> None:
    server = serve(client.router, after=lambda wsgi: wsgi.register(OthersController))
    assert server.ask("GET", "/v1/health") == (200, b"others'")
    assert server.ask("GET", "/stats/flow/7") == (200, b"flows of 7")
    assert server.ask("GET", "/v1/networks")[0] == 200


def test_access_log_is_quiet_and_errors_are_not(
    client: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(client.router)
    with caplog.at_level(logging.DEBUG):
        server.ask("GET", "/v1/networks?x=1")
        logging.getLogger("ryu.lib.hub").error("hub: uncaught exception")
    told = [(record.name, record.levelno) for record in caplog.records]
    assert ("ryu.lib.hub", logging.INFO) not in told
    assert ("ryu.lib.hub", logging.ERROR) in told
    assert "GET /v1/networks: 422" in caplog.text


def test_slow_body_is_408(make_client: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wsgi_mount, "BODY_SECONDS", 0.1)
    router = make_client().router
    router._read_stream = partial(read_body_in_time, GreenRuntime())
    server = serve(router)

    def trickle() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(
                b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
            )
            return connection.recv(65536)

    assert tpool.execute(trickle).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("body", [b"x\r\n", b"5\r\nabc"])
def test_a_body_in_faulty_chunks_is_400(make_client: Any, serve: Any, body: bytes) -> None:
    router = make_client().router
    router._read_stream = partial(read_body_in_time, GreenRuntime())
    server = serve(router)

    def send() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(
                b"POST /v1/networks HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + body
            )
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    answer = tpool.execute(send)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Connection: close" in answer


def test_listens_on_loopback_unless_configured(client: Any) -> None:
    mount(WSGIApplication(), client.router)
    assert cfg.CONF.wsapi_host == "127.0.0.1"


def test_listening_for_all_without_tokens_is_refused(client: Any, make_client: Any) -> None:
    cfg.CONF.set_override("wsapi_host", "0.0.0.0")
    try:
        with pytest.raises(UnsafeListening):
            mount(WSGIApplication(), client.router)
        mount(WSGIApplication(), make_client(parse_tokens([f"monitor {TOKEN}"])).router)
    finally:
        cfg.CONF.clear_override("wsapi_host")


def test_events_come_as_they_happen(client: Any, serve: Any) -> None:
    server = serve(client.router)
    client.events.publish("old", {})
    connection = server.listen()
    client.events.publish("link_add", {"n": 1})
    event = receive(connection)
    assert (event["seq"], event["kind"], event["data"]) == (2, "link_add", {"n": 1})
    tpool.execute(connection.close)
    until(lambda: client.events.subscribers == 0)


def test_events_are_replayed_and_chosen(client: Any, serve: Any) -> None:
    server = serve(client.router)
    for kind in ("a", "b", "a", "c"):
        client.events.publish(kind, {})
    connection = server.listen("?since=1&kinds=a,c")
    assert [receive(connection)["seq"] for _ in range(2)] == [3, 4]
    tpool.execute(connection.close)


@pytest.mark.parametrize("kinds", ["TYPO", "link_add,link_ad", "link_add,", "a b"])
def test_events_of_no_kind_are_refused_with_the_kinds_that_there_are(
    client: Any, serve: Any, kinds: str
) -> None:
    server = serve(client.router)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.listen(f"?kinds={quote(kinds)}")
    assert refused.value.status_code == 422
    problem = json.loads(refused.value.resp_body)
    (error,) = problem["errors"]
    assert error["loc"][-1] == "kinds"
    assert "host_move, link_add" in error["msg"]
    assert client.events.subscribers == 0


def test_pings_are_answered_and_messages_ignored(client: Any, serve: Any) -> None:
    server = serve(client.router)
    connection = server.listen()
    tpool.execute(connection.send, "hello" * 1000)
    tpool.execute(connection.send_binary, b"")
    tpool.execute(connection.ping, "are you there")
    frame = tpool.execute(connection.recv_frame)
    assert (frame.opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b"are you there")
    tpool.execute(connection.close)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # unknown opcode
        (b"\x89\xfe\x00\x7e\x00\x00\x00\x00", 1002),  # a ping that is too long
        (b"\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", 1009),  # 4 GiB
        (b"\x88\x80\x00\x00\x00\x00", 1000),  # close
        (b"\x88\x85\x00\x00\x00\x00\x03\xe8bye", 1000),
        (b"\x88\x82\x01\x02\x03\x04\x0e\xa2", 4000),  # masked
        (b"\x88\x81\x00\x00\x00\x00\x03", 1002),  # half a code
        (b"\x88\x82\x00\x00\x00\x00\x03\xee", 1002),  # 1006, which nobody sends
    ],
)
def test_faulty_frames_and_closings_end_the_connection(
    client: Any, serve: Any, frame: bytes, code: int
) -> None:
    server = serve(client.router)
    connection = server.listen()
    tpool.execute(connection.sock.sendall, frame)
    until(lambda: client.events.subscribers == 0)
    closing = tpool.execute(connection.recv_frame)
    assert closing.opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(closing.data, "big") == code
    tpool.execute(connection.close)


class Prepared:
    """A connection with so many empty frames ready to be read; counts what is read per turn."""

    def __init__(self, frames: int) -> None:
        self._data = b"\x82\x80\x00\x00\x00\x00" * frames
        self._now = 0
        self.most = 0

    def recv(self, size: int) -> bytes:
        self._now += 1
        self.most = max(self.most, self._now)
        data, self._data = self._data[:size], self._data[size:]
        return data

    def count_turns(self) -> None:
        while True:
            self._now = 0
            hub.sleep(0)


def test_frames_without_end_let_others_have_their_turn() -> None:
    connection = Prepared(1000)
    counting = hub.spawn(connection.count_turns)
    with pytest.raises(ClientGone):
        read_frames(GreenRuntime(), connection, lambda _payload: None)
    hub.kill(counting)
    # Two reads for an empty frame: its beginning, and the mask.
    assert connection.most <= 2 * FRAMES_PER_TURN


def test_event_client_may_be_silent_for_ever(client: Any, serve: Any) -> None:
    server = serve(client.router, limits=HttpLimits(first_byte=0.3, one_operation=0.05))
    connection = server.listen()

    def silent() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as other:
            return other.recv(1)

    assert tpool.execute(silent) == b""  # It was given longer than one operation takes.
    assert client.events.subscribers == 1
    client.events.publish("x", {})
    assert receive(connection)["kind"] == "x"
    tpool.execute(connection.close)


def test_client_that_vanishes_is_forgotten(client: Any, serve: Any) -> None:
    server = serve(client.router)
    connection = server.listen()
    connection.sock.close()
    until(lambda: client.events.subscribers == 0)
    assert server.ask("GET", "/v1/health")[0] == 200


def test_slow_client_is_dropped_and_nobody_waits(
    client: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_resource, "SEND_SECONDS", 0.2)
    server = serve(client.router)
    connection = server.listen(sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    turns: list[int] = []
    for turn in range(8):
        hub.spawn(turns.append, turn)
        for _ in range(QUEUE_EVENTS // 4):
            client.events.publish("x", {"filler": "x" * 8000})
        assert len(turns) == turn  # Who publishes never waits: nobody else had a turn.
        hub.sleep(0)  # The writer sends until the socket takes no more, then waits.
    until(lambda: client.events.subscribers == 0)
    assert client.events.dropped == 1
    assert server.ask("GET", "/v1/health")[0] == 200
    connection.sock.close()


def test_client_that_pings_and_never_reads_is_dropped(
    client: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_resource, "SEND_SECONDS", 0.2)
    server = serve(client.router)
    connection = server.listen(sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    pings = (b"\x89\xfd" + bytes(4) + bytes(125)) * 1000

    def ping() -> None:
        while True:
            connection.sock.sendall(pings)

    connection.sock.settimeout(30)
    with pytest.raises(ConnectionError):
        tpool.execute(ping)
    until(lambda: client.events.subscribers == 0)
    assert client.events.dropped == 1  # Counted, although its queue never was full.
    connection.sock.close()


def refused(server: Server, **options: Any) -> int:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        server.listen(**options)
    status: int = caught.value.status_code
    return status


@pytest.mark.parametrize(
    "field",
    [
        {"Sec-WebSocket-Key": "x"},
        {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAAA"},
        {"Sec-WebSocket-Version": "8"},
        {"Content-Length": "3"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_a_handshake_that_is_none_is_refused_whole(
    client: Any, serve: Any, field: dict[str, str]
) -> None:
    fields = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    status, body = serve(client.router).ask("GET", "/v1/events", **fields | field)
    assert status == 426
    assert json.loads(body)["status"] == 426
    assert client.events.subscribers == 0


def test_page_of_another_site_is_refused(client: Any, serve: Any) -> None:
    server = serve(client.router)
    assert refused(server, origin="http://evil.example") == 403
    connection = server.listen(origin=f"http://127.0.0.1:{server.port}")
    tpool.execute(connection.close)


def test_too_many_clients_are_429(client: Any, serve: Any) -> None:
    server = serve(client.router)
    held = [client.events.subscribe() for _ in range(MAX_SUBSCRIBERS)]
    assert refused(server) == 429
    held[0].close()
    tpool.execute(server.listen().close)


def test_web_sockets_need_a_token_too(make_client: Any, serve: Any) -> None:
    client = make_client(parse_tokens([f"monitor {TOKEN}"]))
    server = serve(client.router)
    assert refused(server) == 401
    by_header = server.listen(header={"Authorization": f"Bearer {TOKEN}"})
    tpool.execute(by_header.close)
    offered = [events_resource.SUBPROTOCOL, f"bearer.{TOKEN}"]
    by_browser = server.listen(subprotocols=offered)
    assert by_browser.getsubprotocol() == events_resource.SUBPROTOCOL
    tpool.execute(by_browser.close)


def connected_silently(server: Server, count: int) -> list[Any]:
    """Open event clients that never read, and so answer no ping."""
    return [server.listen() for _ in range(count)]


def test_silent_event_clients_give_way_to_one_that_answers(client: Any, serve: Any) -> None:
    server = serve(client.router)
    silent = connected_silently(server, MAX_SUBSCRIBERS)
    for number in range(3):
        connection = server.listen()
        client.events.publish("x", {"n": number})
        assert receive(connection)["data"] == {"n": number}
        tpool.execute(connection.close)
    for one in silent:
        one.sock.close()


def test_an_event_client_that_answers_keeps_its_place(client: Any, serve: Any) -> None:
    server = serve(client.router)
    lively = server.listen()
    silent = connected_silently(server, MAX_SUBSCRIBERS // 2)
    client.events.publish("x", {})
    # It answers the ping on the way to the event.
    assert receive(lively)["kind"] == "x"
    silent += connected_silently(server, MAX_SUBSCRIBERS)
    client.events.publish("y", {})
    assert receive(lively)["kind"] == "y"
    assert client.events.subscribers <= MAX_SUBSCRIBERS
    for one in (lively, *silent):
        one.sock.close()


def test_an_event_client_that_answers_no_ping_is_closed_in_time(
    client: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_resource, "PING_SECONDS", 0.05)
    server = serve(client.router)
    connection = server.listen()
    until(lambda: client.events.subscribers == 0)
    connection.sock.close()


def test_event_clients_that_answer_have_a_share_per_address(client: Any) -> None:
    for number in range(MAX_SUBSCRIBERS // 2):
        client.events.subscribe(host=f"2001:db8::{number + 1:x}").heard()
    with pytest.raises(LimitExceeded):
        client.events.subscribe(host="2001:db8::ffff")
    client.events.subscribe(host="2001:db8:1::1").close()
