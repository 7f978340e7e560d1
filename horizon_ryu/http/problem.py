"""Errors as RFC 9457 problems: which error is which status, and what a client is told.

A problem never carries a traceback, a file name or the text of an unexpected exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel, ValidationError

from horizon_ryu.core.errors import (
    Conflict,
    EngineAway,
    HorizonError,
    HostAway,
    HostDeadline,
    HostError,
    HostForbids,
    InvalidInput,
    LimitExceeded,
    NoRoute,
    NotFound,
    NotYours,
    StoreError,
    StoreFull,
    SwitchAway,
    SwitchDeadline,
    SwitchError,
    Unsupported,
)
from horizon_ryu.core.identifiers import dpid_to_text
from horizon_ryu.formats.problem import FieldError, Problem
from horizon_ryu.http.field_words import reason

MAX_ERRORS = 100
"""Field errors told in one problem; a hostile body could hold a million."""
UNION_TAG = "<"
"""Begins the names that models give to the forms of a union: no part of the path to a field."""
_KEY = "[key]"
"""Behind a key that is at fault itself, as pydantic says it."""
MAX_DETAIL = 1000
"""Characters of one text that may quote what a client or a switch sent."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: ``name`` is its place in the OpenAPI document, hence its type."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI reference that names and documents this kind."""
        return f"/v1/openapi.json#/components/responses/{self.name}"


UNPARSABLE = ProblemType("Unparsable", 400, "The request cannot be parsed")
UNAUTHENTICATED = ProblemType("Unauthenticated", 401, "A valid token is needed")
FORBIDDEN = ProblemType("Forbidden", 403, "The token's role does not allow this")
NOT_FOUND = ProblemType("NotFound", 404, "Not found")
METHOD_NOT_ALLOWED = ProblemType("MethodNotAllowed", 405, "The resource does not know this method")
NOT_ACCEPTABLE = ProblemType("NotAcceptable", 406, "None of the accepted formats is available")
TIMEOUT = ProblemType("RequestTimeout", 408, "The request did not arrive in time")
CONFLICT = ProblemType("Conflict", 409, "Conflict")
TOO_LARGE = ProblemType("TooLarge", 413, "The body is too large")
UNSUPPORTED_TYPE = ProblemType("UnsupportedType", 415, "The body's type is not supported")
MISDIRECTED = ProblemType("Misdirected", 421, "Not the server of that name")
INVALID = ProblemType("Invalid", 422, "Invalid input")
NO_ROUTE = ProblemType("NoRoute", 422, "No path leads there")
SWITCH_FAILED = ProblemType("SwitchFailed", 424, "A switch refused or failed")
SWITCH_AWAY = ProblemType("SwitchAway", 424, "A switch is away")
HOST_FAILED = ProblemType("HostFailed", 424, "A host refused or failed")
HOST_AWAY = ProblemType("HostAway", 424, "A host is away")
HOST_FORBIDS = ProblemType("HostForbids", 403, "The host does not allow this")
UPGRADE_REQUIRED = ProblemType("UpgradeRequired", 426, "Only a WebSocket is served here")
LIMIT_EXCEEDED = ProblemType("LimitExceeded", 429, "A limit was reached")
INTERNAL = ProblemType("Internal", 500, "Internal error")
UNSUPPORTED = ProblemType("Unsupported", 501, "Not supported by what stands behind")
ENGINE_AWAY = ProblemType("EngineAway", 503, "The slicer's engine is away")
SLICER_AWAY = ProblemType("SlicerAway", 503, "The slicer is away")
STORE_FAILED = ProblemType("StoreFailed", 503, "The store cannot be read or written")
STORE_FULL = ProblemType("StoreFull", 507, "The store has no room left")
SWITCH_DEADLINE = ProblemType("SwitchDeadline", 504, "A switch did not answer in time")
HOST_DEADLINE = ProblemType("HostDeadline", 504, "A host did not answer in time")

PROBLEM_TYPES = (
    UNPARSABLE,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    TIMEOUT,
    CONFLICT,
    TOO_LARGE,
    UNSUPPORTED_TYPE,
    MISDIRECTED,
    INVALID,
    NO_ROUTE,
    SWITCH_FAILED,
    SWITCH_AWAY,
    HOST_FAILED,
    HOST_AWAY,
    HOST_FORBIDS,
    UPGRADE_REQUIRED,
    LIMIT_EXCEEDED,
    INTERNAL,
    UNSUPPORTED,
    ENGINE_AWAY,
    SLICER_AWAY,
    STORE_FAILED,
    STORE_FULL,
    SWITCH_DEADLINE,
    HOST_DEADLINE,
)

STORE_WRITE = (STORE_FAILED, STORE_FULL)
"""What may become of an operation that the store is to keep."""

_KIND_OF: tuple[tuple[type[HorizonError], ProblemType], ...] = (
    (InvalidInput, INVALID),
    (NotFound, NOT_FOUND),
    (NoRoute, NO_ROUTE),
    (Conflict, CONFLICT),
    (NotYours, FORBIDDEN),
    (EngineAway, ENGINE_AWAY),
    (SwitchAway, SWITCH_AWAY),
    (SwitchDeadline, SWITCH_DEADLINE),
    (SwitchError, SWITCH_FAILED),
    (HostAway, HOST_AWAY),
    (HostDeadline, HOST_DEADLINE),
    (HostForbids, HOST_FORBIDS),
    (HostError, HOST_FAILED),
    (StoreFull, STORE_FULL),
    (StoreError, STORE_FAILED),
    (Unsupported, UNSUPPORTED),
    (LimitExceeded, LIMIT_EXCEEDED),
)
"""The most special first."""


class ProblemError(HorizonError):
    """Ends a request with a problem of ``kind``; for faults of HTTP, not of the domain."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def problem(self) -> Problem:
        """Return what the client is told."""
        return _problem(self.kind, self.detail, self.errors)


def problem_of(error: HorizonError) -> Problem:
    """Return the problem that tells a client of ``error``; an unknown kind is an internal one."""
    if isinstance(error, ProblemError):
        return error.problem()
    kind = next((kind for cls, kind in _KIND_OF if isinstance(error, cls)), INTERNAL)
    if kind is INTERNAL:
        return internal()
    errors = _field_errors(error) if isinstance(error, InvalidInput) else ()
    switch = dpid_to_text(error.dpid) if isinstance(error, (SwitchError, NoRoute)) else None
    host = clean(error.host) if isinstance(error, HostError) else None
    return _problem(kind, str(error) or kind.title, errors, switch, host)


def _field_errors(error: InvalidInput) -> tuple[FieldError, ...]:
    all_of_them = (error, *error.others)[:MAX_ERRORS]
    return tuple(_field_error(one.loc, one.msg) for one in all_of_them)


def internal() -> Problem:
    """Return the problem that hides an unexpected exception."""
    return _problem(INTERNAL, "The request failed by a fault of the server; see its log.")


def refused(error: ValidationError, model: type[BaseModel]) -> ProblemError:
    """Return the error for input that ``model`` refused."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return invalid(
        (path or ("body",), reason(model, item["type"], path, item["msg"]))
        for item in found[:MAX_ERRORS]
        for path in (_path(item["loc"]),)
    )


def _path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Return the path to a field; of what is wrong with the whole body it is empty.

    Which member of a union pydantic tried, and that a key is at fault and not its value, is no
    part of it.
    """
    return tuple(part for part in loc if not str(part).startswith((UNION_TAG, _KEY)))


def invalid(
    found: Iterable[tuple[tuple[str | int, ...], str]], kind: ProblemType = INVALID
) -> ProblemError:
    """Return the error that names each (path, reason) of ``found``."""
    errors = tuple(_field_error(loc, msg) for loc, msg in found)
    first = "; ".join(f"{'.'.join(error.loc)}: {error.msg}" for error in errors[:3])
    return ProblemError(kind, first or kind.title, errors)


def _problem(
    kind: ProblemType,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    switch: str | None = None,
    host: str | None = None,
) -> Problem:
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=clean(detail),
        errors=errors,
        switch=switch,
        host=host,
    )


def _field_error(loc: Iterable[str | int], msg: str) -> FieldError:
    return FieldError(loc=tuple(clean(str(part)) for part in loc), msg=clean(msg))


def clean(text: str) -> str:
    """Return ``text`` short enough, and free of what UTF-8 or XML cannot carry."""
    return "".join(char if _is_plain(char) else "\ufffd" for char in text[:MAX_DETAIL])


def _is_plain(char: str) -> bool:
    return char >= " " and not "\ud800" <= char <= "\udfff" and char not in "\ufffe\uffff\x7f"
