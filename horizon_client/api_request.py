"""A request of the REST API as a value: what is sent, and how its answer is read.

The modules of this package make them (``flows.read("5f3a9c01")``); whoever carries one returns what
``read`` makes of the answer. :func:`api_request` makes one for what no module has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from horizon_client.api_path import ApiPath

if TYPE_CHECKING:
    from pydantic import BaseModel

    SomeModel = TypeVar("SomeModel", bound=BaseModel)

JSON, XML = "application/json", "application/xml"
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
Body = Any
"""JSON of dicts and lists, or a model of pydantic."""


@dataclass(frozen=True, slots=True)
class ApiRequest(Generic[_T_co]):
    """One request; ``seconds`` is how long its answer may take, None: as long as the client says.

    ``read`` raises ValueError for what is no answer to it.
    """

    method: str
    path: ApiPath
    read: Callable[[bytes], _T_co]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body = None
    accept: str = JSON
    seconds: float | None = None

    def within(self, seconds: float) -> ApiRequest[_T_co]:
        """Return the same request, whose answer may take so long."""
        return replace(self, seconds=seconds)

    def as_xml(self) -> ApiRequest[str]:
        """Return the same request for the report's XML, where it has one."""
        return ApiRequest(self.method, self.path, as_text, self.query, self.body, XML, self.seconds)

    def as_document(self) -> ApiRequest[dict[str, Any]]:
        """Return the same request for the JSON object as it came, checked by nobody."""
        return ApiRequest(
            self.method, self.path, as_document, self.query, self.body, JSON, self.seconds
        )


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[_T_co]):
    """An answer with the place of its last event: ``events(since=told.cursor)`` goes on from it.

    ``cursor`` is None where the controller tells none.
    """

    value: _T_co
    cursor: str | None


def api_request(
    method: str,
    path: ApiPath,
    read: Callable[[bytes], _T],
    body: Body = None,
    *,
    accept: str = JSON,
    seconds: float | None = None,
    **query: object,
) -> ApiRequest[_T]:
    """Return a request; parameters of ``query`` that are None are left out, True is 1."""
    given = {name: _written(value) for name, value in query.items() if value is not None}
    return ApiRequest(method, path, read, given, body, accept, seconds)


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


# ---- how answers are read


def as_model(model: type[SomeModel]) -> Callable[[bytes], SomeModel]:
    """Return what reads an answer as ``model``; what a newer controller tells beside is left."""

    def read(data: bytes) -> SomeModel:
        return model.model_validate_json(data, extra="ignore")

    return read


def as_document(data: bytes) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    try:
        found = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def as_text(data: bytes) -> str:
    """Return an answer as text."""
    return data.decode("utf-8")


def as_nothing(data: bytes) -> None:
    """Check that an answer is empty, or JSON: that it came is all it says."""
    if data:
        json.loads(data)
