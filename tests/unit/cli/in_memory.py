"""Requests of ``horizonctl`` that are answered in this process, without a connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def carried(request: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands for ``httpx.request``: nothing is verified, and no proxy is asked."""

    def ask(method: str, url: str, **options: Any) -> Any:
        for name in ("verify", "trust_env"):
            options.pop(name, None)
        return request(method, url, **options)

    return ask
