"""Bounds of an exchange: how long all of it may take, and how much an answer may be.

What httpx times is each piece, and it takes any number of them: fields that come a byte at a time,
interim answers (RFC 9110, section 15.2) without an end, a body that fills the memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import local
from typing import Any

from horizon_client.errors import EndlessAnswer, NotAController

MAX_ANSWER = 256 * 1024 * 1024
"""Bytes of a body, unpacked; the ports of a thousand large switches are a tenth of it."""
ENCODINGS = ("", "identity", "gzip")
"""How a body may be packed: by gzip, at most a thousandfold, and once only."""


class ExchangeTooLong(TimeoutError):
    """The exchange had its time, and the answer is not whole."""


class ExchangeDeadlines(local):
    """Until when each thread's exchange may last, whatever its connection was made for.

    A request gets :meth:`watch` as httpcore's extension ``trace``.
    """

    _seconds = 0.0
    _until: float | None = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Have what this thread sends and reads meanwhile raise ExchangeTooLong then."""
        self._seconds, self._until = seconds, time.monotonic() + seconds
        try:
            yield
        finally:
            self._until = None

    def watch(self, event: str, told: Mapping[str, Any]) -> None:
        """Have a connection that was made heed the deadlines, each time that it is used."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            stream = told["return_value"]
            for name in ("read", "write"):
                setattr(stream, name, partial(self._carry, getattr(stream, name)))

    def _carry(self, carry: Callable[..., Any], what: Any, timeout: float | None = None) -> Any:
        import httpcore

        try:
            return carry(what, self._left(timeout))
        except httpcore.TimeoutException:
            self._left(timeout)
            raise

    def _left(self, seconds: float | None) -> float | None:
        """Return how long a piece may take, of ``seconds``; ExchangeTooLong."""
        if self._until is None:
            return seconds
        left = self._until - time.monotonic()
        if left <= 0.0:
            raise ExchangeTooLong(f"it is not whole after {self._seconds:g} s")
        return left if seconds is None else min(left, seconds)


class AnswerBody:
    """The body of an answer from ``url``, piece by piece; NotAController if it is none of ours."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        if headers.get("Content-Encoding", "").strip().lower() not in ENCODINGS:
            raise NotAController(url)
        self._url = url
        self._pieces: list[bytes] = []
        self._size = 0

    def take(self, piece: bytes) -> None:
        """Add what came; EndlessAnswer if that is too much."""
        self._size += len(piece)
        if self._size > MAX_ANSWER:
            raise EndlessAnswer(self._url, MAX_ANSWER)
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return all that came."""
        return b"".join(self._pieces)
