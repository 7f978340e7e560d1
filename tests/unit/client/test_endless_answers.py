"""Servers whose answer has no end: late, or too much, however the next piece is in time."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from horizon_client import ApiRequest, EndlessAnswer, NoAnswer, NotAController, SentElsewhere, flows
from horizon_client import exchange_bounds as bounds
from unit.client.carriers import Ask, Follow, each_ask, each_follow, trickling
from unit.client.told_controller import ToldController

INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
LISTED: ApiRequest[Any] = flows.list_all()


def packed(data: bytes) -> bytes:
    found = gzip.compress(data)
    return b"%x\r\n%b\r\n" % (len(found), found)


@each_ask
@pytest.mark.parametrize("pause", [0.0, 0.02])
@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"", INTERIM),
        (b"", INTERIM * 1000),
        (b"HTTP/1.1 200 OK\r\nA: ", b"b"),
        (b"HTTP/1.1 200 ", b"O"),
        (CHUNKED + b"\r\n", b"1\r\n \r\n"),
        (CHUNKED + b"\r\n0\r\nA: ", b"b"),
    ],
)
def test_an_answer_without_an_end_is_late(
    ask: Ask, head: bytes, piece: bytes, pause: float
) -> None:
    """But for one that is more than a head may have, which may be told sooner."""
    reasons = "not whole|too long|exceeds|Receive buffer"
    with trickling(head, piece, pause) as url, pytest.raises(NoAnswer, match=reasons):
        ask(url, LISTED.within(0.3))


@each_ask
def test_a_body_does_not_fill_the_memory(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ANSWER", 1 << 20)
    head = OK + b"\r\n"
    with trickling(head, b" " * 100_000) as url, pytest.raises(EndlessAnswer, match="1 MB"):
        ask(url, LISTED)


@each_ask
def test_nor_does_one_that_is_packed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_ANSWER", 1 << 20)
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = OK + b"Content-Encoding: gzip\r\n\r\n" + bomb.compress(b" " * 2_000_000)
    rest = bomb.compress(b" " * 2_000_000) + bomb.flush(zlib.Z_SYNC_FLUSH)
    with trickling(head + rest, b"") as url, pytest.raises(EndlessAnswer):
        ask(url, LISTED)


@each_ask
@pytest.mark.parametrize("encoding", ["gzip, gzip", "zstd", "br", "deflate"])
def test_one_is_not_unpacked_twice_nor_by_what_packs_any_amount(ask: Ask, encoding: str) -> None:
    head = CHUNKED + f"Content-Encoding: {encoding}\r\n\r\n".encode()
    with trickling(head, packed(packed(b"{}"))) as url, pytest.raises(NotAController):
        ask(url, LISTED)


@each_follow
def test_a_stream_of_events_is_not_carried_on_to_elsewhere(follow: Follow) -> None:
    with ToldController().serving() as told:
        told.answers["/v1/events"] = 302, b""
        told.headers["Location"] = f"{told.url}/v1/elsewhere"
        with pytest.raises(SentElsewhere, match="/v1/elsewhere"):
            follow(told.url, 1, since=1)
    assert [path for path in told.asked if "elsewhere" in path] == []
