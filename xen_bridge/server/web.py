"""The HTTP of a node: ``POST /messages``, and nothing else (design, section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import webob

from xen_bridge.errors import BridgeError, Deadline, SubjectNotFound, TooLarge, Unparsable
from xen_bridge.protocol.endpoint import PATH
from xen_bridge.protocol.messages import CONTENT_TYPE
from xen_bridge.protocol.safe_xml import MAX_BYTES
from xen_bridge.runtime.port import Runtime
from xen_bridge.server.dispatcher import Dispatcher, Reply
from xen_bridge.server.lingering import drain

PEER = "xen_bridge.node_pk"
"""Where the environment has the key of the certificate that the client showed."""
CLOSE = "xen_bridge.close"
"""Where it has what ends the connection after the answer."""
BODY_SECONDS = 30.0
"""For a whole request to arrive."""
AFTER = "eventlet.posthooks"
"""Where it takes what is to be done once the answer is on the wire, and the name servers know."""
ACCEPTED = (CONTENT_TYPE, "text/xml")
_CHUNK = 64 * 1024


class MethodNotAllowed(BridgeError):
    """Messages are posted."""

    status = 405
    title = "Method not allowed"


class UnsupportedMediaType(BridgeError):
    """Messages are XML."""

    status = 415
    title = "Unsupported media type"


class BridgeApplication:
    """The WSGI application of a node."""

    def __init__(self, dispatcher: Dispatcher, runtime: Runtime) -> None:
        self._dispatcher = dispatcher
        self._runtime = runtime
        self.under_way = 0
        """Requests whose answer is not on the wire yet."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        self.under_way += 1
        # A long answer is still being written when this function has returned.
        hooks = environ[AFTER] = [(self._answered, (), {})]
        request = webob.Request(environ)
        try:
            answer = self._dispatcher.answer(self._body(request), environ[PEER])
        except BridgeError as error:
            answer = self._dispatcher.refusal(error)
            environ[CLOSE]()
            hooks.insert(0, (self._linger, (), {}))
        body: Iterable[bytes] = _response(answer)(environ, start_response)
        return body

    def _body(self, request: webob.Request) -> bytes:
        """Return the message that was posted; an error if it is none, or is not wanted."""
        _check(request)
        late = Deadline("the message did not arrive in time")
        with self._runtime.timeout(BODY_SECONDS, late):
            return _read(request.environ["wsgi.input"])

    def _linger(self, environ: dict[str, Any]) -> None:
        """Read, after the answer, what of the request is on its way, though not for long."""
        stream = environ["wsgi.input"]
        if stream.should_send_hundred_continue:
            # The peer waits to be asked for the rest, and reading would ask.
            return
        drain(self._runtime, stream.read)

    def _answered(self, _environ: dict[str, Any]) -> None:
        self.under_way -= 1


def _response(answer: Reply) -> webob.Response:
    response = webob.Response(status=answer.status, body=answer.data, content_type=CONTENT_TYPE)
    if answer.status == MethodNotAllowed.status:
        response.allow = ("POST",)
    return response


def _check(request: webob.Request) -> None:
    """Raise an error unless a message is posted, of a size that is taken."""
    if request.path != PATH:
        raise SubjectNotFound(f"there is only {PATH} here")
    if request.method != "POST":
        raise MethodNotAllowed(f"{PATH} takes POST")
    if (request.content_type or "") not in ACCEPTED:
        raise UnsupportedMediaType(f"a message is {CONTENT_TYPE}")
    if (request.content_length or 0) > MAX_BYTES:
        raise TooLarge(f"larger than {MAX_BYTES} bytes")


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
