"""Serves resources over WSGI: all that their declarations promise is enforced here, once.

A request passes, in this order: the name of the server it is meant for, the token, the path, the
method, the role, the accepted formats, path parameters, query, body; then the handler runs.
Whatever fails ends as a problem document, never as a traceback.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import quote

from pydantic import BaseModel
from webob import Request, Response

from horizon_ryu.core.errors import Conflict, HorizonError
from horizon_ryu.formats import xml_form
from horizon_ryu.formats.problem import Problem
from horizon_ryu.http.auth import (
    ANYBODY,
    NOBODY,
    Principal,
    Tokens,
    authenticate,
    authorize,
    bearer_token,
)
from horizon_ryu.http.host_check import check_host
from horizon_ryu.http.kept_answers import Aside, KeptAnswers, here
from horizon_ryu.http.problem import (
    INTERNAL,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNPARSABLE,
    ProblemError,
    problem_of,
)
from horizon_ryu.http.request import (
    MAX_BODY,
    BodyReader,
    SwitchLookup,
    accepted_type,
    no_names,
    path_values,
    query_values,
    read_body,
    read_stream,
)
from horizon_ryu.http.resource import (
    DPID,
    JSON,
    NAME,
    XML_TYPES,
    Answer,
    Call,
    PathParameter,
    Raw,
    Resource,
    Versioned,
    Written,
)
from horizon_ryu.http.routes import Routes
from horizon_ryu.http.static_files import METHODS, StaticFiles, file_answer
from horizon_ryu.http.stream import wants_gzip

__all__ = [
    "DPID",
    "NAME",
    "Answer",
    "Call",
    "PathParameter",
    "Raw",
    "Resource",
    "Router",
]

LOG = logging.getLogger(__name__)

Observer: TypeAlias = Callable[[str, str, int, float], None]
"""Told of each answer: method, path template ('' if none), status, seconds."""

NO_RESOURCE = "There is no such resource."
_UPGRADED = 101
_READING = frozenset({"GET", "HEAD"})
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Accept"}


class Router:
    """A WSGI application made of the resources that have been added to it."""

    def __init__(
        self,
        tokens: Tokens | None = None,
        observer: Observer | None = None,
        read_stream: BodyReader = read_stream,
        max_body: int = MAX_BODY,
        aside: Aside = here,
        answering: Aside | None = None,
        switches: SwitchLookup = no_names,
        cursor: Callable[[], str] | None = None,
        files: StaticFiles | None = None,
        lacking: Callable[[str], str] = lambda _: NO_RESOURCE,
    ) -> None:
        """``tokens`` None lets everybody in; ``read_stream`` may bound how long a body takes.

        ``aside`` runs what takes long without holding anybody else: the runtime's ``in_thread``.
        ``answering`` runs what changes something, and raises when nobody should wait any longer.
        ``switches`` knows them by name. ``cursor`` tells the newest event, which answers carry.
        ``files`` are served without a token. ``lacking`` tells of a path in a part of the API that
        nothing is served of, why that is.
        """
        self._files = files
        self._lacking = lacking
        self._switches = switches
        self._cursor = cursor
        self._tokens = tokens
        self._observer = observer
        self._read_stream = read_stream
        self._max_body = max_body
        self._routes = Routes()
        self._kept = KeptAnswers(aside)
        self._answering = answering

    @property
    def protected(self) -> bool:
        """Whether a token is asked for."""
        return self._tokens is not None

    def replace_tokens(self, tokens: Tokens) -> None:
        """Have requests from now on checked against ``tokens``."""
        self._tokens = tokens

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Everything that was added, in order."""
        return self._routes.resources

    def add(self, resources: Iterable[Resource]) -> None:
        """Serve ``resources`` from now on; Conflict if an operation is served already."""
        for resource in resources:
            if not self._routes.add(resource):
                raise Conflict(f"{resource.method} {resource.path} is served already")

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        response: Iterable[bytes] = self.respond(Request(environ))(environ, start_response)
        return response

    def respond(self, request: Request) -> Response:
        """Return the answer to ``request``; never raises for anything a client sends."""
        started = time.monotonic()
        exchange = _Exchange(request)
        # Before anything is read: what happens meanwhile may be in the answer, and is told again.
        cursor = None if self._cursor is None else self._cursor()
        try:
            response = self._answer(exchange)
        except HorizonError as error:
            response = _refusal(request, error)
        except UnicodeDecodeError:
            response = _refusal(request, ProblemError(UNPARSABLE, "The URL is not UTF-8."))
        except Exception:
            LOG.exception("a handler failed: %s %s", request.method, exchange.template)
            response = _refusal(request, ProblemError(INTERNAL, "See the log of the server."))
        if cursor is not None and exchange.method in _READING and response.status_int != _UPGRADED:
            response.headers["Horizon-Cursor"] = cursor
        self._observe(exchange, response.status_int, time.monotonic() - started)
        return response

    def _observe(self, exchange: _Exchange, status: int, seconds: float) -> None:
        request = exchange.request
        LOG.debug("%s %s: %d in %.1f ms", request.method, _path(request), status, seconds * 1e3)
        if self._observer is not None:
            self._observer(exchange.method, exchange.template, status, seconds)

    def _answer(self, exchange: _Exchange) -> Response:
        request = exchange.request
        file = None if self._files is None else self._files.find(request.method, request.path_info)
        if file is not None:
            exchange.template = "static"
            self._check_host(request)
            return file_answer(request, file)
        is_file = self._files is not None and self._files.has(request.path_info)
        if is_file and request.method == "OPTIONS":
            return _options(METHODS)
        principal = self._identify(request)
        found = self._routes.find(request.environ)
        if found is None:
            if is_file:
                raise _not_allowed(METHODS)
            raise ProblemError(NOT_FOUND, self._why_not_found(request))
        exchange.template = found.template
        if request.method not in found.allowed:
            raise _not_allowed(found.allowed)
        if request.method == "OPTIONS":
            return _options(found.allowed)
        exchange.method = request.method
        resource = found.methods[request.method]
        if not resource.is_open:
            authorize(principal, resource.needed_access)
        media_type = accepted_type(resource, request)
        path = path_values(resource, found.texts, self._switches)
        query = query_values(resource, request, self._switches)
        body = read_body(resource, request, self._read_stream, self._max_body, self._switches)
        call = Call(request, path, query, body, principal, media_type)
        if self._answering is None or request.method in _READING:
            result = resource.handler(call)
        else:
            result = self._answering(partial(resource.handler, call))
        if isinstance(result, Versioned):
            return self._versioned(request, resource, result, media_type)
        return _response(resource, result, media_type)

    def _why_not_found(self, request: Request) -> str:
        is_served = self._routes.serves_part_of(request.environ)
        return NO_RESOURCE if is_served else self._lacking(request.path_info)

    def _versioned(
        self, request: Request, resource: Resource, result: Versioned[Any], media_type: str
    ) -> Response:
        """Return a document as it is kept, compressed where the client likes that, or 304."""
        key = request.path_info, tuple(sorted(request.GET.items())), media_type
        kept = self._kept.answer(key, result.sources, lambda: _made(resource, result, media_type))
        data, headers = self._kept.representation(kept, wants_gzip(request))
        if headers["ETag"].strip('"') in request.if_none_match:
            return _finish(Response(status=304, headers=headers))
        response = _body(data, media_type, resource.status)
        response.headers.update(headers)
        return _finish(response)

    def _check_host(self, request: Request) -> None:
        """Refuse another host's name where no token tells friends from pages of others."""
        if self._tokens is None:
            check_host(request.environ.get("HTTP_HOST"))

    def _identify(self, request: Request) -> Principal:
        if self._tokens is None:
            self._check_host(request)
            return ANYBODY
        token = bearer_token(
            request.headers.get("Authorization"), request.headers.get("Sec-WebSocket-Protocol")
        )
        if token is None and self._is_open(request):
            return NOBODY
        return authenticate(self._tokens, token)

    def _is_open(self, request: Request) -> bool:
        """Tell whether a request is for what anybody may ask."""
        found = self._routes.find(request.environ)
        resource = None if found is None else found.methods.get(request.method)
        return resource is not None and resource.is_open


class _Exchange:
    """What is known so far of a request, for the log and the metrics."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.method = "other"
        self.template = ""


def _options(allowed: tuple[str, ...]) -> Response:
    return _finish(Response(status=204, headers={"Allow": ", ".join(allowed)}))


def _not_allowed(allowed: tuple[str, ...]) -> ProblemError:
    methods = ", ".join(allowed)
    detail = f"The methods here are {methods}."
    return ProblemError(METHOD_NOT_ALLOWED, detail, headers={"Allow": methods})


def _path(request: Request) -> str:
    """Return the path for the log: quoted, whatever bytes it has (PEP 3333 maps them so)."""
    return quote(str(request.environ.get("PATH_INFO", "")).encode("latin-1", "replace"))


def _response(resource: Resource, result: Written, media_type: str) -> Response:
    if isinstance(result, Response):
        return _finish(result)
    if isinstance(result, Raw):
        return _finish(_body(result.data, result.content_type, resource.status))
    if result is None:
        return _finish(Response(status=204))
    answer = result if isinstance(result, Answer) else Answer(result)
    data = _written(resource, answer.body, media_type)
    response = _body(data, media_type, answer.status or resource.status)
    response.headers.update(answer.headers)
    return _finish(response)


def _made(resource: Resource, result: Versioned[Any], media_type: str) -> bytes:
    made = result.make(media_type)
    return made if isinstance(made, bytes) else _written(resource, made, media_type)


def _written(resource: Resource, body: BaseModel, media_type: str) -> bytes:
    """Return the answer in ``media_type``; a handler must keep to its declaration."""
    if resource.response is None or not isinstance(body, resource.response):
        raise TypeError(f"{resource.method} {resource.path} does not declare {type(body).__name__}")
    writer = resource.xml_writer
    if media_type in XML_TYPES and writer is not None:
        return writer(body)
    return body.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _refusal(request: Request, error: HorizonError) -> Response:
    problem = problem_of(error)
    if problem.status >= 500 and not isinstance(error, ProblemError):
        LOG.warning("%s %s: %s", request.method, _path(request), error)
    response = _problem_response(request, problem)
    if isinstance(error, ProblemError):
        response.headers.update(error.headers)
    return _finish(response)


def _problem_response(request: Request, problem: Problem) -> Response:
    """Return ``problem`` as XML if the client likes that better, else as JSON (RFC 9457, 3)."""
    offers = ["application/problem+json", JSON, *XML_TYPES]
    accepted = request.accept.acceptable_offers(offers)
    best = accepted[0][0] if accepted else ""
    if best in XML_TYPES:
        return _body(xml_form.write(problem), best, problem.status)
    data = problem.model_dump_json(exclude_defaults=True).encode()
    return _body(data, "application/problem+json", problem.status)


def _body(data: bytes, content_type: str, status: int) -> Response:
    media_type, _, rest = content_type.partition(";")
    is_text = media_type.startswith("text/") or media_type in XML_TYPES
    suffix = f";{rest}" if rest else "; charset=utf-8" if is_text else ""
    # Webob knows fewer phrases, and calls 421 "Unknown Client Error".
    response = Response(status=f"{status} {HTTPStatus(status).phrase}", body=data)
    response.headers["Content-Type"] = media_type + suffix
    return response


def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if response.status_int in (204, 304):
        response.headers.pop("Content-Type", None)
        response.headers.pop("Content-Length", None)
    return response
