"""Requests of ``horizonctl`` that are answered in this process, without a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from horizon_client import Client


@dataclass(frozen=True)
class InMemoryCarrier:
    """Stands for a client of httpx: nothing is verified, and no proxy is asked."""

    request: Callable[..., Any]

    @contextmanager
    def stream(self, method: str, url: str, **options: Any) -> Iterator[Any]:
        """Have an answer."""
        options.pop("extensions", None)
        yield self.request(method, url, **options)


def answered_by(patch: pytest.MonkeyPatch, request: Callable[..., Any]) -> None:
    """Have ``request`` answer whatever clients ask."""

    @contextmanager
    def carrier(_client: Client) -> Iterator[InMemoryCarrier]:
        yield InMemoryCarrier(request)

    patch.setattr(Client, "_carrier", carrier)
