"""The REST API as the command line uses it: one request, one answer, errors a person can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from horizon_ryu.cli.resource_path import ResourcePath, resource_path
from horizon_ryu.cli.terminal import printable

TIMEOUT_SECONDS = 30.0
XML = "application/xml"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a token is of (RFC 6750, section 2.1)."""


class Failed(click.ClickException):
    """The request did not succeed; the lines say why and what to do next. Exit status 1."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(map(printable, lines)))


class NoAnswer(Failed):
    """Nobody answered: the controller is not there, or not there now."""


class _Document(dict[str, Any]):
    """A document of the controller at ``url``; what it lacks shows that it is somebody else's."""

    def __init__(self, url: str, found: dict[str, Any]) -> None:
        super().__init__(found)
        self._url = url

    def __missing__(self, name: str) -> Any:
        raise _not_ours(self._url)


def _not_ours(url: str) -> Failed:
    return Failed(
        f"what answers at {url} is no Horizon controller, or another version",
        "Name the REST port of one with --url.",
    )


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Client:
    """Speaks to one controller."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._token = url.rstrip("/"), token
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _check(self) -> None:
        """Raise BadParameter for what is no URL of HTTP, or can be no token."""
        if not _is_http(self._url):
            text = f"{self._url!r} is no URL, as http://127.0.0.1:8080"
            raise click.BadParameter(text, param_hint="--url")
        if self._token and not _TOKEN.fullmatch(self._token):
            text = "a token is of letters, digits and ._~+/=-"
            raise click.BadParameter(text, param_hint="--token")

    def get(self, path: ResourcePath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> Any:
        """Return the JSON answer to a GET; parameters that are None are left out."""
        return self._document(self._send("GET", path, query, seconds=seconds))

    def get_xml(self, path: ResourcePath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> str:
        """Return the XML answer to a GET."""
        return str(self._send("GET", path, query, accept=XML, seconds=seconds).text)

    def get_text(self, path: ResourcePath, **query: Any) -> str:
        """Return the answer to a GET in the form that ``query`` asks for."""
        return str(self._send("GET", path, query, accept="*/*").text)

    def post(
        self, path: ResourcePath, body: Any, seconds: float = TIMEOUT_SECONDS, **query: Any
    ) -> Any:
        """Return the JSON answer to a POST; parameters that are None are left out."""
        return self._document(self._send("POST", path, query, body, seconds=seconds))

    def post_for_xml(self, path: ResourcePath, body: Any, seconds: float = TIMEOUT_SECONDS) -> str:
        """Return the XML answer to a POST."""
        return str(self._send("POST", path, {}, body, XML, seconds).text)

    def patch(
        self, path: ResourcePath, body: Any, seconds: float = TIMEOUT_SECONDS, **query: Any
    ) -> Any:
        """Return the JSON answer to a PATCH; parameters that are None are left out."""
        return self._document(self._send("PATCH", path, query, body, seconds=seconds))

    def put(self, path: ResourcePath, body: Any, **query: Any) -> Any:
        """Return the JSON answer to a PUT; parameters that are None are left out."""
        return self._document(self._send("PUT", path, query, body))

    def delete(self, path: ResourcePath, seconds: float = TIMEOUT_SECONDS, **query: Any) -> None:
        """Delete a resource; parameters that are None are left out."""
        self._send("DELETE", path, query, seconds=seconds)

    def events(self, since: int | None, kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """Yield events as they happen, until the controller ends."""
        import websocket

        self._check()
        parts = urlsplit(self._url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        query = urlencode(
            [("since", since)] * (since is not None) + [("kinds", ",".join(kinds))] * bool(kinds)
        )
        path = resource_path("v1", "events")
        url = f"{scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")
        try:
            socket = websocket.create_connection(url, TIMEOUT_SECONDS, header=self._headers)
        except websocket.WebSocketBadStatusException as error:
            raise Failed(*_explain(error.status_code, error.resp_body)) from error
        except (OSError, websocket.WebSocketException) as error:
            raise self._unreachable(error) from error
        socket.settimeout(None)
        try:
            while text := socket.recv():
                yield json.loads(text)
        except websocket.WebSocketConnectionClosedException:
            return
        except (OSError, ValueError, websocket.WebSocketException) as error:
            raise self._unreachable(error) from error
        finally:
            socket.close()

    def _send(
        self,
        method: str,
        path: ResourcePath,
        query: dict[str, Any],
        body: Any = None,
        accept: str = "",
        seconds: float = TIMEOUT_SECONDS,
    ) -> Any:
        import httpx

        self._check()
        try:
            answer = httpx.request(
                method,
                self._url + path,
                params={name: value for name, value in query.items() if value is not None},
                json=body,
                headers={**self._headers, "Accept": accept or "application/json"},
                timeout=seconds,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error
        except ValueError as error:
            # A number or a character that no request can carry.
            raise Failed(f"this cannot be sent: {error}") from error
        if answer.is_error:
            raise Failed(*_explain(answer.status_code, answer.content))
        return answer

    def _document(self, answer: Any) -> _Document:
        """Return an answer's JSON object; Failed if it is none: somebody else serves there."""
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _not_ours(self._url)
        return _Document(self._url, found)

    def _unreachable(self, error: Exception) -> NoAnswer:
        return NoAnswer(
            f"no answer from {self._url}: {error}",
            "Is the controller running? Start it with 'make run', or name another with --url.",
        )


def _explain(status: int, body: bytes | None) -> list[str]:
    """Return what a problem document says, with the fields at fault, and what to do."""
    try:
        problem = json.loads(body or b"")
    except (ValueError, RecursionError):
        return [f"the controller answered {status} without saying why"]
    if not isinstance(problem, dict):
        return [f"the controller answered {status}"]
    title, detail = problem.get("title", status), problem.get("detail", "")
    lines = [f"{title}: {detail}".rstrip(": ")]
    faults = [
        f"{'.'.join(map(str, error.get('loc', ())))}: {error.get('msg')}"
        for error in problem.get("errors", ())
    ]
    lines += [f"  {fault}" for fault in faults if fault not in lines[0]]
    if status in (401, 403) and not problem.get("host"):
        lines.append("Give a token of the right role with --token or HORIZON_TOKEN.")
    if status == 424 and problem.get("host"):
        lines.append("'horizonctl xen hosts' tells how the host is.")
    return lines
