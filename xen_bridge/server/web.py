"""The HTTP of a node: ``POST /messages``, and nothing else (design, section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import eventlet
import webob

from xen_bridge.errors import BridgeError, Deadline, NotFound, TooLarge, Unparsable
from xen_bridge.protocol.endpoint import PATH
from xen_bridge.protocol.messages import CONTENT_TYPE
from xen_bridge.protocol.safe_xml import MAX_BYTES
from xen_bridge.server.dispatcher import Answer, Dispatcher
from xen_bridge.server.lingering import drain
from xen_bridge.serving.http import PoliteProtocol
from xen_bridge.trust.identity import node_pk_of

PEER = "xen_bridge.node_pk"
"""Where the environment has the key of the certificate that the client showed."""
CLOSE = "xen_bridge.close"
"""Where it has what ends the connection after the answer."""
BODY_SECONDS = 30.0
"""For a whole request to arrive."""
ACCEPTED = (CONTENT_TYPE, "text/xml")
_CHUNK = 64 * 1024


class BridgeProtocol(PoliteProtocol):
    """HTTP that tells the application which key the client has."""

    def get_environ(self) -> dict[str, Any]:
        """Return the environment of a request."""
        environ: dict[str, Any] = super().get_environ()
        environ[PEER] = node_pk_of(self.connection.getpeercert(binary_form=True))
        environ[CLOSE] = self._close_after_answer
        return environ

    def _close_after_answer(self) -> None:
        self.close_connection = True

    def version_string(self) -> str:
        """Say nothing of what runs here."""
        return "xen-bridge"


class MethodNotAllowed(BridgeError):
    """Messages are posted."""

    status = 405
    title = "Method not allowed"


class UnsupportedMediaType(BridgeError):
    """Messages are XML."""

    status = 415
    title = "Unsupported media type"


class Application:
    """The WSGI application of a node."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self.under_way = 0
        """Requests whose answer is not on the wire yet."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        self.under_way += 1
        # A long answer is still being written when this function has returned.
        hooks = environ["eventlet.posthooks"] = [(self._answered, (), {})]
        request = webob.Request(environ)
        try:
            answer = self._dispatcher.answer(_body(request), environ[PEER])
        except BridgeError as error:
            answer = self._dispatcher.refusal(error)
            environ[CLOSE]()
            hooks.insert(0, (_linger, (), {}))
        body: Iterable[bytes] = _response(answer)(environ, start_response)
        return body

    def _answered(self, _environ: dict[str, Any]) -> None:
        self.under_way -= 1


def _response(answer: Answer) -> webob.Response:
    response = webob.Response(status=answer.status, body=answer.data, content_type=CONTENT_TYPE)
    if answer.status == MethodNotAllowed.status:
        response.allow = ("POST",)
    return response


def _body(request: webob.Request) -> bytes:
    """Return the message that was posted; an error if it is none, or is not wanted."""
    if request.path != PATH:
        raise NotFound(f"there is only {PATH} here")
    if request.method != "POST":
        raise MethodNotAllowed(f"{PATH} takes POST")
    if (request.content_type or "") not in ACCEPTED:
        raise UnsupportedMediaType(f"a message is {CONTENT_TYPE}")
    if (request.content_length or 0) > MAX_BYTES:
        raise TooLarge(f"larger than {MAX_BYTES} bytes")
    with eventlet.Timeout(BODY_SECONDS, Deadline("the message did not arrive in time")):
        return _read(request.environ["wsgi.input"])


def _read(stream: Any) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        try:
            piece = stream.read(_CHUNK)
        except (OSError, ValueError) as error:
            raise Unparsable("the message did not arrive whole") from error
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    if size > MAX_BYTES:
        raise TooLarge(f"larger than {MAX_BYTES} bytes")
    return b"".join(pieces)


def _linger(environ: dict[str, Any]) -> None:
    """Read, after the answer, what of the request is still on its way, though not for long."""
    stream = environ["wsgi.input"]
    if stream.should_send_hundred_continue:
        # The peer waits to be asked for the rest, and reading would ask.
        return
    drain(stream.read)
