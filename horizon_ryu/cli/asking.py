"""The controller as commands ask it: the client library, with errors that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import click

from horizon_client import (
    AccessRefused,
    ApiRequest,
    CannotBeSent,
    Client,
    ControllerConnection,
    NoAnswer,
    NotAController,
    RequestRefused,
    SentElsewhere,
    WrongConnection,
    tls_context,
)
from horizon_client.api_path import ApiPath
from horizon_client.api_request import XML, api_request, as_document, as_nothing, as_text
from horizon_client.connection import DEFAULT_SECONDS as TIMEOUT_SECONDS
from horizon_ryu.cli.terminal import printable

_T = TypeVar("_T")


class Failed(click.ClickException):
    """The request did not succeed; the lines say why and what to do next. Exit status 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(map(printable, lines)))


class NobodyThere(Failed):
    """Nobody answered: the controller is not there, or not there now."""


class _Document(dict[str, Any]):
    """A document of the controller at ``url``; what it lacks shows that it is somebody else's."""

    def __init__(self, url: str, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._url = url

    def __missing__(self, name: str) -> Any:
        raise _not_ours(NotAController(self._url))


class ControllerAsker:
    """Asks one controller, which nobody looks for before the first question."""

    def __init__(self, url: str, token: str | None, ca_file: str | None = None) -> None:
        self._url, self._token, self._ca_file = url, token, ca_file

    @cached_property
    def _client(self) -> Client:
        """The client; BadParameter for what is no URL of HTTP, no token, or no certificate."""
        try:
            tls = tls_context(self._ca_file) if self._ca_file else None
            return Client(ControllerConnection(self._url, self._token, tls=tls))
        except WrongConnection as error:
            raise click.BadParameter(str(error), param_hint=f"--{error.field}") from error
        except OSError as error:
            text = f"{self._ca_file}: {error.strerror or 'no certificates in PEM'}"
            raise click.BadParameter(text, param_hint="--ca-file") from error

    def ask(self, request: ApiRequest[_T]) -> _T:
        """Return the answer to a request of the library; Failed."""
        with _in_words():
            return self._client.ask(request)

    def get(self, path: ApiPath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> Any:
        """Return the JSON answer to a GET; parameters that are None are left out."""
        return self._document("GET", path, None, seconds, query)

    def get_xml(self, path: ApiPath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> str:
        """Return the XML answer to a GET."""
        return self.ask(api_request("GET", path, as_text, accept=XML, seconds=seconds, **query))

    def get_text(self, path: ApiPath, **query: Any) -> str:
        """Return the answer to a GET in the form that ``query`` asks for."""
        return self.ask(api_request("GET", path, as_text, accept="*/*", **query))

    def post(self, path: ApiPath, body: Any, seconds: float = TIMEOUT_SECONDS, **query: Any) -> Any:
        """Return the JSON answer to a POST; parameters that are None are left out."""
        return self._document("POST", path, body, seconds, query)

    def post_for_xml(self, path: ApiPath, body: Any, seconds: float = TIMEOUT_SECONDS) -> str:
        """Return the XML answer to a POST."""
        return self.ask(api_request("POST", path, as_text, body, accept=XML, seconds=seconds))

    def patch(
        self, path: ApiPath, body: Any, seconds: float = TIMEOUT_SECONDS, **query: Any
    ) -> Any:
        """Return the JSON answer to a PATCH; parameters that are None are left out."""
        return self._document("PATCH", path, body, seconds, query)

    def put(self, path: ApiPath, body: Any, **query: Any) -> Any:
        """Return the JSON answer to a PUT; parameters that are None are left out."""
        return self._document("PUT", path, body, TIMEOUT_SECONDS, query)

    def delete(self, path: ApiPath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> None:
        """Delete a resource; parameters that are None are left out."""
        self.ask(api_request("DELETE", path, as_nothing, seconds=seconds, **query))

    def events(
        self,
        since: str | int | None,
        kinds: tuple[str, ...],
        patience: float = TIMEOUT_SECONDS,
    ) -> Iterator[dict[str, Any]]:
        """Yield events as they happen; a controller that is restarted is waited for."""
        with _in_words():
            for event in self._client.events(since, kinds, patience):
                yield event.document()

    def _document(
        self, method: str, path: ApiPath, body: Any, seconds: float, query: dict[str, Any]
    ) -> _Document:
        request = api_request(method, path, as_document, body, seconds=seconds, **query)
        return _Document(self._client.connection.place, self.ask(request))


@contextmanager
def _in_words() -> Iterator[None]:
    """Have what the library raises told in words; Failed."""
    try:
        yield
    except RequestRefused as error:
        raise Failed(*_explain(error)) from error
    except NotAController as error:
        raise _not_ours(error) from error
    except NoAnswer as error:
        raise NobodyThere(str(error), _next_step(str(error))) from error
    except CannotBeSent as error:
        raise Failed(str(error)) from error


_START = "Is the controller running? Start it with 'make run', or name another with --url."
_NEXT = (
    ("CERTIFICATE_VERIFY_FAILED", "Name the authority of its certificate with --ca-file."),
    ("[SSL", "A controller speaks plain HTTP, a proxy before it TLS: is it http:// in --url?"),
    ("illegal", "Name the REST port of a controller with --url, not its OpenFlow port."),
    ("disconnected", "Name the REST port of a controller with --url, not its OpenFlow port."),
    (
        "not whole",
        "Is a controller there? 'horizonctl health' asks it; --url names another.",
    ),
)
"""What is in the words of a failure, and what to do then."""


def _next_step(words: str) -> str:
    return next((step for mark, step in _NEXT if mark in words), _START)


def _not_ours(error: NotAController) -> Failed:
    if isinstance(error, SentElsewhere):
        return Failed(str(error), "Nothing was done. Name that address with --url.")
    return Failed(str(error), "Name the REST port of one with --url.")


def _explain(error: RequestRefused) -> list[str]:
    """Return what a problem document says, with the fields at fault, and what to do."""
    problem = error.problem
    if not problem.is_told:
        return [str(problem)]
    first = f"{problem.title or problem.status}: {problem.detail}".rstrip(": ")
    faults = [str(fault) for fault in problem.errors]
    lines = [first, *(f"  {fault}" for fault in faults if fault not in first)]
    if isinstance(error, AccessRefused) and problem.host is None:
        lines.append("Give a token of the right role with --token or HORIZON_TOKEN.")
    if problem.status == 424 and problem.host is not None:
        lines.append("'horizonctl xen hosts' tells how the host is.")
    return lines
