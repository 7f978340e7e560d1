"""Where a controller is and who asks it: what each carrier sends for a request, and understands.

Pure but for certificates that are read; the carriers (:mod:`horizon_client.client`,
:mod:`horizon_client.async_client`) bring the bytes to and fro.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from horizon_client.api_request import ApiRequest, Snapshot
from horizon_client.errors import (
    CannotBeSent,
    NoAnswer,
    NotAController,
    RequestRefused,
    SentElsewhere,
    WrongConnection,
    refusal,
)

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_SECONDS = 30.0
CURSOR = "Horizon-Cursor"
"""The header with the number of the last event that an answer includes."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a token is of (RFC 6750, section 2.1)."""
SUBPROTOCOL = "horizon.events.v1"
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one event: that of a switch with hundreds of ports is a hundred thousand."""
_LONGEST_TARGET = 60_000
"""Characters of a path and a query: a controller takes an eighth of it, httpx little more."""
_USER = re.compile(r"//[^/?#]*@")
_TRY_AGAIN = (429, 502, 503)
"""Where there is no room now, or a proxy has nobody behind it, there may be soon."""
_PAGE = "text/html"
"""The media type of no answer of the API."""
_T = TypeVar("_T")


def tls_context(
    ca_file: str | None = None, certificate: str | None = None, key: str | None = None
) -> ssl.SSLContext:
    """Return how a controller behind TLS is verified, and who this client says it is.

    ``ca_file`` has the authorities to trust, in PEM, beside nobody else; without it, those of the
    system. ``certificate`` and ``key`` are files of the client's own, for a proxy that wants one;
    ``key`` may be in the same file. OSError or ssl.SSLError if one is no good.
    """
    made = ssl.create_default_context(cafile=ca_file)
    if certificate is not None:
        made.load_cert_chain(certificate, key)
    return made


@dataclass(frozen=True, slots=True)
class ControllerConnection:
    """A controller's root ``url``, the ``token`` for it, and how its certificate is verified.

    ``seconds`` is how long an answer may take unless a request says otherwise. WrongConnection for
    what is no URL of HTTP, or can be no token.
    """

    url: str = DEFAULT_URL
    token: str | None = None
    seconds: float = DEFAULT_SECONDS
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/"))
        if not _is_http(self.url):
            raise WrongConnection("url", f"{self.place!r} is no URL, as {DEFAULT_URL}")
        if self.token and not _TOKEN.fullmatch(self.token):
            raise WrongConnection("token", "a token is of letters, digits and ._~+/=-")

    @classmethod
    def from_environment(cls) -> ControllerConnection:
        """Return what HORIZON_URL, HORIZON_TOKEN and HORIZON_CA_FILE say."""
        ca_file = os.environ.get("HORIZON_CA_FILE")
        return cls(
            url=os.environ.get("HORIZON_URL", DEFAULT_URL),
            token=os.environ.get("HORIZON_TOKEN"),
            tls=tls_context(ca_file) if ca_file else None,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def place(self) -> str:
        """The URL as it is told: without a name and password before its host."""
        return _USER.sub("//", self.url)

    def address_of(self, request: ApiRequest[Any]) -> tuple[str, str]:
        """Return method and URL of a request."""
        return request.method, self.url + request.path

    def options_of(self, request: ApiRequest[Any]) -> dict[str, Any]:
        """Return the rest of a request as httpx takes it; CannotBeSent."""
        if len(request.path) + len(urlencode(request.query, errors="replace")) > _LONGEST_TARGET:
            raise CannotBeSent("this cannot be sent: it is too long for a URL")
        headers = {**self.headers, "Accept": request.accept, "Accept-Encoding": "gzip"}
        content = None
        if request.body is not None:
            content = _written(request.body)
            headers["Content-Type"] = "application/json"
        seconds = self.seconds if request.seconds is None else request.seconds
        return {
            "params": dict(request.query),
            "content": content,
            "headers": headers,
            "timeout": seconds,
        }

    @property
    def carrier_options(self) -> dict[str, Any]:
        """What a client of httpx is made with.

        A proxy that the environment names is asked for a controller elsewhere only: it would look
        for one on this machine on its own.
        """
        import httpx

        verify: ssl.SSLContext | bool = True if self.tls is None else self.tls
        if not self._is_here:
            return {"verify": verify}
        if self.tls is None and self.url.startswith("https:"):
            # The authorities that the environment names count all the same.
            verify = httpx.create_ssl_context()
        return {"verify": verify, "trust_env": False}

    @property
    def _is_here(self) -> bool:
        """Whether the controller is on this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    def events_url(self, query: Mapping[str, str]) -> str:
        """Return the URL of the WebSocket of events."""
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return parts._replace(
            scheme=scheme, path=f"{parts.path}/v1/events", query=urlencode(query)
        ).geturl()

    @property
    def stream_options(self) -> dict[str, Any]:
        """What a WebSocket of events is opened with."""
        return {
            "additional_headers": self.headers,
            "subprotocols": [SUBPROTOCOL],
            "compression": None,
            "open_timeout": self.seconds,
            "max_size": MAX_MESSAGE,
            "ssl": self.tls if self.url.startswith("https:") else None,
            **({"proxy": None} if self._is_here else {}),
        }

    def understood(
        self, request: ApiRequest[_T], status: int, headers: Mapping[str, str], data: bytes
    ) -> Snapshot[_T]:
        """Return what an answer tells; RequestRefused, or NotAController if it is another's.

        A request is not carried on to where a redirection points: the token is for this address.
        """
        if status >= 400:
            raise refusal(status, data)
        if status >= 300:
            raise SentElsewhere(self.place, headers.get("Location", ""))
        if headers.get("Content-Type", "").startswith(_PAGE):
            # A portal, or a proxy, that has its own for every path.
            raise NotAController(self.place)
        try:
            return Snapshot(request.read(data), headers.get(CURSOR))
        except (ValueError, RecursionError) as error:
            raise NotAController(self.place) from error

    def too_slow(self, seconds: float) -> NoAnswer:
        """Return the error that an answer did not come whole in time."""
        return self.unreachable(TimeoutError(f"it is not whole after {seconds:g} s"))

    def unreachable(self, error: Exception) -> NoAnswer:
        """Return the error that nobody answers."""
        reason = str(error) or type(error).__name__
        return NoAnswer(f"no answer from {self.place}{self._by_proxy()}: {reason}")

    def _by_proxy(self) -> str:
        """Tell which proxy of the environment is asked, if one is."""
        parts = urlsplit(self.url)
        named = getproxies()
        proxy = named.get(parts.scheme) or named.get("all")
        if not proxy or self._is_here or proxy_bypass(parts.hostname or ""):
            return ""
        # Before the @ there may be a password.
        where = proxy.rpartition("@")[2]
        return f" by the proxy {where}, which the environment names (NO_PROXY leaves it out)"

    def refused_stream(self, answer: Any) -> RequestRefused | NoAnswer | SentElsewhere:
        """Return what an answer other than a WebSocket says; NoAnswer if it may get better."""
        if 300 <= answer.status_code < 400:
            return SentElsewhere(self.place, answer.headers.get("Location", ""))
        found = refusal(answer.status_code, answer.body or b"")
        return self.unreachable(found) if answer.status_code in _TRY_AGAIN else found


def connection_of(
    given: ControllerConnection | str, token: str | None, **more: Any
) -> ControllerConnection:
    """Return the connection that a client is told of: one, or its URL and the rest."""
    return (
        given
        if isinstance(given, ControllerConnection)
        else ControllerConnection(given, token, **more)
    )


def _written(body: Any) -> bytes:
    """Return a body as JSON; of a model what was given, as it is called in JSON."""
    if hasattr(body, "model_dump_json"):
        return bytes(body.model_dump_json(by_alias=True, exclude_unset=True).encode())
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CannotBeSent(f"this cannot be sent: {error}") from error


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        is_root = not parts.query and not parts.fragment and url[-1:] not in ("?", "#")
        is_host = bool(parts.hostname) and parts.port != 0
        return parts.scheme in ("http", "https") and is_host and is_root
    except ValueError:
        return False
