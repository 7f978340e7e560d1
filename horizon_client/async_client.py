"""The client for asyncio: carries the same requests as :class:`horizon_client.client.Client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from horizon_client import controller
from horizon_client.api_request import ApiRequest, Snapshot
from horizon_client.connection import DEFAULT_URL, ControllerConnection, connection_of
from horizon_client.errors import CannotBeSent, NoAnswer
from horizon_client.event_stream import PATIENCE, EventPosition, HorizonEvent
from horizon_client.exchange_bounds import AnswerBody

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

_T = TypeVar("_T")


class AsyncClient:
    """Speaks to one controller from one event loop, within ``async with``.

    Arguments and errors are those of :class:`horizon_client.client.Client`.
    """

    def __init__(
        self,
        connection: ControllerConnection | str = DEFAULT_URL,
        token: str | None = None,
        **more: Any,
    ) -> None:
        """WrongConnection for what is no URL of HTTP, or can be no token."""
        self.connection = connection_of(connection, token, **more)
        self._kept: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        """Keep connections from now on; NoAnswer if the proxy for them is of no use."""
        import httpx

        try:
            self._kept = httpx.AsyncClient(**self.connection.carrier_options)
        except (ImportError, ValueError, OSError) as error:
            # Of a proxy, of a kind that is not there, or authorities that the environment names.
            raise self.connection.unreachable(error) from error
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close them."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.aclose()

    async def ask(self, request: ApiRequest[_T]) -> _T:
        """Return the answer to ``request``; any ClientError says why there is none."""
        return (await self.tell(request)).value

    async def tell(self, request: ApiRequest[_T]) -> Snapshot[_T]:
        """Return the answer and the cursor of the last event that it includes; errors as above."""
        import httpx

        if self._kept is None:
            raise RuntimeError("an AsyncClient asks within 'async with'")
        method, url = self.connection.address_of(request)
        options = self.connection.options_of(request)
        seconds = options["timeout"]
        try:
            # What httpx times is each piece of an answer.
            async with asyncio.timeout(2 * seconds):
                async with self._kept.stream(method, url, **options) as answer:
                    body = AnswerBody(self.connection.place, answer.headers)
                    async for piece in answer.aiter_bytes():
                        body.take(piece)
        except TimeoutError as error:
            raise self.connection.too_slow(2 * seconds) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.connection.unreachable(error) from error
        except ValueError as error:
            raise CannotBeSent(f"this cannot be sent: {error}") from error
        data = body.whole()
        return self.connection.understood(request, answer.status_code, answer.headers, data)

    async def events(
        self,
        since: str | int | None = None,
        kinds: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> AsyncIterator[HorizonEvent]:
        """Yield events for ever, each once; a lost connection is made again and resumed.

        As :meth:`horizon_client.client.Client.events`, errors too.
        """
        position = EventPosition(self.connection.place, since, kinds, patience)
        clock = asyncio.get_running_loop().time
        while True:
            try:
                if position.needs_cursor:
                    position.begin_at((await self.tell(controller.root())).cursor)
                async with self._connected(position) as socket:
                    position.connected()
                    async for text in socket:
                        event = position.take(text)
                        if event is not None:
                            yield event
                error = NoAnswer(f"the controller at {self.connection.place} ended the stream")
            except NoAnswer as lost:
                error = lost
            await asyncio.sleep(position.pause(clock(), error))

    @asynccontextmanager
    async def _connected(self, position: EventPosition) -> AsyncIterator[ClientConnection]:
        """Have the WebSocket of events open; NoAnswer when it is lost, RequestRefused."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, WebSocketException

        url = self.connection.events_url(position.query)
        try:
            async with connect(
                url, create_connection=self._direct(), **self.connection.stream_options
            ) as socket:
                yield socket
        except (OSError, ConnectionClosed, WebSocketException, ImportError) as error:
            raise self.connection.unreachable(error) from error

    def _direct(self) -> type[ClientConnection]:
        """Return what opens a stream, and is carried on to where no redirection points."""
        from websockets.asyncio.client import ClientConnection
        from websockets.exceptions import InvalidStatus

        refused = self.connection.refused_stream

        class DirectAsyncConnection(ClientConnection):
            async def handshake(self, *words: Any, **more: Any) -> None:
                try:
                    await super().handshake(*words, **more)
                except InvalidStatus as error:
                    raise refused(error.response) from error

        return DirectAsyncConnection
