"""Forwarding of ``/v1/slices…`` to the slicer that runs elsewhere, with the client's own token.

What a request may be is checked here as there; who may what is the slicer's to judge. A token of a
slice is passed on only to a slicer that asks for tokens: to another, everybody is a pilot.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

from webob import Response

from horizon_ryu.core.errors import LimitExceeded, NotYours
from horizon_ryu.core.slicing.seen_ports import SeenPorts, ports_seen
from horizon_ryu.http.problem import SLICER_AWAY, ProblemError
from horizon_ryu.http.resource import JSON, Call, Resource
from horizon_ryu.rest import slices
from horizon_ryu.rest.slice_models import SliceDocumentModel
from horizon_ryu.slices.slicer_address import SlicerAddress
from xen_bridge.runtime.port import Runtime
from xen_bridge.turning_socket import TurningSocket

SECONDS = 30.0
MOST_AT_ONCE = 16
MOST_REQUEST = 4 << 20
"""Bytes of a body that is passed on: the controller has switches to serve besides."""
MOST_REQUEST_VALUES = 300_000
MOST_ANSWER = 64 << 20
_CHUNK = 1 << 16
_PASSED_BACK = ("Location", "WWW-Authenticate", "Allow")
_UNAUTHENTICATED, _NOT_FOUND, _FORBIDDEN, _OK = 401, 404, 403, 200
_STATUSES = frozenset((*range(200, 300), *range(400, 512)))
"""Of answers that a slicer gives: it sends nobody elsewhere."""
_TYPES = (JSON, "application/problem+json")
"""Anything else would be told as the controller's own, to a browser too."""
_COLLECTION = "/v1/slices"


class _Late(Exception):
    """The slicer did not answer in time."""


class SliceForwarding:
    """Asks one slicer, at most so many questions at once."""

    def __init__(self, address: SlicerAddress, runtime: Runtime) -> None:
        self._address = address
        self._runtime = runtime
        self._room = runtime.semaphore(MOST_AT_ONCE)
        self._context = ssl.create_default_context() if address.is_secure else None

    def resources(self) -> list[Resource]:
        """Return the resources of slices, each of which asks the slicer."""
        return [self._forwarded(one) for one in slices.declared()]

    def ports(self, name: str, authorization: str | None) -> SeenPorts | None:
        """Return the ports of a slice by switch; None if the slicer knows, or tells, of none."""
        path = f"{_COLLECTION}/{quote(name, safe='')}/topology"
        answer = self._ask("GET", path, None, _headers(authorization))
        if answer.status_int in (_NOT_FOUND, _FORBIDDEN):
            return None
        if answer.status_int != _OK:
            raise ProblemError(SLICER_AWAY, f"the slicer answers {answer.status_int}")
        try:
            return ports_seen(json.loads(answer.body))
        except (ValueError, RecursionError) as error:
            raise ProblemError(SLICER_AWAY, "the slicer's answer is not JSON") from error

    def _forwarded(self, resource: Resource) -> Resource:
        large: dict[str, Any] = {} if resource.request is None else _LARGE
        return replace(
            resource,
            handler=partial(self._forward, resource),
            problems=(*resource.problems, SLICER_AWAY),
            **large,
        )

    def _forward(self, resource: Resource, call: Call) -> Response:
        if call.principal.role == "slice":
            self._check_guarded()
        values = {name: quote(str(value), safe="") for name, value in call.path.items()}
        path = resource.path.format(**values)
        if call.http.query_string:
            path += f"?{call.http.query_string}"
        body = None
        if resource.request is not None:
            body = json.dumps(call.body(SliceDocumentModel).root).encode()
        headers = _headers(call.http.headers.get("Authorization"))
        return self._ask(resource.method, path, body, headers)

    def _check_guarded(self) -> None:
        """Refuse to pass a slice's token on to a slicer that asks for none."""
        if self._ask("GET", _COLLECTION, None, {}).status_int != _UNAUTHENTICATED:
            raise NotYours("the slicer asks for no tokens, so it could not tell slices apart")

    # ---- one question

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Response:
        if not self._room.acquire(blocking=False):
            raise LimitExceeded(f"{MOST_AT_ONCE} requests wait for the slicer already")
        try:
            with self._runtime.timeout(SECONDS, _Late()):
                return self._answer(method, path, body, headers)
        except _Late as error:
            raise ProblemError(
                SLICER_AWAY,
                f"{self._where} has not answered within {SECONDS:g} s; what was asked"
                " may still be carried out",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ProblemError(SLICER_AWAY, f"{self._where}: {reason}") from error
        finally:
            self._room.release()

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Response:
        connection = self._connection()
        try:
            connection.connect()
            connection.sock = TurningSocket(connection.sock, self._runtime.checkpoint)
            typed = {**headers, "Content-Type": JSON} if body is not None else dict(headers)
            connection.request(method, path, body, typed)
            return self._read(connection.getresponse())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, _ = self._address
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=SECONDS)
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=self._context)

    def _read(self, got: http.client.HTTPResponse) -> Response:
        pieces, size = [], 0
        while piece := got.read(_CHUNK):
            size += len(piece)
            if size > MOST_ANSWER:
                raise ProblemError(SLICER_AWAY, f"the slicer's answer has over {MOST_ANSWER} bytes")
            pieces.append(piece)
            self._runtime.checkpoint()
        kind = got.headers.get("Content-Type", JSON)
        if got.status not in _STATUSES or kind.partition(";")[0].strip().lower() not in _TYPES:
            raise ProblemError(SLICER_AWAY, f"what answers is no slicer: {self._where}")
        response = Response(status=got.status, body=b"".join(pieces))
        response.headers["Content-Type"] = kind
        for name in _PASSED_BACK:
            value = got.headers.get(name)
            if value is not None:
                response.headers[name] = value
        return response

    @property
    def _where(self) -> str:
        return f"the slicer at {self._address.host}:{self._address.port}"


def _headers(authorization: str | None) -> dict[str, str]:
    headers = {"Accept": f"{JSON}, application/problem+json", "Connection": "close"}
    return headers if authorization is None else {**headers, "Authorization": authorization}


_LARGE: dict[str, Any] = {"most_bytes": MOST_REQUEST, "most_values": MOST_REQUEST_VALUES}
