"""Request parts as checked values, as the resource declares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from webob import Request

from horizon_ryu.core.collection_pause import collection_paused
from horizon_ryu.core.errors import InvalidInput
from horizon_ryu.http.json_body import check_json
from horizon_ryu.http.problem import (
    INVALID,
    NOT_ACCEPTABLE,
    TOO_LARGE,
    UNPARSABLE,
    UNSUPPORTED_TYPE,
    ProblemError,
    invalid,
    refused,
)
from horizon_ryu.http.resource import JSON, PathParameter, Resource

MAX_BODY = 1024 * 1024
"""Bytes of a request's body, unless configured otherwise."""

BodyReader: TypeAlias = Callable[[Request, int], bytes]
"""Reads at most so many bytes of the body of a request."""

SwitchLookup: TypeAlias = Callable[[str], int | None]
"""Returns the dpid of the switch of that name; None if there is none."""
SWITCHES = "switches"
"""Under which the lookup is found in the context of a validation."""

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def accepted_type(resource: Resource, request: Request) -> str:
    """Return the best of the media types offered, by the quality the client gives each."""
    accepted = request.accept.acceptable_offers(list(resource.offers))
    if not accepted:
        raise ProblemError(NOT_ACCEPTABLE, f"Available here: {', '.join(resource.offers)}.")
    return str(accepted[0][0])


def no_names(_name: str) -> int | None:
    """Know no switch by a name."""
    return None


def path_values(
    resource: Resource, texts: Mapping[str, str], switches: SwitchLookup = no_names
) -> dict[str, Any]:
    """Return the converted path parameters; one that is malformed is answered 400.

    ``switches`` knows them by name.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        parameter = resource.parameter(name)
        named = switches(text) if parameter.is_switch else None
        values[name] = _converted(parameter, name, text) if named is None else named
    return values


def _converted(parameter: PathParameter, name: str, text: str) -> Any:
    # Python's $ lets a newline follow, so the text as a whole is matched.
    if not re.fullmatch(parameter.pattern.removesuffix("$"), text):
        described = parameter.description[:1].lower() + parameter.description[1:]
        raise invalid([((name,), f"must be {described}")], UNPARSABLE)
    try:
        return parameter.convert(text)
    except InvalidInput as error:
        raise invalid([((name,), error.msg)], UNPARSABLE) from error


def query_values(
    resource: Resource, request: Request, switches: SwitchLookup = no_names
) -> BaseModel | None:
    """Return the query as its model; unknown, repeated and malformed parameters are refused."""
    given = request.GET
    texts = dict(given.items())
    if len(texts) != len(given):
        twice = next(name for name in texts if len(given.getall(name)) > 1)
        raise invalid([((twice,), "given twice")], INVALID)
    if resource.query is None:
        if texts:
            raise invalid([((name,), "no such parameter") for name in list(texts)[:10]], INVALID)
        return None
    try:
        return resource.query.model_validate(texts, context={SWITCHES: switches})
    except ValidationError as error:
        raise refused(error, resource.query) from error


def read_body(
    resource: Resource,
    request: Request,
    read: BodyReader,
    limit: int = MAX_BODY,
    switches: SwitchLookup = no_names,
) -> BaseModel | None:
    """Return the body as its model; None for an operation that has none, whatever was sent."""
    if resource.request is None:
        return None
    limit = max(limit, resource.most_bytes)
    length = _length(request)
    if length is not None and length > limit:
        raise _too_large(limit)
    _check_type(resource, request, length)
    data = read(request, limit + 1) if length != 0 else b""
    if len(data) > limit:
        raise _too_large(limit)
    if not data:
        raise ProblemError(UNPARSABLE, "A JSON body is needed.")
    return _parsed(resource.request, data, resource.most_values, switches)


def read_stream(request: Request, size: int) -> bytes:
    """Return at most ``size`` bytes of the body, waiting for them as long as it takes."""
    pieces: list[bytes] = []
    stream = request.body_file_raw
    while size > 0:
        piece: bytes = stream.read(size)
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _length(request: Request) -> int | None:
    """Return the length announced; None for a body in chunks, which tells none."""
    text = request.environ.get("CONTENT_LENGTH") or ""
    if not text:
        chunked = request.environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        return None if chunked else 0
    if not _DIGITS.fullmatch(text):
        raise ProblemError(UNPARSABLE, "Content-Length is not a number.")
    return int(text)


def _check_type(resource: Resource, request: Request, length: int | None) -> None:
    given = request.environ.get("CONTENT_TYPE") or ""
    if not given and length == 0:
        return
    media_type, _, parameters = (part.strip().lower() for part in given.partition(";"))
    allowed = body_types(resource)
    charset = parameters.replace(" ", "").replace('"', "")
    encoded = request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity"
    if media_type not in allowed or charset not in ("", "charset=utf-8") or encoded:
        raise ProblemError(
            UNSUPPORTED_TYPE,
            f"The body must be {' or '.join(allowed)}, in UTF-8, not compressed.",
            headers={"Accept": ", ".join(allowed)},
        )


def body_types(resource: Resource) -> tuple[str, ...]:
    """Return the media types that a body may have; PATCH also takes RFC 7396's own."""
    return (JSON, "application/merge-patch+json") if resource.method == "PATCH" else (JSON,)


def _parsed(
    model: type[BaseModel], data: bytes, most_values: int, switches: SwitchLookup
) -> BaseModel:
    # All of thousands of values is new: to look for garbage among them is in vain.
    with collection_paused():
        return _validated(model, data, most_values, switches)


def _validated(
    model: type[BaseModel], data: bytes, most_values: int, switches: SwitchLookup
) -> BaseModel:
    try:
        check_json(data, most_values)
    except InvalidInput as error:
        raise invalid([(error.loc, error.msg)], UNPARSABLE) from error
    try:
        return model.model_validate_json(data, context={SWITCHES: switches})
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors()):
            raise ProblemError(UNPARSABLE, "The body is not JSON.") from error
        raise refused(error, model) from error


def _too_large(limit: int) -> ProblemError:
    # What remains of the body is not worth reading: the connection ends with the answer.
    return ProblemError(TOO_LARGE, f"At most {limit} bytes.", headers={"Connection": "close"})
