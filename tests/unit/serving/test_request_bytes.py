"""Requests as bytes: what is malformed is refused, so that nobody hides a second one in a first."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import eventlet
import pytest
from eventlet import tpool

from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.serving.accepting import listen
from xen_bridge.serving.http import HttpLimits, HttpServer
from xen_bridge.serving.room import Room

_native = eventlet.patcher.original("socket")
HOST = b"Host: h\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


class Echo:
    """A server that tells the method, host, path and body of each request it took."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.environ: dict[str, Any] = {}
        runtime = GreenRuntime()
        self._listening = listen(runtime, ("127.0.0.1", 0), 16)
        limits = HttpLimits(keep_alive=0.3)
        self._server = HttpServer(
            runtime, self._listening, self._answer, Room(8), lambda _error: None, limits=limits
        )
        self._serving = eventlet.spawn(self._server.serve_forever)

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        try:
            body = environ["wsgi.input"].read(1 << 20)
        except (OSError, ValueError):
            start("400 Bad Request", [("Content-Type", "text/plain")])
            return [b"body"]
        host, path = environ.get("HTTP_HOST", ""), environ["PATH_INFO"]
        self.asked.append((environ["REQUEST_METHOD"], host, path, body))
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    def say(self, data: bytes) -> tuple[list[int], bytes]:
        """Return the statuses answered to ``data``, and all bytes, until the server closes."""

        def converse() -> bytes:
            with _native.create_connection(self._listening.getsockname(), 30) as link:
                link.sendall(data)
                heard = b""
                try:
                    while piece := link.recv(65536):
                        heard += piece
                except ConnectionError:
                    pass
                return heard

        heard: bytes = tpool.execute(converse)
        return [int(status) for status in STATUS.findall(heard)], heard

    def stop(self) -> None:
        self._serving.kill()
        self._listening.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.stop()


def post(*fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"POST /first HTTP/" + version + b"\r\n" + HOST + lines + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"
MALFORMED = {
    "two lengths": post(b"Content-Length: 2", b"Content-Length: 0", body=b"{}" + HIDDEN),
    "the same length twice": post(b"Content-Length: 2", b"Content-Length: 2", body=b"{}" + HIDDEN),
    "a list of lengths": post(b"Content-Length: 2, 2", body=b"{}" + HIDDEN),
    "a length with a sign": post(b"Content-Length: +2", body=b"{}" + HIDDEN),
    "a length below 0": post(b"Content-Length: -2", body=b"{}" + HIDDEN),
    "a length of a program": post(b"Content-Length: 1_0", body=b"{}        " + HIDDEN),
    "a length without digits": post(b"Content-Length:", body=HIDDEN),
    "length and chunks": post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "chunks twice": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + HIDDEN),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "two codings": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + HIDDEN),
    "no coding": post(b"Transfer-Encoding:", body=b"0\r\n\r\n" + HIDDEN),
    "a coding behind a tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks in HTTP/1.0": post(CHUNKED, body=b"0\r\n\r\n" + HIDDEN, version=b"1.0"),
    "a blank before the colon": post(b"Content-Length : 2", body=b"{}" + HIDDEN),
    "a folded field": post(b"X: a", b" Content-Length: 2", body=b"{}" + HIDDEN),
    "no colon": post(b"Content-Length 2", body=b"{}" + HIDDEN),
    "a field without a name": post(b": 2", body=HIDDEN),
    "a zero byte in a field": post(b"X: a\0b", body=HIDDEN),
    "a carriage return in a field": post(b"X: a\rContent-Length: 0", body=HIDDEN),
    "two hosts": post(b"Host: other", body=HIDDEN),
    "no host": b"GET / HTTP/1.1\r\n\r\n" + HIDDEN,
    "four words": b"GET / x HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "two blanks": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "a tab": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "a zero byte in the target": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    "an odd method": b'G"T / HTTP/1.1\r\n' + HOST + b"\r\n" + HIDDEN,
    "an empty line first": b"\r\n" + HIDDEN,
    "HTTP/0.9": b"GET /\r\n\r\n" + HIDDEN,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "HTTP/9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n" + HIDDEN,
    "TLS": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n" + HIDDEN,
    "too many fields": post(*(b"X%d: a" % number for number in range(200)), body=HIDDEN),
    "too long a field": post(b"X: " + b"a" * 70_000, body=HIDDEN),
    "too long a target": b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
}
BODIES = {
    "a size with a prefix": b"0x2\r\n{}\r\n0\r\n\r\n",
    "a size with a sign": b"+2\r\n{}\r\n0\r\n\r\n",
    "a size below 0": b"-1\r\n{}\r\n0\r\n\r\n",
    "a size of a program": b"0_2\r\n{}\r\n0\r\n\r\n",
    "a size after a blank": b" 2\r\n{}\r\n0\r\n\r\n",
    "no size": b"\r\n{}\r\n0\r\n\r\n",
    "a size without end": b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n",
    "more than was told": b"2\r\n{}XX\r\n0\r\n\r\n",
    "no end of a chunk": b"2\r\n{}0\r\n\r\n",
    "line feeds alone": b"2\n{}\n0\n\n",
    "a line feed in an extension": b"2;\n{}\r\n0\r\n\r\n",
    "a trailer that is no field": b"0\r\n{}{}\r\n\r\n",
    "trailers without end": b"0\r\n" + b"X: y\r\n" * 10_000,
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_request_is_refused_and_none_behind_it_is_served(echo: Echo, name: str) -> None:
    statuses, heard = echo.say(MALFORMED[name])
    assert echo.asked == []
    assert len(statuses) == 1
    assert statuses[0] in (400, 414, 431, 501, 505)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert b"Connection: close" in head
    problem = json.loads(body)
    assert problem["status"] == statuses[0]
    assert problem["detail"]


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_in_chunks_is_refused_and_nothing_behind_it_is_served(
    echo: Echo, name: str
) -> None:
    statuses, _ = echo.say(post(CHUNKED, body=BODIES[name] + HIDDEN))
    assert statuses == [400]
    assert echo.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"2\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b'2;name="a;b"\r\n{}\r\n0;last\r\n\r\n',
        b"002 \r\n{}\r\n000\r\nX: y\r\nHost: other\r\n\r\n",
    ],
)
def test_a_body_in_chunks_is_read_whole_and_the_next_request_served(
    echo: Echo, body: bytes
) -> None:
    statuses, _ = echo.say(post(b"Transfer-Encoding: Chunked", body=body + HIDDEN))
    assert statuses == [200, 200]
    assert echo.asked == [("POST", "h", "/first", b"{}"), ("GET", "h", "/hidden", b"")]


def test_a_target_with_scheme_and_host_is_split_and_its_host_counts(echo: Echo) -> None:
    asked = b"GET HTTP://other:80/a?b HTTP/1.1\r\n" + HOST + b"\r\n"
    more = (b"http://bare", b"http://bare?query=a/b", b"http://bare#part/of")
    lines = (b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n" for target in more)
    echo.say(asked + b"".join(lines) + HIDDEN)
    assert [(host, path) for _, host, path, _ in echo.asked] == [
        ("other:80", "/a"),
        ("bare", "/"),
        ("bare", "/"),
        ("bare", "/#part/of"),
        ("h", "/hidden"),
    ]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", 1),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + HIDDEN, 2),
        (b"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 1),
        (b"GET / HTTP/1.1\nHost: h\n\n" + HIDDEN, 2),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX:\r\nY:\t a b \xff\t\r\n\r\n" + HIDDEN, 2),
    ],
)
def test_what_is_only_old_or_odd_is_served(echo: Echo, asked: bytes, count: int) -> None:
    statuses, _ = echo.say(asked)
    assert statuses == [200] * count


def test_what_strangers_say_is_not_written_to_stderr(
    echo: Echo, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for said in MALFORMED.values():
        echo.say(said)
    assert capsys.readouterr() == ("", "")
    assert caplog.text == ""


def test_too_many_fields_are_called_so(echo: Echo) -> None:
    statuses, heard = echo.say(MALFORMED["too many fields"])
    assert statuses == [431]
    assert b"at most 100 header fields" in heard


@pytest.mark.parametrize("field", [b"Expect: 100-continue", b"Upgrade: websocket"])
def test_what_http_1_0_does_not_know_is_not_heard(echo: Echo, field: bytes) -> None:
    asked = post(field, b"Content-Length: 2", body=b"{}", version=b"1.0")
    statuses, _ = echo.say(asked)
    assert statuses == [200]
    assert echo.environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert not {"HTTP_EXPECT", "HTTP_UPGRADE"} & set(echo.environ)


def test_who_expects_it_is_told_to_continue(echo: Echo) -> None:
    fields = (b"Expect: 100-continue", b"Content-Length: 2", b"Connection: close")
    statuses, _ = echo.say(post(*fields, body=b"{}"))
    assert statuses == [100, 200]
