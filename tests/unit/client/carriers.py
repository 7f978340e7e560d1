"""Carriers of the client library, as tests ask and follow with each; and who answers slowly."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from itertools import islice
from threading import Thread
from typing import Any

import pytest

from horizon_client import ApiRequest, AsyncClient, Client, HorizonEvent

Ask = Callable[[str, ApiRequest[Any]], Any]
Follow = Callable[..., list[HorizonEvent]]


def ask_kept(url: str, request: ApiRequest[Any]) -> Any:
    with Client(url, "secret") as horizon:
        return horizon.ask(request)


def ask_once(url: str, request: ApiRequest[Any]) -> Any:
    return Client(url, "secret").ask(request)


def ask_async(url: str, request: ApiRequest[Any]) -> Any:
    async def ask() -> Any:
        async with AsyncClient(url, "secret") as horizon:
            return await horizon.ask(request)

    return asyncio.run(ask())


def follow(url: str, count: int, **how: Any) -> list[HorizonEvent]:
    return list(islice(Client(url).events(**how), count))


def follow_async(url: str, count: int, **how: Any) -> list[HorizonEvent]:
    async def gather() -> list[HorizonEvent]:
        found: list[HorizonEvent] = []
        async with AsyncClient(url) as horizon, aclosing(horizon.events(**how)) as events:
            async for one in events:
                found.append(one)
                if len(found) == count:
                    break
        return found

    return asyncio.run(gather())


each_ask = pytest.mark.parametrize("ask", [ask_kept, ask_once, ask_async])
each_follow = pytest.mark.parametrize("follow", [follow, follow_async])


@contextmanager
def trickling(head: bytes, piece: bytes, pause: float = 0.02) -> Iterator[str]:
    """Serve one client: the head of an answer, then pieces for as long as it listens."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError), listener.accept()[0] as link:
            link.recv(1 << 16)
            link.sendall(head)
            while piece:
                time.sleep(pause)
                link.sendall(piece)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread.join(30)
