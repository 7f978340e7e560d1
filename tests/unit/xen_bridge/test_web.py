"""The HTTP of a node, without a network: what the server must know before it may end."""

from __future__ import annotations

import io

from xen_bridge.errors import Unparsable
from xen_bridge.runtime.green import GreenRuntime
from xen_bridge.server.dispatcher import Reply
from xen_bridge.server.web import CLOSE, PEER, BridgeApplication


class Answering:
    """A dispatcher whose answer is always the same."""

    def answer(self, _data: bytes, _sender: str) -> Reply:
        return Reply(200, b"<a/>")

    def refusal(self, error: Exception) -> Reply:
        return Reply(400, str(error).encode())


class Refusing(Answering):
    """A dispatcher that takes nothing."""

    def answer(self, _data: bytes, _sender: str) -> Reply:
        raise Unparsable("no")


def environment() -> dict:
    return {
        "PATH_INFO": "/messages",
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "application/xml",
        "CONTENT_LENGTH": "1",
        "SERVER_NAME": "h",
        "SERVER_PORT": "1",
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(b"x"),
        "eventlet.posthooks": [],
        PEER: "key",
        CLOSE: lambda: None,
    }


def test_a_request_is_under_way_until_its_answer_is_written():
    """Eventlet writes after the application has returned: to end there is to cut the answer."""
    application = BridgeApplication(Answering(), GreenRuntime())
    asked = environment()
    application(asked, lambda *_: None)
    assert application.under_way == 1
    for hook, arguments, words in asked["eventlet.posthooks"]:
        hook(asked, *arguments, **words)
    assert application.under_way == 0


def test_a_refused_request_is_under_way_until_it_was_lingered_for():
    application = BridgeApplication(Refusing(), GreenRuntime())
    asked = environment()
    application(asked, lambda *_: None)
    assert [hook.__name__ for hook, _, _ in asked["eventlet.posthooks"]] == ["_linger", "_answered"]
    assert application.under_way == 1
