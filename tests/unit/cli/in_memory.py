"""Requests of ``horizonctl`` that are answered in this process, without a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


def carried(request: Callable[..., Any]) -> Callable[..., AbstractContextManager[Any]]:
    """Return what stands for ``httpx.stream``: nothing is verified, and no proxy is asked."""

    @contextmanager
    def ask(method: str, url: str, **options: Any) -> Iterator[Any]:
        for name in ("verify", "trust_env"):
            options.pop(name, None)
        yield request(method, url, **options)

    return ask
