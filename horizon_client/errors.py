"""Errors of a client: what a controller refuses, as its problem document says, or no answer.

Every error is a :class:`ClientError`; what a controller refuses is a
:class:`RequestRefused`, by the status of its answer (RFC 9457).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class ClientError(Exception):
    """What a request of this library ends with when it does not succeed."""


class WrongConnection(ClientError, ValueError):
    """The address of a controller, or the token for it, can be none; ``field`` says which."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class UnusableName(ClientError, ValueError):
    """A name that no path can carry: nothing has it."""


class CannotBeSent(ClientError, ValueError):
    """A request with a number or a character that no request can carry."""


class NoAnswer(ClientError):
    """Nobody answered: the controller is not there, not there now, or takes too long."""


class NotAController(ClientError):
    """What answers is no Horizon controller, or one of another version; ``url`` is where."""

    def __init__(self, url: str) -> None:
        super().__init__(f"what answers at {url} is no Horizon controller, or another version")
        self.url = url


class SentElsewhere(NotAController):
    """What answers sends on to ``location``, as proxies do from HTTP to HTTPS; nothing was done."""

    def __init__(self, url: str, location: str) -> None:
        super().__init__(url)
        self.location = location
        where = f" to {location}" if location else " elsewhere"
        self.args = (f"what answers at {url} is no Horizon controller: it sends on{where}",)


class EndlessAnswer(NotAController):
    """What answers tells more than any controller does: over ``most`` bytes."""

    def __init__(self, url: str, most: int) -> None:
        super().__init__(url)
        self.args = (f"{self}: it answers with more than {most >> 20} MB",)


@dataclass(frozen=True, slots=True)
class FaultyField:
    """A field of a request that was refused: the path to it, and the reason."""

    loc: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{'.'.join(self.loc)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ProblemTold:
    """A problem document (RFC 9457), with the fields, the switch or the host at fault.

    ``type`` is its kind as ``/v1/openapi.json`` names it, as ``NotFound``; empty if none is told.
    """

    status: int
    title: str = ""
    detail: str = ""
    type: str = ""
    errors: tuple[FaultyField, ...] = ()
    switch: str | None = None
    host: str | None = None

    @classmethod
    def read(cls, status: int, body: bytes) -> ProblemTold:
        """Return what an answer of that status says; never raises, whatever the bytes are."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, Mapping):
            return cls(status)
        return cls(
            status=status,
            title=_text(found.get("title")),
            detail=_text(found.get("detail")),
            type=_text(found.get("type")).rpartition("/")[2],
            errors=tuple(_faulty_fields(found.get("errors"))),
            switch=_text(found.get("switch")) or None,
            host=_text(found.get("host")) or None,
        )

    @property
    def is_told(self) -> bool:
        """Whether the answer said what the problem is."""
        return bool(self.title or self.detail)

    def __str__(self) -> str:
        """Return it in one line for people: the title, and what it is about."""
        if not self.is_told:
            return f"the controller answered {self.status} without saying why"
        first = f"{self.title or self.status}: {self.detail}".rstrip(": ")
        told = [str(fault) for fault in self.errors if str(fault) not in first]
        return "; ".join([first, *told])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _faulty_fields(value: Any) -> Iterator[FaultyField]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            loc = item.get("loc")
            path = tuple(map(str, loc)) if isinstance(loc, list) else ()
            yield FaultyField(path, str(item.get("msg", "")))


class RequestRefused(ClientError):
    """The controller refused, or failed; ``problem`` says why."""

    def __init__(self, problem: ProblemTold) -> None:
        super().__init__(str(problem))
        self.problem = problem


class InputRefused(RequestRefused):
    """Something in the request is wrong (400, 422): ``problem.errors`` name the fields."""


class AccessRefused(RequestRefused):
    """A token is needed, or one of another role (401, 403); or the host forbids it."""


class NothingThere(RequestRefused):
    """There is no such thing (404)."""


class StateConflict(RequestRefused):
    """As things are, it cannot be done (409)."""


class DependencyAway(RequestRefused):
    """A switch or host that it needs is away, refused, or did not answer in time (424, 504)."""


class TooMuch(RequestRefused):
    """A limit was reached (413, 429)."""


class ControllerTrouble(RequestRefused):
    """The controller, its store or its slicer is in trouble (5xx)."""


_BY_STATUS: Mapping[int, type[RequestRefused]] = {
    400: InputRefused,
    401: AccessRefused,
    403: AccessRefused,
    404: NothingThere,
    409: StateConflict,
    413: TooMuch,
    422: InputRefused,
    424: DependencyAway,
    429: TooMuch,
    504: DependencyAway,
}


def refusal(status: int, body: bytes) -> RequestRefused:
    """Return the error that an answer of 4xx or 5xx is."""
    kind = _BY_STATUS.get(status, ControllerTrouble if status >= 500 else RequestRefused)
    return kind(ProblemTold.read(status, body))
